//! Logistic regression against scikit-learn's `LogisticRegression`.

use crate::support::{
    as_doubles, assert_close, assert_error, assert_metrics, coefficients, doubles, expected,
    floats, predict, project, table, train, with_column,
};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use serde_json::Value;
use std::sync::Arc;

const CANCER: &[(&str, &str)] = &[("algorithm", "logistic_regression"), ("target", "diagnosis")];

fn check(given: &[(&str, &str)], batch: &RecordBatch, expected: &Value) {
    let model = train(given, batch).unwrap();
    assert_eq!(model.facts()["converged"], "true", "{:?}", model.facts());
    let (intercept, values) = coefficients(&model);
    assert_close("coefficients", &values, &floats(&expected["coefficients"]), 1e-5);
    assert_close("intercept", &[intercept], &[expected["intercept"].as_f64().unwrap()], 1e-5);
    let outputs = predict(&model, batch);
    let shown = floats(&expected["probabilities"]);
    assert_close("probability", &as_doubles(&outputs[1])[..shown.len()], &shown, 1e-6);
    for (row, class) in expected["predictions"].as_array().unwrap().iter().enumerate() {
        assert_eq!(array_value_to_string(&outputs[0], row).unwrap(), class.as_str().unwrap());
    }
    assert_metrics(&model, batch, expected);
}

/// The table as scikit-learn's `StandardScaler` leaves it.
fn standardised(batch: &RecordBatch) -> RecordBatch {
    let names: Vec<String> =
        batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    names.iter().filter(|name| *name != "diagnosis").fold(batch.clone(), |batch, name| {
        let values = as_doubles(batch.column_by_name(name).unwrap());
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let scaled = values.iter().map(|v| (v - mean) / variance.sqrt());
        let column: ArrayRef = Arc::new(Float64Array::from_iter_values(scaled));
        with_column(&batch, name, &column)
    })
}

#[test]
fn a_penalty_in_the_units_of_the_table_equals_scikit_learn() {
    let batch = table("breast_cancer");
    let given = [CANCER, &[("l2", "1")]].concat();
    check(&given, &batch, &expected("breast_cancer", "raw"));
    check(&given, &standardised(&batch), &expected("breast_cancer", "standardised"));
    let strong = [CANCER, &[("l2", "100")]].concat();
    check(&strong, &batch, &expected("breast_cancer", "strong_penalty"));
    let through_origin = [&given[..], &[("fit_intercept", "false")]].concat();
    check(&through_origin, &standardised(&batch), &expected("breast_cancer", "no_intercept"));
}

#[test]
fn no_penalty_is_the_default_and_equals_scikit_learn() {
    let few = ["mean_radius", "mean_texture", "mean_smoothness", "diagnosis"];
    let batch = project(&table("breast_cancer"), &few);
    check(CANCER, &batch, &expected("breast_cancer", "no_penalty"));
}

#[test]
fn classes_may_be_integers_and_booleans() {
    let given = [("algorithm", "logistic_reg"), ("input_label_cols", "class"), ("l2", "1")];
    let doubles = table("wine");
    let integers = cast(doubles.column_by_name("class").unwrap(), &DataType::Int32).unwrap();
    let batch = with_column(&doubles, "class", &integers);
    check(&given, &batch, &expected("wine", "l2"));

    let model = train(&given, &batch).unwrap();
    let booleans = cast(&integers, &DataType::Boolean).unwrap();
    let boolean_batch = with_column(&doubles, "class", &booleans);
    let boolean_model = train(&given, &boolean_batch).unwrap();
    assert_eq!(coefficients(&boolean_model), coefficients(&model));
    let predicted = predict(&boolean_model, &boolean_batch);
    assert_eq!(predicted[0].data_type(), &DataType::Boolean);
    assert!(predicted[0].as_boolean().true_count() > 50);

    let double_target = train(&given, &doubles);
    assert_error(double_target, "INVALID_TRAINING_DATA", "target \"class\" of type Float64");
}

#[test]
fn string_classes_come_back_in_every_string_type() {
    let few = ["mean_radius", "mean_texture", "diagnosis"];
    let batch = project(&table("breast_cancer"), &few);
    let plain = predict(&train(CANCER, &batch).unwrap(), &batch);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for data_type in [DataType::Utf8View, DataType::LargeUtf8, dictionary] {
        let column = cast(batch.column_by_name("diagnosis").unwrap(), &data_type).unwrap();
        let batch = with_column(&batch, "diagnosis", &column);
        let outputs = predict(&train(CANCER, &batch).unwrap(), &batch);
        assert_eq!(outputs[0].data_type(), &data_type);
        assert_eq!(&cast(&outputs[0], &DataType::Utf8).unwrap(), &plain[0]);
    }
}

#[test]
fn separable_classes_are_reported_unless_penalised() {
    let x: Vec<f64> = (0..20).map(f64::from).collect();
    let label: ArrayRef = Arc::new(BooleanArray::from_iter((0..20).map(|i| Some(i >= 10))));
    let batch = doubles(&[("x", x), ("y", vec![0.0; 20])]);
    let batch = with_column(&batch, "y", &label);
    let given = [("algorithm", "logistic_regression"), ("target", "y")];
    let model = train(&given, &batch).unwrap();
    assert_eq!(model.facts()["converged"], "false");
    assert!(model.facts()["separation"].contains("use option l2"), "{:?}", model.facts());
    assert_eq!(&predict(&model, &batch)[0], &label);

    let stopped = train(&[&given[..], &[("max_iterations", "3")]].concat(), &batch).unwrap();
    assert_eq!((&*stopped.facts()["iterations"], &*stopped.facts()["converged"]), ("3", "false"));

    let penalised = train(&[&given[..], &[("l2", "1")]].concat(), &batch).unwrap();
    assert_eq!(penalised.facts()["converged"], "true");
    assert!(!penalised.facts().contains_key("separation"));
}

#[test]
fn one_class_and_three_classes_are_refused_by_name() {
    let given = [("algorithm", "logistic_regression"), ("target", "y")];
    let batch = doubles(&[("x", vec![1.0, 2.0, 3.0]), ("y", vec![0.0; 3])]);
    let label = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let one = train(&given, &with_column(&batch, "y", &label(vec![7, 7, 7])));
    assert_error(one, "INVALID_TRAINING_DATA", "target \"y\" has only the class \"7\"");
    let three = train(&given, &with_column(&batch, "y", &label(vec![1, 2, 3])));
    assert_error(three, "INVALID_TRAINING_DATA", "more than two classes: \"1\", \"2\", \"3\"");
}
