//! Adding, altering, renaming and dropping partitions.

use super::Backend;
use super::answer::{
    Answer, already_exists, from_store, invalid_object, invalid_operation, meta, no_such_object,
    or_throw,
};
use super::convert::{partition_from_hive, partition_to_hive};
use super::directories::below;
use super::names::{database_name, short, shown};
use super::partitions::{check_arity, name_of, values_of_name};
use super::tables::{MISSING, owns_files};
use crate::metastore::rules::fold;
use crate::model::{HivePartition, LAST_DDL_TIME, StorageDescriptor, Table, TableType};
use futures::{StreamExt, TryStreamExt};
use quern_common::ErrorCode;
use quern_proto::hive_metastore::types as hive;
use quern_proto::hive_metastore::{ExceptionKind, ServiceError};
use std::collections::{HashMap, HashSet};

/// Directories that are made at one time.
const DIRECTORIES: usize = 16;

/// How partitions are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfExists {
    /// A partition that exists is an error.
    Throw,
    /// A partition that exists is left alone.
    Skip,
}

/// How partitions are dropped.
#[derive(Debug, Clone, Copy)]
pub(super) struct DropOptions {
    pub(super) delete_data: bool,
    pub(super) if_exists: bool,
}

fn exists(table: &Table, values: &[String]) -> ServiceError {
    let (values, database, name) = (shown(values), &table.database, &table.name);
    already_exists(format!(
        "Partition already exists: Partition(values:{values}, dbName:{database}, tableName:{name})"
    ))
}

impl Backend {
    /// Finds the table of partitions that are to be added.
    async fn table_for_new(&self, database: &str, table: &str) -> Answer<Table> {
        let (database, table) = (database_name(database)?, fold(table));
        let found = self.store.get_table(&database, &table).await;
        or_throw(found, MISSING, || {
            invalid_object("Unable to add partition because table or database do not exist")
        })
    }

    pub(super) async fn add_partition(&self, new: hive::Partition) -> Answer<hive::Partition> {
        let database = new.db_name.clone().unwrap_or_default();
        let name = new.table_name.clone().unwrap_or_default();
        let added = self.add_partitions(&database, &name, vec![new], IfExists::Throw).await?;
        added.into_iter().next().ok_or_else(|| meta("the partition was not added"))
    }

    /// Adds partitions and returns those that were new.
    pub(super) async fn add_partitions(
        &self,
        database: &str,
        table: &str,
        new: Vec<hive::Partition>,
        if_exists: IfExists,
    ) -> Answer<Vec<hive::Partition>> {
        let table = self.table_for_new(database, table).await?;
        let new = self.check_new(&table, new)?;
        let new = self.without_existing(&table, new, if_exists).await?;
        let prepared = self.prepare(&table, new).await?;
        let skip = if_exists == IfExists::Skip;
        let (database, name) = (&table.database, &table.name);
        let added = self.store.add_partitions(database, name, prepared.clone(), skip).await;
        or_throw(added, &[ErrorCode::AlreadyExists], || exists(&table, &[]))?;
        let added = prepared.into_iter().map(|p| partition_to_hive(database, name, p));
        Ok(added.collect())
    }

    pub(super) async fn append_partition(
        &self,
        database: &str,
        table: &str,
        values: Vec<String>,
    ) -> Answer<hive::Partition> {
        let new = hive::Partition {
            values: Some(values),
            db_name: Some(database.to_owned()),
            table_name: Some(table.to_owned()),
            ..hive::Partition::default()
        };
        self.add_partition(new).await
    }

    pub(super) async fn append_partition_by_name(
        &self,
        database: &str,
        table: &str,
        name: &str,
    ) -> Answer<hive::Partition> {
        let found = self.table_for_new(database, table).await?;
        let values = values_of_name(&found, name).map_err(as_invalid_object)?;
        self.append_partition(database, table, values).await
    }

    /// Reads partitions that are to be added to a table.
    fn check_new(&self, table: &Table, new: Vec<hive::Partition>) -> Answer<Vec<HivePartition>> {
        let mut checked = Vec::with_capacity(new.len());
        for new in new {
            let is_its = |name: &Option<String>, own: &String| {
                name.as_deref()
                    .map(database_name)
                    .transpose()
                    .map(|name| name.is_none_or(|name| name.is_empty() || name == *own))
            };
            if !is_its(&new.db_name, &table.database)? || !is_its(&new.table_name, &table.name)? {
                let (database, name) = (&table.database, &table.name);
                return Err(meta(format!(
                    "Partition does not belong to target table {database}.{name}: {}",
                    shown(&new.values.unwrap_or_default())
                )));
            }
            let has_storage = new.sd.is_some();
            let mut partition = partition_from_hive(new);
            check_arity(table, &partition.values)?;
            if !has_storage {
                partition.sd = StorageDescriptor { location: String::new(), ..table.sd.clone() };
            }
            if table.table_type == TableType::View && !partition.sd.location.is_empty() {
                return Err(meta("Cannot specify location for a view partition"));
            }
            checked.push(partition);
        }
        Ok(checked)
    }

