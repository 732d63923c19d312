//! The listener.

use super::connection::{OnClose, accept};
use super::rows::RowsService;
use super::service::FlightSqlService;
use crate::session_manager::ConnectionId;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::transport::Server;

/// What a client may have sent before we read it: parameters, mostly.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// Bearer tokens of foreign services and tracing headers are long.
const MAX_HEADERS: u32 = 64 << 10;
/// A client that is gone without a word is noticed after both times.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How often idle sessions and results are looked for, at most and at least.
const SWEEP_INTERVALS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(30));

/// Serves clients until `shutdown` completes and the calls that run then have ended.
///
/// # Errors
/// `CONFIGURATION_INVALID` when the listener is off loopback and nobody has to log in.
pub async fn serve(
    service: Arc<FlightSqlService>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    check_listener(&service, &listener)?;
    let limit = service.config.max_message_size.as_usize();
    let flight = RowsService::new(Arc::clone(&service), limit);
    let of_closed = Arc::clone(&service);
    let on_close: OnClose =
        Arc::new(move |connection: ConnectionId| of_closed.sessions.connection_closed(connection));
    let serving = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(flight)
        .serve_with_incoming_shutdown(accept(listener, on_close), shutdown);
    tokio::select! {
        served = serving => served.map_err(|err| {
            Error::internal(format!("the Flight SQL listener failed: {err}")).with_source(err)
        }),
        () = sweep(&service) => Ok(()),
    }
}

fn check_listener(service: &FlightSqlService, listener: &TcpListener) -> Result<()> {
    let address = listener
        .local_addr()
        .map_err(|err| Error::internal(format!("the listener has no address: {err}")))?;
    if service.authenticator.is_required() || address.ip().is_loopback() {
        return Ok(());
    }
    let message = format!("flight_sql.listen is {address}, which others reach, but has no users");
    Err(Error::new(ErrorCode::ConfigurationInvalid, message)
        .with_hint("add users to [auth], or listen on 127.0.0.1"))
}

/// Closes what nobody uses any more, for ever.
async fn sweep(service: &FlightSqlService) {
    let session_timeout = service.config.session_idle_timeout.0;
    let result_timeout = service.config.result_idle_timeout.0;
    let (at_most, at_least) = SWEEP_INTERVALS;
    let pause = (session_timeout.min(result_timeout) / 4).clamp(at_most, at_least);
    loop {
        tokio::time::sleep(pause).await;
        service.sessions.for_each_state(|state| state.drop_unfetched(result_timeout));
        service.sessions.close_idle();
    }
}
