//! Tables that cannot train a model, and those that just can.

use crate::support::{assert_close, assert_error, coefficients, doubles, train, with_column};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    UInt64Array,
};
use quern_common::Result;
use quern_ml::Model;
use std::sync::Arc;

const Y: &[(&str, &str)] = &[("algorithm", "linear_regression"), ("target", "y")];

fn fit(x: Vec<f64>, y: Vec<f64>) -> Result<Model> {
    train(Y, &doubles(&[("x", x), ("y", y)]))
}

#[test]
fn no_rows_are_an_error_for_every_algorithm() {
    let empty = doubles(&[("x", Vec::new()), ("y", Vec::new())]);
    assert_error(train(Y, &empty), "INVALID_TRAINING_DATA", "returns no rows");
    let clusters = train(&[("algorithm", "kmeans"), ("k", "2")], &empty);
    assert_error(clusters, "INVALID_TRAINING_DATA", "returns no rows");
    let labels: ArrayRef = Arc::new(BooleanArray::from(Vec::<bool>::new()));
    let classes = [("algorithm", "logistic_regression"), ("target", "y")];
    let classes = train(&classes, &with_column(&empty, "y", &labels));
    assert_error(classes, "INVALID_TRAINING_DATA", "returns no rows");
}

#[test]
fn nothing_but_nulls_is_an_error() {
    let batch = doubles(&[("x", vec![0.0; 2]), ("y", vec![1.0, 2.0])]);
    let nulls: ArrayRef = Arc::new(Float64Array::from(vec![None, None]));
    let batch = with_column(&batch, "x", &nulls);
    assert_error(train(Y, &batch), "INVALID_TRAINING_DATA", "all 2 rows");
    let imputed = train(&[Y, &[("nulls", "mean")]].concat(), &batch);
    assert_error(imputed, "INVALID_TRAINING_DATA", "column \"x\" has nothing but NULL");
}

#[test]
fn one_row_and_constant_columns_predict_the_mean() {
    let (intercept, values) = coefficients(&fit(vec![3.0], vec![7.0]).unwrap());
    assert_eq!((intercept, values), (7.0, vec![0.0]));
    let model = fit(vec![0.1; 3], vec![1.0, 2.0, 6.0]).unwrap();
    let (intercept, values) = coefficients(&model);
    assert_eq!(values, [0.0]);
    assert_close("intercept", &[intercept], &[3.0], 1e-15);
    let constant_target = fit(vec![1.0, 2.0, 4.0], vec![5.0; 3]).unwrap();
    assert_eq!(coefficients(&constant_target), (5.0, vec![0.0]));
    assert!(!constant_target.facts().contains_key("r2"));

    let one = doubles(&[("x", vec![3.0]), ("y", vec![1.0])]);
    let cluster = train(&[("algorithm", "kmeans"), ("k", "1")], &one).unwrap();
    assert_eq!((&*cluster.facts()["inertia"], &*cluster.facts()["converged"]), ("0", "true"));
}

#[test]
fn numbers_that_are_not_finite_or_too_large_name_their_column() {
    for (value, problem) in [
        (f64::NAN, "column \"x\" has NaN"),
        (f64::NEG_INFINITY, "column \"x\" has an infinite number"),
        (1e200, "column \"x\" has a number beyond 1e100"),
    ] {
        assert_error(fit(vec![1.0, value], vec![1.0, 2.0]), "INVALID_TRAINING_DATA", problem);
    }
    let target = fit(vec![1.0, 2.0], vec![1.0, f64::NAN]);
    assert_error(target, "INVALID_TRAINING_DATA", "column \"y\" has NaN");
}

#[test]
fn numbers_near_the_limits_are_fitted() {
    let model = fit(vec![1e99, -1e99, 3e99], vec![1e-90, -1e-90, 3e-90]).unwrap();
    assert!((coefficients(&model).1[0] / 1e-189 - 1.0).abs() < 1e-9);
}

#[test]
fn every_numeric_type_is_a_number() {
    let y = vec![0.5, 1.0, 2.5, 3.5];
    let wanted = coefficients(&fit(vec![0.0, 1.0, 1.0, 0.0], y.clone()).unwrap());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(BooleanArray::from(vec![false, true, true, false])),
        Arc::new(UInt64Array::from(vec![0, 1, 1, 0])),
        Arc::new(
            Decimal128Array::from(vec![0, 100, 100, 0]).with_precision_and_scale(10, 2).unwrap(),
        ),
    ];
    let batch = doubles(&[("x", vec![0.0; 4]), ("y", y)]);
    for column in columns {
        let model = train(Y, &with_column(&batch, "x", &column)).unwrap();
        assert_eq!(coefficients(&model), wanted, "{}", column.data_type());
        assert_eq!(&model.feature_types().unwrap()[0], column.data_type());
    }
}

#[test]
fn columns_that_do_not_fit_are_named() {
    let batch = doubles(&[("x", vec![1.0, 2.0]), ("y", vec![1.0, 2.0])]);
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![1, 2]));
    let dated = train(Y, &with_column(&batch, "x", &dates));
    assert_error(dated, "NOT_SUPPORTED", "feature \"x\" of type Date32");
    let date_target = train(Y, &with_column(&batch, "y", &dates));
    assert_error(date_target, "INVALID_TRAINING_DATA", "target \"y\" of type Date32");

    let missing = train(&[("algorithm", "linear_regression"), ("target", "z")], &batch);
    assert_error(missing, "COLUMN_NOT_FOUND", "no column \"z\"");
    let lonely = train(Y, &doubles(&[("y", vec![1.0])]));
    assert_error(lonely, "INVALID_TRAINING_DATA", "no feature column");
    let twice = doubles(&[("x", vec![1.0]), ("X", vec![1.0]), ("y", vec![1.0])]);
    assert_error(train(Y, &twice), "DUPLICATE_COLUMN_NAME", "two columns \"X\"");

    let huge: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1]));
    let classes = [("algorithm", "logistic_regression"), ("target", "y")];
    let huge = train(&classes, &with_column(&batch, "y", &huge));
    assert_error(huge, "TYPE_MISMATCH", "column \"y\" of type UInt64");
}

#[test]
fn more_columns_than_the_limit_are_refused_before_they_are_summed() {
    let names: Vec<String> = (0..2_001).map(|i| format!("x{i}")).collect();
    let mut columns: Vec<(&str, Vec<f64>)> =
        names.iter().map(|name| (name.as_str(), vec![1.0, 2.0])).collect();
    columns.push(("y", vec![1.0, 2.0]));
    let refused = train(Y, &doubles(&columns));
    assert_error(refused, "INVALID_TRAINING_DATA", "2001 encoded columns, more than 2000");
}

#[test]
fn a_target_without_value_is_skipped_even_when_features_are_imputed() {
    let batch = doubles(&[("x", vec![1.0, 2.0, 3.0]), ("y", vec![0.0; 3])]);
    let y: ArrayRef = Arc::new(Int64Array::from(vec![Some(2), Some(4), None]));
    let batch: RecordBatch = with_column(&batch, "y", &y);
    let model = train(&[Y, &[("nulls", "mean")]].concat(), &batch).unwrap();
    assert_eq!((&*model.facts()["rows"], &*model.facts()["rows_skipped"]), ("2", "1"));
    assert_close("coefficients", &coefficients(&model).1, &[2.0], 1e-12);
}
