//! A metastore in memory: for tests, and the plainest statement of what a metastore does.

mod metadata;
mod state;

use super::events::{self, Change};
use super::locks::{self, StoredLock};
use super::{AlterTableOptions, Metastore, MetastoreOptions, rules};
use crate::model::{
    ColumnStatistics, Database, Event, EventKind, HeldLock, HiveFunction, HivePartition,
    LockRequest, LockStatus, ModelVersion, NewModelVersion, PartitionFilter, Table,
    TableStatistics, mark_column_statistics, read_values,
};
use async_trait::async_trait;
use parking_lot::RwLock;
use quern_common::Result;
use state::{State, StoredDatabase, StoredTable};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A metastore that lives as long as its process.
#[derive(Debug)]
pub struct MemoryMetastore {
    warehouse: String,
    options: MetastoreOptions,
    state: RwLock<State>,
}

impl MemoryMetastore {
    /// A store with the empty database `default` at `warehouse`.
    pub fn new(warehouse: &str) -> Self {
        Self::with_options(warehouse, MetastoreOptions::default())
    }

    /// As [`MemoryMetastore::new`], with other bounds.
    pub fn with_options(warehouse: &str, options: MetastoreOptions) -> Self {
        let database = rules::default_database(warehouse);
        let stored = StoredDatabase { database, ..StoredDatabase::default() };
        let databases = BTreeMap::from([(rules::DEFAULT_DATABASE.to_owned(), stored)]);
        let state = RwLock::new(State { databases, ..State::default() });
        Self { warehouse: warehouse.to_owned(), options, state }
    }

    /// Runs a change, which does nothing when it fails, and logs it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<(T, Vec<Change>)>) -> Result<T> {
        let mut state = self.state.write();
        let (result, changes) = change(&mut state)?;
        state.log.add(changes, &self.options);
        Ok(result)
    }

    /// Runs a change on a copy of a table that replaces it when it succeeds.
    /// Changes a table; the change is given the version that the table has if it is another one
    /// afterwards.
    fn change_table<T>(
        &self,
        database: &str,
        name: &str,
        change: impl FnOnce(&mut StoredTable, i64) -> Result<(T, Vec<Change>)>,
    ) -> Result<T> {
        self.change(|state| {
            let mut changed = state.table(database, name)?.clone();
            let result = change(&mut changed, state.log.next_id())?;
            let tables = &mut state.database_mut(database)?.tables;
            tables.insert(changed.table.name.clone(), changed);
            Ok(result)
        })
    }

    fn selected<T>(
        &self,
        (database, table): (&str, &str),
        filter: &PartitionFilter,
        limit: Option<usize>,
        map: impl Fn(&String, &HivePartition) -> T,
    ) -> Result<Vec<T>> {
        let state = self.state.read();
        let stored = state.table(database, table)?;
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
    }

    /// Runs something on the locks, after those were forgotten whose holders are.
    fn with_locks<T>(&self, run: impl FnOnce(&mut State, i64) -> Result<T>) -> Result<T> {
        let mut state = self.state.write();
        let now = chrono::Utc::now().timestamp_millis();
        let timeout = i64::try_from(self.options.lock_timeout.as_millis()).unwrap_or(i64::MAX);
        state.locks.retain(|_, lock| lock.heartbeat_ms >= now.saturating_sub(timeout));
        run(&mut state, now)
    }
}

/// Says who is in the way of a lock, and that it is acquired if nobody is.
fn look_at_lock(state: &mut State, id: i64, now: i64) -> Result<LockStatus> {
    let all: Vec<StoredLock> = state.locks.values().cloned().collect();
    let lock = state.locks.get_mut(&id).ok_or_else(|| locks::not_found(id))?;
    lock.heartbeat_ms = now;
    let blocker = locks::blocker(lock, &all);
    if blocker.is_none() {
        lock.acquired_ms.get_or_insert(now);
    }
    Ok(locks::status(id, blocker))
}

#[async_trait]
impl Metastore for MemoryMetastore {
    async fn list_databases(&self) -> Result<Vec<String>> {
        Ok(self.state.read().databases.keys().cloned().collect())
    }

    async fn get_database(&self, name: &str) -> Result<Database> {
        Ok(self.state.read().database(name)?.database.clone())
    }

