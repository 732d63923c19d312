//! Real `quern` processes. A process is killed when its handle is dropped.

use anyhow::{Context, Result, bail};
use quern_client::{ConnectOptions, Connection};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The program under test: `$QUERN_BIN`, or the one beside the test's own target folder.
///
/// # Errors
/// When it was not built.
pub fn quern_binary() -> Result<PathBuf> {
    if let Some((_, path)) = std::env::vars_os().find(|(name, _)| name == "QUERN_BIN") {
        return Ok(PathBuf::from(path));
    }
    let test = std::env::current_exe().context("the test's own path")?;
    // target/debug/deps/it-… → target/debug/quern
    let found = test.ancestors().skip(1).map(|dir| dir.join("quern")).find(|path| path.is_file());
    found.context("the quern program is not built; run cargo build first, or set QUERN_BIN")
}

/// A running `quern` process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    addresses: Value,
}

impl Process {
    /// Starts `quern ARGS --print-addresses` in `dir` and waits for its addresses.
    ///
    /// # Errors
    /// When it ends before it is ready.
    pub fn start(dir: &Path, args: &[&str]) -> Result<Self> {
        Self::start_with(dir, args, &[])
    }

    /// As [`Process::start`], with environment variables.
    ///
    /// # Errors
    /// When it ends before it is ready.
    pub fn start_with(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Self> {
        Self::start_program(&quern_binary()?, dir, args, env)
    }

    /// As [`Process::start_with`], with a `quern` program at another place.
    ///
    /// # Errors
    /// When it ends before it is ready.
    pub fn start_program(
        program: &Path,
        dir: &Path,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Result<Self> {
        let mut child = Command::new(program)
            .args(args)
            .arg("--print-addresses")
            .envs(env.iter().copied())
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("quern does not start")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.is_empty() {
            let status = child.wait()?;
            bail!("quern {args:?} ended before it was ready: {status}");
        }
        let addresses = serde_json::from_str(&line).with_context(|| format!("line {line:?}"))?;
        Ok(Self { child, addresses })
    }

    /// An address that the process printed.
    ///
    /// # Errors
    /// When it printed none of this name.
    pub fn address(&self, name: &str) -> Result<&str> {
        self.addresses[name].as_str().with_context(|| format!("no address {name}"))
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process as `kill -9` does and waits for its end.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Connects to the process's Flight SQL.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn connect(&self) -> Result<Connection> {
        Ok(Connection::connect(&ConnectOptions::new(self.address("flight_sql")?)).await?)
    }

    /// Connects, in a mode of execution and a schema.
    ///
    /// # Errors
    /// When it does not answer or the schema is missing.
    pub async fn connect_in(&self, mode: &str, schema: &str) -> Result<Connection> {
        let mut options = ConnectOptions::new(self.address("flight_sql")?);
        options.session.push(("execution_mode".to_owned(), mode.to_owned()));
        options.session.push(("schema".to_owned(), schema.to_owned()));
        Ok(Connection::connect(&options).await?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that is gone already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `quern serve` on free ports.
///
/// # Errors
/// When it does not start.
pub fn serve(dir: &Path, more: &[&str]) -> Result<Process> {
    let data = dir.join("data");
    let data = data.to_string_lossy();
    let mut args = vec![
        "serve",
        "--data-dir",
        &data,
        "--flight-sql-listen",
        "127.0.0.1:0",
        "--http-listen",
        "127.0.0.1:0",
    ];
    args.extend(more);
    Process::start(dir, &args)
}

/// A scheduler and its executors, each a process.
#[derive(Debug)]
pub struct Cluster {
    /// The scheduler.
    pub scheduler: Process,
    /// The executors.
    pub executors: Vec<Process>,
    dir: PathBuf,
    more: Vec<String>,
}

impl Cluster {
    /// Starts a scheduler and `n` executors of two task slots.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(dir: &Path, n: usize, more: &[&str]) -> Result<Self> {
        let data = dir.join("data");
        let data = data.to_string_lossy();
        let mut args = vec![
            "scheduler",
            "--data-dir",
            &data,
            "--flight-sql-listen",
            "127.0.0.1:0",
            "--http-listen",
            "127.0.0.1:0",
            "--internal-listen",
            "127.0.0.1:0",
            // The tables of tests are small: without it nothing would be divided.
            "--set",
            "query.pipelined_partition_size=1kB",
        ];
        args.extend(more);
        let scheduler = Process::start(dir, &args)?;
        let mut cluster = Self {
            scheduler,
            executors: vec![],
            dir: dir.to_owned(),
            more: more.iter().map(|arg| (*arg).to_owned()).collect(),
        };
        for _ in 0..n {
            cluster.add_executor()?;
        }
        Ok(cluster)
    }

    /// Starts one more executor.
    ///
    /// # Errors
    /// When it does not start.
    pub fn add_executor(&mut self) -> Result<()> {
        let data = self.dir.join(format!("executor-{}", self.executors.len()));
        let data = data.to_string_lossy();
        let mut args = vec![
            "executor",
            "--data-dir",
            &data,
            "--scheduler",
            self.scheduler.address("internal")?,
            "--internal-listen",
            "127.0.0.1:0",
            "--task-slots",
            "2",
        ];
        args.extend(self.more.iter().map(String::as_str));
        self.executors.push(Process::start(&self.dir, &args)?);
        Ok(())
    }

    /// Waits until the scheduler knows `n` live executors.
    ///
    /// # Errors
    /// When that takes more than 30 s.
    pub async fn wait_for_executors(&self, n: usize) -> Result<()> {
        let connection = self.scheduler.connect().await?;
        let sql = "SELECT count(*) FROM system.runtime.nodes \
                   WHERE role = 'executor' AND state = 'active'";
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let rows = crate::rows::query(&connection, sql).await?;
            if rows == vec![vec![n.to_string()]] {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                bail!("{rows:?} executors after 30 s, {n} expected");
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}
