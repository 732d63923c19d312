//! Owns every query of the process.

use super::admission::Admission;
use super::explain;
use super::planning::Planned;
use super::record::{QueryRecord, QueryState};
use super::stream::{QueryRows, exceeded_run_time};
use super::{PreparedStatement, RowStream, StatementKind, SubmittedQuery};
use crate::dispatch::{Dispatched, local};
use crate::executors::Executors;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use dashmap::DashMap;
use datafusion::sql::sqlparser::ast::Query;
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use quern_common::config::QueryConfig;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::ddl::{DdlExecutor, DdlOutcome};
use quern_engine::ml::ModelTrainer;
use quern_engine::plan::Planner;
use quern_engine::session::{ExecutionMode, Session};
use quern_engine::statement::{Statement, rewrite_placeholders};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Instrument;

/// What a [`QueryManager`] works with.
#[derive(Debug)]
pub struct QueryManagerOptions {
    /// Limits.
    pub config: QueryConfig,
    /// Plans queries.
    pub planner: Planner,
    /// Runs DDL and SHOW.
    pub ddl: DdlExecutor,
    /// Trains models.
    pub models: ModelTrainer,
    /// The cluster's executors; none in a process that serves alone.
    pub executors: Option<Executors>,
    /// The threads of query work.
    pub threads: Handle,
    /// How many there are.
    pub n_threads: usize,
}

/// Owns every query of the process: submits, limits, remembers and cancels them.
#[derive(Debug)]
pub struct QueryManager {
    pub(super) options: QueryManagerOptions,
    admission: Admission,
    live: DashMap<String, Arc<QueryRecord>>,
    history: Mutex<VecDeque<Arc<QueryRecord>>>,
}

impl QueryManager {
    /// A manager without queries.
    pub fn new(options: QueryManagerOptions) -> Self {
        let admission = Admission::new(options.config.max_running, options.config.max_queued);
        Self { options, admission, live: DashMap::new(), history: Mutex::default() }
    }

    /// The planner.
    pub fn planner(&self) -> &Planner {
        &self.options.planner
    }

    /// The cluster's executors.
    pub fn executors(&self) -> Option<&Executors> {
        self.options.executors.as_ref()
    }

    /// Parses, resolves and type-checks a statement. Nothing runs.
    ///
    /// # Errors
    /// `QUERY_TEXT_TOO_LARGE`, `SYNTAX_ERROR`, `NOT_SUPPORTED`, and those of resolving names.
    pub async fn prepare(&self, session: &Arc<Session>, sql: &str) -> Result<PreparedStatement> {
        let statement = self.parse(sql)?;
        let mut prepared = self.unresolved(sql, &statement);
        match &statement {
            Statement::Query(query) => {
                let scope = self.scope(session, ExecutionMode::Local)?;
                let logical = self.options.planner.logical(query, &scope).await?;
                prepared.schema = self.edge_schema(session, &logical.schema())?;
                prepared.parameters = logical.parameters()?;
            }
            Statement::Explain { .. } => prepared.schema = explain::schema(),
            Statement::CreateModel(_) => prepared.schema = ModelTrainer::schema(),
            other => {
                let schema = Self::maintenance_schema(other);
                let schema = schema.or_else(|| self.options.ddl.schema_of(other));
                prepared.schema = schema.unwrap_or_else(no_columns);
            }
        }
        Ok(prepared)
    }

    /// Parses a statement that will be submitted as it is: columns and parameters are left out.
    ///
    /// # Errors
    /// `QUERY_TEXT_TOO_LARGE`, `SYNTAX_ERROR`, `NOT_SUPPORTED`.
    pub fn parse_only(&self, sql: &str) -> Result<PreparedStatement> {
        Ok(self.unresolved(sql, &self.parse(sql)?))
    }

    fn unresolved(&self, sql: &str, statement: &Statement) -> PreparedStatement {
        let has_rows = match statement {
            Statement::Query(_) | Statement::Explain { .. } | Statement::CreateModel(_) => true,
            other if Self::maintenance_schema(other).is_some() => true,
            other => self.options.ddl.schema_of(other).is_some(),
        };
        let kind = if has_rows { StatementKind::Query } else { StatementKind::Update };
        let (schema, parameters) = (no_columns(), no_columns());
        PreparedStatement { sql: sql.to_owned(), kind, schema, parameters }
    }

