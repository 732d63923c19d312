//! What clients of a Hive metastore ask of a metastore beyond what Quern itself does.

use super::{Behind, Fixture, all, assert_code, parameters, partition, table, texts};
use quern_catalog::metastore::{AlterTableOptions, Metastore};
use quern_catalog::model::{
    Column, ColumnStatistics, Database, Event, FunctionResource, HiveFunction, HivePartition,
    LockComponent, LockMode, LockRequest, LockState, OwnerType, PartitionFilter, ResourceKind,
    Table,
};
use quern_common::ErrorCode;

const MOVED: &str = "file:///moved";

async fn alter(store: &dyn Metastore, table: Table, options: AlterTableOptions) {
    let (database, name) = (table.database.clone(), table.name.clone());
    store.alter_table_with(&database, &name, table, options).await.unwrap();
}

pub(super) async fn columns_and_places_of_partitions_follow_their_table(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[("k", "int")])).await.unwrap();
    let base = store.get_table("default", "t").await.unwrap().sd.location;
    let mut given = vec![partition(&["1"]), partition(&["2"]), partition(&["3"])];
    given[1].sd.location = format!("{base}/special");
    given[2].sd.location = format!("{base}er/elsewhere");
    // One that is stored as the others will be when they follow.
    given.push(partition(&["4"]));
    given[3].sd.columns = vec![Column::new("a", "bigint")];
    store.add_partitions("default", "t", given, false).await.unwrap();

    let mut changed = store.get_table("default", "t").await.unwrap();
    changed.sd.columns = vec![Column::new("a", "bigint")];
    let cascade = AlterTableOptions { cascade: true, ..AlterTableOptions::default() };
    alter(store, changed.clone(), cascade).await;
    for p in all(store, "t").await {
        assert_eq!(p.sd.columns, changed.sd.columns);
    }
    if !fixture.is_ours() {
        return;
    }
    changed.sd.location = MOVED.to_owned();
    let follow = AlterTableOptions { move_partitions: true, ..AlterTableOptions::default() };
    alter(store, changed, follow).await;
    let locations = all(store, "t").await.into_iter().map(|p| p.sd.location);
    let expected = [
        format!("{MOVED}/k=1"),
        format!("{MOVED}/special"),
        format!("{base}er/elsewhere"),
        format!("{MOVED}/k=4"),
    ];
    assert_eq!(locations.collect::<Vec<_>>(), expected);
}

pub(super) async fn a_change_may_expect_a_parameter(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let mut t = table("default", "t", &[]);
    t.parameters = parameters(&[("metadata_location", "v1")]);
    store.create_table(t.clone()).await.unwrap();
    t.parameters = parameters(&[("metadata_location", "v2")]);
    let expect = |key: &str, value: &str| AlterTableOptions {
        expected_parameter: Some((key.to_owned(), value.to_owned())),
        ..AlterTableOptions::default()
    };
    let change = |options| store.alter_table_with("default", "t", t.clone(), options);
    for wrong in [expect("metadata_location", "v0"), expect("missing", "")] {
        assert_code(change(wrong).await, ErrorCode::TransactionConflict);
    }
    let right = expect("metadata_location", "v1");
    change(right.clone()).await.unwrap();
    assert_code(change(right).await, ErrorCode::TransactionConflict);
    let read = store.get_table("default", "t").await.unwrap();
    assert_eq!(read.parameters["metadata_location"], "v2");
}

pub(super) async fn partitions_are_renamed(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[("k", "int")])).await.unwrap();
    let given = vec![partition(&["1"]), partition(&["2"])];
    store.add_partitions("default", "t", given, false).await.unwrap();
    let columns = vec![statistics("a")];
    let one = texts(&["1"]);
    store.set_partition_column_statistics("default", "t", &one, columns).await.unwrap();

    let rename = |from: &str, to: HivePartition| {
        let from = texts(&[from]);
        async move { store.rename_partition("default", "t", &from, to).await }
    };
    assert_code(rename("1", partition(&["2"])).await, ErrorCode::AlreadyExists);
    assert_code(rename("7", partition(&["8"])).await, ErrorCode::NotFound);
    let wrong = rename("1", partition(&["x"])).await;
    assert_code(wrong, ErrorCode::HiveInvalidPartitionValue);
    let mut renamed = partition(&["3000"]);
    renamed.sd.location = "file:///kept".to_owned();
    renamed.parameters = parameters(&[("numRows", "7")]);
    rename("1", renamed.clone()).await.unwrap();
    let filter = PartitionFilter::All;
    let names = store.get_partition_names("default", "t", &filter, None).await.unwrap();
    assert_eq!(names, ["k=2", "k=3000"]);
    let is_new = PartitionFilter::In {
        key: "k".to_owned(),
        values: vec![quern_catalog::model::PartitionValue::Int(3_000)],
    };
    let found = store.get_partitions("default", "t", &is_new, None).await.unwrap();
    assert_eq!(found[0].parameters["numRows"], "7");
    // A metastore of Hive's says itself where a partition of its own lies.
    if fixture.is_ours() {
        assert_eq!(found[0].sd.location, renamed.sd.location);
    }
    let values = vec![texts(&["3000"])];
    let found = store.get_partition_column_statistics("default", "t", values).await.unwrap();
    if fixture.behind == Behind::Hive {
        // Version 2.3 asks for them by the old name when the partition has the new one.
        assert!(found.is_empty(), "{found:?}");
    } else {
        assert_eq!(found["k=3000"].len(), 1);
    }
}

