//! Errors of object stores in the words of the error table.

use object_store::Error as StoreError;
use quern_common::{Error, ErrorCode};
use std::fmt;

/// Gives a store's error its code, the location and, where the cause is known, a hint.
pub(crate) fn storage_error(err: StoreError, location: impl fmt::Display) -> Error {
    if let StoreError::PermissionDenied { source, .. } = &err
        && let Some(refusal) = source.downcast_ref::<Error>()
    {
        return refusal.clone();
    }
    let text = causes(&err);
    let code = code(&err, &text);
    let message = match code {
        ErrorCode::HiveFileNotFound => format!("\"{location}\" does not exist: {text}"),
        ErrorCode::PermissionDenied => format!("no access to \"{location}\": {text}"),
        _ => format!("storage failed for \"{location}\": {text}"),
    };
    let error = Error::new(code, message);
    let error = match hint(&text, code) {
        Some(hint) => error.with_hint(hint),
        None => error,
    };
    error.with_source(err)
}

fn code(err: &StoreError, text: &str) -> ErrorCode {
    match err {
        StoreError::NotFound { .. } => ErrorCode::HiveFileNotFound,
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            ErrorCode::PermissionDenied
        }
        // A refused listing comes without a kind of its own.
        _ if text.contains("status code: 403") || text.contains("status code: 401") => {
            ErrorCode::PermissionDenied
        }
        _ => ErrorCode::HiveFilesystemError,
    }
}

/// The error and its causes that it does not already quote.
fn causes(err: &StoreError) -> String {
    let mut text = err.to_string();
    let mut source = std::error::Error::source(err);
    while let Some(cause) = source {
        let part = cause.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        source = cause.source();
    }
    // S3 answers with XML of several lines.
    text.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "").lines().map(str::trim).collect()
}

fn hint(text: &str, code: ErrorCode) -> Option<&'static str> {
    let has = |part: &str| text.contains(part);
    if has("169.254.169.254") || has("metadata endpoint") {
        Some(
            "no S3 credentials were found: set storage.s3.access_key_id and secret_access_key, \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or storage.s3.anonymous",
        )
    } else if has("PermanentRedirect") || has("AuthorizationHeaderMalformed") || has("redirect") {
        Some("the bucket is in another region: set storage.s3.region or AWS_REGION")
    } else if has("SignatureDoesNotMatch") || has("InvalidAccessKeyId") || has("ExpiredToken") {
        Some("the S3 credentials are wrong or have expired")
    } else if has("NoSuchBucket") {
        Some("the bucket does not exist at this endpoint: see storage.s3.endpoint")
    } else if has("dns error") || has("tcp connect") || has("Connection refused") {
        Some("the S3 service is not reachable: see storage.s3.endpoint and storage.s3.path_style")
    } else if code == ErrorCode::PermissionDenied {
        Some("the credentials or the file's owner do not permit this")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_listing_is_a_matter_of_permission_and_fits_one_line() {
        let answer = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\" \
                      encoding=\"UTF-8\"?>\n<Error><Code>InvalidAccessKeyId</Code></Error>";
        let err = StoreError::Generic { store: "S3", source: answer.into() };
        let err = storage_error(err, "s3://lake/t/");
        assert_eq!(err.code(), ErrorCode::PermissionDenied);
        assert_eq!(
            err.message(),
            "no access to \"s3://lake/t/\": Generic S3 error: Server returned non-2xx status code: \
             403 Forbidden:<Error><Code>InvalidAccessKeyId</Code></Error>"
        );
        assert_eq!(err.hint(), Some("the S3 credentials are wrong or have expired"));
    }

    #[test]
    fn an_unreachable_service_is_a_failure_of_storage() {
        let err = StoreError::Generic { store: "S3", source: "tcp connect error".into() };
        let err = storage_error(err, "s3://lake/t/");
        assert_eq!(err.code(), ErrorCode::HiveFilesystemError);
        assert!(err.hint().unwrap().contains("storage.s3.endpoint"));
    }
}
