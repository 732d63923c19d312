//! Partitions: reading them by the index, adding, changing and dropping them.

use super::dialect::{Connection, QueryBuilder, query};
use super::partition_storage::{StorageCache, StorageIds, drop_unused};
use super::record::{from_json, to_json};
use super::sort_value::sort_value;
use super::{events, partition_query, tables};
use crate::metastore::events::{of_partitions, of_renamed_partition};
use crate::metastore::rules::{self, CheckedPartition};
use crate::model::{
    CheckedFilter, EventKind, HivePartition, PartitionFilter, Table, TableStatistics,
    parse_partition_name, read_values,
};
use quern_common::Result;
use std::collections::HashMap;

/// Rows that one INSERT carries.
const ROWS_PER_INSERT: usize = 1_000;
/// Names that one statement looks for.
const NAMES_PER_SELECT: usize = 1_000;
const COLUMNS: &str =
    "p.name, p.storage_id, p.location, p.create_time, p.last_access_time, p.parameters";

type Row = (String, i64, Option<String>, i64, i64, String);

pub(super) async fn select(
    db: &mut Connection,
    (database, table): (&str, &str),
    filter: &PartitionFilter,
    limit: Option<usize>,
) -> Result<Vec<HivePartition>> {
    let (id, table) = tables::find(db, database, table).await?;
    let filter = filter.check(&table.partition_keys)?;
    let rows: Vec<Row> = if partition_query::fits(&filter) {
        let sql = partition_query::select(db, COLUMNS, id, &filter, to_limit(limit)).await?;
        sql.build().fetch_all(db).await?
    } else {
        let sql = partition_query::select(db, COLUMNS, id, &every(), None).await?;
        let rows: Vec<Row> = sql.build().fetch_all(db).await?;
        keep(rows, |row| &row.0, &table, &filter, limit)?
    };
    let mut storage = StorageCache::default();
    let mut partitions = Vec::with_capacity(rows.len());
    for row in rows {
        partitions.push(from_row(db, &mut storage, row).await?);
    }
    Ok(partitions)
}

pub(super) async fn select_names(
    db: &mut Connection,
    (database, table): (&str, &str),
    filter: &PartitionFilter,
    limit: Option<usize>,
) -> Result<Vec<String>> {
    let (id, table) = tables::find(db, database, table).await?;
    let filter = filter.check(&table.partition_keys)?;
    if partition_query::fits(&filter) {
        let sql = partition_query::select(db, "p.name", id, &filter, to_limit(limit)).await?;
        return sql.build().scalars(db).await;
    }
    let sql = partition_query::select(db, "p.name", id, &every(), None).await?;
    let names: Vec<String> = sql.build().scalars(db).await?;
    keep(names, |name| name, &table, &filter, limit)
}

fn every() -> CheckedFilter {
    CheckedFilter::And(Vec::new())
}

