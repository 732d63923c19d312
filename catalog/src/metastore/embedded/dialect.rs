//! Everything that is SQLite's: connections, transactions, migrations and error texts.
//!
//! The rest of the embedded metastore speaks SQL that PostgreSQL understands too (bound
//! parameters, `ON CONFLICT`, `RETURNING`) and names only [`Db`]: another database is another
//! set of these definitions and of migrations.

use quern_common::{Error, ErrorCode, Result};
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlSafeStr};
use std::path::Path;
use std::time::{Duration, Instant};

/// The database that the metastore is kept in.
pub(super) type Db = sqlx::Sqlite;
pub(super) type Connection = sqlx::SqliteConnection;
pub(super) type Pool = sqlx::Pool<Db>;
pub(super) type Transaction = sqlx::Transaction<'static, Db>;
pub(super) type QueryBuilder = sqlx::QueryBuilder<Db>;

/// Values that one statement may bind at most; SQLite's own limit is 32,766.
pub(super) const MAX_BINDS: usize = 16_000;

/// Takes the write lock at once: a transaction that read first and then waited for the lock
/// would fail instead of waiting.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const BUSY_PAUSE: Duration = Duration::from_millis(20);
const STATEMENT_CACHE: usize = 200;
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "catalogue", include_str!("../../../migrations/sqlite/0001_catalogue.sql")),
    (2, "hive clients", include_str!("../../../migrations/sqlite/0002_hive_clients.sql")),
];

/// The connections to one database: one that writes, some that read.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    writer: Pool,
    readers: Pool,
}

impl Connections {
    /// Opens the file, creates it when it is missing and brings its tables up to date.
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged is on disk.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", "-16384")
            .statement_cache_capacity(STATEMENT_CACHE)
            .disable_statement_logging();
        let describe = |err| store_error(err).at(path);
        let writer = connect_writer(&options).await.map_err(describe)?;
        migrate(&writer).await.map_err(|err| err.at(path))?;
        let readers = pool(READERS).connect_with(options.read_only(true).create_if_missing(false));
        let readers = readers.await.map_err(describe)?;
        Ok(Self { writer, readers })
    }

    /// Begins a transaction that changes something. Dropping it undoes it.
    pub(super) async fn write(&self) -> Result<Transaction> {
        self.writer.begin_with(BEGIN_WRITE).await.map_err(store_error)
    }

    /// Begins a transaction whose statements all see one state.
    pub(super) async fn snapshot(&self) -> Result<Transaction> {
        self.readers.begin().await.map_err(store_error)
    }

    /// A connection for one reading statement.
    pub(super) async fn read(&self) -> Result<sqlx::pool::PoolConnection<Db>> {
        self.readers.acquire().await.map_err(store_error)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Connects, and again while another process holds the file: SQLite does not wait for the lock
/// when it turns a new file into one with a write-ahead log, whatever the busy timeout.
async fn connect_writer(options: &SqliteConnectOptions) -> sqlx::Result<Pool> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match pool(1).connect_with(options.clone()).await {
            Err(err) if is_busy(&err) && Instant::now() < deadline => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            result => return result,
        }
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn is_busy(err: &sqlx::Error) -> bool {
    // The low byte is the primary result code; SQLITE_BUSY is 5.
    let code = err.as_database_error().and_then(DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// Applies migrations under the write lock, because two processes may open a new file at once.
async fn migrate(writer: &Pool) -> Result<()> {
    let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
        let sql = (*sql).into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    let mut transaction = writer.begin_with(BEGIN_WRITE).await.map_err(store_error)?;
    migrator.run(&mut *transaction).await.map_err(migration_error)?;
    transaction.commit().await.map_err(store_error)
}

fn migration_error(err: MigrateError) -> Error {
    let message = format!("the metastore's database cannot be brought up to date: {err}");
    let newer = matches!(err, MigrateError::VersionMissing(_));
    let error = Error::new(ErrorCode::HiveMetastoreError, message).with_source(err);
    match newer {
        true => error.with_hint("it was written by a newer version of Quern"),
        false => error,
    }
}

/// A failure of the database itself.
pub(super) fn store_error(err: sqlx::Error) -> Error {
    let message = format!("the metastore's database failed: {err}");
    Error::new(ErrorCode::HiveMetastoreError, message).with_source(err)
}

trait At {
    fn at(self, path: &Path) -> Self;
}

impl At for Error {
    fn at(self, path: &Path) -> Self {
        let message = format!("\"{}\": {}", path.display(), self.message());
        let error = Self::new(self.code(), message);
        match self.hint() {
            Some(hint) => error.with_hint(hint).with_source(self),
            None => error.with_source(self),
        }
    }
}
