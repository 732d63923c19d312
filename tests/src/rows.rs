//! Results as rows of text, so that engines can be compared.

use anyhow::Result;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use quern_client::{Connection, QueryResult};

/// A row; NULL is `NULL`.
pub type Row = Vec<String>;

/// Runs a statement and returns its rows; none for an update.
///
/// # Errors
/// The statement's own.
pub async fn query(connection: &Connection, sql: &str) -> Result<Vec<Row>> {
    match connection.execute(sql).await? {
        QueryResult::Rows(rows) => of_batches(&rows.collect().await?),
        QueryResult::Update(_) => Ok(vec![]),
    }
}

/// The rows of batches.
///
/// # Errors
/// For a type without text.
pub fn of_batches(batches: &[RecordBatch]) -> Result<Vec<Row>> {
    let mut rows = vec![];
    for batch in batches {
        let columns = batch.columns().iter().map(texts).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column[row].clone()).collect());
        }
    }
    Ok(rows)
}

/// A column's values as text: floats with 12 significant digits, so that a sum in another order
/// looks the same; decimals without trailing zeros, since engines differ in scale.
fn texts(column: &ArrayRef) -> Result<Vec<String>> {
    let text = |row: usize, value: &dyn Fn(usize) -> Result<String>| match column.is_null(row) {
        true => Ok("NULL".to_owned()),
        false => value(row),
    };
    let rows = 0..column.len();
    match column.data_type() {
        DataType::Float64 => {
            let array = column.as_primitive::<Float64Type>();
            rows.map(|row| text(row, &|row| Ok(float(array.value(row))))).collect()
        }
        DataType::Float32 => {
            let array = column.as_primitive::<Float32Type>();
            rows.map(|row| text(row, &|row| Ok(float(f64::from(array.value(row)))))).collect()
        }
        DataType::Decimal128(_, _) => {
            let array = column.as_primitive::<Decimal128Type>();
            rows.map(|row| text(row, &|row| Ok(decimal(&array.value_as_string(row))))).collect()
        }
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
            rows.map(|row| text(row, &|row| Ok(formatter.value(row).try_to_string()?))).collect()
        }
    }
}

fn float(value: f64) -> String {
    let text = format!("{value:.11e}");
    // 1.50000000000e2 → the shortest text of the rounded number.
    text.parse::<f64>().map_or(text, |rounded| format!("{rounded}"))
}

fn decimal(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}
