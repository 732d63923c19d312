//! The Flight service: finds out who calls, hands the call on, and turns errors into statuses.

use super::auth::{
    ANONYMOUS, AUTHORIZATION, Authenticator, Credentials, SESSION_COOKIE, credentials, failed,
    handshake_credentials, session_cookie,
};
use super::backend::QueryBackend;
use super::flight_data::Message;
use super::metadata::Metadata;
use super::state::ClientState;
use super::status::{insert, to_status};
use super::ticket::Signer;
use crate::session_manager::{ConnectionId, SessionLease, SessionLimits, SessionManager};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use async_trait::async_trait;
use futures::{FutureExt, Stream};
use prost::Message as _;
use quern_common::config::FlightSqlConfig;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::session::Session;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request, Response, Status, Streaming};

pub(crate) type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The catalog and schema that a session begins with.
#[derive(Debug, Clone)]
pub struct SessionDefaults {
    /// Catalog of names without catalog.
    pub catalog: String,
    /// Schema of names without schema.
    pub schema: String,
}

/// Speaks Flight SQL for a [`QueryBackend`].
#[derive(Debug)]
pub struct FlightSqlService {
    pub(super) backend: Arc<dyn QueryBackend>,
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) sessions: SessionManager<ClientState>,
    pub(super) signer: Signer,
    pub(super) metadata: Metadata,
    pub(super) config: FlightSqlConfig,
}

/// Who calls, and whether the reply tells the session's cookie.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) lease: SessionLease<ClientState>,
    is_new: bool,
}

impl Caller {
    pub(super) fn session(&self) -> &Arc<Session> {
        self.lease.session()
    }

    pub(super) fn state(&self) -> &ClientState {
        self.lease.state()
    }

    fn reply<T>(&self, message: T) -> Response<T> {
        self.with_cookie(Response::new(message))
    }

    fn with_cookie<T>(&self, mut response: Response<T>) -> Response<T> {
        if self.is_new {
            let cookie = format!("{SESSION_COOKIE}={}; Path=/; HttpOnly", self.lease.token());
            insert(response.metadata_mut(), "set-cookie", &cookie);
        }
        response
    }
}

impl FlightSqlService {
    /// A service without sessions.
    ///
    /// # Errors
    /// An internal error when its constant tables cannot be built.
    pub fn new(
        backend: Arc<dyn QueryBackend>,
        authenticator: Arc<dyn Authenticator>,
        defaults: SessionDefaults,
        config: FlightSqlConfig,
    ) -> Result<Self> {
        let sessions = SessionManager::new(SessionLimits {
            max_sessions: config.max_sessions,
            idle_timeout: config.session_idle_timeout.0,
            catalog: defaults.catalog,
            schema: defaults.schema,
        });
        let (signer, metadata) = (Signer::new(), Metadata::new()?);
        Ok(Self { backend, authenticator, sessions, signer, metadata, config })
    }

    /// The number of open sessions.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Finds the caller's session: by bearer token, by cookie, or the connection's own.
    fn caller(&self, metadata: &MetadataMap, extensions: &Extensions) -> Result<Caller> {
        let user = match credentials(metadata)? {
            Credentials::Bearer(token) => {
                return Ok(Caller { lease: self.by_token(&token)?, is_new: false });
            }
            Credentials::Basic { user, password } => {
                self.authenticator.verify(&user, &password)?;
                user
            }
            Credentials::None if self.authenticator.is_required() => {
                return Err(failed("this server needs a user name and password")
                    .with_hint("log in with a handshake, or send an authorization header"));
            }
            Credentials::None => ANONYMOUS.to_owned(),
        };
        let of_cookie = session_cookie(metadata)
            .and_then(|token| self.sessions.by_token(token))
            .filter(|lease| lease.session().user() == user);
        if let Some(lease) = of_cookie {
            return Ok(Caller { lease, is_new: false });
        }
        let connection = extensions.get::<ConnectionId>().copied().unwrap_or(ConnectionId(0));
        let (lease, is_new) = self.sessions.of_connection(connection, &user)?;
        Ok(Caller { lease, is_new })
    }

    fn by_token(&self, token: &str) -> Result<SessionLease<ClientState>> {
        self.sessions
            .by_token(token)
            .ok_or_else(|| failed("the session is unknown or has expired; log in again"))
    }

