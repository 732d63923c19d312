//! A query's life: submission, admission, planning, dispatch, results.

mod admission;
mod edge;
mod explain;
mod maintenance;
mod manager;
mod planning;
mod record;
mod stream;
mod training;

pub use edge::plain_schema;
pub use manager::{QueryManager, QueryManagerOptions};
pub use record::{QueryRecord, QueryState};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use quern_common::Result;
use quern_common::ids::QueryId;

/// Rows as they are produced. Dropping it before its end cancels the query.
pub type RowStream = BoxStream<'static, Result<RecordBatch>>;

/// Whether a statement answers with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// Rows: SELECT, SHOW, DESCRIBE, EXPLAIN, CREATE MODEL (one row of facts).
    Query,
    /// A row count or nothing: DDL, DML, USE, SET SESSION, CALL.
    Update,
}

/// A statement that was parsed, resolved and type-checked. Preparing has no side effect.
#[derive(Debug, Clone)]
pub struct PreparedStatement {
    /// The text as the client sent it.
    pub sql: String,
    /// Rows or count.
    pub kind: StatementKind,
    /// Columns of the answer; empty for [`StatementKind::Update`]. Plain `Utf8`/`Binary`, never
    /// view types, unless the session asks for them.
    pub schema: SchemaRef,
    /// One field a parameter, named `$1`, `$2`, … in order.
    pub parameters: SchemaRef,
}

/// A query that was planned and runs.
pub struct SubmittedQuery {
    /// Its id.
    pub id: QueryId,
    /// Columns of the rows.
    pub schema: SchemaRef,
    /// The rows.
    pub rows: RowStream,
}

impl std::fmt::Debug for SubmittedQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubmittedQuery").field("id", &self.id).finish()
    }
}
