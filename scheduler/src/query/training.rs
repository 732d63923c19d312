//! Statements that train a model.

use super::QueryManager;
use super::record::{QueryRecord, QueryState};
use crate::dispatch::local;
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use quern_common::Result;
use quern_engine::ml::{PassRunner, TrainingRun};
use quern_engine::plan::{LogicalQuery, ModeChoice, guard};
use quern_engine::session::properties::RequestedMode;
use quern_engine::session::{ExecutionMode, Session};
use quern_engine::statement::CreateModel;
use std::sync::Arc;

impl QueryManager {
    /// Trains in this process, or by aggregate queries over executors when the session asks for
    /// it or `auto` finds the training query large.
    pub(super) async fn create_model(
        &self,
        session: &Arc<Session>,
        create: &CreateModel,
        record: &Arc<QueryRecord>,
    ) -> Result<RecordBatch> {
        let choice = self.training_mode(session, create).await?;
        let mode = choice.mode;
        record.set_mode(choice);
        record.enter(QueryState::Running);
        let scope = self.scope(session, mode)?;
        let runner = Passes { manager: self, record };
        let runner: Option<&dyn PassRunner> = match mode {
            ExecutionMode::Local => None,
            ExecutionMode::Pipelined | ExecutionMode::Staged => Some(&runner),
        };
        let run = TrainingRun { query_id: &record.id, scope: &scope, runner };
        self.options.models.create(session, create, run).await
    }

    async fn training_mode(
        &self,
        session: &Arc<Session>,
        create: &CreateModel,
    ) -> Result<ModeChoice> {
        let asked = self.properties(session)?.execution_mode();
        let by_session = |mode| ModeChoice { mode, reason: "asked for by the session".to_owned() };
        let choice = match asked {
            RequestedMode::Local => by_session(ExecutionMode::Local),
            RequestedMode::Staged => by_session(ExecutionMode::Staged),
            RequestedMode::Pipelined => by_session(ExecutionMode::Pipelined),
            RequestedMode::Auto => self.auto_mode(session, &create.query).await?,
        };
        match choice.mode {
            ExecutionMode::Local => Ok(choice),
            ExecutionMode::Staged => {
                self.need_executors()?;
                Ok(choice)
            }
            // A pass is a function that carries data, which pipelined plans cannot.
            ExecutionMode::Pipelined => {
                self.need_executors()?;
                let reason = "not pipelined: a training pass cannot travel there".to_owned();
                Ok(ModeChoice { mode: ExecutionMode::Staged, reason })
            }
        }
    }

    /// Runs one pass of a training, planned for `staged`, to its end.
    async fn run_pass(
        &self,
        query: LogicalQuery,
        record: &QueryRecord,
    ) -> Result<Vec<RecordBatch>> {
        let physical = query.physical().await?;
        let context = physical.state.task_ctx();
        let dispatched = match guard::refuse(&physical.plan, ExecutionMode::Staged, &context) {
            None => self.need_executors()?.staged.submit(&record.id, physical).await?,
            Some(reason) => {
                let reason = format!("not staged: {reason}");
                record.set_mode(ModeChoice { mode: ExecutionMode::Local, reason });
                local::submit(physical, &self.options.threads)?
            }
        };
        dispatched.rows.try_collect().await
    }
}

/// The passes of a training, as staged queries.
struct Passes<'a> {
    manager: &'a QueryManager,
    record: &'a QueryRecord,
}

impl PassRunner for Passes<'_> {
    fn run<'a>(&'a self, query: LogicalQuery) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        Box::pin(self.manager.run_pass(query, self.record))
    }
}
