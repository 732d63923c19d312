//! Prediction and evaluation on columns that differ from those of training.

use crate::support::{
    as_doubles, assert_close, assert_error, doubles, predict, table, train, with_column,
};
use arrow::array::{
    Array, ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use std::sync::Arc;

const Y: &[(&str, &str)] = &[("algorithm", "linear_regression"), ("target", "y")];

#[test]
fn null_nan_and_infinite_features_predict_null() {
    let line = doubles(&[("x", vec![1.0, 2.0, 3.0]), ("y", vec![2.0, 4.0, 6.0])]);
    let x: ArrayRef =
        Arc::new(Float64Array::from(vec![Some(5.0), None, Some(f64::NAN), Some(f64::INFINITY)]));
    let nulls = |column: &ArrayRef| (0..4).map(|i| column.is_null(i)).collect::<Vec<_>>();
    let model = train(Y, &line).unwrap();
    let predicted = &model.predict(&[Arc::clone(&x)]).unwrap()[0];
    assert_eq!(nulls(predicted), [false, true, true, true]);
    assert_close("first", &as_doubles(&predicted.slice(0, 1)), &[10.0], 1e-12);

    let labels: ArrayRef = Arc::new(Int32Array::from(vec![0, 1, 0]));
    let classes = [("algorithm", "logistic_regression"), ("target", "y"), ("l2", "1")];
    let classifier = train(&classes, &with_column(&line, "y", &labels)).unwrap();
    let clusters =
        train(&[("algorithm", "kmeans"), ("k", "2")], &doubles(&[("x", vec![1.0, 2.0, 9.0])]));
    for model in [classifier, clusters.unwrap()] {
        let outputs = model.predict(&[Arc::clone(&x)]).unwrap();
        assert_eq!(outputs.len(), 2);
        outputs.iter().for_each(|column| assert_eq!(nulls(column), [false, true, true, true]));
    }
}

#[test]
fn columns_of_another_kind_are_refused_and_of_another_width_taken() {
    let line = doubles(&[("x", vec![1.0, 2.0, 3.0]), ("y", vec![2.0, 4.0, 6.0])]);
    let model = train(Y, &line).unwrap();
    for column in
        [Arc::new(Int64Array::from(vec![4])) as ArrayRef, Arc::new(Float32Array::from(vec![4.0]))]
    {
        assert_close("y", &as_doubles(&model.predict(&[column]).unwrap()[0]), &[8.0], 1e-12);
    }
    let text: ArrayRef = Arc::new(StringArray::from(vec!["4"]));
    assert_error(
        model.predict(&[text]),
        "TYPE_MISMATCH",
        "column \"x\" of type Utf8 is not a number",
    );
    assert_error(model.predict(&[]), "INVALID_ARGUMENTS", "the model has 1 features");
    let none = model.predict(&[Arc::new(Float64Array::from(Vec::<f64>::new()))]).unwrap();
    assert_eq!(none[0].len(), 0);
}

#[test]
fn evaluation_names_what_is_missing_or_unknown() {
    let batch = table("breast_cancer");
    let given = [("algorithm", "logistic_regression"), ("target", "diagnosis"), ("l2", "1")];
    let model = train(&given, &batch).unwrap();
    let labels: ArrayRef = Arc::new(StringArray::from(vec!["unclear"; batch.num_rows()]));
    let unknown = quern_ml::evaluate(&model, &[with_column(&batch, "diagnosis", &labels)]);
    assert_error(unknown, "INVALID_ARGUMENTS", "the class \"unclear\"");
    let without = batch.project(&(0..30).collect::<Vec<_>>()).unwrap();
    assert_error(quern_ml::evaluate(&model, &[without]), "COLUMN_NOT_FOUND", "\"diagnosis\"");
    let nothing = quern_ml::evaluate(&model, &[]).unwrap();
    assert_eq!(nothing, [("rows".to_owned(), 0.0), ("rows_skipped".to_owned(), 0.0)]);
    assert_eq!(predict(&model, &batch).len(), 2);
}
