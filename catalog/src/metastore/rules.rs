//! What every store of ours demands of definitions, and what it fills in.
//!
//! Names of databases, tables and models are Hive's: ASCII letters, digits and underscores, at
//! most [`MAX_NAME`] bytes, folded to lower case. Columns may have any name without control
//! characters. The empty partition value is NULL, as it is for Hive's directories.

use super::AlterTableOptions;
use crate::hive_type;
use crate::model::{
    CatalogDefinition, Column, ColumnStatistics, Database, EXTERNAL, HIVE_DEFAULT_PARTITION,
    HiveFunction, HivePartition, KeyType, KeyValue, NewModelVersion, OwnerType, Table, TableType,
    partition_name, read_values,
};
use quern_common::{Error, ErrorCode, Result};
use std::collections::HashSet;

/// The database that always exists.
pub(super) const DEFAULT_DATABASE: &str = "default";
/// Longest name of a database, table or model.
pub(super) const MAX_NAME: usize = 128;
/// Longest column name, as in Hive.
const MAX_COLUMN_NAME: usize = 767;
/// Longest partition name: S3's longest key.
const MAX_PARTITION_NAME: usize = 1_024;

/// A partition that was checked against its table.
#[derive(Debug)]
pub(super) struct CheckedPartition {
    /// `k=v/k=v`.
    pub(super) name: String,
    /// The values by type.
    pub(super) key_values: Vec<Option<KeyValue>>,
    /// The partition with everything filled in.
    pub(super) partition: HivePartition,
}

pub(super) fn fold(name: &str) -> String {
    name.to_lowercase()
}

pub(super) fn schema_not_found(name: &str) -> Error {
    Error::new(ErrorCode::SchemaNotFound, format!("schema \"{}\" does not exist", short(name)))
}

pub(super) fn table_not_found(database: &str, name: &str) -> Error {
    Error::new(
        ErrorCode::TableNotFound,
        format!("table \"{}.{}\" does not exist", short(database), short(name)),
    )
}

pub(super) fn table_already_exists(database: &str, name: &str) -> Error {
    Error::new(ErrorCode::TableAlreadyExists, format!("table \"{database}.{name}\" already exists"))
}

pub(super) fn schema_already_exists(name: &str) -> Error {
    Error::new(ErrorCode::SchemaAlreadyExists, format!("schema \"{name}\" already exists"))
}

pub(super) fn schema_not_empty(name: &str) -> Error {
    Error::new(ErrorCode::SchemaNotEmpty, format!("schema \"{name}\" is not empty"))
}

pub(super) fn partition_not_found(table: &Table, name: &str) -> Error {
    let (database, table) = (&table.database, &table.name);
    Error::new(
        ErrorCode::NotFound,
        format!("partition \"{name}\" of table \"{database}.{table}\" does not exist"),
    )
}

pub(super) fn partition_already_exists(table: &Table, name: &str) -> Error {
    let (database, table) = (&table.database, &table.name);
    Error::new(
        ErrorCode::AlreadyExists,
        format!("partition \"{name}\" of table \"{database}.{table}\" already exists"),
    )
}

pub(super) fn model_not_found(database: &str, name: &str, version: Option<i64>) -> Error {
    let (database, name) = (short(database), short(name));
    let message = match version {
        Some(version) => format!("model \"{database}.{name}\" has no version {version}"),
        None => format!("model \"{database}.{name}\" does not exist"),
    };
    Error::new(ErrorCode::ModelNotFound, message)
}

pub(super) fn model_already_exists(model: &NewModelVersion) -> Error {
    Error::new(
        ErrorCode::ModelAlreadyExists,
        format!("model \"{}.{}\" already exists", model.database, model.name),
    )
}

pub(super) fn catalog_not_found(name: &str) -> Error {
    Error::new(ErrorCode::CatalogNotFound, format!("catalog \"{}\" does not exist", short(name)))
}

pub(super) fn catalog_already_exists(name: &str) -> Error {
    Error::new(ErrorCode::AlreadyExists, format!("catalog \"{name}\" already exists"))
}

pub(super) fn function_not_found(database: &str, name: &str) -> Error {
    Error::new(
        ErrorCode::FunctionNotFound,
        format!("function \"{}.{}\" does not exist", short(database), short(name)),
    )
}

pub(super) fn function_already_exists(function: &HiveFunction) -> Error {
    Error::new(
        ErrorCode::AlreadyExists,
        format!("function \"{}.{}\" already exists", function.database, function.name),
    )
}

pub(super) fn version_conflict(table: &Table, expected: i64) -> Error {
    Error::new(
        ErrorCode::TransactionConflict,
        format!(
            "table \"{}.{}\" was changed meanwhile: its version is {}, not {expected}",
            table.database, table.name, table.version
        ),
    )
}

