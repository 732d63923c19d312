//! A metastore whose answers are remembered for a while.
//!
//! What was changed through the cache is seen at once; what others changed, when the answer is
//! too old or was flushed. A change that expects a version it read from the cache fails with
//! `TRANSACTION_CONFLICT`, which flushes the table: the next attempt reads anew.

mod answers;

use super::{AlterTableOptions, CachePart, Metastore};
use crate::model::{
    ColumnStatistics, Database, Event, HeldLock, HiveFunction, HivePartition, LockRequest,
    LockStatus, ModelVersion, NewModelVersion, PartitionFilter, Table, TableStatistics,
};
use answers::{Answers, Question};
use async_trait::async_trait;
use quern_common::Result;
use quern_common::config::MetastoreConfig;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Bounds of a [`CachedMetastore`].
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// How long an answer is believed.
    pub time_to_live: Duration,
    /// Schemas, tables and statistics of tables that are remembered, each.
    pub entries_max: u64,
    /// Names in all lists of tables, and in all lists of partitions.
    pub names_max: u64,
    /// Partitions in all answers together.
    pub partitions_max: u64,
}

impl Default for CacheOptions {
    /// A partition takes about 2 KiB, mostly for its columns.
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(60),
            entries_max: 10_000,
            names_max: 1_000_000,
            partitions_max: 100_000,
        }
    }
}

impl From<&MetastoreConfig> for CacheOptions {
    fn from(config: &MetastoreConfig) -> Self {
        Self {
            time_to_live: config.cache_ttl.0,
            entries_max: config.cache_max_tables,
            // A name is a twentieth of a partition.
            names_max: config.cache_max_partitions.saturating_mul(20),
            partitions_max: config.cache_max_partitions,
        }
    }
}

/// A metastore in front of which there is a cache: one that is asked over a network.
#[derive(Debug)]
pub struct CachedMetastore {
    store: Arc<dyn Metastore>,
    answers: Answers,
}

impl CachedMetastore {
    /// Remembers the answers of `store`.
    pub fn new(store: Arc<dyn Metastore>, options: &CacheOptions) -> Self {
        Self { store, answers: Answers::new(options) }
    }

    /// Flushes a part of the cache when the result is dropped: also of a change that nobody
    /// waited for, which may have been made.
    fn flush_after(&self, part: CachePart) -> FlushAfter<'_> {
        FlushAfter { answers: &self.answers, part }
    }
}

#[must_use]
struct FlushAfter<'a> {
    answers: &'a Answers,
    part: CachePart,
}

impl Drop for FlushAfter<'_> {
    fn drop(&mut self) {
        self.answers.flush(&self.part);
    }
}

#[async_trait]
impl Metastore for CachedMetastore {
    fn flush_cache(&self, part: &CachePart) {
        self.answers.flush(part);
        self.store.flush_cache(part);
    }

    async fn list_databases(&self) -> Result<Vec<String>> {
        self.answers
            .get(&self.answers.database_names, Question::all(), self.store.list_databases())
            .await
    }

    async fn get_database(&self, name: &str) -> Result<Database> {
        let ask = self.store.get_database(name);
        self.answers.get(&self.answers.databases, Question::schema(name), ask).await
    }

    async fn create_database(&self, database: Database) -> Result<()> {
        let _flush = self.flush_after(CachePart::schema(&database.name));
        self.store.create_database(database).await
    }

    async fn alter_database(&self, database: Database) -> Result<()> {
        let _flush = self.flush_after(CachePart::schema(&database.name));
        self.store.alter_database(database).await
    }

    async fn drop_database(&self, name: &str, cascade: bool) -> Result<()> {
        let _flush = self.flush_after(CachePart::schema(name));
        self.store.drop_database(name, cascade).await
    }

    async fn list_tables(&self, database: &str) -> Result<Vec<String>> {
        let ask = self.store.list_tables(database);
        self.answers.get(&self.answers.table_names, Question::schema(database), ask).await
    }

    async fn get_tables(&self, database: &str) -> Result<Vec<Table>> {
        self.store.get_tables(database).await
    }

    async fn get_table(&self, database: &str, name: &str) -> Result<Table> {
        let ask = self.store.get_table(database, name);
        self.answers.get(&self.answers.tables, Question::table(database, name), ask).await
    }

    async fn create_table(&self, table: Table) -> Result<()> {
        let _flush = self.flush_after(CachePart::table(&table.database, &table.name));
        self.store.create_table(table).await
    }

    async fn alter_table_with(
        &self,
        database: &str,
        name: &str,
        table: Table,
        options: AlterTableOptions,
    ) -> Result<()> {
        let _flush = self.flush_after(CachePart::table(database, name));
        let _flush_new = self.flush_after(CachePart::table(&table.database, &table.name));
        self.store.alter_table_with(database, name, table, options).await
    }

    async fn drop_table(&self, database: &str, name: &str) -> Result<()> {
        let _flush = self.flush_after(CachePart::table(database, name));
        self.store.drop_table(database, name).await
    }

