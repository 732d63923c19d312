//! The embedded metastore: the catalogue in a database file beside the data.
//!
//! Everything that changes something runs in one transaction on the one connection that
//! writes; readers have connections of their own and see committed states only.

mod databases;
mod dialect;
mod events;
mod functions;
mod locks;
mod models;
mod partition_query;
mod partition_storage;
mod partitions;
mod record;
mod sort_value;
mod statistics;
mod tables;

use super::events::of_database;
use super::{AlterTableOptions, Metastore, MetastoreOptions, rules};
use crate::model::{
    ColumnStatistics, Database, Event, EventKind, HeldLock, HiveFunction, HivePartition,
    LockRequest, LockStatus, ModelVersion, NewModelVersion, PartitionFilter, Table,
    TableStatistics,
};
use async_trait::async_trait;
use dialect::{Connections, Transaction, store_error};
use quern_common::Result;
use std::collections::BTreeMap;
use std::path::Path;

/// A metastore in an SQLite database.
#[derive(Debug, Clone)]
pub struct EmbeddedMetastore {
    connections: Connections,
    warehouse: String,
    options: MetastoreOptions,
}

impl EmbeddedMetastore {
    /// Opens the database at `path`, creating it with the schema `default` at `warehouse` when
    /// it is missing. Schemas without location are placed under `warehouse`, a URL.
    ///
    /// # Errors
    /// `HIVE_METASTORE_ERROR` when the file cannot be opened, is no database, or was written by
    /// a newer version.
    pub async fn open_sqlite(path: &Path, warehouse: &str) -> Result<Self> {
        Self::open_sqlite_with(path, warehouse, MetastoreOptions::default()).await
    }

    /// As [`EmbeddedMetastore::open_sqlite`], with other bounds.
    ///
    /// # Errors
    /// Those of [`EmbeddedMetastore::open_sqlite`].
    pub async fn open_sqlite_with(
        path: &Path,
        warehouse: &str,
        options: MetastoreOptions,
    ) -> Result<Self> {
        let connections = Connections::open(path).await?;
        let store = Self { connections, warehouse: warehouse.to_owned(), options };
        let mut tx = store.connections.write().await?;
        databases::insert(&mut tx, &rules::default_database(warehouse)).await?;
        commit(tx).await?;
        Ok(store)
    }

    /// Closes all connections; what is under way ends first. Dropping the store without this
    /// loses nothing.
    pub async fn close(&self) {
        self.connections.close().await;
    }

    /// Ends a transaction that may have written events.
    async fn commit_change(&self, mut tx: Transaction) -> Result<()> {
        events::trim(&mut tx, &self.options).await?;
        commit(tx).await
    }
}

async fn commit(tx: Transaction) -> Result<()> {
    tx.commit().await.map_err(store_error)
}

#[async_trait]
impl Metastore for EmbeddedMetastore {
    async fn list_databases(&self) -> Result<Vec<String>> {
        databases::list(&mut *self.connections.read().await?).await
    }

    async fn get_database(&self, name: &str) -> Result<Database> {
        let mut db = self.connections.read().await?;
        Ok(databases::find(&mut db, &rules::fold(name)).await?.1)
    }

    async fn create_database(&self, database: Database) -> Result<()> {
        let database = rules::check_database(database, &self.warehouse)?;
        let mut tx = self.connections.write().await?;
        match databases::insert(&mut tx, &database).await? {
            true => {
                let change = of_database(EventKind::CreateDatabase, &database.name);
                events::add(&mut tx, vec![change]).await?;
                self.commit_change(tx).await
            }
            false => Err(rules::schema_already_exists(&database.name)),
        }
    }

    async fn alter_database(&self, mut database: Database) -> Result<()> {
        let mut tx = self.connections.write().await?;
        database.name = rules::fold(&database.name);
        databases::find(&mut tx, &database.name).await?;
        let database = rules::check_database(database, &self.warehouse)?;
        databases::update(&mut tx, &database).await?;
        let change = of_database(EventKind::AlterDatabase, &database.name);
        events::add(&mut tx, vec![change]).await?;
        self.commit_change(tx).await
    }