    async fn without_existing(
        &self,
        table: &Table,
        new: Vec<HivePartition>,
        if_exists: IfExists,
    ) -> Answer<Vec<HivePartition>> {
        let values = new.iter().map(|partition| partition.values.clone()).collect();
        let (database, name) = (&table.database, &table.name);
        let found = self.store.get_partitions_by_values(database, name, values).await;
        let found = found.map_err(from_store)?;
        let mut taken: HashSet<String> = found.iter().map(|p| name_of(table, &p.values)).collect();
        let mut missing = Vec::with_capacity(new.len());
        for partition in new {
            match taken.insert(name_of(table, &partition.values)) {
                true => missing.push(partition),
                false if if_exists == IfExists::Skip => {}
                false => return Err(exists(table, &partition.values)),
            }
        }
        Ok(missing)
    }

    /// Gives new partitions their places, directories and times.
    async fn prepare(
        &self,
        table: &Table,
        mut new: Vec<HivePartition>,
    ) -> Answer<Vec<HivePartition>> {
        for partition in new.iter_mut().filter(|p| p.sd.location.is_empty()) {
            partition.sd.location = below(&table.sd.location, &name_of(table, &partition.values));
        }
        // Each once, even if two partitions share one: it is new for both.
        let locations: HashSet<String> = new.iter().map(|p| p.sd.location.clone()).collect();
        let made = futures::stream::iter(locations)
            .map(|location| async {
                let made = self.directories.make(&location).await?;
                Answer::Ok(made.then_some(location))
            })
            .buffer_unordered(DIRECTORIES)
            .try_collect::<Vec<_>>();
        let made: HashSet<String> = made.await?.into_iter().flatten().collect();
        let counted = futures::stream::iter(new).map(|mut partition| async {
            if !made.contains(&partition.sd.location) {
                let location = &partition.sd.location;
                self.directories.count_files(location, &mut partition.parameters).await;
            }
            partition
        });
        let mut new: Vec<HivePartition> = counted.buffered(DIRECTORIES).collect().await;
        let now = super::now();
        for partition in &mut new {
            partition.create_time = now;
            partition.parameters.entry(LAST_DDL_TIME.to_owned()).or_insert_with(|| now.to_string());
        }
        Ok(new)
    }

    pub(super) async fn alter_partitions(
        &self,
        database: &str,
        table: &str,
        new: Vec<hive::Partition>,
    ) -> Answer<()> {
        let table = self.table_to_alter(database, table).await?;
        let mut altered = Vec::with_capacity(new.len());
        for new in new {
            let mut partition = partition_from_hive(new);
            check_arity(&table, &partition.values)?;
            stamp(&mut partition);
            self.directories.count_files(&partition.sd.location, &mut partition.parameters).await;
            altered.push(partition);
        }
        let (database, name) = (&table.database, &table.name);
        let altered = self.store.alter_partitions(database, name, altered).await;
        or_throw(altered, &[ErrorCode::NotFound], || invalid_operation("alter is not possible"))
    }

    async fn table_to_alter(&self, database: &str, table: &str) -> Answer<Table> {
        let (database, table) = (database_name(database)?, fold(table));
        let found = self.store.get_table(&database, &table).await;
        or_throw(found, MISSING, || {
            invalid_operation("Unable to alter partition because table or database does not exist.")
        })
    }

