//! The scheduler's process: builds the objects from the configuration and serves.

use crate::backend::ManagerBackend;
use crate::cluster::Cluster;
use crate::dispatch::pipelined::PipelinedDispatcher;
use crate::dispatch::staged::StagedDispatcher;
use crate::executors::Executors;
use crate::flight_sql::{self, FlightSqlService, SessionDefaults};
use crate::http;
use crate::query::{QueryManager, QueryManagerOptions};
use crate::system_tables::SystemCatalog;
use quern_catalog::metastore::{MetadataStore, Metastore};
use quern_catalog::storage::Storage;
use quern_common::config::Config;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::catalogs::CatalogRegistry;
use quern_engine::ddl::{DdlExecutor, function_summaries};
use quern_engine::ml::ModelTrainer;
use quern_engine::plan::Planner;
use quern_engine::runtime::EngineRuntime;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Schema that sessions begin in.
const SCHEMA_DEFAULT: &str = "default";

/// What a scheduler is made of.
#[derive(Debug)]
pub struct SchedulerSetup {
    /// The configuration.
    pub config: Config,
    /// Memory, scratch, caches, storage.
    pub runtime: EngineRuntime,
    /// The catalogue.
    pub metastore: Arc<dyn Metastore>,
    /// What is kept beside the catalogue.
    pub metadata: Arc<dyn MetadataStore>,
    /// The Flight SQL listener.
    pub flight_sql: TcpListener,
    /// The HTTP listener.
    pub http: TcpListener,
    /// The listener for executors; none in a process that serves alone.
    pub internal: Option<TcpListener>,
    /// Threads of query work.
    pub threads: Handle,
    /// How many there are.
    pub n_threads: usize,
}

/// A scheduler that serves.
#[derive(Debug)]
pub struct RunningScheduler {
    /// Where clients connect.
    pub flight_sql: SocketAddr,
    /// Where HTTP is.
    pub http: SocketAddr,
    /// Where executors connect.
    pub internal: Option<SocketAddr>,
    /// Its queries.
    pub manager: Arc<QueryManager>,
    shutdown: CancellationToken,
    tasks: JoinSet<Result<()>>,
}

/// Builds the objects and starts to serve.
///
/// # Errors
/// `CONFIGURATION_INVALID` when something cannot be set up.
pub async fn start(setup: SchedulerSetup) -> Result<RunningScheduler> {
    let SchedulerSetup { config, runtime, metastore, metadata, threads, n_threads, .. } = setup;
    let flight_sql_address = local_addr(&setup.flight_sql)?;
    let http_address = local_addr(&setup.http)?;
    let internal_address = setup.internal.as_ref().map(local_addr).transpose()?;
    check_listener(&config, flight_sql_address)?;

    let shutdown = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let executors = match setup.internal {
        None => None,
        Some(listener) => {
            let cluster = Cluster::start(&config.internal, listener, shutdown.clone()).await?;
            Some(Executors {
                pipelined: PipelinedDispatcher::new(Arc::clone(&cluster), threads.clone()),
                staged: StagedDispatcher::new(Arc::clone(&cluster)),
                cluster,
            })
        }
    };

    let registry = Arc::new(CatalogRegistry::new(
        &config.catalog.name,
        metastore,
        metadata,
        config.metastore.clone(),
    ));
    let system = Arc::new(SystemCatalog::new(Arc::clone(&registry), &config.catalog));
    let planner =
        Planner::new(runtime.clone(), Arc::clone(&registry), Arc::<SystemCatalog>::clone(&system));
    let manager = Arc::new(QueryManager::new(QueryManagerOptions {
        config: config.query.clone(),
        ddl: DdlExecutor::new(
            Arc::clone(&registry),
            Arc::<Storage>::clone(&runtime.scan().storage),
        )
        .with_system_tables(Arc::<SystemCatalog>::clone(&system))
        .with_functions(function_summaries(&planner.base_state()?)),
        models: ModelTrainer::new(planner.clone()),
        planner,
        executors,
        threads,
        n_threads,
    }));
    system.attach(&manager);

    let service = FlightSqlService::new(
        Arc::new(ManagerBackend::new(Arc::clone(&manager))),
        flight_sql::authenticator(&config.auth),
        SessionDefaults {
            catalog: registry.default_name().to_owned(),
            schema: SCHEMA_DEFAULT.to_owned(),
        },
        config.flight_sql.clone(),
    )?;
    let stop = shutdown.clone().cancelled_owned();
    tasks.spawn(flight_sql::serve(Arc::new(service), setup.flight_sql, stop));
    tasks.spawn(http::serve(setup.http, Arc::clone(&manager), shutdown.clone()));
    Ok(RunningScheduler {
        flight_sql: flight_sql_address,
        http: http_address,
        internal: internal_address,
        manager,
        shutdown,
        tasks,
    })
}

impl RunningScheduler {
    /// Serves until a listener breaks.
    ///
    /// # Errors
    /// What broke.
    pub async fn wait(&mut self) -> Result<()> {
        match self.tasks.join_next().await {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(err)) => Err(Error::internal(format!("a listener stopped: {err}"))),
        }
    }

    /// Takes no new requests, ends the running ones, and returns when all is down.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        for record in self.manager.records() {
            if !record.state().is_final() {
                record.cancel.cancel();
            }
        }
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(Err(err)) = ended {
                tracing::warn!(error = %err, "listener ended with an error");
            }
        }
    }
}

/// Without users everyone is let in, so that only loopback may be listened on.
fn check_listener(config: &Config, address: SocketAddr) -> Result<()> {
    if address.ip().is_loopback() || !config.auth.users.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::ConfigurationInvalid,
        format!("Flight SQL listens on {address} and there are no users"),
    )
    .with_hint("set [auth.users], or listen on 127.0.0.1"))
}

fn local_addr(listener: &TcpListener) -> Result<SocketAddr> {
    listener
        .local_addr()
        .map_err(|err| Error::new(ErrorCode::ConfigurationInvalid, format!("listener: {err}")))
}
