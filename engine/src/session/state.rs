//! The one place where a DataFusion `SessionState` is built.

use super::limits::QueryLimits;
use super::scan_tasks;
use crate::codec::QuernPhysicalCodec;
use crate::error::from_datafusion;
use crate::optimizer::{BroadcastJoins, JoinOrder, SemiJoinsFirst, YieldingJoins};
use ballista_core::extension::SessionConfigExt;
use datafusion::catalog::CatalogProviderList;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::RelationPlanner;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{
    ChannelResolver, DistributedConfig, DistributedExt, SessionStateBuilderExt, WorkerResolver,
};
use std::sync::Arc;

/// Where a query runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutionMode {
    /// In this process.
    Local,
    /// Over executors, exchanges streaming in memory.
    Pipelined,
    /// Over executors in stages, exchanges on disk.
    Staged,
}

impl ExecutionMode {
    /// The value of the session property `execution_mode`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Pipelined => "pipelined",
            Self::Staged => "staged",
        }
    }
}

/// The workers that a pipelined query may use.
#[derive(Clone)]
pub struct Workers {
    /// Where they are.
    pub resolver: Arc<dyn WorkerResolver>,
    /// How they are reached.
    pub channels: Arc<dyn ChannelResolver + Send + Sync>,
    /// Bytes of files that one partition of a scan reads; a scan that needs no more partitions
    /// than one worker has is not divided.
    pub partition_bytes: usize,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workers")
    }
}

/// What distinguishes one session state from another.
#[derive(Debug, Clone)]
pub struct StateOptions {
    /// Where the query will run.
    pub mode: ExecutionMode,
    /// Partitions that a plan aims at.
    pub target_partitions: usize,
    /// Rows in a batch.
    pub batch_size: usize,
    /// Whether files' footers are read for statistics.
    pub collect_statistics: bool,
    /// Default catalog and schema of names.
    pub default_names: (String, String),
    /// Workers, for [`ExecutionMode::Pipelined`].
    pub workers: Option<Workers>,
    /// What the query's tasks may use.
    pub limits: QueryLimits,
    /// Planners of table functions.
    pub relation_planners: Vec<Arc<dyn RelationPlanner>>,
}

/// Rows in a batch unless the session says otherwise.
pub const BATCH_SIZE_DEFAULT: usize = 8_192;

/// Builds the state in which a statement is planned, or in which an executor runs tasks.
///
/// # Errors
/// An internal one when the limits cannot be told to executors.
pub fn build_session_state(
    options: &StateOptions,
    env: Arc<RuntimeEnv>,
    catalogs: Option<Arc<dyn CatalogProviderList>>,
) -> quern_common::Result<SessionState> {
    let mut builder = SessionStateBuilder::new()
        .with_config(session_config(options))
        .with_runtime_env(env)
        .with_default_features()
        .with_physical_optimizer_rules(physical_optimizer_rules(options)?)
        .with_relation_planners(options.relation_planners.clone());
    if let Some(catalogs) = catalogs {
        builder = builder.with_catalog_list(catalogs);
    }
    builder = match options.mode {
        ExecutionMode::Local => builder,
        ExecutionMode::Pipelined => with_workers(builder, options).map_err(from_datafusion)?,
        ExecutionMode::Staged => builder
            .with_optimizer_rules(ballista_core::optimizer::ballista_default_optimizer_rules()),
    };
    Ok(builder.build())
}

/// DataFusion's rule that chooses the sides of joins.
const JOIN_SELECTION: &str = "join_selection";

type Rules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

/// DataFusion's rules, and ours where they belong.
fn physical_optimizer_rules(options: &StateOptions) -> quern_common::Result<Rules> {
    let mut rules = PhysicalOptimizer::new().rules;
    let sides = rules.iter().position(|rule| rule.name() == JOIN_SELECTION).unwrap_or(0);
    rules.insert(sides, Arc::new(SemiJoinsFirst));
    rules.insert(sides + 1, Arc::new(JoinOrder::default()));
    if let (ExecutionMode::Pipelined, Some(workers)) = (options.mode, &options.workers) {
        let n_executors = workers.resolver.get_urls().map_err(from_datafusion)?.len();
        rules.insert(sides + 3, Arc::new(BroadcastJoins { n_executors }));
    }
    rules.push(Arc::new(YieldingJoins));
    Ok(rules)
}

fn distributed_config(workers: &Workers) -> DistributedConfig {
    let mut config = DistributedConfig::default();
    config.file_scan_config_bytes_per_partition = workers.partition_bytes;
    // Between executors, cores are scarcer than network (Trino's exchanges are not compressed by
    // default either).
    config.compression = "none".to_owned();
    config
}

fn with_workers(
    builder: SessionStateBuilder,
    options: &StateOptions,
) -> datafusion::error::Result<SessionStateBuilder> {
    let builder = builder.with_distributed_passthrough_headers(options.limits.headers())?;
    Ok(match options.workers.as_ref() {
        None => builder,
        Some(workers) => builder
            .with_distributed_option_extension(distributed_config(workers))
            .with_distributed_worker_resolver(SharedResolver(Arc::clone(&workers.resolver)))
            .with_distributed_channel_resolver(SharedChannels(Arc::clone(&workers.channels)))
            .with_distributed_user_codec(QuernPhysicalCodec::default())
            .with_distributed_scale_up_leaf_node_handler(scan_tasks::divide)
            .with_distributed_planner(),
    })
}

struct SharedResolver(Arc<dyn WorkerResolver>);

impl WorkerResolver for SharedResolver {
    fn get_urls(&self) -> datafusion::error::Result<Vec<url::Url>> {
        self.0.get_urls()
    }
}

struct SharedChannels(Arc<dyn ChannelResolver + Send + Sync>);

#[async_trait::async_trait]
impl ChannelResolver for SharedChannels {
    async fn get_worker_client_for_url(
        &self,
        url: &url::Url,
    ) -> datafusion::error::Result<Box<dyn datafusion_distributed::WorkerChannel>> {
        self.0.get_worker_client_for_url(url).await
    }
}

/// The configuration of a state: Presto's null ordering, and what each engine needs.
pub fn session_config(options: &StateOptions) -> SessionConfig {
    let base = match options.mode {
        ExecutionMode::Local | ExecutionMode::Pipelined => SessionConfig::new(),
        ExecutionMode::Staged => staged_config(),
    };
    let (catalog, schema) = &options.default_names;
    let mut config = base
        .with_target_partitions(options.target_partitions)
        .with_batch_size(options.batch_size)
        .with_collect_statistics(options.collect_statistics)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(catalog, schema);
    config.options_mut().extensions.insert(options.limits);
    let sql = &mut config.options_mut().sql_parser;
    sql.default_null_ordering = "nulls_last".to_owned();
    sql.map_string_types_to_utf8view = options.mode != ExecutionMode::Staged;
    config
}

/// Ballista's own settings, hash joins instead of its sort-merge default, static planning (its
/// adaptive planner gives wrong answers for ROLLUP with LIMIT and hangs when an executor is
/// lost).
fn staged_config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        .set_bool("ballista.planner.adaptive.enabled", false)
        .set_bool("datafusion.optimizer.prefer_hash_join", true)
}
