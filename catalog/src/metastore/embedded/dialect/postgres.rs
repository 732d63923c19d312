//! PostgreSQL: a server that several schedulers may share.

use super::{Pools, in_database, migration_error, migrator, store_error};
use quern_common::{Error, ErrorCode, Result};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, Postgres};
use sqlx::{ConnectOptions, Pool};
use std::time::Duration;

/// SQLSTATE of transactions that may be tried again: serialization failure, deadlock.
pub(super) const RETRIED: [&str; 2] = ["40001", "40P01"];
/// SQLSTATE `character_not_in_repertoire`: text is UTF-8 here always, so it is a NUL.
pub(super) const NUL_CHARACTER: &str = "22021";

/// Writers queue for the lock, as they do in SQLite; it has to be the first statement, because
/// the second one decides which state the transaction sees. Readers do not notice.
const BEGIN_WRITE: &str =
    "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE change_lock IN EXCLUSIVE MODE";
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const READERS: u32 = 8;
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// What is set in each session.
const SESSION: &[(&str, &str)] = &[
    // How long a change waits for others.
    ("lock_timeout", "30s"),
    // A scheduler that lost its way must not keep the others waiting for ever.
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_keepalives_idle", "30"),
    // Tables differ in size by six orders of magnitude: no plan is good for all of them.
    ("plan_cache_mode", "force_custom_plan"),
    // Joins run in the order written, as they do in SQLite; to search for a better one among
    // seven keys takes longer than the join.
    ("join_collapse_limit", "1"),
    ("client_encoding", "UTF8"),
];
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "catalogue", include_str!("../../../../migrations/postgres/0001_catalogue.sql")),
    (2, "catalogs", include_str!("../../../../migrations/postgres/0002_catalogs.sql")),
    (3, "metadata", include_str!("../../../../migrations/postgres/0003_metadata.sql")),
];

pub(super) async fn open(url: &str) -> Result<Pools<Postgres>> {
    // The error would repeat the URL, which may hold a password.
    let options: PgConnectOptions = url.parse().map_err(|_| {
        let message = "the URL of the metastore's PostgreSQL is none";
        Error::new(ErrorCode::ConfigurationInvalid, message)
            .with_hint("it is like postgres://user@host:5432/database")
    })?;
    let options = options
        .application_name("quern")
        .options(SESSION.iter().copied())
        .disable_statement_logging();
    let name = format!(
        "postgres://{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default()
    );
    connect(options).await.map_err(|err| in_database(err, &name))
}

async fn connect(options: PgConnectOptions) -> Result<Pools<Postgres>> {
    // One writer: two of one process would only wait for each other in the server.
    let writer = pool(1).connect_with(options.clone()).await.map_err(store_error)?;
    migrate(&writer).await?;
    let readers = pool(READERS).connect_with(options).await.map_err(store_error)?;
    Ok(Pools { writer, readers, begin_write: BEGIN_WRITE, begin_snapshot: BEGIN_SNAPSHOT })
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(connections).acquire_timeout(CONNECTION_TIMEOUT)
}

/// Applies migrations. Schedulers that start at once wait for each other: the migrator holds an
/// advisory lock meanwhile.
async fn migrate(writer: &Pool<Postgres>) -> Result<()> {
    migrator(MIGRATIONS).run(writer).await.map_err(migration_error)
}
