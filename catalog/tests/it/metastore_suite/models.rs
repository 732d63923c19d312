//! Models as objects of the catalogue.

use super::{Fixture, assert_code, parameters, table, texts};
use quern_catalog::model::NewModelVersion;
use quern_common::ErrorCode;

pub(super) fn model(name: &str) -> NewModelVersion {
    NewModelVersion {
        database: "DEFAULT".to_owned(),
        name: name.to_owned(),
        algorithm: "kmeans".to_owned(),
        artifact_location: "file:///models/m".to_owned(),
        artifact_sha256: "00ff".to_owned(),
        options: parameters(&[("k", "3")]),
        facts: parameters(&[("rows", "10")]),
        statement: "CREATE MODEL \"m\"".to_owned(),
        source_tables: texts(&["hive.default.t"]),
        owner: Some("ann".to_owned()),
        create_time: 7,
    }
}

pub(super) async fn models_have_versions(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    if !fixture.is_ours() {
        let published = store.create_model_version(model("m"), false).await;
        assert_code(published, ErrorCode::NotSupported);
        assert!(store.list_models("default").await.unwrap().is_empty());
        assert_code(store.get_model("default", "m", None).await, ErrorCode::ModelNotFound);
        assert_code(store.drop_model("default", "m").await, ErrorCode::ModelNotFound);
        return;
    }
    let mut first = model("Spend");
    let published = store.create_model_version(first.clone(), false).await.unwrap();
    first.database = "default".to_owned();
    first.name = "spend".to_owned();
    assert_eq!((published.version, &published.model), (1, &first));
    let again = store.create_model_version(first.clone(), false).await;
    assert_code(again, ErrorCode::ModelAlreadyExists);
    let second = NewModelVersion { owner: None, statement: "second".to_owned(), ..first.clone() };
    let published = store.create_model_version(second.clone(), true).await.unwrap();
    assert_eq!(published.version, 2);
    store.create_model_version(model("a"), true).await.unwrap();

    let latest = store.get_model("DEFAULT", "SPEND", None).await.unwrap();
    assert_eq!((latest.version, latest.model), (2, second));
    assert_eq!(store.get_model("default", "spend", Some(1)).await.unwrap().model, first);
    let none = store.get_model("default", "spend", Some(3)).await;
    assert_code(none, ErrorCode::ModelNotFound);
    let models = store.list_models("default").await.unwrap();
    let listed: Vec<_> = models.iter().map(|m| (m.model.name.as_str(), m.version)).collect();
    assert_eq!(listed, [("a", 1), ("spend", 2)]);
    // Models and tables have names of their own.
    store.create_table(table("default", "spend", &[])).await.unwrap();

    let dropped = store.drop_model("default", "Spend").await.unwrap();
    assert_eq!(dropped.iter().map(|m| m.version).collect::<Vec<_>>(), [1, 2]);
    assert_code(store.drop_model("default", "spend").await, ErrorCode::ModelNotFound);
    assert_code(store.get_model("default", "spend", None).await, ErrorCode::ModelNotFound);
    assert_eq!(store.create_model_version(first, false).await.unwrap().version, 1);
}
