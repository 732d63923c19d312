//! A query's life, from the client's request to its rows.
//!
//! Owns: client protocols ([`flight_sql`], [`http`]), sessions ([`session_manager`]), queries
//! ([`query`]), the cluster ([`cluster`]) and where queries run ([`dispatch`]).
//! Never knows: the contents of data files, Thrift, or the mathematics of models.
//!
//! One SELECT, step by step:
//! 1. `flight_sql::service` decodes the request and finds the session (`session_manager`).
//! 2. [`query::QueryManager::submit`] opens a record, state `Queued`.
//! 3. `query::admission` lets it in, state `Planning`.
//! 4. `quern_engine::statement` parses the text.
//! 5. `quern_engine::plan::Planner::logical` resolves names against one view of the catalogue.
//! 6. `LogicalQuery::physical` optimises; `HiveTable::scan` prunes partitions, lists files and
//!    makes splits.
//! 7. `quern_engine::plan::choose_mode` and `guard` decide where it runs; state `Starting`.
//! 8. A dispatcher of [`dispatch`] starts it; `FlightInfo` goes to the client now.
//! 9. Rows stream through `query::stream` while they are produced, state `Running`.
//! 10. The last row, an error, or the client letting go ends the record.

#![warn(missing_docs)]

mod backend;
pub mod cluster;
pub mod dispatch;
mod executors;
pub mod flight_sql;
pub mod http;
pub mod process;
pub mod query;
pub mod session_manager;
pub mod system_tables;

pub use executors::Executors;
