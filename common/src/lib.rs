//! Words that every Quern process shares: identifiers, error codes, units,
//! configuration types and telemetry set-up.
//!
//! Owns: [`Error`] and [`ErrorCode`], the ids, [`config`].
//! Never knows: Arrow, DataFusion, tonic, or any I/O beyond the log writer.
//! Read in this order: [`error_code`], [`error`], [`ids`], [`config`], [`telemetry`].

#![warn(missing_docs)]

pub mod config;
pub mod error;
pub mod error_code;
pub mod ids;
pub mod telemetry;

pub use error::{Error, Result};
pub use error_code::{ErrorCode, ErrorKind};
