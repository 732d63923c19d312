//! The quern processes that are measured.

use crate::bench::Bench;
use crate::flight::Flight;
use anyhow::{Result, bail};
use quern_tests::process::Process;
use std::path::Path;
use std::time::{Duration, Instant};

const EXECUTORS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// `quern serve`.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
}

impl Server {
    /// Starts one with its data under `dir`.
    pub(crate) fn start(bench: &Bench, dir: &Path) -> Result<Self> {
        let arguments = front_arguments("serve", dir);
        let limits = Limits { threads: bench.threads, memory_mib: bench.memory_mib };
        Ok(Self { process: start(bench, dir, arguments, &limits)? })
    }

    /// As [`Server::start`], and it is a metastore for others.
    pub(crate) fn start_with_metastore(bench: &Bench, dir: &Path) -> Result<Self> {
        let mut arguments = front_arguments("serve", dir);
        arguments.extend(["--metastore-listen", "127.0.0.1:0"].map(str::to_owned));
        let limits = Limits { threads: bench.threads, memory_mib: bench.memory_mib };
        Ok(Self { process: start(bench, dir, arguments, &limits)? })
    }

    pub(crate) async fn connect(&self) -> Result<Flight> {
        Flight::connect(self.process.address("flight_sql")?).await
    }

    /// Where it is a metastore.
    pub(crate) fn metastore_uri(&self) -> Result<String> {
        Ok(format!("thrift://{}", self.process.address("metastore")?))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// A scheduler, and executors of one thread each, as many as the benchmark has threads.
#[derive(Debug)]
pub(crate) struct Cluster {
    scheduler: Process,
    _executors: Vec<Process>,
}

impl Cluster {
    /// Starts one with its data under `dir` and waits until it is complete.
    pub(crate) async fn start(bench: &Bench, dir: &Path) -> Result<Self> {
        let mut arguments = front_arguments("scheduler", dir);
        arguments.extend(["--internal-listen".to_owned(), "127.0.0.1:0".to_owned()]);
        let limits = Limits { threads: bench.threads, memory_mib: bench.memory_mib };
        let scheduler = start(bench, dir, arguments, &limits)?;
        let mut executors = Vec::new();
        let memory_mib = bench.memory_mib.div_ceil(bench.threads as u64);
        for number in 0..bench.threads {
            let data_dir = dir.join(format!("executor-{number}"));
            let internal = scheduler.address("internal")?;
            let arguments = [
                "executor",
                "--data-dir",
                &data_dir.to_string_lossy(),
                "--scheduler",
                internal,
                "--internal-listen",
                "127.0.0.1:0",
                "--task-slots",
                "1",
            ];
            let arguments = arguments.map(str::to_owned).to_vec();
            executors.push(start(bench, dir, arguments, &Limits { threads: 1, memory_mib })?);
        }
        let cluster = Self { scheduler, _executors: executors };
        cluster.wait_for_executors(bench.threads).await?;
        Ok(cluster)
    }

    pub(crate) async fn connect(&self) -> Result<Flight> {
        Flight::connect(self.scheduler.address("flight_sql")?).await
    }

    async fn wait_for_executors(&self, n: usize) -> Result<()> {
        let mut flight = self.connect().await?;
        let sql = "SELECT count(*) FROM system.runtime.nodes \
                   WHERE role = 'executor' AND state = 'active'";
        let start = Instant::now();
        loop {
            let found = flight.rows(sql).await?.concat().concat();
            if found == n.to_string() {
                return Ok(());
            }
            if start.elapsed() > EXECUTORS_WITHIN {
                bail!("{found} executors after {EXECUTORS_WITHIN:?}, {n} expected");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// What a process may use.
struct Limits {
    threads: usize,
    memory_mib: u64,
}

fn front_arguments(command: &str, dir: &Path) -> Vec<String> {
    let data_dir = dir.join("data").to_string_lossy().into_owned();
    let listen = ["--flight-sql-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
    let mut arguments = vec![command.to_owned(), "--data-dir".to_owned(), data_dir];
    arguments.extend(listen.map(str::to_owned));
    arguments
}

fn start(
    bench: &Bench,
    dir: &Path,
    mut arguments: Vec<String>,
    limits: &Limits,
) -> Result<Process> {
    std::fs::create_dir_all(dir)?;
    for location in [bench.data_dir.as_path(), dir] {
        arguments.push("--allow-location".to_owned());
        arguments.push(location.to_string_lossy().into_owned());
    }
    arguments.extend(["--log".to_owned(), "error".to_owned()]);
    let own = [
        format!("query.threads={}", limits.threads),
        format!("query.memory_pool_size={}MiB", limits.memory_mib),
    ];
    for setting in own.iter().chain(&bench.settings) {
        arguments.extend(["--set".to_owned(), setting.clone()]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    Process::start_program(&bench.quern, dir, &arguments, &[])
}
