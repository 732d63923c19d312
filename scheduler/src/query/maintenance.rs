//! Statements that measure tables.

use super::record::{QueryRecord, QueryState};
use super::{QueryManager, RowStream};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::sql::sqlparser::ast::Query;
use futures::future::BoxFuture;
use quern_common::{Error, Result};
use quern_engine::maintenance::{QueryRunner, TableMaintenance};
use quern_engine::session::{ExecutionMode, Session};
use quern_engine::statement::Statement;
use std::sync::Arc;

impl QueryManager {
    /// The columns of a statement that is run here.
    pub(super) fn maintenance_schema(statement: &Statement) -> Option<SchemaRef> {
        TableMaintenance::schema_of(statement)
    }

    /// Runs ANALYZE, SHOW STATS or CHECK TABLE.
    pub(super) async fn maintain(
        &self,
        session: &Arc<Session>,
        statement: &Statement,
        record: &Arc<QueryRecord>,
    ) -> Result<RecordBatch> {
        record.enter(QueryState::Running);
        let maintenance = TableMaintenance::new(self.options.planner.clone());
        match statement {
            Statement::Analyze(analyze) => {
                let runner = Queries { manager: self, session, record };
                maintenance.analyze(session, analyze, &runner).await
            }
            Statement::ShowStats { query } => {
                let scope = self.scope(session, ExecutionMode::Local)?;
                maintenance.show_stats(query, &scope).await
            }
            Statement::CheckTable { table } => maintenance.check(session, table).await,
            other => Err(Error::internal(format!("{} is no maintenance", other.kind()))),
        }
    }
}

/// Queries of a statement, dispatched as those of clients are.
struct Queries<'a> {
    manager: &'a QueryManager,
    session: &'a Arc<Session>,
    record: &'a Arc<QueryRecord>,
}

impl QueryRunner for Queries<'_> {
    fn run(&self, query: Box<Query>) -> BoxFuture<'_, Result<RowStream>> {
        Box::pin(async move {
            let started = self.manager.start_query(self.session, &query, None, self.record);
            let (_, dispatched) = Box::pin(started).await?;
            self.record.set_progress(dispatched.progress);
            self.record.enter(QueryState::Running);
            Ok(dispatched.rows)
        })
    }
}
