//! What every metastore does: each function here is run against each of our stores.

mod fixture;
mod hive;
mod models;

use crate::hive_server::HiveServer;
use crate::postgres::PostgresServer;
use fixture::cached;
use fixture::hive as hive_fixture;
pub(crate) use fixture::{Behind, Fixture, memory, postgres, served, sqlite};
use hive::{
    a_change_may_expect_a_parameter, columns_and_places_of_partitions_follow_their_table,
    every_change_is_an_event, functions_are_kept, locks_are_given_in_order,
    partitions_are_found_by_values, partitions_are_renamed, statistics_are_deleted,
    statistics_of_partitions_are_kept_by_column,
};
use models::{model, models_have_versions};
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{
    Column, ColumnStatistics, Database, HIVE_DEFAULT_PARTITION, HivePartition, NewModelVersion,
    OwnerType, Parameters, PartitionFilter, SerDe, SkewedInfo, SortColumn, StorageDescriptor,
    Table, TableStatistics, TableType,
};
use quern_common::{ErrorCode, Result};
use std::collections::BTreeMap;
use std::fmt::Debug;

pub(crate) const WAREHOUSE: &str = "file:///warehouse";

macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                let fixture = super::memory();
                super::$name(&fixture).await;
            })*
        }
        mod in_cache {
            $(#[tokio::test]
            async fn $name() {
                let fixture = super::cached();
                super::$name(&fixture).await;
            })*
        }
        mod in_sqlite {
            $(#[tokio::test]
            async fn $name() {
                let fixture = super::sqlite().await;
                super::$name(&fixture).await;
            })*
        }
        /// One test, because it takes a second to start the server.
        #[tokio::test]
        async fn in_postgres() {
            let server = PostgresServer::start().await;
            $(
                println!("{}", stringify!($name));
                $name(&postgres(&server).await).await;
            )*
        }
        mod over_thrift {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let fixture = super::served().await;
                super::$name(&fixture).await;
            })*
        }
    };
}

conformance!(
    databases_are_created_changed_and_dropped,
    database_errors_have_their_codes,
    tables_come_back_as_they_were_given,
    table_errors_have_their_codes,
    names_are_folded_and_checked,
    text_of_any_kind_survives,
    altering_checks_versions_and_renames,
    a_version_is_never_that_of_another_table,
    partitions_come_back_as_they_were_given,
    partition_errors_have_their_codes,
    partition_values_of_any_kind_survive,
    partitions_keep_their_storage_when_the_table_changes,
    failed_statements_change_nothing,
    statistics_are_kept_by_column_and_summed_over_partitions,
    models_have_versions,
    columns_and_places_of_partitions_follow_their_table,
    a_change_may_expect_a_parameter,
    partitions_are_renamed,
    partitions_are_found_by_values,
    statistics_are_deleted,
    statistics_of_partitions_are_kept_by_column,
    functions_are_kept,
    locks_are_given_in_order,
    every_change_is_an_event,
);

macro_rules! on_hive {
    ($server:ident: $($name:ident),* $(,)?) => {
        $(
            println!("{}", stringify!($name));
            $name(&hive_fixture($server.uri()).await).await;
        )*
    };
}

/// What of the suite Hive 2.3 can do. It has neither events nor models, changes no description
/// or location of a database, and takes no texts of a megabyte.
#[tokio::test]
async fn hive_itself() {
    let server = HiveServer::start().unwrap();
    on_hive!(
        server: database_errors_have_their_codes,
        tables_come_back_as_they_were_given,
        table_errors_have_their_codes,
        altering_checks_versions_and_renames,
        a_version_is_never_that_of_another_table,
        partitions_come_back_as_they_were_given,
        partition_errors_have_their_codes,
        partitions_keep_their_storage_when_the_table_changes,
        failed_statements_change_nothing,
        statistics_are_kept_by_column_and_summed_over_partitions,
        models_have_versions,
        columns_and_places_of_partitions_follow_their_table,
        partitions_are_renamed,
        partitions_are_found_by_values,
        statistics_are_deleted,
        statistics_of_partitions_are_kept_by_column,
        functions_are_kept,
        locks_are_given_in_order,
    );
}

pub(crate) fn assert_code<T: Debug>(result: Result<T>, code: ErrorCode) {
    let err = result.expect_err(code.name());
    assert_eq!(err.code(), code, "{err}");
}

pub(crate) fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

pub(crate) fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

