//! A metastore in memory: for tests, and the plainest statement of what a metastore does.

use super::{Metastore, rules};
use crate::model::{
    ColumnStatistics, Database, HivePartition, ModelVersion, NewModelVersion, PartitionFilter,
    Table, TableStatistics, read_values,
};
use async_trait::async_trait;
use parking_lot::RwLock;
use quern_common::Result;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A metastore that lives as long as its process.
#[derive(Debug)]
pub struct MemoryMetastore {
    warehouse: String,
    databases: RwLock<BTreeMap<String, StoredDatabase>>,
}

#[derive(Debug, Clone, Default)]
struct StoredDatabase {
    database: Database,
    tables: BTreeMap<String, StoredTable>,
    models: BTreeMap<String, Vec<ModelVersion>>,
}

#[derive(Debug, Clone, Default)]
struct StoredTable {
    table: Table,
    /// By partition name.
    partitions: BTreeMap<String, HivePartition>,
    statistics: BTreeMap<String, ColumnStatistics>,
}

impl MemoryMetastore {
    /// A store with the empty database `default` at `warehouse`.
    pub fn new(warehouse: &str) -> Self {
        let database = rules::default_database(warehouse);
        let stored = StoredDatabase { database, ..StoredDatabase::default() };
        let databases = BTreeMap::from([(rules::DEFAULT_DATABASE.to_owned(), stored)]);
        Self { warehouse: warehouse.to_owned(), databases: RwLock::new(databases) }
    }

    fn read_database<T>(
        &self,
        name: &str,
        read: impl FnOnce(&StoredDatabase) -> Result<T>,
    ) -> Result<T> {
        let name = rules::fold(name);
        match self.databases.read().get(&name) {
            Some(database) => read(database),
            None => Err(rules::schema_not_found(&name)),
        }
    }

    fn write_database<T>(
        &self,
        name: &str,
        write: impl FnOnce(&mut StoredDatabase) -> Result<T>,
    ) -> Result<T> {
        let name = rules::fold(name);
        match self.databases.write().get_mut(&name) {
            Some(database) => write(database),
            None => Err(rules::schema_not_found(&name)),
        }
    }

    fn read_table<T>(
        &self,
        database: &str,
        name: &str,
        read: impl FnOnce(&StoredTable) -> Result<T>,
    ) -> Result<T> {
        let name = rules::fold(name);
        self.read_database(database, |stored| match stored.tables.get(&name) {
            Some(table) => read(table),
            None => Err(rules::table_not_found(&stored.database.name, &name)),
        })
    }

    /// Runs `write` on a copy that replaces the table when it succeeds.
    fn write_table<T>(
        &self,
        database: &str,
        name: &str,
        write: impl FnOnce(&mut StoredTable) -> Result<T>,
    ) -> Result<T> {
        let name = rules::fold(name);
        self.write_database(database, |stored| match stored.tables.get_mut(&name) {
            Some(table) => {
                let mut changed = table.clone();
                let result = write(&mut changed)?;
                *table = changed;
                Ok(result)
            }
            None => Err(rules::table_not_found(&stored.database.name, &name)),
        })
    }

    fn selected<T>(
        &self,
        (database, table): (&str, &str),
        filter: &PartitionFilter,
        limit: Option<usize>,
        map: impl Fn(&String, &HivePartition) -> T,
    ) -> Result<Vec<T>> {
        self.read_table(database, table, |stored| {
            let keys = &stored.table.partition_keys;
            let filter = filter.check(keys)?;
            let mut selected = Vec::new();
            for (name, partition) in &stored.partitions {
                if selected.len() >= limit.unwrap_or(usize::MAX) {
                    break;
                }
                if filter.matches(&read_values(keys, &partition.values)?)? {
                    selected.push(map(name, partition));
                }
            }
            Ok(selected)
        })
    }
}

#[async_trait]
impl Metastore for MemoryMetastore {
    async fn list_databases(&self) -> Result<Vec<String>> {
        Ok(self.databases.read().keys().cloned().collect())
    }

    async fn get_database(&self, name: &str) -> Result<Database> {
        self.read_database(name, |stored| Ok(stored.database.clone()))
    }