fn parameter_conflict(table: &Table, key: &str, expected: &str) -> Error {
    let found = table.parameters.get(key).map_or("missing", String::as_str);
    Error::new(
        ErrorCode::TransactionConflict,
        format!(
            "table \"{}.{}\" was changed meanwhile: its parameter \"{}\" is \"{}\", not \"{}\"",
            table.database,
            table.name,
            short(key),
            short(found),
            short(expected)
        ),
    )
}

/// Refuses to drop the database that always exists.
pub(super) fn check_droppable(database: &str) -> Result<()> {
    match database {
        DEFAULT_DATABASE => Err(Error::not_supported("dropping the schema \"default\"")),
        _ => Ok(()),
    }
}

/// The database that a new store begins with.
pub(super) fn default_database(warehouse: &str) -> Database {
    Database {
        name: DEFAULT_DATABASE.to_owned(),
        description: Some("Default Hive database".to_owned()),
        location: warehouse.to_owned(),
        owner: Some("public".to_owned()),
        owner_type: Some(OwnerType::Role),
        ..Database::default()
    }
}

/// Checks a database; one without location lies in `<warehouse>/<name>.db`.
pub(super) fn check_database(mut database: Database, warehouse: &str) -> Result<Database> {
    database.name = check_name("schema", &database.name)?;
    if database.location.is_empty() {
        database.location = join(warehouse, &format!("{}.db", database.name));
    }
    Ok(database)
}

/// Checks a table; one without location lies in `<database location>/<name>`.
pub(super) fn check_table(mut table: Table, database_location: &str) -> Result<Table> {
    table.database = fold(&table.database);
    table.name = check_name("table", &table.name)?;
    check_columns(&mut table)?;
    if table.sd.location.is_empty() && table.table_type != TableType::View {
        table.sd.location = join(database_location, &table.name);
    }
    if table.create_time == 0 {
        table.create_time = chrono::Utc::now().timestamp();
    }
    if table.table_type == TableType::External {
        // How Hive and its clients tell.
        table.parameters.entry(EXTERNAL.to_owned()).or_insert_with(|| "TRUE".to_owned());
    }
    Ok(table)
}

/// Checks the definition that replaces `old`. Its version is the store's to set.
pub(super) fn check_altered_table(
    old: &Table,
    mut new: Table,
    options: &AlterTableOptions,
) -> Result<Table> {
    if let Some(expected) = options.expected_version.filter(|e| *e != old.version) {
        return Err(version_conflict(old, expected));
    }
    if let Some((key, expected)) = &options.expected_parameter
        && old.parameters.get(key) != Some(expected)
    {
        return Err(parameter_conflict(old, key, expected));
    }
    if new.sd.location.is_empty() {
        new.sd.location.clone_from(&old.sd.location);
    }
    let new = check_table(new, "")?;
    let key = |c: &Column| (c.name.clone(), c.hive_type.clone());
    if !old.partition_keys.iter().map(key).eq(new.partition_keys.iter().map(key)) {
        return Err(invalid(format!(
            "the partition keys of table \"{}.{}\" cannot be changed",
            old.database, old.name
        )));
    }
    Ok(new)
}

/// Whether the statistics of `column` still speak of a column of `table`.
pub(super) fn statistics_survive(column: &str, old: &Table, new: &Table) -> bool {
    let type_of = |table: &Table| find_column(table, column).map(|c| c.hive_type.clone());
    type_of(new).is_some_and(|t| Some(t) == type_of(old))
}

/// A location that follows a directory from `old` to `new`, if it is that or lies in it.
pub(super) fn moved(location: &str, old: &str, new: &str) -> Option<String> {
    let rest = location.strip_prefix(old.trim_end_matches('/'))?;
    let inside = rest.is_empty() || rest.starts_with('/');
    inside.then(|| format!("{}{rest}", new.trim_end_matches('/')))
}

/// Checks statistics of columns of a table or of its partitions.
pub(super) fn check_statistics(
    table: &Table,
    mut columns: Vec<ColumnStatistics>,
) -> Result<Vec<ColumnStatistics>> {
    for column in &mut columns {
        column.column = fold(&column.column);
        check_has_column(table, &column.column)?;
    }
    Ok(columns)
}

pub(super) fn check_function(mut function: HiveFunction) -> Result<HiveFunction> {
    function.database = fold(&function.database);
    function.name = check_name("function", &function.name)?;
    if function.create_time == 0 {
        function.create_time = chrono::Utc::now().timestamp();
    }
    Ok(function)
}

pub(super) fn check_catalog(mut catalog: CatalogDefinition) -> Result<CatalogDefinition> {
    catalog.name = check_name("catalog", &catalog.name)?;
    if catalog.create_time == 0 {
        catalog.create_time = chrono::Utc::now().timestamp();
    }
    Ok(catalog)
}

