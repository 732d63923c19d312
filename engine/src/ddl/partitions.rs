//! ALTER TABLE ADD and DROP PARTITION.

use super::operations::Done;
use super::{DdlExecutor, DdlOutcome, now_seconds};
use crate::session::Session;
use crate::statement::{DropPartitions, PartitionAddition, PartitionSpec, TableName};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::arrow::datatypes::DataType;
use quern_catalog::hive_type;
use quern_catalog::model::{
    Column, CompareOp, HIVE_DEFAULT_PARTITION, HivePartition, LAST_DDL_TIME, Parameters,
    PartitionFilter, PartitionValue, QUERY_ID, StorageDescriptor, Table, TableType, partition_name,
};
use quern_common::{Error, ErrorCode, Result};
use std::collections::{BTreeMap, BTreeSet, HashSet};

impl DdlExecutor {
    pub(super) async fn add_partitions(
        &self,
        session: &Session,
        name: &TableName,
        additions: &[PartitionAddition],
        if_not_exists: bool,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        let table = self.base_table(&target).await?;
        let mut partitions = vec![];
        for addition in additions {
            let values = values_of(&table, &addition.spec)?;
            let location = match &addition.location {
                Some(location) => self.storage.check(location)?,
                None => {
                    let default = default_location(&table, &values);
                    self.storage.check(&default)?
                }
            };
            partitions.push(self.new_partition(&table, values, location));
        }
        if table.table_type == TableType::Managed {
            for partition in &partitions {
                self.storage.create_dir(&partition.sd.location).await?;
            }
        }
        let added = target.metastore.add_partitions(
            &target.schema,
            &target.name,
            partitions,
            if_not_exists,
        );
        let added = added.await?;
        let given: BTreeSet<&String> =
            additions.iter().filter_map(|addition| addition.location.as_ref()).collect();
        let source_location = match given.len() {
            1 => given.first().map(|location| (*location).clone()),
            _ => None,
        };
        let operation = "ADD PARTITION";
        let done = Done { operation, source_location, partitions: Some(added) };
        self.record(session, &target, done).await;
        Ok(DdlOutcome::Done { rows: i64::try_from(added).ok() })
    }

    pub(super) async fn drop_partitions(
        &self,
        session: &Session,
        name: &TableName,
        groups: &[DropPartitions],
        if_exists: bool,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        let table = self.base_table(&target).await?;
        need_keys(&table)?;
        let mut dropped: BTreeMap<Vec<String>, String> = BTreeMap::new();
        for group in groups {
            let filter = condition_filter(&table, &group.conditions)?;
            let found = target
                .metastore
                .get_partitions(&target.schema, &target.name, &filter, None)
                .await?;
            if found.is_empty() && !if_exists {
                return Err(Error::new(
                    ErrorCode::NotFound,
                    format!("table \"{target}\" has no such partition"),
                )
                .with_hint("use DROP IF EXISTS PARTITION"));
            }
            dropped.extend(found.into_iter().map(|p| (p.values, p.sd.location)));
        }
        let values = dropped.keys().cloned().collect();
        let n =
            target.metastore.drop_partitions(&target.schema, &target.name, values, true).await?;
        if table.table_type == TableType::Managed {
            for location in dropped.values().filter(|location| lies_in(&table, location)) {
                self.delete_files(location).await;
            }
        }
        let operation = "DROP PARTITION";
        let done = Done { operation, source_location: None, partitions: Some(n) };
        self.record(session, &target, done).await;
        Ok(DdlOutcome::Done { rows: i64::try_from(n).ok() })
    }

    /// A partition of a table, stored as the table is, with the query that made it.
    pub(super) fn new_partition(
        &self,
        table: &Table,
        values: Vec<String>,
        location: String,
    ) -> HivePartition {
        let now = now_seconds();
        let mut parameters = Parameters::from([(LAST_DDL_TIME.to_owned(), now.to_string())]);
        if let Some(id) = &self.query_id {
            parameters.insert(QUERY_ID.to_owned(), id.as_str().to_owned());
        }
        HivePartition {
            values,
            create_time: now,
            sd: StorageDescriptor { location, ..table.sd.clone() },
            parameters,
            ..HivePartition::default()
        }
    }
}

/// Refuses a table without partition keys.
pub(crate) fn need_keys(table: &Table) -> Result<()> {
    match table.partition_keys.is_empty() {
        false => Ok(()),
        true => Err(Error::new(
            ErrorCode::GenericUserError,
            format!("table \"{}.{}\" is not partitioned", table.database, table.name),
        )),
    }
}

/// Whether a location is within the table's directory.
pub(crate) fn lies_in(table: &Table, location: &str) -> bool {
    let base = table.sd.location.trim_end_matches('/');
    location.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'))
}