    async fn create_database(&self, database: Database) -> Result<()> {
        let database = rules::check_database(database, &self.warehouse)?;
        match self.databases.write().entry(database.name.clone()) {
            Entry::Occupied(entry) => Err(rules::schema_already_exists(entry.key())),
            Entry::Vacant(entry) => {
                entry.insert(StoredDatabase { database, ..StoredDatabase::default() });
                Ok(())
            }
        }
    }

    async fn alter_database(&self, database: Database) -> Result<()> {
        let name = database.name.clone();
        self.write_database(&name, |stored| {
            stored.database = rules::check_database(database, &self.warehouse)?;
            Ok(())
        })
    }

    async fn drop_database(&self, name: &str, cascade: bool) -> Result<()> {
        let name = rules::fold(name);
        rules::check_droppable(&name)?;
        let mut databases = self.databases.write();
        let stored = databases.get(&name).ok_or_else(|| rules::schema_not_found(&name))?;
        let empty = stored.tables.is_empty() && stored.models.is_empty();
        if !cascade && !empty {
            return Err(rules::schema_not_empty(&name));
        }
        databases.remove(&name);
        Ok(())
    }

    async fn list_tables(&self, database: &str) -> Result<Vec<String>> {
        self.read_database(database, |stored| Ok(stored.tables.keys().cloned().collect()))
    }

    async fn get_tables(&self, database: &str) -> Result<Vec<Table>> {
        self.read_database(database, |stored| {
            Ok(stored.tables.values().map(|t| t.table.clone()).collect())
        })
    }

    async fn get_table(&self, database: &str, name: &str) -> Result<Table> {
        self.read_table(database, name, |stored| Ok(stored.table.clone()))
    }

    async fn create_table(&self, table: Table) -> Result<()> {
        let database = table.database.clone();
        self.write_database(&database, |stored| {
            let mut table = rules::check_table(table, &stored.database.location)?;
            table.version = 1;
            match stored.tables.entry(table.name.clone()) {
                Entry::Occupied(_) => {
                    Err(rules::table_already_exists(&table.database, &table.name))
                }
                Entry::Vacant(entry) => {
                    entry.insert(StoredTable { table, ..StoredTable::default() });
                    Ok(())
                }
            }
        })
    }

    async fn alter_table(
        &self,
        database: &str,
        name: &str,
        expected_version: Option<i64>,
        table: Table,
    ) -> Result<()> {
        let (database, name) = (rules::fold(database), rules::fold(name));
        let mut databases = self.databases.write();
        let source = databases.get(&database).ok_or_else(|| rules::schema_not_found(&database))?;
        let old =
            source.tables.get(&name).ok_or_else(|| rules::table_not_found(&database, &name))?;
        let new = rules::check_altered_table(&old.table, table, expected_version)?;
        let mut stored = old.clone();
        stored.statistics.retain(|c, _| rules::statistics_survive(c, &old.table, &new));
        let target =
            databases.get(&new.database).ok_or_else(|| rules::schema_not_found(&new.database))?;
        let renamed = (&new.database, &new.name) != (&database, &name);
        if renamed && target.tables.contains_key(&new.name) {
            return Err(rules::table_already_exists(&new.database, &new.name));
        }
        stored.table = new;
        if let Some(source) = databases.get_mut(&database) {
            source.tables.remove(&name);
        }
        if let Some(target) = databases.get_mut(&stored.table.database) {
            target.tables.insert(stored.table.name.clone(), stored);
        }
        Ok(())
    }

    async fn drop_table(&self, database: &str, name: &str) -> Result<()> {
        let name = rules::fold(name);
        self.write_database(database, |stored| match stored.tables.remove(&name) {
            Some(_) => Ok(()),
            None => Err(rules::table_not_found(&stored.database.name, &name)),
        })
    }