pub(super) async fn partitions_are_found_by_values(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let keys = [("k", "string"), ("n", "int")];
    store.create_table(table("default", "t", &keys)).await.unwrap();
    let given = [["b", "1"], ["a", "07"], ["a", "7"], ["", "1"]];
    let given = given.iter().map(|values| partition(values)).collect();
    store.add_partitions("default", "t", given, false).await.unwrap();
    let find = |values: &[[&str; 2]]| {
        let values = values.iter().map(|values| texts(values)).collect();
        async move {
            let found = store.get_partitions_by_values("default", "t", values).await.unwrap();
            found.into_iter().map(|p| p.values.join(" ")).collect::<Vec<_>>()
        }
    };
    let found = find(&[["b", "1"], ["a", "7"], ["b", "1"], ["c", "1"], ["a", "8"]]).await;
    assert_eq!(found, ["a 7", "b 1"]);
    assert_eq!(find(&[["", "1"]]).await, ["__HIVE_DEFAULT_PARTITION__ 1"]);
    assert!(find(&[]).await.is_empty());
    let short = store.get_partitions_by_values("default", "t", vec![texts(&["a"])]).await;
    assert_code(short, ErrorCode::HiveInvalidPartitionValue);
}

fn statistics(column: &str) -> ColumnStatistics {
    ColumnStatistics {
        column: column.to_owned(),
        hive_type: "bigint".to_owned(),
        null_count: Some(1),
        distinct_count: Some(5),
        min: Some("-5".to_owned()),
        max: Some("7".to_owned()),
        sketch: Some(vec![0, 1, 255]),
        ..ColumnStatistics::default()
    }
}

fn two_columns(name: &str, keys: &[(&str, &str)]) -> Table {
    let mut table = table("default", name, keys);
    table.sd.columns = vec![Column::new("a", "bigint"), Column::new("b", "bigint")];
    table
}

/// The columns that the table's parameter says have statistics.
async fn marked(store: &dyn Metastore) -> Vec<String> {
    let parameters = store.get_table("default", "t").await.unwrap().parameters;
    let Some(text) = parameters.get("COLUMN_STATS_ACCURATE") else { return vec![] };
    let state: serde_json::Value = serde_json::from_str(text).unwrap();
    state["COLUMN_STATS"].as_object().unwrap().keys().cloned().collect()
}

pub(super) async fn statistics_are_deleted(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(two_columns("t", &[])).await.unwrap();
    let columns = vec![statistics("a"), statistics("b")];
    store.set_column_statistics("default", "t", columns.clone()).await.unwrap();
    assert_eq!(marked(store).await, ["a", "b"]);
    let delete = |column| store.delete_column_statistics("default", "t", column);
    assert_eq!(delete(Some("A")).await.unwrap(), 1);
    assert_eq!(delete(Some("a")).await.unwrap(), 0);
    let known = || async {
        let known = store.get_table_statistics("default", "t").await.unwrap();
        known.columns.into_iter().map(|c| c.column).collect::<Vec<_>>()
    };
    assert_eq!(known().await, ["b"]);
    store.set_column_statistics("default", "t", columns).await.unwrap();
    assert_eq!(delete(None).await.unwrap(), 2);
    assert!(known().await.is_empty());
    let missing = store.delete_column_statistics("default", "nope", None).await;
    assert_code(missing, ErrorCode::TableNotFound);
}

