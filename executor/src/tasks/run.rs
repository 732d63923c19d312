//! Runs tasks and knows which are running.

use super::Reporter;
use super::stop::stop_with;
use ballista_core::JobId;
use ballista_core::error::BallistaError;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::BallistaCodec;
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{
    FailedTask, MultiTaskDefinition, OperatorMetricsSet, SuccessfulTask,
    TaskDefinition as ProtoTask, TaskId, TaskStatus, task_status,
};
use ballista_core::serde::scheduler::from_proto::get_task_definition;
use ballista_core::serde::scheduler::{TaskDefinition, TaskKey};
use ballista_executor::execution_engine::{ExecutionEngine, QueryStageExecutor};
use dashmap::DashMap;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::prelude::SessionConfig;
use futures::FutureExt;
use parking_lot::Mutex;
use quern_common::ids::NodeId;
use quern_common::{Error, Result};
use quern_engine::error::classify_datafusion;
use quern_engine::runtime::EngineRuntime;
use quern_engine::session::QueryLimits;
use std::collections::VecDeque;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// How long the removal of a job's files waits for its tasks to stop.
const STOP_WAIT_MAX: Duration = Duration::from_secs(10);

/// When an ended job's directory is removed again.
const LATE_FILES_WAITS: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];
/// Ended jobs that are remembered. A late launch comes within milliseconds.
const ENDED_JOBS_MAX: usize = 256;

/// What tasks are run with.
pub(crate) struct TaskRunnerOptions {
    /// This executor.
    pub(crate) id: NodeId,
    /// Memory, scratch, caches, storage.
    pub(crate) runtime: EngineRuntime,
    /// Tasks that run at once.
    pub(crate) task_slots: usize,
    /// Where shuffle files go.
    pub(crate) work_dir: PathBuf,
    /// What a task's configuration begins with.
    pub(crate) config: SessionConfig,
    /// Functions by name.
    pub(crate) functions: BallistaFunctionRegistry,
    /// Decodes plans.
    pub(crate) codec: BallistaCodec,
    /// Prepares a stage's plan.
    pub(crate) engine: Arc<dyn ExecutionEngine>,
    /// Takes the ends of tasks.
    pub(crate) reporter: Reporter,
    /// Threads of query work.
    pub(crate) threads: Handle,
}

/// Runs tasks.
pub(crate) struct TaskRunner {
    options: TaskRunnerOptions,
    running: DashMap<Attempt, Running>,
    ended_jobs: Mutex<VecDeque<String>>,
}

/// A task and which attempt of its stage it belongs to: attempts number their tasks anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Attempt {
    task: TaskKey,
    stage_attempt: u32,
}

#[derive(Debug, Clone, Default)]
struct Running {
    cancel: CancellationToken,
    ended: CancellationToken,
}

impl fmt::Debug for TaskRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRunner").field("running", &self.running.len()).finish()
    }
}

impl TaskRunner {
    pub(crate) fn new(options: TaskRunnerOptions) -> Self {
        Self { options, running: DashMap::new(), ended_jobs: Mutex::default() }
    }

    /// Starts tasks, unless their job is over: a launch and the end of its job may cross.
    pub(crate) fn launch(self: &Arc<Self>, tasks: &MultiTaskDefinition) {
        let ended_jobs = self.ended_jobs.lock();
        if ended_jobs.contains(&tasks.job_id) {
            return;
        }
        for id in &tasks.task_ids {
            let attempt = attempt(tasks, id.task_id);
            // Entered before anything runs, so that a cancellation never comes too early.
            self.running.insert(attempt.clone(), Running::default());
            let runner = Arc::clone(self);
            let task = single_task(tasks, id);
            self.options.threads.spawn(async move { runner.run(attempt, task).await });
        }
    }

