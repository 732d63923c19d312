//! Serves the metastore's protocol on a TCP port.

use super::dispatch::serve;
use super::methods::HiveMetastoreService;
use super::stream::{MessageStream, Patience};
use super::wire::{MemoryPool, WireError, WireLimits};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long accepting pauses after it failed, as it does when there are no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds of a [`HiveMetastoreServer`].
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Connections at one time. Each has a thread; one more is closed at once.
    pub connections_max: usize,
    /// What one message may be.
    pub limits: WireLimits,
    /// Memory that all requests which are being read take together.
    pub request_memory_max_bytes: usize,
    /// How long a connection may be silent between requests.
    pub idle_timeout: Duration,
    /// How long a request may take to arrive, the first one from the connection's start.
    pub request_timeout: Duration,
    /// How long a client may take to accept 64 KiB of an answer.
    pub reply_timeout: Duration,
    /// How long [`HiveMetastoreServer::shutdown`] waits for calls that are running.
    pub shutdown_grace: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections_max: 512,
            limits: WireLimits::default(),
            request_memory_max_bytes: 512 << 20,
            idle_timeout: Duration::from_secs(60 * 60),
            request_timeout: Duration::from_secs(60),
            reply_timeout: Duration::from_secs(60),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

/// A server of the metastore's protocol. It is stopped by [`HiveMetastoreServer::shutdown`];
/// without that, dropping it ends the accepting and leaves connections to their clients.
#[derive(Debug)]
pub struct HiveMetastoreServer {
    local_address: SocketAddr,
    connections: Arc<Connections>,
    shutdown_grace: Duration,
    acceptor: JoinHandle<()>,
}

impl HiveMetastoreServer {
    /// Serves every connection of `listener` with what `open` makes for it; `open` is given the
    /// client's address.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn start<S, F>(listener: TcpListener, options: ServerOptions, open: F) -> io::Result<Self>
    where
        S: HiveMetastoreService + 'static,
        F: Fn(SocketAddr) -> S + Send + Sync + 'static,
    {
        let local_address = listener.local_addr()?;
        let connections = Arc::new(Connections::new(options.connections_max));
        let shutdown_grace = options.shutdown_grace;
        let shared = Arc::new(Shared {
            pool: MemoryPool::new(options.request_memory_max_bytes),
            options,
            open,
            connections: Arc::clone(&connections),
        });
        let acceptor = tokio::spawn(accept(listener, shared));
        Ok(Self { local_address, connections, shutdown_grace, acceptor })
    }

    /// The address that is listened on, with its port.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// The number of open connections.
    pub fn connection_count(&self) -> usize {
        *self.connections.count.borrow()
    }

    /// Takes no more connections and requests, lets running calls end and their answers out,
    /// and after the grace breaks what is left.
    pub async fn shutdown(mut self) {
        self.acceptor.abort();
        // Joined, so that no connection is added behind our back.
        let _ = (&mut self.acceptor).await;
        // Whoever waits for a request now sees the end of the stream.
        self.connections.close(Shutdown::Read);
        let mut count = self.connections.count.subscribe();
        let ended = count.wait_for(|count| *count == 0);
        if tokio::time::timeout(self.shutdown_grace, ended).await.is_err() {
            self.connections.close(Shutdown::Both);
            let left = *self.connections.count.borrow();
            tracing::warn!(left, "metastore calls are still running; their connections are closed");
        }
    }
}

impl Drop for HiveMetastoreServer {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// The open connections, each by a number.
#[derive(Debug)]
struct Connections {
    max: usize,
    open: Mutex<OpenConnections>,
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct OpenConnections {
    streams: HashMap<u64, Arc<TcpStream>>,
    next_id: u64,
}

impl Connections {
    fn new(max: usize) -> Self {
        Self { max, open: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// Adds a connection unless there are too many.
    fn add(self: &Arc<Self>, stream: &Arc<TcpStream>) -> Option<ConnectionGuard> {
        let mut open = self.open.lock();
        if open.streams.len() >= self.max {
            return None;
        }
        let id = open.next_id;
        open.next_id += 1;
        open.streams.insert(id, Arc::clone(stream));
        self.count.send_replace(open.streams.len());
        Some(ConnectionGuard { id, connections: Arc::clone(self) })
    }

    fn close(&self, how: Shutdown) {
        for stream in self.open.lock().streams.values() {
            // It fails when the client was faster.
            let _ = stream.shutdown(how);
        }
    }
}

/// Takes its connection off the list, even when its thread panics.
struct ConnectionGuard {
    id: u64,
    connections: Arc<Connections>,
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.streams.remove(&self.id);
        self.connections.count.send_replace(open.streams.len());
    }
}

/// What connections share.
struct Shared<F> {
    options: ServerOptions,
    pool: MemoryPool,
    open: F,
    connections: Arc<Connections>,
}

async fn accept<S, F>(listener: TcpListener, shared: Arc<Shared<F>>)
where
    S: HiveMetastoreService + 'static,
    F: Fn(SocketAddr) -> S + Send + Sync + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = start_connection(stream, peer, &shared) {
                    tracing::warn!(%peer, %error, "a metastore connection could not be served");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no metastore connection can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Gives a connection its thread.
fn start_connection<S, F>(
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared<F>>,
) -> io::Result<()>
where
    S: HiveMetastoreService + 'static,
    F: Fn(SocketAddr) -> S + Send + Sync + 'static,
{
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    let stream = Arc::new(stream);
    let Some(guard) = shared.connections.add(&stream) else {
        tracing::warn!(%peer, max = shared.connections.max, "refused: too many metastore connections");
        return Ok(());
    };
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("hive-metastore".to_owned());
    thread.spawn(move || {
        let _guard = guard;
        let mut service = (shared.open)(peer);
        serve_connection(stream, peer, &shared.options, &shared.pool, &mut service);
    })?;
    Ok(())
}

fn serve_connection<S: HiveMetastoreService>(
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    options: &ServerOptions,
    pool: &MemoryPool,
    service: &mut S,
) {
    let mut messages = MessageStream::new(stream, None, options.limits, pool.clone());
    let mut patience = Patience {
        idle: options.request_timeout,
        message: options.request_timeout,
        write: options.reply_timeout,
    };
    loop {
        match messages.receive(&patience, |input, output| serve(service, input, output)) {
            Ok(Some(())) => patience.idle = options.idle_timeout,
            Ok(None) => return,
            Err(error @ (WireError::Malformed(_) | WireError::Invalid(_))) => {
                tracing::warn!(%peer, %error, "a metastore connection is closed");
                return messages.linger();
            }
            Err(error @ (WireError::Disconnected(_) | WireError::TimedOut)) => {
                tracing::debug!(%peer, %error, "a metastore connection has ended");
                return;
            }
        }
    }
}
