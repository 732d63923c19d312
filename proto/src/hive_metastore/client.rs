//! Calls a Hive metastore.

use super::dispatch::RESULT_FIELD;
use super::methods::SetUgi;
use super::stream::{MessageStream, Patience, Transport};
use super::types::ExceptionMessage;
use super::wire::{Input, MemoryPool, Output, Wire, WireError, WireLimits};
use super::{ApplicationError, Effect, Exception, ExceptionKind, Method};
use std::fmt;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use thrift::protocol::{TMessageIdentifier, TMessageType, TType};

/// The port of a URI that has none.
const DEFAULT_PORT: u16 = 9083;

/// How a [`HiveMetastoreClient`] connects and how long it waits.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Whether the server wants each message in a frame.
    pub framed: bool,
    /// The user and groups to act for, said at the start of each connection.
    pub user: Option<(String, Vec<String>)>,
    /// How long an address may take to accept the connection.
    pub connect_timeout: Duration,
    /// How long a server may take to begin its answer, and how long to end it.
    pub reply_timeout: Duration,
    /// How long a server may take to accept 64 KiB of a call.
    pub request_timeout: Duration,
    /// How often a call that only reads is sent, over all servers, before it fails.
    pub attempts_max: usize,
    /// What one answer may be.
    pub limits: WireLimits,
}

impl Default for ClientOptions {
    /// The answer may be 1 GiB, which is about 2 million partitions.
    fn default() -> Self {
        Self {
            framed: false,
            user: None,
            connect_timeout: Duration::from_secs(10),
            reply_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(60),
            attempts_max: 3,
            limits: WireLimits {
                message_max_bytes: 1 << 30,
                container_max_len: 1 << 24,
                memory_max_bytes: 2 << 30,
                ..WireLimits::default()
            },
        }
    }
}

/// Why a call gave no result.
#[derive(Debug)]
pub enum CallError {
    /// The method threw an exception that it declares.
    Exception(Exception),
    /// The server could not make the call.
    Application(ApplicationError),
    /// The URI of a metastore is none.
    Uri(String),
    /// No server accepted the connection.
    Connect(String),
    /// The connection broke; what the call does may have been done.
    Broken(WireError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exception(exception) => exception.fmt(f),
            Self::Application(error) => error.fmt(f),
            Self::Uri(why) => write!(f, "invalid metastore URI: {why}"),
            Self::Connect(why) => write!(f, "no metastore can be reached: {why}"),
            Self::Broken(error) => write!(f, "the connection to the metastore broke: {error}"),
        }
    }
}

impl std::error::Error for CallError {}

/// A client of one metastore, which may have several servers. It connects when it is first
/// called, to the first server that accepts, and stays there until the connection breaks.
#[derive(Debug)]
pub struct HiveMetastoreClient {
    servers: Vec<String>,
    current: usize,
    options: ClientOptions,
    connection: Option<Connection>,
}

impl HiveMetastoreClient {
    /// A client of the servers in `uris`, which are `thrift://host:port`, separated by commas.
    ///
    /// # Errors
    /// When one of them is no such URI.
    pub fn new(uris: &str, options: ClientOptions) -> Result<Self, CallError> {
        let servers = uris.split(',').map(parse_uri).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { servers, current: 0, options, connection: None })
    }

    /// Calls a method.
    ///
    /// A call that only reads is sent again, to the next server, when the connection breaks.
    ///
    /// # Errors
    /// The method's exception, or why the call could not be made.
    pub fn call<M: Method>(&mut self, args: &M) -> Result<M::Reply, CallError> {
        let mut call = MethodCall { args, reply: None };
        self.make(&mut call)?;
        call.into_reply()
    }

    fn make(&mut self, call: &mut dyn Call) -> Result<(), CallError> {
        let mut attempt = 1;
        loop {
            let error = match self.connect()?.make(call) {
                Err(CallError::Broken(error)) => error,
                done => return done,
            };
            self.connection = None;
            // Another server's answer to the same question would be as malformed.
            let passing = matches!(error, WireError::Disconnected(_) | WireError::TimedOut);
            let again = call.effect() == Effect::Reads && passing;
            if !again || attempt >= self.options.attempts_max {
                return Err(CallError::Broken(error));
            }
            tracing::debug!(method = call.name(), attempt, %error, "a metastore call is sent again");
            attempt += 1;
            self.current = (self.current + 1) % self.servers.len();
        }
    }

    /// The connection, made if there is none that works.
    fn connect(&mut self) -> Result<&mut Connection, CallError> {
        if !self.connection.as_ref().is_some_and(Connection::is_open) {
            self.connection = Some(self.open()?);
        }
        self.connection.as_mut().ok_or_else(|| CallError::Connect("no connection".to_owned()))
    }

    /// Connects to the first server that accepts, beginning with the current one.
    fn open(&mut self) -> Result<Connection, CallError> {
        let mut failures = Vec::new();
        for _ in 0..self.servers.len() {
            let server = &self.servers[self.current];
            match Connection::open(server, &self.options) {
                Ok(connection) => return Ok(connection),
                Err(error) => failures.push(format!("{server}: {error}")),
            }
            self.current = (self.current + 1) % self.servers.len();
        }
        Err(CallError::Connect(failures.join("; ")))
    }
}

