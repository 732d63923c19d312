//! K-means against scikit-learn's `KMeans` from the same first centroids, and with our own.

use crate::support::{
    as_doubles, as_integers, assert_close, assert_error, doubles, expected, floats, numbers,
    predict, project, table, train,
};
use arrow::array::RecordBatch;
use quern_ml::Model;
use quern_ml::model::ModelParameters;
use serde_json::Value;
use std::collections::BTreeMap;

fn iris() -> RecordBatch {
    project(&table("iris"), &["sepal_length", "sepal_width", "petal_length", "petal_width"])
}

fn centroids(model: &Model) -> Vec<f64> {
    match model.parameters() {
        ModelParameters::Kmeans { centroids, .. } => centroids.concat(),
        other => panic!("{other:?}"),
    }
}

fn fact(model: &Model, name: &str) -> f64 {
    model.facts()[name].parse().unwrap()
}

fn check(given: &[(&str, &str)], expected: &Value) -> Model {
    let init = expected["init"].to_string();
    let all = [&[("algorithm", "kmeans"), ("init_centroids", init.as_str())], given].concat();
    let model = train(&all, &iris()).unwrap();
    let wanted: Vec<f64> =
        expected["centroids"].as_array().unwrap().iter().flat_map(floats).collect();
    assert_close("centroids", &centroids(&model), &wanted, 1e-9);
    let inertia = expected["inertia"].as_f64().unwrap();
    assert_close("inertia", &[fact(&model, "inertia")], &[inertia], 1e-9);
    assert_eq!(model.facts()["iterations"], expected["iterations"].to_string());

    let outputs = predict(&model, &iris());
    let labels: Vec<i64> = floats(&expected["labels"]).iter().map(|v| *v as i64).collect();
    assert_eq!(as_integers(&outputs[0]), labels);
    let distances = floats(&expected["distances"]);
    assert_close("distance", &as_doubles(&outputs[1])[..distances.len()], &distances, 1e-9);

    let metrics: BTreeMap<_, _> =
        quern_ml::evaluate(&model, &[iris()]).unwrap().into_iter().collect();
    assert_close("inertia", &[metrics["inertia"]], &[inertia], 1e-9);
    if model.facts()["converged"] == "true" && expected["iterations"] != 2 {
        let index = expected["davies_bouldin"].as_f64().unwrap();
        // Exact when the centroids are the means of their rows.
        assert_close("davies_bouldin", &[metrics["davies_bouldin"]], &[index], 1e-2);
    }
    model
}

#[test]
fn the_same_first_centroids_end_where_scikit_learn_ends() {
    let strict = [("standardize", "false"), ("tolerance", "0")];
    let model = check(&strict, &expected("iris", "kmeans"));
    assert_eq!(model.facts()["converged"], "true");
    check(&[("tolerance", "0")], &expected("iris", "kmeans_standardised"));
    check(
        &[("standardize", "false"), ("tolerance", "1e-2")],
        &expected("iris", "kmeans_tolerance"),
    );
}

#[test]
fn iterations_end_at_their_limit() {
    let given = [("standardize", "false"), ("tolerance", "0"), ("max_iterations", "2")];
    let model = check(&given, &expected("iris", "kmeans_two_iterations"));
    assert_eq!(model.facts()["converged"], "false");
}

#[test]
fn an_empty_cluster_takes_the_farthest_row() {
    let given = [("standardize", "false"), ("tolerance", "0")];
    check(&given, &expected("iris", "kmeans_empty_cluster"));
}

#[test]
fn sampled_centroids_come_close_to_the_best_known_clusters() {
    let best = expected("iris", "best_inertia").as_f64().unwrap();
    let mut reached = 0;
    for seed in 0..10 {
        let seed = seed.to_string();
        let given =
            [("algorithm", "kmeans"), ("k", "3"), ("standardize", "false"), ("seed", &seed)];
        let model = train(&given, &iris()).unwrap();
        assert_eq!(numbers(&model), numbers(&train(&given, &iris()).unwrap()), "seed {seed}");
        let inertia = fact(&model, "inertia");
        assert!(inertia >= best - 1e-6);
        reached += usize::from(inertia < best * 1.01);
    }
    assert!(reached >= 7, "only {reached} of 10 seeds came close");
}

#[test]
fn as_many_clusters_as_distinct_rows_are_found_and_more_refused() {
    let batch = doubles(&[("x", vec![1.0, 1.0, 2.0, 2.0, 9.0]), ("y", vec![0.0; 5])]);
    let model = train(&[("algorithm", "kmeans"), ("k", "3")], &batch).unwrap();
    assert_eq!(fact(&model, "inertia"), 0.0);
    let mut found = centroids(&model);
    found.sort_by(f64::total_cmp);
    assert_close("centroids", &found, &[0.0, 0.0, 0.0, 1.0, 2.0, 9.0], 1e-12);
    let more = train(&[("algorithm", "kmeans"), ("k", "4")], &batch);
    assert_error(more, "INVALID_TRAINING_DATA", "option \"k\" is 4");
    let given = [("algorithm", "kmeans"), ("init_centroids", "[[1,0],[2,0],[9,0],[5,0]]")];
    assert_error(train(&given, &batch), "INVALID_TRAINING_DATA", "option \"k\" is 4");
    let narrow = [("algorithm", "kmeans"), ("init_centroids", "[[1],[2]]")];
    assert_error(train(&narrow, &batch), "INVALID_MODEL_OPTION", "2 encoded columns");
}
