//! Tables, expected numbers and comparisons.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use quern_common::{Error, Result};
use quern_ml::model::ModelParameters;
use quern_ml::{Model, TrainingOptions};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

fn fixture(name: &str) -> String {
    let path: PathBuf = ["tests", "fixtures", name].iter().collect();
    std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

/// A fixture table: doubles, and strings where a column is not a number.
pub(crate) fn table(name: &str) -> RecordBatch {
    let text = fixture(&format!("{name}.csv"));
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let rows: Vec<_> = lines.collect();
    RecordBatch::try_from_iter(header.iter().enumerate().map(|(i, name)| {
        let cells = rows.iter().map(|row| row[i]);
        let numbers: std::result::Result<Vec<f64>, _> = cells.clone().map(str::parse).collect();
        let column: ArrayRef = match numbers {
            Ok(numbers) => Arc::new(Float64Array::from(numbers)),
            Err(_) => Arc::new(StringArray::from_iter_values(cells)),
        };
        (*name, column)
    }))
    .unwrap()
}

/// scikit-learn's numbers.
pub(crate) fn expected(set: &str, case: &str) -> Value {
    let all: Value = serde_json::from_str(&fixture("expected.json")).unwrap();
    let value = all[set][case].clone();
    assert!(!value.is_null(), "no expected {set} {case}");
    value
}

pub(crate) fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

pub(crate) fn options(options: &[(&str, &str)]) -> TrainingOptions {
    let map: BTreeMap<_, _> =
        options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    TrainingOptions::parse(&map).unwrap()
}

pub(crate) fn train(given: &[(&str, &str)], batch: &RecordBatch) -> Result<Model> {
    quern_ml::train(&options(given), batch.schema_ref(), std::slice::from_ref(batch))
}

/// The columns with these names, in this order.
pub(crate) fn project(batch: &RecordBatch, names: &[&str]) -> RecordBatch {
    RecordBatch::try_from_iter(
        names.iter().map(|name| (*name, Arc::clone(batch.column_by_name(name).unwrap()))),
    )
    .unwrap()
}

/// A table of doubles.
pub(crate) fn doubles(columns: &[(&str, Vec<f64>)]) -> RecordBatch {
    RecordBatch::try_from_iter(columns.iter().map(|(name, values)| {
        let column: ArrayRef = Arc::new(Float64Array::from(values.clone()));
        (*name, column)
    }))
    .unwrap()
}

/// The table with one column replaced.
pub(crate) fn with_column(batch: &RecordBatch, name: &str, column: &ArrayRef) -> RecordBatch {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, old)| {
        let chosen = if field.name() == name { column } else { old };
        (field.name().clone(), Arc::clone(chosen), true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Intercept and coefficients.
pub(crate) fn coefficients(model: &Model) -> (f64, Vec<f64>) {
    match model.parameters() {
        ModelParameters::LinearRegression { intercept, coefficients }
        | ModelParameters::LogisticRegression { intercept, coefficients } => {
            (*intercept, coefficients.clone())
        }
        other => panic!("{other:?}"),
    }
}

/// Every number of a model, to compare two.
pub(crate) fn numbers(model: &Model) -> Vec<f64> {
    match model.parameters() {
        ModelParameters::Kmeans { centroids, scale } => {
            centroids.iter().flatten().chain(scale).copied().collect()
        }
        _ => {
            let (intercept, mut numbers) = coefficients(model);
            numbers.push(intercept);
            numbers
        }
    }
}

pub(crate) fn predict(model: &Model, batch: &RecordBatch) -> Vec<ArrayRef> {
    let names: Vec<_> = model.feature_names().collect();
    let outputs = model.predict(project(batch, &names).columns()).unwrap();
    let fields = model.output_fields().unwrap();
    assert_eq!(outputs.len(), fields.len());
    for (output, field) in outputs.iter().zip(&fields) {
        assert_eq!((output.data_type(), output.len()), (field.data_type(), batch.num_rows()));
    }
    outputs
}

pub(crate) fn as_doubles(column: &ArrayRef) -> Vec<f64> {
    assert_eq!(column.null_count(), 0);
    column.as_primitive::<Float64Type>().values().to_vec()
}

pub(crate) fn as_integers(column: &ArrayRef) -> Vec<i64> {
    assert_eq!(column.null_count(), 0);
    column.as_primitive::<Int64Type>().values().to_vec()
}

/// Within `tolerance`, relative for numbers larger than 1.
pub(crate) fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: {got:?} instead of {expected:?}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let difference = (got - expected).abs() / expected.abs().max(1.0);
        assert!(difference <= tolerance, "{what}[{i}]: {got} instead of {expected}");
    }
}

pub(crate) fn assert_metrics(model: &Model, batch: &RecordBatch, expected: &Value) {
    let metrics: BTreeMap<_, _> =
        quern_ml::evaluate(model, std::slice::from_ref(batch)).unwrap().into_iter().collect();
    let expected = expected["metrics"].as_object().unwrap();
    assert!(!expected.is_empty());
    for (name, value) in expected {
        assert_close(name, &[metrics[name]], &[value.as_f64().unwrap()], 1e-6);
    }
    assert_eq!(metrics["rows"], batch.num_rows() as f64);
}

#[track_caller]
pub(crate) fn assert_error<T: std::fmt::Debug>(result: Result<T>, code: &str, message: &str) {
    let error: Error = result.unwrap_err();
    assert_eq!(error.code().name(), code, "{error}");
    assert!(error.message().contains(message), "\"{error}\" should contain \"{message}\"");
}