/// Reads `thrift://host:port` and returns `host:port`.
fn parse_uri(uri: &str) -> Result<String, CallError> {
    let uri = uri.trim();
    let invalid = || CallError::Uri(format!("\"{uri}\" is not thrift://host:port"));
    let server = uri.strip_prefix("thrift://").ok_or_else(invalid)?.trim_end_matches('/');
    if server.is_empty() || server.contains(['/', '@', ' ', '?', '#']) {
        return Err(invalid());
    }
    // The colons of an IPv6 address are inside brackets.
    match server.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            port.parse::<u16>().map_err(|_| invalid())?;
            if host.is_empty() { Err(invalid()) } else { Ok(server.to_owned()) }
        }
        _ => Ok(format!("{server}:{DEFAULT_PORT}")),
    }
}

/// A connection to one server.
#[derive(Debug)]
struct Connection {
    stream: Arc<TcpStream>,
    messages: MessageStream,
    transport: Transport,
    patience: Patience,
    sequence: i32,
}

impl Connection {
    fn open(server: &str, options: &ClientOptions) -> Result<Self, CallError> {
        let stream = connect_any(server, options.connect_timeout)
            .map_err(|error| CallError::Connect(error.to_string()))?;
        let stream = Arc::new(stream);
        let transport = if options.framed { Transport::Framed } else { Transport::Unframed };
        let pool = MemoryPool::new(options.limits.memory_max_bytes);
        let messages =
            MessageStream::new(Arc::clone(&stream), Some(transport), options.limits, pool);
        let patience = Patience {
            idle: options.reply_timeout,
            message: options.reply_timeout,
            write: options.request_timeout,
        };
        let mut connection = Self { stream, messages, transport, patience, sequence: 0 };
        if let Some((user_name, group_names)) = options.user.clone() {
            let args = SetUgi { user_name, group_names };
            connection.make(&mut MethodCall { args: &args, reply: None })?;
        }
        Ok(connection)
    }

    /// Whether the server has not hung up meanwhile. Asked before each call, so that one that
    /// writes does not run into a connection that is known to be closed.
    fn is_open(&self) -> bool {
        let peek = || {
            self.stream.set_nonblocking(true)?;
            let peeked = self.stream.peek(&mut [0]);
            self.stream.set_nonblocking(false)?;
            peeked
        };
        // Nothing is expected now: bytes would be as wrong as the end.
        matches!(peek(), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn make(&mut self, call: &mut dyn Call) -> Result<(), CallError> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let oneway = call.effect() == Effect::Oneway;
        let message_type = if oneway { TMessageType::OneWay } else { TMessageType::Call };
        let send = |output: &mut Output<'_>| {
            output.message_begin(&TMessageIdentifier::new(call.name(), message_type, sequence))?;
            call.write(output)
        };
        self.messages.send(self.transport, &self.patience, send).map_err(CallError::Broken)?;
        if oneway {
            return Ok(());
        }
        let received = self
            .messages
            .receive(&self.patience, |input, _| read_answer(call, input, sequence))
            .map_err(CallError::Broken)?;
        let closed = || WireError::Disconnected("closed instead of an answer".to_owned());
        received.ok_or_else(|| CallError::Broken(closed()))?
    }
}

