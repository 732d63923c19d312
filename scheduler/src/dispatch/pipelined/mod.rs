//! Runs a plan on datafusion-distributed: exchanges stream between executors, nothing touches
//! disk, and a lost executor costs the whole query, which is run again when no row was
//! delivered.

mod failure;
mod workers;

pub(crate) use workers::workers;

use super::local::{SpawnedRows, spawn_stream};
use super::{Dispatched, Progress};
use crate::cluster::Cluster;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_distributed::NetworkBoundaryExt;
use futures::StreamExt;
use futures::stream;
use parking_lot::Mutex;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::plan::{LogicalQuery, PhysicalQuery};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// Runs of the whole query after the first.
const RERUNS_MAX: usize = 2;
/// What failed twice in a row gets time to show its cause.
const SECOND_RERUN_WAIT: Duration = Duration::from_secs(1);
/// Runs queries with streaming exchanges.
#[derive(Debug, Clone)]
pub struct PipelinedDispatcher {
    cluster: Arc<Cluster>,
    threads: Handle,
}

impl PipelinedDispatcher {
    /// A dispatcher to the executors of `cluster`, whose queries end on `threads`.
    pub fn new(cluster: Arc<Cluster>, threads: Handle) -> Self {
        Self { cluster, threads }
    }

    /// Starts `physical`, planned for [`quern_engine::session::ExecutionMode::Pipelined`] with the
    /// cluster's workers, and returns at once. `logical` is planned again when an executor is
    /// lost before a row is out. Dropping the rows cancels the query.
    ///
    /// # Errors
    /// `NO_NODES_AVAILABLE` when no executor joins within the configured time; those of
    /// planning.
    pub async fn submit(
        &self,
        query_id: &QueryId,
        logical: LogicalQuery,
        physical: PhysicalQuery,
    ) -> Result<Dispatched> {
        self.cluster.wait_for_executor().await?;
        let mut run = Run {
            dispatcher: self.clone(),
            query_id: query_id.clone(),
            logical,
            used: BTreeSet::new(),
            reruns_left: RERUNS_MAX,
            progress: Arc::default(),
        };
        let schema = physical.plan.schema();
        let rows = run.start(physical);
        let progress = Arc::clone(&run.progress);
        let rows = stream::try_unfold(Running { run, rows, delivered: false }, next_batch);
        Ok(Dispatched { schema, rows: rows.boxed(), progress: Arc::new(move || *progress.lock()) })
    }
}

/// A query and what it takes to run it again.
struct Run {
    dispatcher: PipelinedDispatcher,
    query_id: QueryId,
    logical: LogicalQuery,
    /// The executors there were when it was planned.
    used: BTreeSet<String>,
    reruns_left: usize,
    progress: Arc<Mutex<Progress>>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("query_id", &self.query_id).finish_non_exhaustive()
    }
}

impl Run {
    fn start(&mut self, physical: PhysicalQuery) -> SpawnedRows {
        self.used = self.dispatcher.cluster.node_ids();
        let PhysicalQuery { plan, state } = physical;
        *self.progress.lock() = shape(&plan);
        spawn_stream(plan, state.task_ctx(), &self.dispatcher.threads)
    }

    /// Runs the query again when it failed with an executor and no row is out.
    async fn again(&mut self, error: Error, delivered: bool) -> Result<SpawnedRows> {
        if !failure::may_be_a_loss(&error) {
            return Err(error);
        }
        let cluster = Arc::clone(&self.dispatcher.cluster);
        if self.reruns_left < RERUNS_MAX {
            tokio::time::sleep(SECOND_RERUN_WAIT).await;
        }
        cluster.probe().await;
        let is_loss = failure::is_loss(&error) || !self.used.is_subset(&cluster.node_ids());
        if !is_loss {
            return Err(error);
        }
        if delivered || self.reruns_left == 0 {
            let text = format!("an executor was lost: {}", error.message());
            return Err(Error::new(ErrorCode::RemoteHostGone, text));
        }
        self.reruns_left -= 1;
        tracing::warn!(query_id = %self.query_id, error = %error, "running the query again");
        cluster.wait_for_executor().await?;
        let physical = self.logical.clone().physical().await?;
        Ok(self.start(physical))
    }
}

#[derive(Debug)]
struct Running {
    run: Run,
    rows: SpawnedRows,
    delivered: bool,
}

async fn next_batch(mut running: Running) -> Result<Option<(RecordBatch, Running)>> {
    loop {
        match running.rows.next().await {
            None => {
                let mut progress = running.run.progress.lock();
                (progress.stages_done, progress.tasks_done) = (progress.stages, progress.tasks);
                return Ok(None);
            }
            // A batch without rows commits to nothing.
            Some(Ok(batch)) if batch.num_rows() == 0 => {}
            Some(Ok(batch)) => {
                running.delivered = true;
                return Ok(Some((batch, running)));
            }
            Some(Err(error)) => {
                running.rows = running.run.again(error, running.delivered).await?;
            }
        }
    }
}

/// Stages and tasks of a plan.
fn shape(plan: &Arc<dyn ExecutionPlan>) -> Progress {
    let mut progress = Progress { stages: 1, tasks: 1, ..Progress::default() };
    add_stages(plan, &mut progress);
    progress
}

fn add_stages(plan: &Arc<dyn ExecutionPlan>, progress: &mut Progress) {
    if let Some(boundary) = plan.as_network_boundary() {
        progress.stages += 1;
        progress.tasks += boundary.input_stage().task_count();
    }
    for child in plan.children() {
        add_stages(child, progress);
    }
}
