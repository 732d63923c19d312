//! [`Error`] as gRPC status: the one place where a code is chosen.

use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, ErrorKind};
use quern_proto::flight_sql::keys::{
    ERROR_CODE, ERROR_HINT, ERROR_HINT_BIN, ERROR_NUMBER, QUERY_ID,
};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// Longest message and hint: a reply's headers must fit the 8 KiB that Java clients accept, and
/// gRPC writes a byte beyond ASCII as three.
const MAX_TEXT: usize = 2_000;

/// Maps an error of no known query.
pub(crate) fn to_status(error: &Error) -> Status {
    build(error, None)
}

/// Maps an error of a query.
pub(crate) fn query_status(error: &Error, query_id: &QueryId) -> Status {
    build(error, Some(query_id))
}

fn build(error: &Error, query_id: Option<&QueryId>) -> Status {
    if error.code().kind() == ErrorKind::Internal {
        tracing::error!(code = %error.code(), query_id = query_id.map(QueryId::as_str), "{error}");
    }
    let mut metadata = MetadataMap::new();
    insert(&mut metadata, ERROR_CODE, error.code().name());
    insert(&mut metadata, ERROR_NUMBER, &error.code().number().to_string());
    if let Some(id) = query_id {
        insert(&mut metadata, QUERY_ID, id.as_str());
    }
    if let Some(hint) = error.hint() {
        let hint = shorten(hint);
        if hint.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            insert(&mut metadata, ERROR_HINT, hint);
        } else {
            metadata.insert_bin(ERROR_HINT_BIN, MetadataValue::from_bytes(hint.as_bytes()));
        }
    }
    Status::with_metadata(grpc_code(error.code()), shorten(error.message()), metadata)
}

/// Adds a value of visible ASCII; another one is left out.
pub(crate) fn insert(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        metadata.insert(key, value);
    }
}

fn shorten(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::AuthenticationFailed => Code::Unauthenticated,
        ErrorCode::PermissionDenied => Code::PermissionDenied,
        ErrorCode::NotSupported => Code::Unimplemented,
        ErrorCode::UserCanceled => Code::Cancelled,
        ErrorCode::ExceededTimeLimit => Code::DeadlineExceeded,
        ErrorCode::TransactionConflict => Code::Aborted,
        ErrorCode::QueryRejected => Code::FailedPrecondition,
        ErrorCode::NoNodesAvailable
        | ErrorCode::ServerShuttingDown
        | ErrorCode::ServerStartingUp
        | ErrorCode::HiveMetastoreError
        | ErrorCode::HiveFilesystemError => Code::Unavailable,
        ErrorCode::HiveBadData => Code::DataLoss,
        other => match other.kind() {
            ErrorKind::User => Code::InvalidArgument,
            ErrorKind::Internal => Code::Internal,
            ErrorKind::InsufficientResources => Code::ResourceExhausted,
            ErrorKind::External => Code::FailedPrecondition,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_number_and_hint_travel_beside_the_message() {
        let error = Error::new(ErrorCode::TableNotFound, "table \"ü\" does not exist")
            .with_hint("did you mean \"u\"?");
        let status = query_status(&error, &QueryId::from("q1".to_owned()));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "table \"ü\" does not exist");
        assert_eq!(status.metadata().get(ERROR_CODE).unwrap(), "TABLE_NOT_FOUND");
        assert_eq!(status.metadata().get(ERROR_NUMBER).unwrap(), "46");
        assert_eq!(status.metadata().get(ERROR_HINT).unwrap(), "did you mean \"u\"?");
        assert_eq!(status.metadata().get(QUERY_ID).unwrap(), "q1");
    }

    #[test]
    fn a_hint_beyond_ascii_is_sent_as_bytes() {
        let status = to_status(&Error::internal("x").with_hint("naïve"));
        let bytes = status.metadata().get_bin(ERROR_HINT_BIN).unwrap().to_bytes().unwrap();
        assert_eq!(&bytes[..], "naïve".as_bytes());
        assert!(status.metadata().get(ERROR_HINT).is_none());
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let status = to_status(&Error::internal("é".repeat(5_000)));
        assert_eq!(status.message(), "é".repeat(MAX_TEXT / 2));
    }
}
