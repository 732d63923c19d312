//! What is kept beside Hive's model: each function here is run against each of our stores.

use crate::metastore_suite::{WAREHOUSE, assert_code};
use crate::postgres::PostgresServer;
use quern_catalog::metastore::{EmbeddedMetastore, MemoryMetastore, MetadataStore};
use quern_catalog::model::{
    Annotation, AnnotationKind, Dataset, Forgotten, GlossaryTerm, LineageEdge, NameFilter,
    ObjectName, Operation,
};
use quern_common::ErrorCode;

macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::MemoryMetastore::new(super::WAREHOUSE)).await;
            })*
        }
        mod in_sqlite {
            $(#[tokio::test]
            async fn $name() {
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join("m.db");
                let store = super::EmbeddedMetastore::open_sqlite(&path, super::WAREHOUSE).await;
                super::$name(&store.unwrap()).await;
            })*
        }
        /// One test, because it takes a second to start the server.
        #[tokio::test]
        async fn in_postgres() {
            let server = PostgresServer::start().await;
            $(
                println!("{}", stringify!($name));
                let name = server.create_database().await;
                $name(&server.open(&name, WAREHOUSE).await).await;
            )*
        }
    };
}

conformance!(
    annotations_are_set_listed_and_unset,
    hostile_annotations_come_back_or_are_refused,
    terms_are_defined_attached_and_dropped,
    the_last_operation_of_each_kind_is_kept,
    lineage_is_found_from_both_sides,
    a_renamed_table_takes_everything_along,
    what_is_gone_is_forgotten,
);

fn tag(object: ObjectName, name: &str, value: Option<&str>) -> Annotation {
    Annotation {
        object,
        kind: AnnotationKind::Tag,
        name: name.to_owned(),
        value: value.map(str::to_owned),
        set_by: "ann".to_owned(),
        set_time: 7,
    }
}

fn term(name: &str, definition: &str) -> GlossaryTerm {
    GlossaryTerm {
        name: name.to_owned(),
        definition: definition.to_owned(),
        owner: "ann".to_owned(),
        create_time: 7,
    }
}

fn t(name: &str) -> Dataset {
    Dataset::table("hive", "s", name)
}

fn operation(target: Dataset, words: &str, query: &str) -> Operation {
    Operation {
        target,
        operation: words.to_owned(),
        query_id: query.to_owned(),
        user: "ann".to_owned(),
        time_ms: 7,
        source_location: Some("s3://lake/t".to_owned()),
        partitions: Some(3),
    }
}

fn edge(source: Dataset, target: Dataset, target_version: i64) -> LineageEdge {
    let query_id = format!("{}-{}", source.name, target.name);
    LineageEdge { source, target, target_version, query_id, user: "ann".to_owned(), time_ms: 7 }
}

fn all() -> NameFilter {
    NameFilter::default()
}

fn tables(names: &[&str]) -> NameFilter {
    let tables = Some(names.iter().map(|name| (*name).to_owned()).collect());
    NameFilter { tables, ..NameFilter::default() }
}

/// `object kind name=value`.
async fn shown(store: &dyn MetadataStore, names: &NameFilter) -> Vec<String> {
    let found = store.list_annotations(names).await.unwrap();
    let shown = found.into_iter().map(|found| {
        let value = found.value.map(|value| format!("={value}")).unwrap_or_default();
        format!("{} {} {}{value}", found.object, found.kind.name(), found.name)
    });
    shown.collect()
}

/// `source -> target@version by query`.
async fn edges(
    store: &dyn MetadataStore,
    targets: &NameFilter,
    sources: &NameFilter,
) -> Vec<String> {
    let found = store.list_lineage(targets, sources).await.unwrap();
    let shown = found.into_iter().map(|e| {
        format!("{} -> {}@{} by {}", e.source.name, e.target.name, e.target_version, e.query_id)
    });
    shown.collect()
}