pub(super) async fn statistics_of_partitions_are_kept_by_column(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(two_columns("t", &[("k", "int")])).await.unwrap();
    let given = vec![partition(&["1"]), partition(&["2"]), partition(&["3"])];
    store.add_partitions("default", "t", given, false).await.unwrap();
    let set = |value: &str, columns: Vec<ColumnStatistics>| {
        let values = texts(&[value]);
        async move { store.set_partition_column_statistics("default", "t", &values, columns).await }
    };
    set("1", vec![statistics("a")]).await.unwrap();
    set("1", vec![statistics("b")]).await.unwrap();
    set("2", vec![statistics("b")]).await.unwrap();
    assert_code(set("9", vec![statistics("a")]).await, ErrorCode::NotFound);
    assert_code(set("1", vec![statistics("nope")]).await, ErrorCode::ColumnNotFound);
    let known = || async {
        let values = ["1", "2", "3", "9"].map(|value| texts(&[value])).to_vec();
        let known = store.get_partition_column_statistics("default", "t", values).await.unwrap();
        let names = known.iter().map(|(name, columns)| {
            let columns: Vec<_> = columns.iter().map(|c| c.column.as_str()).collect();
            format!("{name}: {}", columns.join(" "))
        });
        names.collect::<Vec<_>>()
    };
    assert_eq!(known().await, ["k=1: a b", "k=2: b"]);
    let values = vec![texts(&["2"])];
    let read = store.get_partition_column_statistics("default", "t", values).await.unwrap();
    let mut kept = statistics("b");
    if fixture.behind == Behind::Hive {
        // Version 2.3 has no place for it.
        kept.sketch = None;
    }
    assert_eq!(read["k=2"], [kept]);
    let delete = |value: &str, column| {
        let values = texts(&[value]);
        async move {
            let gone =
                store.delete_partition_column_statistics("default", "t", &values, column).await;
            gone.unwrap()
        }
    };
    assert_eq!(delete("1", Some("b")).await, 1);
    assert_eq!(delete("2", None).await, 1);
    assert_eq!(delete("2", None).await, 0);
    assert_eq!(known().await, ["k=1: a"]);
    // A partition of the same name starts without.
    store.drop_partitions("default", "t", vec![texts(&["1"])], false).await.unwrap();
    store.add_partitions("default", "t", vec![partition(&["1"])], false).await.unwrap();
    assert!(known().await.is_empty());
}

pub(super) async fn functions_are_kept(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let mut function = HiveFunction {
        database: "DEFAULT".to_owned(),
        name: "Lower".to_owned(),
        class_name: "com.example.Lower".to_owned(),
        owner: Some("ann".to_owned()),
        owner_type: Some(OwnerType::Role),
        create_time: 7,
        resources: vec![FunctionResource {
            kind: ResourceKind::Archive,
            uri: "s3://lake/f.zip".to_owned(),
        }],
    };
    store.create_function(function.clone()).await.unwrap();
    assert_code(store.create_function(function.clone()).await, ErrorCode::AlreadyExists);
    function.database = "default".to_owned();
    function.name = "lower".to_owned();
    let read = store.get_function("Default", "LOWER").await.unwrap();
    function.create_time = read.create_time;
    assert_eq!(read, function);
    function.class_name = "com.example.Other".to_owned();
    store.alter_function(function.clone()).await.unwrap();
    let second = HiveFunction { name: "a".to_owned(), ..function.clone() };
    store.create_function(second).await.unwrap();
    let listed = store.list_functions("default").await.unwrap();
    let listed: Vec<_> = listed.iter().map(|f| (f.name.as_str(), f.class_name.as_str())).collect();
    assert_eq!(listed, [("a", "com.example.Other"), ("lower", "com.example.Other")]);
    store.drop_function("default", "LOWER").await.unwrap();
    assert_code(store.drop_function("default", "lower").await, ErrorCode::FunctionNotFound);
    assert_code(store.get_function("default", "lower").await, ErrorCode::FunctionNotFound);
    assert_code(store.alter_function(function.clone()).await, ErrorCode::FunctionNotFound);
    assert_code(store.list_functions("nope").await, ErrorCode::SchemaNotFound);

    let database = Database { name: "d".to_owned(), ..Database::default() };
    store.create_database(database).await.unwrap();
    function.database = "d".to_owned();
    store.create_function(function).await.unwrap();
    assert_code(store.drop_database("d", false).await, ErrorCode::SchemaNotEmpty);
    store.drop_database("d", true).await.unwrap();
}

fn lock_on(mode: LockMode, table: Option<&str>) -> LockRequest {
    let table = table.map(str::to_owned);
    LockRequest {
        components: vec![LockComponent { mode, database: "D".to_owned(), table, partition: None }],
        user: "ann".to_owned(),
        host: "here".to_owned(),
        agent: Some("test".to_owned()),
    }
}

