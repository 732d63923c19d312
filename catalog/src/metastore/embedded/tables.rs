//! Tables and views.
//!
//! A table's version is the number of the event of its last change, which is written after it.

use super::databases;
use super::dialect::{Connection, query};
use super::record::{
    self, columns_from_json, columns_to_json, from_json, storage_from_json, storage_to_json,
    to_json,
};
use super::{events, partition_storage};
use crate::metastore::events::{of_altered_table, of_table};
use crate::metastore::{AlterTableOptions, rules};
use crate::model::{EventKind, OwnerType, Table, TableType};
use quern_common::{Error, ErrorCode, Result};

type Row = (
    i64,
    String,
    String,
    String,
    Option<String>,
    i64,
    i64,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    i32,
    bool,
);

macro_rules! select_tables {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, d.name, t.name, t.table_type, t.owner, t.create_time, t.version,
                t.storage, t.partition_keys, t.parameters, t.view_original_text,
                t.view_expanded_text, t.owner_type, t.last_access_time, t.retention, t.temporary
            FROM databases d JOIN tables t ON t.database_id = d.id ",
            $rest
        )
    };
}

/// A table and its key.
pub(super) async fn find(db: &mut Connection, database: &str, name: &str) -> Result<(i64, Table)> {
    let sql = select_tables!("WHERE d.name = $1 AND t.name = $2");
    let row: Option<Row> = query(sql).bind(database).bind(name).fetch_optional(db).await?;
    match row {
        Some(row) => from_row(row),
        None => {
            databases::find(db, database).await?;
            Err(rules::table_not_found(database, name))
        }
    }
}

pub(super) async fn list(db: &mut Connection, database: &str) -> Result<Vec<String>> {
    let (id, _) = databases::find(db, database).await?;
    let sql = "SELECT name FROM tables WHERE database_id = $1 ORDER BY name";
    query(sql).bind(id).scalars(db).await
}

pub(super) async fn get_all(db: &mut Connection, database: &str) -> Result<Vec<Table>> {
    databases::find(db, database).await?;
    let sql = select_tables!("WHERE d.name = $1 ORDER BY t.name");
    let rows: Vec<Row> = query(sql).bind(database).fetch_all(db).await?;
    rows.into_iter().map(|row| Ok(from_row(row)?.1)).collect()
}

pub(super) async fn create(db: &mut Connection, table: Table) -> Result<()> {
    let (database_id, database) = databases::find(db, &rules::fold(&table.database)).await?;
    let table = rules::check_table(table, &database.location)?;
    let sql = "INSERT INTO tables (database_id, name, table_type, owner, create_time, version,
            storage, partition_keys, parameters, view_original_text, view_expanded_text,
            owner_type, last_access_time, retention, temporary)
        VALUES ($1, $2, $3, $4, $5, (SELECT last_id + 1 FROM event_sequence),
            $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (database_id, name) DO NOTHING";
    match write(db, sql, database_id, &table, None).await? {
        0 => Err(rules::table_already_exists(&table.database, &table.name)),
        _ => events::add(db, vec![of_table(EventKind::CreateTable, &table)]).await,
    }
}

pub(super) async fn alter(
    db: &mut Connection,
    (database, name): (&str, &str),
    new: Table,
    options: &AlterTableOptions,
) -> Result<()> {
    let (id, old) = find(db, database, name).await?;
    let new = rules::check_altered_table(&old, new, options)?;
    let (database_id, _) = databases::find(db, &new.database).await?;
    if (&new.database, &new.name) != (&old.database, &old.name) {
        let sql = "SELECT EXISTS (SELECT 1 FROM tables WHERE database_id = $1 AND name = $2)";
        let taken: bool = query(sql).bind(database_id).bind(&new.name).scalar(db).await?;
        if taken {
            return Err(rules::table_already_exists(&new.database, &new.name));
        }
    }
    let sql = "UPDATE tables SET database_id = $1, name = $2, table_type = $3, owner = $4,
            create_time = $5, version = (SELECT last_id + 1 FROM event_sequence),
            storage = $6, partition_keys = $7, parameters = $8,
            view_original_text = $9, view_expanded_text = $10, owner_type = $11,
            last_access_time = $12, retention = $13, temporary = $14
        WHERE id = $15";
    write(db, sql, database_id, &new, Some(id)).await?;
    forget_statistics(db, id, &old, &new).await?;
    if options.cascade || options.move_partitions {
        partition_storage::follow_table(db, id, (&old, &new), options).await?;
    }
    events::add(db, vec![of_altered_table(&old, &new)]).await
}

