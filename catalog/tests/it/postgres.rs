//! A PostgreSQL server for one test.

use quern_catalog::metastore::{EmbeddedMetastore, MetastoreOptions};
use sqlx::Connection;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// Whom Debian's package makes for it: PostgreSQL refuses to run as root.
const SYSTEM_USER: &str = "postgres";
const SUPERUSER: &str = "quern";

/// A server in a folder of its own, which listens on a socket in it alone. It ends with the
/// test, whatever becomes of that.
pub(crate) struct PostgresServer {
    child: Child,
    databases: AtomicUsize,
    dir: tempfile::TempDir,
}

impl PostgresServer {
    /// Starts a server.
    ///
    /// # Panics
    /// When it cannot be started; `.ci/run` installs what is needed.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        if is_root() {
            let owner = format!("{SYSTEM_USER}:");
            run(Command::new("chown").arg(owner).arg(dir.path()));
        }
        let data = dir.path().join("data");
        let mut initdb = as_system_user(&program("initdb"));
        initdb.args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--username", SUPERUSER]);
        // Names sort by bytes all the same.
        run(initdb.args(["--locale=C.UTF-8", "--pgdata"]).arg(&data));
        let mut postgres = as_system_user(&program("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(dir.path());
        postgres.args(["-c", "listen_addresses=", "-c", "max_connections=100"]);
        // Nothing here outlives the machine.
        postgres.args(["-c", "fsync=off", "-c", "autovacuum_naptime=5s"]);
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = postgres.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        let mut server = Self { child, databases: AtomicUsize::new(0), dir };
        server.wait().await;
        server
    }

    async fn wait(&mut self) {
        let deadline = Instant::now() + STARTED_WITHIN;
        while let Err(err) = self.execute("SELECT 1").await {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{err}; {ended:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn execute(&self, sql: &'static str) -> sqlx::Result<()> {
        self.execute_in("postgres", sql).await
    }

    /// Runs a statement of somebody who is not Quern.
    pub(crate) async fn execute_in(&self, database: &str, sql: &'static str) -> sqlx::Result<()> {
        let mut connection = self.connect(database).await?;
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        connection.close().await
    }

    pub(crate) async fn connect(&self, database: &str) -> sqlx::Result<sqlx::PgConnection> {
        sqlx::PgConnection::connect(&self.url(database)).await
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        let host = self.dir.path().display();
        format!("postgres:///{database}?host={host}&user={SUPERUSER}")
    }

    /// Makes an empty database and returns its name.
    pub(crate) async fn create_database(&self) -> String {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let sql = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        let mut connection = self.connect("postgres").await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        name
    }

    /// Opens a database as a metastore.
    pub(crate) async fn open(&self, database: &str, warehouse: &str) -> EmbeddedMetastore {
        let options = MetastoreOptions::default();
        EmbeddedMetastore::open_postgres(&self.url(database), warehouse, options).await.unwrap()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Killed, it would leave shared memory behind.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// A command that ends when the thread that started it does, as a user who may run it.
fn as_system_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if is_root() {
        command.args(["--reuid", SYSTEM_USER, "--regid", SYSTEM_USER, "--init-groups"]);
    }
    command.arg("--").arg(program);
    command.stdout(Stdio::null());
    command
}

/// A program of the newest PostgreSQL that Debian's packages installed, or any on the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|version| version.path()).max_by_key(number);
    newest.map_or_else(|| PathBuf::from(name), |version| version.join("bin").join(name))
}