pub(super) async fn locks_are_given_in_order(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let exclusive = || lock_on(LockMode::Exclusive, Some("t"));
    let first = store.lock(exclusive()).await.unwrap();
    assert_eq!(first.state, LockState::Acquired);
    let second = store.lock(exclusive()).await.unwrap();
    assert_eq!(second.state, LockState::Waiting);
    let other = store.lock(lock_on(LockMode::Exclusive, Some("u"))).await.unwrap();
    assert_eq!(other.state, LockState::Acquired);
    assert_eq!(store.check_lock(second.id).await.unwrap(), second);
    store.keep_lock(first.id).await.unwrap();

    let listed = store.list_locks().await.unwrap();
    let shown: Vec<_> =
        listed.iter().map(|l| (l.id, l.acquired_ms.is_some(), l.blocked_by)).collect();
    let expected =
        [(first.id, true, None), (second.id, false, Some(first.id)), (other.id, true, None)];
    assert_eq!(shown, expected);
    assert_eq!(listed[0].request.components[0].database, "d");
    assert_eq!((listed[0].request.user.as_str(), listed[0].request.host.as_str()), ("ann", "here"));

    store.unlock(first.id).await.unwrap();
    assert_eq!(store.check_lock(second.id).await.unwrap().state, LockState::Acquired);
    store.unlock(second.id).await.unwrap();
    store.unlock(other.id).await.unwrap();
    assert!(store.list_locks().await.unwrap().is_empty());
    assert_code(store.check_lock(second.id).await, ErrorCode::NotFound);
    assert_code(store.keep_lock(second.id).await, ErrorCode::NotFound);
    let readers = [LockMode::SharedRead, LockMode::SharedWrite, LockMode::SharedRead];
    for mode in readers {
        let lock = store.lock(lock_on(mode, Some("t"))).await.unwrap();
        assert_eq!(lock.state, LockState::Acquired);
    }
    let whole = store.lock(lock_on(LockMode::Exclusive, None)).await.unwrap();
    assert_eq!(whole.state, LockState::Waiting);
    for lock in store.list_locks().await.unwrap() {
        store.unlock(lock.id).await.unwrap();
    }
}

pub(super) async fn every_change_is_an_event(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let before = store.last_event_id().await.unwrap();
    let database = Database { name: "d".to_owned(), ..Database::default() };
    store.create_database(database.clone()).await.unwrap();
    let changed = Database { parameters: parameters(&[("a", "b")]), ..database.clone() };
    store.alter_database(changed).await.unwrap();
    store.create_table(table("d", "t", &[("k", "int")])).await.unwrap();
    let two = vec![partition(&["1"]), partition(&["2"])];
    store.add_partitions("d", "t", two.clone(), false).await.unwrap();
    store.alter_partitions("d", "t", vec![two[0].clone()]).await.unwrap();
    store.drop_partitions("d", "t", vec![texts(&["1"])], false).await.unwrap();
    let renamed = Table { name: "u".to_owned(), ..store.get_table("d", "t").await.unwrap() };
    store.alter_table("d", "t", None, renamed).await.unwrap();
    // What failed, and what changed nothing, is no event.
    assert_code(store.create_database(database).await, ErrorCode::SchemaAlreadyExists);
    assert_eq!(store.add_partitions("d", "u", vec![two[1].clone()], true).await.unwrap(), 0);
    store.drop_table("d", "u").await.unwrap();
    store.drop_database("d", false).await.unwrap();

    let events = store.list_events(before, 100).await.unwrap();
    let shown: Vec<String> = events.iter().map(shown).collect();
    let expected = [
        "CREATE_DATABASE d -",
        "ALTER_DATABASE d -",
        "CREATE_TABLE d t",
        "ADD_PARTITION d t",
        "ALTER_PARTITION d t",
        "DROP_PARTITION d t",
        "ALTER_TABLE d u",
        "DROP_TABLE d u",
        "DROP_DATABASE d -",
    ];
    assert_eq!(shown, expected);
    assert!(events.is_sorted_by_key(|event| event.id));
    assert_eq!(store.last_event_id().await.unwrap(), events[8].id);
    assert!(events[3].message.contains("k=2"), "{}", events[3].message);
    let later = store.list_events(events[2].id, 2).await.unwrap();
    assert_eq!(later, events[3..5]);
    assert!(events.iter().all(|event| event.time > 1_700_000_000));
}

fn shown(event: &Event) -> String {
    let text = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    format!("{} {} {}", event.kind, text(&event.database), text(&event.table))
}