    async fn drop_database(&self, name: &str, cascade: bool) -> Result<()> {
        let name = rules::fold(name);
        rules::check_droppable(&name)?;
        let mut tx = self.connections.write().await?;
        databases::drop(&mut tx, &name, cascade).await?;
        events::add(&mut tx, vec![of_database(EventKind::DropDatabase, &name)]).await?;
        self.commit_change(tx).await
    }

    async fn list_tables(&self, database: &str) -> Result<Vec<String>> {
        let mut tx = self.connections.snapshot().await?;
        tables::list(&mut tx, &rules::fold(database)).await
    }

    async fn get_tables(&self, database: &str) -> Result<Vec<Table>> {
        let mut tx = self.connections.snapshot().await?;
        tables::get_all(&mut tx, &rules::fold(database)).await
    }

    async fn get_table(&self, database: &str, name: &str) -> Result<Table> {
        let mut db = self.connections.read().await?;
        Ok(tables::find(&mut db, &rules::fold(database), &rules::fold(name)).await?.1)
    }

    async fn create_table(&self, table: Table) -> Result<()> {
        let mut tx = self.connections.write().await?;
        tables::create(&mut tx, table).await?;
        self.commit_change(tx).await
    }

    async fn alter_table_with(
        &self,
        database: &str,
        name: &str,
        table: Table,
        options: AlterTableOptions,
    ) -> Result<()> {
        let (database, name) = (rules::fold(database), rules::fold(name));
        let mut tx = self.connections.write().await?;
        tables::alter(&mut tx, (&database, &name), table, &options).await?;
        self.commit_change(tx).await
    }

    async fn drop_table(&self, database: &str, name: &str) -> Result<()> {
        let mut tx = self.connections.write().await?;
        tables::drop(&mut tx, &rules::fold(database), &rules::fold(name)).await?;
        self.commit_change(tx).await
    }

