//! The shared secret: a token in the user agent of each request, and the layer that asks for it.

use futures::future::{Either, Ready, ready};
use hmac::{Hmac, KeyInit, Mac};
use http::header::USER_AGENT;
use http::{HeaderMap, Request, Response};
use quern_common::config::Secret;
use quern_common::{Error, ErrorCode, Result};
use sha2::Sha256;
use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::Status;
use tonic::transport::Endpoint;
use tonic::transport::server::TcpConnectInfo;
use tower::{Layer, Service};

/// What the token is the keyed hash of, so that the secret itself is not sent.
const TOKEN_PURPOSE: &[u8] = b"quern cluster 1";
/// The user agent's product before the token.
const PRODUCT: &str = "quern-cluster/";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A peer that vanishes without a word is noticed after the interval and the timeout.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(6);

/// What makes a node a member of the cluster.
#[derive(Clone)]
pub struct ClusterSecret {
    token: Option<Arc<str>>,
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.token.is_some() { "ClusterSecret(***)" } else { "ClusterSecret" })
    }
}

impl ClusterSecret {
    /// Derives the token from the configured secret. Without one, only loopback is trusted.
    pub fn new(secret: &Secret) -> Self {
        if secret.is_empty() {
            return Self { token: None };
        }
        // HMAC takes a key of any length: the error cannot occur, and would admit nobody.
        let token = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
            .map(|mac| hex(&mac.chain_update(TOKEN_PURPOSE).finalize().into_bytes()))
            .unwrap_or_default();
        Self { token: Some(token.into()) }
    }

    /// Refuses to listen where anyone could connect unasked.
    ///
    /// # Errors
    /// `CONFIGURATION_INVALID` without a secret on an address that is not loopback.
    pub fn check_listener(&self, address: SocketAddr) -> Result<()> {
        if self.token.is_some() || address.ip().is_loopback() {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::ConfigurationInvalid,
            format!("the cluster-internal listener is on {address} and there is no secret"),
        )
        .with_hint("set internal.secret on every node, or listen on 127.0.0.1"))
    }

    /// Makes an endpoint carry the token and notice a vanished peer.
    ///
    /// # Errors
    /// When the token is no header value, which a hash in hexadecimal always is.
    pub fn endpoint(&self, endpoint: Endpoint) -> Result<Endpoint, tonic::transport::Error> {
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        match &self.token {
            None => Ok(endpoint),
            Some(token) => endpoint.user_agent(format!("{PRODUCT}{token}")),
        }
    }

    /// The layer that lets only members in.
    pub fn layer(&self) -> AuthLayer {
        AuthLayer { secret: self.clone() }
    }

    fn admits(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> bool {
        match &self.token {
            None => peer.is_some_and(|peer| peer.ip().is_loopback()),
            Some(token) => headers
                .get(USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .and_then(|agent| agent.split(' ').find_map(|p| p.strip_prefix(PRODUCT)))
                .is_some_and(|given| same(given.as_bytes(), token.as_bytes())),
        }
    }
}

/// Compares in a time that does not tell where two texts differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Wraps services so that only members of the cluster reach them.
#[derive(Debug, Clone)]
pub struct AuthLayer {
    secret: ClusterSecret,
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService { secret: self.secret.clone(), inner }
    }
}

/// A service that only members of the cluster reach.
#[derive(Debug, Clone)]
pub struct AuthService<S> {
    secret: ClusterSecret,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let peer = request.extensions().get::<TcpConnectInfo>().and_then(|info| info.remote_addr());
        if self.secret.admits(request.headers(), peer) {
            return Either::Left(self.inner.call(request));
        }
        tracing::warn!(?peer, path = request.uri().path(), "refused: not a member of the cluster");
        let status = Status::unauthenticated("not a member of this cluster");
        Either::Right(ready(Ok(status.into_http())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(USER_AGENT, text.parse().unwrap())])
    }

    #[test]
    fn only_the_right_token_is_admitted() {
        let secret = ClusterSecret::new(&Secret::new("hush"));
        let token = secret.token.clone().unwrap();
        assert_eq!(token.len(), 64);
        assert!(!token.contains("hush"));
        let loopback = Some("127.0.0.1:1".parse().unwrap());
        assert!(secret.admits(&agent(&format!("{PRODUCT}{token} tonic/0.14")), None));
        assert!(!secret.admits(&agent(&format!("{PRODUCT}{} tonic/0.14", &token[1..])), loopback));
        assert!(!secret.admits(&agent("tonic/0.14"), loopback));
        assert!(!secret.admits(&HeaderMap::new(), loopback));
        let other = ClusterSecret::new(&Secret::new("other")).token.unwrap();
        assert!(!secret.admits(&agent(&format!("{PRODUCT}{other}")), loopback));
    }

    #[test]
    fn without_a_secret_only_loopback_is_trusted() {
        let secret = ClusterSecret::new(&Secret::default());
        assert!(secret.admits(&HeaderMap::new(), Some("127.0.0.1:1".parse().unwrap())));
        assert!(!secret.admits(&HeaderMap::new(), Some("10.0.0.1:1".parse().unwrap())));
        assert!(!secret.admits(&HeaderMap::new(), None));
        assert!(secret.check_listener("127.0.0.1:1".parse().unwrap()).is_ok());
        let err = secret.check_listener("0.0.0.0:1".parse().unwrap()).unwrap_err();
        assert_eq!(err.code(), ErrorCode::ConfigurationInvalid);
    }
}
