//! SHOW STATS: what the planner knows of a table, or of some of its partitions.

use super::measure::text_of;
use super::{TableMaintenance, schema};
use crate::error::from_datafusion;
use crate::plan::PlanScope;
use crate::tables::{HiveTable, KnownColumn};
use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};
use datafusion::sql::sqlparser::ast::Query;
use quern_common::{Error, Result};
use std::sync::Arc;

/// Trino's columns.
pub(super) fn schema_of_answer() -> SchemaRef {
    schema(&[
        ("column_name", DataType::Utf8),
        ("data_size", DataType::Float64),
        ("distinct_values_count", DataType::Float64),
        ("nulls_fraction", DataType::Float64),
        ("row_count", DataType::Float64),
        ("low_value", DataType::Utf8),
        ("high_value", DataType::Utf8),
    ])
}

#[derive(Default)]
struct ShownRow {
    name: Option<String>,
    data_size: Option<f64>,
    distinct: Option<f64>,
    nulls_fraction: Option<f64>,
    rows: Option<f64>,
    low: Option<String>,
    high: Option<String>,
}

impl TableMaintenance {
    /// Shows the statistics of what a query reads: columns of one table, of the partitions that
    /// its condition leaves.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for any other query, and those of planning it.
    pub async fn show_stats(&self, query: &Query, scope: &PlanScope) -> Result<RecordBatch> {
        let logical = self.planner.logical(query, scope).await?;
        let (scan, columns) = read_columns(&logical.plan)?;
        let provider = source_as_provider(&scan.source).map_err(from_datafusion)?;
        let table = provider
            .downcast_ref::<HiveTable>()
            .ok_or_else(|| Error::not_supported("SHOW STATS of a system table"))?;
        let optimized = logical.state.optimize(&logical.plan).map_err(from_datafusion)?;
        let filters = partition_filters(&optimized)?;
        let known = table.known(&logical.state, filters.as_deref()).await?;
        let names = table.column_names();
        let mut shown = vec![];
        for name in columns {
            let index = names.iter().position(|known| *known == name);
            let column = index.and_then(|index| known.columns.get(index)).cloned();
            shown.push(column_row(name, &column.unwrap_or_default(), known.rows)?);
        }
        shown.push(ShownRow { rows: known.rows.map(|n| n as f64), ..ShownRow::default() });
        batch(&shown)
    }
}

fn column_row(name: String, column: &KnownColumn, rows: Option<u64>) -> Result<ShownRow> {
    let values = rows.map(|rows| rows.saturating_sub(column.nulls.unwrap_or(0)));
    let fraction = |rows: u64| Some(column.nulls? as f64 / rows as f64);
    let text = |bound: &Option<_>| bound.as_ref().map_or(Ok(None), text_of);
    Ok(ShownRow {
        name: Some(name),
        data_size: column.avg_length.zip(values).map(|(length, n)| (length * n as f64).round()),
        distinct: column.distinct.map(|n| n as f64),
        nulls_fraction: rows.filter(|rows| *rows > 0).and_then(fraction),
        rows: None,
        low: text(&column.min)?,
        high: text(&column.max)?,
    })
}

fn unsupported(plan: &LogicalPlan) -> Error {
    let node = plan.display().to_string();
    let node = node.split([':', ' ']).next().unwrap_or_default().to_uppercase();
    Error::not_supported(format!("SHOW STATS of a query with {node}"))
        .with_hint("write SHOW STATS FOR (SELECT * FROM t WHERE condition on partition keys)")
}

/// The one scan of a query, and the columns that it selects.
fn read_columns(plan: &LogicalPlan) -> Result<(&TableScan, Vec<String>)> {
    let mut columns = None;
    let mut plan = plan;
    loop {
        match plan {
            LogicalPlan::Projection(projection) if columns.is_none() => {
                let names = projection.expr.iter().map(|expr| match expr {
                    Expr::Column(column) => Ok(column.name.clone()),
                    other => Err(Error::not_supported(format!("SHOW STATS of \"{other}\""))
                        .with_hint("select columns as they are")),
                });
                columns = Some(names.collect::<Result<Vec<_>>>()?);
                plan = &projection.input;
            }
            LogicalPlan::Filter(filter) => plan = &filter.input,
            LogicalPlan::SubqueryAlias(alias) => plan = &alias.input,
            LogicalPlan::TableScan(scan) => return Ok((scan, columns.unwrap_or_default())),
            other => return Err(unsupported(other)),
        }
    }
}

/// The condition on partition keys; none when it is never true.
fn partition_filters(plan: &LogicalPlan) -> Result<Option<Vec<Expr>>> {
    let mut filters = None;
    let mut rest = None;
    plan.apply(|node| {
        match node {
            LogicalPlan::TableScan(scan) => filters = Some(scan.filters.clone()),
            LogicalPlan::Filter(filter) => rest = Some(filter.predicate.clone()),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(from_datafusion)?;
    match rest {
        None => Ok(filters),
        Some(condition) => Err(Error::not_supported(format!(
            "SHOW STATS with the condition \"{condition}\", which is not on partition keys alone"
        ))),
    }
}

fn batch(rows: &[ShownRow]) -> Result<RecordBatch> {
    let texts = |of: fn(&ShownRow) -> &Option<String>| {
        Arc::new(rows.iter().map(|row| of(row).as_deref()).collect::<StringArray>()) as ArrayRef
    };
    let numbers = |of: fn(&ShownRow) -> Option<f64>| {
        Arc::new(rows.iter().map(of).collect::<Float64Array>()) as ArrayRef
    };
    let columns = vec![
        texts(|row| &row.name),
        numbers(|row| row.data_size),
        numbers(|row| row.distinct),
        numbers(|row| row.nulls_fraction),
        numbers(|row| row.rows),
        texts(|row| &row.low),
        texts(|row| &row.high),
    ];
    RecordBatch::try_new(schema_of_answer(), columns)
        .map_err(|err| Error::internal(format!("SHOW STATS: {err}")))
}