fn parquet() -> StorageDescriptor {
    StorageDescriptor {
        columns: vec![Column::new("a", "bigint"), Column::new("b", "array<string>")],
        input_format: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat".to_owned(),
        serde: SerDe {
            name: None,
            library: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe".to_owned(),
            parameters: parameters(&[("serialization.format", "1")]),
        },
        ..StorageDescriptor::default()
    }
}

pub(crate) fn table(database: &str, name: &str, keys: &[(&str, &str)]) -> Table {
    Table {
        database: database.to_owned(),
        name: name.to_owned(),
        create_time: 1_700_000_000,
        sd: parquet(),
        partition_keys: keys.iter().map(|(name, t)| Column::new(*name, *t)).collect(),
        ..Table::default()
    }
}

/// A partition that is stored as the table is, where the table is.
pub(crate) fn partition(values: &[&str]) -> HivePartition {
    HivePartition {
        values: texts(values),
        create_time: 1_700_000_001,
        last_access_time: 1_700_000_002,
        sd: parquet(),
        parameters: Parameters::new(),
    }
}

async fn all(store: &dyn Metastore, table: &str) -> Vec<HivePartition> {
    store.get_partitions("default", table, &PartitionFilter::All, None).await.unwrap()
}

async fn databases_are_created_changed_and_dropped(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    assert_eq!(store.list_databases().await.unwrap(), ["default"]);
    assert_eq!(store.get_database("default").await.unwrap().location, WAREHOUSE);
    let mut sales = Database {
        name: "Sales".to_owned(),
        description: Some("what was sold".to_owned()),
        location: String::new(),
        owner: Some("ann".to_owned()),
        owner_type: Some(OwnerType::User),
        parameters: parameters(&[("team", "x")]),
    };
    store.create_database(sales.clone()).await.unwrap();
    sales.name = "sales".to_owned();
    sales.location = format!("{WAREHOUSE}/sales.db");
    assert_eq!(store.get_database("SALES").await.unwrap(), sales);
    assert_eq!(store.list_databases().await.unwrap(), ["default", "sales"]);

    let changed = Database {
        name: "SALES".to_owned(),
        location: "s3://lake/sales".to_owned(),
        ..Database::default()
    };
    store.alter_database(changed.clone()).await.unwrap();
    let read = store.get_database("sales").await.unwrap();
    assert_eq!(read, Database { name: "sales".to_owned(), ..changed });

    store.create_table(table("sales", "t", &[("k", "int")])).await.unwrap();
    store.add_partitions("sales", "t", vec![partition(&["1"])], false).await.unwrap();
    assert_code(store.drop_database("sales", false).await, ErrorCode::SchemaNotEmpty);
    store.drop_table("sales", "t").await.unwrap();
    if fixture.is_ours() {
        let in_sales = NewModelVersion { database: "sales".to_owned(), ..model("m") };
        store.create_model_version(in_sales, false).await.unwrap();
        assert_code(store.drop_database("sales", false).await, ErrorCode::SchemaNotEmpty);
    }
    store.create_table(table("sales", "t", &[("k", "int")])).await.unwrap();
    store.drop_database("Sales", true).await.unwrap();
    assert_eq!(store.list_databases().await.unwrap(), ["default"]);
    // A database of the same name starts empty.
    store.create_database(sales).await.unwrap();
    assert!(store.list_tables("sales").await.unwrap().is_empty());
    assert!(store.list_models("sales").await.unwrap().is_empty());
    store.drop_database("sales", false).await.unwrap();
}

async fn database_errors_have_their_codes(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let named = |name: &str| Database { name: name.to_owned(), ..Database::default() };
    assert_code(store.get_database("nope").await, ErrorCode::SchemaNotFound);
    assert_code(store.alter_database(named("nope")).await, ErrorCode::SchemaNotFound);
    assert_code(store.drop_database("nope", true).await, ErrorCode::SchemaNotFound);
    assert_code(store.create_database(named("Default")).await, ErrorCode::SchemaAlreadyExists);
    assert_code(store.drop_database("DEFAULT", true).await, ErrorCode::NotSupported);
    assert_code(store.list_tables("nope").await, ErrorCode::SchemaNotFound);
    assert_code(store.get_tables("nope").await, ErrorCode::SchemaNotFound);
    assert_code(store.get_table("nope", "t").await, ErrorCode::SchemaNotFound);
    assert_code(store.drop_table("nope", "t").await, ErrorCode::SchemaNotFound);
    assert_code(store.create_table(table("nope", "t", &[])).await, ErrorCode::SchemaNotFound);
    assert_code(store.count_partitions("nope", "t").await, ErrorCode::SchemaNotFound);
    assert_code(store.list_models("nope").await, ErrorCode::SchemaNotFound);
    assert_code(store.get_model("nope", "m", None).await, ErrorCode::SchemaNotFound);
    assert_code(store.drop_model("nope", "m").await, ErrorCode::SchemaNotFound);
    let elsewhere = NewModelVersion { database: "nope".to_owned(), ..model("m") };
    assert_code(store.create_model_version(elsewhere, false).await, ErrorCode::SchemaNotFound);
}

