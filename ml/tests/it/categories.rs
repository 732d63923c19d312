//! String features and NULLs against the same tables prepared by hand.

use crate::support::{
    as_doubles, assert_close, assert_error, coefficients, expected, floats, predict, project,
    table, train, with_column,
};
use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use quern_ml::feature::Encoding;
use std::sync::Arc;

const LENGTH: &[(&str, &str)] = &[("algorithm", "linear_regression"), ("target", "sepal_length")];

/// Iris without every fifth sepal width.
fn with_missing() -> RecordBatch {
    let batch = table("iris");
    let width = as_doubles(batch.column_by_name("sepal_width").unwrap());
    let holes: Float64Array =
        width.iter().enumerate().map(|(i, v)| (i % 5 != 0).then_some(*v)).collect();
    let holes: ArrayRef = Arc::new(holes);
    let batch = with_column(&batch, "sepal_width", &holes);
    project(&batch, &["sepal_length", "sepal_width", "petal_length", "petal_width"])
}

#[test]
fn strings_are_one_hot_with_the_first_as_reference() {
    let expected = expected("iris", "one_hot");
    let batch = table("iris");
    let model = train(LENGTH, &batch).unwrap();
    assert_eq!(
        model.encoded_names(),
        ["sepal_width", "petal_length", "petal_width", "species=versicolor", "species=virginica"]
    );
    let (intercept, values) = coefficients(&model);
    assert_close("coefficients", &values, &floats(&expected["coefficients"]), 1e-6);
    assert_close("intercept", &[intercept], &[expected["intercept"].as_f64().unwrap()], 1e-6);

    // A category that training did not see has no prediction; a NULL has none either.
    let species: ArrayRef = Arc::new(StringArray::from(vec![Some("setosa"), Some("rosa"), None]));
    let batch = with_column(&batch.slice(0, 3), "species", &species);
    let predicted = &predict(&model, &batch)[0];
    assert_eq!(
        (predicted.is_null(0), predicted.is_null(1), predicted.is_null(2)),
        (false, true, true)
    );
}

#[test]
fn clusters_use_every_category() {
    let batch = table("iris");
    let model = train(&[("algorithm", "kmeans"), ("k", "3"), ("seed", "1")], &batch).unwrap();
    assert_eq!(model.encoded_names().len(), 7);
}

#[test]
fn rows_with_null_are_skipped_by_default() {
    let expected = expected("iris", "skipped");
    let batch = with_missing();
    let model = train(LENGTH, &batch).unwrap();
    assert_close("coefficients", &coefficients(&model).1, &floats(&expected["coefficients"]), 1e-6);
    assert_eq!((&*model.facts()["rows"], &*model.facts()["rows_skipped"]), ("120", "30"));
    assert_eq!(predict(&model, &batch)[0].null_count(), 30);
    let metrics = quern_ml::evaluate(&model, &[batch]).unwrap();
    assert!(metrics.contains(&("rows_skipped".to_owned(), 30.0)));
}

#[test]
fn null_can_become_the_mean_or_an_error() {
    let expected = expected("iris", "imputed");
    let batch = with_missing();
    let model = train(&[LENGTH, &[("nulls", "mean")]].concat(), &batch).unwrap();
    assert_close("coefficients", &coefficients(&model).1, &floats(&expected["coefficients"]), 1e-6);
    let predicted = as_doubles(&predict(&model, &batch)[0]);
    assert_close("predictions", &predicted[..20], &floats(&expected["predictions"]), 1e-6);

    let refused = train(&[LENGTH, &[("nulls", "error")]].concat(), &batch);
    assert_error(refused, "INVALID_TRAINING_DATA", "column \"sepal_width\" has NULL");
}

#[test]
fn a_null_string_becomes_the_most_frequent_one() {
    let batch = table("iris");
    let texts: Vec<Option<&str>> = (0..150)
        .map(|i| match i {
            0..60 => Some("b"),
            60..140 => Some("a"),
            _ => None,
        })
        .collect();
    let species: ArrayRef = Arc::new(StringArray::from(texts));
    let batch = with_column(&batch, "species", &species);
    let model = train(&[LENGTH, &[("nulls", "mean")]].concat(), &batch).unwrap();
    let Encoding::OneHot { categories, drop_first, impute } = &model.features()[3].encoding else {
        panic!("{:?}", model.features()[3])
    };
    assert_eq!((categories.len(), *drop_first, impute.as_deref()), (2, true, Some("a")));
    let filled: ArrayRef = Arc::new(StringArray::from(vec!["a"; 10]));
    let tail = batch.slice(140, 10);
    assert_eq!(predict(&model, &tail), predict(&model, &with_column(&tail, "species", &filled)));
}

#[test]
fn too_many_categories_are_an_error_that_names_the_column() {
    let given = [LENGTH, &[("max_categories", "2")]].concat();
    let error = train(&given, &table("iris")).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("max_categories")));
    let message = "column \"species\" has more than 2 distinct strings";
    assert_error::<()>(Err(error), "INVALID_TRAINING_DATA", message);
}
