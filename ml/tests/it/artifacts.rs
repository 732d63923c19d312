//! Artifacts: what is written reads back the same, and what is broken is refused.

use crate::support::{assert_error, predict, table, train};
use quern_ml::{Artifact, Model, sha256_hex};
use serde_json::{Value, json};

fn models() -> Vec<(Model, arrow::array::RecordBatch)> {
    let linear = [("algorithm", "linear_regression"), ("target", "sepal_length")];
    let logistic = [("algorithm", "logistic_regression"), ("target", "diagnosis"), ("l2", "1")];
    let kmeans = [("algorithm", "kmeans"), ("k", "3"), ("nulls", "mean")];
    vec![
        (train(&linear, &table("iris")).unwrap(), table("iris")),
        (train(&logistic, &table("breast_cancer")).unwrap(), table("breast_cancer")),
        (train(&kmeans, &table("iris")).unwrap(), table("iris")),
    ]
}

#[test]
fn a_model_reads_back_bit_for_bit() {
    for (model, batch) in models() {
        let artifact = Artifact::write(&model).unwrap();
        assert_eq!(artifact, Artifact::write(&model).unwrap());
        let read = Artifact::read_verified(&artifact.bytes, &artifact.sha256).unwrap();
        assert_eq!(read, model);
        assert_eq!(predict(&read, &batch), predict(&model, &batch));
    }
    assert_eq!(
        sha256_hex(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn the_document_says_what_it_is() {
    let (model, _) = models().swap_remove(0);
    let document: Value = serde_json::from_slice(&Artifact::write(&model).unwrap().bytes).unwrap();
    assert_eq!(
        (&document["format"], &document["format_version"]),
        (&json!("quern-model"), &json!(1))
    );
    let model = &document["model"];
    assert_eq!(model["options"]["algorithm"], "linear_regression");
    assert_eq!(model["target"]["column"]["name"], "sepal_length");
    assert_eq!(model["features"][3]["encoding"]["one_hot"]["categories"][0], "setosa");
    assert_eq!(
        model["parameters"]["linear_regression"]["coefficients"].as_array().unwrap().len(),
        5
    );
    assert_eq!(model["facts"]["rows"], "150");
}

#[test]
fn a_truncated_or_changed_artifact_is_refused() {
    for (model, _) in models() {
        let artifact = Artifact::write(&model).unwrap();
        for length in (0..artifact.bytes.len()).step_by(7) {
            let cut = &artifact.bytes[..length];
            assert_error(Artifact::read(cut), "HIVE_BAD_DATA", "the model artifact is corrupt");
        }
        let mut changed = artifact.bytes.clone();
        changed.push(b'\n');
        let verified = Artifact::read_verified(&changed, &artifact.sha256);
        assert_error(verified, "HIVE_BAD_DATA", "SHA-256");
        // Any byte may be wrong; reading ends with a model or an error.
        for position in 0..artifact.bytes.len() {
            changed = artifact.bytes.clone();
            changed[position] ^= 0x15;
            if let Ok(model) = Artifact::read(&changed) {
                let _ = model.output_fields().unwrap();
            }
        }
    }
}

#[test]
fn hostile_documents_are_refused_by_what_is_wrong() {
    let all = models();
    let document = |i: usize| -> Value {
        serde_json::from_slice(&Artifact::write(&all[i].0).unwrap().bytes).unwrap()
    };
    let refuse = |i: usize, pointer: &str, value: Value, problem: &str| {
        let mut document = document(i);
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        let read = Artifact::read(&serde_json::to_vec(&document).unwrap());
        assert_error(read, "HIVE_BAD_DATA", problem);
    };
    let parameters = "/model/parameters/linear_regression";
    refuse(0, "/format", json!("other"), "its format is \"other\"");
    refuse(0, "/model/parameters", json!({"tree": {}}), "unknown variant");
    refuse(0, parameters, json!({"intercept": null, "coefficients": []}), "invalid type: null");
    refuse(
        0,
        &format!("{parameters}/coefficients"),
        json!([1.0]),
        "1 numbers of coefficients instead of 5",
    );
    refuse(0, "/model/options/algorithm", json!("kmeans"), "has a target");
    refuse(0, "/model/features", json!([]), "no features");
    refuse(0, "/model/target", Value::Null, "no target");
    refuse(0, "/model/target/classes", json!([{"integer": 1}, {"integer": 2}]), "wrong classes");
    refuse(0, "/model/features/0/column/name", json!("petal_width"), "two columns of one name");
    refuse(0, "/model/features/0/column/data_type", json!("Utf8"), "does not fit its type");
    refuse(0, "/model/features/0/column/data_type", json!("List(("), "unknown type");
    refuse(
        0,
        "/model/features/3/encoding/one_hot/categories",
        json!(["b", "a", "c"]),
        "out of order",
    );
    refuse(1, "/model/target/classes", json!([{"text": "a"}]), "wrong classes");
    refuse(1, "/model/target/classes", json!([{"integer": 1}, {"integer": 2}]), "wrong classes");
    refuse(2, "/model/parameters/kmeans/centroids", json!([]), "0 centroids");
    refuse(2, "/model/parameters/kmeans/centroids/1", json!([1.0]), "1 numbers of a centroid");
    refuse(2, "/model/parameters/kmeans/scale/0", json!(0.0), "not positive");
    let many = Value::from(vec![json!([]); 10_001]);
    refuse(2, "/model/parameters/kmeans/centroids", many, "10001 centroids");

    let text = String::from_utf8(Artifact::write(&all[0].0).unwrap().bytes).unwrap();
    let newer = text.replacen("\"format_version\": 1", "\"format_version\": 2", 1);
    assert_error(Artifact::read(newer.as_bytes()), "NOT_SUPPORTED", "format version 2");
    for number in ["NaN", "1e999", "-Infinity"] {
        let broken =
            text.replacen("\"intercept\": ", &format!("\"intercept\": {number}, \"x\": "), 1);
        assert_error(Artifact::read(broken.as_bytes()), "HIVE_BAD_DATA", "corrupt");
    }
    let deep = "[".repeat(100_000);
    assert_error(Artifact::read(deep.as_bytes()), "HIVE_BAD_DATA", "corrupt");
}