    async fn create_database(&self, database: Database) -> Result<()> {
        let database = rules::check_database(database, &self.warehouse)?;
        self.change(|state| match state.databases.entry(database.name.clone()) {
            Entry::Occupied(entry) => Err(rules::schema_already_exists(entry.key())),
            Entry::Vacant(entry) => {
                let change = events::of_database(EventKind::CreateDatabase, entry.key());
                entry.insert(StoredDatabase { database, ..StoredDatabase::default() });
                Ok(((), vec![change]))
            }
        })
    }

    async fn alter_database(&self, database: Database) -> Result<()> {
        self.change(|state| {
            let stored = state.database_mut(&database.name)?;
            stored.database = rules::check_database(database, &self.warehouse)?;
            let change = events::of_database(EventKind::AlterDatabase, &stored.database.name);
            Ok(((), vec![change]))
        })
    }

    async fn drop_database(&self, name: &str, cascade: bool) -> Result<()> {
        let name = rules::fold(name);
        rules::check_droppable(&name)?;
        self.change(|state| {
            let stored = state.database(&name)?;
            let empty =
                stored.tables.is_empty() && stored.models.is_empty() && stored.functions.is_empty();
            if !cascade && !empty {
                return Err(rules::schema_not_empty(&name));
            }
            state.databases.remove(&name);
            Ok(((), vec![events::of_database(EventKind::DropDatabase, &name)]))
        })
    }

    async fn list_tables(&self, database: &str) -> Result<Vec<String>> {
        Ok(self.state.read().database(database)?.tables.keys().cloned().collect())
    }

    async fn get_tables(&self, database: &str) -> Result<Vec<Table>> {
        let state = self.state.read();
        Ok(state.database(database)?.tables.values().map(|t| t.table.clone()).collect())
    }

    async fn get_table(&self, database: &str, name: &str) -> Result<Table> {
        Ok(self.state.read().table(database, name)?.table.clone())
    }

    async fn create_table(&self, table: Table) -> Result<()> {
        self.change(|state| {
            let version = state.log.next_id();
            let stored = state.database_mut(&table.database)?;
            let mut table = rules::check_table(table, &stored.database.location)?;
            table.version = version;
            match stored.tables.entry(table.name.clone()) {
                Entry::Occupied(_) => {
                    Err(rules::table_already_exists(&table.database, &table.name))
                }
                Entry::Vacant(entry) => {
                    let change = events::of_table(EventKind::CreateTable, &table);
                    entry.insert(StoredTable { table, ..StoredTable::default() });
                    Ok(((), vec![change]))
                }
            }
        })
    }

    async fn alter_table_with(
        &self,
        database: &str,
        name: &str,
        table: Table,
        options: AlterTableOptions,
    ) -> Result<()> {
        self.change(|state| {
            let mut stored = state.table(database, name)?.clone();
            let old = stored.table.clone();
            let mut new = rules::check_altered_table(&old, table, &options)?;
            new.version = state.log.next_id();
            let renamed = (&new.database, &new.name) != (&old.database, &old.name);
            if renamed && state.database(&new.database)?.tables.contains_key(&new.name) {
                return Err(rules::table_already_exists(&new.database, &new.name));
            }
            stored.statistics.retain(|c, _| rules::statistics_survive(c, &old, &new));
            alter_partitions_of(&mut stored, &new, &options);
            let change = events::of_altered_table(&old, &new);
            stored.table = new.clone();
            state.database_mut(&old.database)?.tables.remove(&old.name);
            state.database_mut(&new.database)?.tables.insert(new.name, stored);
            Ok(((), vec![change]))
        })
    }

    async fn drop_table(&self, database: &str, name: &str) -> Result<()> {
        self.change(|state| {
            let table = state.table(database, name)?.table.clone();
            state.database_mut(database)?.tables.remove(&table.name);
            Ok(((), vec![events::of_table(EventKind::DropTable, &table)]))
        })
    }