    async fn add_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
        if_not_exists: bool,
    ) -> Result<usize> {
        let _flush = self.flush_after(CachePart::partitions(database, table));
        self.store.add_partitions(database, table, partitions, if_not_exists).await
    }

    async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
    ) -> Result<()> {
        let _flush = self.flush_after(CachePart::partitions(database, table));
        self.store.alter_partitions(database, table, partitions).await
    }

    async fn rename_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        partition: HivePartition,
    ) -> Result<()> {
        let _flush = self.flush_after(CachePart::partitions(database, table));
        self.store.rename_partition(database, table, values, partition).await
    }

    async fn drop_partitions(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
        if_exists: bool,
    ) -> Result<usize> {
        let _flush = self.flush_after(CachePart::partitions(database, table));
        self.store.drop_partitions(database, table, values, if_exists).await
    }

    async fn get_partitions(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<HivePartition>> {
        let question = Question::partitions(database, table, filter, limit);
        let ask = self.store.get_partitions(database, table, filter, limit);
        self.answers.get(&self.answers.partitions, question, ask).await
    }

    async fn get_partition_names(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<String>> {
        let question = Question::partitions(database, table, filter, limit);
        let ask = self.store.get_partition_names(database, table, filter, limit);
        self.answers.get(&self.answers.partition_names, question, ask).await
    }

    async fn count_partitions(&self, database: &str, table: &str) -> Result<usize> {
        self.store.count_partitions(database, table).await
    }

    async fn get_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Result<HivePartition> {
        self.store.get_partition(database, table, values).await
    }

    async fn get_partitions_by_values(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<Vec<HivePartition>> {
        self.store.get_partitions_by_values(database, table, values).await
    }

    async fn get_table_statistics(&self, database: &str, table: &str) -> Result<TableStatistics> {
        let ask = self.store.get_table_statistics(database, table);
        self.answers.get(&self.answers.statistics, Question::table(database, table), ask).await
    }

    async fn set_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        let _flush = self.flush_after(CachePart::table(database, table));
        self.store.set_column_statistics(database, table, columns).await
    }

    async fn delete_column_statistics(
        &self,
        database: &str,
        table: &str,
        column: Option<&str>,
    ) -> Result<usize> {
        let _flush = self.flush_after(CachePart::table(database, table));
        self.store.delete_column_statistics(database, table, column).await
    }

    async fn get_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<ColumnStatistics>>> {
        self.store.get_partition_column_statistics(database, table, values).await
    }

    async fn set_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        let _flush = self.flush_after(CachePart::partitions(database, table));
        self.store.set_partition_column_statistics(database, table, values, columns).await
    }

    async fn set_partitions_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<(Vec<String>, Vec<ColumnStatistics>)>,
    ) -> Result<()> {
        let _flush = self.flush_after(CachePart::partitions(database, table));
        self.store.set_partitions_column_statistics(database, table, columns).await
    }

    async fn delete_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        column: Option<&str>,
    ) -> Result<usize> {
        let _flush = self.flush_after(CachePart::partitions(database, table));
        self.store.delete_partition_column_statistics(database, table, values, column).await
    }

    async fn list_functions(&self, database: &str) -> Result<Vec<HiveFunction>> {
        self.store.list_functions(database).await
    }

    async fn get_function(&self, database: &str, name: &str) -> Result<HiveFunction> {
        self.store.get_function(database, name).await
    }

    async fn create_function(&self, function: HiveFunction) -> Result<()> {
        self.store.create_function(function).await
    }

    async fn alter_function(&self, function: HiveFunction) -> Result<()> {
        self.store.alter_function(function).await
    }

    async fn drop_function(&self, database: &str, name: &str) -> Result<()> {
        self.store.drop_function(database, name).await
    }

    async fn lock(&self, request: LockRequest) -> Result<LockStatus> {
        self.store.lock(request).await
    }

    async fn check_lock(&self, id: i64) -> Result<LockStatus> {
        self.store.check_lock(id).await
    }

    async fn unlock(&self, id: i64) -> Result<()> {
        self.store.unlock(id).await
    }

    async fn keep_lock(&self, id: i64) -> Result<()> {
        self.store.keep_lock(id).await
    }

    async fn list_locks(&self) -> Result<Vec<HeldLock>> {
        self.store.list_locks().await
    }

    async fn last_event_id(&self) -> Result<i64> {
        self.store.last_event_id().await
    }

    async fn list_events(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        self.store.list_events(after, limit).await
    }

    async fn create_model_version(
        &self,
        model: NewModelVersion,
        or_replace: bool,
    ) -> Result<ModelVersion> {
        self.store.create_model_version(model, or_replace).await
    }

    async fn get_model(
        &self,
        database: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<ModelVersion> {
        self.store.get_model(database, name, version).await
    }

    async fn list_models(&self, database: &str) -> Result<Vec<ModelVersion>> {
        self.store.list_models(database).await
    }

    async fn drop_model(&self, database: &str, name: &str) -> Result<Vec<ModelVersion>> {
        self.store.drop_model(database, name).await
    }
}
