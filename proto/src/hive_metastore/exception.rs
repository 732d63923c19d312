//! How a call fails: exceptions that its method declares, and failures of the call itself.

use super::wire::{thrift_exceptions, thrift_struct};
use std::fmt;

thrift_exceptions! {
    /// The exceptions that methods of the metastore declare.
    ExceptionKind {
        /// Anything that has no kind of its own.
        Meta,
        /// No table of this name.
        UnknownTable,
        /// No database of this name.
        UnknownDB,
        /// There is an object of this name.
        AlreadyExists,
        /// The values of a partition do not fit.
        InvalidPartition,
        /// No partition of this name.
        UnknownPartition,
        /// A definition that cannot be.
        InvalidObject,
        /// No object of this name.
        NoSuchObject,
        /// What cannot be done to an object as it is.
        InvalidOperation,
        /// A setting that is not shown.
        ConfigValSecurity,
        /// Arguments that cannot be.
        InvalidInput,
        /// No transaction of this number.
        NoSuchTxn,
        /// The transaction was aborted.
        TxnAborted,
        /// The transaction is open.
        TxnOpen,
        /// No lock of this number.
        NoSuchLock,
    }
}

/// An exception as a server throws it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Which one.
    pub kind: ExceptionKind,
    /// What happened, for a person.
    pub message: String,
}

impl Exception {
    /// An exception.
    pub fn new(kind: ExceptionKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for Exception {}

/// Why an implementation of a method gives no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceError {
    /// An exception. One that the method does not declare becomes an internal error.
    Exception(Exception),
    /// The method exists elsewhere, but not here.
    NotSupported,
    /// There is nothing to return: what null is in Java.
    NoResult,
}

impl From<Exception> for ServiceError {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}

thrift_struct! {
    /// A call that failed as a call: what `TApplicationException` is elsewhere.
    ApplicationError {
        1: optional message: String,
        2: value kind: i32,
    }
}

impl ApplicationError {
    /// No method of this name, or none that is supported.
    pub const UNKNOWN_METHOD: i32 = 1;
    /// A message that is no call.
    pub const INVALID_MESSAGE_TYPE: i32 = 2;
    /// The answer has neither a result nor an exception.
    pub const MISSING_RESULT: i32 = 5;
    /// The method failed with what it does not declare.
    pub const INTERNAL_ERROR: i32 = 6;
    /// The arguments could not be read.
    pub const PROTOCOL_ERROR: i32 = 7;

    /// A failure of one of the kinds above.
    pub fn new(kind: i32, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), kind }
    }
}

impl fmt::Display for ApplicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.as_deref().unwrap_or("no message");
        write!(f, "{message} (kind {})", self.kind)
    }
}

impl std::error::Error for ApplicationError {}
