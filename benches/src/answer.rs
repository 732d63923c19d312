//! Answers, and whether two engines gave the same one.

use anyhow::Result;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

/// How far floating-point numbers may lie apart, relative to the larger and at least absolutely.
/// Sums depend on the order of their parts.
const FLOAT_TOLERANCE: f64 = 1e-9;

/// The rows of a query and how long they took.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) batches: Vec<RecordBatch>,
    /// From sending the query to having the last row.
    pub(crate) elapsed: Duration,
    /// The query's id, where the engine has such.
    pub(crate) query_id: Option<String>,
}

/// A value as far as engines agree on types.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    /// An integer or decimal: its text without trailing zeros, and its type's scale.
    Exact(String, i32),
    Float(f64),
    /// Anything else.
    Text(String),
}

impl Cell {
    fn is_float(&self) -> bool {
        matches!(self, Self::Float(_))
    }

    fn number(&self) -> f64 {
        match self {
            Self::Float(value) => *value,
            Self::Exact(text, _) => text.parse().unwrap_or(f64::NAN),
            Self::Null | Self::Text(_) => f64::NAN,
        }
    }

    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a, _), Self::Exact(b, _)) => a == b,
            (Self::Float(a), Self::Float(b)) => close(*a, *b, FLOAT_TOLERANCE),
            // An engine that computes a mean as a decimal has rounded it to its scale.
            (Self::Exact(_, scale), Self::Float(_)) | (Self::Float(_), Self::Exact(_, scale)) => {
                let unit = if *scale > 0 { 10_f64.powi(-scale) } else { FLOAT_TOLERANCE };
                close(self.number(), other.number(), unit)
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Exact(text, _) => f.write_str(text),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => write!(f, "'{text}'"),
        }
    }
}

fn close(a: f64, b: f64, absolute: f64) -> bool {
    let difference = (a - b).abs();
    a == b
        || (a.is_nan() && b.is_nan())
        || difference <= absolute
        || difference <= FLOAT_TOLERANCE * a.abs().max(b.abs())
}

type Row = Vec<Cell>;

/// An answer's rows, ready to be compared.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) n_columns: usize,
    rows: Vec<Row>,
}

impl Rows {
    pub(crate) fn of(batches: &[RecordBatch]) -> Result<Self> {
        let mut rows = Vec::new();
        for batch in batches {
            let columns = batch.columns().iter().map(cells).collect::<Result<Vec<_>>>()?;
            for row in 0..batch.num_rows() {
                rows.push(columns.iter().map(|column| column[row].clone()).collect());
            }
        }
        let n_columns = batches.first().map_or(0, RecordBatch::num_columns);
        Ok(Self { n_columns, rows })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How `other` differs from this answer; none when it does not. Rows in another order are the
    /// same answer: where ORDER BY leaves the order open, engines differ.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        if self.len() != other.len() {
            return Some(format!("{} rows instead of {}", other.len(), self.len()));
        }
        first_difference(self.rows.iter(), other.rows.iter())?;
        let floats = float_columns(self, other);
        let (expected, actual) = (sorted(&self.rows, &floats), sorted(&other.rows, &floats));
        first_difference(expected.into_iter(), actual.into_iter())
    }
}

fn first_difference<'a>(
    expected: impl Iterator<Item = &'a Row>,
    actual: impl Iterator<Item = &'a Row>,
) -> Option<String> {
    for (number, (expected, actual)) in (1..).zip(expected.zip(actual)) {
        let same = expected.len() == actual.len()
            && expected.iter().zip(actual).all(|(expected, actual)| expected.equals(actual));
        if !same {
            let (expected, actual) = (text(expected), text(actual));
            return Some(format!("row {number}: {actual} instead of {expected}"));
        }
    }
    None
}

fn text(row: &Row) -> String {
    let cells: Vec<_> = row.iter().map(ToString::to_string).collect();
    format!("({})", cells.join(", "))
}

/// Columns in which either answer has floating-point numbers.
fn float_columns(a: &Rows, b: &Rows) -> Vec<bool> {
    let mut floats = vec![false; a.n_columns];
    for row in a.rows.iter().chain(&b.rows) {
        for (is_float, cell) in floats.iter_mut().zip(row) {
            *is_float |= cell.is_float();
        }
    }
    floats
}

/// The rows by their exact columns, then by those that are only close.
fn sorted<'a>(rows: &'a [Row], floats: &[bool]) -> Vec<&'a Row> {
    let mut sorted: Vec<_> = rows.iter().collect();
    sorted.sort_by(|a, b| by_exact(a, b, floats).then_with(|| by_float(a, b, floats)));
    sorted
}

