//! The one internal port: shuffle files, tasks and the pipelined worker, for members only.

use crate::tasks::TaskService;
use ballista_core::serde::protobuf::executor_grpc_server::ExecutorGrpcServer;
use ballista_executor::flight_service::BallistaFlightService;
use datafusion_distributed::Worker;
use futures::future::BoxFuture;
use http::{Request, Response};
use quern_common::{Error, Result};
use quern_proto::cluster::{ClusterSecret, incoming};
use std::convert::Infallible;
use std::path::Path;
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tower::Service;

use arrow_flight::flight_service_server::FlightServiceServer;

/// What the port serves.
pub(crate) struct Services {
    pub(crate) tasks: TaskService,
    pub(crate) worker: Worker,
    pub(crate) secret: ClusterSecret,
    pub(crate) max_message_bytes: usize,
    /// Threads of query work.
    pub(crate) threads: Handle,
}

/// Serves until `shutdown`, and then until the last request is answered.
pub(crate) async fn serve(
    listener: TcpListener,
    services: Services,
    work_dir: &Path,
    shutdown: CancellationToken,
) -> Result<()> {
    let limit = services.max_message_bytes;
    let shuffle = BallistaFlightService::new(work_dir.to_string_lossy().into_owned());
    let shuffle = FlightServiceServer::new(shuffle)
        .max_decoding_message_size(limit)
        .max_encoding_message_size(limit);
    let tasks = ExecutorGrpcServer::new(services.tasks)
        .max_decoding_message_size(limit)
        .max_encoding_message_size(limit);
    let worker =
        OnThreads { inner: services.worker.into_worker_server(), threads: services.threads };
    Server::builder()
        .layer(services.secret.layer())
        .add_service(shuffle)
        .add_service(tasks)
        .add_service(worker)
        .serve_with_incoming_shutdown(incoming(listener), shutdown.cancelled_owned())
        .await
        .map_err(|err| Error::internal(format!("internal listener: {err}")))
}

/// Handles requests on other threads than those of the connection. What a pipelined query
/// spawns while it is being handled runs there too, and heartbeats are not kept waiting.
#[derive(Clone)]
struct OnThreads<S> {
    inner: S,
    threads: Handle,
}

impl<S: NamedService> NamedService for OnThreads<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for OnThreads<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut handling = AbortOnDrop(self.threads.spawn(self.inner.call(request)));
        Box::pin(async move {
            match (&mut handling.0).await {
                Ok(answer) => answer,
                Err(err) => {
                    let status = tonic::Status::internal(format!("the request's handler: {err}"));
                    Ok(status.into_http())
                }
            }
        })
    }
}

/// A client that goes away takes the handling of its request with it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
