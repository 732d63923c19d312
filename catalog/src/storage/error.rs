//! Errors of object stores in the words of the error table.

use object_store::Error as StoreError;
use quern_common::{Error, ErrorCode};
use std::fmt;

/// Gives a store's error its code, the location and, where the cause is known, a hint.
pub(crate) fn storage_error(err: StoreError, location: impl fmt::Display) -> Error {
    let code = match &err {
        StoreError::NotFound { .. } => ErrorCode::HiveFileNotFound,
        StoreError::PermissionDenied { source, .. } => {
            if let Some(refusal) = source.downcast_ref::<Error>() {
                return refusal.clone();
            }
            ErrorCode::PermissionDenied
        }
        StoreError::Unauthenticated { .. } => ErrorCode::PermissionDenied,
        _ => ErrorCode::HiveFilesystemError,
    };
    let text = causes(&err);
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
    text
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