fn to_limit(limit: Option<usize>) -> Option<i64> {
    limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

/// Evaluates a filter that is too large for one statement.
fn keep<T>(
    rows: Vec<T>,
    name: impl Fn(&T) -> &String,
    table: &Table,
    filter: &CheckedFilter,
    limit: Option<usize>,
) -> Result<Vec<T>> {
    let mut kept = Vec::new();
    for row in rows {
        if kept.len() >= limit.unwrap_or(usize::MAX) {
            break;
        }
        let values = values_of(name(&row))?;
        if filter.matches(&read_values(&table.partition_keys, &values)?)? {
            kept.push(row);
        }
    }
    Ok(kept)
}

fn values_of(name: &str) -> Result<Vec<String>> {
    Ok(parse_partition_name(name)?.into_iter().map(|(_, value)| value).collect())
}

pub(super) async fn find(
    db: &mut Connection,
    database: &str,
    table: &str,
    values: &[String],
) -> Result<HivePartition> {
    let (id, table) = tables::find(db, database, table).await?;
    let name = rules::name_of(&table, &mut values.to_vec())?;
    let found = select_named(db, id, std::slice::from_ref(&name)).await?;
    found.into_iter().next().ok_or_else(|| rules::partition_not_found(&table, &name))
}

/// Those of the partitions with these values that exist.
pub(super) async fn find_all(
    db: &mut Connection,
    (database, table): (&str, &str),
    values: Vec<Vec<String>>,
) -> Result<Vec<HivePartition>> {
    let (id, table) = tables::find(db, database, table).await?;
    let mut names = rules::names_of(&table, values)?;
    names.sort();
    names.dedup();
    select_named(db, id, &names).await
}

/// Those of the partitions with these names that exist; `names` are sorted.
async fn select_named(
    db: &mut Connection,
    table_id: i64,
    names: &[String],
) -> Result<Vec<HivePartition>> {
    let mut storage = StorageCache::default();
    let mut partitions = Vec::with_capacity(names.len());
    for names in names.chunks(NAMES_PER_SELECT) {
        let mut sql = QueryBuilder::new(db, "SELECT ");
        sql.push(COLUMNS).push(" FROM partitions p WHERE p.table_id = ").push_bind(table_id);
        sql.push(" AND p.name IN (");
        sql.push_list(names);
        sql.push(") ORDER BY p.name");
        let rows: Vec<Row> = sql.build().fetch_all(db).await?;
        for row in rows {
            partitions.push(from_row(db, &mut storage, row).await?);
        }
    }
    Ok(partitions)
}

/// The key of the partition with this name.
pub(super) async fn find_id(
    db: &mut Connection,
    table_id: i64,
    table: &Table,
    name: &str,
) -> Result<i64> {
    let sql = "SELECT id FROM partitions WHERE table_id = $1 AND name = $2";
    let id: Option<i64> = query(sql).bind(table_id).bind(name).optional_scalar(db).await?;
    id.ok_or_else(|| rules::partition_not_found(table, name))
}

pub(super) async fn count(db: &mut Connection, database: &str, table: &str) -> Result<usize> {
    let (id, _) = tables::find(db, database, table).await?;
    let sql = "SELECT count(*) FROM partitions WHERE table_id = $1";
    let count: i64 = query(sql).bind(id).scalar(db).await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

pub(super) async fn add(
    db: &mut Connection,
    (database, table): (&str, &str),
    partitions: Vec<HivePartition>,
    if_not_exists: bool,
) -> Result<usize> {
    let (id, table) = tables::find(db, database, table).await?;
    let partitions = rules::check_new_partitions(&table, partitions)?;
    let mut storage = StorageIds::default();
    let mut added: Vec<&str> = Vec::new();
    for chunk in partitions.chunks(ROWS_PER_INSERT) {
        let ids = insert(db, id, &table, chunk, &mut storage).await?;
        // Two of one name in a chunk were inserted once.
        let mut taken = HashMap::with_capacity(ids.len());
        for partition in chunk {
            match ids.get(&partition.name) {
                Some(id) if taken.insert(*id, partition).is_none() => {}
                _ if if_not_exists => {}
                _ => return Err(rules::partition_already_exists(&table, &partition.name)),
            }
        }
        // An entry that came again replaced the one that was inserted; their keys are the same.
        let new: Vec<_> = taken.into_iter().collect();
        insert_key_values(db, id, &new).await?;
        added.extend(new.iter().map(|(_, checked)| checked.name.as_str()));
    }
    let count = added.len();
    events::add(db, of_partitions(EventKind::AddPartition, &table, added)).await?;
    Ok(count)
}

/// Inserts the partitions that are missing and returns their ids by name.
async fn insert(
    db: &mut Connection,
    table_id: i64,
    table: &Table,
    partitions: &[CheckedPartition],
    storage: &mut StorageIds,
) -> Result<HashMap<String, i64>> {
    let mut rows = Vec::with_capacity(partitions.len());
    for checked in partitions {
        rows.push((checked, stored(db, table_id, table, checked, storage).await?));
    }
    let mut sql = QueryBuilder::new(
        db,
        "INSERT INTO partitions (table_id, name, create_time, storage_id, location, parameters,
            row_count, total_bytes, file_count, last_access_time) ",
    );
    sql.push_rows(rows.into_iter().map(|(checked, stored)| {
        [
            table_id.into(),
            (&checked.name).into(),
            checked.partition.create_time.into(),
            stored.storage_id.into(),
            stored.location.into(),
            stored.parameters.into(),
            stored.row_count.into(),
            stored.total_bytes.into(),
            stored.file_count.into(),
            checked.partition.last_access_time.into(),
        ]
    }));
    sql.push(" ON CONFLICT (table_id, name) DO NOTHING RETURNING name, id");
    let ids: Vec<(String, i64)> = sql.build().fetch_all(db).await?;
    Ok(ids.into_iter().collect())
}

async fn insert_key_values(
    db: &mut Connection,
    table_id: i64,
    partitions: &[(i64, &CheckedPartition)],
) -> Result<()> {
    let rows: Vec<_> = partitions
        .iter()
        .flat_map(|(id, checked)| {
            (0_i64..).zip(&checked.key_values).map(|(key, value)| (*id, key, value))
        })
        .collect();
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        let mut sql = QueryBuilder::new(
            db,
            "INSERT INTO partition_key_values (partition_id, key_index, table_id, sort_value) ",
        );
        sql.push_rows(chunk.iter().map(|(id, key, value)| {
            [(*id).into(), (*key).into(), table_id.into(), sort_value(value.as_ref()).into()]
        }));
        sql.build().execute(db).await?;
    }
    Ok(())
}

pub(super) async fn alter(
    db: &mut Connection,
    (database, table): (&str, &str),
    partitions: Vec<HivePartition>,
) -> Result<()> {
    let (id, table) = tables::find(db, database, table).await?;
    let mut storage = StorageIds::default();
    let partitions = rules::check_partitions(&table, partitions)?;
    for checked in &partitions {
        update(db, (id, &table), &checked.name, checked, &mut storage).await?;
    }
    drop_unused(db, id).await?;
    let names = partitions.iter().map(|checked| checked.name.as_str());
    events::add(db, of_partitions(EventKind::AlterPartition, &table, names)).await
}

