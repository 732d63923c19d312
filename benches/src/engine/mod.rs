//! The engines that are compared. Each answers a query with all its rows in memory as Arrow, and
//! each reads the same Parquet files with the same number of threads.

mod duckdb;
mod in_process;
mod quern;

pub(crate) use in_process::{register, session};

use crate::answer::Answer;
use crate::args::EngineName;
use crate::bench::Bench;
use crate::dataset::Dataset;
use crate::servers::{Cluster, Server};
use anyhow::{Context, Result};
use duckdb::DuckDb;
use in_process::InProcess;
use quern::QuernMode;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;

/// As in the `quern` program: plans are walked recursively.
const STACK_BYTES: usize = 32 << 20;

/// A runtime with `n` threads.
pub(crate) fn threads(name: &str, n: usize) -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n.max(1))
        .enable_all()
        .thread_name(name)
        .thread_stack_size(STACK_BYTES)
        .build()
        .context("cannot start threads")
}

#[derive(Debug)]
enum Kind {
    DataFusion(InProcess),
    DuckDb(DuckDb),
    Quern(QuernMode),
}

/// An engine with the tables of a dataset.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    kind: Kind,
}

impl Engine {
    /// Runs a query to its last row.
    pub(crate) async fn run(&mut self, sql: &str, timeout: Duration) -> Result<Answer> {
        let answer = async {
            match &mut self.kind {
                Kind::DataFusion(engine) => engine.run(sql).await,
                Kind::DuckDb(engine) => engine.run(sql).await,
                Kind::Quern(engine) => engine.run(sql).await,
            }
        };
        let answer = tokio::time::timeout(timeout, Box::pin(answer)).await;
        answer.with_context(|| format!("no answer in {timeout:?}"))?
    }

    /// Why an answer was not computed in the way that the engine's name says; none when it was.
    pub(crate) async fn departure(&mut self, answer: &Answer) -> Result<Option<String>> {
        match &mut self.kind {
            Kind::DataFusion(_) | Kind::DuckDb(_) => Ok(None),
            Kind::Quern(engine) => engine.departure(answer).await,
        }
    }
}

/// The engines of a run, and the processes that they need.
#[derive(Debug)]
pub(crate) struct Engines {
    pub(crate) all: Vec<Engine>,
    pub(crate) duckdb_version: Option<String>,
    _server: Option<Server>,
    _cluster: Option<Cluster>,
}

impl Engines {
    /// Starts the engines of `names`, with their scratch files under `dir`.
    pub(crate) async fn start(
        bench: &Bench,
        names: &[EngineName],
        dataset: &Dataset,
        dir: &Path,
    ) -> Result<Self> {
        let has = |wanted: &[EngineName]| names.iter().any(|name| wanted.contains(name));
        let server = match has(&[EngineName::Local]) {
            true => Some(Server::start(bench, &dir.join("serve"))?),
            false => None,
        };
        let cluster = match has(&[EngineName::Pipelined, EngineName::Staged]) {
            true => Some(Cluster::start(bench, &dir.join("cluster")).await?),
            false => None,
        };
        let mut all = Vec::new();
        let mut duckdb_version = None;
        for name in names {
            let kind = match name {
                EngineName::Datafusion => Kind::DataFusion(InProcess::open(bench, dataset).await?),
                EngineName::Duckdb => {
                    let engine = DuckDb::start(bench, dataset, dir).await?;
                    duckdb_version = Some(engine.version().to_owned());
                    Kind::DuckDb(engine)
                }
                EngineName::Local => {
                    let server = server.as_ref().context("no server")?;
                    Kind::Quern(QuernMode::open(server.connect().await?, *name, dataset).await?)
                }
                EngineName::Pipelined | EngineName::Staged => {
                    let cluster = cluster.as_ref().context("no cluster")?;
                    Kind::Quern(QuernMode::open(cluster.connect().await?, *name, dataset).await?)
                }
            };
            all.push(Engine { name: name.name(), kind });
        }
        Ok(Self { all, duckdb_version, _server: server, _cluster: cluster })
    }
}
