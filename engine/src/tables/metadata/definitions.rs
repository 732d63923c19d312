//! What the metastores say of schemas, tables, columns and partitions, with what people and
//! statements said of them beside it.

use super::knowledge::{Said, annotations_of, last_operations};
use super::listing::{Listing, SchemaAt, in_catalog, unless_gone};
use super::provider::Request;
use super::rows::{Cell, ColumnKind, Columns, Rows};
use datafusion::arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};
use quern_catalog::hive_type;
use quern_catalog::model::{
    COMMENT, Column, ColumnStatistics, HivePartition, LAST_DDL_TIME, OwnerType, Parameters,
    PartitionFilter, QUERY_ID, StorageDescriptor, StorageFormat, Table, TableStatistics, TableType,
    parse_partition_name, partition_name,
};
use quern_common::Result;
use std::collections::BTreeMap;

use ColumnKind::{Flag, Number, Text, Time};

pub(super) const SCHEMAS: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("comment", Text),
    ("owner", Text),
    ("owner_type", Text),
    ("location", Text),
    ("sensitivity", Text),
    ("tags", Text),
    ("terms", Text),
];

pub(super) const TABLES: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("table_name", Text),
    ("table_type", Text),
    ("format", Text),
    ("location", Text),
    ("partition_keys", Text),
    ("comment", Text),
    ("owner", Text),
    ("owner_type", Text),
    ("sensitivity", Text),
    ("tags", Text),
    ("terms", Text),
    ("row_count", Number),
    ("total_bytes", Number),
    ("file_count", Number),
    ("created_at", Time),
    ("last_ddl_at", Time),
    ("last_operation", Text),
    ("last_operation_at", Time),
    ("last_operation_by", Text),
    ("last_query_id", Text),
    ("source_location", Text),
];

pub(super) const COLUMNS: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("table_name", Text),
    ("column_name", Text),
    ("ordinal_position", Number),
    ("data_type", Text),
    ("hive_type", Text),
    ("is_partition_key", Flag),
    ("comment", Text),
    ("sensitivity", Text),
    ("tags", Text),
    ("terms", Text),
    ("null_count", Number),
    ("distinct_count", Number),
    ("min_value", Text),
    ("max_value", Text),
];

pub(super) const PARTITIONS: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("table_name", Text),
    ("partition_name", Text),
    ("format", Text),
    ("location", Text),
    ("row_count", Number),
    ("total_bytes", Number),
    ("file_count", Number),
    ("created_at", Time),
    ("last_written_at", Time),
    ("query_id", Text),
];

/// In which parameters engines leave the id of the query that wrote something.
const QUERY_IDS: [&str; 3] = [QUERY_ID, "trino_query_id", "presto_query_id"];

/// Columns of ours that annotations fill.
const ANNOTATED: [&str; 3] = ["sensitivity", "tags", "terms"];
const STATISTICS: [&str; 3] = ["row_count", "total_bytes", "file_count"];
const COLUMN_STATISTICS: [&str; 4] = ["null_count", "distinct_count", "min_value", "max_value"];
const OPERATION: [&str; 5] = [
    "last_operation",
    "last_operation_at",
    "last_operation_by",
    "last_query_id",
    "source_location",
];

/// `system.metadata.schemas`.
pub(super) async fn schemas(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let said = said(listing, request).await?;
    let mut rows = Rows::new(SCHEMAS, request.limits);
    for at in listing.schemas(&request.names).await? {
        let database = at.metastore.get_database(&at.schema).await.map(|found| vec![found]);
        let database = unless_gone(database).map_err(|err| in_catalog(&at.catalog, err))?;
        for database in database {
            let said = said.of(&at.catalog, &at.schema, "", "");
            rows.push([
                (&at.catalog).into(),
                (&at.schema).into(),
                database.description.filter(|text| !text.is_empty()).into(),
                database.owner.into(),
                owner_type(database.owner_type),
                Cell::filled(&database.location),
                said.sensitivity.into(),
                said.tags.into(),
                said.terms.into(),
            ])?;
        }
        if rows.is_full() {
            break;
        }
    }
    rows.finish()
}

fn owner_type(owner_type: Option<OwnerType>) -> Cell {
    Cell::Text(owner_type.map(|owner_type| owner_type.hive_name().to_owned()))
}

/// What people say, when it is selected.
async fn said(listing: &Listing, request: &Request) -> Result<Said> {
    match request.selects(&ANNOTATED) {
        true => annotations_of(listing, &request.names).await,
        false => Ok(Said::default()),
    }
}

