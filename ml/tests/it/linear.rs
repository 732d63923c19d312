//! Linear regression against scikit-learn's `LinearRegression` and `Ridge`.

use crate::support::{
    as_doubles, assert_close, assert_metrics, coefficients, doubles, expected, floats, predict,
    table, train,
};
use arrow::array::RecordBatch;
use serde_json::Value;

fn check(given: &[(&str, &str)], batch: &RecordBatch, expected: &Value) {
    let model = train(given, batch).unwrap();
    let (intercept, values) = coefficients(&model);
    assert_close("coefficients", &values, &floats(&expected["coefficients"]), 1e-6);
    assert_close("intercept", &[intercept], &[expected["intercept"].as_f64().unwrap()], 1e-6);
    let predicted = as_doubles(&predict(&model, batch)[0]);
    let shown = floats(&expected["predictions"]);
    assert_close("predictions", &predicted[..shown.len()], &shown, 1e-6);
    assert_metrics(&model, batch, expected);
    let rmse: f64 = model.facts()["rmse"].parse().unwrap();
    assert_close("rmse", &[rmse], &[expected["metrics"]["rmse"].as_f64().unwrap()], 1e-6);
    assert_eq!(model.facts()["rows"], batch.num_rows().to_string());
}

const OLS: &[(&str, &str)] = &[("algorithm", "linear_regression"), ("target", "progression")];

#[test]
fn least_squares_equals_scikit_learn() {
    check(OLS, &table("diabetes"), &expected("diabetes", "ols"));
    let given = [OLS, &[("fit_intercept", "false")]].concat();
    check(&given, &table("diabetes"), &expected("diabetes", "ols_no_intercept"));
}

#[test]
fn ridge_equals_scikit_learn() {
    let given = [OLS, &[("l2", "2.5")]].concat();
    check(&given, &table("diabetes"), &expected("diabetes", "ridge"));
    let given = [&given[..], &[("fit_intercept", "false")]].concat();
    check(&given, &table("diabetes"), &expected("diabetes", "ridge_no_intercept"));
}

/// A column twice, a sum and a constant: the answer of least norm.
#[test]
fn collinear_and_constant_columns_have_the_shortest_answer() {
    let batch = table("diabetes");
    let column = |name: &str| as_doubles(batch.column_by_name(name).unwrap());
    let (bmi, bp) = (column("bmi"), column("bp"));
    let sum = bmi.iter().zip(&bp).map(|(a, b)| a + b).collect();
    let rows = batch.num_rows();
    let collinear = doubles(&[
        ("a", bmi.clone()),
        ("b", bp),
        ("c", bmi),
        ("d", sum),
        ("e", vec![7.0; rows]),
        ("progression", column("progression")),
    ]);
    check(OLS, &collinear, &expected("diabetes", "collinear"));
    let model = train(OLS, &collinear).unwrap();
    assert_eq!(model.facts()["rank"], "2");
    assert_close("constant", &coefficients(&model).1[4..], &[0.0], 1e-12);
}

#[test]
fn fewer_rows_than_columns_have_the_shortest_answer() {
    let expected = expected("diabetes", "six_rows");
    let batch = table("diabetes").slice(0, 6);
    let model = train(OLS, &batch).unwrap();
    let (intercept, values) = coefficients(&model);
    assert_close("coefficients", &values, &floats(&expected["coefficients"]), 1e-4);
    assert_close("intercept", &[intercept], &[expected["intercept"].as_f64().unwrap()], 1e-4);
    let predicted = as_doubles(&predict(&model, &batch)[0]);
    assert_close("predictions", &predicted, &floats(&expected["predictions"]), 1e-6);
    assert_eq!(model.facts()["rank"], "5");
}

/// The numbers are far from 0 and close together, where sums of squares lose all digits.
#[test]
fn columns_far_from_zero_keep_their_digits() {
    let x: Vec<f64> = (0..500).map(|i| 1e9 + f64::from(i % 17)).collect();
    let y = x.iter().map(|x| 3.0 * (x - 1e9) - 5.0).collect();
    let model = train(OLS, &doubles(&[("x", x), ("progression", y)])).unwrap();
    let (intercept, values) = coefficients(&model);
    assert_close("coefficient", &values, &[3.0], 1e-12);
    assert_close("intercept", &[intercept], &[-3e9 - 5.0], 1e-12);
}

#[test]
fn a_thousand_columns_are_fitted() {
    let rows = 1_200;
    let noise = |i: usize, j: usize| ((i * 7_919 + j * 104_729) % 1_009) as f64 / 1_009.0;
    let names: Vec<String> = (0..1_000).map(|j| format!("x{j}")).collect();
    let mut columns: Vec<(&str, Vec<f64>)> = names
        .iter()
        .enumerate()
        .map(|(j, name)| (name.as_str(), (0..rows).map(|i| noise(i * i + 3, j * j + 1)).collect()))
        .collect();
    let target: Vec<f64> = (0..rows).map(|i| 2.0 * columns[3].1[i] - columns[998].1[i]).collect();
    columns.push(("progression", target.clone()));
    let batch = doubles(&columns);
    let model = train(OLS, &batch).unwrap();
    assert_close("fit", &as_doubles(&predict(&model, &batch)[0]), &target, 1e-6);
    assert_eq!(coefficients(&model).1.len(), 1_000);
}