async fn tables_come_back_as_they_were_given(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let full = Table {
        database: "default".to_owned(),
        name: "full".to_owned(),
        owner: Some("ann".to_owned()),
        owner_type: Some(OwnerType::Group),
        create_time: 17,
        last_access_time: 18,
        retention: 19,
        temporary: true,
        sd: StorageDescriptor {
            columns: vec![Column {
                name: "a".to_owned(),
                hive_type: "struct<x:int,y:map<string,date>>".to_owned(),
                comment: Some("it's \"a\"".to_owned()),
            }],
            location: format!("{}/full/", fixture.lake),
            input_format: "in".to_owned(),
            output_format: "out".to_owned(),
            serde: SerDe {
                name: Some("odd".to_owned()),
                library: "lib".to_owned(),
                parameters: parameters(&[("field.delim", "\u{1}")]),
            },
            bucket_columns: texts(&["a"]),
            num_buckets: 4,
            sort_columns: vec![SortColumn { name: "a".to_owned(), order: 0 }],
            compressed: true,
            skewed: SkewedInfo {
                columns: texts(&["a"]),
                values: vec![texts(&["x"]), texts(&["y"])],
                locations: BTreeMap::from([(texts(&["x"]), "s3://lake/x".to_owned())]),
            },
            stored_as_sub_directories: true,
            parameters: parameters(&[("p", "")]),
        },
        partition_keys: vec![Column {
            name: "dt".to_owned(),
            hive_type: "date".to_owned(),
            comment: Some("day".to_owned()),
        }],
        parameters: parameters(&[("EXTERNAL", "TRUE"), ("comment", "c")]),
        table_type: TableType::External,
        view_original_text: None,
        view_expanded_text: None,
        version: 99,
    };
    store.create_table(full.clone()).await.unwrap();
    let read = store.get_table("default", "full").await.unwrap();
    let expected = fixture.table(full);
    assert_eq!(fixture.table(read), expected);

    let view = Table {
        name: "a_view".to_owned(),
        sd: StorageDescriptor { columns: parquet().columns, ..StorageDescriptor::default() },
        table_type: TableType::View,
        view_original_text: Some("SELECT 1".to_owned()),
        view_expanded_text: Some("SELECT 1 AS x".to_owned()),
        ..table("default", "v", &[])
    };
    store.create_table(view.clone()).await.unwrap();
    store.create_table(table("default", "plain", &[])).await.unwrap();
    let plain = fixture.table(store.get_table("default", "plain").await.unwrap());
    assert_eq!(plain.sd.location, format!("{}/plain", fixture.warehouse));
    assert_eq!(store.list_tables("default").await.unwrap(), ["a_view", "full", "plain"]);
    let view = fixture.table(view);
    let read = store.get_tables("default").await.unwrap().into_iter();
    let read: Vec<_> = read.map(|table| fixture.table(table)).collect();
    assert_eq!(read, [view, expected, plain]);
    store.drop_table("default", "full").await.unwrap();
    assert_code(store.get_table("default", "full").await, ErrorCode::TableNotFound);
    let now = Table { create_time: 0, ..table("default", "now", &[]) };
    store.create_table(now).await.unwrap();
    assert!(store.get_table("default", "now").await.unwrap().create_time > 1_700_000_000);
}