    pub(super) async fn rename_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        new: hive::Partition,
    ) -> Answer<()> {
        let table = self.table_to_alter(database, table).await?;
        let mut new = partition_from_hive(new);
        check_arity(&table, &new.values)?;
        stamp(&mut new);
        let gone =
            || invalid_operation("Unable to rename partition because old partition does not exist");
        let old = self.find_partition(&table, values).await.map_err(|_| gone())?;
        let (database, name) = (&table.database, &table.name);
        let taken = || {
            let values = shown(&new.values);
            invalid_operation(format!("Partition already exists:{database}.{name}.{values}"))
        };
        if self.find_partition(&table, &new.values).await.is_ok() {
            return Err(taken());
        }
        let taken = taken();
        let moved = self.move_partition(&table, &old, &mut new).await?;
        let location = new.sd.location.clone();
        let renamed = self.store.rename_partition(database, name, values, new).await;
        if renamed.is_err() && moved {
            self.directories.rename_back(&location, &old.sd.location).await;
        }
        match renamed {
            Err(err) if err.code() == ErrorCode::AlreadyExists => Err(taken),
            renamed => or_throw(renamed, &[ErrorCode::NotFound], gone),
        }
    }

    /// Moves the directory of a renamed partition whose files are ours to where a partition of
    /// its new name lies by default. Says whether it did.
    async fn move_partition(
        &self,
        table: &Table,
        old: &HivePartition,
        new: &mut HivePartition,
    ) -> Answer<bool> {
        if !owns_files(table) {
            return Ok(false);
        }
        let from = old.sd.location.as_str();
        let to = below(&table.sd.location, &name_of(table, &new.values));
        if from == to || to.is_empty() {
            return Ok(false);
        }
        if self.directories.exists(&to).await? {
            let (database, name) = (&table.database, &table.name);
            return Err(invalid_operation(format!(
                "New location for this table {database}.{name} already exists : {to}"
            )));
        }
        if !self.directories.rename(from, &to).await? {
            new.sd.location = from.to_owned();
            return Ok(false);
        }
        new.sd.location = to;
        Ok(true)
    }

    pub(super) async fn drop_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        delete_data: bool,
    ) -> Answer<bool> {
        let table = self.find_table(database, table).await?;
        let partition = self.find_partition(&table, values).await?;
        let options = DropOptions { delete_data, if_exists: false };
        self.drop_found(&table, vec![partition], options).await?;
        Ok(true)
    }

    pub(super) async fn drop_partition_by_name(
        &self,
        database: &str,
        table: &str,
        name: &str,
        delete_data: bool,
    ) -> Answer<bool> {
        let found = self.find_table(database, table).await?;
        let values = values_of_name(&found, name)?;
        self.drop_partition(database, table, &values, delete_data).await
    }

    /// Drops partitions by their names and returns them.
    pub(super) async fn drop_named_partitions(
        &self,
        database: &str,
        table: &str,
        names: &[String],
        options: DropOptions,
    ) -> Answer<Vec<hive::Partition>> {
        let table = self.find_table(database, table).await?;
        let values = names.iter().map(|name| values_of_name(&table, name));
        let values = values.collect::<Answer<Vec<_>>>()?;
        let wanted: HashMap<String, ()> =
            values.iter().map(|values| (name_of(&table, values), ())).collect();
        let (database, name) = (&table.database, &table.name);
        let found = self.store.get_partitions_by_values(database, name, values).await;
        let found = found.map_err(from_store)?;
        if found.len() < wanted.len() && !options.if_exists {
            return Err(no_such_object("Some partitions to drop are missing"));
        }
        self.drop_found(&table, found.clone(), options).await?;
        let dropped = found.into_iter().map(|p| partition_to_hive(database, name, p));
        Ok(dropped.collect())
    }

    async fn drop_found(
        &self,
        table: &Table,
        partitions: Vec<HivePartition>,
        options: DropOptions,
    ) -> Answer<()> {
        let values = partitions.iter().map(|partition| partition.values.clone()).collect();
        let (database, name) = (&table.database, &table.name);
        let dropped = self.store.drop_partitions(database, name, values, options.if_exists).await;
        or_throw(dropped, &[ErrorCode::NotFound], || {
            no_such_object("Some partitions to drop are missing")
        })?;
        if options.delete_data && owns_files(table) {
            let above = table.partition_keys.len().saturating_sub(1);
            for partition in &partitions {
                let location = partition.sd.location.trim_end_matches('/');
                self.directories.delete(location).await;
                let parent = location.rsplit_once('/').map(|(parent, _)| parent);
                if let (Some(parent), Some(levels)) = (parent, above.checked_sub(1)) {
                    self.directories.remove_empty(parent, levels).await;
                }
            }
        }
        Ok(())
    }
}

/// Says that a partition was changed now, unless it says when.
fn stamp(partition: &mut HivePartition) {
    let given = partition.parameters.get(LAST_DDL_TIME);
    if given.is_none_or(|time| time.parse() == Ok(0_i64)) {
        partition.parameters.insert(LAST_DDL_TIME.to_owned(), super::now().to_string());
    }
}

fn as_invalid_object(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Exception(exception) if exception.kind == ExceptionKind::NoSuchObject => {
            invalid_object(short(&exception.message))
        }
        other => other,
    }
}