/// `system.metadata.tables`.
pub(super) async fn tables(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let said = said(listing, request).await?;
    let operations = match request.selects(&OPERATION) {
        true => last_operations(listing, &request.names).await?,
        false => BTreeMap::new(),
    };
    let mut rows = Rows::new(TABLES, request.limits);
    for at in listing.schemas(&request.names).await? {
        let tables = at.tables(&request.names).await?;
        let mut counted = stream::iter(tables)
            .map(|table| async {
                let counts = counts_of(&at, &table, request.selects(&STATISTICS)).await?;
                Ok::<_, quern_common::Error>((table, counts))
            })
            .buffered(listing.concurrency);
        while let Some((table, counts)) = counted.try_next().await? {
            let name = table.name.clone();
            let said = said.of(&at.catalog, &at.schema, &name, "");
            let key = (at.catalog.clone(), at.schema.clone(), name);
            let last = operations.get(&key);
            let query_id =
                last.map(|last| last.query_id.clone()).or_else(|| query_id_of(&table.parameters));
            rows.push([
                (&at.catalog).into(),
                (&at.schema).into(),
                (&table.name).into(),
                type_name(table.table_type).into(),
                format_of(&table.sd, table.table_type),
                Cell::filled(&table.sd.location),
                Cell::filled(&key_names(&table)),
                Cell::filled(table.parameters.get(COMMENT).map_or("", String::as_str)),
                table.owner.clone().into(),
                owner_type(table.owner_type),
                said.sensitivity.into(),
                said.tags.into(),
                said.terms.into(),
                Cell::count(counts.row_count),
                Cell::count(counts.total_bytes),
                Cell::count(counts.file_count),
                Cell::seconds(table.create_time),
                Cell::seconds(last_ddl_time(&table.parameters)),
                Cell::Text(last.map(|last| last.operation.clone())),
                Cell::Time(last.map(|last| last.time_ms)),
                Cell::Text(last.map(|last| last.user.clone())),
                Cell::filled(query_id.as_deref().unwrap_or_default()),
                Cell::Text(last.and_then(|last| last.source_location.clone())),
            ])?;
            if rows.is_full() {
                break;
            }
        }
        if rows.is_full() {
            break;
        }
    }
    rows.finish()
}

/// The counts of a table; those of a partitioned one are summed, which is a call.
async fn counts_of(at: &SchemaAt, table: &Table, selected: bool) -> Result<TableStatistics> {
    if table.partition_keys.is_empty() || !selected {
        return Ok(TableStatistics::from_parameters(&table.parameters));
    }
    let counts = at.metastore.get_table_statistics(&at.schema, &table.name).await;
    let counts = unless_gone(counts.map(|counts| vec![counts]));
    let counts = counts.map_err(|err| in_catalog(&at.catalog, err))?;
    Ok(counts.into_iter().next().unwrap_or_default())
}

const fn type_name(table_type: TableType) -> &'static str {
    match table_type {
        TableType::Managed => "managed",
        TableType::External => "external",
        TableType::View => "view",
    }
}

/// The format's name, or Hive's class name of one that Quern does not know.
fn format_of(sd: &StorageDescriptor, table_type: TableType) -> Cell {
    if table_type == TableType::View {
        return Cell::Text(None);
    }
    match StorageFormat::of_descriptor(sd) {
        Some(format) => format.name().into(),
        None => Cell::filled(&sd.input_format),
    }
}

fn key_names(table: &Table) -> String {
    let names: Vec<&str> = table.partition_keys.iter().map(|key| key.name.as_str()).collect();
    names.join(", ")
}

