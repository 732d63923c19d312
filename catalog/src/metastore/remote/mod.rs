//! A Hive metastore somewhere else as a [`Metastore`].
//!
//! What Hive cannot keep is an error that names it: models, moving partitions without their
//! files. Hive counts no versions of tables, so that a change compares a digest of what was
//! read; see [`tables`](self). Where files are moved or deleted with their objects is the
//! metastore's own affair: a renamed managed table is elsewhere afterwards.

mod errors;
mod filter;
mod locks;
mod partitions;
mod pool;
mod statistics;
mod tables;

use super::{AlterTableOptions, Metastore, rules};
use crate::metastore::hive::convert::{function_from_hive, function_to_hive};
use crate::model::{
    ColumnStatistics, Database, Event, HeldLock, HiveFunction, HivePartition, LockRequest,
    LockStatus, ModelVersion, NewModelVersion, PartitionFilter, Table, TableStatistics,
};
use async_trait::async_trait;
use pool::Pool;
use quern_common::config::MetastoreConfig;
use quern_common::{Error, Result};
use quern_proto::hive_metastore::methods::{
    AlterFunction, CreateFunction, DropFunction, GetFunction, GetFunctions,
};
use quern_proto::hive_metastore::{CallError, ClientOptions, ExceptionKind, Method};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How a [`RemoteMetastore`] connects.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// How each connection behaves.
    pub client: ClientOptions,
    /// Connections at one time, and so calls.
    pub connections_max: usize,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self { client: ClientOptions::default(), connections_max: 8 }
    }
}

impl From<&MetastoreConfig> for RemoteOptions {
    fn from(config: &MetastoreConfig) -> Self {
        let client =
            ClientOptions { reply_timeout: config.remote_timeout.0, ..ClientOptions::default() };
        Self { client, connections_max: config.remote_connections }
    }
}

/// A Hive metastore somewhere else. It connects when it is first asked something.
#[derive(Debug)]
pub struct RemoteMetastore {
    pool: Arc<Pool>,
    /// The server has shown that it is older than the method `get_table_req`.
    lacks_get_table_req: AtomicBool,
}

impl RemoteMetastore {
    /// The metastore at `uris`, which are `thrift://host:port`, separated by commas: servers of
    /// one metastore, of which the first that answers is used.
    ///
    /// # Errors
    /// `CONFIGURATION_INVALID` when one of them is no such URI.
    pub fn new(uris: &str, options: RemoteOptions) -> Result<Self> {
        let pool = Pool::new(uris, options.client, options.connections_max)?;
        Ok(Self { pool: Arc::new(pool), lacks_get_table_req: AtomicBool::new(false) })
    }

    /// Calls a method and hands over how it failed.
    async fn try_call<M>(&self, args: M) -> Result<Result<M::Reply, CallError>>
    where
        M: Method + Send + 'static,
        M::Reply: Send + 'static,
    {
        self.pool.call(args).await
    }

    /// Calls a method.
    async fn call<M>(&self, args: M) -> Result<M::Reply>
    where
        M: Method + Send + 'static,
        M::Reply: Send + 'static,
    {
        self.try_call(args).await?.map_err(errors::of_store)
    }

    async fn function(&self, database: &str, name: &str) -> Result<HiveFunction> {
        let (db_name, func_name) = (rules::fold(database), rules::fold(name));
        let call = GetFunction { db_name: db_name.clone(), func_name: func_name.clone() };
        match self.try_call(call).await? {
            Err(err) if errors::is(&err, ExceptionKind::NoSuchObject) => {
                self.database(&db_name).await?;
                Err(rules::function_not_found(&db_name, &func_name))
            }
            found => function_from_hive(found.map_err(errors::of_store)?),
        }
    }
}

#[async_trait]
impl Metastore for RemoteMetastore {
    async fn list_databases(&self) -> Result<Vec<String>> {
        self.databases().await
    }

    async fn get_database(&self, name: &str) -> Result<Database> {
        self.database(name).await
    }

    async fn create_database(&self, database: Database) -> Result<()> {
        self.add_database(database).await
    }

    async fn alter_database(&self, database: Database) -> Result<()> {
        self.change_database(database).await
    }

    async fn drop_database(&self, name: &str, cascade: bool) -> Result<()> {
        self.remove_database(name, cascade).await
    }

    async fn list_tables(&self, database: &str) -> Result<Vec<String>> {
        self.table_names(database).await
    }

    async fn get_tables(&self, database: &str) -> Result<Vec<Table>> {
        self.all_tables(database).await
    }

    async fn get_table(&self, database: &str, name: &str) -> Result<Table> {
        self.table(database, name).await
    }

    async fn create_table(&self, table: Table) -> Result<()> {
        self.add_table(table).await
    }

    async fn alter_table_with(
        &self,
        database: &str,
        name: &str,
        table: Table,
        options: AlterTableOptions,
    ) -> Result<()> {
        self.change_table(database, name, table, &options).await
    }

    async fn drop_table(&self, database: &str, name: &str) -> Result<()> {
        self.remove_table(database, name).await
    }

