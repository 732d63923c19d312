//! Runs a plan in stages on Ballista: exchanges are files, and a lost executor costs only the
//! tasks that it did.
//!
//! A job either ends with files on executors, which are then fetched as the client reads, or
//! with a text that says what failed. Ballista re-runs lost tasks itself; [`StagedDispatcher`]
//! adds one run of the whole job for what Ballista does not save: a result whose executor died
//! before the first row was fetched, a job that it has lost track of, and one whose result
//! would count some rows twice.

mod accounting;
mod job;
mod jobs;
mod results;
mod scheduler;
mod slots;

pub(crate) use scheduler::StagedScheduler;

use super::{Dispatched, Progress};
use crate::cluster::Cluster;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use futures::stream;
use job::{Failure, Job};
use parking_lot::Mutex;
use quern_common::ids::QueryId;
use quern_common::{Error, Result};
use quern_engine::plan::PhysicalQuery;
use results::Results;
use std::sync::Arc;

/// Runs of the whole job after the first.
const RERUNS_MAX: usize = 1;

/// Runs queries in stages.
#[derive(Debug, Clone)]
pub struct StagedDispatcher {
    cluster: Arc<Cluster>,
}

impl StagedDispatcher {
    /// A dispatcher to the executors of `cluster`.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster }
    }

    /// Starts a query and returns at once. Dropping its rows cancels it.
    ///
    /// # Errors
    /// `NO_NODES_AVAILABLE` when no executor joins within the configured time.
    pub async fn submit(&self, query_id: &QueryId, physical: PhysicalQuery) -> Result<Dispatched> {
        self.cluster.wait_for_executor().await?;
        let PhysicalQuery { plan, state } = physical;
        let schema = plan.schema();
        let state = staged_settings(state, self.cluster.config().max_message_size.as_usize())?;
        let mut run = Run {
            cluster: Arc::clone(&self.cluster),
            query_id: query_id.clone(),
            plan,
            context: Arc::new(SessionContext::new_with_state(state)),
            reruns_left: RERUNS_MAX,
            current: Arc::default(),
        };
        let job = run.start().await?;
        let current = Arc::clone(&run.current);
        let scheduler = self.cluster.scheduler().clone();
        let rows = stream::try_unfold(Phase::Running(run, job), next_batch);
        Ok(Dispatched {
            schema,
            rows: rows.boxed(),
            progress: Arc::new(move || match current.lock().as_ref() {
                Some(job) => job::progress(&scheduler, job),
                None => Progress::default(),
            }),
        })
    }
}

/// A query and what it takes to run it again.
struct Run {
    cluster: Arc<Cluster>,
    query_id: QueryId,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<SessionContext>,
    reruns_left: usize,
    current: Arc<Mutex<Option<String>>>,
}

impl Run {
    async fn start(&mut self) -> Result<Job> {
        let plan = Arc::clone(&self.plan);
        let context = Arc::clone(&self.context);
        let job = Job::submit(&self.cluster, &self.query_id, context, plan).await?;
        *self.current.lock() = Some(job.id().to_owned());
        Ok(job)
    }

    /// Runs the job again when that may help and there are runs left.
    async fn again(&mut self, failure: Failure) -> Result<Job> {
        if !failure.may_pass || self.reruns_left == 0 {
            return Err(failure.error);
        }
        self.reruns_left -= 1;
        tracing::warn!(query_id = %self.query_id, error = %failure.error, "running the job again");
        self.cluster.wait_for_executor().await.map_err(|_| failure.error)?;
        self.start().await
    }
}

enum Phase {
    Running(Run, Job),
    Fetching { run: Run, results: Box<Results>, delivered: bool },
}

/// Waits for the job's end once, then fetches batch by batch.
async fn next_batch(mut phase: Phase) -> Result<Option<(RecordBatch, Phase)>> {
    loop {
        phase = match phase {
            Phase::Running(mut run, mut job) => match job.finished().await {
                Ok(files) => {
                    let results = Box::new(Results::new(&run.cluster, job, files));
                    Phase::Fetching { run, results, delivered: false }
                }
                Err(failure) => {
                    drop(job);
                    let job = run.again(failure).await?;
                    Phase::Running(run, job)
                }
            },
            Phase::Fetching { mut run, mut results, delivered } => match results.next().await {
                Ok(None) => return Ok(None),
                Ok(Some(batch)) => {
                    return Ok(Some((batch, Phase::Fetching { run, results, delivered: true })));
                }
                Err(error) => {
                    drop(results);
                    // An executor that cannot give its files must not get the tasks again.
                    run.cluster.probe().await;
                    let job = run.again(Failure { error, may_pass: !delivered }).await?;
                    Phase::Running(run, job)
                }
            },
        };
    }
}

/// Limits of Ballista's clients: large messages, and a fetch that fails soon, because a failed
/// fetch is how a stage learns that its input must be made again.
fn staged_settings(mut state: SessionState, message_bytes: usize) -> Result<SessionState> {
    let settings = [
        ("ballista.planner.adaptive.enabled", "false".to_owned()),
        ("ballista.client.grpc_max_message_size", message_bytes.to_string()),
        ("ballista.client.io_retries_times", "2".to_owned()),
        ("ballista.client.io_retry_wait_time_ms", "300".to_owned()),
    ];
    let options = state.config_mut().options_mut();
    for (name, value) in settings {
        options
            .set(name, &value)
            .map_err(|err| Error::internal(format!("a query planned for another mode: {err}")))?;
    }
    Ok(state)
}
