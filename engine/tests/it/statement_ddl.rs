//! DDL and SHOW against a catalogue in memory.

use super::support::Fixture;
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{NewModelVersion, TableType};
use quern_common::ErrorCode;

#[tokio::test]
async fn a_hive_table_is_stored_as_hive_stores_it() {
    let f = Fixture::new();
    f.ok("CREATE EXTERNAL TABLE t (a INT COMMENT 'x', b string) COMMENT 'c' PARTITIONED BY (d date) \
          ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' STORED AS TEXTFILE LOCATION 's3a://lake/t/' \
          TBLPROPERTIES ('skip.header.line.count'='1')")
        .await;
    let table = f.metastore.get_table("default", "t").await.unwrap();
    assert_eq!(table.table_type, TableType::External);
    assert_eq!(table.parameters["EXTERNAL"], "TRUE");
    assert_eq!(table.parameters["comment"], "c");
    assert_eq!(table.parameters["skip.header.line.count"], "1");
    assert!(table.parameters.contains_key("transient_lastDdlTime"));
    assert_eq!(table.owner.as_deref(), Some("ada"));
    assert_eq!(table.sd.location, "s3://lake/t");
    assert_eq!(table.sd.input_format, "org.apache.hadoop.mapred.TextInputFormat");
    assert_eq!(
        table.sd.output_format,
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    );
    assert_eq!(table.sd.serde.library, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe");
    assert_eq!(table.sd.serde.parameters["field.delim"], ",");
    assert_eq!(table.sd.serde.parameters["serialization.format"], ",");
    assert_eq!(
        f.rows("DESCRIBE t").await,
        ["a|integer||x", "b|varchar||", "d|date|partition key|"]
    );
    assert_eq!(f.rows("SHOW COLUMNS FROM t LIKE 'd'").await, ["d|date|partition key|"]);
}

#[tokio::test]
async fn dropping_a_managed_table_deletes_its_files_and_an_external_one_keeps_them() {
    let f = Fixture::new();
    f.ok("CREATE SCHEMA s").await;
    f.ok("USE s").await;
    f.ok("CREATE TABLE m (a int)").await;
    f.ok("CREATE TABLE e (a int) WITH (external_location = 's3://lake/e')").await;
    let location = "s3://lake/warehouse/s.db/m";
    assert!(f.storage.dirs.lock().contains(location));
    assert_eq!(f.rows("SHOW TABLES").await, ["e", "m"]);
    f.ok("DROP TABLE m").await;
    f.ok("DROP TABLE e").await;
    assert_eq!(*f.storage.deleted.lock(), [location]);
    assert_eq!(f.err("DROP TABLE m").await.code(), ErrorCode::TableNotFound);
    f.ok("DROP TABLE IF EXISTS m").await;
    f.ok("DROP TABLE IF EXISTS nowhere.m").await;
    assert_eq!(f.err("DROP TABLE nowhere.m").await.code(), ErrorCode::SchemaNotFound);
    assert_eq!(f.err("DROP TABLE c.s.m").await.code(), ErrorCode::CatalogNotFound);
}

#[tokio::test]
async fn a_new_table_never_takes_over_files_that_are_there() {
    let f = Fixture::new();
    f.ok("CREATE TABLE a (x int)").await;
    f.ok("ALTER TABLE a RENAME TO b").await;
    f.ok("CREATE TABLE a (x int)").await;
    let location = async |name| f.metastore.get_table("default", name).await.unwrap().sd.location;
    assert_ne!(location("a").await, location("b").await);
    f.storage.make(&["s3://lake/warehouse/c/left=over"]);
    f.ok("CREATE TABLE c (x int)").await;
    assert_ne!(location("c").await, "s3://lake/warehouse/c");
}

#[tokio::test]
async fn definitions_that_cannot_be_are_refused() {
    let f = Fixture::new();
    f.ok("CREATE TABLE t (a int)").await;
    for (sql, code) in [
        ("CREATE TABLE t (a int)", ErrorCode::TableAlreadyExists),
        ("CREATE TABLE u (a int, A bigint)", ErrorCode::DuplicateColumnName),
        ("CREATE TABLE u (a int) PARTITIONED BY (a int)", ErrorCode::DuplicateColumnName),
        ("CREATE TABLE u (a int) PARTITIONED BY (b array<int>)", ErrorCode::InvalidTableProperty),
        ("CREATE TABLE u (a int) LOCATION 's3://elsewhere/u'", ErrorCode::PermissionDenied),
        ("CREATE TABLE nowhere.u (a int)", ErrorCode::SchemaNotFound),
        ("CREATE SCHEMA default", ErrorCode::SchemaAlreadyExists),
        ("CREATE SCHEMA information_schema", ErrorCode::SchemaAlreadyExists),
        ("CREATE SCHEMA u LOCATION 's3://elsewhere'", ErrorCode::PermissionDenied),
        ("DROP SCHEMA nowhere", ErrorCode::SchemaNotFound),
        ("DROP VIEW t", ErrorCode::GenericUserError),
        ("USE nowhere", ErrorCode::SchemaNotFound),
        ("SHOW TABLES FROM nowhere", ErrorCode::SchemaNotFound),
        ("SHOW SCHEMAS FROM nowhere", ErrorCode::CatalogNotFound),
        ("DESCRIBE nothing", ErrorCode::TableNotFound),
        ("ALTER TABLE t ADD COLUMN a int", ErrorCode::DuplicateColumnName),
        ("ALTER TABLE t SET TBLPROPERTIES ('EXTERNAL'='FALSE')", ErrorCode::NotSupported),
        ("ALTER TABLE t RENAME TO other.s.t", ErrorCode::CatalogNotFound),
        ("CALL system.nothing()", ErrorCode::ProcedureNotFound),
        (
            "CALL system.sync_partition_metadata('s', 't', 'SOME')",
            ErrorCode::InvalidProcedureArgument,
        ),
        ("CALL system.sync_partition_metadata('s', 't')", ErrorCode::InvalidProcedureArgument),
        ("SET SESSION batch_size = 'many'", ErrorCode::InvalidSessionProperty),
        ("SET batch = 1", ErrorCode::InvalidSessionProperty),
    ] {
        let err = f.err(sql).await;
        assert_eq!(err.code(), code, "{sql}: {err:?}");
    }
    f.ok("CREATE TABLE IF NOT EXISTS t (b int)").await;
    f.ok("CREATE SCHEMA IF NOT EXISTS default").await;
    f.ok("ALTER TABLE t ADD COLUMN IF NOT EXISTS a int").await;
    assert_eq!(f.rows("DESCRIBE t").await, ["a|integer||"]);
}

#[tokio::test]
async fn show_create_table_parses_back_to_the_same_table() {
    let f = Fixture::new();
    for (name, definition) in [
        (
            "p",
            "(a bigint COMMENT 'it''s', \"odd name\" row(x integer, y map(varchar, array(double))), d date, \"select\" decimal(10,2))",
        ),
        (
            "q",
            "(a varchar(10), b char(3), c timestamp(6), e timestamp(6) with time zone, f real, g varbinary, day date, n integer COMMENT 'k') COMMENT 'q''s' WITH (format = 'PARQUET', partitioned_by = ARRAY['day', 'n'], external_location = 's3://lake/q')",
        ),
        (
            "r",
            "(a int) COMMENT 'x' ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\001' ESCAPED BY '\\\\' COLLECTION ITEMS TERMINATED BY ',' NULL DEFINED AS 'null' STORED AS TEXTFILE LOCATION 's3://lake/r' TBLPROPERTIES ('skip.header.line.count'='2', 'owner.team'='o''neil')",
        ),
        (
            "s",
            "(a string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' WITH SERDEPROPERTIES ('separatorChar'='\\t', 'quoteChar'='\\'', 'escapeChar'='\\\\') STORED AS TEXTFILE LOCATION 's3://lake/s'",
        ),
        ("t", "(a int) STORED AS TEXTFILE"),
        ("v", "(a int) STORED AS CSV"),
    ] {
        // A quote within quotes is doubled in SQL.
        let definition = definition.replace("'\\''", "'\\'''");
        f.ok(&format!("CREATE TABLE {name} {definition}")).await;
        let before = f.metastore.get_table("default", name).await.unwrap();
        let text = f.rows(&format!("SHOW CREATE TABLE {name}")).await.concat();
        f.ok(&format!("DROP TABLE {name}")).await;
        f.ok(&text).await;
        let mut after = f.metastore.get_table("default", name).await.unwrap();
        after.create_time = before.create_time;
        after.version = before.version;
        let mut before = before;
        for table in [&mut before, &mut after] {
            table.parameters.remove("transient_lastDdlTime");
        }
        assert_eq!(after, before, "{text}");
    }
}

#[tokio::test]
async fn show_create_table_is_prestos_text() {
    let f = Fixture::new();
    f.ok("CREATE TABLE t (a bigint COMMENT 'x', day date) COMMENT 'c' \
          WITH (partitioned_by = ARRAY['day'], external_location = 's3://lake/t')")
        .await;
    assert_eq!(
        f.rows("SHOW CREATE TABLE t").await.concat(),
        "CREATE TABLE hive.default.t (\n   a bigint COMMENT 'x',\n   day date\n)\nCOMMENT 'c'\nWITH (\n   external_location = 's3://lake/t',\n   format = 'PARQUET',\n   partitioned_by = ARRAY['day']\n)"
    );
    f.ok("CREATE SCHEMA s COMMENT 'x' LOCATION 's3://lake/s'").await;
    assert_eq!(
        f.rows("SHOW CREATE SCHEMA s").await.concat(),
        "CREATE SCHEMA hive.s\nCOMMENT 'x'\nWITH (\n   location = 's3://lake/s'\n)"
    );
}

#[tokio::test]
async fn views_are_stored_and_shown() {
    let f = Fixture::new();
    f.ok("CREATE VIEW v AS SELECT 1 AS a").await;
    assert_eq!(f.err("CREATE VIEW v AS SELECT 2 AS a").await.code(), ErrorCode::TableAlreadyExists);
    f.ok("CREATE VIEW IF NOT EXISTS v AS SELECT 2 AS a").await;
    assert_eq!(
        f.rows("SHOW CREATE VIEW v").await.concat(),
        "CREATE VIEW hive.default.v AS\nSELECT 1 AS a"
    );
    f.ok("CREATE OR REPLACE VIEW v COMMENT 'c' AS SELECT 3 AS a").await;
    let view = f.metastore.get_table("default", "v").await.unwrap();
    assert_eq!(view.view_original_text.as_deref(), Some("SELECT 3 AS a"));
    assert_eq!(f.err("DROP TABLE v").await.hint(), Some("use DROP VIEW"));
    f.ok("DROP VIEW v").await;
    assert!(f.storage.deleted.lock().is_empty());
    f.ok("DROP VIEW IF EXISTS v").await;
}

#[tokio::test]
async fn alter_table_changes_the_definition() {
    let f = Fixture::new();
    f.ok("CREATE SCHEMA s").await;
    f.ok("CREATE TABLE t (a int) PARTITIONED BY (d date)").await;
    f.ok("ALTER TABLE t ADD COLUMNS (b string COMMENT 'x', c double)").await;
    f.ok("ALTER TABLE t SET TBLPROPERTIES ('comment'='new', 'k'='v')").await;
    assert_eq!(
        f.rows("DESCRIBE t").await,
        ["a|integer||", "b|varchar||x", "c|double||", "d|date|partition key|"]
    );
    let table = f.metastore.get_table("default", "t").await.unwrap();
    assert_eq!(
        (table.parameters["comment"].as_str(), table.parameters["k"].as_str()),
        ("new", "v")
    );
    f.ok("ALTER TABLE t RENAME TO s.u").await;
    assert_eq!(f.rows("SHOW TABLES FROM s").await, ["u"]);
    f.ok("ALTER TABLE IF EXISTS t RENAME TO v").await;
    f.ok("CREATE TABLE like_u LIKE s.u").await;
    assert_eq!(f.rows("DESCRIBE like_u").await, f.rows("DESCRIBE s.u").await);
    f.ok("ALTER TABLE like_u SET TBLPROPERTIES ('EXTERNAL'='TRUE')").await;
    f.ok("DROP TABLE like_u").await;
    assert!(f.storage.deleted.lock().is_empty());
}

#[tokio::test]
async fn schemas_and_the_session_are_shown() {
    let f = Fixture::new();
    f.ok("CREATE SCHEMA sales COMMENT 'x'").await;
    assert_eq!(f.rows("SHOW CATALOGS").await, ["hive"]);
    assert_eq!(f.rows("SHOW SCHEMAS").await, ["default", "information_schema", "sales"]);
    assert_eq!(f.rows("SHOW SCHEMAS FROM hive LIKE 'S%'").await, ["sales"]);
    assert_eq!(f.rows("SHOW TABLES FROM information_schema LIKE 't%'").await, ["tables"]);
    assert!(
        f.rows("DESCRIBE information_schema.tables")
            .await
            .contains(&"table_name|varchar||".to_owned())
    );
    f.ok("USE hive.sales").await;
    assert_eq!(f.session.settings().schema, "sales");
    f.ok("SET SESSION execution_mode = 'Staged'").await;
    let shown = f.rows("SHOW SESSION LIKE 'execution%'").await;
    assert!(shown[0].starts_with("execution_mode|Staged|auto|varchar|"), "{shown:?}");
    f.ok("RESET SESSION execution_mode").await;
    assert!(f.session.settings().properties.is_empty());
    assert!(
        f.err("SET SESSION execution_mod = 'x'").await.hint().unwrap().contains("execution_mode")
    );
}

#[tokio::test]
async fn dropping_a_schema_takes_its_tables_and_models() {
    let f = Fixture::new();
    f.ok("CREATE SCHEMA s").await;
    f.ok("CREATE TABLE s.m (a int)").await;
    f.ok("CREATE TABLE s.e (a int) LOCATION 's3://lake/e'").await;
    let model = NewModelVersion {
        database: "s".to_owned(),
        name: "k".to_owned(),
        algorithm: "kmeans".to_owned(),
        artifact_location: "s3://lake/models/k/1".to_owned(),
        artifact_sha256: "00".to_owned(),
        options: [("k".to_owned(), "3".to_owned())].into(),
        facts: [].into(),
        statement: "CREATE MODEL …".to_owned(),
        source_tables: vec!["hive.s.m".to_owned()],
        owner: Some("ada".to_owned()),
        create_time: 0,
    };
    f.metastore.create_model_version(model, false).await.unwrap();
    assert_eq!(f.rows("SHOW MODELS FROM s").await, ["k|1|kmeans|ada|1970-01-01 00:00:00 UTC"]);
    assert!(f.rows("DESCRIBE MODEL s.k").await.contains(&"option k|3".to_owned()));
    assert_eq!(f.err("DROP SCHEMA s").await.code(), ErrorCode::SchemaNotEmpty);
    f.ok("DROP SCHEMA s CASCADE").await;
    assert_eq!(
        *f.storage.deleted.lock(),
        ["s3://lake/warehouse/s.db/m", "file s3://lake/models/k/1"]
    );
    f.ok("DROP SCHEMA IF EXISTS s").await;
    assert_eq!(f.err("DROP MODEL default.k").await.code(), ErrorCode::ModelNotFound);
    f.ok("DROP MODEL IF EXISTS default.k").await;
}
