//! The service on a TCP port.

use super::HiveService;
use quern_common::config::MetastoreConfig;
use quern_common::{Error, ErrorCode, Result};
use quern_proto::hive_metastore::{HiveMetastoreServer, ServerOptions, WireLimits};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// A [`HiveService`] on a TCP port.
#[derive(Debug)]
pub struct HiveListener {
    server: HiveMetastoreServer,
}

impl HiveListener {
    /// Serves the connections of `listener`.
    ///
    /// # Errors
    /// `CONFIGURATION_INVALID` when the listener is off loopback and `metastore.allow_remote` is
    /// not set.
    pub fn start(
        listener: TcpListener,
        service: HiveService,
        config: &MetastoreConfig,
    ) -> Result<Self> {
        let failed = |err| Error::internal(format!("the metastore's listener: {err}"));
        let address = listener.local_addr().map_err(failed)?;
        if !address.ip().is_loopback() && !config.allow_remote {
            let message = format!(
                "metastore.listen = \"{address}\" is not on loopback, and the protocol knows no \
                 passwords"
            );
            return Err(Error::new(ErrorCode::ConfigurationInvalid, message)
                .with_hint("set metastore.allow_remote if the network keeps others away"));
        }
        let message_max_bytes = config.max_message_size.as_usize();
        let options = ServerOptions {
            connections_max: config.max_connections,
            limits: WireLimits {
                message_max_bytes,
                memory_max_bytes: message_max_bytes.saturating_mul(4),
                ..WireLimits::default()
            },
            request_memory_max_bytes: config.request_memory.as_usize(),
            idle_timeout: config.idle_timeout.0,
            ..ServerOptions::default()
        };
        let server = HiveMetastoreServer::start(listener, options, move |_| service.clone());
        Ok(Self { server: server.map_err(failed)? })
    }

    /// The address that is listened on, with its port.
    pub fn local_address(&self) -> SocketAddr {
        self.server.local_address()
    }

    /// Takes no more requests and lets the running ones end, for a while.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}
