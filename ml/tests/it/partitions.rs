//! One node and many nodes find the same model, whatever the split and the order of merging.

use crate::support::{as_doubles, assert_close, numbers, options, project, table, train};
use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use quern_ml::{Evaluation, Model, NextPass, PassState, TrainingOptions, TrainingPass};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::sync::Arc;

/// The rows in random order on random nodes in random batches.
fn spread(batch: &RecordBatch, random: &mut StdRng) -> Vec<Vec<RecordBatch>> {
    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.shuffle(random);
    let shuffled = take_record_batch(batch, &UInt32Array::from(order)).unwrap();
    let mut nodes = vec![Vec::new(); random.random_range(2..9)];
    let mut start = 0;
    while start < shuffled.num_rows() {
        let rows = random.random_range(1..60).min(shuffled.num_rows() - start);
        let node = random.random_range(0..nodes.len());
        nodes[node].push(shuffled.slice(start, rows));
        start += rows;
    }
    nodes
}

fn columns<'a>(batch: &RecordBatch, names: impl Iterator<Item = &'a str>) -> Vec<ArrayRef> {
    names.map(|name| Arc::clone(batch.column_by_name(name).unwrap())).collect()
}

/// Runs a pass as a cluster does: pass and states travel as bytes, states meet in any order.
fn run_pass(pass: &TrainingPass, nodes: &[Vec<RecordBatch>], random: &mut StdRng) -> PassState {
    let sent = pass.to_bytes().unwrap();
    let mut states: Vec<PassState> = nodes
        .iter()
        .map(|batches| {
            let pass = TrainingPass::from_bytes(&sent).unwrap();
            let mut state = pass.start().unwrap();
            for batch in batches {
                state.update(&columns(batch, pass.columns())).unwrap();
            }
            state
        })
        .collect();
    states.shuffle(random);
    while states.len() > 1 {
        let other = states.pop().unwrap();
        let into = random.random_range(0..states.len());
        if random.random_bool(0.5) {
            states[into].merge_bytes(&other.to_bytes().unwrap()).unwrap();
        } else {
            states[into].merge(other).unwrap();
        }
    }
    let mut merged = pass.start().unwrap();
    merged.merge(states.pop().unwrap()).unwrap();
    merged
}

fn train_spread(options: &TrainingOptions, batch: &RecordBatch, random: &mut StdRng) -> Model {
    let nodes = spread(batch, random);
    let mut pass = TrainingPass::first(options, batch.schema_ref()).unwrap();
    loop {
        let state = run_pass(&pass, &nodes, random);
        match pass.step(state).unwrap() {
            NextPass::Continue(next) => pass = next,
            NextPass::Done(model) => return model,
        }
    }
}

fn check(given: &[(&str, &str)], batch: &RecordBatch) {
    let whole = train(given, batch).unwrap();
    let mut random = StdRng::seed_from_u64(20_26);
    for _ in 0..8 {
        let spread = train_spread(&options(given), batch, &mut random);
        assert_close("model", &numbers(&spread), &numbers(&whole), 1e-9);
        let loss = |model: &Model| model.facts()["loss"].parse::<f64>().unwrap();
        assert_close("loss", &[loss(&spread)], &[loss(&whole)], 1e-9);
        for fact in ["rows", "iterations", "passes", "converged"] {
            assert_eq!(spread.facts()[fact], whole.facts()[fact], "{fact}");
        }
    }
}

#[test]
fn linear_regression_does_not_depend_on_the_spread() {
    let ols = [("algorithm", "linear_regression"), ("target", "progression")];
    check(&ols, &table("diabetes"));
    check(&[&ols[..], &[("fit_intercept", "false")]].concat(), &table("diabetes"));
    let with_strings = [("algorithm", "linear_regression"), ("target", "sepal_length")];
    check(&with_strings, &table("iris"));
    // Nearly collinear: radius, perimeter and area.
    let cancer = table("breast_cancer");
    let names: Vec<String> = cancer.schema().fields().iter().map(|f| f.name().clone()).collect();
    let numeric: Vec<&str> =
        names.iter().map(String::as_str).filter(|n| *n != "diagnosis").collect();
    let given = [("algorithm", "linear_regression"), ("target", "worst_area")];
    check(&given, &project(&cancer, &numeric));
}

#[test]
fn logistic_regression_does_not_depend_on_the_spread() {
    let given = [("algorithm", "logistic_regression"), ("target", "diagnosis"), ("l2", "1")];
    check(&given, &table("breast_cancer"));
    let few = project(&table("breast_cancer"), &["mean_radius", "mean_texture", "diagnosis"]);
    check(&given[..2], &few);
}

#[test]
fn kmeans_does_not_depend_on_the_spread() {
    for standardize in ["true", "false"] {
        for seed in ["0", "1", "2"] {
            let given = [
                ("algorithm", "kmeans"),
                ("k", "5"),
                ("standardize", standardize),
                ("seed", seed),
                ("tolerance", "0"),
            ];
            check(&given, &table("iris"));
        }
    }
}

#[test]
fn evaluation_does_not_depend_on_the_spread() {
    let batch = table("breast_cancer");
    let given = [("algorithm", "logistic_regression"), ("target", "diagnosis"), ("l2", "1")];
    let model = train(&given, &batch).unwrap();
    let whole = quern_ml::evaluate(&model, std::slice::from_ref(&batch)).unwrap();
    let mut random = StdRng::seed_from_u64(5);
    let mut merged = Evaluation::new(&model);
    for node in spread(&batch, &mut random) {
        let mut evaluation = Evaluation::new(&model);
        for batch in node {
            let features = columns(&batch, model.feature_names());
            evaluation.update(&model, &features, batch.column_by_name("diagnosis")).unwrap();
        }
        merged.merge(Evaluation::from_bytes(&evaluation.to_bytes().unwrap()).unwrap()).unwrap();
    }
    for ((name, got), (_, expected)) in merged.finish(&model).iter().zip(&whole) {
        assert_close(name, &[*got], &[*expected], 1e-12);
    }
}

#[test]
fn states_of_another_pass_and_broken_bytes_are_refused() {
    let batch = table("iris");
    let given = options(&[("algorithm", "linear_regression"), ("target", "sepal_length")]);
    let first = TrainingPass::first(&given, batch.schema_ref()).unwrap();
    let mut state = first.start().unwrap();
    state.update(&columns(&batch, first.columns())).unwrap();
    let statistics = state.to_bytes().unwrap();
    let NextPass::Continue(second) = first.step(state).unwrap() else { panic!("no second pass") };
    let mut sums = second.start().unwrap();
    sums.update(&columns(&batch, second.columns())).unwrap();
    let bytes = sums.to_bytes().unwrap();
    assert!(sums.size() > 0 && !bytes.is_empty());

    assert!(sums.merge_bytes(&statistics).is_err());
    assert!(sums.merge(first.start().unwrap()).is_err());
    assert!(second.step(first.start().unwrap()).is_err());
    let pass = second.to_bytes().unwrap();
    for length in 0..bytes.len() {
        assert!(sums.merge_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    for length in 0..pass.len() {
        assert!(TrainingPass::from_bytes(&pass[..length]).is_err(), "{length} bytes");
    }

    let narrow = project(&batch, &["sepal_width", "sepal_length"]);
    let other = TrainingPass::first(&given, narrow.schema_ref()).unwrap();
    assert!(other.start().unwrap().merge_bytes(&statistics).is_err());
    assert_eq!(as_doubles(narrow.column(0)).len(), 150);
}
