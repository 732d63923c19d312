//! The HTTP listener: health and metrics.

use crate::query::{QueryManager, QueryState};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves `/healthz`, `/readyz` and `/metrics` until `shutdown`.
///
/// # Errors
/// `CONFIGURATION_INVALID` when the listener breaks.
pub async fn serve(
    listener: TcpListener,
    manager: Arc<QueryManager>,
    shutdown: CancellationToken,
) -> Result<()> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(manager);
    axum::serve(listener, routes)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .map_err(|err| Error::new(ErrorCode::ConfigurationInvalid, format!("HTTP listener: {err}")))
}

/// Ready when the catalogue answers.
async fn ready(State(manager): State<Arc<QueryManager>>) -> Response {
    let metastore = manager.planner().registry().default_metastore();
    match metastore.list_databases().await {
        Ok(_) => "ready\n".into_response(),
        Err(err) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}: {err}\n", err.code())).into_response()
        }
    }
}

async fn metrics(State(manager): State<Arc<QueryManager>>) -> Response {
    let mut registry = Registry::with_prefix("quern_scheduler");
    let records = manager.records();
    let count = |wanted: fn(QueryState) -> bool| {
        records.iter().filter(|record| wanted(record.state())).count() as u64
    };
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<u64, AtomicU64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    gauge("queries_queued", "Queries that wait", count(|s| s == QueryState::Queued));
    gauge(
        "queries_running",
        "Queries that are planned or run",
        count(|s| !s.is_final() && s != QueryState::Queued),
    );
    gauge(
        "queries_finished",
        "Remembered queries that ended well",
        count(|s| s == QueryState::Finished),
    );
    gauge("queries_failed", "Remembered queries that failed", count(|s| s == QueryState::Failed));
    gauge(
        "output_rows",
        "Rows given to clients by remembered queries",
        records.iter().map(|r| r.rows()).sum(),
    );
    gauge(
        "output_bytes",
        "Bytes given to clients by remembered queries",
        records.iter().map(|r| r.bytes()).sum(),
    );
    gauge(
        "executors_live",
        "Executors that report",
        manager.executors().map_or(0, |e| e.cluster.n_live()) as u64,
    );
    let pool = &manager.planner().runtime().shared_env().memory_pool;
    gauge("memory_reserved_bytes", "Memory that queries hold", pool.reserved() as u64);
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => (
            [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
            text,
        )
            .into_response(),
        Err(err) => (StatusCode::INTERNAL_SERVER_ERROR, err.to_string()).into_response(),
    }
}