    async fn run(self: Arc<Self>, attempt: Attempt, task: ProtoTask) {
        let times = Times { launched: task.launch_time, started: now_ms() };
        let span = tracing::info_span!(
            "task",
            job = task.job_id,
            stage_id = task.stage_id,
            task_id = task.task_id,
            attempt = task.stage_attempt_num,
        );
        let running = self.running.get(&attempt).map(|entry| entry.value().clone());
        let cancel = running.unwrap_or_default().cancel;
        let work =
            AssertUnwindSafe(self.work(&attempt, task, &cancel)).catch_unwind().instrument(span);
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(BallistaError::Cancelled),
            ended = work => ended.unwrap_or_else(|panic| {
                let message = panic_message(panic.as_ref());
                Err(BallistaError::Internal(format!("a task panicked: {message}")))
            }),
        };
        self.end(attempt, outcome.map_err(failed_task), times).await;
    }

    async fn work(
        &self,
        attempt: &Attempt,
        task: ProtoTask,
        stop: &CancellationToken,
    ) -> Result<Done, BallistaError> {
        self.outlast_older_attempts(attempt).await;
        let (stage, context) = self.prepare(self.decode(task)?, stop)?;
        let files = stage.execute_query_stage(attempt.task.task_id, context).await?;
        let success = SuccessfulTask {
            executor_id: self.options.id.to_string(),
            partitions: files,
            runtime_stats: stage.collect_runtime_stats_reports(),
            window_state: stage.collect_window_state_reports()?,
            task_column_stats: Vec::new(),
        };
        Ok(Done { success, metrics: operator_metrics(&*stage) })
    }

    fn decode(&self, task: ProtoTask) -> Result<TaskDefinition, BallistaError> {
        let options = &self.options;
        let env = Arc::clone(options.runtime.shared_env());
        get_task_definition(
            task,
            Arc::new(move |_: &SessionConfig| Ok(Arc::clone(&env))),
            options.config.clone(),
            options.functions.scalar_functions.clone(),
            options.functions.aggregate_functions.clone(),
            options.functions.window_functions.clone(),
            options.functions.higher_order_functions.clone(),
            options.codec.clone(),
        )
    }

    fn prepare(
        &self,
        task: TaskDefinition,
        stop: &CancellationToken,
    ) -> Result<(Arc<dyn QueryStageExecutor>, Arc<TaskContext>), DataFusionError> {
        let options = &self.options;
        let identity = format!("{}/{}/{}", task.job_id, task.stage_id, task.task_id);
        let stage = options.engine.create_query_stage_exec(
            task.job_id,
            task.stage_id,
            task.task_id,
            task.global_output_partition_ids,
            stop_with(task.plan, stop)?,
            &options.work_dir.to_string_lossy(),
            &task.session_config,
        )?;
        let limits = task.session_config.options().extensions.get::<QueryLimits>();
        let of_query = limits.and_then(|limits| limits.memory_bytes_max);
        let of_slots = self.memory_bytes(task.vcores_consumed);
        let env = options.runtime.query_env(of_query.into_iter().chain(of_slots).min());
        let functions = task.function_registry;
        let context = TaskContext::new(
            Some(identity),
            task.session_id,
            task.session_config,
            functions.scalar_functions.clone(),
            functions.higher_order_functions.clone(),
            functions.aggregate_functions.clone(),
            functions.window_functions.clone(),
            env,
        );
        Ok((stage, Arc::new(context)))
    }

    /// A task's share of the pool: as much as its share of the slots.
    fn memory_bytes(&self, slots: u32) -> Option<usize> {
        match self.options.runtime.shared_env().memory_pool.memory_limit() {
            MemoryLimit::Finite(bytes) => {
                Some((bytes / self.options.task_slots).saturating_mul(slots.max(1) as usize))
            }
            _ => None,
        }
    }

    async fn end(&self, attempt: Attempt, outcome: Result<Done, FailedTask>, times: Times) {
        if let Some((_, running)) = self.running.remove(&attempt) {
            running.ended.cancel();
        }
        let (status, metrics) = match outcome {
            Ok(done) => (task_status::Status::Successful(done.success), done.metrics),
            Err(failure) => {
                tracing::info!(job = %attempt.task.job_id, error = failure.error, "task failed");
                (task_status::Status::Failed(failure), Vec::new())
            }
        };
        let TaskKey { job_id, stage_id, task_id } = attempt.task;
        let status = TaskStatus {
            task_id: as_u32(task_id),
            job_id: job_id.into(),
            stage_id: as_u32(stage_id),
            stage_attempt_num: attempt.stage_attempt,
            launch_time: times.launched,
            start_exec_time: times.started,
            end_exec_time: now_ms(),
            metrics,
            status: Some(status),
        };
        self.options.reporter.report(status).await;
    }

    /// Stops a task, in whichever attempt of its stage.
    pub(crate) fn cancel(&self, task: &TaskKey) {
        self.cancel_where(|attempt| attempt.task == *task);
    }

    /// Stops all tasks.
    pub(crate) fn cancel_all(&self) {
        self.cancel_where(|_| true);
    }

    fn cancel_where(&self, choose: impl Fn(&Attempt) -> bool) -> Vec<CancellationToken> {
        let chosen = self.running.iter().filter(|entry| choose(entry.key()));
        chosen
            .map(|entry| {
                entry.cancel.cancel();
                entry.ended.clone()
            })
            .collect()
    }

    fn enter_ended_job(&self, job: &str) {
        let mut ended_jobs = self.ended_jobs.lock();
        if ended_jobs.iter().any(|ended| ended == job) {
            return;
        }
        ended_jobs.push_back(job.to_owned());
        if ended_jobs.len() > ENDED_JOBS_MAX {
            ended_jobs.pop_front();
        }
    }

    /// Attempts of one task write the same files, so a new one waits for the old one's end.
    async fn outlast_older_attempts(&self, newest: &Attempt) {
        let older = self.cancel_where(|attempt| {
            attempt.task == newest.task && attempt.stage_attempt < newest.stage_attempt
        });
        all_ended(older).await;
    }

    /// Removes a job's shuffle files, or those of some of its stages. Without a list of stages
    /// the job is over, so its tasks are stopped first.
    pub(crate) async fn remove_job_data(&self, job: &str, stages: &[u32]) -> Result<()> {
        // The name becomes part of a path.
        if job.is_empty() || !job.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Error::internal(format!("\"{job}\" is no job id")));
        }
        if stages.is_empty() {
            self.enter_ended_job(job);
            let id = JobId::new(job);
            let tasks = self.cancel_where(|attempt| attempt.task.job_id == id);
            if tokio::time::timeout(STOP_WAIT_MAX, all_ended(tasks)).await.is_err() {
                tracing::warn!(job, "tasks did not stop before their files were removed");
            }
            let dir = self.options.work_dir.join(job);
            tokio::spawn(remove_late_files(dir.clone()));
            return remove_dir(dir).await;
        }
        for stage in stages {
            remove_dir(self.options.work_dir.join(job).join(stage.to_string())).await?;
        }
        Ok(())
    }
}