async fn table_errors_have_their_codes(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[])).await.unwrap();
    assert_code(
        store.create_table(table("default", "T", &[])).await,
        ErrorCode::TableAlreadyExists,
    );
    let missing = || table("default", "nope", &[]);
    assert_code(store.get_table("default", "nope").await, ErrorCode::TableNotFound);
    assert_code(store.drop_table("default", "nope").await, ErrorCode::TableNotFound);
    let altered = store.alter_table("default", "nope", None, missing()).await;
    assert_code(altered, ErrorCode::TableNotFound);
    let statistics = store.get_table_statistics("default", "nope").await;
    assert_code(statistics, ErrorCode::TableNotFound);
    let set = store.set_column_statistics("default", "nope", vec![]).await;
    assert_code(set, ErrorCode::TableNotFound);

    let with_columns = |columns: &[(&str, &str)]| {
        let mut table = table("default", "bad", &[("k", "int")]);
        table.sd.columns = columns.iter().map(|(name, t)| Column::new(*name, *t)).collect();
        table
    };
    let create = |columns: &[(&str, &str)]| store.create_table(with_columns(columns));
    assert_code(create(&[("a", "blob")]).await, ErrorCode::TypeNotFound);
    assert_code(create(&[("a", "int"), ("A", "int")]).await, ErrorCode::DuplicateColumnName);
    assert_code(create(&[("K", "int")]).await, ErrorCode::DuplicateColumnName);
    assert_code(create(&[("", "int")]).await, ErrorCode::HiveInvalidMetadata);
    assert_code(create(&[("a\nb", "int")]).await, ErrorCode::HiveInvalidMetadata);
    let key = table("default", "bad", &[("k", "array<int>")]);
    assert_code(store.create_table(key).await, ErrorCode::HiveInvalidMetadata);
    assert_eq!(store.list_tables("default").await.unwrap(), ["t"]);
}

async fn names_are_folded_and_checked(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let mut odd = table("DEFAULT", "CamelCase_1", &[("Key", "string")]);
    odd.sd.columns = vec![Column::new("Straße ÄÖ%'\"😀", "int")];
    store.create_table(odd).await.unwrap();
    let read = store.get_table("Default", "CAMELCASE_1").await.unwrap();
    assert_eq!((read.database.as_str(), read.name.as_str()), ("default", "camelcase_1"));
    assert_eq!(read.sd.columns[0].name, "straße äö%'\"😀");
    assert_eq!(read.partition_keys[0].name, "key");
    store.add_partitions("default", "camelCase_1", vec![partition(&["V"])], false).await.unwrap();
    let all = PartitionFilter::IsNotNull { key: "KEY".to_owned() };
    let names = store.get_partition_names("DEFAULT", "CAMELCASE_1", &all, None).await.unwrap();
    assert_eq!(names, ["key=V"]);

    let megabyte = "x".repeat(1 << 20);
    let longest = "x".repeat(128);
    store.create_table(table("default", &longest, &[])).await.unwrap();
    for name in ["", " ", "a b", "a-b", "a.b", "a'b", "a\"b", "a%b", "tête", "😀", "a\0", &megabyte]
    {
        let database = Database { name: name.to_owned(), ..Database::default() };
        assert_code(store.create_database(database).await, ErrorCode::HiveInvalidMetadata);
        let created = store.create_table(table("default", name, &[])).await;
        assert_code(created, ErrorCode::HiveInvalidMetadata);
        let published = store.create_model_version(model(name), false).await;
        assert_code(published, ErrorCode::HiveInvalidMetadata);
        // Asking for what cannot exist is asking for what does not.
        assert_code(store.get_database(name).await, ErrorCode::SchemaNotFound);
        assert_code(store.get_table("default", name).await, ErrorCode::TableNotFound);
        assert_code(store.get_model("default", name, None).await, ErrorCode::ModelNotFound);
        let err = store.get_table("default", name).await.unwrap_err();
        assert!(err.message().len() < 1_000);
    }
}

async fn text_of_any_kind_survives(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let megabyte = "é%'\"\\😀".repeat(100_000);
    let texts = ["", "'", "\"; DROP TABLE tables; --", "100%", "a\0b", "😀", "\u{FFFD}", &megabyte];
    for text in texts.into_iter().filter(|text| fixture.keeps_nul || !text.contains('\0')) {
        let mut t = table("default", "t", &[("k", "string")]);
        t.owner = Some(text.to_owned());
        t.parameters = parameters(&[(text, text), ("comment", text)]);
        t.view_original_text = Some(text.to_owned());
        t.sd.columns[0].comment = Some(text.to_owned());
        t.sd.serde.parameters = parameters(&[(text, text)]);
        t.sd.location = format!("file:///{text}");
        store.create_table(t.clone()).await.unwrap();
        let read = store.get_table("default", "t").await.unwrap();
        assert_eq!(fixture.table(read), fixture.table(t));
        let mut p = partition(&["v"]);
        p.parameters = parameters(&[(text, text)]);
        p.sd.location = format!("file:///{text}");
        store.add_partitions("default", "t", vec![p.clone()], false).await.unwrap();
        assert_eq!(fixture.partitions(all(store, "t").await), [fixture.partition(p)]);
        store.drop_table("default", "t").await.unwrap();
        let database = Database {
            name: "d".to_owned(),
            description: Some(text.to_owned()),
            location: format!("file:///{text}"),
            owner: Some(text.to_owned()),
            owner_type: Some(OwnerType::Role),
            parameters: parameters(&[(text, text)]),
        };
        store.create_database(database.clone()).await.unwrap();
        assert_eq!(store.get_database("d").await.unwrap(), database);
        store.drop_database("d", false).await.unwrap();
    }
}

