//! Flight SQL from outside, and the SQL shell.
//!
//! Owns: [`Connection`] (a session on a server), statements and their results, the catalogue
//! as a client sees it, and [`shell`].
//! Never knows: the server's crates, DataFusion, configuration files or the environment.
//! Read in this order: [`ConnectOptions`], [`Connection`], [`PreparedStatement`], [`shell`].

#![warn(missing_docs)]

mod connection;
mod error;
mod metadata;
mod options;
mod progress;
pub mod shell;
mod statement;

pub use connection::{Cancellation, Connection};
pub use error::{RemoteFailure, code_name};
pub use metadata::{SchemaName, ServerInfo, TableFilter, TableInfo};
pub use options::{ConnectOptions, DEFAULT_PORT};
pub use progress::QueryProgress;
pub use quern_proto::flight_sql::{SessionValue, StringList, keys};
pub use statement::{PendingUpdate, PreparedStatement, QueryResult, RowStream};
