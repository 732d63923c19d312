//! The executor's process: its threads, its port, and its end.

use crate::membership::{Member, SchedulerLink};
use crate::server::{self, Services};
use crate::tasks::{Reporter, TaskRunner, TaskRunnerOptions, TaskService};
use crate::work_dir::WorkDir;
use crate::worker;
use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_executor::execution_engine::DefaultExecutionEngine;
use quern_common::config::Config;
use quern_common::ids::NodeId;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::codec::QuernPhysicalCodec;
use quern_engine::runtime::{EngineRuntime, LocationPolicy};
use quern_engine::session::{
    BATCH_SIZE_DEFAULT, ExecutionMode, QueryLimits, StateOptions, build_session_state,
};
use quern_proto::cluster::{Channels, ClusterSecret};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Stack of a thread of query work: optimised plans recurse deeply.
const STACK_BYTES: usize = 16 << 20;
/// How long requests that are being answered may take when the executor stops.
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// What an executor is made of.
#[derive(Debug)]
pub struct ExecutorOptions {
    /// The configuration.
    pub config: Config,
    /// Where the scheduler's internal listener is, `HOST:PORT`.
    pub scheduler: String,
    /// Memory that all tasks share.
    pub memory_bytes: usize,
    /// Threads of query work, and task slots when the configuration does not say how many.
    pub n_threads: usize,
    /// Which data may be read.
    pub policy: LocationPolicy,
}

/// Starts executors.
#[derive(Debug)]
pub struct Executor;

/// An executor that runs. Dropping it stops it at once.
#[derive(Debug)]
pub struct RunningExecutor {
    id: NodeId,
    address: SocketAddr,
    runner: Arc<TaskRunner>,
    leave: CancellationToken,
    stop: CancellationToken,
    member: Option<JoinHandle<()>>,
    server: Option<JoinHandle<Result<()>>>,
    control: Option<Runtime>,
    threads: Option<Runtime>,
    _work_dir: Arc<WorkDir>,
}

impl Executor {
    /// Starts an executor. A scheduler that does not answer yet is waited for, in the
    /// background and without end.
    ///
    /// # Errors
    /// `CONFIGURATION_INVALID` when the listener, the threads or the work directory cannot be
    /// had.
    pub async fn start(options: ExecutorOptions) -> Result<RunningExecutor> {
        let ExecutorOptions { config, scheduler, memory_bytes, n_threads, policy } = options;
        let listener = TcpListener::bind(&config.internal.listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let secret = ClusterSecret::new(&config.internal.secret);
        secret.check_listener(address)?;
        let runtime = EngineRuntime::new(&config, policy, memory_bytes)?;
        let id = NodeId::random();
        let work_dir = Arc::new(WorkDir::create(&config, id.as_str())?);
        let task_slots = match config.executor.task_slots {
            0 => n_threads.max(1),
            configured => configured,
        };
        // Heartbeats and connections have a thread of their own: query work never delays them.
        let control = threads("quern-control", 1)?;
        let threads = threads("quern-task", n_threads.max(1))?;
        let listener = {
            let _entered = control.enter();
            listener.into_std().and_then(TcpListener::from_std).map_err(unusable)?
        };

        let channels = Channels::new(secret.clone(), control.handle().clone());
        let max_message_bytes = config.internal.max_message_size.as_usize();
        let link = SchedulerLink::new(channels.clone(), scheduler, max_message_bytes);
        let reporter = {
            let _entered = control.enter();
            Reporter::start(id.clone(), link.clone())
        };
        let context = TaskContextParts { id: &id, runtime: &runtime, task_slots, secret: &secret };
        let runner = context.runner(&work_dir, reporter, threads.handle())?;
        let services = Services {
            tasks: TaskService::new(Arc::clone(&runner)),
            worker: worker::worker(&runtime, channels),
            secret,
            max_message_bytes,
            threads: threads.handle().clone(),
        };

        let (leave, stop) = (CancellationToken::new(), CancellationToken::new());
        let server = control.spawn({
            let (work_dir, stop) = (Arc::clone(&work_dir), stop.clone());
            async move { server::serve(listener, services, work_dir.path(), stop).await }
        });
        let member =
            Member { id: id.clone(), listener: address, task_slots, config: config.internal };
        let member = control.spawn(member.stay(link, leave.clone()));
        Ok(RunningExecutor {
            id,
            address,
            runner,
            leave,
            stop,
            member: Some(member),
            server: Some(server),
            control: Some(control),
            threads: Some(threads),
            _work_dir: work_dir,
        })
    }
}

/// What the runner of tasks is built from.
struct TaskContextParts<'a> {
    id: &'a NodeId,
    runtime: &'a EngineRuntime,
    task_slots: usize,
    secret: &'a ClusterSecret,
}