    async fn add_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
        if_not_exists: bool,
    ) -> Result<usize> {
        self.write_table(database, table, |stored| {
            let mut added = 0;
            for checked in rules::check_partitions(&stored.table, partitions)? {
                match stored.partitions.entry(checked.name) {
                    Entry::Vacant(entry) => {
                        entry.insert(checked.partition);
                        added += 1;
                    }
                    Entry::Occupied(_) if if_not_exists => {}
                    Entry::Occupied(entry) => {
                        return Err(rules::partition_already_exists(&stored.table, entry.key()));
                    }
                }
            }
            Ok(added)
        })
    }

    async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
    ) -> Result<()> {
        self.write_table(database, table, |stored| {
            for checked in rules::check_partitions(&stored.table, partitions)? {
                let partition = stored
                    .partitions
                    .get_mut(&checked.name)
                    .ok_or_else(|| rules::partition_not_found(&stored.table, &checked.name))?;
                partition.sd = checked.partition.sd;
                partition.parameters = checked.partition.parameters;
            }
            Ok(())
        })
    }

    async fn drop_partitions(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
        if_exists: bool,
    ) -> Result<usize> {
        self.write_table(database, table, |stored| {
            let mut dropped = 0;
            for mut values in values {
                let name = rules::name_of(&stored.table, &mut values)?;
                match stored.partitions.remove(&name) {
                    Some(_) => dropped += 1,
                    None if if_exists => {}
                    None => return Err(rules::partition_not_found(&stored.table, &name)),
                }
            }
            Ok(dropped)
        })
    }

    async fn get_partitions(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<HivePartition>> {
        self.selected((database, table), filter, limit, |_, partition| partition.clone())
    }

    async fn get_partition_names(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<String>> {
        self.selected((database, table), filter, limit, |name, _| name.clone())
    }

    async fn count_partitions(&self, database: &str, table: &str) -> Result<usize> {
        self.read_table(database, table, |stored| Ok(stored.partitions.len()))
    }

    async fn get_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Result<HivePartition> {
        self.read_table(database, table, |stored| {
            let name = rules::name_of(&stored.table, &mut values.to_vec())?;
            let found = stored.partitions.get(&name).cloned();
            found.ok_or_else(|| rules::partition_not_found(&stored.table, &name))
        })
    }

    async fn get_table_statistics(&self, database: &str, table: &str) -> Result<TableStatistics> {
        self.read_table(database, table, |stored| {
            let mut statistics = TableStatistics::from_parameters(&stored.table.parameters);
            if !stored.table.partition_keys.is_empty() {
                let mut sum = TableStatistics::zero();
                for partition in stored.partitions.values() {
                    sum.add(&TableStatistics::from_parameters(&partition.parameters));
                }
                statistics = statistics.or(&sum);
            }
            statistics.columns = stored.statistics.values().cloned().collect();
            Ok(statistics)
        })
    }

    async fn set_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        self.write_table(database, table, |stored| {
            for mut column in columns {
                column.column = rules::fold(&column.column);
                rules::check_has_column(&stored.table, &column.column)?;
                stored.statistics.insert(column.column.clone(), column);
            }
            Ok(())
        })
    }

    async fn create_model_version(
        &self,
        model: NewModelVersion,
        or_replace: bool,
    ) -> Result<ModelVersion> {
        let model = rules::check_model(model)?;
        let database = model.database.clone();
        self.write_database(&database, |stored| {
            let versions = stored.models.entry(model.name.clone()).or_default();
            let version = match versions.last() {
                Some(_) if !or_replace => return Err(rules::model_already_exists(&model)),
                Some(latest) => latest.version + 1,
                None => 1,
            };
            let published = ModelVersion { version, model };
            versions.push(published.clone());
            Ok(published)
        })
    }

    async fn get_model(
        &self,
        database: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<ModelVersion> {
        let name = rules::fold(name);
        self.read_database(database, |stored| {
            let database = &stored.database.name;
            let versions = stored
                .models
                .get(&name)
                .ok_or_else(|| rules::model_not_found(database, &name, None))?;
            let found = match version {
                Some(version) => versions.iter().find(|v| v.version == version),
                None => versions.last(),
            };
            found.cloned().ok_or_else(|| rules::model_not_found(database, &name, version))
        })
    }

    async fn list_models(&self, database: &str) -> Result<Vec<ModelVersion>> {
        self.read_database(database, |stored| {
            Ok(stored.models.values().filter_map(|versions| versions.last().cloned()).collect())
        })
    }

    async fn drop_model(&self, database: &str, name: &str) -> Result<Vec<ModelVersion>> {
        let name = rules::fold(name);
        self.write_database(database, |stored| match stored.models.remove(&name) {
            Some(versions) => Ok(versions),
            None => Err(rules::model_not_found(&stored.database.name, &name, None)),
        })
    }
}
