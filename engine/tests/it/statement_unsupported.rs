//! What is not supported is an error that names it.

use quern_common::ErrorCode;
use quern_engine::statement::Statement;

/// A statement, and what its error has to name.
const REFUSED: &[(&str, &str)] = &[
    ("CREATE TABLE t (a int) CLUSTERED BY (a) INTO 4 BUCKETS", "CLUSTERED BY"),
    ("CREATE TABLE t (a int) SKEWED BY (a) ON (1)", "SKEWED BY"),
    ("CREATE TABLE t (a int) STORED BY 'x'", "STORED BY"),
    ("CREATE TABLE t (a int) USING parquet", "USING"),
    ("CREATE TABLE t (a int) STORED AS ORC", "ORC"),
    ("CREATE TABLE t (a int) STORED AS AVRO", "AVRO"),
    ("CREATE TABLE t (a int) STORED AS SEQUENCEFILE", "SEQUENCEFILE"),
    ("CREATE TABLE t (a int) STORED AS zebra", "ZEBRA"),
    ("CREATE TABLE t (a int) WITH (format = 'JSON')", "JSON"),
    ("CREATE TABLE t (a int) WITH (bucketed_by = ARRAY['a'], bucket_count = 3)", "bucketed_by"),
    ("CREATE TABLE t (a int) ROW FORMAT SERDE 'org.acme.SerDe'", "org.acme.SerDe"),
    ("CREATE TABLE t (a int) STORED AS INPUTFORMAT 'a.B' OUTPUTFORMAT 'c.D'", "a.B"),
    ("CREATE TABLE t (a int) ROW FORMAT DELIMITED LINES TERMINATED BY '|'", "LINES TERMINATED BY"),
    ("CREATE TABLE t (a int) TBLPROPERTIES ('transactional'='true')", "transactional"),
    ("CREATE TABLE t (a int) TBLPROPERTIES ('projection.enabled'='TRUE')", "projection.enabled"),
    ("CREATE TABLE t (a int NOT NULL)", "NOT NULL"),
    ("CREATE TABLE t (a int DEFAULT 1)", "DEFAULT"),
    ("CREATE TABLE t (a int, PRIMARY KEY (a))", "PRIMARY KEY"),
    ("CREATE TABLE t (a int, LIKE u)", "LIKE"),
    ("CREATE TABLE t (LIKE u, a int)", "LIKE among columns"),
    ("CREATE TABLE t (LIKE u EXCLUDING PROPERTIES)", "EXCLUDING PROPERTIES"),
    ("CREATE TABLE t AS SELECT 1 a", "CREATE TABLE AS"),
    ("CREATE TABLE t WITH (format = 'PARQUET') AS SELECT 1 a", "CREATE TABLE AS"),
    ("CREATE OR REPLACE TABLE t (a int)", "OR REPLACE TABLE"),
    ("CREATE TEMPORARY TABLE t (a int)", "TEMPORARY"),
    ("CREATE MATERIALIZED VIEW v AS SELECT 1", "MATERIALIZED"),
    ("CREATE FUNCTION f() RETURNS int RETURN 1", "CREATE FUNCTION"),
    ("CREATE ROLE r", "CREATE ROLE"),
    ("CREATE VIEW v SECURITY INVOKER AS SELECT 1", "SECURITY"),
    ("CREATE SCHEMA s AUTHORIZATION u", "AUTHORIZATION"),
    ("CREATE MODEL m TRANSFORM (a) AS SELECT 1", "TRANSFORM"),
    ("CREATE MODEL m FROM 's3://b/m.onnx'", "FROM"),
    ("CREATE MODEL m OPTIONS (k = hparam_range(1, 2)) AS SELECT 1", "hparam_range"),
    ("DROP TABLE t PURGE", "PURGE"),
    ("DROP MODEL m VERSION 3", "VERSION"),
    ("DROP FUNCTION f", "DROP FUNCTION"),
    ("ALTER TABLE t DROP COLUMN a", "DROP COLUMN"),
    ("ALTER TABLE t RENAME COLUMN a TO b", "RENAME COLUMN"),
    ("ALTER TABLE t CHANGE a b int", "CHANGE"),
    ("ALTER TABLE t REPLACE COLUMNS (a int)", "REPLACE COLUMNS"),
    ("ALTER TABLE t SET LOCATION 's3://b'", "SET LOCATION"),
    ("ALTER TABLE t PARTITION (a=1) RENAME TO PARTITION (a=2)", "PARTITION"),
    ("ALTER TABLE t DROP PARTITION (a=1) PURGE", "PURGE"),
    ("ALTER TABLE IF EXISTS t ADD COLUMN a int", "IF EXISTS"),
    ("ALTER TABLE t SET PROPERTIES format = 'CSV'", "format"),
    ("ALTER VIEW v AS SELECT 1", "ALTER VIEW"),
    ("ALTER MODEL m SET OPTIONS (a=1)", "ALTER MODEL"),
    ("ALTER TABLE t ALTER COLUMN a SET DATA TYPE bigint", "ALTER COLUMN"),
    ("ALTER TABLE t ALTER COLUMN a SET OWNER u", "owner of a column"),
    ("ALTER TABLE t SET OWNER GROUP g", "group"),
    ("ALTER SCHEMA s RENAME TO t", "RENAME TO"),
    ("ALTER SCHEMA s SET LOCATION 's3://b'", "SET LOCATION"),
    ("ALTER VIEW v RENAME TO w", "ALTER VIEW"),
    ("COMMENT ON CATALOG c IS 'x'", "COMMENT ON CATALOG"),
    ("COMMENT ON MODEL m IS 'x'", "COMMENT ON MODEL"),
    ("MSCK TABLE t", "MSCK"),
    ("INSERT INTO t VALUES (1)", "INSERT"),
    ("INSERT OVERWRITE TABLE t SELECT 1", "INSERT OVERWRITE"),
    ("DELETE FROM t", "DELETE"),
    ("UPDATE t SET a = 1", "UPDATE"),
    ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", "MERGE"),
    ("TRUNCATE TABLE t", "TRUNCATE"),
    ("ANALYZE TABLES IN s COMPUTE STATISTICS", "ANALYZE TABLES"),
    ("ANALYZE TABLE t COMPUTE STATISTICS CACHE METADATA", "CACHE METADATA"),
    ("ANALYZE TABLE t COMPUTE STATISTICS NOSCAN FOR COLUMNS a", "FOR"),
    ("CHECK VIEW v", "CHECK VIEW"),
    ("PREPARE p FROM SELECT 1", "PREPARE"),
    ("EXECUTE p", "EXECUTE"),
    ("DEALLOCATE PREPARE p", "DEALLOCATE"),
    ("START TRANSACTION", "START TRANSACTION"),
    ("COMMIT", "COMMIT"),
    ("GRANT SELECT ON t TO u", "GRANT"),
    ("SHOW TABLES WHERE a = 1", "WHERE"),
    ("SHOW CREATE FUNCTION f", "SHOW CREATE FUNCTION"),
    ("SHOW PARTITIONS t WHERE a = 1", "WHERE"),
    ("DESCRIBE FORMATTED t", "FORMATTED"),
    ("DESCRIBE INPUT p", "INPUT"),
    ("SET SESSION AUTHORIZATION u", "AUTHORIZATION"),
    ("SET ROLE admin", "ROLE"),
    ("EXPLAIN EXPLAIN SELECT 1", "EXPLAIN"),
    ("SELECT * FROM t TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE"),
    ("SELECT * FROM (SELECT * FROM t FOR UPDATE) u", "FOR UPDATE"),
    ("SELECT * FROM t FOR VERSION AS OF 3", "FOR VERSION"),
    ("SELECT a INTO u FROM t", "INTO"),
    ("SELECT a FROM t FETCH FIRST 3 ROWS WITH TIES", "WITH TIES"),
    ("SELECT a FROM t SORT BY a", "SORT BY"),
    ("SELECT a FROM t WHERE a IN (SELECT b FROM u DISTRIBUTE BY b)", "DISTRIBUTE BY"),
    ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "INSERT"),
];

#[test]
fn every_refusal_names_its_clause() {
    for (sql, named) in REFUSED {
        let err = Statement::parse_one(sql).expect_err(sql);
        assert_eq!(err.code(), ErrorCode::NotSupported, "{sql}: {err:?}");
        assert!(err.message().contains(named), "{sql}: {err:?}");
    }
}

#[test]
fn a_misspelled_word_is_answered_with_those_there_are() {
    for (sql, named) in [
        ("ALTER TABLE t SET TAG ('a')", "expected TBLPROPERTIES, PROPERTIES, TAGS"),
        ("ALTER TABLE t SETT TAGS ('a')", "expected ADD, DROP, RENAME TO, SET"),
    ] {
        let err = Statement::parse_one(sql).expect_err(sql);
        assert_eq!(err.code(), ErrorCode::SyntaxError, "{sql}: {err:?}");
        assert!(err.message().contains(named), "{sql}: {err:?}");
    }
}