    /// Runs a statement that answers with rows. Returns when the plan is made; rows stream while
    /// they are produced.
    ///
    /// # Errors
    /// Those of parsing, admission, planning and dispatch.
    pub async fn submit(
        self: &Arc<Self>,
        session: &Arc<Session>,
        sql: &str,
        parameters: Option<&RecordBatch>,
    ) -> Result<SubmittedQuery> {
        let record = self.open_record(session, sql);
        let span = tracing::info_span!("query", query_id = %record.id, user = %record.user);
        let mut submission = Submission { manager: self, record: &record, failure: Some(let_go()) };
        let work = self.run(session, sql, parameters, &record).instrument(span);
        let submitted = tokio::select! {
            submitted = work => submitted,
            () = record.cancel.cancelled() => {
                Err(Error::new(ErrorCode::UserCanceled, "query was cancelled"))
            }
        };
        submission.failure = submitted.as_ref().err().cloned();
        submitted
    }

    /// Runs a statement that answers with a count, to its end. Returns the rows it changed, or
    /// none when that is unknown.
    ///
    /// # Errors
    /// As [`QueryManager::submit`], and those of running.
    pub async fn run_update(
        self: &Arc<Self>,
        session: &Arc<Session>,
        sql: &str,
        parameters: Option<&RecordBatch>,
    ) -> Result<Option<u64>> {
        let submitted = self.submit(session, sql, parameters).await?;
        let batches: Vec<RecordBatch> = submitted.rows.try_collect().await?;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        Ok((!submitted.schema.fields().is_empty()).then_some(rows as u64))
    }

    /// Asks a query to end. Returns whether there was one to end.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for another user's query.
    pub fn cancel(&self, session: &Session, id: &QueryId) -> Result<bool> {
        let Some(record) = self.live.get(id.as_str()).map(|r| Arc::clone(&r)) else {
            return Ok(false);
        };
        if record.user != session.user() {
            return Err(Error::new(
                ErrorCode::PermissionDenied,
                format!("query \"{id}\" belongs to another user"),
            ));
        }
        record.cancel.cancel();
        Ok(true)
    }

    /// The record of a query that runs or is remembered.
    pub fn record(&self, id: &QueryId) -> Option<Arc<QueryRecord>> {
        if let Some(record) = self.live.get(id.as_str()) {
            return Some(Arc::clone(&record));
        }
        self.history.lock().iter().find(|record| &record.id == id).cloned()
    }

    /// All records, oldest first.
    pub fn records(&self) -> Vec<Arc<QueryRecord>> {
        let mut records: Vec<_> = self.history.lock().iter().cloned().collect();
        records.extend(self.live.iter().map(|entry| Arc::clone(entry.value())));
        records.sort_by(|a, b| a.id.cmp(&b.id));
        records.dedup_by(|a, b| a.id == b.id);
        records
    }

    fn parse(&self, sql: &str) -> Result<Statement> {
        let limit = self.options.config.max_text_size;
        if sql.len() as u64 > limit.0 {
            return Err(Error::new(
                ErrorCode::QueryTextTooLarge,
                format!("the statement has {} bytes, the limit is {limit}", sql.len()),
            ));
        }
        let (sql, _) = rewrite_placeholders(sql)?;
        Statement::parse_one(&sql)
    }

    fn open_record(&self, session: &Session, sql: &str) -> Arc<QueryRecord> {
        let record = Arc::new(QueryRecord::new(session.user(), sql));
        self.live.insert(record.id.as_str().to_owned(), Arc::clone(&record));
        record
    }

    fn close_record(&self, record: &Arc<QueryRecord>) {
        if self.live.remove(record.id.as_str()).is_none() {
            return;
        }
        let mut history = self.history.lock();
        history.push_back(Arc::clone(record));
        while history.len() > self.options.config.history {
            history.pop_front();
        }
    }

