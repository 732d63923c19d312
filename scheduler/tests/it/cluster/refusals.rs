//! Whoever does not know the secret is refused by every service.

use super::fixture::TestCluster;
use arrow_flight::Ticket;
use arrow_flight::flight_service_client::FlightServiceClient;
use ballista_core::serde::protobuf::executor_grpc_client::ExecutorGrpcClient;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{CancelTasksParams, HeartBeatParams};
use datafusion_distributed::GetWorkerInfoRequest;
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use quern_common::ErrorCode;
use quern_common::config::{InternalConfig, Secret};
use quern_proto::cluster::ClusterSecret;
use quern_scheduler::cluster::Cluster;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

async fn stranger(address: impl ToString, secret: Option<&str>) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", address.to_string())).unwrap();
    let endpoint = match secret {
        None => endpoint,
        Some(secret) => ClusterSecret::new(&Secret::new(secret)).endpoint(endpoint).unwrap(),
    };
    endpoint.connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused_by_every_service() {
    let cluster = TestCluster::start(1).await;
    let executor = cluster.executors[0].address();
    for secret in [None, Some("a guess")] {
        let scheduler = stranger(cluster.cluster.address(), secret).await;
        let err = SchedulerGrpcClient::new(scheduler)
            .heart_beat_from_executor(HeartBeatParams::default())
            .await
            .unwrap_err();
        assert_eq!(err.code(), Code::Unauthenticated);

        let channel = stranger(executor, secret).await;
        let err = ExecutorGrpcClient::new(channel.clone())
            .cancel_tasks(CancelTasksParams { task_infos: vec![] })
            .await
            .unwrap_err();
        assert_eq!(err.code(), Code::Unauthenticated);
        let err =
            FlightServiceClient::new(channel.clone()).do_get(Ticket::default()).await.unwrap_err();
        assert_eq!(err.code(), Code::Unauthenticated);
        let err = create_worker_client(BoxCloneSyncChannel::new(channel))
            .get_worker_info(GetWorkerInfoRequest {})
            .await
            .err()
            .unwrap();
        assert!(err.to_string().contains("not a member of this cluster"), "{err}");
    }
    // A member is not refused.
    let member = stranger(executor, Some("a secret of this test")).await;
    let member = create_worker_client(BoxCloneSyncChannel::new(member))
        .get_worker_info(GetWorkerInfoRequest {})
        .await;
    assert!(member.is_ok(), "{:?}", member.err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_secret_a_listener_off_loopback_is_refused() {
    let config = InternalConfig::default();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let err = Cluster::start(&config, listener, CancellationToken::new()).await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::ConfigurationInvalid);
}