async fn all_ended(tasks: Vec<CancellationToken>) {
    for ended in tasks {
        ended.cancelled().await;
    }
}

/// A stopped task's writer on a blocking thread may still make a file.
async fn remove_late_files(dir: PathBuf) {
    for wait in LATE_FILES_WAITS {
        tokio::time::sleep(wait).await;
        if let Err(err) = remove_dir(dir.clone()).await {
            tracing::warn!(error = %err, "late shuffle files");
        }
    }
}

async fn remove_dir(path: PathBuf) -> Result<()> {
    match tokio::fs::remove_dir_all(&path).await {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::internal(format!("removing \"{}\": {err}", path.display())))
        }
        _ => Ok(()),
    }
}

fn attempt(tasks: &MultiTaskDefinition, task_id: u32) -> Attempt {
    Attempt {
        task: TaskKey {
            job_id: JobId::new(tasks.job_id.as_str()),
            stage_id: tasks.stage_id as usize,
            task_id: task_id as usize,
        },
        stage_attempt: tasks.stage_attempt_num,
    }
}

/// One task of several. They share a plan, and each decodes its own copy of it: nothing that
/// an operator keeps is shared.
fn single_task(tasks: &MultiTaskDefinition, id: &TaskId) -> ProtoTask {
    ProtoTask {
        task_id: id.task_id,
        task_attempt_num: id.task_attempt_num,
        job_id: tasks.job_id.clone(),
        stage_id: tasks.stage_id,
        stage_attempt_num: tasks.stage_attempt_num,
        plan: tasks.plan.clone(),
        session_id: tasks.session_id.clone(),
        launch_time: tasks.launch_time,
        props: tasks.props.clone(),
        global_output_partition_ids: id.global_output_partition_ids.clone(),
        vcores_consumed: id.vcores_consumed,
    }
}

