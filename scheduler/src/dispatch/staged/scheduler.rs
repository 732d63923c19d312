//! Ballista's scheduler, embedded: static planning, push scheduling, no port of its own.

use super::jobs::CheckedJobs;
use super::slots::CountedSlots;
use crate::cluster::Node;
use ballista_core::extension::{EndpointOverrideFn, SessionConfigExt};
use ballista_core::serde::protobuf::ExecutorStoppedParams;
use ballista_core::serde::protobuf::scheduler_grpc_server::{SchedulerGrpc, SchedulerGrpcServer};
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::cluster::memory::InMemoryJobState;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::metrics::NoopMetricsCollector;
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion::common::DataFusionError;
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use futures::StreamExt;
use futures::stream::BoxStream;
use quern_common::config::InternalConfig;
use quern_common::{Error, Result};
use quern_engine::codec::QuernPhysicalCodec;
use quern_proto::cluster::ClusterSecret;
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;

/// How often silent executors are looked for.
const EXPIRY_INTERVAL_S: u64 = 1;
/// Results that nobody fetched or let go are removed after this; both ends of a query remove
/// them at once.
const ABANDONED_RESULT_S: u64 = 3_600;
/// How long the scheduler remembers an ended job.
const ENDED_JOB_S: u64 = 120;

pub(super) type Server = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// Ballista's scheduler.
#[derive(Clone)]
pub(crate) struct StagedScheduler {
    pub(super) server: Server,
    pub(super) jobs: Arc<CheckedJobs>,
}

impl fmt::Debug for StagedScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StagedScheduler")
    }
}

impl StagedScheduler {
    /// Starts its event loop on the caller's runtime.
    pub(crate) async fn start(
        config: &InternalConfig,
        address: SocketAddr,
        secret: &ClusterSecret,
    ) -> Result<Self> {
        let message_bytes = u32::try_from(config.max_message_size.0).unwrap_or(u32::MAX);
        let client_config = Arc::new(move || client_config(message_bytes as usize));
        let scheduler = SchedulerConfig {
            executor_timeout_seconds: config.executor_timeout.0.as_secs().max(1),
            expire_dead_executor_interval_seconds: EXPIRY_INTERVAL_S,
            no_executors_grace_period_seconds: config.no_executors_grace.0.as_secs(),
            finished_job_data_clean_up_interval_seconds: ABANDONED_RESULT_S,
            finished_job_state_clean_up_interval_seconds: ENDED_JOB_S,
            grpc_server_max_decoding_message_size: message_bytes,
            grpc_server_max_encoding_message_size: message_bytes,
            grpc_client_max_message_size: message_bytes,
            override_create_grpc_client_endpoint: Some(endpoint_override(secret)),
            override_config_producer: Some(Arc::clone(&client_config) as _),
            ..SchedulerConfig::default()
        };
        // Plans come from our planner only: a session asked for over the wire is refused.
        let jobs = InMemoryJobState::new(
            scheduler.scheduler_id.clone(),
            Arc::new(|_: SessionConfig| {
                Err(DataFusionError::NotImplemented("planning for other nodes".to_owned()))
            }),
            client_config,
        );
        let jobs = Arc::new(CheckedJobs::new(jobs));
        let cluster =
            BallistaCluster::new(Arc::new(CountedSlots::default()), Arc::clone(&jobs) as _);
        let codec = BallistaCodec::new(
            Arc::new(BallistaLogicalExtensionCodec::default()),
            Arc::new(QuernPhysicalCodec::default()),
        );
        let mut server = Server::new(
            address.to_string(),
            cluster,
            codec,
            Arc::new(scheduler),
            Arc::new(NoopMetricsCollector::default()),
        );
        server.init().await.map_err(|err| Error::internal(format!("staged scheduler: {err}")))?;
        Ok(Self { server, jobs })
    }

    /// What executors call.
    pub(crate) fn service(&self, max_message_bytes: usize) -> SchedulerGrpcServer<Server> {
        SchedulerGrpcServer::new(self.server.clone())
            .max_decoding_message_size(max_message_bytes)
            .max_encoding_message_size(max_message_bytes)
    }

    /// The registered executors.
    pub(crate) async fn executors(&self) -> Vec<Node> {
        match self.server.state.executor_manager.get_executors_state().await {
            Ok(executors) => executors
                .into_iter()
                .map(|(executor, _, _)| Node {
                    id: executor.id,
                    host: executor.host,
                    port: executor.grpc_port,
                    task_slots: executor.specification.vcores as usize,
                    gone: CancellationToken::new(),
                })
                .collect(),
            Err(err) => {
                tracing::error!(error = %err, "the registered executors cannot be read");
                Vec::new()
            }
        }
    }

    /// An item whenever an executor registers or is removed.
    pub(crate) async fn membership_changes(&self) -> BoxStream<'static, ()> {
        match self.server.cluster_state_events().await {
            Ok(events) => events.map(|_| ()).boxed(),
            Err(err) => {
                tracing::error!(error = %err, "changes of the cluster cannot be followed");
                futures::stream::empty().boxed()
            }
        }
    }

    /// When an executor last reported.
    pub(crate) fn last_heartbeat(&self, id: &str) -> Option<SystemTime> {
        let heartbeat = self.server.state.executor_manager.get_executor_hearbeat(id)?;
        Some(UNIX_EPOCH + Duration::from_secs(heartbeat.timestamp))
    }

    /// Has the work of an executor done by others, now.
    pub(crate) async fn remove_executor(&self, id: &str, reason: &str) {
        // The farewell removes it too, but a while later, and it would be listed until then.
        let executors = &self.server.state.executor_manager;
        if let Err(err) = executors.remove_executor(id, Some(reason.to_owned())).await {
            tracing::error!(executor = id, error = %err, "a lost executor was not removed");
        }
        let params =
            ExecutorStoppedParams { executor_id: id.to_owned(), reason: reason.to_owned() };
        if let Err(err) = self.server.executor_stopped(tonic::Request::new(params)).await {
            tracing::error!(executor = id, error = %err, "a lost executor was not removed");
        }
    }

    /// Running tasks by executor.
    pub(crate) fn running_tasks(&self) -> HashMap<String, usize> {
        let mut running = HashMap::new();
        for job in self.server.state.task_manager.get_running_job_cache().values() {
            // A graph that is being changed is left out rather than waited for.
            let Ok(graph) = job.execution_graph.try_read() else { continue };
            for task in graph.running_tasks() {
                *running.entry(task.executor_id).or_default() += 1;
            }
        }
        running
    }
}

/// Makes Ballista's clients members of the cluster.
pub(super) fn endpoint_override(secret: &ClusterSecret) -> EndpointOverrideFn {
    let secret = secret.clone();
    Arc::new(move |endpoint| secret.endpoint(endpoint).map_err(Into::into))
}

fn client_config(message_bytes: usize) -> SessionConfig {
    SessionConfig::new_with_ballista().with_ballista_grpc_client_max_message_size(message_bytes)
}
