//! Statistics.

use super::dialect::{Connection, store_error};
use super::record::{from_json, to_json};
use super::tables;
use crate::metastore::rules;
use crate::model::{ColumnStatistics, TableStatistics};
use quern_common::Result;

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
    let columns: Vec<String> =
        sqlx::query_scalar(sql).bind(id).fetch_all(db).await.map_err(store_error)?;
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
    let sums: Sums = sqlx::query_as(sql).bind(id).fetch_one(db).await.map_err(store_error)?;
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
    database: &str,
    table: &str,
    columns: Vec<ColumnStatistics>,
) -> Result<()> {
    let (id, table) = tables::find(db, database, table).await?;
    let sql = "INSERT INTO column_statistics (table_id, column_name, statistics)
        VALUES ($1, $2, $3)
        ON CONFLICT (table_id, column_name) DO UPDATE SET statistics = excluded.statistics";
    for mut column in columns {
        column.column = rules::fold(&column.column);
        rules::check_has_column(&table, &column.column)?;
        let query = sqlx::query(sql).bind(id).bind(&column.column).bind(to_json(&column)?);
        query.execute(&mut *db).await.map_err(store_error)?;
    }
    Ok(())
}