async fn annotations_are_set_listed_and_unset(store: &dyn MetadataStore) {
    let table = ObjectName::table("Hive", "S", "T");
    let column = ObjectName::column("hive", "s", "t", "c");
    let level = Annotation {
        kind: AnnotationKind::Sensitivity,
        ..tag(column.clone(), "", Some("restricted"))
    };
    let schema = ObjectName::schema("hive", "s");
    store
        .set_annotations(vec![
            tag(table.clone(), "PII", Some("Yes")),
            tag(table.clone(), "gold", None),
            tag(schema, "finance", None),
            level,
        ])
        .await
        .unwrap();
    let everything = [
        "hive.s tag finance",
        "hive.s.t tag gold",
        "hive.s.t tag pii=Yes",
        "hive.s.t.c sensitivity =restricted",
    ];
    assert_eq!(shown(store, &all()).await, everything);
    assert_eq!(shown(store, &tables(&["t"])).await, everything[1..]);
    assert_eq!(shown(store, &tables(&[""])).await, everything[..1]);
    assert!(shown(store, &tables(&[])).await.is_empty());
    let other = NameFilter { catalogs: Some(vec!["lake".to_owned()]), ..all() };
    assert!(shown(store, &other).await.is_empty());

    store.set_annotations(vec![tag(table.clone(), "pii", None)]).await.unwrap();
    assert_eq!(shown(store, &tables(&["t"])).await[1], "hive.s.t tag pii");

    // All or none.
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let gone = store.unset_annotations(&table, AnnotationKind::Tag, names(&["gold", "x"])).await;
    assert_code(gone, ErrorCode::NotFound);
    assert_eq!(shown(store, &all()).await.len(), 4);
    store.unset_annotations(&table, AnnotationKind::Tag, names(&["PII", "gold"])).await.unwrap();
    assert_eq!(shown(store, &all()).await, [everything[0], everything[3]]);
}

async fn hostile_annotations_come_back_or_are_refused(store: &dyn MetadataStore) {
    let table = ObjectName::table("hive", "s", "t");
    for name in ["it's", "100%", "a\"b", "日本語", "🦀", "a b", "x'); DROP TABLE annotations; --"]
    {
        store.set_annotations(vec![tag(table.clone(), name, Some(name))]).await.unwrap();
        let found = store.list_annotations(&all()).await.unwrap();
        assert!(
            found.iter().any(|f| f.name == name.to_lowercase() && f.value.as_deref() == Some(name))
        );
        let names = vec![name.to_owned()];
        store.unset_annotations(&table, AnnotationKind::Tag, names).await.unwrap();
    }
    for name in ["", " ", "a\nb", "nul\0", &"n".repeat(257), &"n".repeat(1 << 20)] {
        let set = store.set_annotations(vec![tag(table.clone(), name, None)]).await;
        assert_code(set, ErrorCode::HiveInvalidMetadata);
    }
    let long = "v".repeat(4_097);
    let set = store.set_annotations(vec![tag(table.clone(), "a", Some(&long))]).await;
    assert_code(set, ErrorCode::HiveInvalidMetadata);
    assert!(shown(store, &all()).await.is_empty());
}

async fn terms_are_defined_attached_and_dropped(store: &dyn MetadataStore) {
    let table = ObjectName::table("hive", "s", "t");
    let attach = |name: &str| {
        vec![Annotation { kind: AnnotationKind::Term, ..tag(table.clone(), name, None) }]
    };
    assert_code(store.set_annotations(attach("churn")).await, ErrorCode::NotFound);
    store.create_term(term("Churn", "customers that leave"), false).await.unwrap();
    assert_code(store.create_term(term("churn", "x"), false).await, ErrorCode::AlreadyExists);
    store.create_term(term("churn", "customers that left"), true).await.unwrap();
    assert_code(store.create_term(term("", "x"), false).await, ErrorCode::HiveInvalidMetadata);
    let long = term("long", &"d".repeat(1 << 20));
    assert_code(store.create_term(long, false).await, ErrorCode::HiveInvalidMetadata);
    assert_eq!(store.list_terms().await.unwrap(), [term("churn", "customers that left")]);

    store.set_annotations(attach("CHURN")).await.unwrap();
    // A tag of the name is another thing.
    store.set_annotations(vec![tag(table.clone(), "churn", None)]).await.unwrap();
    assert_eq!(shown(store, &all()).await, ["hive.s.t tag churn", "hive.s.t term churn"]);
    store.drop_term("Churn").await.unwrap();
    assert_code(store.drop_term("churn").await, ErrorCode::NotFound);
    assert!(store.list_terms().await.unwrap().is_empty());
    assert_eq!(shown(store, &all()).await, ["hive.s.t tag churn"]);
}

async fn the_last_operation_of_each_kind_is_kept(store: &dyn MetadataStore) {
    for (target, words, query) in [
        (t("t"), "CREATE TABLE", "q1"),
        (t("t"), "ADD PARTITION", "q2"),
        (t("t"), "ADD PARTITION", "q3"),
        (Dataset::model("hive", "s", "t"), "CREATE MODEL", "q4"),
    ] {
        store.record_operation(operation(target, words, query), vec![]).await.unwrap();
    }
    let found = store.list_operations(&tables(&["t"])).await.unwrap();
    let expected = [
        operation(Dataset::model("hive", "s", "t"), "CREATE MODEL", "q4"),
        operation(t("t"), "ADD PARTITION", "q3"),
        operation(t("t"), "CREATE TABLE", "q1"),
    ];
    assert_eq!(found, expected);
    assert!(store.list_operations(&tables(&["u"])).await.unwrap().is_empty());
}

