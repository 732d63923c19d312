//! CREATE, DROP and SHOW of catalogs.

use crate::support::Fixture;
use quern_common::ErrorCode;

const CREATE: &str = "CREATE CATALOG lake USING hive COMMENT 'ours' WITH (uri = 'thrift://h:1')";

#[tokio::test]
async fn catalogs_are_created_shown_and_dropped() {
    let fixture = Fixture::new();
    fixture.run(CREATE).await.unwrap();
    assert_eq!(fixture.rows("SHOW CATALOGS").await, ["hive", "lake"]);
    assert_eq!(fixture.rows("SHOW CATALOGS LIKE 'l%'").await, ["lake"]);
    let shown = fixture.rows("SHOW CREATE CATALOG lake").await;
    let expected =
        "CREATE CATALOG lake USING hive\nCOMMENT 'ours'\nWITH (\n   uri = 'thrift://h:1'\n)";
    assert_eq!(shown, [expected]);
    fixture.run("DROP CATALOG lake").await.unwrap();
    assert_eq!(fixture.rows("SHOW CATALOGS").await, ["hive"]);
    fixture.run("DROP CATALOG IF EXISTS lake").await.unwrap();
    // What was shown makes the same catalog.
    fixture.run(expected).await.unwrap();
    assert_eq!(fixture.rows("SHOW CREATE CATALOG lake").await, [expected]);
}

#[tokio::test]
async fn passwords_are_never_shown() {
    let fixture = Fixture::new();
    let uri = "postgres://u:hush@h/d";
    fixture
        .run(&format!("CREATE CATALOG c USING quern WITH (uri = '{uri}', warehouse = 'file:///w')"))
        .await
        .unwrap();
    let shown = fixture.rows("SHOW CREATE CATALOG c").await.concat();
    assert!(shown.contains("postgres://***@h/d") && !shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn errors_of_catalogs_have_their_codes() {
    let fixture = Fixture::new();
    fixture.run(CREATE).await.unwrap();
    fixture.run(&CREATE.replace("CATALOG", "CATALOG IF NOT EXISTS")).await.unwrap();
    for (sql, code) in [
        (CREATE, ErrorCode::AlreadyExists),
        ("CREATE CATALOG hive USING hive WITH (uri = 'thrift://h:1')", ErrorCode::AlreadyExists),
        ("CREATE CATALOG system USING hive WITH (uri = 'thrift://h:1')", ErrorCode::AlreadyExists),
        ("CREATE CATALOG c", ErrorCode::InvalidCatalogProperty),
        ("CREATE CATALOG c USING kafka", ErrorCode::InvalidCatalogProperty),
        ("CREATE CATALOG c USING hive", ErrorCode::InvalidCatalogProperty),
        (
            "CREATE CATALOG c USING hive WITH (connector = 'hive')",
            ErrorCode::InvalidCatalogProperty,
        ),
        ("CREATE CATALOG c USING hive AUTHORIZATION u", ErrorCode::NotSupported),
        ("CREATE OR REPLACE CATALOG c USING hive", ErrorCode::NotSupported),
        ("DROP CATALOG hive", ErrorCode::NotSupported),
        ("DROP CATALOG system", ErrorCode::NotSupported),
        ("DROP CATALOG c", ErrorCode::CatalogNotFound),
        ("SHOW CREATE CATALOG c", ErrorCode::CatalogNotFound),
        ("SHOW CREATE CATALOG hive", ErrorCode::NotSupported),
        ("SHOW SCHEMAS FROM c", ErrorCode::CatalogNotFound),
        ("CREATE TABLE c.s.t (a int)", ErrorCode::CatalogNotFound),
    ] {
        let err = fixture.run(sql).await.unwrap_err();
        assert_eq!(err.code(), code, "{sql}: {err}");
    }
    let err = fixture.run("SHOW SCHEMAS FROM lak").await.unwrap_err();
    assert_eq!(err.hint(), Some("did you mean \"lake\"?"));
}
