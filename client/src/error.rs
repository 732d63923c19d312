//! What a failed call says: gRPC status to [`Error`] and back to the facts beside it.
//!
//! A Quern server sends, beside status code and message, the metadata keys listed in
//! [`keys`]. A status without them (another server, a proxy, a broken connection) is mapped by
//! its gRPC code alone.

use arrow_flight::error::FlightError;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode};
use quern_proto::flight_sql::keys;
use std::fmt;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// Facts about a failed call that [`Error`] has no place for; it is the error's source.
#[derive(Debug, Clone)]
pub struct RemoteFailure {
    code_name: Option<String>,
    query_id: Option<QueryId>,
    grpc_code: Code,
}

impl RemoteFailure {
    /// Returns the facts that came with `error`, when it came from a call.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref::<Self>()
    }

    /// Returns the code's name as the server sent it, which may be newer than this client.
    pub fn code_name(&self) -> Option<&str> {
        self.code_name.as_deref()
    }

    /// Returns the id of the query that failed.
    pub fn query_id(&self) -> Option<&QueryId> {
        self.query_id.as_ref()
    }

    /// Tells whether there was no server to answer.
    pub fn is_connection_lost(&self) -> bool {
        self.code_name.is_none() && self.grpc_code == Code::Unavailable
    }

    /// Tells whether the server does not know the call.
    pub fn is_unimplemented(&self) -> bool {
        self.grpc_code == Code::Unimplemented
    }
}

impl fmt::Display for RemoteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gRPC status {:?}", self.grpc_code)
    }
}

impl std::error::Error for RemoteFailure {}

/// Returns the name of an error's code, the server's own when this client does not know it.
pub fn code_name(error: &Error) -> &str {
    RemoteFailure::of(error)
        .and_then(RemoteFailure::code_name)
        .unwrap_or_else(|| error.code().name())
}

/// Maps the status of a failed call.
pub(crate) fn from_status(status: &Status) -> Error {
    let metadata = status.metadata();
    let code_name = ascii(metadata, keys::ERROR_CODE);
    let code = code_name
        .as_deref()
        .and_then(|name| name.parse::<ErrorCode>().ok())
        .unwrap_or_else(|| code_of(status.code()));
    let failure = RemoteFailure {
        code_name,
        query_id: ascii(metadata, keys::QUERY_ID).map(QueryId::from),
        grpc_code: status.code(),
    };
    let error = Error::new(code, message(status)).with_source(failure);
    match hint(metadata) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Maps a failure while a result stream is read.
pub(crate) fn from_flight(err: FlightError) -> Error {
    match err {
        FlightError::Tonic(status) => from_status(&status),
        other => malformed(format!("the result stream cannot be read: {other}")),
    }
}

/// An answer that does not follow the protocol.
pub(crate) fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::PageTransportError, message)
}

/// Tells whether the server does not know the call that failed.
pub(crate) fn is_unimplemented(error: &Error) -> bool {
    RemoteFailure::of(error).is_some_and(RemoteFailure::is_unimplemented)
}

/// Reads a metadata value that is visible ASCII.
pub(crate) fn ascii(metadata: &MetadataMap, key: &str) -> Option<String> {
    Some(metadata.get(key)?.to_str().ok()?.to_owned())
}

fn hint(metadata: &MetadataMap) -> Option<String> {
    let binary = metadata.get_bin(keys::ERROR_HINT_BIN).and_then(|value| value.to_bytes().ok());
    match binary {
        Some(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        None => ascii(metadata, keys::ERROR_HINT),
    }
}

fn message(status: &Status) -> String {
    match status.message() {
        "" => format!("the server answered {:?} without a message", status.code()),
        text => text.to_owned(),
    }
}

fn code_of(code: Code) -> ErrorCode {
    match code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            ErrorCode::GenericUserError
        }
        Code::Unauthenticated => ErrorCode::AuthenticationFailed,
        Code::PermissionDenied => ErrorCode::PermissionDenied,
        Code::NotFound => ErrorCode::NotFound,
        Code::AlreadyExists => ErrorCode::AlreadyExists,
        Code::Unimplemented => ErrorCode::NotSupported,
        Code::Cancelled => ErrorCode::UserCanceled,
        Code::DeadlineExceeded => ErrorCode::ExceededTimeLimit,
        Code::ResourceExhausted => ErrorCode::GenericInsufficientResources,
        Code::Unavailable => ErrorCode::RemoteHostGone,
        Code::Aborted => ErrorCode::TransactionConflict,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
            ErrorCode::GenericInternalError
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: Code, pairs: &[(&'static str, &str)]) -> Status {
        let mut metadata = MetadataMap::new();
        for (key, value) in pairs {
            metadata.insert(*key, value.parse().unwrap());
        }
        Status::with_metadata(code, "table \"t\" does not exist", metadata)
    }

    #[test]
    fn metadata_wins_over_the_grpc_code() {
        let error = from_status(&status(
            Code::InvalidArgument,
            &[
                (keys::ERROR_CODE, "TABLE_NOT_FOUND"),
                (keys::QUERY_ID, "q1"),
                (keys::ERROR_HINT, "did you mean \"u\"?"),
            ],
        ));
        assert_eq!(error.code(), ErrorCode::TableNotFound);
        assert_eq!(error.message(), "table \"t\" does not exist");
        assert_eq!(error.hint(), Some("did you mean \"u\"?"));
        assert_eq!(RemoteFailure::of(&error).unwrap().query_id().unwrap().as_str(), "q1");
    }

    #[test]
    fn a_code_of_a_newer_server_keeps_its_name() {
        let error =
            from_status(&status(Code::NotFound, &[(keys::ERROR_CODE, "BRAND_NEW_CONDITION")]));
        assert_eq!(error.code(), ErrorCode::NotFound);
        assert_eq!(code_name(&error), "BRAND_NEW_CONDITION");
    }

    #[test]
    fn every_grpc_code_maps_without_metadata() {
        let expected = [
            (Code::Unauthenticated, ErrorCode::AuthenticationFailed),
            (Code::Unimplemented, ErrorCode::NotSupported),
            (Code::Cancelled, ErrorCode::UserCanceled),
            (Code::DeadlineExceeded, ErrorCode::ExceededTimeLimit),
            (Code::Internal, ErrorCode::GenericInternalError),
            (Code::Unavailable, ErrorCode::RemoteHostGone),
        ];
        for (grpc, code) in expected {
            assert_eq!(from_status(&status(grpc, &[])).code(), code);
        }
    }

    #[test]
    fn only_an_unanswered_call_is_a_lost_connection() {
        let lost = from_status(&status(Code::Unavailable, &[]));
        assert!(RemoteFailure::of(&lost).unwrap().is_connection_lost());
        let starting =
            from_status(&status(Code::Unavailable, &[(keys::ERROR_CODE, "SERVER_STARTING_UP")]));
        assert!(!RemoteFailure::of(&starting).unwrap().is_connection_lost());
    }

    #[test]
    fn a_hint_beyond_ascii_comes_as_bytes() {
        let mut metadata = MetadataMap::new();
        let value = tonic::metadata::MetadataValue::from_bytes("naïve".as_bytes());
        metadata.insert_bin(keys::ERROR_HINT_BIN, value);
        let error = from_status(&Status::with_metadata(Code::Internal, "x", metadata));
        assert_eq!(error.hint(), Some("naïve"));
    }
}
