//! The metastore: the service that stores the definitions of databases, tables, partitions,
//! statistics and models.
//!
//! [`Metastore`] exists because the same catalogue is served by an embedded database, by a
//! remote Hive metastore and, in tests, from memory; one conformance suite holds
//! them to one behaviour.

mod cached;
mod embedded;
mod events;
mod hive;
mod locks;
mod memory;
mod metadata;
mod remote;
mod rules;

pub use cached::{CacheOptions, CachedMetastore};
pub use embedded::EmbeddedMetastore;
pub use hive::{HiveListener, HiveService};
pub use memory::MemoryMetastore;
pub use metadata::MetadataStore;
pub use remote::{RemoteMetastore, RemoteOptions};

use crate::model::{
    ColumnStatistics, Database, Event, HeldLock, HiveFunction, HivePartition, LockRequest,
    LockStatus, ModelVersion, NewModelVersion, PartitionFilter, Table, TableStatistics,
};
use async_trait::async_trait;
use quern_common::Result;
use quern_common::config::MetastoreConfig;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

/// Bounds of a store of ours.
#[derive(Debug, Clone)]
pub struct MetastoreOptions {
    /// How long a lock lives whose holder is not heard of.
    pub lock_timeout: Duration,
    /// Locks that are held or waited for at one time.
    pub locks_max: usize,
    /// How long an event is kept.
    pub event_max_age: Duration,
    /// Events that are kept at most.
    pub events_max: u32,
}

impl Default for MetastoreOptions {
    /// The lock timeout is Hive's `hive.txn.timeout`; the events are those of a week.
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(300),
            locks_max: 10_000,
            event_max_age: Duration::from_secs(7 * 24 * 60 * 60),
            events_max: 100_000,
        }
    }
}

impl From<&MetastoreConfig> for MetastoreOptions {
    fn from(config: &MetastoreConfig) -> Self {
        Self {
            lock_timeout: config.lock_timeout.0,
            locks_max: config.max_locks,
            event_max_age: config.event_max_age.0,
            events_max: config.max_events,
        }
    }
}

/// What [`Metastore::alter_table_with`] compares first and does beside replacing a definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlterTableOptions {
    /// The version that the table must have.
    pub expected_version: Option<i64>,
    /// A parameter and the value that it must have.
    pub expected_parameter: Option<(String, String)>,
    /// Gives the partitions the table's new columns.
    pub cascade: bool,
    /// Moves the partitions that lie under the table's old location under the new one.
    pub move_partitions: bool,
}

/// A part of the catalogue that a cache can forget; names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachePart {
    /// All of it.
    Everything,
    /// A schema and all that is in it.
    Schema(String),
    /// A table of a schema, with its partitions and statistics.
    Table(String, String),
    /// The partitions and statistics of a table.
    Partitions(String, String),
}

impl CachePart {
    /// A schema and all that is in it.
    pub fn schema(name: &str) -> Self {
        Self::Schema(rules::fold(name))
    }

    /// A table, with its partitions and statistics.
    pub fn table(schema: &str, name: &str) -> Self {
        Self::Table(rules::fold(schema), rules::fold(name))
    }

    /// The partitions and statistics of a table.
    pub fn partitions(schema: &str, table: &str) -> Self {
        Self::Partitions(rules::fold(schema), rules::fold(table))
    }
}

/// Stores the definitions of catalogue objects. Every change is one transaction: others see
/// all of it or nothing.
///
/// Names are matched case-insensitively: implementations lower-case database, table, column
/// and key names on entry. Errors carry `SCHEMA_NOT_FOUND`, `TABLE_NOT_FOUND`, `NOT_FOUND`
/// (partition, lock), `FUNCTION_NOT_FOUND`, `SCHEMA_ALREADY_EXISTS`, `TABLE_ALREADY_EXISTS`,
/// `ALREADY_EXISTS` (partition, function),
/// `SCHEMA_NOT_EMPTY`, `TRANSACTION_CONFLICT`, `MODEL_NOT_FOUND`, `MODEL_ALREADY_EXISTS`,
/// `HIVE_INVALID_METADATA` (a name or a definition that cannot be), `TYPE_NOT_FOUND`,
/// `DUPLICATE_COLUMN_NAME`, `HIVE_INVALID_PARTITION_VALUE` (values that do not fit the keys),
/// `COLUMN_NOT_FOUND` and `TYPE_MISMATCH` (a filter or statistics that do not fit the table),
/// `NOT_SUPPORTED`, or `HIVE_METASTORE_ERROR` when the store itself fails.
#[async_trait]
pub trait Metastore: Debug + Send + Sync {
    /// Forgets what is cached of a part of the catalogue. Only [`CachedMetastore`] caches.
    fn flush_cache(&self, _part: &CachePart) {}