fn by_exact(a: &Row, b: &Row, floats: &[bool]) -> Ordering {
    let cells = a.iter().zip(b).zip(floats).filter(|(_, is_float)| !**is_float);
    cells.map(|((a, b), _)| a.to_string().cmp(&b.to_string())).fold(Ordering::Equal, Ordering::then)
}

fn by_float(a: &Row, b: &Row, floats: &[bool]) -> Ordering {
    let cells = a.iter().zip(b).zip(floats).filter(|(_, is_float)| **is_float);
    cells.map(|((a, b), _)| a.number().total_cmp(&b.number())).fold(Ordering::Equal, Ordering::then)
}

fn cells(column: &ArrayRef) -> Result<Vec<Cell>> {
    let data_type = column.data_type();
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let mut cells = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        cells.push(match data_type {
            _ if column.is_null(row) => Cell::Null,
            DataType::Float64 => Cell::Float(column.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => {
                Cell::Float(column.as_primitive::<Float32Type>().value(row).into())
            }
            _ => {
                let text = formatter.value(row).try_to_string()?;
                match scale(data_type) {
                    Some(scale) => Cell::Exact(without_trailing_zeros(&text), scale),
                    None => Cell::Text(text),
                }
            }
        });
    }
    Ok(cells)
}

/// The digits after the point of an exact number; none for other types.
fn scale(data_type: &DataType) -> Option<i32> {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some((*scale).into()),
        other => other.is_integer().then_some(0),
    }
}

/// Engines differ in the scale of computed decimals.
fn without_trailing_zeros(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Decimal128Array, Float64Array, Int64Array, StringArray};
    use std::sync::Arc;

    fn rows(columns: Vec<ArrayRef>) -> Rows {
        let names = ["a", "b", "c"];
        let batch = RecordBatch::try_from_iter(names.into_iter().zip(columns)).unwrap();
        Rows::of(&[batch]).unwrap()
    }

    fn decimals(values: &[i128], scale: i8) -> ArrayRef {
        let array = Decimal128Array::from_iter_values(values.iter().copied());
        Arc::new(array.with_precision_and_scale(20, scale).unwrap())
    }

    fn floats(values: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    #[test]
    fn exact_numbers_are_compared_by_value() {
        let expected = rows(vec![decimals(&[150, -20, 0], 2)]);
        assert_eq!(expected.difference(&rows(vec![decimals(&[1500, -200, 0], 3)])), None);
        let actual = rows(vec![decimals(&[150, -21, 0], 2)]);
        let difference = expected.difference(&actual).unwrap();
        assert!(difference.contains("(-0.21) instead of (-0.2)"), "{difference}");
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![5]));
        assert_eq!(rows(vec![integers]).difference(&rows(vec![decimals(&[500], 2)])), None);
    }

    #[test]
    fn floats_may_differ_in_the_last_digits() {
        let expected = rows(vec![floats(&[1e12, 0.0, f64::NAN])]);
        assert_eq!(expected.difference(&rows(vec![floats(&[1e12 + 1.0, 1e-12, f64::NAN])])), None);
        assert!(expected.difference(&rows(vec![floats(&[1e12 + 1e4, 0.0, f64::NAN])])).is_some());
        // 0.049985 as decimal(19,6) against the mean itself.
        let decimal = rows(vec![decimals(&[49_985], 6)]);
        assert_eq!(decimal.difference(&rows(vec![floats(&[0.049_985_29])])), None);
        assert!(decimal.difference(&rows(vec![floats(&[0.049_99])])).is_some());
    }

    #[test]
    fn the_order_of_rows_does_not_matter_but_each_row_does() {
        let names = |names: &[&str]| Arc::new(StringArray::from(names.to_vec())) as ArrayRef;
        let expected = rows(vec![floats(&[1.0, 2.0, 3.0]), names(&["x", "y", "y"])]);
        let moved = rows(vec![floats(&[3.000_000_000_1, 2.0, 1.0]), names(&["y", "y", "x"])]);
        assert_eq!(expected.difference(&moved), None);
        let swapped = rows(vec![floats(&[2.0, 1.0, 3.0]), names(&["x", "y", "y"])]);
        assert!(expected.difference(&swapped).is_some());
        let short = rows(vec![floats(&[1.0, 2.0]), names(&["x", "y"])]);
        assert_eq!(expected.difference(&short).unwrap(), "2 rows instead of 3");
    }

    #[test]
    fn nothing_equals_null_but_null() {
        let some = rows(vec![Arc::new(StringArray::from(vec![Some("NULL")])) as ArrayRef]);
        let none = rows(vec![Arc::new(StringArray::from(vec![None::<&str>])) as ArrayRef]);
        assert!(some.difference(&none).is_some());
        assert_eq!(none.difference(&none), None);
    }
}
