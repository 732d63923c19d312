//! One job of Ballista: submitted, watched, and removed when nobody needs it any more.

use super::scheduler::StagedScheduler;
use crate::cluster::Cluster;
use crate::dispatch::Progress;
use ballista_core::JobId;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::{JobStatus, PartitionLocation};
use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Status updates that wait; Ballista drops those that find no room.
const STATUS_CHANNEL: usize = 1_024;
/// How often a job is looked at that sends no updates. Its end is told by an update, so this
/// does not delay a query.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// A job that has nothing running and nothing to run for this long has been lost track of.
const STALLED_AFTER: Duration = Duration::from_secs(10);
/// A job that is being planned does not hear a cancellation, so it is looked at this often.
const CANCEL_ATTEMPTS: usize = 500;
const CANCEL_INTERVAL: Duration = Duration::from_millis(10);

/// Why a job has no result.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether the same job may succeed when it is run again.
    pub(super) may_pass: bool,
}

/// A job. Dropping it cancels it, if it runs, and removes its files.
pub(super) struct Job {
    cluster: Arc<Cluster>,
    id: JobId,
    updates: mpsc::Receiver<JobStatus>,
    ended: bool,
    watch: Watch,
}

impl Job {
    pub(super) async fn submit(
        cluster: &Arc<Cluster>,
        query_id: &QueryId,
        context: Arc<SessionContext>,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<Self> {
        let (subscriber, updates) = mpsc::channel(STATUS_CHANNEL);
        let server = &cluster.scheduler().server;
        let id = server
            .submit_physical_plan(query_id.as_str(), context, plan, Some(subscriber))
            .await
            .map_err(|err| Error::internal(format!("submitting a job: {err}")))?;
        tracing::debug!(%query_id, job = %id, "job submitted");
        Ok(Self {
            cluster: Arc::clone(cluster),
            id,
            updates,
            ended: false,
            watch: Watch::default(),
        })
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Waits for the end, and tells where the result's files are.
    pub(super) async fn finished(&mut self) -> Result<Vec<PartitionLocation>, Failure> {
        let mut updates_end = false;
        loop {
            let status = tokio::select! {
                update = self.updates.recv(), if !updates_end => {
                    updates_end = update.is_none();
                    update
                }
                () = tokio::time::sleep(WATCH_INTERVAL) => {
                    self.check_progress().await?;
                    self.status().await
                }
            };
            match status.and_then(|status| status.status) {
                Some(Status::Successful(job)) => {
                    self.ended = true;
                    return match self.cluster.scheduler().jobs.take_fault(&self.id) {
                        None => Ok(job.partition_location),
                        Some(fault) => Err(miscounted(&fault)),
                    };
                }
                Some(Status::Failed(job)) => {
                    self.ended = true;
                    return Err(failure(&job.error));
                }
                Some(Status::Queued(_) | Status::Running(_)) | None => {}
            }
        }
    }

    async fn status(&self) -> Option<JobStatus> {
        let tasks = &self.cluster.scheduler().server.state.task_manager;
        tasks.get_job_status(&self.id).await.ok().flatten()
    }

    /// Ends what Ballista would leave hanging.
    async fn check_progress(&mut self) -> Result<(), Failure> {
        let grace = self.cluster.config().no_executors_grace.0;
        let is_alone = self.cluster.n_live() == 0;
        if Watch::lasts(&mut self.watch.no_executors_since, is_alone, grace) {
            return Err(Failure { error: all_lost(), may_pass: false });
        }
        let jobs = self.cluster.scheduler().server.state.task_manager.get_running_job_cache();
        let is_stalled = match jobs.get(&self.id) {
            None => false,
            Some(job) => {
                let graph = job.execution_graph.read().await;
                let may_wait_for_slots =
                    graph.available_tasks() > 0 && (jobs.len() > 1 || is_alone);
                !graph.is_successful() && graph.running_tasks().is_empty() && !may_wait_for_slots
            }
        };
        if Watch::lasts(&mut self.watch.stalled_since, is_stalled, STALLED_AFTER) {
            let error = Error::new(
                ErrorCode::RemoteTaskError,
                format!("the job made no progress for {} s", STALLED_AFTER.as_secs()),
            );
            return Err(Failure { error, may_pass: true });
        }
        Ok(())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let scheduler = self.cluster.scheduler().clone();
        let (id, ended) = (self.id.clone(), self.ended);
        self.cluster.control().spawn(async move {
            if !ended {
                cancel(&scheduler, &id).await;
            }
            scheduler.server.state.executor_manager.clean_up_job_data(id);
        });
    }
}

async fn cancel(scheduler: &StagedScheduler, id: &JobId) {
    let tasks = &scheduler.server.state.task_manager;
    let mut is_asked = false;
    for _ in 0..CANCEL_ATTEMPTS {
        let status = tasks.get_job_status(id).await.ok().flatten().and_then(|s| s.status);
        match status {
            Some(Status::Successful(_) | Status::Failed(_)) => return,
            Some(Status::Running(_)) if !is_asked => {
                is_asked = true;
                if let Err(err) = scheduler.server.cancel_job(id.clone()).await {
                    tracing::warn!(job = %id, error = %err, "cancellation failed");
                }
            }
            Some(Status::Running(_) | Status::Queued(_)) | None => {}
        }
        tokio::time::sleep(CANCEL_INTERVAL).await;
    }
    tracing::warn!(job = %id, "the job did not end when it was cancelled");
}

/// Since when something is wrong.
#[derive(Debug, Default)]
struct Watch {
    no_executors_since: Option<Instant>,
    stalled_since: Option<Instant>,
}

impl Watch {
    /// Whether a condition has held for `limit`.
    fn lasts(since: &mut Option<Instant>, holds: bool, limit: Duration) -> bool {
        if !holds {
            *since = None;
            return false;
        }
        since.get_or_insert_with(Instant::now).elapsed() >= limit
    }
}

/// A result that must not be used. Nothing of it was given out.
fn miscounted(fault: &str) -> Failure {
    let text = format!("an executor was lost and the job's books do not balance: {fault}");
    Failure { error: Error::new(ErrorCode::RemoteTaskError, text), may_pass: true }
}

fn all_lost() -> Error {
    Error::new(ErrorCode::RemoteHostGone, "all executors were lost")
}

/// What Ballista says of failures that are not the query's own fault.
const LOSSES: &[&str] =
    &["fetch", "times, fail the stage", "times, most recent failure", "transport"];

/// Reads the text of a failed job.
fn failure(text: &str) -> Failure {
    let text = text.trim();
    if let Some(ours) = Error::from_tagged(text) {
        return Failure { error: ours, may_pass: false };
    }
    if text.contains("all executors were lost") {
        return Failure { error: all_lost(), may_pass: false };
    }
    if text == "Cancelled" {
        let error = Error::new(ErrorCode::UserCanceled, "query was cancelled");
        return Failure { error, may_pass: false };
    }
    let is_loss = LOSSES.iter().any(|loss| text.contains(loss));
    let code = if is_loss { ErrorCode::RemoteHostGone } else { ErrorCode::RemoteTaskError };
    Failure { error: Error::new(code, text), may_pass: is_loss }
}

/// How far a job is: partitions count as tasks, because how many of them a task takes depends
/// on the slots that were free.
pub(super) fn progress(scheduler: &StagedScheduler, job: &str) -> Progress {
    let jobs = scheduler.server.state.task_manager.get_running_job_cache();
    let Some(job) = jobs.get(&JobId::new(job)) else { return Progress::default() };
    // A graph that is being changed is not waited for.
    let Ok(graph) = job.execution_graph.try_read() else { return Progress::default() };
    let mut progress = Progress {
        stages: graph.stage_count(),
        stages_done: graph.completed_stages(),
        ..Progress::default()
    };
    for stage in graph.stages().values() {
        let (n, n_done) = match stage {
            ExecutionStage::Successful(stage) => (stage.partitions, stage.partitions),
            ExecutionStage::Running(stage) => (stage.partitions, finished_partitions(stage)),
            ExecutionStage::Resolved(stage) => (stage.partitions, 0),
            ExecutionStage::UnResolved(_) | ExecutionStage::Failed(_) => (0, 0),
        };
        progress.tasks += n;
        progress.tasks_done += n_done;
    }
    progress
}

fn finished_partitions(stage: &ballista_scheduler::state::execution_stage::RunningStage) -> usize {
    let running: usize = stage.running_tasks().len();
    stage.partitions.saturating_sub(stage.pending.remaining()).saturating_sub(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_jobs_are_told_apart() {
        let ours =
            failure("Job failed due to stage 1 failed: [DIVISION_BY_ZERO] division by zero\n");
        assert_eq!(ours.error.code(), ErrorCode::DivisionByZero);
        assert_eq!(ours.error.message(), "division by zero");
        assert!(!ours.may_pass);
        let lost = failure(
            "Job failed due to stage 2 failed: Stage 2 has failed 4 times, most recent failure reason: x",
        );
        assert_eq!(lost.error.code(), ErrorCode::RemoteHostGone);
        assert!(lost.may_pass);
        let other = failure("something else");
        assert_eq!(other.error.code(), ErrorCode::RemoteTaskError);
        assert!(!other.may_pass);
    }

    #[test]
    fn a_condition_must_last() {
        let mut since = None;
        assert!(!Watch::lasts(&mut since, true, Duration::from_secs(1)));
        assert!(Watch::lasts(&mut since, true, Duration::ZERO));
        assert!(!Watch::lasts(&mut since, false, Duration::ZERO));
        assert!(since.is_none());
    }
}
