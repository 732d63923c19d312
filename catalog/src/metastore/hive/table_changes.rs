//! Creating, altering and dropping tables.

use super::Backend;
use super::answer::{
    Answer, already_exists, from_store, invalid_object, invalid_operation, meta, or_throw,
};
use super::convert::table_from_hive;
use super::directories::below;
use super::names::{database_name, short};
use super::partitions::values_of_name;
use super::tables::{MISSING, owns_files};
use crate::hive_type::{HiveType, is_widened_by};
use crate::metastore::AlterTableOptions;
use crate::metastore::rules::{fold, is_name};
use crate::model::{Column, LAST_DDL_TIME, Parameters, PartitionFilter, Table, TableType};
use quern_common::ErrorCode;
use quern_proto::hive_metastore::types as hive;
use quern_proto::hive_metastore::{Exception, ExceptionKind, ServiceError};

/// In a call's context or among its parameters: leaves the number of files as it is.
const DO_NOT_UPDATE_STATS: &str = "DO_NOT_UPDATE_STATS";
/// In a call's context: the partitions get the table's new columns.
const CASCADE: &str = "CASCADE";
/// In a call's context: a parameter, and the value that it must have.
const EXPECTED_KEY: &str = "expected_parameter_key";
const EXPECTED_VALUE: &str = "expected_parameter_value";

pub(super) fn is_true(properties: &Parameters, key: &str) -> bool {
    properties.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What a call says beside its arguments.
pub(super) fn properties(context: Option<hive::EnvironmentContext>) -> Parameters {
    context.and_then(|context| context.properties).unwrap_or_default()
}

impl Backend {
    pub(super) async fn create_table(
        &self,
        table: hive::Table,
        context: Option<hive::EnvironmentContext>,
    ) -> Answer<()> {
        let mut table = table_from_hive(table).map_err(from_store)?;
        table.database = database_name(&table.database)?;
        check_definition(&table)?;
        let database = self.store.get_database(&table.database).await;
        let database = or_throw(database, &[ErrorCode::SchemaNotFound], || {
            invalid_object(short(&table.database))
        })?;
        if self.store.get_table(&table.database, &table.name).await.is_ok() {
            return Err(exists(&table.name));
        }
        let is_view = table.table_type == TableType::View;
        if table.sd.location.is_empty() && !is_view {
            table.sd.location = below(&database.location, &table.name);
        }
        let made = !is_view && self.directories.make(&table.sd.location).await?;
        let quiet = is_true(&properties(context), DO_NOT_UPDATE_STATS)
            || table.parameters.remove(DO_NOT_UPDATE_STATS).is_some();
        if !made && !is_view && !quiet && table.partition_keys.is_empty() {
            self.directories.count_files(&table.sd.location, &mut table.parameters).await;
        }
        let now = super::now();
        table.create_time = now;
        table.parameters.entry(LAST_DDL_TIME.to_owned()).or_insert_with(|| now.to_string());
        let (name, location) = (table.name.clone(), table.sd.location.clone());
        let created = self.store.create_table(table).await;
        if created.is_err() && made {
            self.directories.remove_empty(&location, 0).await;
        }
        or_throw(created, &[ErrorCode::TableAlreadyExists], || exists(&name))
    }

    pub(super) async fn drop_table(
        &self,
        database: &str,
        name: &str,
        delete_data: bool,
    ) -> Answer<()> {
        let table = self.find_table(database, name).await?;
        let dropped = self.store.drop_table(&table.database, &table.name).await;
        or_throw(dropped, MISSING, || {
            super::answer::no_such_object(super::tables::missing(&table.database, &table.name))
        })?;
        if delete_data && owns_files(&table) {
            self.directories.delete(&table.sd.location).await;
        }
        Ok(())
    }

    /// Deletes the files of a table, or of some of its partitions.
    pub(super) async fn truncate_table(
        &self,
        database: &str,
        name: &str,
        partitions: Option<Vec<String>>,
    ) -> Answer<()> {
        let table = self.find_table(database, name).await?;
        if !owns_files(&table) {
            return Err(meta("not supported: truncating what is no managed table"));
        }
        let mut locations = Vec::new();
        match partitions {
            Some(names) if !names.is_empty() => {
                for name in &names {
                    let values = values_of_name(&table, name)?;
                    locations.push(self.find_partition(&table, &values).await?.sd.location);
                }
            }
            _ if table.partition_keys.is_empty() => locations.push(table.sd.location),
            _ => {
                let (all, name) = (PartitionFilter::All, &table.name);
                let found = self.store.get_partitions(&table.database, name, &all, None).await;
                locations.extend(found.map_err(from_store)?.into_iter().map(|p| p.sd.location));
            }
        }
        for location in &locations {
            self.directories.delete(location).await;
            self.directories.make(location).await?;
        }
        Ok(())
    }

    pub(super) async fn alter_table(
        &self,
        database: &str,
        name: &str,
        new: hive::Table,
        properties: Parameters,
    ) -> Answer<()> {
        self.alter(database, name, new, &properties).await.map_err(as_invalid_operation)
    }

    async fn alter(
        &self,
        database: &str,
        name: &str,
        new: hive::Table,
        properties: &Parameters,
    ) -> Answer<()> {
        let (database, name) = (database_name(database)?, fold(name));
        let mut new = table_from_hive(new).map_err(from_store)?;
        new.database = match new.database.as_str() {
            "" => database.clone(),
            other => database_name(other)?,
        };
        check_definition(&new)?;
        let missing = || {
            invalid_operation(format!("table {}.{} doesn't exist", short(&database), short(&name)))
        };
        let old = or_throw(self.store.get_table(&database, &name).await, MISSING, missing)?;
        check_change(&old, &new)?;

        let quiet = new.parameters.remove(DO_NOT_UPDATE_STATS).is_some()
            || is_true(properties, DO_NOT_UPDATE_STATS);
        new.parameters.entry(LAST_DDL_TIME.to_owned()).or_insert_with(|| super::now().to_string());
        new.create_time = old.create_time;
        let expected = properties.get(EXPECTED_KEY).zip(properties.get(EXPECTED_VALUE));
        let mut options = AlterTableOptions {
            expected_parameter: expected.map(|(key, value)| (key.clone(), value.clone())),
            cascade: is_true(properties, CASCADE),
            ..AlterTableOptions::default()
        };
        let moved = self.move_renamed(&old, &mut new).await?;
        if moved {
            // Nobody else may move it in another direction meanwhile.
            options.expected_version = Some(old.version);
            options.move_partitions = true;
        } else if !quiet && new.table_type != TableType::View && new.partition_keys.is_empty() {
            self.directories.count_files(&new.sd.location, &mut new.parameters).await;
        }
        let (target, location) =
            (format!("{}.{}", new.database, new.name), new.sd.location.clone());
        let altered = self.store.alter_table_with(&database, &name, new, options).await;
        if altered.is_err() && moved {
            self.directories.rename_back(&location, &old.sd.location).await;
        }
        match altered {
            Err(err) if err.code() == ErrorCode::TransactionConflict => {
                Err(self.modified(&old, expected).await)
            }
            Err(err) if err.code() == ErrorCode::TableAlreadyExists => {
                Err(invalid_operation(format!("new table {target} already exists")))
            }
            altered => or_throw(altered, MISSING, missing),
        }
    }

    /// What clients recognise a lost race by.
    async fn modified(&self, table: &Table, expected: Option<(&String, &String)>) -> ServiceError {
        let Some((key, expected)) = expected else {
            return meta(format!(
                "The table {}.{} has been modified meanwhile.",
                table.database, table.name
            ));
        };
        let current = self.store.get_table(&table.database, &table.name).await.ok();
        let current = current.and_then(|mut table| table.parameters.remove(key));
        meta(format!(
            "The table has been modified. The parameter value for key '{key}' is '{}'. The \
             expected was value was '{expected}'",
            current.as_deref().unwrap_or("null")
        ))
    }

    /// Moves the directory of a renamed table whose files are ours and lie where a table of its
    /// name lies by default. Says whether it did.
    async fn move_renamed(&self, old: &Table, new: &mut Table) -> Answer<bool> {
        let renamed = (&old.database, &old.name) != (&new.database, &new.name);
        let in_place = new.sd.location.is_empty() || new.sd.location == old.sd.location;
        if !renamed || !in_place || !owns_files(old) || old.sd.location.is_empty() {
            return Ok(false);
        }
        let database = self.find_database(&old.database).await?;
        let by_default = below(&database.location, &old.name);
        if old.sd.location.trim_end_matches('/') != by_default {
            return Ok(false);
        }
        let target = self.find_database(&new.database).await.map_err(|_| {
            invalid_operation(format!(
                "Unable to change partition or table. Database {} does not exist",
                short(&new.database)
            ))
        })?;
        if self.store.get_table(&new.database, &new.name).await.is_ok() {
            let (database, name) = (&new.database, &new.name);
            return Err(invalid_operation(format!("new table {database}.{name} already exists")));
        }
        let location = below(&target.location, &new.name);
        if self.directories.exists(&location).await? {
            return Err(invalid_operation(format!(
                "New location for this table {}.{} already exists : {location}",
                new.database, new.name
            )));
        }
        if !self.directories.rename(&old.sd.location, &location).await? {
            return Ok(false);
        }
        new.sd.location = location;
        Ok(true)
    }
}

fn exists(name: &str) -> ServiceError {
    already_exists(format!("Table {name} already exists"))
}

/// ALTER TABLE declares no exception for a definition that cannot be.
fn as_invalid_operation(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Exception(Exception { kind: ExceptionKind::InvalidObject, message }) => {
            invalid_operation(message)
        }
        other => other,
    }
}