    async fn add_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
        if_not_exists: bool,
    ) -> Result<usize> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.write().await?;
        let added =
            partitions::add(&mut tx, (&database, &table), partitions, if_not_exists).await?;
        self.commit_change(tx).await?;
        Ok(added)
    }

    async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
    ) -> Result<()> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.write().await?;
        partitions::alter(&mut tx, (&database, &table), partitions).await?;
        self.commit_change(tx).await
    }

    async fn rename_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        partition: HivePartition,
    ) -> Result<()> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.write().await?;
        partitions::rename(&mut tx, (&database, &table), values, partition).await?;
        self.commit_change(tx).await
    }

    async fn drop_partitions(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
        if_exists: bool,
    ) -> Result<usize> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.write().await?;
        let dropped = partitions::drop(&mut tx, (&database, &table), values, if_exists).await?;
        self.commit_change(tx).await?;
        Ok(dropped)
    }

    async fn get_partitions(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<HivePartition>> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.snapshot().await?;
        partitions::select(&mut tx, (&database, &table), filter, limit).await
    }

    async fn get_partition_names(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<String>> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.snapshot().await?;
        partitions::select_names(&mut tx, (&database, &table), filter, limit).await
    }

    async fn count_partitions(&self, database: &str, table: &str) -> Result<usize> {
        let mut tx = self.connections.snapshot().await?;
        partitions::count(&mut tx, &rules::fold(database), &rules::fold(table)).await
    }

    async fn get_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Result<HivePartition> {
        let mut tx = self.connections.snapshot().await?;
        partitions::find(&mut tx, &rules::fold(database), &rules::fold(table), values).await
    }

    async fn get_partitions_by_values(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<Vec<HivePartition>> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.snapshot().await?;
        partitions::find_all(&mut tx, (&database, &table), values).await
    }

    async fn get_table_statistics(&self, database: &str, table: &str) -> Result<TableStatistics> {
        let mut tx = self.connections.snapshot().await?;
        statistics::get(&mut tx, &rules::fold(database), &rules::fold(table)).await
    }

    async fn set_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.write().await?;
        statistics::set(&mut tx, (&database, &table), columns).await?;
        self.commit_change(tx).await
    }

    async fn delete_column_statistics(
        &self,
        database: &str,
        table: &str,
        column: Option<&str>,
    ) -> Result<usize> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let column = column.map(rules::fold);
        let mut tx = self.connections.write().await?;
        let gone = statistics::delete(&mut tx, (&database, &table), column.as_deref()).await?;
        self.commit_change(tx).await?;
        Ok(gone)
    }

    async fn get_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<ColumnStatistics>>> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.snapshot().await?;
        statistics::get_of_partitions(&mut tx, (&database, &table), values).await
    }

    async fn set_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let mut tx = self.connections.write().await?;
        statistics::set_of_partition(&mut tx, (&database, &table), values, columns).await?;
        self.commit_change(tx).await
    }

    async fn delete_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        column: Option<&str>,
    ) -> Result<usize> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let column = column.map(rules::fold);
        let mut tx = self.connections.write().await?;
        let named = (database.as_str(), table.as_str());
        let gone =
            statistics::delete_of_partition(&mut tx, named, values, column.as_deref()).await?;
        self.commit_change(tx).await?;
        Ok(gone)
    }

    async fn list_functions(&self, database: &str) -> Result<Vec<HiveFunction>> {
        let mut tx = self.connections.snapshot().await?;
        functions::list(&mut tx, &rules::fold(database)).await
    }

    async fn get_function(&self, database: &str, name: &str) -> Result<HiveFunction> {
        let mut tx = self.connections.snapshot().await?;
        functions::find(&mut tx, &rules::fold(database), &rules::fold(name)).await
    }

    async fn create_function(&self, function: HiveFunction) -> Result<()> {
        let mut tx = self.connections.write().await?;
        functions::create(&mut tx, function).await?;
        self.commit_change(tx).await
    }

    async fn alter_function(&self, function: HiveFunction) -> Result<()> {
        let mut tx = self.connections.write().await?;
        functions::alter(&mut tx, function).await?;
        commit(tx).await
    }

    async fn drop_function(&self, database: &str, name: &str) -> Result<()> {
        let mut tx = self.connections.write().await?;
        functions::drop(&mut tx, &rules::fold(database), &rules::fold(name)).await?;
        self.commit_change(tx).await
    }

    async fn lock(&self, request: LockRequest) -> Result<LockStatus> {
        let mut tx = self.connections.write().await?;
        let status = locks::add(&mut tx, request, &self.options).await?;
        commit(tx).await?;
        Ok(status)
    }

    async fn check_lock(&self, id: i64) -> Result<LockStatus> {
        let mut tx = self.connections.write().await?;
        let status = locks::check(&mut tx, id, &self.options).await?;
        commit(tx).await?;
        Ok(status)
    }

    async fn unlock(&self, id: i64) -> Result<()> {
        let mut tx = self.connections.write().await?;
        locks::remove(&mut tx, id).await?;
        commit(tx).await
    }

    async fn keep_lock(&self, id: i64) -> Result<()> {
        let mut tx = self.connections.write().await?;
        locks::keep(&mut tx, id, &self.options).await?;
        commit(tx).await
    }

    async fn list_locks(&self) -> Result<Vec<HeldLock>> {
        let mut tx = self.connections.write().await?;
        let held = locks::list(&mut tx, &self.options).await?;
        commit(tx).await?;
        Ok(held)
    }

    async fn last_event_id(&self) -> Result<i64> {
        events::last_id(&mut *self.connections.read().await?).await
    }

    async fn list_events(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        events::list(&mut *self.connections.read().await?, after, limit).await
    }

    async fn create_model_version(
        &self,
        model: NewModelVersion,
        or_replace: bool,
    ) -> Result<ModelVersion> {
        let mut tx = self.connections.write().await?;
        let published = models::publish(&mut tx, model, or_replace).await?;
        commit(tx).await?;
        Ok(published)
    }

    async fn get_model(
        &self,
        database: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<ModelVersion> {
        let mut tx = self.connections.snapshot().await?;
        models::find(&mut tx, &rules::fold(database), &rules::fold(name), version).await
    }

    async fn list_models(&self, database: &str) -> Result<Vec<ModelVersion>> {
        let mut tx = self.connections.snapshot().await?;
        models::list(&mut tx, &rules::fold(database)).await
    }

    async fn drop_model(&self, database: &str, name: &str) -> Result<Vec<ModelVersion>> {
        let mut tx = self.connections.write().await?;
        let dropped = models::drop(&mut tx, &rules::fold(database), &rules::fold(name)).await?;
        commit(tx).await?;
        Ok(dropped)
    }
}