    async fn add_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
        if_not_exists: bool,
    ) -> Result<usize> {
        self.change_table(database, table, |stored, _| {
            let mut added = Vec::new();
            for checked in rules::check_new_partitions(&stored.table, partitions)? {
                match stored.partitions.entry(checked.name) {
                    Entry::Vacant(entry) => {
                        added.push(entry.key().clone());
                        entry.insert(checked.partition);
                    }
                    Entry::Occupied(_) if if_not_exists => {}
                    Entry::Occupied(entry) => {
                        return Err(rules::partition_already_exists(&stored.table, entry.key()));
                    }
                }
            }
            let names = added.iter().map(String::as_str);
            let changes = events::of_partitions(EventKind::AddPartition, &stored.table, names);
            Ok((added.len(), changes))
        })
    }

    async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
    ) -> Result<()> {
        self.change_table(database, table, |stored, _| {
            let mut altered = Vec::new();
            for checked in rules::check_partitions(&stored.table, partitions)? {
                let mut new = checked.partition;
                let old = stored.partition(&checked.name)?;
                if new.create_time == 0 {
                    new.create_time = old.create_time;
                }
                altered.push(checked.name.clone());
                stored.partitions.insert(checked.name, new);
            }
            let names = altered.iter().map(String::as_str);
            let changes = events::of_partitions(EventKind::AlterPartition, &stored.table, names);
            Ok(((), changes))
        })
    }

    async fn rename_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        partition: HivePartition,
    ) -> Result<()> {
        self.change_table(database, table, |stored, _| {
            let before = rules::name_of(&stored.table, &mut values.to_vec())?;
            let checked = rules::check_partition(&stored.table, partition)?;
            let old = stored.partition(&before)?.clone();
            if checked.name != before && stored.partitions.contains_key(&checked.name) {
                return Err(rules::partition_already_exists(&stored.table, &checked.name));
            }
            let mut new = checked.partition;
            if new.create_time == 0 {
                new.create_time = old.create_time;
            }
            let change = events::of_renamed_partition(&stored.table, &before, &checked.name);
            stored.partitions.remove(&before);
            if let Some(statistics) = stored.partition_statistics.remove(&before) {
                stored.partition_statistics.insert(checked.name.clone(), statistics);
            }
            stored.partitions.insert(checked.name, new);
            Ok(((), vec![change]))
        })
    }

    async fn drop_partitions(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
        if_exists: bool,
    ) -> Result<usize> {
        self.change_table(database, table, |stored, _| {
            let mut dropped = Vec::new();
            for name in rules::names_of(&stored.table, values)? {
                match stored.partitions.remove(&name) {
                    Some(_) => {
                        stored.partition_statistics.remove(&name);
                        dropped.push(name);
                    }
                    None if if_exists => {}
                    None => return Err(rules::partition_not_found(&stored.table, &name)),
                }
            }
            let names = dropped.iter().map(String::as_str);
            let changes = events::of_partitions(EventKind::DropPartition, &stored.table, names);
            Ok((dropped.len(), changes))
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
        Ok(self.state.read().table(database, table)?.partitions.len())
    }

    async fn get_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Result<HivePartition> {
        let state = self.state.read();
        let stored = state.table(database, table)?;
        let name = rules::name_of(&stored.table, &mut values.to_vec())?;
        stored.partition(&name).cloned()
    }

    async fn get_partitions_by_values(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<Vec<HivePartition>> {
        let state = self.state.read();
        let stored = state.table(database, table)?;
        let mut names = rules::names_of(&stored.table, values)?;
        names.sort();
        names.dedup();
        Ok(names.iter().filter_map(|name| stored.partitions.get(name)).cloned().collect())
    }

    async fn get_table_statistics(&self, database: &str, table: &str) -> Result<TableStatistics> {
        let state = self.state.read();
        let stored = state.table(database, table)?;
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
    }

    async fn set_column_statistics(
        &self,
        database: &str,
        table: &str,
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        self.change_table(database, table, |stored, version| {
            let columns = rules::check_statistics(&stored.table, columns)?;
            let names: Vec<&str> = columns.iter().map(|c| c.column.as_str()).collect();
            let kind = EventKind::UpdateTableColumnStatistics;
            let change = events::of_statistics(kind, &stored.table, None, &names);
            mark_column_statistics(&mut stored.table.parameters, &names, true);
            stored.table.version = version;
            stored.statistics.extend(columns.into_iter().map(|c| (c.column.clone(), c)));
            Ok(((), vec![change]))
        })
    }

    async fn delete_column_statistics(
        &self,
        database: &str,
        table: &str,
        column: Option<&str>,
    ) -> Result<usize> {
        let column = column.map(rules::fold);
        self.change_table(database, table, |stored, version| {
            let gone = take_statistics(&mut stored.statistics, column.as_deref());
            if gone.is_empty() {
                return Ok((0, vec![]));
            }
            let names: Vec<&str> = gone.iter().map(String::as_str).collect();
            let kind = EventKind::DeleteTableColumnStatistics;
            let change = events::of_statistics(kind, &stored.table, None, &names);
            mark_column_statistics(&mut stored.table.parameters, &names, false);
            stored.table.version = version;
            Ok((gone.len(), vec![change]))
        })
    }

    async fn get_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<ColumnStatistics>>> {
        let state = self.state.read();
        let stored = state.table(database, table)?;
        let mut found = BTreeMap::new();
        for name in rules::names_of(&stored.table, values)? {
            if let Some(columns) = stored.partition_statistics.get(&name) {
                found.insert(name, columns.values().cloned().collect());
            }
        }
        Ok(found)
    }

    async fn set_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        self.change_table(database, table, |stored, _| {
            let name = rules::name_of(&stored.table, &mut values.to_vec())?;
            let mut partition = stored.partition(&name)?.clone();
            let columns = rules::check_statistics(&stored.table, columns)?;
            let names: Vec<&str> = columns.iter().map(|c| c.column.as_str()).collect();
            let kind = EventKind::UpdatePartitionColumnStatistics;
            let change = events::of_statistics(kind, &stored.table, Some(&name), &names);
            mark_column_statistics(&mut partition.parameters, &names, true);
            stored.partitions.insert(name.clone(), partition);
            let statistics = stored.partition_statistics.entry(name).or_default();
            statistics.extend(columns.into_iter().map(|c| (c.column.clone(), c)));
            Ok(((), vec![change]))
        })
    }

    async fn delete_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        column: Option<&str>,
    ) -> Result<usize> {
        let column = column.map(rules::fold);
        self.change_table(database, table, |stored, _| {
            let name = rules::name_of(&stored.table, &mut values.to_vec())?;
            let mut partition = stored.partition(&name)?.clone();
            let statistics = stored.partition_statistics.entry(name.clone()).or_default();
            let gone = take_statistics(statistics, column.as_deref());
            stored.partition_statistics.retain(|_, columns| !columns.is_empty());
            if gone.is_empty() {
                return Ok((0, vec![]));
            }
            let names: Vec<&str> = gone.iter().map(String::as_str).collect();
            let kind = EventKind::DeletePartitionColumnStatistics;
            let change = events::of_statistics(kind, &stored.table, Some(&name), &names);
            mark_column_statistics(&mut partition.parameters, &names, false);
            stored.partitions.insert(name, partition);
            Ok((gone.len(), vec![change]))
        })
    }

    async fn list_functions(&self, database: &str) -> Result<Vec<HiveFunction>> {
        Ok(self.state.read().database(database)?.functions.values().cloned().collect())
    }

    async fn get_function(&self, database: &str, name: &str) -> Result<HiveFunction> {
        let state = self.state.read();
        let stored = state.database(database)?;
        let name = rules::fold(name);
        let not_found = || rules::function_not_found(&stored.database.name, &name);
        stored.functions.get(&name).cloned().ok_or_else(not_found)
    }

    async fn create_function(&self, function: HiveFunction) -> Result<()> {
        let function = rules::check_function(function)?;
        self.change(|state| {
            let functions = &mut state.database_mut(&function.database)?.functions;
            match functions.entry(function.name.clone()) {
                Entry::Occupied(_) => Err(rules::function_already_exists(&function)),
                Entry::Vacant(entry) => {
                    let change = events::of_function(EventKind::CreateFunction, &function);
                    entry.insert(function);
                    Ok(((), vec![change]))
                }
            }
        })
    }

    async fn alter_function(&self, function: HiveFunction) -> Result<()> {
        let function = rules::check_function(function)?;
        self.change(|state| {
            let functions = &mut state.database_mut(&function.database)?.functions;
            match functions.get_mut(&function.name) {
                Some(stored) => *stored = function,
                None => return Err(rules::function_not_found(&function.database, &function.name)),
            }
            // Hive has no event for it.
            Ok(((), vec![]))
        })
    }

    async fn drop_function(&self, database: &str, name: &str) -> Result<()> {
        let name = rules::fold(name);
        self.change(|state| {
            let stored = state.database_mut(database)?;
            match stored.functions.remove(&name) {
                Some(function) => {
                    Ok(((), vec![events::of_function(EventKind::DropFunction, &function)]))
                }
                None => Err(rules::function_not_found(&stored.database.name, &name)),
            }
        })
    }

    async fn lock(&self, request: LockRequest) -> Result<LockStatus> {
        let request = locks::check_request(request)?;
        let max = self.options.locks_max;
        self.with_locks(|state, now| {
            if state.locks.len() >= max {
                return Err(locks::too_many(max));
            }
            state.last_lock += 1;
            let id = state.last_lock;
            let lock = StoredLock { id, request, acquired_ms: None, heartbeat_ms: now };
            state.locks.insert(id, lock);
            look_at_lock(state, id, now)
        })
    }

    async fn check_lock(&self, id: i64) -> Result<LockStatus> {
        self.with_locks(|state, now| look_at_lock(state, id, now))
    }

    async fn unlock(&self, id: i64) -> Result<()> {
        self.with_locks(|state, _| match state.locks.remove(&id) {
            Some(_) => Ok(()),
            None => Err(locks::not_found(id)),
        })
    }

    async fn keep_lock(&self, id: i64) -> Result<()> {
        self.with_locks(|state, now| match state.locks.get_mut(&id) {
            Some(lock) => {
                lock.heartbeat_ms = now;
                Ok(())
            }
            None => Err(locks::not_found(id)),
        })
    }

    async fn list_locks(&self) -> Result<Vec<HeldLock>> {
        self.with_locks(|state, _| Ok(locks::held(state.locks.values().cloned().collect())))
    }

    async fn last_event_id(&self) -> Result<i64> {
        Ok(self.state.read().log.last_id)
    }

    async fn list_events(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        let state = self.state.read();
        let later = state.log.events.iter().filter(|event| event.id > after);
        Ok(later.take(limit).cloned().collect())
    }

    async fn create_model_version(
        &self,
        model: NewModelVersion,
        or_replace: bool,
    ) -> Result<ModelVersion> {
        let model = rules::check_model(model)?;
        self.change(|state| {
            let stored = state.database_mut(&model.database)?;
            let versions = stored.models.entry(model.name.clone()).or_default();
            let version = match versions.last() {
                Some(_) if !or_replace => return Err(rules::model_already_exists(&model)),
                Some(latest) => latest.version + 1,
                None => 1,
            };
            let published = ModelVersion { version, model };
            versions.push(published.clone());
            // Models are none of Hive's objects and have no events.
            Ok((published, vec![]))
        })
    }

    async fn get_model(
        &self,
        database: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<ModelVersion> {
        let name = rules::fold(name);
        let state = self.state.read();
        let stored = state.database(database)?;
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
    }

    async fn list_models(&self, database: &str) -> Result<Vec<ModelVersion>> {
        let state = self.state.read();
        let models = state.database(database)?.models.values();
        Ok(models.filter_map(|versions| versions.last().cloned()).collect())
    }

    async fn drop_model(&self, database: &str, name: &str) -> Result<Vec<ModelVersion>> {
        let name = rules::fold(name);
        self.change(|state| {
            let stored = state.database_mut(database)?;
            match stored.models.remove(&name) {
                Some(versions) => Ok((versions, vec![])),
                None => Err(rules::model_not_found(&stored.database.name, &name, None)),
            }
        })
    }
}

/// Does to a table's partitions what altering it with these options says.
fn alter_partitions_of(stored: &mut StoredTable, new: &Table, options: &AlterTableOptions) {
    let old = stored.table.clone();
    for partition in stored.partitions.values_mut() {
        let sd = &mut partition.sd;
        if options.cascade {
            sd.columns.clone_from(&new.sd.columns);
        }
        if options.move_partitions
            && let Some(moved) = rules::moved(&sd.location, &old.sd.location, &new.sd.location)
        {
            sd.location = moved;
        }
    }
    if options.cascade {
        for statistics in stored.partition_statistics.values_mut() {
            statistics.retain(|c, _| rules::statistics_survive(c, &old, new));
        }
    }
}

/// Removes the statistics of a column, or of all, and returns of which.
fn take_statistics(
    statistics: &mut BTreeMap<String, ColumnStatistics>,
    column: Option<&str>,
) -> Vec<String> {
    match column {
        Some(column) => statistics.remove_entry(column).into_iter().map(|(c, _)| c).collect(),
        None => std::mem::take(statistics).into_keys().collect(),
    }
}
