//! The model as the Hive metastore's types, and back.
//!
//! Nothing of ours is lost on the way to Hive and back, but for a table's version, which Hive
//! has not. Of Hive's fields those are dropped that only Hive itself acts on: privileges,
//! catalogue names and write ids. Names are folded to lower case on the way in.

mod statistics;

pub(in crate::metastore) use statistics::{aggregate, statistics_from_hive, statistics_to_hive};

use crate::metastore::rules::fold;
use crate::model::{
    Column, Database, EXTERNAL, FunctionResource, HiveFunction, HivePartition, LockComponent,
    LockMode, OwnerType, ResourceKind, SerDe, SkewedInfo, SortColumn, StorageDescriptor, Table,
    TableType,
};
use quern_common::{Error, Result};
use quern_proto::hive_metastore::types as hive;

/// Hive's times are 32 bits wide.
pub(in crate::metastore) fn seconds(time: i64) -> i32 {
    i32::try_from(time).unwrap_or(if time < 0 { 0 } else { i32::MAX })
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn owner_type_to_hive(owner: OwnerType) -> hive::PrincipalType {
    match owner {
        OwnerType::User => hive::PrincipalType::User,
        OwnerType::Role => hive::PrincipalType::Role,
        OwnerType::Group => hive::PrincipalType::Group,
    }
}

fn owner_type_from_hive(owner: hive::PrincipalType) -> Option<OwnerType> {
    match owner {
        hive::PrincipalType::User => Some(OwnerType::User),
        hive::PrincipalType::Role => Some(OwnerType::Role),
        hive::PrincipalType::Group => Some(OwnerType::Group),
        hive::PrincipalType::Unknown(_) => None,
    }
}

pub(in crate::metastore) fn database_to_hive(database: Database) -> hive::Database {
    hive::Database {
        name: Some(database.name),
        description: database.description,
        location_uri: some(database.location),
        parameters: Some(database.parameters),
        owner_name: database.owner,
        owner_type: database.owner_type.map(owner_type_to_hive),
        ..hive::Database::default()
    }
}

pub(in crate::metastore) fn database_from_hive(database: hive::Database) -> Database {
    Database {
        name: fold(&database.name.unwrap_or_default()),
        description: database.description,
        location: database.location_uri.unwrap_or_default(),
        owner: database.owner_name,
        owner_type: database.owner_type.and_then(owner_type_from_hive),
        parameters: database.parameters.unwrap_or_default(),
    }
}

pub(in crate::metastore) fn column_to_hive(column: Column) -> hive::FieldSchema {
    hive::FieldSchema {
        name: Some(column.name),
        type_name: Some(column.hive_type),
        comment: column.comment,
    }
}

fn column_from_hive(field: hive::FieldSchema) -> Column {
    Column {
        name: fold(&field.name.unwrap_or_default()),
        hive_type: field.type_name.unwrap_or_default(),
        comment: field.comment,
    }
}

fn columns_from_hive(fields: Option<Vec<hive::FieldSchema>>) -> Vec<Column> {
    fields.unwrap_or_default().into_iter().map(column_from_hive).collect()
}

fn columns_to_hive(columns: Vec<Column>) -> Option<Vec<hive::FieldSchema>> {
    Some(columns.into_iter().map(column_to_hive).collect())
}

fn storage_to_hive(sd: StorageDescriptor) -> hive::StorageDescriptor {
    let order = |column: SortColumn| hive::Order { col: Some(column.name), order: column.order };
    hive::StorageDescriptor {
        cols: columns_to_hive(sd.columns),
        location: some(sd.location),
        input_format: some(sd.input_format),
        output_format: some(sd.output_format),
        compressed: sd.compressed,
        num_buckets: sd.num_buckets,
        serde_info: Some(hive::SerDeInfo {
            name: sd.serde.name,
            serialization_lib: some(sd.serde.library),
            parameters: Some(sd.serde.parameters),
            ..hive::SerDeInfo::default()
        }),
        bucket_cols: Some(sd.bucket_columns),
        sort_cols: Some(sd.sort_columns.into_iter().map(order).collect()),
        parameters: Some(sd.parameters),
        skewed_info: Some(hive::SkewedInfo {
            skewed_col_names: Some(sd.skewed.columns),
            skewed_col_values: Some(sd.skewed.values),
            skewed_col_value_location_maps: Some(sd.skewed.locations),
        }),
        stored_as_sub_directories: Some(sd.stored_as_sub_directories),
    }
}

fn storage_from_hive(sd: hive::StorageDescriptor) -> StorageDescriptor {
    let serde = sd.serde_info.unwrap_or_default();
    let skewed = sd.skewed_info.unwrap_or_default();
    let sort_column =
        |order: hive::Order| SortColumn { name: order.col.unwrap_or_default(), order: order.order };
    StorageDescriptor {
        columns: columns_from_hive(sd.cols),
        location: sd.location.unwrap_or_default(),
        input_format: sd.input_format.unwrap_or_default(),
        output_format: sd.output_format.unwrap_or_default(),
        serde: SerDe {
            name: serde.name,
            library: serde.serialization_lib.unwrap_or_default(),
            parameters: serde.parameters.unwrap_or_default(),
        },
        bucket_columns: sd.bucket_cols.unwrap_or_default(),
        num_buckets: sd.num_buckets,
        sort_columns: sd.sort_cols.unwrap_or_default().into_iter().map(sort_column).collect(),
        compressed: sd.compressed,
        skewed: SkewedInfo {
            columns: skewed.skewed_col_names.unwrap_or_default(),
            values: skewed.skewed_col_values.unwrap_or_default(),
            locations: skewed.skewed_col_value_location_maps.unwrap_or_default(),
        },
        stored_as_sub_directories: sd.stored_as_sub_directories.unwrap_or_default(),
        parameters: sd.parameters.unwrap_or_default(),
    }
}

pub(in crate::metastore) fn table_to_hive(mut table: Table) -> hive::Table {
    if table.table_type == TableType::External {
        table.parameters.entry(EXTERNAL.to_owned()).or_insert_with(|| "TRUE".to_owned());
    }
    hive::Table {
        table_name: Some(table.name),
        db_name: Some(table.database),
        owner: table.owner,
        create_time: seconds(table.create_time),
        last_access_time: seconds(table.last_access_time),
        retention: table.retention,
        sd: Some(storage_to_hive(table.sd)),
        partition_keys: columns_to_hive(table.partition_keys),
        parameters: Some(table.parameters),
        view_original_text: table.view_original_text,
        view_expanded_text: table.view_expanded_text,
        table_type: Some(table.table_type.hive_name().to_owned()),
        temporary: table.temporary.then_some(true),
        rewrite_enabled: Some(false),
        owner_type: table.owner_type.map(owner_type_to_hive),
        ..hive::Table::default()
    }
}

/// Reads a table.
///
/// # Errors
/// `NOT_SUPPORTED` for a type of table that we do not have.
pub(in crate::metastore) fn table_from_hive(table: hive::Table) -> Result<Table> {
    let table_type = table_type(&table)?;
    Ok(Table {
        database: fold(&table.db_name.unwrap_or_default()),
        name: fold(&table.table_name.unwrap_or_default()),
        owner: table.owner,
        owner_type: table.owner_type.and_then(owner_type_from_hive),
        create_time: table.create_time.into(),
        last_access_time: table.last_access_time.into(),
        retention: table.retention,
        temporary: table.temporary.unwrap_or_default(),
        sd: storage_from_hive(table.sd.unwrap_or_default()),
        partition_keys: columns_from_hive(table.partition_keys),
        parameters: table.parameters.unwrap_or_default(),
        table_type,
        view_original_text: table.view_original_text,
        view_expanded_text: table.view_expanded_text,
        version: 0,
    })
}

/// As Hive does it: whether a table is external is what its parameter says, whatever its type
/// says.
fn table_type(table: &hive::Table) -> Result<TableType> {
    let parameter = table.parameters.as_ref().and_then(|p| p.get(EXTERNAL));
    let external = parameter.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let by_parameter = if external { TableType::External } else { TableType::Managed };
    let named = match table.table_type.as_deref() {
        None | Some("") => {
            return Ok(match table.view_original_text {
                Some(_) => TableType::View,
                None => by_parameter,
            });
        }
        Some(name) => name,
    };
    match TableType::from_hive_name(named) {
        Some(TableType::Managed | TableType::External) => Ok(by_parameter),
        Some(TableType::View) => Ok(TableType::View),
        // Its rows are files that somebody else owns.
        None if named == "MATERIALIZED_VIEW" => Ok(TableType::External),
        None => Err(Error::not_supported(format_args!("table type \"{named}\""))),
    }
}

pub(in crate::metastore) fn partition_to_hive(
    database: &str,
    table: &str,
    partition: HivePartition,
) -> hive::Partition {
    hive::Partition {
        values: Some(partition.values),
        db_name: Some(database.to_owned()),
        table_name: Some(table.to_owned()),
        create_time: seconds(partition.create_time),
        last_access_time: seconds(partition.last_access_time),
        sd: Some(storage_to_hive(partition.sd)),
        parameters: Some(partition.parameters),
        ..hive::Partition::default()
    }
}

pub(in crate::metastore) fn partition_from_hive(partition: hive::Partition) -> HivePartition {
    HivePartition {
        values: partition.values.unwrap_or_default(),
        create_time: partition.create_time.into(),
        last_access_time: partition.last_access_time.into(),
        sd: storage_from_hive(partition.sd.unwrap_or_default()),
        parameters: partition.parameters.unwrap_or_default(),
    }
}

pub(in crate::metastore) fn function_to_hive(function: HiveFunction) -> hive::Function {
    let resource = |resource: FunctionResource| hive::ResourceUri {
        resource_type: Some(match resource.kind {
            ResourceKind::Jar => hive::ResourceType::Jar,
            ResourceKind::File => hive::ResourceType::File,
            ResourceKind::Archive => hive::ResourceType::Archive,
        }),
        uri: Some(resource.uri),
    };
    hive::Function {
        function_name: Some(function.name),
        db_name: Some(function.database),
        class_name: Some(function.class_name),
        owner_name: function.owner,
        owner_type: function.owner_type.map(owner_type_to_hive),
        create_time: seconds(function.create_time),
        function_type: Some(hive::FunctionType::Java),
        resource_uris: Some(function.resources.into_iter().map(resource).collect()),
        cat_name: None,
    }
}

/// Reads a function.
///
/// # Errors
/// `NOT_SUPPORTED` for one that is not in Java, or needs a kind of file that we do not know.
pub(in crate::metastore) fn function_from_hive(function: hive::Function) -> Result<HiveFunction> {
    if let Some(hive::FunctionType::Unknown(number)) = function.function_type {
        return Err(Error::not_supported(format_args!("function type {number}")));
    }
    let resource = |resource: hive::ResourceUri| {
        let kind = match resource.resource_type.unwrap_or_default() {
            hive::ResourceType::Jar => ResourceKind::Jar,
            hive::ResourceType::File => ResourceKind::File,
            hive::ResourceType::Archive => ResourceKind::Archive,
            hive::ResourceType::Unknown(number) => {
                return Err(Error::not_supported(format_args!("resource type {number}")));
            }
        };
        Ok(FunctionResource { kind, uri: resource.uri.unwrap_or_default() })
    };
    let resources = function.resource_uris.unwrap_or_default().into_iter().map(resource);
    Ok(HiveFunction {
        database: fold(&function.db_name.unwrap_or_default()),
        name: fold(&function.function_name.unwrap_or_default()),
        class_name: function.class_name.unwrap_or_default(),
        owner: function.owner_name,
        owner_type: function.owner_type.and_then(owner_type_from_hive),
        create_time: function.create_time.into(),
        resources: resources.collect::<Result<_>>()?,
    })
}

pub(in crate::metastore) fn lock_mode_to_hive(mode: LockMode) -> hive::LockType {
    match mode {
        LockMode::SharedRead => hive::LockType::SharedRead,
        LockMode::SharedWrite => hive::LockType::SharedWrite,
        LockMode::ExclusiveWrite => hive::LockType::ExclWrite,
        LockMode::Exclusive => hive::LockType::Exclusive,
    }
}

/// A kind of lock that is not known bears nobody.
fn lock_mode_from_hive(lock_type: hive::LockType) -> LockMode {
    match lock_type {
        hive::LockType::SharedRead => LockMode::SharedRead,
        hive::LockType::SharedWrite => LockMode::SharedWrite,
        hive::LockType::ExclWrite => LockMode::ExclusiveWrite,
        hive::LockType::Exclusive | hive::LockType::Unknown(_) => LockMode::Exclusive,
    }
}

pub(in crate::metastore) fn lock_component_from_hive(
    component: hive::LockComponent,
) -> LockComponent {
    LockComponent {
        mode: lock_mode_from_hive(component.lock_type),
        database: fold(&component.dbname),
        table: component.tablename.as_deref().map(fold),
        partition: component.partitionname,
    }
}

pub(in crate::metastore) fn lock_component_to_hive(
    component: LockComponent,
) -> hive::LockComponent {
    let level = match (&component.table, &component.partition) {
        (None, _) => hive::LockLevel::Db,
        (Some(_), None) => hive::LockLevel::Table,
        (Some(_), Some(_)) => hive::LockLevel::Partition,
    };
    hive::LockComponent {
        lock_type: lock_mode_to_hive(component.mode),
        level,
        dbname: component.database,
        tablename: component.table,
        partitionname: component.partition,
        operation_type: Some(hive::DataOperationType::NoTxn),
        is_transactional: Some(false),
        is_dynamic_partition_write: None,
    }
}

#[cfg(test)]
mod tests;
