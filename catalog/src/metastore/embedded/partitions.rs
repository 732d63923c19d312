//! Partitions: reading them by the index, adding, changing and dropping them.

use super::dialect::{Connection, QueryBuilder, store_error};
use super::partition_query;
use super::record::{from_json, storage_from_json, storage_to_json, to_json};
use super::sort_value::sort_value;
use super::tables;
use crate::metastore::rules::{self, CheckedPartition};
use crate::model::{
    CheckedFilter, HivePartition, PartitionFilter, StorageDescriptor, Table, TableStatistics,
    parse_partition_name, read_values,
};
use quern_common::Result;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Rows that one INSERT carries.
const ROWS_PER_INSERT: usize = 1_000;
const COLUMNS: &str = "p.name, p.storage_id, p.location, p.create_time, p.parameters";

type Row = (String, i64, Option<String>, i64, String);

pub(super) async fn select(
    db: &mut Connection,
    (database, table): (&str, &str),
    filter: &PartitionFilter,
    limit: Option<usize>,
) -> Result<Vec<HivePartition>> {
    let (id, table) = tables::find(db, database, table).await?;
    let filter = filter.check(&table.partition_keys)?;
    let rows: Vec<Row> = if partition_query::fits(&filter) {
        let mut sql = partition_query::select(db, COLUMNS, id, &filter, to_limit(limit)).await?;
        sql.build_query_as().fetch_all(&mut *db).await.map_err(store_error)?
    } else {
        let mut sql = partition_query::select(db, COLUMNS, id, &every(), None).await?;
        let rows: Vec<Row> = sql.build_query_as().fetch_all(&mut *db).await.map_err(store_error)?;
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
        let mut sql = partition_query::select(db, "p.name", id, &filter, to_limit(limit)).await?;
        return sql.build_query_scalar().fetch_all(db).await.map_err(store_error);
    }
    let mut sql = partition_query::select(db, "p.name", id, &every(), None).await?;
    let names: Vec<String> = sql.build_query_scalar().fetch_all(db).await.map_err(store_error)?;
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
    let sql = "SELECT name, storage_id, location, create_time, parameters FROM partitions
        WHERE table_id = $1 AND name = $2";
    let query = sqlx::query_as(sql).bind(id).bind(&name);
    let row: Option<Row> = query.fetch_optional(&mut *db).await.map_err(store_error)?;
    match row {
        Some(row) => from_row(db, &mut StorageCache::default(), row).await,
        None => Err(rules::partition_not_found(&table, &name)),
    }
}

pub(super) async fn count(db: &mut Connection, database: &str, table: &str) -> Result<usize> {
    let (id, _) = tables::find(db, database, table).await?;
    let sql = "SELECT count(*) FROM partitions WHERE table_id = $1";
    let count: i64 = sqlx::query_scalar(sql).bind(id).fetch_one(db).await.map_err(store_error)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

pub(super) async fn add(
    db: &mut Connection,
    (database, table): (&str, &str),
    partitions: Vec<HivePartition>,
    if_not_exists: bool,
) -> Result<usize> {
    let (id, table) = tables::find(db, database, table).await?;
    let partitions = rules::check_partitions(&table, partitions)?;
    let mut storage = StorageIds::default();
    let mut added = 0;
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
        added += new.len();
    }
    Ok(added)
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
        "INSERT INTO partitions (table_id, name, create_time, storage_id, location, parameters,
            row_count, total_bytes, file_count) ",
    );
    sql.push_values(rows, |mut row, (checked, stored)| {
        row.push_bind(table_id)
            .push_bind(&checked.name)
            .push_bind(checked.partition.create_time)
            .push_bind(stored.storage_id)
            .push_bind(stored.location)
            .push_bind(stored.parameters)
            .push_bind(stored.row_count)
            .push_bind(stored.total_bytes)
            .push_bind(stored.file_count);
    });
    sql.push(" ON CONFLICT (table_id, name) DO NOTHING RETURNING name, id");
    let ids: Vec<(String, i64)> = sql.build_query_as().fetch_all(db).await.map_err(store_error)?;
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
            "INSERT INTO partition_key_values (partition_id, key_index, table_id, sort_value) ",
        );
        sql.push_values(chunk, |mut row, (id, key, value)| {
            row.push_bind(*id)
                .push_bind(*key)
                .push_bind(table_id)
                .push_bind(sort_value(value.as_ref()));
        });
        sql.build().execute(&mut *db).await.map_err(store_error)?;
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
    let sql = "UPDATE partitions SET storage_id = $3, location = $4, parameters = $5,
            row_count = $6, total_bytes = $7, file_count = $8
        WHERE table_id = $1 AND name = $2";
    for checked in rules::check_partitions(&table, partitions)? {
        let stored = stored(db, id, &table, &checked, &mut storage).await?;
        let result = sqlx::query(sql)
            .bind(id)
            .bind(&checked.name)
            .bind(stored.storage_id)
            .bind(stored.location)
            .bind(stored.parameters)
            .bind(stored.row_count)
            .bind(stored.total_bytes)
            .bind(stored.file_count)
            .execute(&mut *db)
            .await
            .map_err(store_error)?;
        if result.rows_affected() == 0 {
            return Err(rules::partition_not_found(&table, &checked.name));
        }
    }
    drop_unused_storage(db, id).await
}

