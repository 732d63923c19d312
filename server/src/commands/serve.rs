//! `quern serve` and `quern scheduler`.

use crate::args::ServeArgs;
use crate::{config, machine, metastore};
use quern_catalog::metastore::HiveListener;
use quern_common::config::Config;
use quern_common::telemetry::{self, LogFormat};
use quern_common::{Error, ErrorCode, Result};
use quern_engine::runtime::{EngineRuntime, LocationPolicy};
use quern_scheduler::process::{self, RunningScheduler, SchedulerSetup};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tokio::net::TcpListener;

/// Whether executors may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything runs in this process.
    Alone,
    /// Executors connect.
    Scheduler,
}

/// A server in this process, with the threads of its queries.
pub(crate) struct Server {
    pub(crate) running: RunningScheduler,
    /// Where clients of a Hive metastore connect.
    metastore: Option<HiveListener>,
    /// Dropped last: its threads run the queries.
    threads: Option<tokio::runtime::Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

pub(crate) async fn run(args: ServeArgs, role: Role) -> Result<ExitCode> {
    let config = serve_config(&args)?;
    init_log(&config)?;
    let policy = default_policy(&config)?;
    let mut server = start(config, role, policy).await?;
    if args.print_addresses {
        print_addresses(&server)?;
    }
    let running = &server.running;
    let metastore = server.metastore.as_ref().map(HiveListener::local_address);
    tracing::info!(flight_sql = %running.flight_sql, http = %running.http, ?metastore, "ready");
    tokio::select! {
        ended = server.running.wait() => ended?,
        () = shutdown_signal() => tracing::info!("shutting down"),
    }
    if let Some(metastore) = server.metastore.take() {
        metastore.shutdown().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration with the flags of `args`.
pub(crate) fn serve_config(args: &ServeArgs) -> Result<Config> {
    let mut config = config::load(&args.config)?;
    if let Some(listen) = &args.flight_sql_listen {
        config.flight_sql.listen.clone_from(listen);
    }
    if let Some(listen) = &args.http_listen {
        config.http.listen.clone_from(listen);
    }
    if let Some(listen) = &args.internal_listen {
        config.internal.listen.clone_from(listen);
    }
    if let Some(listen) = &args.metastore_listen {
        config.metastore.listen.clone_from(listen);
    }
    Ok(config)
}

pub(crate) fn init_log(config: &Config) -> Result<()> {
    let format = match config.log_format.as_str() {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        other => {
            return Err(Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("log_format \"{other}\" is neither text nor json"),
            ));
        }
    };
    telemetry::init(&config.log, format)
}

/// The configured locations and the warehouse, or the working directory, the data directory and
/// S3.
pub(crate) fn default_policy(config: &Config) -> Result<LocationPolicy> {
    if !config.storage.allow_locations.is_empty() {
        let mut allowed = config.storage.allow_locations.clone();
        allowed.push(warehouse(config)?);
        return Ok(LocationPolicy::Prefixes(allowed));
    }
    let working = std::env::current_dir().map_err(|err| {
        Error::new(ErrorCode::ConfigurationInvalid, format!("working directory: {err}"))
    })?;
    let data = absolute(&config.data_dir)?;
    Ok(LocationPolicy::Prefixes(vec![
        working.to_string_lossy().into_owned(),
        data.to_string_lossy().into_owned(),
        "s3://".to_owned(),
    ]))
}

pub(crate) fn absolute(path: &Path) -> Result<std::path::PathBuf> {
    std::path::absolute(path).map_err(|err| {
        Error::new(ErrorCode::ConfigurationInvalid, format!("\"{}\": {err}", path.display()))
    })
}

pub(crate) fn create_data_dir(config: &Config) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir).map_err(|err| {
        Error::new(
            ErrorCode::ConfigurationInvalid,
            format!("data directory \"{}\": {err}", config.data_dir.display()),
        )
    })
}

/// Starts a server on the configured addresses.
pub(crate) async fn start(
    mut config: Config,
    role: Role,
    policy: LocationPolicy,
) -> Result<Server> {
    config.data_dir = absolute(&config.data_dir)?;
    create_data_dir(&config)?;
    let n_threads = machine::query_threads(&config);
    let threads = query_runtime(n_threads)?;
    let runtime = EngineRuntime::new(&config, policy, machine::query_memory_bytes(&config))?;
    let metastore::Stores { metastore: store, metadata } = metastore::open(&config).await?;
    let hive = match config.metastore.listen.is_empty() {
        true => None,
        false => Some(metastore::listen(&config, &store, &runtime.scan().storage).await?),
    };
    let setup = SchedulerSetup {
        flight_sql: bind("flight_sql.listen", &config.flight_sql.listen).await?,
        http: bind("http.listen", &config.http.listen).await?,
        internal: match role {
            Role::Alone => None,
            Role::Scheduler => Some(bind("internal.listen", &config.internal.listen).await?),
        },
        config,
        runtime,
        metastore: store,
        metadata,
        threads: threads.handle().clone(),
        n_threads,
    };
    let running = process::start(setup).await?;
    Ok(Server { running, metastore: hive, threads: Some(threads) })
}

/// Threads for query work, apart from those that answer clients.
pub(crate) fn query_runtime(n_threads: usize) -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n_threads)
        .enable_all()
        .thread_name("quern-query")
        .thread_stack_size(crate::STACK_BYTES)
        .build()
        .map_err(|err| Error::internal(format!("threads: {err}")))
}

/// Where schemas without a location have their tables.
pub(crate) fn warehouse(config: &Config) -> Result<String> {
    match config.catalog.warehouse.as_str() {
        "" => Ok(absolute(&config.data_dir)?.join("warehouse").to_string_lossy().into_owned()),
        configured => Ok(configured.to_owned()),
    }
}

pub(crate) async fn bind(key: &str, address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|err| {
        let invalid = Error::new(
            ErrorCode::ConfigurationInvalid,
            format!("cannot listen on {key} = \"{address}\": {err}"),
        );
        match err.kind() {
            std::io::ErrorKind::AddrInUse => invalid.with_hint("port 0 takes a free one"),
            _ => invalid,
        }
    })
}

fn print_addresses(server: &Server) -> Result<()> {
    let running = &server.running;
    let mut addresses = serde_json::json!({
        "flight_sql": running.flight_sql.to_string(),
        "http": running.http.to_string(),
    });
    let more = [
        ("internal", running.internal),
        ("metastore", server.metastore.as_ref().map(HiveListener::local_address)),
    ];
    for (name, address) in more {
        if let Some(address) = address {
            addresses[name] = address.to_string().into();
        }
    }
    print(&addresses)
}

/// Prints a line that a program reads.
pub(crate) fn print(addresses: &serde_json::Value) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{addresses}")
        .and_then(|()| out.flush())
        .map_err(|err| Error::internal(format!("standard output: {err}")))
}

/// Waits for SIGINT or SIGTERM.
pub(crate) async fn shutdown_signal() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}
