//! The embedded metastore: the catalogue in an SQLite file beside the data, or in a PostgreSQL
//! database that several schedulers share.
//!
//! Everything that changes something runs in one transaction at a time; readers see committed
//! states only and wait for nobody.

mod annotations;
mod catalogs;
mod databases;
mod dialect;
mod events;
mod functions;
mod lineage;
mod locks;
mod metadata;
mod models;
mod objects;
mod partition_query;
mod partition_storage;
mod partitions;
mod record;
mod sort_value;
mod statistics;
mod tables;

use super::{AlterTableOptions, Metastore, MetastoreOptions, rules};
use crate::model::{
    ColumnStatistics, Database, Event, HeldLock, HiveFunction, HivePartition, LockRequest,
    LockStatus, ModelVersion, NewModelVersion, PartitionFilter, Table, TableStatistics,
};
use async_trait::async_trait;
use dialect::{Connections, may_succeed_again};
use quern_common::Result;
use std::collections::BTreeMap;
use std::path::Path;

/// How often a change is tried that only failed for what others did meanwhile.
const ATTEMPTS_MAX: u32 = 5;

/// A metastore in a database.
#[derive(Debug)]
pub struct EmbeddedMetastore {
    connections: Connections,
    warehouse: String,
    options: MetastoreOptions,
}

/// Does something in a transaction.
macro_rules! transaction {
    ($store:expr, |$tx:ident| $work:expr) => {{
        let mut attempt = 1;
        loop {
            let mut connection = $store.connections.write().await?;
            let $tx = &mut connection;
            let done = match $work {
                Ok(done) => connection.commit().await.map(|()| done),
                Err(err) => Err(err),
            };
            match done {
                Err(err) if may_succeed_again(&err) && attempt < ATTEMPTS_MAX => {
                    tracing::debug!(attempt, %err, "a change of the metastore is tried again");
                    attempt += 1;
                }
                done => break done,
            }
        }
    }};
}

pub(crate) use transaction;

/// Does something in a transaction that may write events.
macro_rules! change {
    ($store:expr, |$tx:ident| $work:expr) => {
        transaction!($store, |$tx| match $work {
            Ok(done) => events::trim($tx, &$store.options).await.map(|()| done),
            Err(err) => Err(err),
        })
    };
}

impl EmbeddedMetastore {
    /// Opens the SQLite database at `path`, creating it with the schema `default` at `warehouse`
    /// when it is missing. Schemas without location are placed under `warehouse`, a URL.
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
        let connections = Connections::open_sqlite(path).await?;
        Self::open(connections, warehouse, options).await
    }

    /// Opens the PostgreSQL database at `url`, which others may have open too, and creates the
    /// tables and the schema `default` as [`EmbeddedMetastore::open_sqlite`] does.
    ///
    /// # Errors
    /// `CONFIGURATION_INVALID` when the URL is none; `HIVE_METASTORE_ERROR` when the server
    /// cannot be reached or the tables were written by a newer version.
    pub async fn open_postgres(
        url: &str,
        warehouse: &str,
        options: MetastoreOptions,
    ) -> Result<Self> {
        let connections = Connections::open_postgres(url).await?;
        Self::open(connections, warehouse, options).await
    }

    async fn open(
        connections: Connections,
        warehouse: &str,
        options: MetastoreOptions,
    ) -> Result<Self> {
        let store = Self { connections, warehouse: warehouse.to_owned(), options };
        let default = rules::default_database(warehouse);
        transaction!(store, |tx| databases::insert(tx, &default).await)?;
        Ok(store)
    }

    /// Closes all connections; what is under way ends first. Dropping the store without this
    /// loses nothing.
    pub async fn close(&self) {
        self.connections.close().await;
    }
}

#[async_trait]
impl Metastore for EmbeddedMetastore {
    async fn list_databases(&self) -> Result<Vec<String>> {
        databases::list(&mut self.connections.read().await?).await
    }

    async fn get_database(&self, name: &str) -> Result<Database> {
        let mut db = self.connections.read().await?;
        Ok(databases::find(&mut db, &rules::fold(name)).await?.1)
    }

    async fn create_database(&self, database: Database) -> Result<()> {
        let database = rules::check_database(database, &self.warehouse)?;
        change!(self, |tx| databases::create(tx, &database).await)
    }

    async fn alter_database(&self, mut database: Database) -> Result<()> {
        database.name = rules::fold(&database.name);
        change!(self, |tx| databases::alter(tx, database.clone(), &self.warehouse).await)
    }

