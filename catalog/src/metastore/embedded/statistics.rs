//! Statistics.

use super::dialect::{Connection, QueryBuilder, query};
use super::record::{from_json, to_json};
use super::{events, partitions, tables};
use crate::metastore::events::of_statistics;
use crate::metastore::rules;
use crate::model::{ColumnStatistics, EventKind, TableStatistics, mark_column_statistics};
use quern_common::Result;
use std::collections::BTreeMap;

/// Names that one statement looks for.
const NAMES_PER_SELECT: usize = 1_000;

/// For each number: how many partitions know it, and the sum.
type Sums = (i64, i64, Option<f64>, i64, Option<f64>, i64, Option<f64>);

pub(super) async fn get(
    db: &mut Connection,
    database: &str,
    table: &str,
) -> Result<TableStatistics> {
    let (id, table) = tables::find(db, database, table).await?;
    let mut statistics = TableStatistics::from_parameters(&table.parameters);
    if !table.partition_keys.is_empty() {
        statistics = statistics.or(&sum_of_partitions(db, id).await?);
    }
    let sql = "SELECT statistics FROM column_statistics WHERE table_id = $1 ORDER BY column_name";
    let columns: Vec<String> = query(sql).bind(id).scalars(db).await?;
    statistics.columns = columns.iter().map(|text| from_json(text)).collect::<Result<_>>()?;
    Ok(statistics)
}

async fn sum_of_partitions(db: &mut Connection, id: i64) -> Result<TableStatistics> {
    // Floating point, because a sum of hostile integers would overflow, which is an error.
    let sql = "SELECT count(*),
            count(row_count), sum(CAST(row_count AS DOUBLE PRECISION)),
            count(total_bytes), sum(CAST(total_bytes AS DOUBLE PRECISION)),
            count(file_count), sum(CAST(file_count AS DOUBLE PRECISION))
        FROM partitions WHERE table_id = $1";
    let sums: Sums = query(sql).bind(id).fetch_one(db).await?;
    let (partitions, rows_known, rows, bytes_known, bytes, files_known, files) = sums;
    let sum = |known: i64, sum: Option<f64>| {
        (known == partitions).then(|| sum.unwrap_or_default() as u64)
    };
    Ok(TableStatistics {
        row_count: sum(rows_known, rows),
        total_bytes: sum(bytes_known, bytes),
        file_count: sum(files_known, files),
        columns: Vec::new(),
    })
}

pub(super) async fn set(
    db: &mut Connection,
    (database, table): (&str, &str),
    columns: Vec<ColumnStatistics>,
) -> Result<()> {
    let (id, mut table) = tables::find(db, database, table).await?;
    let columns = rules::check_statistics(&table, columns)?;
    let sql = "INSERT INTO column_statistics (table_id, column_name, statistics)
        VALUES ($1, $2, $3)
        ON CONFLICT (table_id, column_name) DO UPDATE SET statistics = excluded.statistics";
    for column in &columns {
        query(sql).bind(id).bind(&column.column).bind(to_json(column)?).execute(db).await?;
    }
    let names: Vec<&str> = columns.iter().map(|c| c.column.as_str()).collect();
    mark_column_statistics(&mut table.parameters, &names, true);
    tables::set_parameters(db, id, &table).await?;
    let kind = EventKind::UpdateTableColumnStatistics;
    events::add(db, vec![of_statistics(kind, &table, None, &names)]).await
}

pub(super) async fn delete(
    db: &mut Connection,
    (database, table): (&str, &str),
    column: Option<&str>,
) -> Result<usize> {
    let (id, mut table) = tables::find(db, database, table).await?;
    let sql = "DELETE FROM column_statistics
        WHERE table_id = $1 AND ($2 IS NULL OR column_name = $2) RETURNING column_name";
    let gone: Vec<String> = query(sql).bind(id).bind(column).scalars(db).await?;
    if !gone.is_empty() {
        let names: Vec<&str> = gone.iter().map(String::as_str).collect();
        mark_column_statistics(&mut table.parameters, &names, false);
        tables::set_parameters(db, id, &table).await?;
        let kind = EventKind::DeleteTableColumnStatistics;
        events::add(db, vec![of_statistics(kind, &table, None, &names)]).await?;
    }
    Ok(gone.len())
}

