//! Why a message could not be read or written.

use std::fmt;
use thrift::{Error as ThriftError, TransportErrorKind};

/// Why a message could not be read or written.
#[derive(Debug)]
pub enum WireError {
    /// The other side is gone, or the network failed.
    Disconnected(String),
    /// A time limit passed.
    TimedOut,
    /// The bytes are no message of this protocol, or one beyond a limit.
    Malformed(String),
    /// The message was read to its end, but a rule of its type is broken.
    Invalid(String),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected(why) => write!(f, "disconnected: {why}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Malformed(why) => write!(f, "malformed message: {why}"),
            Self::Invalid(why) => write!(f, "invalid message: {why}"),
        }
    }
}

impl std::error::Error for WireError {}

impl From<ThriftError> for WireError {
    fn from(error: ThriftError) -> Self {
        match error {
            ThriftError::Transport(error) => match error.kind {
                TransportErrorKind::TimedOut => Self::TimedOut,
                TransportErrorKind::NegativeSize | TransportErrorKind::SizeLimit => {
                    Self::Malformed(error.message)
                }
                _ => Self::Disconnected(error.message),
            },
            ThriftError::Protocol(error) => Self::Malformed(error.message),
            ThriftError::Application(error) => Self::Malformed(error.message),
            ThriftError::User(error) => Self::Malformed(error.to_string()),
        }
    }
}

impl From<std::io::Error> for WireError {
    fn from(error: std::io::Error) -> Self {
        ThriftError::from(error).into()
    }
}
