//! A remote metastore's exceptions in the words of the error table.

use quern_common::{Error, ErrorCode};
use quern_proto::hive_metastore::{ApplicationError, CallError, ExceptionKind};

/// A failure that nothing more is known of.
pub(super) fn of_store(err: CallError) -> Error {
    let message = format!("the remote metastore failed: {err}");
    let code = match &err {
        CallError::Exception(exception) => match exception.kind {
            ExceptionKind::NoSuchObject
            | ExceptionKind::UnknownTable
            | ExceptionKind::UnknownPartition
            | ExceptionKind::NoSuchLock => ErrorCode::NotFound,
            ExceptionKind::UnknownDB => ErrorCode::SchemaNotFound,
            ExceptionKind::AlreadyExists => ErrorCode::AlreadyExists,
            ExceptionKind::InvalidObject
            | ExceptionKind::InvalidOperation
            | ExceptionKind::InvalidInput => ErrorCode::HiveInvalidMetadata,
            ExceptionKind::InvalidPartition => ErrorCode::HiveInvalidPartitionValue,
            ExceptionKind::Meta
            | ExceptionKind::ConfigValSecurity
            | ExceptionKind::NoSuchTxn
            | ExceptionKind::TxnAborted
            | ExceptionKind::TxnOpen => ErrorCode::HiveMetastoreError,
        },
        CallError::Application(error) if error.kind == ApplicationError::UNKNOWN_METHOD => {
            ErrorCode::NotSupported
        }
        CallError::Uri(_) => ErrorCode::ConfigurationInvalid,
        CallError::Application(_) | CallError::Connect(_) | CallError::Broken(_) => {
            ErrorCode::HiveMetastoreError
        }
    };
    Error::new(code, message).with_source(err)
}

pub(super) fn is(err: &CallError, kind: ExceptionKind) -> bool {
    matches!(err, CallError::Exception(exception) if exception.kind == kind)
}

/// Whether the server does not know the method at all.
pub(super) fn is_unknown_method(err: &CallError) -> bool {
    matches!(err, CallError::Application(error) if error.kind == ApplicationError::UNKNOWN_METHOD)
}

/// Whether an exception's message has these words.
pub(super) fn says(err: &CallError, words: &str) -> bool {
    matches!(err, CallError::Exception(exception) if exception.message.contains(words))
}