/// Where a partition is when nobody says otherwise.
pub(crate) fn default_location(table: &Table, values: &[String]) -> String {
    let base = table.sd.location.trim_end_matches('/');
    format!("{base}/{}", partition_name(&table.partition_keys, values))
}

/// The values of a complete spec in the order of the keys, checked against their types.
fn values_of(table: &Table, spec: &PartitionSpec) -> Result<Vec<String>> {
    need_keys(table)?;
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, value) in spec {
        if !table.partition_keys.iter().any(|known| known.name == *key) {
            return Err(no_key(table, key));
        }
        if given.insert(key, value).is_some() {
            return Err(Error::new(
                ErrorCode::GenericUserError,
                format!("partition key \"{key}\" is given twice"),
            ));
        }
    }
    let values = table.partition_keys.iter().map(|key| {
        let value = given.get(key.name.as_str()).copied().ok_or_else(|| {
            Error::new(
                ErrorCode::GenericUserError,
                format!("partition key \"{}\" has no value", key.name),
            )
        })?;
        Ok(if value.is_empty() { HIVE_DEFAULT_PARTITION.to_owned() } else { value.to_owned() })
    });
    let values = values.collect::<Result<Vec<_>>>()?;
    check_values(table, &values)?;
    Ok(values)
}

/// Checks values against the types of their keys.
pub(crate) fn check_values(table: &Table, values: &[String]) -> Result<()> {
    PartitionFilter::All.matches(&table.partition_keys, values).map(|_| ())
}

fn no_key(table: &Table, key: &str) -> Error {
    let keys: Vec<_> = table.partition_keys.iter().map(|k| k.name.as_str()).collect();
    Error::new(
        ErrorCode::ColumnNotFound,
        format!("\"{key}\" is no partition key of \"{}.{}\"", table.database, table.name),
    )
    .with_hint(format!("its keys are {}", keys.join(", ")))
}

/// The filter for a spec, which may leave keys out.
pub(crate) fn spec_filter(table: &Table, spec: &PartitionSpec) -> Result<PartitionFilter> {
    let equal = spec.iter().map(|(key, value)| (key.clone(), CompareOp::Eq, value.clone()));
    condition_filter(table, &equal.collect::<Vec<_>>())
}

fn condition_filter(
    table: &Table,
    conditions: &[(String, CompareOp, String)],
) -> Result<PartitionFilter> {
    let mut seen = HashSet::new();
    let parts = conditions.iter().map(|(name, op, value)| {
        let key = table.partition_keys.iter().find(|key| key.name == *name);
        let key = key.ok_or_else(|| no_key(table, name))?;
        if *op == CompareOp::Eq && !seen.insert(name) {
            return Err(Error::new(
                ErrorCode::GenericUserError,
                format!("partition key \"{name}\" is given twice"),
            ));
        }
        let key_name = key.name.clone();
        match op {
            CompareOp::Eq if value == HIVE_DEFAULT_PARTITION || value.is_empty() => {
                Ok(PartitionFilter::IsNull { key: key_name })
            }
            _ => Ok(PartitionFilter::Compare {
                key: key_name,
                op: *op,
                value: partition_value(key, value)?,
            }),
        }
    });
    Ok(PartitionFilter::And(parts.collect::<Result<_>>()?))
}

/// Reads a text as a value of a key's type.
fn partition_value(key: &Column, text: &str) -> Result<PartitionValue> {
    let data_type = hive_type::data_type_of(&key.hive_type)?;
    let value = match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            text.parse().ok().map(PartitionValue::Int)
        }
        DataType::Date32 => days_of(text).map(PartitionValue::Date),
        DataType::Timestamp(..) => micros_of(text).map(PartitionValue::Timestamp),
        DataType::Boolean => text.to_ascii_lowercase().parse().ok().map(PartitionValue::Bool),
        DataType::Float32 | DataType::Float64 => text.parse().ok().map(PartitionValue::Double),
        DataType::Decimal128(..) => Some(PartitionValue::Decimal(text.to_owned())),
        _ => Some(PartitionValue::Text(text.to_owned())),
    };
    value.ok_or_else(|| {
        Error::new(
            ErrorCode::HiveInvalidPartitionValue,
            format!(
                "\"{text}\" is no value of partition key \"{}\", which is {}",
                key.name, key.hive_type
            ),
        )
    })
}

fn days_of(text: &str) -> Option<i32> {
    let date: NaiveDate = text.parse().ok()?;
    let epoch = NaiveDate::default();
    i32::try_from(date.signed_duration_since(epoch).num_days()).ok()
}

fn micros_of(text: &str) -> Option<i64> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(time.and_utc().timestamp_micros())
}