async fn altering_checks_versions_and_renames(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[("k", "int")])).await.unwrap();
    store.create_table(table("default", "other", &[])).await.unwrap();
    let other = Database { name: "d".to_owned(), ..Database::default() };
    store.create_database(other).await.unwrap();
    store.add_partitions("default", "t", vec![partition(&["1"])], false).await.unwrap();

    let mut t = store.get_table("default", "t").await.unwrap();
    let first = t.version;
    t.parameters = parameters(&[("a", "1")]);
    store.alter_table("default", "T", Some(first), t.clone()).await.unwrap();
    let conflict = store.alter_table("default", "t", Some(first), t.clone()).await;
    assert_code(conflict, ErrorCode::TransactionConflict);
    let read = store.get_table("default", "t").await.unwrap();
    assert_eq!(fixture.table(read), fixture.table(t.clone()));
    // Without a version the last one wins.
    store.alter_table("default", "t", None, t.clone()).await.unwrap();

    let version = store.get_table("default", "t").await.unwrap().version;
    let change = |change: fn(&mut Table)| {
        let mut changed = t.clone();
        change(&mut changed);
        store.alter_table("default", "t", Some(version), changed)
    };
    let taken = change(|t| t.name = "OTHER".to_owned()).await;
    assert_code(taken, ErrorCode::TableAlreadyExists);
    let nowhere = change(|t| t.database = "nope".to_owned()).await;
    assert_code(nowhere, ErrorCode::SchemaNotFound);
    let keys = change(|t| t.partition_keys[0].hive_type = "string".to_owned()).await;
    assert_code(keys, ErrorCode::HiveInvalidMetadata);
    let keys = change(|t| t.partition_keys.clear()).await;
    assert_code(keys, ErrorCode::HiveInvalidMetadata);
    let bad = change(|t| t.sd.columns[0].hive_type = "blob".to_owned()).await;
    assert_code(bad, ErrorCode::TypeNotFound);
    assert_eq!(store.get_table("default", "t").await.unwrap().version, version);

    change(|t| {
        t.database = "D".to_owned();
        t.name = "Renamed".to_owned();
        t.partition_keys[0].comment = Some("may change".to_owned());
        t.sd.location.clear();
    })
    .await
    .unwrap();
    assert_code(store.get_table("default", "t").await, ErrorCode::TableNotFound);
    let renamed = store.get_table("d", "renamed").await.unwrap();
    assert_ne!(renamed.version, version);
    if fixture.behind != Behind::Hive {
        assert_eq!(renamed.sd.location, t.sd.location);
    }
    assert_eq!(store.count_partitions("d", "renamed").await.unwrap(), 1);
    assert_eq!(store.list_tables("default").await.unwrap(), ["other"]);
    store.create_table(table("default", "t", &[("k", "int")])).await.unwrap();
    assert_eq!(store.count_partitions("default", "t").await.unwrap(), 0);
}

/// Who read a table and comes late must not take another table of its name for it.
async fn a_version_is_never_that_of_another_table(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let named = |name: &str, number: &str| {
        let mut new = table("default", name, &[]);
        new.parameters = parameters(&[("number", number)]);
        new
    };
    store.create_table(named("t", "1")).await.unwrap();
    let read = store.get_table("default", "t").await.unwrap();
    let late = async || {
        let result = store.alter_table("default", "t", Some(read.version), read.clone()).await;
        assert_code(result, ErrorCode::TransactionConflict);
    };
    store.drop_table("default", "t").await.unwrap();
    store.create_table(named("t", "2")).await.unwrap();
    late().await;
    if fixture.behind == Behind::Hive {
        // It moves no table to where the dropped one has left its directory.
        return;
    }
    store.create_table(named("u", "3")).await.unwrap();
    store.drop_table("default", "t").await.unwrap();
    let u = store.get_table("default", "u").await.unwrap();
    let renamed = Table { name: "t".to_owned(), ..u.clone() };
    store.alter_table("default", "u", Some(u.version), renamed).await.unwrap();
    late().await;
    let t = store.get_table("default", "t").await.unwrap();
    assert_eq!(t.parameters["number"], "3");
}