    /// Returns all database names, sorted.
    async fn list_databases(&self) -> Result<Vec<String>>;
    /// Returns a database.
    async fn get_database(&self, name: &str) -> Result<Database>;
    /// Creates a database.
    async fn create_database(&self, database: Database) -> Result<()>;
    /// Replaces description, location, owner and parameters of a database.
    async fn alter_database(&self, database: Database) -> Result<()>;
    /// Drops a database; with `cascade` its tables, models and functions too. `default` cannot
    /// be dropped.
    async fn drop_database(&self, name: &str, cascade: bool) -> Result<()>;

    /// Returns the table and view names of a database, sorted.
    async fn list_tables(&self, database: &str) -> Result<Vec<String>>;
    /// Returns all tables and views of a database, sorted by name (one query, not one a table).
    async fn get_tables(&self, database: &str) -> Result<Vec<Table>>;
    /// Returns a table.
    async fn get_table(&self, database: &str, name: &str) -> Result<Table>;
    /// Creates a table. `table.version` is ignored.
    async fn create_table(&self, table: Table) -> Result<()>;
    /// Replaces a table's definition; `table.database` or `table.name` may differ from the old
    /// name (rename). `expected_version` is compared first and a difference is
    /// `TRANSACTION_CONFLICT`. Partition keys cannot change.
    async fn alter_table(
        &self,
        database: &str,
        name: &str,
        expected_version: Option<i64>,
        table: Table,
    ) -> Result<()> {
        let options = AlterTableOptions { expected_version, ..AlterTableOptions::default() };
        self.alter_table_with(database, name, table, options).await
    }
    /// As [`Metastore::alter_table`], with more to compare and to do. A parameter that is not
    /// as expected is `TRANSACTION_CONFLICT` too.
    async fn alter_table_with(
        &self,
        database: &str,
        name: &str,
        table: Table,
        options: AlterTableOptions,
    ) -> Result<()>;
    /// Drops a table with its partitions and statistics (never its files).
    async fn drop_table(&self, database: &str, name: &str) -> Result<()>;

