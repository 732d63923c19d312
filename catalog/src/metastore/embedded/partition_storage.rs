//! The storage descriptors of partitions, each once a table.

use super::dialect::{Connection, query};
use super::record::{storage_from_json, storage_to_json};
use crate::metastore::{AlterTableOptions, rules};
use crate::model::{StorageDescriptor, Table};
use quern_common::Result;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Does to the partitions of a table what altering it from `old` to `new` with these options
/// says. Few rows are touched, however many partitions there are.
pub(super) async fn follow_table(
    db: &mut Connection,
    table_id: i64,
    (old, new): (&Table, &Table),
    options: &AlterTableOptions,
) -> Result<()> {
    let sql = "SELECT id, definition FROM partition_storage WHERE table_id = $1";
    let rows: Vec<(i64, String)> = query(sql).bind(table_id).fetch_all(db).await?;
    for (id, definition) in rows {
        let mut sd = storage_from_json(&definition)?;
        if options.cascade {
            sd.columns.clone_from(&new.sd.columns);
        }
        if options.move_partitions
            && let Some(moved) = rules::moved(&sd.location, &old.sd.location, &new.sd.location)
        {
            sd.location = moved;
        }
        let changed = storage_to_json(&sd)?;
        if changed != definition {
            // There may be a row like this already; what nobody uses is dropped below.
            let new_id = insert_storage(db, table_id, &changed).await?;
            let sql = "UPDATE partitions SET storage_id = $2 WHERE storage_id = $1";
            query(sql).bind(id).bind(new_id).execute(db).await?;
        }
    }
    if options.move_partitions {
        move_locations(db, table_id, (old, new)).await?;
    }
    if options.cascade {
        forget_statistics(db, table_id, (old, new)).await?;
    }
    drop_unused(db, table_id).await
}

/// Moves the partitions that have a location of their own.
async fn move_locations(
    db: &mut Connection,
    table_id: i64,
    (old, new): (&Table, &Table),
) -> Result<()> {
    let sql = "SELECT id, location FROM partitions WHERE table_id = $1 AND location IS NOT NULL";
    let rows: Vec<(i64, String)> = query(sql).bind(table_id).fetch_all(db).await?;
    for (id, location) in rows {
        if let Some(moved) = rules::moved(&location, &old.sd.location, &new.sd.location) {
            let sql = "UPDATE partitions SET location = $2 WHERE id = $1";
            query(sql).bind(id).bind(moved).execute(db).await?;
        }
    }
    Ok(())
}

/// Drops partitions' statistics of columns that are gone or have another type.
async fn forget_statistics(
    db: &mut Connection,
    table_id: i64,
    (old, new): (&Table, &Table),
) -> Result<()> {
    let columns = old.sd.columns.iter().map(|column| &column.name);
    for column in columns.filter(|c| !rules::statistics_survive(c, old, new)) {
        let sql = "DELETE FROM partition_column_statistics WHERE column_name = $2
            AND partition_id IN (SELECT id FROM partitions WHERE table_id = $1)";
        query(sql).bind(table_id).bind(column).execute(db).await?;
    }
    Ok(())
}

/// The keys of storage descriptors that one statement has met.
#[derive(Default)]
pub(super) struct StorageIds {
    /// The descriptor met last: mostly the next one is the same.
    last: Option<(StorageDescriptor, i64)>,
    by_definition: HashMap<String, i64>,
}

impl StorageIds {
    /// The key of a descriptor, which is stored with the table's location in place of its own.
    pub(super) async fn id_of(
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
        sort_columns,
        compressed,
        skewed,
        stored_as_sub_directories,
        parameters,
    } = a;
    *columns == b.columns
        && *input_format == b.input_format
        && *output_format == b.output_format
        && *serde == b.serde
        && *bucket_columns == b.bucket_columns
        && *num_buckets == b.num_buckets
        && *sort_columns == b.sort_columns
        && *compressed == b.compressed
        && *skewed == b.skewed
        && *stored_as_sub_directories == b.stored_as_sub_directories
        && *parameters == b.parameters
}

async fn insert_storage(db: &mut Connection, table_id: i64, definition: &str) -> Result<i64> {
    // The update changes nothing; without it a row that exists would not be returned.
    let sql = "INSERT INTO partition_storage (table_id, digest, definition) VALUES ($1, $2, $3)
        ON CONFLICT (table_id, digest) DO UPDATE SET digest = excluded.digest
        RETURNING id";
    query(sql)
        .bind(table_id)
        .bind(Sha256::digest(definition).to_vec())
        .bind(definition)
        .scalar(db)
        .await
}

pub(super) async fn drop_unused(db: &mut Connection, table_id: i64) -> Result<()> {
    let sql = "DELETE FROM partition_storage WHERE table_id = $1
        AND NOT EXISTS (SELECT 1 FROM partitions p WHERE p.storage_id = partition_storage.id)";
    query(sql).bind(table_id).execute(db).await?;
    Ok(())
}

/// Storage descriptors that one reading statement has met.
#[derive(Default)]
pub(super) struct StorageCache(HashMap<i64, StorageDescriptor>);

impl StorageCache {
    pub(super) async fn get(&mut self, db: &mut Connection, id: i64) -> Result<&StorageDescriptor> {
        match self.0.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let sql = "SELECT definition FROM partition_storage WHERE id = $1";
                let definition: String = query(sql).bind(id).scalar(db).await?;
                Ok(entry.insert(storage_from_json(&definition)?))
            }
        }
    }
}