pub(super) async fn drop(
    db: &mut Connection,
    (database, table): (&str, &str),
    values: Vec<Vec<String>>,
    if_exists: bool,
) -> Result<usize> {
    let (id, table) = tables::find(db, database, table).await?;
    let mut dropped = 0;
    for mut values in values {
        let name = rules::name_of(&table, &mut values)?;
        let sql = "DELETE FROM partitions WHERE table_id = $1 AND name = $2";
        let query = sqlx::query(sql).bind(id).bind(&name).execute(&mut *db);
        match query.await.map_err(store_error)?.rows_affected() {
            0 if !if_exists => return Err(rules::partition_not_found(&table, &name)),
            0 => {}
            _ => dropped += 1,
        }
    }
    drop_unused_storage(db, id).await?;
    Ok(dropped)
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

/// The keys of storage descriptors that one statement has met.
#[derive(Default)]
struct StorageIds {
    /// The descriptor met last: mostly the next one is the same.
    last: Option<(StorageDescriptor, i64)>,
    by_definition: HashMap<String, i64>,
}

impl StorageIds {
    /// The key of a descriptor, which is stored with the table's location in place of its own.
    async fn id_of(
        &mut self,
        db: &mut Connection,
        table_id: i64,
        table: &Table,
        sd: &StorageDescriptor,
    ) -> Result<i64> {
        if let Some((last, id)) = &self.last
            && same_but_location(last, sd)
        {
            return Ok(*id);
        }
        let mut shared = sd.clone();
        shared.location.clone_from(&table.sd.location);
        let definition = storage_to_json(&shared)?;
        let id = match self.by_definition.get(&definition) {
            Some(id) => *id,
            None => insert_storage(db, table_id, &definition).await?,
        };
        self.by_definition.insert(definition, id);
        self.last = Some((shared, id));
        Ok(id)
    }
}

fn same_but_location(a: &StorageDescriptor, b: &StorageDescriptor) -> bool {
    let StorageDescriptor {
        columns,
        location: _,
        input_format,
        output_format,
        serde,
        bucket_columns,
        num_buckets,
        parameters,
    } = a;
    *columns == b.columns
        && *input_format == b.input_format
        && *output_format == b.output_format
        && *serde == b.serde
        && *bucket_columns == b.bucket_columns
        && *num_buckets == b.num_buckets
        && *parameters == b.parameters
}

async fn insert_storage(db: &mut Connection, table_id: i64, definition: &str) -> Result<i64> {
    // The update changes nothing; without it a row that exists would not be returned.
    let sql = "INSERT INTO partition_storage (table_id, digest, definition) VALUES ($1, $2, $3)
        ON CONFLICT (table_id, digest) DO UPDATE SET digest = excluded.digest
        RETURNING id";
    sqlx::query_scalar(sql)
        .bind(table_id)
        .bind(Sha256::digest(definition).to_vec())
        .bind(definition)
        .fetch_one(db)
        .await
        .map_err(store_error)
}

async fn drop_unused_storage(db: &mut Connection, table_id: i64) -> Result<()> {
    let sql = "DELETE FROM partition_storage WHERE table_id = $1
        AND NOT EXISTS (SELECT 1 FROM partitions p WHERE p.storage_id = partition_storage.id)";
    sqlx::query(sql).bind(table_id).execute(db).await.map_err(store_error)?;
    Ok(())
}

/// Storage descriptors that one reading statement has met.
#[derive(Default)]
struct StorageCache(HashMap<i64, StorageDescriptor>);

impl StorageCache {
    async fn get(&mut self, db: &mut Connection, id: i64) -> Result<&StorageDescriptor> {
        match self.0.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let sql = "SELECT definition FROM partition_storage WHERE id = $1";
                let definition: String =
                    sqlx::query_scalar(sql).bind(id).fetch_one(db).await.map_err(store_error)?;
                Ok(entry.insert(storage_from_json(&definition)?))
            }
        }
    }
}

async fn from_row(
    db: &mut Connection,
    storage: &mut StorageCache,
    (name, storage_id, location, create_time, parameters): Row,
) -> Result<HivePartition> {
    let mut sd = storage.get(db, storage_id).await?.clone();
    sd.location = location.unwrap_or_else(|| rules::join(&sd.location, &name));
    let values = values_of(&name)?;
    Ok(HivePartition { values, create_time, sd, parameters: from_json(&parameters)? })
}