/// Drops the statistics of columns that are gone or have another type.
async fn forget_statistics(db: &mut Connection, id: i64, old: &Table, new: &Table) -> Result<()> {
    let sql = "SELECT column_name FROM column_statistics WHERE table_id = $1";
    let columns: Vec<String> = query(sql).bind(id).scalars(db).await?;
    for column in columns.iter().filter(|c| !rules::statistics_survive(c, old, new)) {
        let sql = "DELETE FROM column_statistics WHERE table_id = $1 AND column_name = $2";
        query(sql).bind(id).bind(column).execute(db).await?;
    }
    Ok(())
}

pub(super) async fn drop(db: &mut Connection, database: &str, name: &str) -> Result<()> {
    let (id, table) = find(db, database, name).await?;
    let sql = "DELETE FROM tables WHERE id = $1";
    query(sql).bind(id).execute(db).await?;
    events::add(db, vec![of_table(EventKind::DropTable, &table)]).await
}

/// Replaces a table's parameters, which is a change of the table: its event has to follow.
pub(super) async fn set_parameters(db: &mut Connection, id: i64, table: &Table) -> Result<()> {
    let sql = "UPDATE tables SET parameters = $2,
            version = (SELECT last_id + 1 FROM event_sequence)
        WHERE id = $1";
    query(sql).bind(id).bind(to_json(&table.parameters)?).execute(db).await?;
    Ok(())
}

async fn write(
    db: &mut Connection,
    sql: &'static str,
    database_id: i64,
    table: &Table,
    id: Option<i64>,
) -> Result<u64> {
    let query = query(sql)
        .bind(database_id)
        .bind(&table.name)
        .bind(table.table_type.hive_name())
        .bind(&table.owner)
        .bind(table.create_time)
        .bind(storage_to_json(&table.sd)?)
        .bind(columns_to_json(&table.partition_keys)?)
        .bind(to_json(&table.parameters)?)
        .bind(&table.view_original_text)
        .bind(&table.view_expanded_text)
        .bind(table.owner_type.map(OwnerType::hive_name))
        .bind(table.last_access_time)
        .bind(table.retention)
        .bind(table.temporary);
    let query = match id {
        Some(id) => query.bind(id),
        None => query,
    };
    query.execute(db).await
}

fn from_row(row: Row) -> Result<(i64, Table)> {
    let (id, database, name, table_type, owner, create_time, version, storage, ..) = row;
    let (keys, parameters, view_original_text, view_expanded_text) = (row.8, row.9, row.10, row.11);
    let table_type = TableType::from_hive_name(&table_type).ok_or_else(|| {
        Error::new(
            ErrorCode::HiveMetastoreError,
            format!("the metastore's database holds a table of type \"{table_type}\""),
        )
    })?;
    let table = Table {
        database,
        name,
        owner,
        owner_type: record::owner_type(row.12)?,
        create_time,
        last_access_time: row.13,
        retention: row.14,
        temporary: row.15,
        sd: storage_from_json(&storage)?,
        partition_keys: columns_from_json(&keys)?,
        parameters: from_json(&parameters)?,
        table_type,
        view_original_text,
        view_expanded_text,
        version,
    };
    Ok((id, table))
}
