//! A connection: one channel, one session.

use crate::error::{ascii, from_status, is_unimplemented, malformed};
use crate::options::ConnectOptions;
use crate::progress::QueryProgress;
use crate::statement::{PreparedStatement, QueryResult};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{Any, ProstMessageExt};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor,
    FlightInfo, HandshakeRequest,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::stream;
use parking_lot::Mutex;
use prost::Message;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use quern_proto::flight_sql::{
    CLOSE_SESSION, GET_SESSION_OPTIONS, QUERY_PROGRESS, SET_SESSION_OPTIONS, SessionOptionValue,
    SessionOptions, SessionValue, SetErrorValue, SetSessionOptionsResult,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Streaming};

const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// HTTP/2's smallest, 16 KiB, would cut a large result into a hundred thousand frames.
const FRAME_BYTES_MAX: u32 = 1 << 20;

/// A session on a server. Cloning is cheap and gives the same session.
#[derive(Debug, Clone)]
pub struct Connection {
    client: FlightServiceClient<Channel>,
    credentials: Arc<Mutex<Credentials>>,
    url: Arc<str>,
}

/// What every request carries so that the server knows the session.
#[derive(Default)]
struct Credentials {
    authorization: Option<AsciiMetadataValue>,
    cookies: BTreeMap<String, String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What became of a request to cancel a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// The query has stopped.
    Cancelled,
    /// The query is about to stop.
    Cancelling,
    /// The query cannot be cancelled, mostly because it has finished.
    NotCancellable,
}

impl Connection {
    /// Connects, authenticates and sets the session options given.
    ///
    /// # Errors
    /// `REMOTE_HOST_GONE` when nobody answers, `AUTHENTICATION_FAILED`,
    /// `CONFIGURATION_INVALID` or `NOT_SUPPORTED` for the URL, `INVALID_SESSION_PROPERTY`.
    pub async fn connect(options: &ConnectOptions) -> Result<Self> {
        let url = options.endpoint_url()?;
        let attempt = Self::connect_to(&url, options);
        tokio::time::timeout(options.connect_timeout, attempt).await.map_err(|_| {
            unreachable_server(&url, &format!("no answer in {:?}", options.connect_timeout))
        })?
    }

    async fn connect_to(url: &str, options: &ConnectOptions) -> Result<Self> {
        let channel = Endpoint::from_shared(url.to_owned())
            .map_err(|err| Error::internal(format!("endpoint \"{url}\": {err}")))?
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_while_idle(true)
            .tcp_keepalive(Some(KEEP_ALIVE_INTERVAL))
            .max_frame_size(FRAME_BYTES_MAX)
            .connect()
            .await
            .map_err(|err| unreachable_server(url, &root_cause(&err)))?;
        let client = FlightServiceClient::new(channel)
            .max_decoding_message_size(options.max_message_size)
            .max_encoding_message_size(options.max_message_size);
        let connection = Self { client, credentials: Arc::default(), url: url.into() };
        connection.authenticate(options).await?;
        if !options.session.is_empty() {
            let session: Vec<_> =
                options.session.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            connection.set_session_options(&session).await?;
        }
        Ok(connection)
    }

