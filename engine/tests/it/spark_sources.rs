//! Statements about tables that Spark made with `USING`.

use crate::support::Fixture;
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{Column, Parameters, StorageDescriptor, StorageFormat, Table};
use quern_common::ErrorCode;

const SCHEMA: &str = r#"{"type":"struct","fields":[
    {"name":"Id","type":"integer","nullable":true,"metadata":{}},
    {"name":"Name","type":"string","nullable":true,"metadata":{}}]}"#;

/// Stores a table as Spark does; with `columns` as Hive could read it.
async fn store(fixture: &Fixture, source: &str, format: StorageFormat, columns: Vec<Column>) {
    let location = format!("s3://lake/warehouse/{source}");
    let path = Parameters::from([("path".to_owned(), location.clone())]);
    let (input_format, output_format, serde) = format.descriptor(path);
    let parameters = [
        ("spark.sql.sources.provider", source),
        ("spark.sql.sources.schema", SCHEMA),
        ("spark.sql.statistics.numRows", "7"),
    ];
    let table = Table {
        database: "default".to_owned(),
        name: source.to_owned(),
        sd: StorageDescriptor {
            columns,
            location,
            input_format,
            output_format,
            serde,
            ..StorageDescriptor::default()
        },
        parameters: parameters.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..Table::default()
    };
    fixture.metastore.create_table(table).await.unwrap();
}

async fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let columns = vec![Column::new("id", "int"), Column::new("name", "string")];
    store(&fixture, "parquet", StorageFormat::Parquet, columns).await;
    let made_up = vec![Column::new("col", "array<string>")];
    store(&fixture, "csv", StorageFormat::SequenceFile, made_up).await;
    fixture
}

#[tokio::test]
async fn their_columns_are_those_of_spark() {
    let fixture = fixture().await;
    for table in ["parquet", "csv"] {
        let described = fixture.rows(&format!("DESCRIBE {table}")).await;
        assert_eq!(described, ["id|integer||", "name|varchar||"], "{table}");
    }
}

#[tokio::test]
async fn columns_that_spark_would_not_see_are_not_added() {
    let fixture = fixture().await;
    for table in ["parquet", "csv"] {
        let err = fixture.err(&format!("ALTER TABLE {table} ADD COLUMNS (more INT)")).await;
        assert_eq!(err.code(), ErrorCode::NotSupported);
        assert!(err.message().contains(&format!("data source \"{table}\"")), "{err}");
    }
}

#[tokio::test]
async fn a_copy_does_not_share_files_with_its_source() {
    let fixture = fixture().await;
    fixture.ok("CREATE TABLE copy LIKE parquet").await;
    let copy = fixture.metastore.get_table("default", "copy").await.unwrap();
    assert_eq!(copy.sd.location, "s3://lake/warehouse/copy");
    assert!(copy.sd.serde.parameters.is_empty(), "{:?}", copy.sd.serde.parameters);
    assert!(copy.parameters.keys().all(|key| !key.starts_with("spark.")), "{:?}", copy.parameters);
    let err = fixture.err("CREATE TABLE copy2 LIKE csv").await;
    assert_eq!(err.code(), ErrorCode::NotSupported);
}
