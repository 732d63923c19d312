//! Comments, owners, tags and terms: what is written where, and the errors.

use super::support::Fixture;
use quern_catalog::metastore::{MetadataStore, Metastore};
use quern_catalog::model::{NameFilter, OwnerType};
use quern_common::ErrorCode;
use quern_common::ids::QueryId;
use quern_engine::ddl::DdlOutcome;
use quern_engine::statement::Statement;

const TABLE: &str = "CREATE TABLE t (id BIGINT, email STRING) PARTITIONED BY (day DATE) \
                     STORED AS PARQUET";

/// `object kind name=value`.
async fn said(f: &Fixture) -> Vec<String> {
    let found = f.metastore.list_annotations(&NameFilter::default()).await.unwrap();
    let shown = found.into_iter().map(|found| {
        let value = found.value.map(|value| format!("={value}")).unwrap_or_default();
        format!("{} {} {}{value}", found.object, found.kind.name(), found.name)
    });
    shown.collect()
}

#[tokio::test]
async fn comments_and_owners_are_where_hive_has_them() {
    let f = Fixture::new();
    f.ok(TABLE).await;
    f.ok("COMMENT ON SCHEMA default IS 'a schema'").await;
    f.ok("COMMENT ON TABLE t IS 'it''s a table'").await;
    f.ok("COMMENT ON COLUMN hive.default.t.EMAIL IS 'a column'").await;
    f.ok("COMMENT ON COLUMN t.day IS 'a key'").await;
    f.ok("ALTER SCHEMA default SET OWNER ROLE stewards").await;
    f.ok("ALTER TABLE t SET AUTHORIZATION Grace").await;
    let database = f.metastore.get_database("default").await.unwrap();
    assert_eq!(database.description.as_deref(), Some("a schema"));
    assert_eq!(
        (database.owner.as_deref(), database.owner_type),
        (Some("stewards"), Some(OwnerType::Role))
    );
    let table = f.metastore.get_table("default", "t").await.unwrap();
    assert_eq!(table.parameters["comment"], "it's a table");
    assert_eq!(table.sd.columns[1].comment.as_deref(), Some("a column"));
    assert_eq!(table.partition_keys[0].comment.as_deref(), Some("a key"));
    assert_eq!((table.owner.as_deref(), table.owner_type), (Some("Grace"), Some(OwnerType::User)));

    f.ok("COMMENT ON SCHEMA default IS NULL").await;
    f.ok("COMMENT ON TABLE t IS NULL").await;
    f.ok("COMMENT ON COLUMN t.email IS NULL").await;
    let table = f.metastore.get_table("default", "t").await.unwrap();
    assert_eq!(f.metastore.get_database("default").await.unwrap().description, None);
    assert!(!table.parameters.contains_key("comment"));
    assert_eq!(table.sd.columns[1].comment, None);
}

#[tokio::test]
async fn views_are_annotated_as_tables_are() {
    let f = Fixture::new();
    f.ok("CREATE VIEW v AS SELECT 1 AS a").await;
    f.ok("COMMENT ON VIEW v IS 'a view'").await;
    f.ok("ALTER VIEW v SET TAGS ('gold')").await;
    assert_eq!(
        f.metastore.get_table("default", "v").await.unwrap().parameters["comment"],
        "a view"
    );
    assert_eq!(said(&f).await, ["hive.default.v tag gold"]);
    f.ok("DROP VIEW v").await;
    assert!(said(&f).await.is_empty());
}

