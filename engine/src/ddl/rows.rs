//! Results of SHOW and the like: columns by statement, and batches of text.

use super::procedures;
use crate::statement::Statement;
use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use quern_common::{Error, Result};
use std::sync::Arc;

/// Names of columns of text.
pub(super) type Columns = &'static [&'static str];

pub(super) const COLUMNS: Columns = &["Column", "Type", "Extra", "Comment"];
pub(super) const SESSION: Columns = &["Name", "Value", "Default", "Type", "Description"];
pub(super) const FUNCTIONS: Columns =
    &["Function", "Return Type", "Argument Types", "Function Type", "Deterministic", "Description"];
pub(super) const MODELS: Columns = &["Model", "Version", "Algorithm", "Owner", "Created"];
pub(super) const MODEL: Columns = &["Property", "Value"];
/// Columns of numbers.
pub(super) const SYNC: Columns = &["partitions_added", "partitions_dropped", "directories_ignored"];

/// The columns that a statement answers with.
pub(super) fn columns_of(statement: &Statement) -> Option<Columns> {
    match statement {
        Statement::ShowCatalogs { .. } => Some(&["Catalog"]),
        Statement::ShowSchemas { .. } => Some(&["Schema"]),
        Statement::ShowTables { .. } => Some(&["Table"]),
        Statement::ShowColumns { .. } | Statement::Describe { .. } => Some(COLUMNS),
        Statement::ShowPartitions { .. } => Some(&["partition"]),
        Statement::ShowCreateTable { .. } => Some(&["Create Table"]),
        Statement::ShowCreateView { .. } => Some(&["Create View"]),
        Statement::ShowCreateSchema { .. } => Some(&["Create Schema"]),
        Statement::ShowCreateCatalog { .. } => Some(&["Create Catalog"]),
        Statement::ShowSession { .. } => Some(SESSION),
        Statement::ShowFunctions { .. } => Some(FUNCTIONS),
        Statement::ShowModels { .. } => Some(MODELS),
        Statement::DescribeModel { .. } => Some(MODEL),
        Statement::MsckRepair { .. } => Some(SYNC),
        Statement::Call { procedure, .. } => procedures::columns_of(procedure),
        _ => None,
    }
}

/// The schema of a result with these columns.
pub(super) fn schema(columns: Columns) -> SchemaRef {
    let data_type = if columns == SYNC { DataType::Int64 } else { DataType::Utf8 };
    let fields = columns.iter().map(|name| Field::new(*name, data_type.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Rows of text that are being collected.
pub(super) struct TextRows {
    columns: Columns,
    rows: Vec<Vec<Option<String>>>,
}

impl TextRows {
    pub(super) const fn new(columns: Columns) -> Self {
        Self { columns, rows: vec![] }
    }

    pub(super) fn push<const N: usize>(&mut self, row: [Option<String>; N]) {
        self.rows.push(row.into());
    }

    pub(super) fn finish(self) -> Result<RecordBatch> {
        let arrays = (0..self.columns.len()).map(|index| {
            let values = self.rows.iter().map(|row| row.get(index).and_then(Option::as_deref));
            Arc::new(values.collect::<StringArray>()) as ArrayRef
        });
        batch(self.columns, arrays.collect())
    }
}

/// One column of text.
pub(super) fn one_column(columns: Columns, values: Vec<String>) -> Result<RecordBatch> {
    batch(columns, vec![Arc::new(StringArray::from(values))])
}

/// One row of numbers.
pub(super) fn counts<const N: usize>(columns: Columns, values: [usize; N]) -> Result<RecordBatch> {
    let arrays = values.iter().map(|n| {
        Arc::new(Int64Array::from(vec![i64::try_from(*n).unwrap_or(i64::MAX)])) as ArrayRef
    });
    batch(columns, arrays.collect())
}

fn batch(columns: Columns, arrays: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema(columns), arrays)
        .map_err(|err| Error::internal(format!("result of a SHOW statement: {err}")))
}
