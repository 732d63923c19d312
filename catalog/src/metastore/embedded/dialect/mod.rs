//! What differs between the databases that a metastore can be kept in: connections,
//! transactions, migrations and error texts.
//!
//! The rest of the embedded metastore speaks SQL that both understand (bound parameters,
//! `ON CONFLICT`, `RETURNING`) and knows only [`Connection`] and [`query()`].

mod postgres;
mod query;
mod sqlite;

pub(super) use query::{QueryBuilder, query};

use quern_common::{Error, ErrorCode, Result};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool, Postgres, SqlSafeStr, Sqlite};
use std::path::Path;

/// Values that one statement may bind at most; SQLite's own limit is 32,766, PostgreSQL's 65,535.
pub(super) const MAX_BINDS: usize = 16_000;

/// The connections to one database: one that writes, some that read.
#[derive(Debug)]
pub(super) enum Connections {
    Sqlite(Pools<Sqlite>),
    Postgres(Pools<Postgres>),
}

#[derive(Debug)]
pub(super) struct Pools<DB: Database> {
    writer: Pool<DB>,
    readers: Pool<DB>,
    /// Begins a transaction that changes something, as the only one that does.
    begin_write: &'static str,
    /// Begins a transaction whose statements all see one state.
    begin_snapshot: &'static str,
}

/// A connection, perhaps in a transaction. Dropping it undoes what was not committed.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(Held<Sqlite>),
    Postgres(Held<Postgres>),
}

/// How a connection is held.
#[derive(Debug)]
pub(super) enum Held<DB: Database> {
    Plain(PoolConnection<DB>),
    Transaction(sqlx::Transaction<'static, DB>),
}

impl Connections {
    /// Opens the file of an SQLite database, creates it when it is missing and brings its tables
    /// up to date.
    pub(super) async fn open_sqlite(path: &Path) -> Result<Self> {
        sqlite::open(path).await.map(Self::Sqlite)
    }

    /// Connects to a PostgreSQL database and brings its tables up to date.
    pub(super) async fn open_postgres(url: &str) -> Result<Self> {
        postgres::open(url).await.map(Self::Postgres)
    }

    /// Begins a transaction that changes something. Others wait until it ends.
    pub(super) async fn write(&self) -> Result<Connection> {
        let begun = match self {
            Self::Sqlite(pools) => pools.write().await.map(Connection::Sqlite),
            Self::Postgres(pools) => pools.write().await.map(Connection::Postgres),
        };
        begun.map_err(store_error)
    }

    /// Begins a transaction whose statements all see one state.
    pub(super) async fn snapshot(&self) -> Result<Connection> {
        let begun = match self {
            Self::Sqlite(pools) => pools.snapshot().await.map(Connection::Sqlite),
            Self::Postgres(pools) => pools.snapshot().await.map(Connection::Postgres),
        };
        begun.map_err(store_error)
    }

    /// A connection for one reading statement.
    pub(super) async fn read(&self) -> Result<Connection> {
        let acquired = match self {
            Self::Sqlite(pools) => pools.read().await.map(Connection::Sqlite),
            Self::Postgres(pools) => pools.read().await.map(Connection::Postgres),
        };
        acquired.map_err(store_error)
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pools) => pools.close().await,
            Self::Postgres(pools) => pools.close().await,
        }
    }
}

impl<DB: Database> Pools<DB> {
    async fn write(&self) -> sqlx::Result<Held<DB>> {
        self.writer.begin_with(self.begin_write).await.map(Held::Transaction)
    }

    async fn snapshot(&self) -> sqlx::Result<Held<DB>> {
        self.readers.begin_with(self.begin_snapshot).await.map(Held::Transaction)
    }

    async fn read(&self) -> sqlx::Result<Held<DB>> {
        self.readers.acquire().await.map(Held::Plain)
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Connection {
    /// Makes the changes of a transaction those of everybody.
    pub(super) async fn commit(self) -> Result<()> {
        let committed = match self {
            Self::Sqlite(held) => held.commit().await,
            Self::Postgres(held) => held.commit().await,
        };
        committed.map_err(store_error)
    }
}

impl<DB: Database> Held<DB> {
    fn connection(&mut self) -> &mut DB::Connection {
        match self {
            Self::Plain(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }

    async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Transaction(transaction) => transaction.commit().await,
        }
    }
}

/// Whether a transaction failed for nothing but what others did meanwhile.
pub(super) fn may_succeed_again(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let Some(error) = source.and_then(|source| source.downcast_ref::<sqlx::Error>()) else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| postgres::RETRIED.contains(&code.as_ref()))
}

/// A failure of the database itself.
fn store_error(err: sqlx::Error) -> Error {
    let code = err.as_database_error().and_then(|error| error.code());
    if code.is_some_and(|code| code == postgres::NUL_CHARACTER) {
        let message = "PostgreSQL cannot keep a text with a NUL character";
        return Error::new(ErrorCode::HiveInvalidMetadata, message).with_source(err);
    }
    let message = format!("the metastore's database failed: {err}");
    Error::new(ErrorCode::HiveMetastoreError, message).with_source(err)
}

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = migrations.iter().map(|(version, name, sql)| {
        let sql = (*sql).into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
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

/// Says which database an error is of.
fn in_database(error: Error, name: &str) -> Error {
    let message = format!("\"{name}\": {}", error.message());
    let outer = Error::new(error.code(), message);
    match error.hint() {
        Some(hint) => outer.with_hint(hint).with_source(error),
        None => outer.with_source(error),
    }
}
