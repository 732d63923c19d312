//! What all queries of a process share: memory, scratch disk, caches and object stores.

use crate::search::SearchCache;
use crate::tables::ScanContext;
use datafusion::common::DataFusionError;
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
pub use quern_catalog::storage::LocationPolicy;

use quern_catalog::storage::{FileListCache, Storage};
use quern_common::config::Config;
use quern_common::{Error, ErrorCode, Result};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The process-wide resources of query execution.
#[derive(Debug, Clone)]
pub struct EngineRuntime {
    env: Arc<RuntimeEnv>,
    scan: ScanContext,
    query_memory_bytes_max: usize,
    search: SearchCache,
}

impl EngineRuntime {
    /// Sets the resources up as `config` says.
    ///
    /// # Errors
    /// `CONFIGURATION_INVALID` when scratch space cannot be made or S3 cannot be set up.
    pub fn new(config: &Config, policy: LocationPolicy, memory_bytes: usize) -> Result<Self> {
        let storage = Storage::new(&config.storage, policy)?;
        let scratch: PathBuf = config.data_dir.join("scratch");
        std::fs::create_dir_all(&scratch).map_err(|err| {
            Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("scratch directory \"{}\": {err}", scratch.display()),
            )
        })?;
        let caches = CacheManagerConfig::default()
            .with_metadata_cache_limit(config.catalog.footer_cache_size.as_usize());
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![scratch]))
            .with_max_temp_directory_size(config.query.spill_size.0);
        let env = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory_bytes)))
            .with_disk_manager_builder(disk)
            .with_cache_manager(caches)
            .with_object_store_registry(storage.registry())
            .build_arc()
            .map_err(crate::error::from_datafusion)?;
        let listings = FileListCache::new(Arc::clone(&storage), &config.catalog);
        let scan = ScanContext {
            storage,
            listings: Arc::new(listings),
            statistics: Arc::default(),
            concurrency: config.catalog.listing_concurrency,
        };
        let query_memory_bytes_max = match config.query.memory_limit.as_usize() {
            0 => memory_bytes,
            limit => limit,
        };
        let search = SearchCache::new(&config.catalog);
        Ok(Self { env, scan, query_memory_bytes_max, search })
    }

    /// Storage, listings and statistics.
    pub fn scan(&self) -> &ScanContext {
        &self.scan
    }

    /// The texts that `search_catalog` looks through.
    pub fn search(&self) -> &SearchCache {
        &self.search
    }

    /// The environment that all queries share, without a limit of its own.
    pub fn shared_env(&self) -> &Arc<RuntimeEnv> {
        &self.env
    }

    /// An environment for one query: the shared caches, disk and pool, and a limit of memory
    /// that fails this query alone.
    pub fn query_env(&self, memory_bytes_max: Option<usize>) -> Arc<RuntimeEnv> {
        let limit = memory_bytes_max.unwrap_or(self.query_memory_bytes_max);
        let limit = limit.min(self.query_memory_bytes_max);
        let mut env = self.env.as_ref().clone();
        env.memory_pool = Arc::new(QueryMemoryPool::new(Arc::clone(&self.env.memory_pool), limit));
        Arc::new(env)
    }
}

/// Counts one query's reservations against its own limit on top of the process-wide pool.
#[derive(Debug)]
struct QueryMemoryPool {
    shared: Arc<dyn MemoryPool>,
    limit_bytes: usize,
    used_bytes: AtomicUsize,
}

impl QueryMemoryPool {
    fn new(shared: Arc<dyn MemoryPool>, limit_bytes: usize) -> Self {
        Self { shared, limit_bytes, used_bytes: AtomicUsize::new(0) }
    }
}

impl std::fmt::Display for QueryMemoryPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "query pool of {} bytes", self.limit_bytes)
    }
}

impl MemoryPool for QueryMemoryPool {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.shared.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.shared.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.used_bytes.fetch_add(additional, Ordering::Relaxed);
        self.shared.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.used_bytes.fetch_sub(shrink, Ordering::Relaxed);
        self.shared.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> DataFusionResult<()> {
        let before = self.used_bytes.fetch_add(additional, Ordering::Relaxed);
        let granted = match before.checked_add(additional) {
            Some(total) if total <= self.limit_bytes => {
                self.shared.try_grow(reservation, additional)
            }
            _ => Err(DataFusionError::ResourcesExhausted(format!(
                "query exceeded its memory limit of {} bytes on this node",
                self.limit_bytes
            ))),
        };
        if granted.is_err() {
            self.used_bytes.fetch_sub(additional, Ordering::Relaxed);
        }
        granted
    }

    fn reserved(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit_bytes)
    }
}