    async fn add_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
        if_not_exists: bool,
    ) -> Result<usize> {
        self.insert_partitions(database, table, partitions, if_not_exists).await
    }

    async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
    ) -> Result<()> {
        self.change_partitions(database, table, partitions).await
    }

    async fn rename_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        partition: HivePartition,
    ) -> Result<()> {
        self.move_partition(database, table, values, partition).await
    }

    async fn drop_partitions(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
        if_exists: bool,
    ) -> Result<usize> {
        self.remove_partitions(database, table, values, if_exists).await
    }

    async fn get_partitions(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<HivePartition>> {
        self.partitions(database, table, filter, limit).await
    }

    async fn get_partition_names(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<String>> {
        self.partition_names(database, table, filter, limit).await
    }

    async fn count_partitions(&self, database: &str, table: &str) -> Result<usize> {
        self.partition_count(database, table).await
    }

    async fn get_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Result<HivePartition> {
        self.partition(database, table, values).await
    }

    async fn get_partitions_by_values(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<Vec<HivePartition>> {
        self.partitions_by_values(database, table, values).await
    }

    async fn get_table_statistics(&self, database: &str, table: &str) -> Result<TableStatistics> {
        self.table_statistics(database, table).await
    }

    async fn set_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        self.write_statistics(database, table, None, columns).await
    }

    async fn delete_column_statistics(
        &self,
        database: &str,
        table: &str,
        column: Option<&str>,
    ) -> Result<usize> {
        self.forget_statistics(database, table, None, column).await
    }

    async fn get_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<ColumnStatistics>>> {
        self.partition_statistics(database, table, values).await
    }

    async fn set_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        self.write_statistics(database, table, Some(values), columns).await
    }

    async fn delete_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        column: Option<&str>,
    ) -> Result<usize> {
        self.forget_statistics(database, table, Some(values), column).await
    }

    async fn list_functions(&self, database: &str) -> Result<Vec<HiveFunction>> {
        let db_name = self.database(database).await?.name;
        let call = GetFunctions { db_name: db_name.clone(), pattern: "*".to_owned() };
        let mut names = self.call(call).await?;
        names.sort();
        let mut functions = Vec::with_capacity(names.len());
        for name in names {
            functions.push(self.function(&db_name, &name).await?);
        }
        Ok(functions)
    }

    async fn get_function(&self, database: &str, name: &str) -> Result<HiveFunction> {
        self.function(database, name).await
    }

    async fn create_function(&self, function: HiveFunction) -> Result<()> {
        let function = rules::check_function(function)?;
        self.database(&function.database).await?;
        match self.try_call(CreateFunction { func: function_to_hive(function.clone()) }).await? {
            Err(err) if errors::is(&err, ExceptionKind::AlreadyExists) => {
                Err(rules::function_already_exists(&function))
            }
            created => created.map_err(errors::of_store),
        }
    }

    async fn alter_function(&self, function: HiveFunction) -> Result<()> {
        let function = rules::check_function(function)?;
        self.function(&function.database, &function.name).await?;
        let call = AlterFunction {
            db_name: function.database.clone(),
            func_name: function.name.clone(),
            new_func: function_to_hive(function),
        };
        self.call(call).await
    }

    async fn drop_function(&self, database: &str, name: &str) -> Result<()> {
        let (db_name, func_name) = (rules::fold(database), rules::fold(name));
        let call = DropFunction { db_name: db_name.clone(), func_name: func_name.clone() };
        match self.try_call(call).await? {
            Err(err) if errors::is(&err, ExceptionKind::NoSuchObject) => {
                self.database(&db_name).await?;
                Err(rules::function_not_found(&db_name, &func_name))
            }
            dropped => dropped.map_err(errors::of_store),
        }
    }

    async fn lock(&self, request: LockRequest) -> Result<LockStatus> {
        self.ask_lock(request).await
    }

    async fn check_lock(&self, id: i64) -> Result<LockStatus> {
        self.look_at_lock(id).await
    }

    async fn unlock(&self, id: i64) -> Result<()> {
        self.give_back(id).await
    }

    async fn keep_lock(&self, id: i64) -> Result<()> {
        self.beat(id).await
    }

    async fn list_locks(&self) -> Result<Vec<HeldLock>> {
        self.locks().await
    }

    async fn last_event_id(&self) -> Result<i64> {
        self.last_event().await
    }

    async fn list_events(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        self.events(after, limit).await
    }

    async fn create_model_version(
        &self,
        model: NewModelVersion,
        _or_replace: bool,
    ) -> Result<ModelVersion> {
        let model = rules::check_model(model)?;
        self.database(&model.database).await?;
        Err(Error::not_supported("models in a remote Hive metastore")
            .with_hint("create the model in a catalog of Quern's own"))
    }

    async fn get_model(
        &self,
        database: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<ModelVersion> {
        self.database(database).await?;
        Err(rules::model_not_found(&rules::fold(database), name, version))
    }

    async fn list_models(&self, database: &str) -> Result<Vec<ModelVersion>> {
        self.database(database).await?;
        Ok(vec![])
    }

    async fn drop_model(&self, database: &str, name: &str) -> Result<Vec<ModelVersion>> {
        self.database(database).await?;
        Err(rules::model_not_found(&rules::fold(database), name, None))
    }
}
