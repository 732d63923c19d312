//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Measures Quern; benches/README.md says how.
#[derive(Debug, Parser)]
#[command(name = "quern-bench", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// The quern program; the one beside this program unless given.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) quern: Option<PathBuf>,
    /// Where generated data and Python environments are kept; bench-data in the target folder
    /// unless given.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A Python with the packages of benches/requirements.txt; one is set up unless given.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) python: Option<PathBuf>,
    /// Threads of each engine. A Quern cluster has this many executors of one thread.
    #[arg(long, global = true, default_value_t = 2, value_name = "N")]
    pub(crate) threads: usize,
    /// Memory for the queries of each engine; a cluster's executors share it.
    #[arg(long, global = true, default_value_t = 8192, value_name = "MIB")]
    pub(crate) memory_mib: u64,
    /// Sets one key of the configuration of every quern process; repeatable.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Also writes the results as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The 22 queries of TPC-H on every engine.
    Tpch(SuiteArgs),
    /// The 99 queries of TPC-DS on every engine.
    Tpcds(SuiteArgs),
    /// The latency of SELECT 1 over Flight SQL.
    Select1(Select1Args),
    /// Time to the first answer, and idle memory.
    Startup(StartupArgs),
    /// A query for one partition of many.
    Partitions(PartitionsArgs),
    /// The metastore with very many partitions, alone and beside Hive's.
    Metastore(MetastoreArgs),
    /// A large result over Flight SQL, and a slow reader's cost in memory.
    Transfer(TransferArgs),
    /// Sends a table as Arrow IPC; the other side of `transfer`.
    #[command(hide = true)]
    IpcSource(IpcSourceArgs),
}

/// Who answers queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    Datafusion,
    Duckdb,
    Local,
    Pipelined,
    Staged,
}

impl EngineName {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Datafusion => "datafusion",
            Self::Duckdb => "duckdb",
            Self::Local => "local",
            Self::Pipelined => "pipelined",
            Self::Staged => "staged",
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SuiteArgs {
    /// Scale factors, one after the other.
    #[arg(long, default_value = "1", value_delimiter = ',', value_name = "N")]
    pub(crate) scale: Vec<f64>,
    /// Counted runs of each query on each engine, after one that is not counted.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) runs: usize,
    /// Numbers of the queries to run; all unless given.
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) queries: Vec<usize>,
    /// The engines to run. The first is the one whose answers the others must give.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "datafusion,duckdb,local,pipelined,staged"
    )]
    pub(crate) engines: Vec<EngineName>,
    /// A query that takes longer has failed.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Select1Args {
    /// Counted runs.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) runs: usize,
}

#[derive(Debug, Args)]
pub(crate) struct StartupArgs {
    /// Starts, each with a data directory of its own.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) runs: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PartitionsArgs {
    /// Partitions of the table, one small file each.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) count: usize,
    /// Counted queries, each for another partition.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) queries: usize,
}

#[derive(Debug, Args)]
pub(crate) struct MetastoreArgs {
    /// Partitions of the table that only we have.
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub(crate) count: usize,
    /// Counted calls of each kind.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) calls: usize,
    /// Partitions of the table that Hive's metastore has too; 0 leaves that out.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) hive_count: usize,
    /// How long each metastore is called, each time.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct TransferArgs {
    /// About how many rows of lineitem.
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    pub(crate) rows: u64,
    /// Counted runs.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) runs: usize,
    /// How long the slow client reads.
    #[arg(long, default_value_t = 60, value_name = "N")]
    pub(crate) slow_seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct IpcSourceArgs {
    /// The directory of the table's files.
    #[arg(long)]
    pub(crate) table: PathBuf,
    /// Where the reader listens.
    #[arg(long)]
    pub(crate) connect: String,
    /// Threads that read the files.
    #[arg(long)]
    pub(crate) threads: usize,
    /// Reads all files into memory first.
    #[arg(long)]
    pub(crate) preload: bool,
}
