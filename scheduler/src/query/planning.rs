//! Where a query will run, and its plan there.

use super::QueryManager;
use super::edge::plain_schema;
use crate::executors::Executors;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::sql::sqlparser::ast::Query;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::plan::{
    LogicalQuery, ModeChoice, PhysicalQuery, PlanScope, choose_mode, guard, scan_bytes,
};
use quern_engine::session::properties::{RequestedMode, SessionProperties};
use quern_engine::session::{ExecutionMode, Session};
use std::sync::Arc;

/// A query that is planned for the mode it will run in.
pub(super) enum Planned {
    Local(PhysicalQuery),
    /// The second is what the first became; the first is planned again when an executor is lost.
    Pipelined(Box<LogicalQuery>, PhysicalQuery),
    Staged(PhysicalQuery),
}

impl QueryManager {
    /// Plans a query for the mode that the session asks for, or that `auto` chooses.
    pub(super) async fn plan(
        &self,
        session: &Arc<Session>,
        query: &Query,
        parameters: Option<&RecordBatch>,
    ) -> Result<(Planned, ModeChoice, SchemaRef)> {
        let asked = self.properties(session)?.execution_mode();
        match asked {
            RequestedMode::Local => {
                self.plan_local(session, query, parameters, "asked for by the session").await
            }
            RequestedMode::Pipelined | RequestedMode::Staged => {
                self.need_executors()?;
                let mode = match asked {
                    RequestedMode::Staged => ExecutionMode::Staged,
                    _ => ExecutionMode::Pipelined,
                };
                let choice = ModeChoice { mode, reason: "asked for by the session".to_owned() };
                self.plan_distributed(session, query, parameters, choice).await
            }
            RequestedMode::Auto => {
                let (planned, _, schema) = self.plan_local(session, query, parameters, "").await?;
                let choice = self.choose(&planned);
                match choice.mode {
                    ExecutionMode::Local => Ok((planned, choice, schema)),
                    _ => self.plan_distributed(session, query, parameters, choice).await,
                }
            }
        }
    }

    async fn plan_local(
        &self,
        session: &Arc<Session>,
        query: &Query,
        parameters: Option<&RecordBatch>,
        reason: &str,
    ) -> Result<(Planned, ModeChoice, SchemaRef)> {
        let scope = self.scope(session, ExecutionMode::Local)?;
        let logical = self.options.planner.logical(query, &scope).await?.bind(parameters)?;
        let schema = logical.schema();
        let choice = ModeChoice { mode: ExecutionMode::Local, reason: reason.to_owned() };
        Ok((Planned::Local(logical.physical().await?), choice, schema))
    }

    /// Plans for a distributed engine, or locally when that engine would not carry it right.
    async fn plan_distributed(
        &self,
        session: &Arc<Session>,
        query: &Query,
        parameters: Option<&RecordBatch>,
        choice: ModeChoice,
    ) -> Result<(Planned, ModeChoice, SchemaRef)> {
        // Without executors this is an error, not a reason to run elsewhere.
        self.need_executors()?.cluster.wait_for_executor().await?;
        let scope = self.scope(session, choice.mode)?;
        let logical = self.options.planner.logical(query, &scope).await?.bind(parameters)?;
        let schema = logical.schema();
        let physical = logical.clone().physical().await?;
        if choice.mode == ExecutionMode::Pipelined && !guard::is_divided(&physical.plan) {
            let reason = "not pipelined: too small to be divided over the executors there are";
            let choice = ModeChoice { mode: ExecutionMode::Local, reason: reason.to_owned() };
            return Ok((Planned::Local(physical), choice, schema));
        }
        let context = physical.state.task_ctx();
        if let Some(reason) = guard::refuse(&physical.plan, choice.mode, &context) {
            let reason = format!("not {}: {reason}", choice.mode.name());
            return self.plan_local(session, query, parameters, &reason).await;
        }
        let planned = match choice.mode {
            ExecutionMode::Staged => Planned::Staged(physical),
            _ => Planned::Pipelined(Box::new(logical), physical),
        };
        Ok((planned, choice, schema))
    }

    pub(super) async fn auto_mode(
        &self,
        session: &Arc<Session>,
        query: &Query,
    ) -> Result<ModeChoice> {
        let (planned, _, _) = self.plan_local(session, query, None, "").await?;
        Ok(self.choose(&planned))
    }

    fn choose(&self, planned: &Planned) -> ModeChoice {
        let bytes = match planned {
            Planned::Local(physical)
            | Planned::Staged(physical)
            | Planned::Pipelined(_, physical) => scan_bytes(&physical.plan),
        };
        let n_executors = self.options.executors.as_ref().map_or(0, |e| e.cluster.n_live());
        let config = &self.options.config;
        choose_mode(bytes, n_executors, config.distribute_above, config.stage_above)
    }

    pub(super) fn need_executors(&self) -> Result<&Executors> {
        self.options.executors.as_ref().ok_or_else(|| {
            Error::new(ErrorCode::NoNodesAvailable, "this server has no cluster of executors")
        })
    }

    pub(super) fn properties(&self, session: &Session) -> Result<SessionProperties> {
        SessionProperties::from_settings(&session.settings().properties)
    }

    pub(super) fn scope(&self, session: &Session, mode: ExecutionMode) -> Result<PlanScope> {
        let settings = session.settings();
        let properties = SessionProperties::from_settings(&settings.properties)?;
        let executors = self.options.executors.as_ref();
        let default_partitions = match (mode, executors) {
            (ExecutionMode::Local, _) | (_, None) => self.options.n_threads,
            (ExecutionMode::Pipelined, Some(executors)) => executors.cluster.slots_per_executor(),
            (ExecutionMode::Staged, Some(executors)) => executors.cluster.n_slots(),
        };
        Ok(PlanScope {
            user: session.user().to_owned(),
            mode,
            target_partitions: properties.target_partitions().unwrap_or(default_partitions),
            batch_size: properties.batch_size(),
            memory_bytes_max: properties.memory_limit_bytes(),
            collect_statistics: properties.collect_statistics(),
            workers: executors.map(|executors| {
                executors.cluster.workers(self.options.config.pipelined_partition_size.as_usize())
            }),
            settings,
        })
    }

    pub(super) fn edge_schema(&self, session: &Session, schema: &SchemaRef) -> Result<SchemaRef> {
        match self.properties(session)?.flight_view_types() {
            true => Ok(Arc::clone(schema)),
            false => Ok(plain_schema(schema)),
        }
    }
}
