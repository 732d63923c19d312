//! A query's life, as the client protocols see it. (Contract; the bodies follow.)

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use quern_common::Result;
use quern_common::ids::QueryId;
use quern_engine::session::Session;
use std::sync::Arc;

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

/// A query that was submitted and is planned; it may still be running.
#[derive(Debug)]
pub struct QueryHandle { /* private */ }

/// Owns every query of the process.
#[derive(Debug)]
pub struct QueryManager { /* private */ }