fn last_ddl_time(parameters: &Parameters) -> i64 {
    parameters.get(LAST_DDL_TIME).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn query_id_of(parameters: &Parameters) -> Option<String> {
    QUERY_IDS.iter().find_map(|key| parameters.get(*key)).cloned()
}

/// `system.metadata.columns`.
pub(super) async fn columns(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let said = said(listing, request).await?;
    let mut rows = Rows::new(COLUMNS, request.limits);
    for at in listing.schemas(&request.names).await? {
        let tables = at.tables(&request.names).await?;
        let mut measured = stream::iter(tables)
            .map(|table| async {
                let columns = match request.selects(&COLUMN_STATISTICS) {
                    true => column_statistics(&at, &table).await?,
                    false => vec![],
                };
                Ok::<_, quern_common::Error>((table, columns))
            })
            .buffered(listing.concurrency);
        while let Some((table, statistics)) = measured.try_next().await? {
            push_columns(&mut rows, &at, &table, &said, &statistics)?;
            if rows.is_full() {
                break;
            }
        }
        if rows.is_full() {
            break;
        }
    }
    rows.finish()
}

async fn column_statistics(at: &SchemaAt, table: &Table) -> Result<Vec<ColumnStatistics>> {
    if table.table_type == TableType::View {
        return Ok(vec![]);
    }
    let found = at.metastore.get_table_statistics(&at.schema, &table.name).await;
    unless_gone(found.map(|found| found.columns)).map_err(|err| in_catalog(&at.catalog, err))
}

fn push_columns(
    rows: &mut Rows,
    at: &SchemaAt,
    table: &Table,
    said: &Said,
    statistics: &[ColumnStatistics],
) -> Result<()> {
    let columns = table.sd.columns.iter().map(|column| (column, false));
    let keys = table.partition_keys.iter().map(|key| (key, true));
    for (position, (column, is_key)) in (1..).zip(columns.chain(keys)) {
        let said = said.of(&at.catalog, &at.schema, &table.name, &column.name);
        let known = statistics.iter().find(|known| known.column == column.name);
        rows.push([
            (&at.catalog).into(),
            (&at.schema).into(),
            (&table.name).into(),
            (&column.name).into(),
            Cell::Number(Some(position)),
            presto_type_of(column),
            (&column.hive_type).into(),
            Cell::Flag(is_key),
            Cell::filled(column.comment.as_deref().unwrap_or_default()),
            said.sensitivity.into(),
            said.tags.into(),
            said.terms.into(),
            Cell::count(known.and_then(|known| known.null_count)),
            Cell::count(known.and_then(|known| known.distinct_count)),
            Cell::Text(known.and_then(|known| known.min.clone())),
            Cell::Text(known.and_then(|known| known.max.clone())),
        ])?;
    }
    Ok(())
}

/// The type as Presto spells it; NULL for one that only Hive has.
fn presto_type_of(column: &Column) -> Cell {
    let data_type = hive_type::data_type_of(&column.hive_type);
    Cell::Text(data_type.ok().map(|data_type| hive_type::presto_type(&data_type)))
}

/// `system.metadata.partitions`.
pub(super) async fn partitions(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let mut rows = Rows::new(PARTITIONS, request.limits);
    for at in listing.schemas(&request.names).await? {
        for table in at.tables(&request.names).await? {
            if table.partition_keys.is_empty() || rows.is_full() {
                continue;
            }
            let found = find_partitions(&at, &table, request, rows.room()).await;
            for partition in unless_gone(found).map_err(|err| in_catalog(&at.catalog, err))? {
                push_partition(&mut rows, &at, &table, &partition)?;
            }
        }
    }
    rows.finish()
}

async fn find_partitions(
    at: &SchemaAt,
    table: &Table,
    request: &Request,
    room: usize,
) -> Result<Vec<HivePartition>> {
    let Some(names) = &request.partitions else {
        let all = PartitionFilter::All;
        return at.metastore.get_partitions(&at.schema, &table.name, &all, Some(room)).await;
    };
    let values = names.iter().filter_map(|name| values_of(table, name)).collect();
    at.metastore.get_partitions_by_values(&at.schema, &table.name, values).await
}

/// The values in a partition's name; none when it is a name of another table's partitions.
fn values_of(table: &Table, name: &str) -> Option<Vec<String>> {
    let parts = parse_partition_name(name).ok()?;
    let keys = table.partition_keys.iter().map(|key| key.name.as_str());
    let (found, values): (Vec<String>, Vec<String>) = parts.into_iter().unzip();
    keys.eq(found.iter().map(String::as_str)).then_some(values)
}

fn push_partition(
    rows: &mut Rows,
    at: &SchemaAt,
    table: &Table,
    partition: &HivePartition,
) -> Result<()> {
    let counts = TableStatistics::from_parameters(&partition.parameters);
    let written = match last_ddl_time(&partition.parameters) {
        0 => partition.create_time,
        time => time,
    };
    rows.push([
        (&at.catalog).into(),
        (&at.schema).into(),
        (&table.name).into(),
        (&partition_name(&table.partition_keys, &partition.values)).into(),
        format_of(&partition.sd, table.table_type),
        Cell::filled(&partition.sd.location),
        Cell::count(counts.row_count),
        Cell::count(counts.total_bytes),
        Cell::count(counts.file_count),
        Cell::seconds(partition.create_time),
        Cell::seconds(written),
        query_id_of(&partition.parameters).into(),
    ])
}