async fn partitions_come_back_as_they_were_given(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[("dt", "date"), ("n", "int")])).await.unwrap();
    let mut given = vec![partition(&["2024-01-02", "10"]), partition(&["2024-01-02", "9"])];
    given[0].sd.location = format!("{}/x", fixture.lake);
    given[0].sd.columns = vec![Column::new("a", "int")];
    given[0].parameters = parameters(&[("numRows", "5")]);
    given.push(partition(&["2024-01-01", "007"]));
    given.push(partition(&["2024-01-01", "7"]));
    let added = store.add_partitions("default", "t", given.clone(), false).await.unwrap();
    assert_eq!(added, 4);

    let base = format!("{}/t", fixture.warehouse);
    for p in given.iter_mut().skip(1) {
        p.sd.location = format!("{base}/dt={}/n={}", p.values[0], p.values[1]);
    }
    // By name in byte order, not by value.
    given.sort_by_key(|p| p.values.join("/n="));
    assert_eq!(fixture.partitions(all(store, "t").await), fixture.partitions(given.clone()));
    let filter = PartitionFilter::All;
    let names = store.get_partition_names("default", "t", &filter, Some(3)).await.unwrap();
    assert_eq!(names, ["dt=2024-01-01/n=007", "dt=2024-01-01/n=7", "dt=2024-01-02/n=10"]);
    assert!(store.get_partitions("default", "t", &filter, Some(0)).await.unwrap().is_empty());
    assert_eq!(store.count_partitions("default", "t").await.unwrap(), 4);
    let one = store.get_partition("default", "t", &given[2].values).await.unwrap();
    assert_eq!(fixture.partition(one), fixture.partition(given[2].clone()));

    let again = vec![given[0].clone(), partition(&["2025-01-01", "1"])];
    let added = store.add_partitions("default", "t", again, true).await.unwrap();
    assert_eq!(added, 1);

    let mut changed = given[1].clone();
    changed.parameters = parameters(&[("numRows", "1")]);
    changed.sd.input_format = "changed".to_owned();
    changed.create_time = 5;
    changed.last_access_time = 6;
    store.alter_partitions("default", "t", vec![changed.clone()]).await.unwrap();
    let kept = HivePartition { create_time: 0, ..changed.clone() };
    store.alter_partitions("default", "t", vec![kept]).await.unwrap();
    let read = store.get_partition("default", "t", &changed.values).await.unwrap();
    assert_eq!(read.create_time, 5);
    assert_eq!(fixture.partition(read), fixture.partition(changed.clone()));

    let dropped = vec![changed.values.clone(), texts(&["1999-01-01", "1"])];
    assert_eq!(store.drop_partitions("default", "t", dropped, true).await.unwrap(), 1);
    assert_eq!(store.count_partitions("default", "t").await.unwrap(), 4);
    store.drop_table("default", "t").await.unwrap();
    store.create_table(table("default", "t", &[("dt", "date"), ("n", "int")])).await.unwrap();
    assert!(all(store, "t").await.is_empty());
}

async fn partition_errors_have_their_codes(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[("dt", "date"), ("n", "tinyint")])).await.unwrap();
    store.create_table(table("default", "flat", &[])).await.unwrap();
    let good = partition(&["2024-01-01", "1"]);
    let add = |p: HivePartition| store.add_partitions("default", "t", vec![p], false);
    add(good.clone()).await.unwrap();
    assert_code(add(good.clone()).await, ErrorCode::AlreadyExists);
    assert_code(add(partition(&["2024-01-01"])).await, ErrorCode::HiveInvalidPartitionValue);
    for values in [["x", "1"], ["2024-13-01", "1"], ["2024-01-01", "128"], ["2024-01-01", "a"]] {
        assert_code(add(partition(&values)).await, ErrorCode::HiveInvalidPartitionValue);
    }
    let twice = vec![partition(&["2024-01-01", "2"]); 2];
    let added = store.add_partitions("default", "t", twice.clone(), false).await;
    assert_code(added, ErrorCode::AlreadyExists);
    assert_eq!(store.add_partitions("default", "t", twice, true).await.unwrap(), 1);
    let flat = store.add_partitions("default", "flat", vec![good.clone()], false).await;
    assert_code(flat, ErrorCode::HiveInvalidMetadata);
    assert_eq!(store.add_partitions("default", "flat", vec![], false).await.unwrap(), 0);
    assert!(all(store, "flat").await.is_empty());

    let missing = partition(&["2024-01-01", "9"]);
    let found = store.get_partition("default", "t", &missing.values).await;
    assert_code(found, ErrorCode::NotFound);
    let short = store.get_partition("default", "t", &missing.values[..1]).await;
    assert_code(short, ErrorCode::HiveInvalidPartitionValue);
    let altered = store.alter_partitions("default", "t", vec![good.clone(), missing.clone()]).await;
    assert_code(altered, ErrorCode::NotFound);
    let dropped = store.drop_partitions("default", "t", vec![missing.values], false).await;
    assert_code(dropped, ErrorCode::NotFound);
    let gone = store.add_partitions("default", "nope", vec![good], false).await;
    assert_code(gone, ErrorCode::TableNotFound);

    let unknown = PartitionFilter::IsNull { key: "a".to_owned() };
    let found = store.get_partitions("default", "t", &unknown, None).await;
    assert_code(found, ErrorCode::ColumnNotFound);
    let wrong = PartitionFilter::LikePrefix { key: "n".to_owned(), prefix: "1".to_owned() };
    let found = store.get_partition_names("default", "t", &wrong, None).await;
    assert_code(found, ErrorCode::TypeMismatch);
}

