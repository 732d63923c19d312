//! What the Flight SQL service needs from the query engine.

use crate::query::{PreparedStatement, RowStream};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use quern_common::Result;
use quern_common::ids::QueryId;
use quern_engine::session::Session;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Field metadata in which a table's schema carries a column's comment.
pub const COMMENT: &str = "comment";

/// Runs statements and knows the catalogue. It exists so that the protocol is tested against
/// canned answers, without a planner or a catalogue.
///
/// Its futures are boxed by hand: within the lifetime bounds of `async_trait`, rustc 1.95 proves
/// anew for every method that the query manager is `Send`, which took it a minute.
pub trait QueryBackend: fmt::Debug + Send + Sync + 'static {
    /// Parses, resolves and type-checks a statement, without side effect.
    fn prepare<'a>(
        &'a self,
        session: &'a Arc<Session>,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<PreparedStatement>>;

    /// Parses a statement that will be run at once. Names are not resolved, and columns and
    /// parameters are left out: running it finds them.
    fn parse(&self, session: &Arc<Session>, sql: &str) -> Result<PreparedStatement>;

    /// Starts a statement of kind `Query` and returns when its plan is made. `parameters` is one
    /// row with one column a parameter, in order, of the client's types.
    fn submit<'a>(
        &'a self,
        session: &'a Arc<Session>,
        statement: &'a PreparedStatement,
        parameters: Option<RecordBatch>,
    ) -> BoxFuture<'a, Result<Submitted>>;

    /// Starts a statement of kind `Update`. Each row of `parameters` is one execution; with no
    /// batch at all there is one execution without parameters.
    fn submit_update<'a>(
        &'a self,
        session: &'a Arc<Session>,
        statement: &'a PreparedStatement,
        parameters: Vec<RecordBatch>,
    ) -> BoxFuture<'a, Result<SubmittedUpdate>>;

    /// Cancels a query of the session's user and returns whether it was still running.
    fn cancel(&self, session: &Arc<Session>, id: &QueryId) -> Result<bool>;

    /// Returns how far a query of the session's user is, or nothing when it is unknown.
    fn progress(&self, session: &Arc<Session>, id: &QueryId) -> Option<serde_json::Value>;

    /// Returns the catalog names.
    fn list_catalogs<'a>(&'a self, session: &'a Arc<Session>)
    -> BoxFuture<'a, Result<Vec<String>>>;

    /// Returns the schemas, of one catalog when it is given.
    fn list_schemas<'a>(
        &'a self,
        session: &'a Arc<Session>,
        catalog: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<SchemaInfo>>>;

    /// Returns the tables and views. The service applies the filter once more, so that more
    /// rows than asked for do no harm. Arrow schemas are needed only with `include_schema`.
    fn list_tables<'a>(
        &'a self,
        session: &'a Arc<Session>,
        filter: &'a TableFilter,
        include_schema: bool,
    ) -> BoxFuture<'a, Result<Vec<TableInfo>>>;

    /// Returns every session option that exists, by name, with its value in this session:
    /// `catalog`, `schema`, and the session properties.
    fn session_options(&self, session: &Arc<Session>) -> BTreeMap<String, String>;

    /// Sets a session option, or resets it to its default without `value`.
    fn set_session_option<'a>(
        &'a self,
        session: &'a Arc<Session>,
        name: &'a str,
        value: Option<&'a str>,
    ) -> BoxFuture<'a, Result<()>>;
}

/// A query that was planned and may be running.
pub struct Submitted {
    /// Its id.
    pub query_id: QueryId,
    /// Columns of the answer.
    pub schema: SchemaRef,
    /// The answer. Dropping it before its end cancels the query.
    pub rows: RowStream,
}

impl fmt::Debug for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submitted").field("query_id", &self.query_id).finish_non_exhaustive()
    }
}

/// An update that was planned and may be running.
pub struct SubmittedUpdate {
    /// Its id.
    pub query_id: QueryId,
    /// Completes with the number of rows that were changed, -1 when that is unknown. Dropping
    /// it before cancels the update.
    pub rows: BoxFuture<'static, Result<i64>>,
}

impl fmt::Debug for SubmittedUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmittedUpdate").field("query_id", &self.query_id).finish_non_exhaustive()
    }
}

/// A schema of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaInfo {
    /// Catalog name.
    pub catalog: String,
    /// Schema name.
    pub schema: String,
}

/// Which tables are asked for. Patterns are those of SQL's LIKE with `\` as escape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableFilter {
    /// Exact catalog name.
    pub catalog: Option<String>,
    /// Pattern of schema names.
    pub schema_pattern: Option<String>,
    /// Pattern of table names.
    pub table_pattern: Option<String>,
    /// Names of [`TableKind`]s; any kind when empty.
    pub kinds: Vec<String>,
}

/// What a table is, in JDBC's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A table of `information_schema` or of the system catalog.
    System,
}

impl TableKind {
    /// Every kind, by name.
    pub const ALL: [Self; 3] = [Self::System, Self::Table, Self::View];

    /// The name that clients filter by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::System => "SYSTEM TABLE",
        }
    }
}

/// A table or view.
#[derive(Debug, Clone)]
pub struct TableInfo {
    /// Catalog name.
    pub catalog: String,
    /// Schema name.
    pub schema: String,
    /// Table name.
    pub name: String,
    /// What it is.
    pub kind: TableKind,
    /// Its columns, partition keys included; comments are in the field metadata [`COMMENT`].
    pub columns: Option<SchemaRef>,
}
