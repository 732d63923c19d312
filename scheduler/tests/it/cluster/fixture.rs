//! A cluster over two tables: `events` in eight Parquet files, `dims` in one.

use arrow::array::{Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;
use futures::{StreamExt, TryStreamExt};
use quern_catalog::metastore::MemoryMetastore;
use quern_common::Result;
use quern_common::config::{Config, HumanDuration, Secret};
use quern_common::ids::QueryId;
use quern_engine::catalogs::CatalogRegistry;
use quern_engine::ddl::DdlExecutor;
use quern_engine::plan::{LogicalQuery, PlanScope, Planner, guard};
use quern_engine::runtime::{EngineRuntime, LocationPolicy};
use quern_engine::session::{ExecutionMode, Session};
use quern_engine::statement::Statement;
use quern_executor::{Executor, ExecutorOptions, RunningExecutor};
use quern_scheduler::cluster::Cluster;
use quern_scheduler::dispatch::pipelined::PipelinedDispatcher;
use quern_scheduler::dispatch::staged::StagedDispatcher;
use quern_scheduler::dispatch::{Dispatched, local};
use quern_scheduler::system_tables::SystemCatalog;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const MEMORY_BYTES: usize = 256 << 20;
pub(super) const N_EVENTS: i64 = 8_000;
const N_FILES: i64 = 8;
/// The tables are small: each file is more than a partition reads.
const PARTITION_BYTES: usize = 1_000;

pub(super) struct TestCluster {
    pub(super) cluster: Arc<Cluster>,
    pub(super) executors: Vec<RunningExecutor>,
    pub(super) dir: TempDir,
    pub(super) config: Config,
    planner: Planner,
    session: Session,
    pipelined: PipelinedDispatcher,
    staged: StagedDispatcher,
    shutdown: CancellationToken,
    /// Of query work: it must not delay the cluster's own traffic.
    threads: Option<Runtime>,
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

impl TestCluster {
    pub(super) async fn start(n_executors: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: dir.path().join("scheduler"), ..Config::default() };
        config.internal.secret = Secret::new("a secret of this test");
        config.internal.heartbeat_interval = HumanDuration(Duration::from_millis(500));
        config.internal.executor_timeout = HumanDuration::seconds(5);
        config.internal.no_executors_grace = HumanDuration::seconds(3);
        write_tables(dir.path());
        let policy = LocationPolicy::Unrestricted;
        let runtime = EngineRuntime::new(&config, policy, MEMORY_BYTES).unwrap();
        let warehouse = format!("file://{}/warehouse", dir.path().display());
        let metastore = Arc::new(MemoryMetastore::new(&warehouse));
        let registry = Arc::new(CatalogRegistry::new(
            "hive",
            Arc::<MemoryMetastore>::clone(&metastore),
            metastore,
            config.metastore.clone(),
        ));
        let session = Session::new("ada", "hive", "default");
        let ddl = DdlExecutor::new(Arc::clone(&registry), Arc::clone(&runtime.scan().storage) as _);
        for (table, columns) in [
            ("events", "id bigint, k bigint, v double, name string"),
            ("dims", "k bigint, label string"),
        ] {
            let location = format!("file://{}/{table}", dir.path().display());
            let sql = format!(
                "CREATE EXTERNAL TABLE {table} ({columns}) STORED AS PARQUET LOCATION '{location}'"
            );
            ddl.execute(&session, &Statement::parse_one(&sql).unwrap()).await.unwrap();
        }
        let system = SystemCatalog::new(Arc::clone(&registry), &config.catalog);
        let planner = Planner::new(runtime, registry, Arc::new(system));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shutdown = CancellationToken::new();
        let cluster = Cluster::start(&config.internal, listener, shutdown.clone()).await.unwrap();
        let threads = Runtime::new().unwrap();
        let mut this = Self {
            pipelined: PipelinedDispatcher::new(Arc::clone(&cluster), threads.handle().clone()),
            staged: StagedDispatcher::new(Arc::clone(&cluster)),
            cluster,
            executors: Vec::new(),
            dir,
            config,
            planner,
            session,
            shutdown,
            threads: Some(threads),
        };
        for _ in 0..n_executors {
            this.add_executor().await;
        }
        this
    }

    pub(super) async fn add_executor(&mut self) {
        let n_before = self.cluster.n_live();
        let scheduler = self.cluster.address();
        let executor = self.start_executor(self.executors.len(), scheduler).await;
        self.executors.push(executor);
        self.until("an executor joins", || self.cluster.n_live() > n_before).await;
    }

    pub(super) async fn start_executor(&self, n: usize, scheduler: SocketAddr) -> RunningExecutor {
        let mut config = self.config.clone();
        config.data_dir = self.dir.path().join(format!("executor-{n}"));
        let options = ExecutorOptions {
            config,
            scheduler: scheduler.to_string(),
            memory_bytes: MEMORY_BYTES,
            n_threads: 2,
            policy: LocationPolicy::Unrestricted,
        };
        Executor::start(options).await.unwrap()
    }

    pub(super) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let limit = Instant::now() + Duration::from_secs(10);
        while !condition() {
            assert!(Instant::now() < limit, "not within 10 s: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn logical(&self, sql: &str, mode: ExecutionMode) -> Result<LogicalQuery> {
        let Statement::Query(query) = Statement::parse_one(sql)? else { panic!("no query: {sql}") };
        let scope = PlanScope {
            user: self.session.user().to_owned(),
            settings: self.session.settings(),
            mode,
            target_partitions: 4,
            batch_size: None,
            memory_bytes_max: None,
            collect_statistics: true,
            workers: Some(self.cluster.workers(PARTITION_BYTES)),
        };
        self.planner.logical(&query, &scope).await
    }

    /// Starts a query in one mode; a plan that the guard refuses fails the test.
    pub(super) async fn submit(&self, sql: &str, mode: ExecutionMode) -> Result<Dispatched> {
        let id = QueryId::random();
        let logical = self.logical(sql, mode).await?;
        match mode {
            ExecutionMode::Local => {
                let threads = self.threads.as_ref().unwrap().handle();
                local::submit(logical.physical().await?, threads)
            }
            ExecutionMode::Pipelined => {
                let physical = logical.clone().physical().await?;
                assert!(guard::is_divided(&physical.plan), "{sql}");
                let refused = guard::refuse(&physical.plan, mode, &physical.state.task_ctx());
                assert_eq!(refused, None, "{sql}");
                let dispatched = self.pipelined.submit(&id, logical, physical).await?;
                Ok(dispatched)
            }
            ExecutionMode::Staged => {
                let physical = logical.physical().await?;
                let refused = guard::refuse(&physical.plan, mode, &physical.state.task_ctx());
                assert_eq!(refused, None, "{sql}");
                self.staged.submit(&id, physical).await
            }
        }
    }

    /// Waits until the cluster has executors, as the query manager does before it plans.
    pub(super) async fn rows_when_there_are_executors(
        &self,
        sql: &str,
        mode: ExecutionMode,
    ) -> Result<Vec<String>> {
        self.cluster.wait_for_executor().await?;
        self.rows(sql, mode).await
    }

    /// The rows as text, in their order.
    pub(super) async fn rows(&self, sql: &str, mode: ExecutionMode) -> Result<Vec<String>> {
        let dispatched = self.submit(sql, mode).await?;
        collect(dispatched).await
    }

    /// How many directories of jobs the executors hold.
    pub(super) fn n_job_dirs(&self) -> usize {
        let is_job = |name: &str| !name.ends_with(".lock");
        (0..self.executors.len())
            .filter_map(|n| {
                let base = self.dir.path().join(format!("executor-{n}/shuffle"));
                std::fs::read_dir(base).ok()
            })
            .flat_map(|executors| executors.flatten())
            .filter(|executor| is_job(&executor.file_name().to_string_lossy()))
            .filter_map(|executor| std::fs::read_dir(executor.path()).ok())
            .map(Iterator::count)
            .sum()
    }
}

pub(super) async fn collect(dispatched: Dispatched) -> Result<Vec<String>> {
    let batches: Vec<RecordBatch> = dispatched.rows.try_collect().await?;
    Ok(batches.iter().flat_map(text_rows).collect())
}

/// The first batch, and the rest.
pub(super) async fn first(dispatched: &mut Dispatched) -> Result<RecordBatch> {
    dispatched.rows.next().await.unwrap()
}

fn text_rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"))
        .collect()
}

fn write_tables(dir: &Path) {
    std::fs::create_dir(dir.join("events")).unwrap();
    std::fs::create_dir(dir.join("dims")).unwrap();
    let n = N_EVENTS / N_FILES;
    for file in 0..N_FILES {
        let ids: Vec<i64> = (file * n..(file + 1) * n).collect();
        let batch = RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(ids.clone())) as _),
            ("k", Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| id % 10))) as _),
            (
                "v",
                Arc::new(Float64Array::from_iter_values(ids.iter().map(|id| *id as f64 / 4.0)))
                    as _,
            ),
            (
                "name",
                Arc::new(StringArray::from_iter_values(
                    ids.iter().map(|id| format!("n{}", id % 97)),
                )) as _,
            ),
        ]);
        write(&dir.join(format!("events/{file}.parquet")), &batch.unwrap());
    }
    let ks: Vec<i64> = (0..10).collect();
    let batch = RecordBatch::try_from_iter([
        ("k", Arc::new(Int64Array::from(ks.clone())) as _),
        (
            "label",
            Arc::new(StringArray::from_iter_values(ks.iter().map(|k| format!("label {k}")))) as _,
        ),
    ]);
    write(&dir.join("dims/0.parquet"), &batch.unwrap());
}

fn write(path: &Path, batch: &RecordBatch) {
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}
