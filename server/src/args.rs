//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Quern: a distributed SQL engine with machine learning over a lake of files.
#[derive(Debug, Parser)]
#[command(name = "quern", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything in one process: catalogue, query engine, Flight SQL, HTTP.
    Serve(ServeArgs),
    /// The cluster's front: client protocols, catalogue, planning, dispatch.
    Scheduler(ServeArgs),
    /// The catalogue alone, as a Hive metastore.
    Metastore(MetastoreArgs),
    /// Runs tasks for a scheduler.
    Executor(ExecutorArgs),
    /// The SQL shell. Without --server it starts an embedded one.
    Sql(SqlArgs),
    /// Starts a server with real sample data and walks through it.
    Demo(DemoArgs),
    /// Validates the configuration and prints the effective one.
    CheckConfig(ConfigArgs),
}

/// Flags that every server command has.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file (TOML); see config/example.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the metastore, models, managed tables and scratch files live.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Log filter, such as info,quern=debug.
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Prefix (directory or s3://bucket/prefix) that tables may lie under, beside the warehouse;
    /// repeatable. Without it: the working and data directories and S3.
    #[arg(long = "allow-location", value_name = "PREFIX")]
    pub(crate) allow_locations: Vec<String>,
    /// Sets one key of the configuration, such as query.max_running=10; repeatable.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Address of Flight SQL, HOST:PORT; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) flight_sql_listen: Option<String>,
    /// Address of HTTP, HOST:PORT; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http_listen: Option<String>,
    /// Address for executors (scheduler only), HOST:PORT; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) internal_listen: Option<String>,
    /// Address of the Hive metastore's protocol, HOST:PORT; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metastore_listen: Option<String>,
    /// Prints one JSON line with the addresses once the server is ready.
    #[arg(long)]
    pub(crate) print_addresses: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct MetastoreArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Address of the Hive metastore's protocol, HOST:PORT; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metastore_listen: Option<String>,
    /// Prints one JSON line with the address once the metastore is ready.
    #[arg(long)]
    pub(crate) print_addresses: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ExecutorArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The scheduler's internal address, HOST:PORT.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) scheduler: String,
    /// Address for the cluster, HOST:PORT; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) internal_listen: Option<String>,
    /// Tasks that run at once; one a core when 0.
    #[arg(long, value_name = "N")]
    pub(crate) task_slots: Option<usize>,
    /// Prints one JSON line with the addresses once the executor is ready.
    #[arg(long)]
    pub(crate) print_addresses: bool,
}

/// How the shell prints rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Aligned,
    Vertical,
    Csv,
    Tsv,
    Json,
    Markdown,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SqlArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Flight SQL server to connect to, HOST:PORT or grpc://HOST:PORT.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) server: Option<String>,
    /// User name.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Password; better in the environment.
    #[arg(long, env = "QUERN_PASSWORD", hide_env_values = true)]
    pub(crate) password: Option<String>,
    /// Catalog of names without catalog.
    #[arg(long)]
    pub(crate) catalog: Option<String>,
    /// Schema of names without schema.
    #[arg(long)]
    pub(crate) schema: Option<String>,
    /// Runs these statements and exits.
    #[arg(short = 'e', long = "execute", value_name = "SQL")]
    pub(crate) execute: Option<String>,
    /// Runs the statements of a file and exits; - reads standard input.
    #[arg(short = 'f', long = "file", value_name = "FILE", conflicts_with = "execute")]
    pub(crate) file: Option<PathBuf>,
    /// Output format; aligned on a terminal and CSV otherwise.
    #[arg(long, value_enum)]
    pub(crate) format: Option<OutputFormat>,
    /// Goes on after a statement that failed.
    #[arg(long)]
    pub(crate) continue_on_error: bool,
    /// Prints the time of each statement.
    #[arg(long)]
    pub(crate) timing: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    /// Directory with the sample data; found beside the program or in the working directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) demo_dir: Option<PathBuf>,
    /// Exits after the walk instead of serving on.
    #[arg(long)]
    pub(crate) once: bool,
}