    async fn drop_database(&self, name: &str, cascade: bool) -> Result<()> {
        let name = rules::fold(name);
        rules::check_droppable(&name)?;
        change!(self, |tx| databases::drop(tx, &name, cascade).await)
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
        change!(self, |tx| tables::create(tx, table.clone()).await)
    }

    async fn alter_table_with(
        &self,
        database: &str,
        name: &str,
        table: Table,
        options: AlterTableOptions,
    ) -> Result<()> {
        let (database, name) = (rules::fold(database), rules::fold(name));
        change!(self, |tx| tables::alter(tx, (&database, &name), table.clone(), &options).await)
    }

    async fn drop_table(&self, database: &str, name: &str) -> Result<()> {
        change!(self, |tx| tables::drop(tx, &rules::fold(database), &rules::fold(name)).await)
    }

    async fn add_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
        if_not_exists: bool,
    ) -> Result<usize> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        change!(self, |tx| partitions::add(
            tx,
            (&database, &table),
            partitions.clone(),
            if_not_exists
        )
        .await)
    }

    async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
    ) -> Result<()> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        change!(self, |tx| partitions::alter(tx, (&database, &table), partitions.clone()).await)
    }

    async fn rename_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        partition: HivePartition,
    ) -> Result<()> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        change!(self, |tx| partitions::rename(tx, (&database, &table), values, partition.clone())
            .await)
    }

    async fn drop_partitions(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
        if_exists: bool,
    ) -> Result<usize> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        change!(self, |tx| partitions::drop(tx, (&database, &table), values.clone(), if_exists)
            .await)
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
        change!(self, |tx| statistics::set(tx, (&database, &table), columns.clone()).await)
    }

    async fn delete_column_statistics(
        &self,
        database: &str,
        table: &str,
        column: Option<&str>,
    ) -> Result<usize> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        let column = column.map(rules::fold);
        change!(self, |tx| statistics::delete(tx, (&database, &table), column.as_deref()).await)
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
        change!(self, |tx| statistics::set_of_partition(
            tx,
            (&database, &table),
            values,
            columns.clone()
        )
        .await)
    }

    async fn set_partitions_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<(Vec<String>, Vec<ColumnStatistics>)>,
    ) -> Result<()> {
        let (database, table) = (rules::fold(database), rules::fold(table));
        change!(self, |tx| statistics::set_of_partitions(tx, (&database, &table), columns.clone())
            .await)
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
        let named = (database.as_str(), table.as_str());
        change!(self, |tx| statistics::delete_of_partition(tx, named, values, column.as_deref())
            .await)
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
        change!(self, |tx| functions::create(tx, function.clone()).await)
    }

    async fn alter_function(&self, function: HiveFunction) -> Result<()> {
        transaction!(self, |tx| functions::alter(tx, function.clone()).await)
    }

    async fn drop_function(&self, database: &str, name: &str) -> Result<()> {
        change!(self, |tx| functions::drop(tx, &rules::fold(database), &rules::fold(name)).await)
    }

    async fn lock(&self, request: LockRequest) -> Result<LockStatus> {
        transaction!(self, |tx| locks::add(tx, request.clone(), &self.options).await)
    }

    async fn check_lock(&self, id: i64) -> Result<LockStatus> {
        transaction!(self, |tx| locks::check(tx, id, &self.options).await)
    }

    async fn unlock(&self, id: i64) -> Result<()> {
        transaction!(self, |tx| locks::remove(tx, id).await)
    }

    async fn keep_lock(&self, id: i64) -> Result<()> {
        transaction!(self, |tx| locks::keep(tx, id, &self.options).await)
    }

    async fn list_locks(&self) -> Result<Vec<HeldLock>> {
        transaction!(self, |tx| locks::list(tx, &self.options).await)
    }

    async fn last_event_id(&self) -> Result<i64> {
        events::last_id(&mut self.connections.read().await?).await
    }

    async fn list_events(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        events::list(&mut self.connections.read().await?, after, limit).await
    }

    async fn create_model_version(
        &self,
        model: NewModelVersion,
        or_replace: bool,
    ) -> Result<ModelVersion> {
        transaction!(self, |tx| models::publish(tx, model.clone(), or_replace).await)
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
        transaction!(self, |tx| models::drop(tx, &rules::fold(database), &rules::fold(name)).await)
    }
}
