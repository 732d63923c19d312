//! The JSON in which parts of definitions are stored. Field names are a file format.

use crate::model::{
    Column, OwnerType, Parameters, SerDe, SkewedInfo, SortColumn, StorageDescriptor,
};
use quern_common::{Error, ErrorCode, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|err| Error::internal(format!("a definition cannot be written as JSON: {err}")))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|err| {
        let message = format!("the metastore's database holds a broken definition: {err}");
        Error::new(ErrorCode::HiveMetastoreError, message).with_source(err)
    })
}

/// Reads the kind of an owner, which is there by Hive's name or not at all.
pub(super) fn owner_type(name: Option<String>) -> Result<Option<OwnerType>> {
    let read = |name: String| {
        OwnerType::from_hive_name(&name).ok_or_else(|| {
            let message = format!("the metastore's database holds an owner of type \"{name}\"");
            Error::new(ErrorCode::HiveMetastoreError, message)
        })
    };
    name.map(read).transpose()
}

/// A column.
#[derive(Serialize, Deserialize)]
pub(super) struct ColumnRecord {
    name: String,
    #[serde(rename = "type")]
    hive_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// A storage descriptor.
#[derive(Serialize, Deserialize)]
pub(super) struct StorageRecord {
    columns: Vec<ColumnRecord>,
    location: String,
    input_format: String,
    output_format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serde_name: Option<String>,
    serde: String,
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    serde_parameters: Parameters,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bucket_columns: Vec<String>,
    num_buckets: i32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sort_columns: Vec<SortColumn>,
    #[serde(default, skip_serializing_if = "is_false")]
    compressed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skewed_columns: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skewed_values: Vec<Vec<String>>,
    /// JSON's keys are text alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skewed_locations: Vec<(Vec<String>, String)>,
    #[serde(default, skip_serializing_if = "is_false")]
    stored_as_sub_directories: bool,
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    parameters: Parameters,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

pub(super) fn columns_to_json(columns: &[Column]) -> Result<String> {
    let records: Vec<_> = columns.iter().cloned().map(ColumnRecord::from).collect();
    to_json(&records)
}

pub(super) fn columns_from_json(text: &str) -> Result<Vec<Column>> {
    let records: Vec<ColumnRecord> = from_json(text)?;
    Ok(records.into_iter().map(Column::from).collect())
}

pub(super) fn storage_to_json(sd: &StorageDescriptor) -> Result<String> {
    to_json(&StorageRecord::from(sd.clone()))
}

pub(super) fn storage_from_json(text: &str) -> Result<StorageDescriptor> {
    from_json::<StorageRecord>(text).map(StorageDescriptor::from)
}

impl From<Column> for ColumnRecord {
    fn from(column: Column) -> Self {
        Self { name: column.name, hive_type: column.hive_type, comment: column.comment }
    }
}

impl From<ColumnRecord> for Column {
    fn from(record: ColumnRecord) -> Self {
        Self { name: record.name, hive_type: record.hive_type, comment: record.comment }
    }
}

impl From<StorageDescriptor> for StorageRecord {
    fn from(sd: StorageDescriptor) -> Self {
        Self {
            columns: sd.columns.into_iter().map(ColumnRecord::from).collect(),
            location: sd.location,
            input_format: sd.input_format,
            output_format: sd.output_format,
            serde_name: sd.serde.name,
            serde: sd.serde.library,
            serde_parameters: sd.serde.parameters,
            bucket_columns: sd.bucket_columns,
            num_buckets: sd.num_buckets,
            sort_columns: sd.sort_columns,
            compressed: sd.compressed,
            skewed_columns: sd.skewed.columns,
            skewed_values: sd.skewed.values,
            skewed_locations: sd.skewed.locations.into_iter().collect(),
            stored_as_sub_directories: sd.stored_as_sub_directories,
            parameters: sd.parameters,
        }
    }
}

impl From<StorageRecord> for StorageDescriptor {
    fn from(record: StorageRecord) -> Self {
        Self {
            columns: record.columns.into_iter().map(Column::from).collect(),
            location: record.location,
            input_format: record.input_format,
            output_format: record.output_format,
            serde: SerDe {
                name: record.serde_name,
                library: record.serde,
                parameters: record.serde_parameters,
            },
            bucket_columns: record.bucket_columns,
            num_buckets: record.num_buckets,
            sort_columns: record.sort_columns,
            compressed: record.compressed,
            skewed: SkewedInfo {
                columns: record.skewed_columns,
                values: record.skewed_values,
                locations: record.skewed_locations.into_iter().collect(),
            },
            stored_as_sub_directories: record.stored_as_sub_directories,
            parameters: record.parameters,
        }
    }
}
