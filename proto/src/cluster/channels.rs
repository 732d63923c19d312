//! Connections to other nodes, one for each address, opened when first needed.

use super::ClusterSecret;
use parking_lot::Mutex;
use quern_common::{Error, ErrorCode, Result};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};

/// Connections by URL. A connection that breaks is opened again by its next request.
#[derive(Debug, Clone)]
pub struct Channels {
    secret: ClusterSecret,
    threads: Handle,
    open: Arc<Mutex<HashMap<String, Channel>>>,
}

impl Channels {
    /// No connections yet. Those that come are served on `threads`, so that busy query work
    /// does not keep them from answering.
    pub fn new(secret: ClusterSecret, threads: Handle) -> Self {
        Self { secret, threads, open: Arc::default() }
    }

    /// The connection to `url`, such as `http://10.0.0.7:7070`.
    ///
    /// # Errors
    /// `REMOTE_HOST_GONE` when nobody answers there.
    pub async fn get(&self, url: &str) -> Result<Channel> {
        if let Some(channel) = self.open.lock().get(url) {
            return Ok(channel.clone());
        }
        let gone = |err: &dyn std::error::Error| {
            let reason = root_cause(err);
            Error::new(ErrorCode::RemoteHostGone, format!("node \"{url}\": {reason}"))
        };
        let endpoint = Endpoint::from_shared(url.to_owned())
            .and_then(|endpoint| self.secret.endpoint(endpoint))
            .map_err(|err| gone(&err))?;
        let channel = self
            .threads
            .spawn(async move { endpoint.connect().await })
            .await
            .map_err(|err| gone(&err))?
            .map_err(|err| gone(&err))?;
        self.open.lock().insert(url.to_owned(), channel.clone());
        Ok(channel)
    }

    /// Forgets the connection to `url`.
    pub fn forget(&self, url: &str) {
        self.open.lock().remove(url);
    }
}

/// The connections that others make to a node. Nothing that is sent waits for more to send: with
/// the other side's delayed acknowledgement, the end of every exchange would take 40 ms.
pub fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

fn root_cause(err: &dyn std::error::Error) -> String {
    let mut cause = err;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