#[tokio::test]
async fn annotations_are_set_one_by_one_and_go_with_their_table() {
    let f = Fixture::new();
    f.ok(TABLE).await;
    f.ok("CREATE GLOSSARY TERM 'Net Revenue' AS 'what is left'").await;
    f.ok("ALTER SCHEMA default SET TAGS ('raw')").await;
    f.ok("ALTER TABLE t SET TAGS ('a', 'b' = 'X')").await;
    f.ok("ALTER TABLE t SET TAGS ('b', 'c' = '')").await;
    f.ok("ALTER TABLE t SET TERMS ('net revenue')").await;
    f.ok("ALTER TABLE t ALTER COLUMN id SET SENSITIVITY 'public'").await;
    f.ok("ALTER TABLE t ALTER COLUMN id SET SENSITIVITY 'RESTRICTED'").await;
    let of_table = [
        "hive.default.t tag a",
        "hive.default.t tag b",
        "hive.default.t tag c=",
        "hive.default.t term net revenue",
        "hive.default.t.id sensitivity =restricted",
    ];
    assert_eq!(said(&f).await[1..], of_table);
    f.ok("ALTER TABLE t RENAME TO u").await;
    let renamed: Vec<String> = of_table.iter().map(|text| text.replace(".t", ".u")).collect();
    assert_eq!(said(&f).await[1..], renamed);
    f.ok("ALTER TABLE u UNSET TAGS ('A', 'c')").await;
    f.ok("ALTER TABLE u UNSET TERMS ('Net Revenue')").await;
    f.ok("ALTER TABLE u ALTER COLUMN id UNSET SENSITIVITY").await;
    assert_eq!(said(&f).await, ["hive.default tag raw", "hive.default.u tag b"]);
    f.ok("DROP TABLE u").await;
    assert_eq!(said(&f).await, ["hive.default tag raw"]);
    f.ok("DROP GLOSSARY TERM \"net revenue\"").await;
}

#[tokio::test]
async fn errors_of_metadata_have_their_codes() {
    let f = Fixture::new();
    f.ok(TABLE).await;
    f.ok("CREATE GLOSSARY TERM churn AS 'x'").await;
    let long = format!("ALTER TABLE t SET TAGS ('{}')", "n".repeat(1 << 20));
    for (sql, code) in [
        ("COMMENT ON TABLE u IS 'x'", ErrorCode::TableNotFound),
        ("COMMENT ON TABLE s.t IS 'x'", ErrorCode::SchemaNotFound),
        ("COMMENT ON TABLE c.s.t IS 'x'", ErrorCode::CatalogNotFound),
        ("COMMENT ON SCHEMA s IS 'x'", ErrorCode::SchemaNotFound),
        ("COMMENT ON COLUMN t.missing IS 'x'", ErrorCode::ColumnNotFound),
        ("COMMENT ON COLUMN t IS 'x'", ErrorCode::SyntaxError),
        ("COMMENT ON COLUMN a.b.c.d.e IS 'x'", ErrorCode::SyntaxError),
        ("COMMENT ON TABLE t 'x'", ErrorCode::SyntaxError),
        ("COMMENT ON TABLE t IS 7", ErrorCode::SyntaxError),
        ("COMMENT ON TABLE system.metadata.tables IS 'x'", ErrorCode::CatalogNotFound),
        ("ALTER TABLE t ALTER COLUMN missing SET TAGS ('a')", ErrorCode::ColumnNotFound),
        ("ALTER TABLE t SET TAGS ()", ErrorCode::SyntaxError),
        ("ALTER TABLE t SET TAGS ('')", ErrorCode::HiveInvalidMetadata),
        ("ALTER TABLE t SET TAGS ('a' = 7)", ErrorCode::SyntaxError),
        (&long, ErrorCode::HiveInvalidMetadata),
        ("ALTER TABLE t UNSET TAGS ('a')", ErrorCode::NotFound),
        ("ALTER TABLE t UNSET SENSITIVITY", ErrorCode::NotFound),
        ("ALTER TABLE t SET SENSITIVITY 'top secret'", ErrorCode::InvalidLiteral),
        ("ALTER TABLE t SET TERMS ('churm')", ErrorCode::NotFound),
        ("CREATE GLOSSARY TERM churn AS 'x'", ErrorCode::AlreadyExists),
        ("CREATE OR REPLACE GLOSSARY TERM IF NOT EXISTS churn AS 'x'", ErrorCode::SyntaxError),
        ("DROP GLOSSARY TERM missing", ErrorCode::NotFound),
    ] {
        let err = f.err(sql).await;
        let shown: String = sql.chars().take(100).collect();
        assert_eq!(err.code(), code, "{shown}: {err}");
        assert!(err.message().len() < 1_000, "{shown}");
    }
    assert!(said(&f).await.is_empty());
    let err = f.err("ALTER TABLE t SET TERMS ('churm')").await;
    assert_eq!(err.hint(), Some("did you mean \"churn\"?"));
    let err = f.err("COMMENT ON COLUMN t.mail IS 'x'").await;
    assert_eq!(err.hint(), Some("did you mean \"email\"?"));
}