fn check_has_column(table: &Table, column: &str) -> Result<()> {
    match find_column(table, column) {
        Some(_) => Ok(()),
        None => Err(Error::new(
            ErrorCode::ColumnNotFound,
            format!(
                "table \"{}.{}\" has no column \"{}\"",
                table.database,
                table.name,
                short(column)
            ),
        )),
    }
}

fn find_column<'a>(table: &'a Table, name: &str) -> Option<&'a Column> {
    table.sd.columns.iter().chain(&table.partition_keys).find(|c| c.name == name)
}

/// Checks partitions of `table`; one without location lies in `<table location>/<name>`.
pub(super) fn check_partitions(
    table: &Table,
    partitions: Vec<HivePartition>,
) -> Result<Vec<CheckedPartition>> {
    if table.partition_keys.is_empty() && !partitions.is_empty() {
        return Err(invalid(format!(
            "table \"{}.{}\" is not partitioned",
            table.database, table.name
        )));
    }
    partitions.into_iter().map(|partition| check_partition(table, partition)).collect()
}

/// As [`check_partitions`], for partitions that are new.
pub(super) fn check_new_partitions(
    table: &Table,
    partitions: Vec<HivePartition>,
) -> Result<Vec<CheckedPartition>> {
    let now = chrono::Utc::now().timestamp();
    let mut checked = check_partitions(table, partitions)?;
    for new in checked.iter_mut().filter(|new| new.partition.create_time == 0) {
        new.partition.create_time = now;
    }
    Ok(checked)
}

/// Checks one partition, as [`check_partitions`].
pub(super) fn check_partition(
    table: &Table,
    mut partition: HivePartition,
) -> Result<CheckedPartition> {
    let key_values = read_values(&table.partition_keys, &partition.values)?;
    let name = name_of(table, &mut partition.values)?;
    if partition.sd.location.is_empty() {
        partition.sd.location = join(&table.sd.location, &name);
    }
    for column in &mut partition.sd.columns {
        column.name = fold(&column.name);
        hive_type::HiveType::parse(&column.hive_type)?;
    }
    Ok(CheckedPartition { name, key_values, partition })
}

/// The names of the partitions with these values.
pub(super) fn names_of(table: &Table, values: Vec<Vec<String>>) -> Result<Vec<String>> {
    values.into_iter().map(|mut values| name_of(table, &mut values)).collect()
}

/// The name of the partition with these values, after making NULL of the empty ones.
pub(super) fn name_of(table: &Table, values: &mut [String]) -> Result<String> {
    if values.len() != table.partition_keys.len() {
        // Says how many there are and how many there should be.
        read_values(&table.partition_keys, values)?;
    }
    for value in values.iter_mut().filter(|value| value.is_empty()) {
        HIVE_DEFAULT_PARTITION.clone_into(value);
    }
    let name = partition_name(&table.partition_keys, values);
    if name.len() > MAX_PARTITION_NAME {
        return Err(Error::new(
            ErrorCode::HiveInvalidPartitionValue,
            format!(
                "partition name \"{}\" has {} bytes, more than {MAX_PARTITION_NAME}",
                short(&name),
                name.len()
            ),
        ));
    }
    Ok(name)
}

pub(super) fn check_model(mut model: NewModelVersion) -> Result<NewModelVersion> {
    model.database = fold(&model.database);
    model.name = check_name("model", &model.name)?;
    Ok(model)
}

/// `base/name` without a double slash.
pub(super) fn join(base: &str, name: &str) -> String {
    format!("{}/{name}", base.trim_end_matches('/'))
}

/// Whether a name can be that of a database, table, model or function.
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn check_name(what: &str, name: &str) -> Result<String> {
    if is_name(name) {
        return Ok(fold(name));
    }
    Err(invalid(format!(
        "\"{}\" is not a valid {what} name: 1 to {MAX_NAME} letters, digits and underscores",
        short(name)
    )))
}

fn check_columns(table: &mut Table) -> Result<()> {
    let mut names = HashSet::new();
    for column in table.sd.columns.iter_mut().chain(&mut table.partition_keys) {
        column.name = fold(&column.name);
        let name = &column.name;
        if name.is_empty() || name.len() > MAX_COLUMN_NAME || name.contains(char::is_control) {
            return Err(invalid(format!("\"{}\" is not a valid column name", short(name))));
        }
        hive_type::schema_of(std::slice::from_ref(column))?;
        if !names.insert(name.clone()) {
            return Err(Error::new(
                ErrorCode::DuplicateColumnName,
                format!("column \"{name}\" is there twice"),
            ));
        }
    }
    for key in &table.partition_keys {
        KeyType::of(key)?;
    }
    Ok(())
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(ErrorCode::HiveInvalidMetadata, message)
}

/// The start of a text that may be hostile, for a message.
pub(super) fn short(text: &str) -> String {
    const SHOWN: usize = 100;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