async fn lineage_is_found_from_both_sides(store: &dyn MetadataStore) {
    let model = Dataset::model("hive", "s", "m");
    let made = vec![edge(t("a"), model.clone(), 1), edge(t("b"), model.clone(), 1)];
    let done = operation(model.clone(), "CREATE MODEL", "q");
    store.record_operation(done.clone(), made.clone()).await.unwrap();
    // Again, and from something else.
    store.record_operation(done, made).await.unwrap();
    let done = operation(t("b"), "INSERT", "q");
    store.record_operation(done, vec![edge(t("a"), t("b"), 0)]).await.unwrap();
    assert_eq!(
        edges(store, &all(), &all()).await,
        ["a -> m@1 by a-m", "b -> m@1 by b-m", "a -> b@0 by a-b"]
    );
    assert_eq!(edges(store, &tables(&["b"]), &all()).await, ["a -> b@0 by a-b"]);
    assert_eq!(edges(store, &all(), &tables(&["b"])).await, ["b -> m@1 by b-m"]);
    assert!(edges(store, &tables(&["b"]), &tables(&["b"])).await.is_empty());
}

async fn a_renamed_table_takes_everything_along(store: &dyn MetadataStore) {
    let model = Dataset::model("hive", "s", "m");
    // What a table of the new name left behind that another client dropped.
    let stale = ObjectName::table("hive", "s", "new");
    store.set_annotations(vec![tag(stale, "stale", None)]).await.unwrap();
    store.record_operation(operation(t("new"), "MSCK", "stale"), vec![]).await.unwrap();
    let old = vec![edge(t("new"), model.clone(), 1), edge(t("old"), model.clone(), 1)];
    store.record_operation(operation(model, "CREATE MODEL", "q"), old).await.unwrap();

    let table = ObjectName::table("hive", "s", "old");
    let column = ObjectName::column("hive", "s", "old", "c");
    let given = vec![tag(table, "gold", None), tag(column, "pii", None)];
    store.set_annotations(given).await.unwrap();
    let made = vec![edge(t("a"), t("old"), 0), edge(t("old"), t("b"), 0)];
    store.record_operation(operation(t("old"), "INSERT", "q"), made).await.unwrap();

    store.rename_table(&t("old"), &t("new")).await.unwrap();
    assert_eq!(shown(store, &all()).await, ["hive.s.new tag gold", "hive.s.new.c tag pii"]);
    let operations = store.list_operations(&tables(&["old", "new"])).await.unwrap();
    assert_eq!(operations, [operation(t("new"), "INSERT", "q")]);
    assert_eq!(
        edges(store, &all(), &all()).await,
        ["new -> m@1 by old-m", "new -> b@0 by old-b", "a -> new@0 by a-old"]
    );
    let elsewhere = Dataset::table("hive", "other", "new");
    store.rename_table(&t("new"), &elsewhere).await.unwrap();
    assert_eq!(shown(store, &all()).await, ["hive.other.new tag gold", "hive.other.new.c tag pii"]);
}

async fn what_is_gone_is_forgotten(store: &dyn MetadataStore) {
    let model = Dataset::model("hive", "s", "t");
    let given = ["t", "u"].map(|name| tag(ObjectName::table("hive", "s", name), "gold", None));
    store.set_annotations(given.to_vec()).await.unwrap();
    let on_schema = tag(ObjectName::schema("hive", "s"), "gold", None);
    let other = tag(ObjectName::schema("hive", "s2"), "gold", None);
    store.set_annotations(vec![on_schema, other]).await.unwrap();
    let done = operation(model.clone(), "CREATE MODEL", "q");
    store.record_operation(done, vec![edge(t("t"), model.clone(), 1)]).await.unwrap();
    let done = operation(t("t"), "INSERT", "q");
    store.record_operation(done, vec![edge(t("u"), t("t"), 0)]).await.unwrap();

    store.forget(&Forgotten::Dataset(t("t"))).await.unwrap();
    assert_eq!(
        shown(store, &all()).await,
        ["hive.s tag gold", "hive.s.u tag gold", "hive.s2 tag gold"]
    );
    // What was made from the table stays so.
    assert_eq!(edges(store, &all(), &all()).await, ["t -> t@1 by t-t"]);
    assert_eq!(store.list_operations(&all()).await.unwrap().len(), 1);
    store.forget(&Forgotten::Dataset(model)).await.unwrap();
    assert!(edges(store, &all(), &all()).await.is_empty());
    let schema = Forgotten::Schema { catalog: "hive".to_owned(), schema: "s".to_owned() };
    store.forget(&schema).await.unwrap();
    assert_eq!(shown(store, &all()).await, ["hive.s2 tag gold"]);
    assert!(store.list_operations(&all()).await.unwrap().is_empty());
}