#[tokio::test]
async fn operations_are_recorded_with_their_query() {
    let f = Fixture::new();
    let query = QueryId::random();
    let ddl = f.ddl.for_query(&query);
    let run = async |sql: &str| {
        let statement = Statement::parse_one(sql).unwrap();
        ddl.execute(&f.session, &statement).await.unwrap_or_else(|err| panic!("{sql}: {err}"))
    };
    run("CREATE EXTERNAL TABLE t (a INT) PARTITIONED BY (n INT) STORED AS PARQUET \
         LOCATION 's3://lake/t'")
    .await;
    run("ALTER TABLE t ADD PARTITION (n=1) LOCATION 's3://lake/one'").await;
    f.storage.make(&["s3://lake/t", "s3://lake/t/n=2", "s3://lake/t/n=3"]);
    run("MSCK REPAIR TABLE t").await;
    // There is nothing left to do.
    let again = run("CALL system.sync_partition_metadata('default', 't', 'ADD')").await;
    assert!(matches!(again, DdlOutcome::Rows(_)));
    run("ALTER TABLE t DROP PARTITION (n=2)").await;
    let found = f.metastore.list_operations(&NameFilter::default()).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|done| (done.operation.as_str(), done.source_location.as_deref(), done.partitions))
        .collect();
    let expected = [
        ("ADD PARTITION", Some("s3://lake/one"), Some(1)),
        ("CREATE TABLE", Some("s3://lake/t"), None),
        ("DROP PARTITION", None, Some(1)),
        ("MSCK REPAIR TABLE", Some("s3://lake/t"), Some(2)),
    ];
    assert_eq!(found, expected);
    let partition = f.metastore.get_partition("default", "t", &["3".to_owned()]).await.unwrap();
    assert_eq!(partition.parameters["quern_query_id"], query.as_str());
    run("DROP TABLE t").await;
    assert!(f.metastore.list_operations(&NameFilter::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn caches_are_flushed_by_a_procedure() {
    let f = Fixture::new();
    for sql in [
        "CALL system.flush_metadata_cache()",
        "CALL hive.system.flush_metadata_cache(schema_name => 'default')",
        "CALL system.flush_metadata_cache(schema_name => 'default', table_name => 't')",
    ] {
        assert_eq!(f.run(sql).await.unwrap(), DdlOutcome::Done { rows: None }, "{sql}");
    }
    for (sql, code) in [
        (
            "CALL system.flush_metadata_cache(table_name => 't')",
            ErrorCode::InvalidProcedureArgument,
        ),
        ("CALL system.flush_metadata_cache(name => 't')", ErrorCode::InvalidProcedureArgument),
        ("CALL lake.system.flush_metadata_cache()", ErrorCode::CatalogNotFound),
        ("CALL system.flush_metadata_cach()", ErrorCode::ProcedureNotFound),
        (
            "CALL system.flush_metadata_cache(schema_name => 's', table_name => 't', \
             partition_columns => ARRAY['a'], partition_values => ARRAY['1'])",
            ErrorCode::NotSupported,
        ),
    ] {
        assert_eq!(f.err(sql).await.code(), code, "{sql}");
    }
}