/// Tries every address of a name.
fn connect_any(server: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// A call of any method. What sends it and reads the head of its answer is compiled once, not once
/// a method.
trait Call {
    fn name(&self) -> &'static str;
    fn effect(&self) -> Effect;
    fn throws(&self) -> &'static [(i16, ExceptionKind)];
    fn write(&self, output: &mut Output<'_>) -> Result<(), WireError>;
    /// Reads and keeps the result; reads over a value that is none, and says so.
    fn read(&mut self, wire_type: TType, input: &mut Input<'_>) -> Result<(), WireError>;
}

struct MethodCall<'a, M: Method> {
    args: &'a M,
    reply: Option<M::Reply>,
}

impl<M: Method> MethodCall<'_, M> {
    /// The result. That of a method that returns nothing need not have come.
    fn into_reply(self) -> Result<M::Reply, CallError> {
        self.reply.or_else(M::Reply::absent).ok_or_else(|| {
            let message = format!("{} has no result", M::NAME);
            CallError::Application(ApplicationError::new(ApplicationError::MISSING_RESULT, message))
        })
    }
}

impl<M: Method> Call for MethodCall<'_, M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn effect(&self) -> Effect {
        M::EFFECT
    }

    fn throws(&self) -> &'static [(i16, ExceptionKind)] {
        M::THROWS
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), WireError> {
        self.args.write(output)
    }

    fn read(&mut self, wire_type: TType, input: &mut Input<'_>) -> Result<(), WireError> {
        if !M::Reply::accepts(wire_type) {
            return input.skip(wire_type);
        }
        self.reply = Some(M::Reply::read(input)?);
        Ok(())
    }
}

/// Reads an answer. The outer error is that of the connection, the inner one the server's.
fn read_answer(
    call: &mut dyn Call,
    input: &mut Input<'_>,
    sequence: i32,
) -> Result<Result<(), CallError>, WireError> {
    let head = input.message_begin()?;
    if head.name != call.name() || head.sequence_number != sequence {
        let what = format!("an answer to {} {}", head.name, head.sequence_number);
        return Err(WireError::Malformed(what));
    }
    match head.message_type {
        TMessageType::Exception => {
            let error = ApplicationError::read(input)?;
            input.check_faults()?;
            Ok(Err(CallError::Application(error)))
        }
        TMessageType::Reply => {
            let answer = read_reply(call, input)?;
            input.check_faults()?;
            Ok(answer)
        }
        other => Err(WireError::Malformed(format!("a message of type {other} is no answer"))),
    }
}

fn read_reply(
    call: &mut dyn Call,
    input: &mut Input<'_>,
) -> Result<Result<(), CallError>, WireError> {
    let mut exception = None;
    input.read_struct(|input, id, wire_type| {
        let thrown = call.throws().iter().find(|(thrown, _)| *thrown == id);
        match thrown {
            _ if id == RESULT_FIELD => call.read(wire_type, input)?,
            Some((_, kind)) if wire_type == TType::Struct => {
                let message = ExceptionMessage::read(input)?.message.unwrap_or_default();
                exception = Some(Exception::new(*kind, message));
            }
            _ => input.skip(wire_type)?,
        }
        Ok(())
    })?;
    Ok(exception.map_or(Ok(()), |exception| Err(CallError::Exception(exception))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_host_and_a_port() {
        let parsed = |uri| parse_uri(uri).unwrap();
        assert_eq!(parsed("thrift://lake:19083"), "lake:19083");
        assert_eq!(parsed(" thrift://lake/"), "lake:9083");
        assert_eq!(parsed("thrift://[::1]"), "[::1]:9083");
        assert_eq!(parsed("thrift://[::1]:7"), "[::1]:7");
        for uri in ["", "lake:9083", "thrift://", "thrift://:1", "thrift://a:b", "http://a:1"] {
            assert!(parse_uri(uri).is_err(), "{uri}");
        }
        assert!(HiveMetastoreClient::new("thrift://a:1,", ClientOptions::default()).is_err());
    }
}