/// What a task that succeeded leaves.
struct Done {
    success: SuccessfulTask,
    metrics: Vec<OperatorMetricsSet>,
}

fn operator_metrics(stage: &dyn QueryStageExecutor) -> Vec<OperatorMetricsSet> {
    let sets: Result<Vec<_>, BallistaError> =
        stage.collect_plan_metrics().into_iter().map(TryInto::try_into).collect();
    sets.unwrap_or_else(|err| {
        tracing::debug!(error = %err, "metrics of a task cannot be sent");
        Vec::new()
    })
}

/// Ballista decides what may be tried again. Where nothing may, the text is all that reaches
/// the scheduler, so it is ours, with its code.
fn failed_task(err: BallistaError) -> FailedTask {
    let cause = match err {
        BallistaError::DataFusionError(err) => Arc::new(*err),
        BallistaError::ArrowError(err) => Arc::new(DataFusionError::ArrowError(err, None)),
        BallistaError::Internal(message) => {
            Arc::new(DataFusionError::External(Box::new(Error::internal(message))))
        }
        other => return FailedTask::from(other),
    };
    let shared = || DataFusionError::Shared(Arc::clone(&cause));
    let mut failure = FailedTask::from(BallistaError::DataFusionError(Box::new(shared())));
    if matches!(failure.failed_reason, Some(FailedReason::ExecutionError(_))) {
        failure.error = format!("{:?}", classify_datafusion(inside_ballista(&cause)));
    }
    failure
}

/// The cause inside errors of Ballista, which name none as their source.
fn inside_ballista(err: &DataFusionError) -> &DataFusionError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(err);
    while let Some(current) = next {
        if let Some(BallistaError::DataFusionError(inner)) = current.downcast_ref() {
            return inside_ballista(inner);
        }
        next = current.source();
    }
    err
}

#[derive(Debug, Clone, Copy)]
struct Times {
    launched: u64,
    started: u64,
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quern_common::ErrorCode;

    #[test]
    fn a_failure_keeps_its_code_and_message() {
        let ours = Error::new(ErrorCode::HiveBadData, "file \"x\" is corrupt");
        let failure = failed_task(DataFusionError::External(Box::new(ours)).into());
        let back = Error::from_tagged(&failure.error).unwrap();
        assert_eq!(back.code(), ErrorCode::HiveBadData);
        assert_eq!(back.message(), "file \"x\" is corrupt");
        assert!(!failure.retryable);
    }

    #[test]
    fn a_refused_location_is_found_inside_everything_that_wraps_it() {
        let ours = Error::new(ErrorCode::PermissionDenied, "outside the allowed locations");
        let store =
            object_store::Error::PermissionDenied { path: "x".to_owned(), source: Box::new(ours) };
        let wrapped = BallistaError::DataFusionError(Box::new(store.into())).into_datafusion();
        let wrapped = DataFusionError::Context("a stage".to_owned(), Box::new(wrapped));
        let failure = failed_task(BallistaError::DataFusionError(Box::new(wrapped)));
        let back = Error::from_tagged(&failure.error).unwrap();
        assert_eq!(back.code(), ErrorCode::PermissionDenied);
        assert_eq!(back.message(), "outside the allowed locations");
    }

    #[test]
    fn a_failed_fetch_is_ballistas_to_handle() {
        let fetch = BallistaError::FetchFailed("e".to_owned(), 1, 2, "gone".to_owned());
        let failure =
            failed_task(BallistaError::DataFusionError(Box::new(fetch.into_datafusion())));
        assert!(matches!(failure.failed_reason, Some(FailedReason::FetchPartitionError(_))));
    }
}