    async fn run(
        self: &Arc<Self>,
        session: &Arc<Session>,
        sql: &str,
        parameters: Option<&RecordBatch>,
        record: &Arc<QueryRecord>,
    ) -> Result<SubmittedQuery> {
        let permit = self.admission.admit().await?;
        record.enter(QueryState::Planning);
        let statement = self.parse(sql)?;
        let run_time_max =
            self.properties(session)?.max_run_time(self.options.config.max_run_time.0);
        let rest = run_time_max.saturating_sub(Duration::from_millis(record.elapsed_ms()));
        // On the heap: planning is a large future, and every query carries it.
        let started = Box::pin(self.start(session, &statement, parameters, record));
        let started = tokio::time::timeout(rest, started).await;
        let (schema, rows) = started.map_err(|_| exceeded_run_time(run_time_max))??;
        let rows =
            QueryRows::new(rows, Arc::clone(&schema), Arc::clone(record), run_time_max, permit);
        let rows = RowsWithHistory { rows, manager: Arc::clone(self), record: Arc::clone(record) };
        Ok(SubmittedQuery { id: record.id.clone(), schema, rows: rows.boxed() })
    }

    async fn start(
        self: &Arc<Self>,
        session: &Arc<Session>,
        statement: &Statement,
        parameters: Option<&RecordBatch>,
        record: &Arc<QueryRecord>,
    ) -> Result<(SchemaRef, RowStream)> {
        match statement {
            Statement::Query(query) => {
                let (schema, dispatched) =
                    Box::pin(self.start_query(session, query, parameters, record)).await?;
                record.set_progress(dispatched.progress);
                Ok((schema, dispatched.rows))
            }
            Statement::Explain { options, inner } => {
                let explained = Box::pin(self.explain(session, *options, inner, record));
                explained.await.map(one_batch)
            }
            Statement::CreateModel(create) => {
                self.create_model(session, create, record).await.map(one_batch)
            }
            Statement::Analyze(_) | Statement::ShowStats { .. } | Statement::CheckTable { .. } => {
                Box::pin(self.maintain(session, statement, record)).await.map(one_batch)
            }
            other => match self.options.ddl.for_query(&record.id).execute(session, other).await? {
                DdlOutcome::Rows(batch) => Ok(one_batch(batch)),
                DdlOutcome::Done { .. } => Ok((no_columns(), stream::empty().boxed())),
            },
        }
    }

    pub(super) async fn start_query(
        &self,
        session: &Arc<Session>,
        query: &Query,
        parameters: Option<&RecordBatch>,
        record: &Arc<QueryRecord>,
    ) -> Result<(SchemaRef, Dispatched)> {
        let (planned, mode, schema) = self.plan(session, query, parameters).await?;
        tracing::debug!(%mode, "planned");
        record.set_mode(mode);
        record.enter(QueryState::Starting);
        let schema = self.edge_schema(session, &schema)?;
        let dispatched = match planned {
            Planned::Local(physical) => local::submit(physical, &self.options.threads)?,
            Planned::Pipelined(logical, physical) => {
                self.need_executors()?.pipelined.submit(&record.id, *logical, physical).await?
            }
            Planned::Staged(physical) => {
                self.need_executors()?.staged.submit(&record.id, physical).await?
            }
        };
        Ok((schema, dispatched))
    }

    /// Longest that a query may run, for clients that wait.
    pub fn run_time_max(&self) -> Duration {
        self.options.config.max_run_time.0
    }
}

/// A query that is being submitted. Its record ends with it when it does not succeed, even when
/// nobody waits for it any more.
struct Submission<'a> {
    manager: &'a QueryManager,
    record: &'a Arc<QueryRecord>,
    failure: Option<Error>,
}

impl Drop for Submission<'_> {
    fn drop(&mut self) {
        if let Some(err) = &self.failure {
            self.record.fail(err);
            self.manager.close_record(self.record);
        }
    }
}

fn let_go() -> Error {
    Error::new(ErrorCode::UserCanceled, "the client let the query go")
}

fn no_columns() -> SchemaRef {
    Arc::new(Schema::empty())
}

fn one_batch(batch: RecordBatch) -> (SchemaRef, RowStream) {
    (batch.schema(), stream::once(async move { Ok(batch) }).boxed())
}

/// Moves the record to the history when the rows end or are let go.
struct RowsWithHistory {
    rows: QueryRows,
    manager: Arc<QueryManager>,
    record: Arc<QueryRecord>,
}

impl futures::Stream for RowsWithHistory {
    type Item = Result<RecordBatch>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let item = self.rows.poll_next_unpin(cx);
        if self.record.state().is_final() {
            self.manager.close_record(&self.record);
        }
        item
    }
}

impl Drop for RowsWithHistory {
    fn drop(&mut self) {
        // `rows` is dropped after this; the record is final then, and history holds the record
        // itself, not a copy.
        self.manager.close_record(&self.record);
    }
}