async fn partition_values_of_any_kind_survive(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[("k", "string"), ("l", "string")])).await.unwrap();
    let values = [
        "a=b", "a/b", "100%", "%2F", "12:30", "a b", " ", "a\nb", "a\0b", "é😀", "'", "\"", "..",
        "A", "a", "}", "\u{7f}",
    ];
    let given: Vec<_> = values.iter().map(|v| partition(&[v, v])).collect();
    store.add_partitions("default", "t", given, false).await.unwrap();
    assert_eq!(store.count_partitions("default", "t").await.unwrap(), values.len());
    for value in values {
        let read = store.get_partition("default", "t", &texts(&[value, value])).await.unwrap();
        assert_eq!(read.values, [value, value]);
    }
    let read = store.get_partition("default", "t", &texts(&["a/b", "a/b"])).await.unwrap();
    assert_eq!(read.sd.location, format!("{WAREHOUSE}/t/k=a%2Fb/l=a%2Fb"));

    // The empty text and the default partition are one: NULL.
    store.add_partitions("default", "t", vec![partition(&["", "x"])], false).await.unwrap();
    let null = texts(&[HIVE_DEFAULT_PARTITION, "x"]);
    let read = store.get_partition("default", "t", &null).await.unwrap();
    assert_eq!(read.values, null);
    let again = partition(&[HIVE_DEFAULT_PARTITION, "x"]);
    let added = store.add_partitions("default", "t", vec![again], false).await;
    assert_code(added, ErrorCode::AlreadyExists);
    let is_null = PartitionFilter::IsNull { key: "k".to_owned() };
    let found = store.get_partitions("default", "t", &is_null, None).await.unwrap();
    assert_eq!(found, [read]);

    let long = "x".repeat(1 << 20);
    let added = store.add_partitions("default", "t", vec![partition(&[&long, "x"])], false).await;
    assert_code(added, ErrorCode::HiveInvalidPartitionValue);
    let dropped: Vec<_> = values.iter().map(|v| texts(&[v, v])).collect();
    let dropped = store.drop_partitions("default", "t", dropped, false).await.unwrap();
    assert_eq!(dropped, values.len());
}

async fn partitions_keep_their_storage_when_the_table_changes(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[("k", "int")])).await.unwrap();
    store.add_partitions("default", "t", vec![partition(&["1"])], false).await.unwrap();
    let before = all(store, "t").await;
    let mut t = store.get_table("default", "t").await.unwrap();
    t.sd.location = format!("{}/moved", fixture.lake);
    t.sd.columns.push(Column::new("new", "int"));
    t.sd.input_format = "other".to_owned();
    store.alter_table("default", "t", None, t).await.unwrap();
    assert_eq!(all(store, "t").await, before);
    store.add_partitions("default", "t", vec![partition(&["2"])], false).await.unwrap();
    let after = all(store, "t").await;
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1].sd.location, format!("{}/moved/k=2", fixture.lake));
}

