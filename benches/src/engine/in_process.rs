//! DataFusion in this process, configured as its users would, apart from what Quern's SQL needs
//! to mean the same: nulls last.

use crate::answer::Answer;
use crate::bench::Bench;
use crate::dataset::Dataset;
use anyhow::{Context, Result};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// A session with threads of its own.
pub(crate) struct InProcess {
    session: SessionContext,
    threads: Option<Runtime>,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl InProcess {
    pub(crate) async fn open(bench: &Bench, dataset: &Dataset) -> Result<Self> {
        let session = session(bench.threads, Some(bench.memory_mib))?;
        for table in &dataset.tables {
            register(&session, &table.name, &dataset.table_dir(&table.name)).await?;
        }
        let threads = Some(super::threads("datafusion", bench.threads)?);
        Ok(Self { session, threads })
    }

    pub(super) async fn run(&self, sql: &str) -> Result<Answer> {
        let (session, sql) = (self.session.clone(), sql.to_owned());
        let Some(threads) = &self.threads else { anyhow::bail!("no threads") };
        let start = Instant::now();
        // A set of one: it ends the work when nobody waits for it any more.
        let mut work = JoinSet::new();
        work.spawn_on(async move { session.sql(&sql).await?.collect().await }, threads.handle());
        let batches = work.join_next().await.context("no work")???;
        Ok(Answer { batches, elapsed: start.elapsed(), query_id: None })
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        // A runtime must not wait for its threads inside another one.
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// A session whose plans aim at `threads` partitions.
pub(crate) fn session(threads: usize, memory_mib: Option<u64>) -> Result<SessionContext> {
    let mut config = SessionConfig::new().with_target_partitions(threads);
    config.options_mut().sql_parser.default_null_ordering = "nulls_last".to_owned();
    let mut env = RuntimeEnvBuilder::new();
    if let Some(mib) = memory_mib {
        let bytes = usize::try_from(mib << 20)?;
        env = env.with_memory_pool(Arc::new(FairSpillPool::new(bytes)));
    }
    Ok(SessionContext::new_with_config_rt(config, env.build_arc()?))
}

/// Registers a directory of Parquet files.
pub(crate) async fn register(session: &SessionContext, name: &str, dir: &Path) -> Result<()> {
    let path = format!("{}/", dir.display());
    session.register_parquet(name, path, ParquetReadOptions::default()).await?;
    Ok(())
}