    fn caller_of<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        self.caller(request.metadata(), request.extensions()).map_err(|err| to_status(&err))
    }

    /// Opens a session for name and password; a token that is shown is given back.
    async fn log_in(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<SessionLease<ClientState>> {
        let (metadata, _, mut messages) = request.into_parts();
        let mut shown = credentials(&metadata)?;
        if shown == Credentials::None {
            let first = messages.message().await.map_err(|status| malformed(status.message()))?;
            shown = handshake_credentials(&first.unwrap_or_default().payload)?;
        }
        match shown {
            Credentials::Bearer(token) => self.by_token(&token),
            Credentials::Basic { user, password } => {
                self.authenticator.verify(&user, &password)?;
                self.sessions.open(&user)
            }
            Credentials::None if self.authenticator.is_required() => {
                Err(failed("the handshake has neither user name nor password"))
            }
            Credentials::None => self.sessions.open(ANONYMOUS),
        }
    }

    /// DoGet.
    pub(super) async fn rows(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<BoxStream<Message>>, Status> {
        let caller = self.caller_of(&request)?;
        Ok(caller.reply(answer(self.result(&caller, &request.get_ref().ticket)).await?))
    }

    pub(super) async fn encoded_schema(
        &self,
        caller: &Caller,
        descriptor: &FlightDescriptor,
    ) -> Result<SchemaResult> {
        let schema = self.command_schema(caller, &descriptor.cmd).await?;
        SchemaResult::try_from(SchemaAsIpc::new(&schema, &IpcWriteOptions::default()))
            .map_err(|err| Error::internal(format!("the schema cannot be encoded: {err}")))
    }
}

#[async_trait]
impl FlightService for FlightSqlService {
    type HandshakeStream = BoxStream<HandshakeResponse>;
    type ListFlightsStream = BoxStream<FlightInfo>;
    type DoGetStream = BoxStream<FlightData>;
    type DoPutStream = BoxStream<PutResult>;
    type DoActionStream = BoxStream<arrow_flight::Result>;
    type ListActionsStream = BoxStream<ActionType>;
    type DoExchangeStream = BoxStream<FlightData>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let lease = self.log_in(request).await.map_err(|err| to_status(&err))?;
        let token = lease.token().to_owned();
        let bearer = format!("Bearer {token}");
        let reply = HandshakeResponse { protocol_version: 0, payload: token.into() };
        let replies: Self::HandshakeStream = Box::pin(futures::stream::iter([Ok(reply)]));
        let mut response = Response::new(replies);
        insert(response.metadata_mut(), AUTHORIZATION, &bearer);
        Ok(response)
    }

    async fn list_flights(
        &self,
        _request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(to_status(&Error::not_supported("call \"ListFlights\"")))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let caller = self.caller_of(&request)?;
        Ok(caller.reply(answer(self.flight_info(&caller, request.into_inner())).await?))
    }

    /// As results stream while they are produced, a query that was planned is complete for the
    /// purpose of polling.
    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let caller = self.caller_of(&request)?;
        let info = answer(self.flight_info(&caller, request.into_inner())).await?;
        Ok(caller.reply(PollInfo::new().with_info(info)))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let caller = self.caller_of(&request)?;
        Ok(caller.reply(answer(self.encoded_schema(&caller, request.get_ref())).await?))
    }

    async fn do_get(
        &self,
        _request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        Err(Status::internal("DoGet is answered by RowsService"))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let caller = self.caller_of(&request)?;
        Ok(caller.with_cookie(answer(self.put(&caller, request.into_inner())).await?))
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(to_status(&Error::not_supported("call \"DoExchange\"")))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let caller = self.caller_of(&request)?;
        let body = answer(self.action(&caller, request.into_inner())).await?;
        let results = body.map(|body| Ok(arrow_flight::Result { body }));
        let results: Self::DoActionStream = Box::pin(futures::stream::iter(results));
        Ok(caller.reply(results))
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let caller = self.caller_of(&request)?;
        let types = super::actions::action_types().into_iter().map(Ok);
        let types: Self::ListActionsStream = Box::pin(futures::stream::iter(types));
        Ok(caller.reply(types))
    }
}

/// Awaits the answer to a request. A panic is an error of this request like others, where the
/// connection would otherwise be told no more than that the call was cancelled.
async fn answer<T>(work: impl Future<Output = Result<T>>) -> Result<T, Status> {
    let answer = AssertUnwindSafe(work).catch_unwind().await;
    let broken = || Error::internal("the request broke down; the server's log says where");
    answer.unwrap_or_else(|_| Err(broken())).map_err(|err| to_status(&err))
}

/// Reads a command of Flight SQL.
pub(super) fn decode_command(bytes: &[u8]) -> Result<Command> {
    if bytes.is_empty() {
        return Err(malformed("the descriptor has no command"));
    }
    let any = Any::decode(bytes)
        .map_err(|err| malformed(format!("the command cannot be decoded: {err}")))?;
    Command::try_from(any).map_err(|err| malformed(format!("the command cannot be decoded: {err}")))
}

/// A request that does not follow the protocol.
pub(super) fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::GenericUserError, message)
}
