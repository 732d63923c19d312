//! Statements that change or show the catalogue and the session.
//!
//! [`DdlExecutor`] runs everything but queries, CREATE MODEL and what [`crate::maintenance`] does. A change of the catalogue comes
//! first and the files follow: a failure in between leaves files that nobody reads, never a
//! table without its files.
//! Read in this order: `location`, `tables`, `partitions`, `show`, `show_create`.

mod alter;
mod catalogs;
pub(crate) mod describe;
mod functions;
mod location;
mod metadata;
mod models;
mod operations;
pub(crate) mod partitions;
mod procedures;
mod rows;
mod schemas;
mod show;
mod show_create;
pub(crate) mod sync;
mod tables;

pub use functions::{FunctionSummary, function_summaries};
pub use location::LocationAccess;

use crate::catalogs::CatalogRegistry;
use crate::session::Session;
use crate::statement::Statement;
use crate::tables::SystemTables;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;

/// What a statement answered.
#[derive(Debug, Clone, PartialEq)]
pub enum DdlOutcome {
    /// Rows.
    Rows(RecordBatch),
    /// Nothing but success.
    Done {
        /// Number of objects changed, when the statement counts them.
        rows: Option<i64>,
    },
}

impl DdlOutcome {
    /// Success without a count.
    pub(crate) const DONE: Self = Self::Done { rows: None };
}

/// What a step gave; nothing when it failed with one of `codes` and the statement says that this is
/// fine, with IF EXISTS or IF NOT EXISTS.
fn unless<T>(step: Result<T>, codes: &[ErrorCode], is_fine: bool) -> Result<Option<T>> {
    match step {
        Err(err) if is_fine && codes.contains(&err.code()) => Ok(None),
        other => other.map(Some),
    }
}

/// Runs statements against the catalogue and the session.
#[derive(Debug, Clone)]
pub struct DdlExecutor {
    catalogs: Arc<CatalogRegistry>,
    storage: Arc<dyn LocationAccess>,
    system: Option<Arc<dyn SystemTables>>,
    functions: Arc<Vec<FunctionSummary>>,
    query_id: Option<QueryId>,
}

impl DdlExecutor {
    /// Makes an executor over `catalogs`, reaching files through `storage`.
    pub fn new(catalogs: Arc<CatalogRegistry>, storage: Arc<dyn LocationAccess>) -> Self {
        Self { catalogs, storage, system: None, functions: Arc::default(), query_id: None }
    }

    /// Adds the catalog of system tables to SHOW and DESCRIBE.
    #[must_use]
    pub fn with_system_tables(mut self, system: Arc<dyn SystemTables>) -> Self {
        self.system = Some(system);
        self
    }

    /// Sets what SHOW FUNCTIONS lists.
    #[must_use]
    pub fn with_functions(mut self, functions: Vec<FunctionSummary>) -> Self {
        self.functions = Arc::new(functions);
        self
    }

    /// An executor for the statement of one query, by whose id others find what it did.
    #[must_use]
    pub fn for_query(&self, id: &QueryId) -> Self {
        Self { query_id: Some(id.clone()), ..self.clone() }
    }

    fn query_id(&self) -> &str {
        self.query_id.as_ref().map_or("", QueryId::as_str)
    }