pub(super) async fn get_of_partitions(
    db: &mut Connection,
    (database, table): (&str, &str),
    values: Vec<Vec<String>>,
) -> Result<BTreeMap<String, Vec<ColumnStatistics>>> {
    let (id, table) = tables::find(db, database, table).await?;
    let names = rules::names_of(&table, values)?;
    let mut found: BTreeMap<String, Vec<ColumnStatistics>> = BTreeMap::new();
    for names in names.chunks(NAMES_PER_SELECT) {
        let mut sql = QueryBuilder::new(
            db,
            "SELECT p.name, s.statistics
            FROM partitions p JOIN partition_column_statistics s ON s.partition_id = p.id
            WHERE p.table_id = ",
        );
        sql.push_bind(id).push(" AND p.name IN (");
        sql.push_list(names);
        sql.push(") ORDER BY p.name, s.column_name");
        let rows: Vec<(String, String)> = sql.build().fetch_all(db).await?;
        for (name, statistics) in rows {
            found.entry(name).or_default().push(from_json(&statistics)?);
        }
    }
    Ok(found)
}

pub(super) async fn set_of_partition(
    db: &mut Connection,
    (database, table): (&str, &str),
    values: &[String],
    columns: Vec<ColumnStatistics>,
) -> Result<()> {
    let (id, table) = tables::find(db, database, table).await?;
    let name = rules::name_of(&table, &mut values.to_vec())?;
    let partition_id = partitions::find_id(db, id, &table, &name).await?;
    let columns = rules::check_statistics(&table, columns)?;
    let sql = "INSERT INTO partition_column_statistics (partition_id, column_name, statistics)
        VALUES ($1, $2, $3)
        ON CONFLICT (partition_id, column_name) DO UPDATE SET statistics = excluded.statistics";
    for column in &columns {
        query(sql)
            .bind(partition_id)
            .bind(&column.column)
            .bind(to_json(column)?)
            .execute(db)
            .await?;
    }
    let mut partition = partitions::find(db, database, &table.name, values).await?;
    let names: Vec<&str> = columns.iter().map(|c| c.column.as_str()).collect();
    mark_column_statistics(&mut partition.parameters, &names, true);
    partitions::set_parameters(db, partition_id, &partition).await?;
    let kind = EventKind::UpdatePartitionColumnStatistics;
    events::add(db, vec![of_statistics(kind, &table, Some(&name), &names)]).await
}

pub(super) async fn set_of_partitions(
    db: &mut Connection,
    name: (&str, &str),
    columns: Vec<(Vec<String>, Vec<ColumnStatistics>)>,
) -> Result<()> {
    for (values, columns) in columns {
        set_of_partition(db, name, &values, columns).await?;
    }
    Ok(())
}

pub(super) async fn delete_of_partition(
    db: &mut Connection,
    (database, table): (&str, &str),
    values: &[String],
    column: Option<&str>,
) -> Result<usize> {
    let (id, table) = tables::find(db, database, table).await?;
    let name = rules::name_of(&table, &mut values.to_vec())?;
    let partition_id = partitions::find_id(db, id, &table, &name).await?;
    let sql = "DELETE FROM partition_column_statistics
        WHERE partition_id = $1 AND ($2 IS NULL OR column_name = $2) RETURNING column_name";
    let gone: Vec<String> = query(sql).bind(partition_id).bind(column).scalars(db).await?;
    if !gone.is_empty() {
        let mut partition = partitions::find(db, database, &table.name, values).await?;
        let names: Vec<&str> = gone.iter().map(String::as_str).collect();
        mark_column_statistics(&mut partition.parameters, &names, false);
        partitions::set_parameters(db, partition_id, &partition).await?;
        let kind = EventKind::DeletePartitionColumnStatistics;
        events::add(db, vec![of_statistics(kind, &table, Some(&name), &names)]).await?;
    }
    Ok(gone.len())
}
