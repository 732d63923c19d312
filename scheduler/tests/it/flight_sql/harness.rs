//! A server on a free port, and clients for it.

use super::fake_backend::{Counts, FakeBackend};
use arrow::array::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{Any, ProstMessageExt};
use arrow_flight::{Action, FlightDescriptor, FlightInfo, Ticket};
use bytes::Bytes;
use futures::TryStreamExt;
use prost::Message;
use quern_common::config::{AuthConfig, FlightSqlConfig, HumanDuration, Secret};
use quern_proto::flight_sql::keys::ERROR_CODE;
use quern_scheduler::flight_sql::{FlightSqlService, SessionDefaults, authenticator, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

pub(crate) type SqlClient = FlightSqlServiceClient<Channel>;
pub(crate) type RawClient = FlightServiceClient<Channel>;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) counts: Arc<Counts>,
    pub(crate) service: Arc<FlightSqlService>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// A server that lets everyone in.
    pub(crate) async fn start() -> Self {
        Self::with(FlightSqlConfig::default(), AuthConfig::default()).await
    }

    /// A server with the users ada and bob.
    pub(crate) async fn with_users() -> Self {
        let users = [("ada", "s3cret"), ("bob", "hunter2")];
        let users = users.map(|(user, password)| (user.to_owned(), Secret::new(password)));
        Self::with(FlightSqlConfig::default(), AuthConfig { users: users.into() }).await
    }

    pub(crate) async fn with(config: FlightSqlConfig, auth: AuthConfig) -> Self {
        let backend = FakeBackend::default();
        let counts = Arc::clone(&backend.counts);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let defaults = SessionDefaults { catalog: "hive".to_owned(), schema: "default".to_owned() };
        let service =
            FlightSqlService::new(Arc::new(backend), authenticator(&auth), defaults, config);
        let service = Arc::new(service.unwrap());
        let serving = serve(Arc::clone(&service), listener, std::future::pending());
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Self { address, counts, service, task }
    }

    /// A new connection.
    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// A Flight SQL client with its own connection.
    pub(crate) async fn client(&self) -> SqlClient {
        SqlClient::new(self.channel().await)
    }

    /// A Flight client with its own connection.
    pub(crate) async fn raw(&self) -> RawClient {
        RawClient::new(self.channel().await)
    }
}

/// A configuration in which results nobody fetches are soon dropped.
pub(crate) fn impatient() -> FlightSqlConfig {
    FlightSqlConfig {
        result_idle_timeout: HumanDuration(Duration::from_millis(400)),
        ..FlightSqlConfig::default()
    }
}

pub(crate) fn count(counter: &AtomicUsize) -> usize {
    counter.load(SeqCst)
}

/// Waits until a counter has a value, for as long as [`PATIENCE`] lasts.
pub(crate) async fn wait_for(counter: &AtomicUsize, value: usize) {
    let start = Instant::now();
    while count(counter) != value {
        assert!(start.elapsed() < PATIENCE, "the count is {}, not {value}", count(counter));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().unwrap()
}

/// Fetches a result and puts it into one batch.
pub(crate) async fn fetch(client: &mut SqlClient, info: &FlightInfo) -> RecordBatch {
    let stream = client.do_get(ticket(info)).await.unwrap();
    let batches: Vec<_> = stream.try_collect().await.unwrap();
    let schema = Arc::new(info.clone().try_decode_schema().unwrap());
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

pub(crate) fn descriptor(command: &impl ProstMessageExt) -> FlightDescriptor {
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

/// Calls an action and returns the body of its reply, if it has one.
pub(crate) async fn act(
    client: &mut RawClient,
    name: &str,
    body: impl Into<Bytes>,
) -> Result<Option<Bytes>, Status> {
    let mut replies = client.do_action(Action::new(name, body)).await?.into_inner();
    Ok(replies.message().await?.map(|reply| reply.body))
}

pub(crate) fn packed(message: &impl ProstMessageExt) -> Vec<u8> {
    message.as_any().encode_to_vec()
}

/// A message of Flight, wrapped as some clients do.
pub(crate) fn wrapped(name: &str, message: &impl Message) -> Vec<u8> {
    let type_url = format!("type.googleapis.com/arrow.flight.protocol.{name}");
    Any { type_url, value: message.encode_to_vec().into() }.encode_to_vec()
}

pub(crate) fn status(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => panic!("not a gRPC status: {other}"),
    }
}

/// The name of a status's error code.
pub(crate) fn code(status: &Status) -> &str {
    let code = status.metadata().get(ERROR_CODE);
    code.unwrap_or_else(|| panic!("no error code in {status:?}")).to_str().unwrap()
}
