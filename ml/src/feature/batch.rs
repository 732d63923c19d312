//! Rows of numbers.

use super::{Decoded, Encoding, Feature};
use arrow::array::Array;

/// Training rows as numbers, shifted and scaled as the pass says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureBatch {
    /// Encoded columns of a row.
    pub width: usize,
    /// The rows, one after the other.
    pub values: Vec<f64>,
    /// One target a row: the shifted and scaled number, or the index of the class. 0 without
    /// target.
    pub labels: Vec<f64>,
    /// One hash a row, of the values before shift and scale. Empty when the algorithm does not
    /// sample.
    pub row_hashes: Vec<u64>,
}

impl FeatureBatch {
    /// The rows with their targets.
    pub fn rows(&self) -> impl Iterator<Item = (&[f64], f64)> {
        rows_of(&self.values, self.width, self.labels.len()).zip(self.labels.iter().copied())
    }
}

/// Rows of a flat buffer; a row may be empty.
pub(crate) fn rows_of(values: &[f64], width: usize, rows: usize) -> impl Iterator<Item = &[f64]> {
    (0..rows).map(move |i| values.get(i * width..(i + 1) * width).unwrap_or_default())
}

/// Encoded rows before shift and scale.
#[derive(Debug)]
pub(crate) struct EncodedRows {
    pub(crate) width: usize,
    pub(crate) values: Vec<f64>,
    /// Whether a row has a number in every column: no NULL (unless imputed), no NaN, no
    /// infinity, no unknown category.
    pub(crate) valid: Vec<bool>,
}

impl EncodedRows {
    /// The rows; what an invalid one holds does not matter.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        rows_of(&self.values, self.width, self.valid.len())
    }
}

/// Encodes the rows with these numbers.
pub(crate) fn encode_rows(
    features: &[Feature],
    columns: &[Decoded],
    rows: &[usize],
) -> EncodedRows {
    let width = features.iter().map(Feature::width).sum();
    let mut encoded =
        EncodedRows { width, values: vec![0.0; width * rows.len()], valid: vec![true; rows.len()] };
    let mut start = 0;
    for (feature, column) in features.iter().zip(columns) {
        encode_column(feature, column, rows, start, &mut encoded);
        start += feature.width();
    }
    encoded
}

fn encode_column(
    feature: &Feature,
    column: &Decoded,
    rows: &[usize],
    start: usize,
    encoded: &mut EncodedRows,
) {
    let width = encoded.width;
    for (i, (&row, valid)) in rows.iter().zip(&mut encoded.valid).enumerate() {
        match number_of(&feature.encoding, column, row) {
            Cell::Number(value) => set(&mut encoded.values, i * width + start, value),
            Cell::One(offset) => set(&mut encoded.values, i * width + start + offset, 1.0),
            Cell::Reference => {}
            Cell::Invalid => *valid = false,
        }
    }
}

fn set(values: &mut [f64], index: usize, value: f64) {
    if let Some(place) = values.get_mut(index) {
        *place = value;
    }
}

enum Cell {
    Number(f64),
    /// 1 at this offset of the feature's columns.
    One(usize),
    /// 0 in all of the feature's columns.
    Reference,
    Invalid,
}

fn number_of(encoding: &Encoding, column: &Decoded, row: usize) -> Cell {
    match (encoding, column) {
        (Encoding::Number { impute, .. }, Decoded::Number(array)) => {
            let value = if array.is_null(row) { *impute } else { Some(array.value(row)) };
            value.filter(|value| value.is_finite()).map_or(Cell::Invalid, Cell::Number)
        }
        (Encoding::OneHot { categories, drop_first, impute }, Decoded::Text(array)) => {
            let text = if array.is_null(row) { impute.as_deref() } else { Some(array.value(row)) };
            let found = text.and_then(|text| {
                categories.binary_search_by(|known| known.as_str().cmp(text)).ok()
            });
            match (found, drop_first) {
                (None, _) => Cell::Invalid,
                (Some(0), true) => Cell::Reference,
                (Some(index), true) => Cell::One(index - 1),
                (Some(index), false) => Cell::One(index),
            }
        }
        _ => Cell::Invalid,
    }
}
