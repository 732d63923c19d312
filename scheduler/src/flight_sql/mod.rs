//! Flight SQL: the front door of clients.
//!
//! Owns: the protocol (calls, commands, actions, metadata), credentials, tickets, and what a
//! session holds for its client. Never knows: how a statement is planned or run; that is behind
//! [`QueryBackend`].
//!
//! A call is read in this order: `service` (who calls), `statements` (GetFlightInfo, DoPut,
//! DoGet), `actions`, `metadata`; rows leave through `encode`, `pieces`,
//! `flight_data` and `rows`.

mod actions;
mod auth;
mod backend;
mod columns;
mod connection;
mod encode;
mod flight_data;
mod messages;
mod metadata;
mod parameters;
mod pieces;
mod rows;
mod server;
mod service;
mod sql_info;
mod state;
mod statements;
mod status;
mod ticket;
mod xdbc_types;

pub use auth::{ANONYMOUS, Authenticator, NoAuthentication, StaticUsers, authenticator};
pub use backend::{
    COMMENT, QueryBackend, SchemaInfo, Submitted, SubmittedUpdate, TableFilter, TableInfo,
    TableKind,
};
pub use server::serve;
pub use service::{FlightSqlService, SessionDefaults};