    /// Returns the server's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn authenticate(&self, options: &ConnectOptions) -> Result<()> {
        if !options.token.is_empty() {
            let bearer = format!("Bearer {}", options.token.expose());
            self.credentials.lock().authorization = Some(header_value(&bearer)?);
            return self.probe().await;
        }
        let Some(user) = &options.user else {
            // A server that lets everybody in may still hand out a token, which is what holds
            // the session together. One that has no use for a handshake says so in various
            // ways; whether it lets us in is then seen from the next call.
            return match self.handshake(None).await {
                Ok(_) => Ok(()),
                Err(error) if is_connection_lost(&error) => Err(error),
                Err(_) => self.probe().await,
            };
        };
        let pair = BASE64_STANDARD.encode(format!("{user}:{}", options.password.expose()));
        let given = self.handshake(Some(header_value(&format!("Basic {pair}"))?)).await?;
        if given {
            return Ok(());
        }
        let message = format!("the server gave no token for user \"{user}\"");
        Err(Error::new(ErrorCode::AuthenticationFailed, message))
    }

    /// Shakes hands and tells whether the server gave a token.
    async fn handshake(&self, authorization: Option<AsciiMetadataValue>) -> Result<bool> {
        let mut request = Request::new(stream::iter([HandshakeRequest::default()]));
        if let Some(value) = authorization {
            request.metadata_mut().insert("authorization", value);
        }
        let response = self.client.clone().handshake(request).await.map_err(|s| from_status(&s))?;
        let mut replies = self.accept(response);
        while replies.message().await.map_err(|s| from_status(&s))?.is_some() {}
        Ok(self.credentials.lock().authorization.is_some())
    }

    /// Makes a call that needs no more than being let in.
    async fn probe(&self) -> Result<()> {
        match self.session_options().await {
            Err(error) if !is_unimplemented(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Runs a statement, whether it gives rows or not.
    ///
    /// # Errors
    /// What the server says about the statement; `RemoteFailure::of` has the query's id.
    pub async fn execute(&self, sql: &str) -> Result<QueryResult> {
        let statement = self.prepare(sql).await?;
        if statement.is_query() {
            return Ok(QueryResult::Rows(Box::new(statement.query().await?)));
        }
        Ok(QueryResult::Update(statement.update().await?.finish().await?))
    }

    /// Has the server parse and check a statement without running it.
    ///
    /// # Errors
    /// What the server says about the statement.
    pub async fn prepare(&self, sql: &str) -> Result<PreparedStatement> {
        PreparedStatement::create(self.clone(), sql).await
    }

    /// Asks the server to stop a query. Dropping its result does the same without an answer.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` when the server has no such action.
    pub async fn cancel(&self, info: FlightInfo) -> Result<Cancellation> {
        let body = CancelFlightInfoRequest::new(info).encode_to_vec();
        let reply = self.action_with_reply(CANCEL_FLIGHT_INFO, body).await?;
        let result = CancelFlightInfoResult::decode(reply).map_err(not_a("CancelFlightInfo"))?;
        Ok(match result.status() {
            CancelStatus::Cancelled => Cancellation::Cancelled,
            CancelStatus::Cancelling | CancelStatus::Unspecified => Cancellation::Cancelling,
            CancelStatus::NotCancellable => Cancellation::NotCancellable,
        })
    }

    /// Returns how far a query is, or nothing when the server does not tell.
    ///
    /// # Errors
    /// `NOT_FOUND` for a query that the server does not know.
    pub async fn query_progress(&self, query: &QueryId) -> Result<Option<QueryProgress>> {
        let body = query.as_str().as_bytes().to_vec();
        match self.action_with_reply(QUERY_PROGRESS, body).await {
            Ok(reply) => serde_json::from_slice(&reply)
                .map(Some)
                .map_err(|err| malformed(format!("query progress: {err}"))),
            Err(error) if is_unimplemented(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets session options: `catalog`, `schema`, session properties.
    ///
    /// # Errors
    /// `INVALID_SESSION_PROPERTY` that names the first option the server refused.
    pub async fn set_session_options(&self, options: &[(&str, &str)]) -> Result<()> {
        let entry = |(name, value): &(&str, &str)| {
            let value = SessionValue::String((*value).to_owned());
            ((*name).to_owned(), SessionOptionValue { value: Some(value) })
        };
        let request = SessionOptions { options: options.iter().map(entry).collect() };
        let reply = self.action_with_reply(SET_SESSION_OPTIONS, request.encode_to_vec()).await?;
        let result = SetSessionOptionsResult::decode(reply).map_err(not_a("SetSessionOptions"))?;
        let Some((name, error)) = result.errors.iter().min_by_key(|(name, _)| name.as_str()) else {
            return Ok(());
        };
        let why = match error.value() {
            SetErrorValue::InvalidName => "is unknown",
            SetErrorValue::InvalidValue => "does not take this value",
            SetErrorValue::Unspecified | SetErrorValue::Error => "could not be set",
        };
        let message = format!("session property \"{name}\" {why}");
        Err(Error::new(ErrorCode::InvalidSessionProperty, message))
    }

    /// Returns the session options that have a value, by name.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` when the server has no sessions.
    pub async fn session_options(&self) -> Result<BTreeMap<String, SessionValue>> {
        let reply = self.action_with_reply(GET_SESSION_OPTIONS, Vec::new()).await?;
        let result = SessionOptions::decode(reply).map_err(not_a("GetSessionOptions"))?;
        let options: HashMap<_, _> = result.options;
        Ok(options.into_iter().filter_map(|(name, v)| Some((name, v.value?))).collect())
    }

    /// Ends the session; what still runs in it is cancelled by the server.
    ///
    /// # Errors
    /// When the server cannot be asked. A server without sessions is no error.
    pub async fn close(self) -> Result<()> {
        match self.action(CLOSE_SESSION, Vec::new()).await {
            Err(error) if !is_unimplemented(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks for the plan of a command.
    pub(crate) async fn flight_info(&self, command: &impl ProstMessageExt) -> Result<FlightInfo> {
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let request = self.request(descriptor)?;
        let response =
            self.client.clone().get_flight_info(request).await.map_err(|s| from_status(&s))?;
        Ok(self.accept(response))
    }

    /// Calls an action whose body is wrapped in `Any`, as those of Flight SQL are.
    pub(crate) async fn sql_action<R: ProstMessageExt>(
        &self,
        name: &str,
        message: &impl ProstMessageExt,
    ) -> Result<R> {
        let reply = self.action_with_reply(name, message.as_any().encode_to_vec()).await?;
        let any = Any::decode(reply).map_err(not_a(name))?;
        let unpacked: Option<R> =
            any.unpack().map_err(|err| malformed(format!("answer to {name}: {err}")))?;
        unpacked.ok_or_else(|| malformed(format!("the answer to {name} is {}", any.type_url)))
    }

    async fn action_with_reply(&self, name: &str, body: Vec<u8>) -> Result<Bytes> {
        let reply = self.action(name, body).await?;
        reply.ok_or_else(|| malformed(format!("the answer to {name} is empty")))
    }

    /// Calls an action to its end and returns the first result's body.
    pub(crate) async fn action(&self, name: &str, body: Vec<u8>) -> Result<Option<Bytes>> {
        let request = self.request(Action::new(name, body))?;
        let response = self.client.clone().do_action(request).await.map_err(|s| from_status(&s))?;
        let mut replies: Streaming<arrow_flight::Result> = self.accept(response);
        let mut first = None;
        while let Some(reply) = replies.message().await.map_err(|s| from_status(&s))? {
            first.get_or_insert(reply.body);
        }
        Ok(first)
    }

    pub(crate) fn client(&self) -> FlightServiceClient<Channel> {
        self.client.clone()
    }

    /// A request that carries the session.
    pub(crate) fn request<M>(&self, message: M) -> Result<Request<M>> {
        let mut request = Request::new(message);
        let credentials = self.credentials.lock();
        if let Some(authorization) = &credentials.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if !credentials.cookies.is_empty() {
            let pairs: Vec<_> =
                credentials.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            request.metadata_mut().insert("cookie", header_value(&pairs.join("; "))?);
        }
        Ok(request)
    }

    /// Takes token and cookies out of a response's metadata.
    pub(crate) fn accept<M>(&self, response: Response<M>) -> M {
        self.credentials.lock().remember(response.metadata());
        response.into_inner()
    }
}

impl Credentials {
    fn remember(&mut self, metadata: &MetadataMap) {
        let is_token = |text: String| text.starts_with("Bearer ");
        if ascii(metadata, "authorization").is_some_and(is_token) {
            self.authorization = metadata.get("authorization").cloned();
        }
        for cookie in metadata.get_all("set-cookie") {
            let pair = cookie.to_str().ok().and_then(|text| text.split(';').next());
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

fn is_connection_lost(error: &Error) -> bool {
    crate::RemoteFailure::of(error).is_some_and(crate::RemoteFailure::is_connection_lost)
}

fn unreachable_server(url: &str, why: &str) -> Error {
    Error::new(ErrorCode::RemoteHostGone, format!("cannot connect to \"{url}\": {why}"))
}

/// The innermost message: tonic's own is only "transport error".
fn root_cause(err: &dyn std::error::Error) -> String {
    let mut innermost = err;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn header_value(text: &str) -> Result<AsciiMetadataValue> {
    text.parse().map_err(|_| {
        let message = "a token or cookie has characters that a header cannot carry";
        Error::new(ErrorCode::AuthenticationFailed, message)
    })
}

fn not_a(name: &str) -> impl FnOnce(prost::DecodeError) -> Error + '_ {
    move |err| malformed(format!("answer to {name}: {err}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_and_cookies_are_taken_from_responses() {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", "Bearer abc".parse().unwrap());
        metadata.append("set-cookie", "a=1; Path=/; HttpOnly".parse().unwrap());
        metadata.append("set-cookie", "b=2".parse().unwrap());
        let mut credentials = Credentials::default();
        credentials.remember(&metadata);
        assert_eq!(credentials.authorization.as_ref().unwrap(), "Bearer abc");
        let cookies: Vec<_> = credentials.cookies.into_iter().collect();
        assert_eq!(cookies, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn a_basic_header_is_not_taken_for_a_token() {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", "Basic abc".parse().unwrap());
        let mut credentials = Credentials::default();
        credentials.remember(&metadata);
        assert!(credentials.authorization.is_none());
    }
}
