//! The executors of the cluster: who is there, where, and who is gone.
//!
//! An executor is known from its first heartbeat. It is gone when its heartbeats stop, when it
//! says so, when a launch on it fails, or at once when its process ends: the scheduler holds an
//! idle connection to each executor (`tether`) that the kernel closes for the dead.

mod registry;
mod tether;

pub use registry::NodeInfo;
pub(crate) use registry::{Node, Registry};

use crate::dispatch::pipelined::workers;
use crate::dispatch::staged::StagedScheduler;
use futures::StreamExt;
use quern_common::config::InternalConfig;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::session::Workers;
use quern_proto::cluster::{Channels, ClusterSecret, incoming};
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

/// A process that is killed may lose its connections before its listener.
const SETTLE_WAIT: Duration = Duration::from_millis(100);

/// The cluster that this scheduler leads.
pub struct Cluster {
    config: InternalConfig,
    address: SocketAddr,
    secret: ClusterSecret,
    channels: Channels,
    scheduler: StagedScheduler,
    nodes: Arc<Registry>,
    control: Handle,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Listens for executors until `shutdown`, on the threads of the caller's runtime.
    ///
    /// # Errors
    /// `CONFIGURATION_INVALID` when the listener is off loopback and there is no secret.
    pub async fn start(
        config: &InternalConfig,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<Arc<Self>> {
        let address = listener.local_addr().map_err(|err| {
            Error::new(ErrorCode::ConfigurationInvalid, format!("internal listener: {err}"))
        })?;
        let secret = ClusterSecret::new(&config.secret);
        secret.check_listener(address)?;
        let scheduler = StagedScheduler::start(config, address, &secret).await?;
        let control = Handle::current();
        let cluster = Arc::new(Self {
            config: config.clone(),
            address,
            channels: Channels::new(secret.clone(), control.clone()),
            secret,
            scheduler,
            nodes: Arc::default(),
            control,
        });
        tokio::spawn(serve(Arc::clone(&cluster), listener, shutdown.clone()));
        let following = Arc::clone(&cluster);
        tokio::spawn(async move {
            tokio::select! {
                () = following.follow_changes() => {}
                () = shutdown.cancelled() => {}
            }
            following.nodes.clear();
        });
        Ok(cluster)
    }

    /// Where executors connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The executors, by id.
    pub fn nodes(&self) -> Vec<NodeInfo> {
        let running = self.scheduler.running_tasks();
        let nodes = self.nodes.all();
        nodes
            .iter()
            .map(|node| NodeInfo {
                id: node.id.clone(),
                address: node.address(),
                live: true,
                task_slots: node.task_slots,
                running_tasks: running.get(&node.id).copied().unwrap_or_default(),
                last_heartbeat: self.scheduler.last_heartbeat(&node.id),
            })
            .collect()
    }

    /// How many executors there are.
    pub fn n_live(&self) -> usize {
        self.nodes.len()
    }

    /// Task slots of all executors.
    pub fn n_slots(&self) -> usize {
        self.nodes.all().iter().map(|node| node.task_slots).sum()
    }

    /// Task slots of the smallest executor; 0 without executors.
    pub fn slots_per_executor(&self) -> usize {
        self.nodes.all().iter().map(|node| node.task_slots).min().unwrap_or_default()
    }

    /// Changes whenever an executor comes or goes.
    pub fn executors_changed(&self) -> watch::Receiver<u64> {
        self.nodes.changed()
    }

    /// How pipelined queries find and reach the executors. One partition of a scan reads
    /// `partition_bytes`.
    pub fn workers(&self, partition_bytes: usize) -> Workers {
        workers(Arc::clone(&self.nodes), self.channels.clone(), partition_bytes)
    }

    pub(crate) fn secret(&self) -> &ClusterSecret {
        &self.secret
    }

    pub(crate) fn config(&self) -> &InternalConfig {
        &self.config
    }

    pub(crate) fn scheduler(&self) -> &StagedScheduler {
        &self.scheduler
    }

    /// The threads of the cluster's own traffic.
    pub(crate) fn control(&self) -> &Handle {
        &self.control
    }

    pub(crate) fn node_ids(&self) -> BTreeSet<String> {
        self.nodes.all().iter().map(|node| node.id.clone()).collect()
    }

    /// Waits until there is an executor, as long as the configuration allows.
    ///
    /// # Errors
    /// `NO_NODES_AVAILABLE`.
    pub async fn wait_for_executor(&self) -> Result<()> {
        let mut changed = self.nodes.changed();
        let grace = self.config.no_executors_grace.0;
        let appears = async {
            // The sender is in `self.nodes`, so waiting cannot fail.
            while self.n_live() == 0 && changed.changed().await.is_ok() {}
        };
        tokio::time::timeout(grace, appears).await.map_err(|_| {
            Error::new(
                ErrorCode::NoNodesAvailable,
                format!("no executor joined within {} s", grace.as_secs()),
            )
        })
    }

    /// Looks whether each executor still accepts connections, and drops those that do not. For
    /// use after a failure, of which the cause may just be happening.
    pub(crate) async fn probe(&self) {
        tokio::time::sleep(SETTLE_WAIT).await;
        let nodes = self.nodes.all();
        let probes = nodes.iter().map(|node| async {
            if let Err(err) = tether::connect(node).await {
                self.lose(node, &format!("does not accept connections: {err}")).await;
            }
        });
        futures::future::join_all(probes).await;
    }

    /// An executor is gone. Should it be alive after all, its next heartbeat registers it.
    async fn lose(&self, node: &Node, reason: &str) {
        if self.nodes.remove(&node.id) {
            tracing::warn!(executor = node.id, address = node.address(), "executor lost: {reason}");
            self.channels.forget(&node.url());
            self.scheduler.remove_executor(&node.id, reason).await;
        }
    }

    async fn follow_changes(self: &Arc<Self>) {
        let mut changes = self.scheduler.membership_changes().await;
        self.refresh().await;
        while changes.next().await.is_some() {
            self.refresh().await;
        }
    }

    async fn refresh(self: &Arc<Self>) {
        let (joined, left) = self.nodes.replace(self.scheduler.executors().await);
        for node in left {
            tracing::info!(executor = node.id, address = node.address(), "executor left");
            self.channels.forget(&node.url());
        }
        for node in joined {
            tracing::info!(executor = node.id, address = node.address(), "executor joined");
            let cluster = Arc::clone(self);
            tokio::spawn(async move {
                if let Some(reason) = tether::hold(&node).await {
                    cluster.lose(&node, &reason).await;
                }
            });
        }
    }
}

async fn serve(cluster: Arc<Cluster>, listener: TcpListener, shutdown: CancellationToken) {
    let service = cluster.scheduler.service(cluster.config.max_message_size.as_usize());
    let served = Server::builder()
        .layer(cluster.secret.layer())
        .add_service(service)
        .serve_with_incoming_shutdown(incoming(listener), shutdown.cancelled())
        .await;
    if let Err(err) = served {
        tracing::error!(error = %err, "the internal listener broke");
    }
}