fn check_definition(table: &Table) -> Answer<()> {
    if !is_name(&table.name) {
        return Err(invalid_object(format!("{} is not a valid object name", short(&table.name))));
    }
    for (what, columns) in [("", &table.sd.columns), ("partition ", &table.partition_keys)] {
        for Column { name, hive_type, .. } in columns {
            if name.is_empty() {
                return Err(invalid_object(format!("Invalid {what}column name: {name}")));
            }
            // Types have their names in lower case; the names inside of a struct are free.
            let lower = hive_type.contains('<') || *hive_type == hive_type.to_lowercase();
            if !lower || HiveType::parse(hive_type).is_err() {
                let hive_type = short(hive_type);
                return Err(invalid_object(format!("Invalid {what}column type: {hive_type}")));
            }
        }
    }
    Ok(())
}

/// Refuses changes after which the files could not be read any more.
fn check_change(old: &Table, new: &Table) -> Answer<()> {
    if old.table_type == TableType::View {
        return Ok(());
    }
    let both = old.sd.columns.iter().zip(&new.sd.columns);
    let incompatible: Vec<&str> = both
        .filter(|(old, new)| !is_widened_by(&old.hive_type, &new.hive_type))
        .map(|(_, new)| new.name.as_str())
        .collect();
    if !incompatible.is_empty() {
        return Err(invalid_operation(format!(
            "The following columns have types incompatible with the existing columns in their \
             respective positions :\n{}",
            incompatible.join(",")
        )));
    }
    let key = |column: &Column| (column.name.clone(), column.hive_type.clone());
    if !old.partition_keys.iter().map(key).eq(new.partition_keys.iter().map(key)) {
        return Err(invalid_operation("partition keys can not be changed."));
    }
    Ok(())
}
