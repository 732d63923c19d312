//! Being a member of the cluster: the executor says who and where it is, again and again.
//!
//! A heartbeat carries the whole registration, and a scheduler that does not know the executor
//! registers it, so a scheduler that was restarted needs nothing else.

use ballista_core::BALLISTA_PROTOCOL_VERSION;
use ballista_core::serde::protobuf::executor_resource::Resource;
use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    ExecutorOperatingSystemSpecification, ExecutorRegistration, ExecutorResource,
    ExecutorSpecification, ExecutorStatus, ExecutorStoppedParams, HeartBeatParams,
    RegisterExecutorParams,
};
use quern_common::config::InternalConfig;
use quern_common::ids::NodeId;
use quern_common::{Error, ErrorCode, Result};
use quern_proto::cluster::Channels;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Channel;

/// The first wait after a failed heartbeat; it doubles up to the heartbeat interval.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(100);
/// A heartbeat that took this long has failed.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the farewell may take.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// The scheduler as executors reach it.
#[derive(Debug, Clone)]
pub(crate) struct SchedulerLink {
    channels: Channels,
    address: String,
    max_message_bytes: usize,
}

impl SchedulerLink {
    pub(crate) fn new(channels: Channels, address: String, max_message_bytes: usize) -> Self {
        Self { channels, address, max_message_bytes }
    }

    /// A client over the shared connection.
    pub(crate) async fn client(&self) -> Result<SchedulerGrpcClient<Channel>> {
        let channel = self.channels.get(&format!("http://{}", self.address)).await?;
        Ok(SchedulerGrpcClient::new(channel)
            .max_decoding_message_size(self.max_message_bytes)
            .max_encoding_message_size(self.max_message_bytes))
    }
}

/// What the scheduler is told about this executor.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// This process.
    pub(crate) id: NodeId,
    /// The internal listener.
    pub(crate) listener: SocketAddr,
    /// Tasks that run at once.
    pub(crate) task_slots: usize,
    /// Names and intervals.
    pub(crate) config: InternalConfig,
}

impl Member {
    /// Sends heartbeats until `shutdown`, then says farewell.
    pub(crate) async fn stay(self, scheduler: SchedulerLink, shutdown: CancellationToken) {
        let interval = self.config.heartbeat_interval.0;
        let mut retry_wait = RETRY_WAIT_MIN;
        let mut is_member = false;
        loop {
            let sent = tokio::select! {
                sent = self.heartbeat(&scheduler, is_member) => sent,
                () = shutdown.cancelled() => break,
            };
            let wait = match sent {
                Ok(()) => {
                    if !is_member {
                        tracing::info!(id = %self.id, scheduler = scheduler.address, "registered");
                    }
                    is_member = true;
                    retry_wait = RETRY_WAIT_MIN;
                    interval
                }
                Err(err) => {
                    let was = if is_member { "lost the scheduler" } else { "no scheduler yet" };
                    tracing::warn!(scheduler = scheduler.address, error = %err, "{was}");
                    is_member = false;
                    retry_wait = (retry_wait * 2).min(interval);
                    retry_wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => break,
            }
        }
        self.farewell(&scheduler).await;
    }

    async fn heartbeat(&self, scheduler: &SchedulerLink, is_member: bool) -> Result<()> {
        let beat = async {
            let registration = self.registration(&scheduler.address).await?;
            let mut client = scheduler.client().await?;
            if !is_member {
                let params = RegisterExecutorParams { metadata: Some(registration.clone()) };
                match client.register_executor(params).await {
                    // The scheduler was out of reach only, and has not forgotten.
                    Err(status) if status.code() == Code::AlreadyExists => {}
                    registered => drop(registered.map_err(from_status)?),
                }
            }
            let params = HeartBeatParams {
                executor_id: self.id.to_string(),
                metrics: Vec::new(),
                status: Some(ExecutorStatus { status: Some(Status::Active(String::new())) }),
                metadata: Some(registration),
            };
            client.heart_beat_from_executor(params).await.map_err(from_status)?;
            Ok(())
        };
        tokio::time::timeout(HEARTBEAT_TIMEOUT, beat).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorCode::RemoteHostGone, "no answer to a heartbeat"))
        })
    }

    /// Tells the scheduler not to wait for this executor's timeout.
    async fn farewell(&self, scheduler: &SchedulerLink) {
        let farewell = async {
            let params = ExecutorStoppedParams {
                executor_id: self.id.to_string(),
                reason: "shut down".to_owned(),
            };
            scheduler.client().await?.executor_stopped(params).await.map_err(from_status)
        };
        match tokio::time::timeout(FAREWELL_TIMEOUT, farewell).await {
            Ok(Ok(_)) => {}
            Ok(Err(err)) => tracing::info!(error = %err, "the scheduler did not hear the farewell"),
            Err(_) => tracing::info!("the scheduler did not answer the farewell"),
        }
    }

    async fn registration(&self, scheduler: &str) -> Result<ExecutorRegistration> {
        let port = u32::from(self.listener.port());
        let slots = u32::try_from(self.task_slots).unwrap_or(u32::MAX);
        Ok(ExecutorRegistration {
            id: self.id.to_string(),
            host: Some(self.host(scheduler).await?),
            port,
            grpc_port: port,
            specification: Some(ExecutorSpecification {
                resources: vec![ExecutorResource { resource: Some(Resource::Vcores(slots)) }],
            }),
            os_info: Some(ExecutorOperatingSystemSpecification::default()),
            ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
        })
    }

    /// The configured name, else the listener's address, else, when it listens on all of them,
    /// the address from which the scheduler is reached.
    async fn host(&self, scheduler: &str) -> Result<String> {
        if !self.config.advertise_host.is_empty() {
            return Ok(self.config.advertise_host.clone());
        }
        let listening = self.listener.ip();
        if !listening.is_unspecified() {
            return Ok(in_url(listening));
        }
        let outgoing = async {
            let socket = UdpSocket::bind((listening, 0)).await?;
            // Connecting a datagram socket sends nothing; it only chooses the local address.
            socket.connect(scheduler).await?;
            socket.local_addr()
        };
        outgoing.await.map(|address| in_url(address.ip())).map_err(|err| {
            Error::new(ErrorCode::RemoteHostGone, format!("scheduler \"{scheduler}\": {err}"))
        })
    }
}

fn in_url(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// A failed call as an error of ours.
pub(crate) fn from_status(status: tonic::Status) -> Error {
    let code = match status.code() {
        Code::Unauthenticated => ErrorCode::AuthenticationFailed,
        _ => ErrorCode::RemoteHostGone,
    };
    Error::new(code, status.message().to_owned()).with_source(status)
}
