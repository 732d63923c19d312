//! SQLite: a file beside the data.

use super::{Pools, in_database, migration_error, migrator, store_error};
use quern_common::Result;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Pool};
use std::path::Path;
use std::time::{Duration, Instant};

/// Takes the write lock at once: a transaction that read first and then waited for the lock
/// would fail instead of waiting.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const BUSY_PAUSE: Duration = Duration::from_millis(20);
const STATEMENT_CACHE: usize = 200;
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "catalogue", include_str!("../../../../migrations/sqlite/0001_catalogue.sql")),
    (2, "hive clients", include_str!("../../../../migrations/sqlite/0002_hive_clients.sql")),
    (3, "unique versions", include_str!("../../../../migrations/sqlite/0003_unique_versions.sql")),
    (4, "catalogs", include_str!("../../../../migrations/sqlite/0004_catalogs.sql")),
    (5, "metadata", include_str!("../../../../migrations/sqlite/0005_metadata.sql")),
];

pub(super) async fn open(path: &Path) -> Result<Pools<Sqlite>> {
    connect(path).await.map_err(|err| in_database(err, &path.display().to_string()))
}

async fn connect(path: &Path) -> Result<Pools<Sqlite>> {
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
    let writer = connect_writer(&options).await.map_err(store_error)?;
    migrate(&writer).await?;
    let readers = pool(READERS).connect_with(options.read_only(true).create_if_missing(false));
    let readers = readers.await.map_err(store_error)?;
    Ok(Pools { writer, readers, begin_write: BEGIN_WRITE, begin_snapshot: "BEGIN" })
}

/// Connects, and again while another process holds the file: SQLite does not wait for the lock
/// when it turns a new file into one with a write-ahead log, whatever the busy timeout.
async fn connect_writer(options: &SqliteConnectOptions) -> sqlx::Result<Pool<Sqlite>> {
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
async fn migrate(writer: &Pool<Sqlite>) -> Result<()> {
    let mut transaction = writer.begin_with(BEGIN_WRITE).await.map_err(store_error)?;
    migrator(MIGRATIONS).run(&mut *transaction).await.map_err(migration_error)?;
    transaction.commit().await.map_err(store_error)
}