impl TaskContextParts<'_> {
    fn runner(
        &self,
        work_dir: &WorkDir,
        reporter: Reporter,
        threads: &Handle,
    ) -> Result<Arc<TaskRunner>> {
        let options = StateOptions {
            mode: ExecutionMode::Staged,
            target_partitions: self.task_slots,
            batch_size: BATCH_SIZE_DEFAULT,
            collect_statistics: false,
            default_names: (String::new(), String::new()),
            workers: None,
            limits: QueryLimits::default(),
            relation_planners: Vec::new(),
        };
        let state = build_session_state(&options, Arc::clone(self.runtime.shared_env()), None)?;
        let secret = self.secret.clone();
        let config = state.config().clone().with_ballista_override_create_grpc_client_endpoint(
            Arc::new(move |endpoint| secret.endpoint(endpoint).map_err(Into::into)),
        );
        Ok(Arc::new(TaskRunner::new(TaskRunnerOptions {
            id: self.id.clone(),
            runtime: self.runtime.clone(),
            task_slots: self.task_slots,
            work_dir: work_dir.path().to_owned(),
            config,
            functions: BallistaFunctionRegistry::from(&state),
            codec: BallistaCodec::new(
                Arc::new(BallistaLogicalExtensionCodec::default()),
                Arc::new(QuernPhysicalCodec::default()),
            ),
            engine: Arc::new(DefaultExecutionEngine::new()),
            reporter,
            threads: threads.clone(),
        })))
    }
}

impl RunningExecutor {
    /// This process's id in the cluster.
    pub fn id(&self) -> &NodeId {
        &self.id
    }

    /// The address of the internal listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the internal listener breaks.
    ///
    /// # Errors
    /// What broke.
    pub async fn wait(&mut self) -> Result<()> {
        match &mut self.server {
            None => Ok(()),
            Some(server) => server
                .await
                .unwrap_or_else(|err| Err(Error::internal(format!("internal listener: {err}")))),
        }
    }

    /// Leaves the cluster, lets what is being answered end for a while, and stops. Tasks of
    /// staged queries are run again elsewhere.
    pub async fn shutdown(mut self) {
        self.leave.cancel();
        if let Some(member) = self.member.take() {
            let _ = member.await;
        }
        self.runner.cancel_all();
        self.stop.cancel();
        if let Some(server) = self.server.take()
            && tokio::time::timeout(DRAIN_WAIT_MAX, server).await.is_err()
        {
            tracing::warn!("requests were cut off");
        }
    }
}

impl Drop for RunningExecutor {
    fn drop(&mut self) {
        // Not the blocking drop of a runtime: this may be called by a thread of another one.
        for runtime in [self.threads.take(), self.control.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

fn threads(name: &str, n: usize) -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n)
        .thread_name(name)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(unusable)
}

#[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
fn unusable(err: std::io::Error) -> Error {
    Error::new(ErrorCode::ConfigurationInvalid, format!("the executor cannot start: {err}"))
}