async fn failed_statements_change_nothing(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    store.create_table(table("default", "t", &[("k", "int")])).await.unwrap();
    let many: Vec<_> = (0..2_500).map(|n| partition(&[&n.to_string()])).collect();
    let mut twice = many.clone();
    twice.push(partition(&["7"]));
    let added = store.add_partitions("default", "t", twice, false).await;
    assert_code(added, ErrorCode::AlreadyExists);
    assert_eq!(store.count_partitions("default", "t").await.unwrap(), 0);

    store.add_partitions("default", "t", many.clone(), false).await.unwrap();
    let values = vec![texts(&["1"]), texts(&["9999"])];
    let dropped = store.drop_partitions("default", "t", values, false).await;
    assert_code(dropped, ErrorCode::NotFound);
    assert_eq!(store.count_partitions("default", "t").await.unwrap(), 2_500);

    let before = all(store, "t").await;
    let mut changed = vec![before[0].clone(), partition(&["9999"])];
    changed[0].sd.location = "file:///changed".to_owned();
    let altered = store.alter_partitions("default", "t", changed).await;
    assert_code(altered, ErrorCode::NotFound);
    assert_eq!(all(store, "t").await, before);

    let columns = ["a", "nope"].map(|column| ColumnStatistics {
        column: column.to_owned(),
        ..ColumnStatistics::default()
    });
    let set = store.set_column_statistics("default", "t", columns.to_vec()).await;
    assert_code(set, ErrorCode::ColumnNotFound);
    let statistics = store.get_table_statistics("default", "t").await.unwrap();
    assert!(statistics.columns.is_empty());
}

async fn statistics_are_kept_by_column_and_summed_over_partitions(fixture: &Fixture) {
    let store = fixture.store.as_ref();
    let mut flat = table("default", "flat", &[]);
    let columns = [("a", "bigint"), ("b", "string"), ("c", "boolean")];
    flat.sd.columns = columns.iter().map(|(name, t)| Column::new(*name, *t)).collect();
    flat.parameters =
        parameters(&[("numRows", "12"), ("totalSize", "-1"), ("numFiles", "18446744073709551616")]);
    store.create_table(flat).await.unwrap();
    let known = |rows, bytes, files| TableStatistics {
        row_count: rows,
        total_bytes: bytes,
        file_count: files,
        columns: Vec::new(),
    };
    let read = store.get_table_statistics("default", "FLAT").await.unwrap();
    assert_eq!(read, known(Some(12), None, None));

    let a = ColumnStatistics {
        column: "A".to_owned(),
        hive_type: "bigint".to_owned(),
        null_count: Some(1),
        distinct_count: Some(i64::MAX.unsigned_abs()),
        min: Some("-5".to_owned()),
        max: Some("7".to_owned()),
        sketch: fixture.is_ours().then(|| vec![1, 0, 255]),
        last_analyzed: fixture.is_ours().then_some(1_700_000_003),
        ..ColumnStatistics::default()
    };
    let b = ColumnStatistics {
        column: "b".to_owned(),
        hive_type: "string".to_owned(),
        avg_length: Some(1.5),
        max_length: Some(9),
        null_count: Some(0),
        distinct_count: Some(2),
        ..ColumnStatistics::default()
    };
    let c = ColumnStatistics {
        column: "c".to_owned(),
        hive_type: "boolean".to_owned(),
        num_trues: Some(3),
        num_falses: Some(0),
        null_count: Some(1),
        ..ColumnStatistics::default()
    };
    let set = |columns| store.set_column_statistics("default", "flat", columns);
    set(vec![b.clone(), a.clone()]).await.unwrap();
    let b = ColumnStatistics { null_count: Some(4), ..b };
    set(vec![c.clone(), b.clone()]).await.unwrap();
    let read = store.get_table_statistics("default", "flat").await.unwrap();
    let a = ColumnStatistics { column: "a".to_owned(), ..a.clone() };
    assert_eq!(read.columns, [a, b.clone(), c.clone()]);

    // A column that changed its type or is gone has no statistics.
    let mut changed = store.get_table("default", "flat").await.unwrap();
    changed.sd.columns[0].hive_type = "string".to_owned();
    store.alter_table("default", "flat", None, changed).await.unwrap();
    let read = store.get_table_statistics("default", "flat").await.unwrap();
    assert_eq!(read.columns, [b, c]);

    store.create_table(table("default", "t", &[("k", "int")])).await.unwrap();
    let read = store.get_table_statistics("default", "t").await.unwrap();
    assert_eq!(read, known(Some(0), Some(0), Some(0)));
    let counted = |value: &str, rows: &str| HivePartition {
        parameters: parameters(&[("numRows", rows), ("totalSize", "9223372036854775807")]),
        ..partition(&[value])
    };
    let partitions = vec![counted("1", "5"), counted("2", "6")];
    store.add_partitions("default", "t", partitions, false).await.unwrap();
    let read = store.get_table_statistics("default", "t").await.unwrap();
    assert_eq!(read.row_count, Some(11));
    // Hive counts files itself.
    assert!(fixture.behind == Behind::Hive || read.file_count.is_none());
    store.alter_partitions("default", "t", vec![counted("2", "?")]).await.unwrap();
    let read = store.get_table_statistics("default", "t").await.unwrap();
    assert_eq!(read.row_count, None);
}