    /// Returns the columns that a statement answers with, or none when it answers nothing.
    /// Nothing is looked up.
    pub fn schema_of(&self, statement: &Statement) -> Option<SchemaRef> {
        rows::columns_of(statement).map(rows::schema)
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for statements that are no DDL, otherwise what the statement ran into.
    pub async fn execute(&self, session: &Session, statement: &Statement) -> Result<DdlOutcome> {
        match statement {
            Statement::Query(_)
            | Statement::Explain { .. }
            | Statement::CreateModel(_)
            | Statement::Analyze(_)
            | Statement::ShowStats { .. }
            | Statement::CheckTable { .. } => {
                Err(Error::internal(format!("{} is not run as DDL", statement.kind())))
            }
            Statement::Use { .. }
            | Statement::SetSession { .. }
            | Statement::ResetSession { .. }
            | Statement::ShowSession { .. } => self.session_statement(session, statement).await,
            Statement::CreateCatalog(_)
            | Statement::DropCatalog { .. }
            | Statement::CreateSchema(_)
            | Statement::DropSchema { .. }
            | Statement::CreateTable(_)
            | Statement::CreateTableLike { .. }
            | Statement::DropTable { .. }
            | Statement::CreateView(_)
            | Statement::DropView { .. }
            | Statement::DropModel { .. } => self.definition(session, statement).await,
            Statement::MsckRepair { .. }
            | Statement::Call { .. }
            | Statement::AlterTableAddPartitions { .. }
            | Statement::AlterTableDropPartitions { .. }
            | Statement::AlterTableRename { .. }
            | Statement::AlterTableAddColumns { .. }
            | Statement::AlterTableSetProperties { .. }
            | Statement::ChangeMetadata(_)
            | Statement::CreateTerm(_)
            | Statement::DropTerm { .. } => self.change(session, statement).await,
            _ => self.show(session, statement).await.map(DdlOutcome::Rows),
        }
    }

    async fn definition(&self, session: &Session, statement: &Statement) -> Result<DdlOutcome> {
        match statement {
            Statement::CreateCatalog(create) => self.create_catalog(session, create).await,
            Statement::DropCatalog { name, if_exists } => self.drop_catalog(name, *if_exists).await,
            Statement::CreateSchema(create) => self.create_schema(session, create).await,
            Statement::DropSchema { name, if_exists, cascade } => {
                self.drop_schema(session, name, *if_exists, *cascade).await
            }
            Statement::CreateTable(create) => self.create_table(session, create).await,
            Statement::CreateTableLike { name, source, if_not_exists, external, location } => {
                let target = tables::LikeTarget {
                    name,
                    if_not_exists: *if_not_exists,
                    external: *external,
                    location: location.as_deref(),
                };
                self.create_table_like(session, source, target).await
            }
            Statement::DropTable { name, if_exists } => {
                self.drop_table(session, name, *if_exists).await
            }
            Statement::CreateView(create) => self.create_view(session, create).await,
            Statement::DropView { name, if_exists } => {
                self.drop_view(session, name, *if_exists).await
            }
            Statement::DropModel { name, if_exists } => {
                self.drop_model(session, name, *if_exists).await
            }
            other => Err(Error::internal(format!("{} is no definition", other.kind()))),
        }
    }

    async fn change(&self, session: &Session, statement: &Statement) -> Result<DdlOutcome> {
        match statement {
            Statement::MsckRepair { table, mode } => {
                self.sync_partitions(session, table, *mode, "MSCK REPAIR TABLE").await
            }
            Statement::Call { procedure, arguments } => {
                self.call(session, procedure, arguments).await
            }
            Statement::AlterTableAddPartitions { table, if_not_exists, partitions } => {
                self.add_partitions(session, table, partitions, *if_not_exists).await
            }
            Statement::AlterTableDropPartitions { table, if_exists, partitions } => {
                self.drop_partitions(session, table, partitions, *if_exists).await
            }
            Statement::AlterTableRename { table, if_exists, new_name } => {
                self.rename_table(session, table, new_name, *if_exists).await
            }
            Statement::AlterTableAddColumns { table, if_not_exists, columns } => {
                self.add_columns(session, table, columns, *if_not_exists).await
            }
            Statement::AlterTableSetProperties { table, properties } => {
                self.set_properties(session, table, properties).await
            }
            Statement::ChangeMetadata(change) => self.change_metadata(session, change).await,
            Statement::CreateTerm(create) => self.create_term(session, create).await,
            Statement::DropTerm { name, if_exists } => self.drop_term(name, *if_exists).await,
            other => Err(Error::internal(format!("{} is no change", other.kind()))),
        }
    }
}

/// Seconds since 1970.
fn now_seconds() -> i64 {
    chrono::Utc::now().timestamp()
}
