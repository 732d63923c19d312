//! How a method ends when it gives no result.

use quern_common::{Error, ErrorCode};
use quern_proto::hive_metastore::{Exception, ExceptionKind, Method, ServiceError};

pub(super) type Answer<T> = Result<T, ServiceError>;

pub(super) fn thrown(kind: ExceptionKind, message: impl Into<String>) -> ServiceError {
    Exception::new(kind, message).into()
}

pub(super) fn meta(message: impl Into<String>) -> ServiceError {
    thrown(ExceptionKind::Meta, message)
}

pub(super) fn no_such_object(message: impl Into<String>) -> ServiceError {
    thrown(ExceptionKind::NoSuchObject, message)
}

pub(super) fn already_exists(message: impl Into<String>) -> ServiceError {
    thrown(ExceptionKind::AlreadyExists, message)
}

pub(super) fn invalid_object(message: impl Into<String>) -> ServiceError {
    thrown(ExceptionKind::InvalidObject, message)
}

pub(super) fn invalid_operation(message: impl Into<String>) -> ServiceError {
    thrown(ExceptionKind::InvalidOperation, message)
}

/// A failure of the store for which Hive has no words of its own.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err takes")]
pub(super) fn from_store(err: Error) -> ServiceError {
    let kind = match err.code() {
        ErrorCode::SchemaNotFound
        | ErrorCode::TableNotFound
        | ErrorCode::NotFound
        | ErrorCode::FunctionNotFound => ExceptionKind::NoSuchObject,
        ErrorCode::SchemaAlreadyExists
        | ErrorCode::TableAlreadyExists
        | ErrorCode::AlreadyExists => ExceptionKind::AlreadyExists,
        ErrorCode::HiveInvalidMetadata
        | ErrorCode::TypeNotFound
        | ErrorCode::DuplicateColumnName => ExceptionKind::InvalidObject,
        ErrorCode::SchemaNotEmpty | ErrorCode::TransactionConflict => {
            ExceptionKind::InvalidOperation
        }
        ErrorCode::HiveMetastoreError | ErrorCode::GenericInternalError => {
            tracing::error!(error = ?err, "the metastore failed");
            ExceptionKind::Meta
        }
        _ => ExceptionKind::Meta,
    };
    thrown(kind, err.to_string())
}

/// Turns an exception that the method does not declare into the general one, if it declares
/// that: a client would see no more than an internal error.
pub(super) fn declared<M: Method>(error: ServiceError) -> ServiceError {
    let throws = |kind| M::THROWS.iter().any(|(_, declared)| *declared == kind);
    match error {
        ServiceError::Exception(exception)
            if !throws(exception.kind) && throws(ExceptionKind::Meta) =>
        {
            meta(exception.message)
        }
        other => other,
    }
}

/// Gives a failure with one of these codes the exception that Hive has for it.
pub(super) fn or_throw<T>(
    result: quern_common::Result<T>,
    codes: &[ErrorCode],
    exception: impl FnOnce() -> ServiceError,
) -> Answer<T> {
    result.map_err(|err| match codes.contains(&err.code()) {
        true => exception(),
        false => from_store(err),
    })
}
