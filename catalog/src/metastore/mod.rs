//! The metastore: the service that stores the definitions of databases, tables, partitions,
//! statistics and models.
//!
//! [`Metastore`] exists because the same catalogue is served by an embedded database, by a
//! remote Hive metastore (issue 2) and, in tests, from memory; one conformance suite holds
//! them to one behaviour.

mod embedded;
mod memory;
mod rules;

pub use embedded::EmbeddedMetastore;
pub use memory::MemoryMetastore;

use crate::model::{
    ColumnStatistics, Database, HivePartition, ModelVersion, NewModelVersion, PartitionFilter,
    Table, TableStatistics,
};
use async_trait::async_trait;
use quern_common::Result;
use std::fmt::Debug;

/// Stores the definitions of catalogue objects. Every change is one transaction: others see
/// all of it or nothing.
///
/// Names are matched case-insensitively: implementations lower-case database, table, column
/// and key names on entry. Errors carry `SCHEMA_NOT_FOUND`, `TABLE_NOT_FOUND`, `NOT_FOUND`
/// (partition), `SCHEMA_ALREADY_EXISTS`, `TABLE_ALREADY_EXISTS`, `ALREADY_EXISTS` (partition),
/// `SCHEMA_NOT_EMPTY`, `TRANSACTION_CONFLICT`, `MODEL_NOT_FOUND`, `MODEL_ALREADY_EXISTS`,
/// `HIVE_INVALID_METADATA` (a name or a definition that cannot be), `TYPE_NOT_FOUND`,
/// `DUPLICATE_COLUMN_NAME`, `HIVE_INVALID_PARTITION_VALUE` (values that do not fit the keys),
/// `COLUMN_NOT_FOUND` and `TYPE_MISMATCH` (a filter or statistics that do not fit the table),
/// `NOT_SUPPORTED`, or `HIVE_METASTORE_ERROR` when the store itself fails.
#[async_trait]
pub trait Metastore: Debug + Send + Sync {
    /// Returns all database names, sorted.
    async fn list_databases(&self) -> Result<Vec<String>>;
    /// Returns a database.
    async fn get_database(&self, name: &str) -> Result<Database>;
    /// Creates a database.
    async fn create_database(&self, database: Database) -> Result<()>;
    /// Replaces description, location, owner and parameters of a database.
    async fn alter_database(&self, database: Database) -> Result<()>;
    /// Drops a database; with `cascade` its tables and models too. `default` cannot be dropped.
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
    /// Replaces the storage and parameters of partitions that exist (matched by values).
    async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
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

    /// Returns what is known of the table as a whole and of its columns.
    async fn get_table_statistics(&self, database: &str, table: &str) -> Result<TableStatistics>;
    /// Replaces the statistics of the columns given (and only those).
    async fn set_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<ColumnStatistics>,
    ) -> Result<()>;

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