pub(super) async fn rename(
    db: &mut Connection,
    (database, table): (&str, &str),
    values: &[String],
    partition: HivePartition,
) -> Result<()> {
    let (id, table) = tables::find(db, database, table).await?;
    let before = rules::name_of(&table, &mut values.to_vec())?;
    let checked = rules::check_partition(&table, partition)?;
    let partition_id = find_id(db, id, &table, &before).await?;
    if checked.name != before {
        if find_id(db, id, &table, &checked.name).await.is_ok() {
            return Err(rules::partition_already_exists(&table, &checked.name));
        }
        let sql = "DELETE FROM partition_key_values WHERE partition_id = $1";
        query(sql).bind(partition_id).execute(db).await?;
        insert_key_values(db, id, &[(partition_id, &checked)]).await?;
    }
    update(db, (id, &table), &before, &checked, &mut StorageIds::default()).await?;
    drop_unused(db, id).await?;
    events::add(db, vec![of_renamed_partition(&table, &before, &checked.name)]).await
}

/// Replaces the partition that has this name; it may have another one afterwards.
async fn update(
    db: &mut Connection,
    (table_id, table): (i64, &Table),
    name: &str,
    checked: &CheckedPartition,
    storage: &mut StorageIds,
) -> Result<()> {
    let sql = "UPDATE partitions SET storage_id = $3, location = $4, parameters = $5,
            row_count = $6, total_bytes = $7, file_count = $8, last_access_time = $9,
            create_time = CASE WHEN $10 = 0 THEN create_time ELSE $10 END, name = $11
        WHERE table_id = $1 AND name = $2";
    let stored = stored(db, table_id, table, checked, storage).await?;
    let changed = query(sql)
        .bind(table_id)
        .bind(name)
        .bind(stored.storage_id)
        .bind(stored.location)
        .bind(stored.parameters)
        .bind(stored.row_count)
        .bind(stored.total_bytes)
        .bind(stored.file_count)
        .bind(checked.partition.last_access_time)
        .bind(checked.partition.create_time)
        .bind(&checked.name)
        .execute(db)
        .await?;
    match changed {
        0 => Err(rules::partition_not_found(table, name)),
        _ => Ok(()),
    }
}

pub(super) async fn drop(
    db: &mut Connection,
    (database, table): (&str, &str),
    values: Vec<Vec<String>>,
    if_exists: bool,
) -> Result<usize> {
    let (id, table) = tables::find(db, database, table).await?;
    let mut dropped = Vec::new();
    for name in rules::names_of(&table, values)? {
        let sql = "DELETE FROM partitions WHERE table_id = $1 AND name = $2";
        let changed = query(sql).bind(id).bind(&name).execute(db).await?;
        match changed {
            0 if !if_exists => return Err(rules::partition_not_found(&table, &name)),
            0 => {}
            _ => dropped.push(name),
        }
    }
    drop_unused(db, id).await?;
    let names = dropped.iter().map(String::as_str);
    events::add(db, of_partitions(EventKind::DropPartition, &table, names)).await?;
    Ok(dropped.len())
}

/// Replaces a partition's parameters.
pub(super) async fn set_parameters(
    db: &mut Connection,
    partition_id: i64,
    partition: &HivePartition,
) -> Result<()> {
    let sql = "UPDATE partitions SET parameters = $2 WHERE id = $1";
    query(sql).bind(partition_id).bind(to_json(&partition.parameters)?).execute(db).await?;
    Ok(())
}

/// What a partition's row says beside its name.
struct StoredPartition {
    storage_id: i64,
    location: Option<String>,
    parameters: String,
    row_count: Option<i64>,
    total_bytes: Option<i64>,
    file_count: Option<i64>,
}

async fn stored(
    db: &mut Connection,
    table_id: i64,
    table: &Table,
    checked: &CheckedPartition,
    storage: &mut StorageIds,
) -> Result<StoredPartition> {
    let partition = &checked.partition;
    let statistics = TableStatistics::from_parameters(&partition.parameters);
    let number = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
    let implied = partition.sd.location == rules::join(&table.sd.location, &checked.name);
    Ok(StoredPartition {
        storage_id: storage.id_of(db, table_id, table, &partition.sd).await?,
        location: (!implied).then(|| partition.sd.location.clone()),
        parameters: to_json(&partition.parameters)?,
        row_count: number(statistics.row_count),
        total_bytes: number(statistics.total_bytes),
        file_count: number(statistics.file_count),
    })
}

async fn from_row(
    db: &mut Connection,
    storage: &mut StorageCache,
    (name, storage_id, location, create_time, last_access_time, parameters): Row,
) -> Result<HivePartition> {
    let mut sd = storage.get(db, storage_id).await?.clone();
    sd.location = location.unwrap_or_else(|| rules::join(&sd.location, &name));
    let values = values_of(&name)?;
    let parameters = from_json(&parameters)?;
    Ok(HivePartition { values, create_time, last_access_time, sd, parameters })
}