    /// Adds partitions in one transaction and returns how many were new. A partition that
    /// exists is `ALREADY_EXISTS`, or left alone when `if_not_exists`.
    async fn add_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
        if_not_exists: bool,
    ) -> Result<usize>;
    /// Replaces the storage, times and parameters of partitions that exist (matched by values).
    /// A creation time of 0 leaves it as it is.
    async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
    ) -> Result<()>;
    /// Gives a partition other values, and its storage and parameters as in
    /// [`Metastore::alter_partitions`]; its statistics stay. A partition that has the new values
    /// already is `ALREADY_EXISTS`.
    async fn rename_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        partition: HivePartition,
    ) -> Result<()>;
    /// Drops partitions by their values in one transaction and returns how many there were. A
    /// missing one is `NOT_FOUND` unless `if_exists`.
    async fn drop_partitions(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
        if_exists: bool,
    ) -> Result<usize>;
    /// Returns the partitions that satisfy `filter`, by partition name in byte order, at most
    /// `limit`. Answered by the index of the store.
    async fn get_partitions(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<HivePartition>>;
    /// Returns the names (`k=v/k=v`) of the partitions that satisfy `filter`, as
    /// [`Metastore::get_partitions`].
    async fn get_partition_names(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<String>>;
    /// Counts the partitions of a table.
    async fn count_partitions(&self, database: &str, table: &str) -> Result<usize>;
    /// Returns one partition by its values.
    async fn get_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Result<HivePartition>;
    /// Returns those of the partitions with these values that exist, as
    /// [`Metastore::get_partitions`].
    async fn get_partitions_by_values(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<Vec<HivePartition>>;

    /// Returns what is known of the table as a whole and of its columns.
    async fn get_table_statistics(&self, database: &str, table: &str) -> Result<TableStatistics>;
    /// Replaces the statistics of the columns given (and only those), and says so in the table's
    /// parameter `COLUMN_STATS_ACCURATE`, as Hive does.
    async fn set_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<ColumnStatistics>,
    ) -> Result<()>;
    /// Deletes the statistics of a column, or of all columns, and returns of how many.
    async fn delete_column_statistics(
        &self,
        database: &str,
        table: &str,
        column: Option<&str>,
    ) -> Result<usize>;
    /// Returns the column statistics of those of the partitions that exist and have some, by
    /// partition name.
    async fn get_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<ColumnStatistics>>>;
    /// Replaces the statistics of columns of a partition, as
    /// [`Metastore::set_column_statistics`].
    async fn set_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        columns: Vec<ColumnStatistics>,
    ) -> Result<()>;
    /// Replaces the statistics of columns of several partitions, given by their values, as
    /// [`Metastore::set_partition_column_statistics`]; the embedded store does so in one
    /// transaction.
    async fn set_partitions_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<(Vec<String>, Vec<ColumnStatistics>)>,
    ) -> Result<()> {
        for (values, columns) in columns {
            self.set_partition_column_statistics(database, table, &values, columns).await?;
        }
        Ok(())
    }
    /// Deletes the statistics of a column of a partition, or of all columns, and returns of how
    /// many.
    async fn delete_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        column: Option<&str>,
    ) -> Result<usize>;

    /// Returns the functions of a database, sorted by name.
    async fn list_functions(&self, database: &str) -> Result<Vec<HiveFunction>>;
    /// Returns a function.
    async fn get_function(&self, database: &str, name: &str) -> Result<HiveFunction>;
    /// Creates a function.
    async fn create_function(&self, function: HiveFunction) -> Result<()>;
    /// Replaces a function's definition, but not its name.
    async fn alter_function(&self, function: HiveFunction) -> Result<()>;
    /// Drops a function.
    async fn drop_function(&self, database: &str, name: &str) -> Result<()>;

    /// Asks for a lock, which is held or waited for from then on. It is given back by
    /// [`Metastore::unlock`], or when its holder was not heard of for too long.
    async fn lock(&self, request: LockRequest) -> Result<LockStatus>;
    /// Tells whether a lock is held by now; counts as a sign of life.
    async fn check_lock(&self, id: i64) -> Result<LockStatus>;
    /// Gives a lock back.
    async fn unlock(&self, id: i64) -> Result<()>;
    /// Says that the holder of a lock is alive.
    async fn keep_lock(&self, id: i64) -> Result<()>;
    /// Returns all locks, by number.
    async fn list_locks(&self) -> Result<Vec<HeldLock>>;

    /// Returns the number of the last event, 0 when there was none.
    async fn last_event_id(&self) -> Result<i64>;
    /// Returns the events behind a number, at most `limit`. Those that are too old or too many
    /// are gone: numbers then begin later.
    async fn list_events(&self, after: i64, limit: usize) -> Result<Vec<Event>>;

    /// Publishes a model version and returns it with its number: 1 for a new model, one more
    /// than the latest when it exists and `or_replace`, `MODEL_ALREADY_EXISTS` otherwise.
    async fn create_model_version(
        &self,
        model: NewModelVersion,
        or_replace: bool,
    ) -> Result<ModelVersion>;
    /// Returns a version of a model, the latest without `version`.
    async fn get_model(
        &self,
        database: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<ModelVersion>;
    /// Returns the latest version of each model of a database, sorted by name.
    async fn list_models(&self, database: &str) -> Result<Vec<ModelVersion>>;
    /// Drops a model with all its versions and returns them (their artifacts are the caller's).
    async fn drop_model(&self, database: &str, name: &str) -> Result<Vec<ModelVersion>>;
}
