//! Each statement in each of its spellings.

use quern_common::ErrorCode;
use quern_engine::statement::{ExplainFormat, ExplainType, Literal, Statement, SyncMode};

fn parse(sql: &str) -> Statement {
    Statement::parse_one(sql).unwrap_or_else(|err| panic!("{sql}: {err:?}"))
}

#[test]
fn two_spellings_of_one_statement_are_one() {
    for (one, other) in [
        (
            "CREATE CATALOG lake USING hive WITH (uri = 'thrift://h:1')",
            "create catalog LAKE with (connector = 'hive', URI = 'thrift://h:1')",
        ),
        ("SHOW SCHEMAS", "show databases"),
        ("SHOW SCHEMAS FROM c LIKE 'a%'", "SHOW SCHEMAS IN C LIKE 'A%'"),
        ("SHOW TABLES FROM c.s LIKE 'a_'", "SHOW TABLES IN \"C\".`S` LIKE 'a_'"),
        ("DESCRIBE a.b", "DESC TABLE a.b"),
        ("SHOW COLUMNS FROM t", "SHOW COLUMNS IN t"),
        ("SHOW PARTITIONS t", "SHOW PARTITIONS FROM t"),
        ("SHOW CREATE SCHEMA s", "SHOW CREATE DATABASE s"),
        ("DROP SCHEMA IF EXISTS s RESTRICT", "DROP DATABASE IF EXISTS s"),
        ("CREATE SCHEMA s WITH (location = 's3://b')", "CREATE DATABASE s LOCATION 's3://b'"),
        ("SET SESSION execution_mode = 'local'", "SET execution_mode TO LOCAL"),
        ("SET SESSION time_zone = 'UTC'", "SET TIME ZONE 'UTC'"),
        ("RESET SESSION batch_size", "RESET batch_size"),
        ("MSCK REPAIR TABLE t", "MSCK REPAIR t ADD PARTITIONS"),
        ("ALTER TABLE t ADD COLUMNS (a int)", "ALTER TABLE t ADD COLUMN a integer"),
        ("ALTER TABLE t ADD PARTITION (a='1', b=2)", "ALTER TABLE t ADD PARTITION (A=1, `b`='2')"),
        (
            "ALTER TABLE t SET TBLPROPERTIES ('skip.header.line.count'='2')",
            "ALTER TABLE t SET PROPERTIES skip_header_line_count = 2",
        ),
        ("CREATE TABLE t LIKE u", "CREATE TABLE t (LIKE u INCLUDING PROPERTIES)"),
        ("COMMENT ON SCHEMA s IS 'x'", "COMMENT ON DATABASE S IS 'x'"),
        ("ALTER TABLE t SET OWNER USER Ada", "ALTER TABLE t SET AUTHORIZATION 'Ada'"),
        ("ALTER TABLE t OWNER TO Ada", "ALTER TABLE t SET OWNER TO \"Ada\""),
        ("ALTER SCHEMA s SET TAGS ('a' = 'b')", "ALTER DATABASE s SET TAGS (\"a\" = 'b')"),
        ("CREATE GLOSSARY TERM churn AS 'x'", "CREATE GLOSSARY TERM 'Churn' AS 'x'"),
        ("-- a comment\nUSE s;", "/* another */ USE s ; ;"),
    ] {
        assert_eq!(parse(one), parse(other), "{one} / {other}");
    }
}

#[test]
fn statements_carry_what_they_say() {
    assert!(
        matches!(parse("USE c.s"), Statement::Use { catalog: Some(c), schema } if c == "c" && schema == "s")
    );
    assert!(matches!(
        parse("MSCK REPAIR TABLE t SYNC PARTITIONS"),
        Statement::MsckRepair { mode: SyncMode::Full, .. }
    ));
    assert!(matches!(parse("DROP SCHEMA s CASCADE"), Statement::DropSchema { cascade: true, .. }));
    assert!(
        matches!(parse("DESCRIBE model"), Statement::Describe { table } if table.name == "model")
    );
    assert!(matches!(
        parse("DESCRIBE MODEL m VERSION 2"),
        Statement::DescribeModel { version: Some(2), .. }
    ));
    match parse("CALL system.sync_partition_metadata('s', table_name => 't', mode => 'FULL')") {
        Statement::Call { procedure, arguments } => {
            assert_eq!(procedure, ["system", "sync_partition_metadata"]);
            assert_eq!(arguments[0].name, None);
            assert_eq!(arguments[2].name.as_deref(), Some("mode"));
            assert_eq!(arguments[2].value, Literal::Text("FULL".to_owned()));
        }
        other => panic!("{other:?}"),
    }
    match parse(
        "ALTER TABLE t DROP IF EXISTS PARTITION (d < '2024-01-01'), PARTITION (d = DATE '2025-01-01', n <> 3)",
    ) {
        Statement::AlterTableDropPartitions { if_exists, partitions, .. } => {
            assert!(if_exists);
            assert_eq!(partitions.len(), 2);
            assert_eq!(partitions[1].conditions[0].2, "2025-01-01");
        }
        other => panic!("{other:?}"),
    }
    match parse("ALTER TABLE t ADD IF NOT EXISTS PARTITION (a=1) LOCATION 's3://x' PARTITION (a=2)")
    {
        Statement::AlterTableAddPartitions { if_not_exists, partitions, .. } => {
            assert!(if_not_exists);
            assert_eq!(partitions[0].location.as_deref(), Some("s3://x"));
            assert_eq!(partitions[1].spec, [("a".to_owned(), "2".to_owned())]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn explain_takes_prestos_options() {
    for (sql, analyze, verbose, explain_type, format) in [
        ("EXPLAIN SELECT 1", false, false, ExplainType::Distributed, ExplainFormat::Text),
        (
            "EXPLAIN ANALYZE VERBOSE SELECT 1",
            true,
            true,
            ExplainType::Distributed,
            ExplainFormat::Text,
        ),
        (
            "EXPLAIN (TYPE LOGICAL, FORMAT JSON) SELECT 1",
            false,
            false,
            ExplainType::Logical,
            ExplainFormat::Json,
        ),
        (
            "EXPLAIN (FORMAT GRAPHVIZ) (SELECT 1)",
            false,
            false,
            ExplainType::Distributed,
            ExplainFormat::Graphviz,
        ),
        ("EXPLAIN (SELECT 1)", false, false, ExplainType::Distributed, ExplainFormat::Text),
        (
            "EXPLAIN FORMAT TREE SELECT 1",
            false,
            false,
            ExplainType::Distributed,
            ExplainFormat::Tree,
        ),
    ] {
        let Statement::Explain { options, inner } = parse(sql) else { panic!("{sql}") };
        assert_eq!((options.analyze, options.verbose), (analyze, verbose), "{sql}");
        assert_eq!((options.explain_type, options.format), (explain_type, format), "{sql}");
        assert!(matches!(*inner, Statement::Query(_)), "{sql}");
    }
}

#[test]
fn models_and_views_keep_their_text() {
    let sql = "SELECT 1;\n  CREATE OR REPLACE MODEL s.M OPTIONS (algorithm = 'kmeans', K 3, features = ARRAY['a','b'], standardize = true, init random)\nAS  SELECT 'é', a\nFROM t -- end\n; USE s";
    let statements = Statement::parse(sql).unwrap();
    let Statement::CreateModel(model) = &statements[1] else { panic!("{statements:?}") };
    assert_eq!(model.query_text, "SELECT 'é', a\nFROM t");
    assert!(model.text.starts_with("CREATE OR REPLACE MODEL s.M OPTIONS"), "{}", model.text);
    assert!(model.text.ends_with("FROM t"), "{}", model.text);
    let options: Vec<_> = model.options.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        options,
        [
            ("algorithm", "kmeans"),
            ("k", "3"),
            ("features", "a,b"),
            ("standardize", "true"),
            ("init", "random")
        ]
    );
    assert!(model.or_replace);
    let Statement::CreateView(view) =
        parse("CREATE VIEW v COMMENT 'c' AS SELECT a FROM t WHERE b = 'x'")
    else {
        panic!("no view")
    };
    assert_eq!(view.query_text, "SELECT a FROM t WHERE b = 'x'");
    let err =
        Statement::parse_one("CREATE MODEL m OPTIONS (k = 1, K = 2) AS SELECT 1").unwrap_err();
    assert_eq!(err.code(), ErrorCode::InvalidModelOption);
}

#[test]
fn prestos_queries_parse() {
    for sql in [
        "SELECT transform(a, x -> x + 1) FROM t",
        "SELECT reduce(a, 0, (s, x) -> s + x, s -> s) FROM t",
        "SELECT * FROM TABLE(ml_predict('m', TABLE(t)))",
        "SELECT * FROM TABLE(ml_predict(model => 'm', input => TABLE(SELECT a FROM t)))",
        "SELECT * FROM ml_predict('m', (SELECT * FROM t)) p",
        "SELECT * FROM TABLE(f(MODEL a.b, TABLE c.d.e))",
        "SELECT model, \"table\" FROM t WHERE model IN ('a') GROUP BY model, (model)",
        "SELECT ARRAY[1,2][1], MAP(ARRAY['a'], ARRAY[1])",
        "SELECT CAST(a AS ARRAY(BIGINT)), CAST(b AS ROW(x BIGINT, y ARRAY(VARCHAR))) FROM t",
        "SELECT TRY_CAST(a AS MAP(VARCHAR, ARRAY(ROW(x BIGINT)))) FROM t",
        "SELECT a AS \"array\", count(*) FILTER (WHERE b) FROM t GROUP BY ROLLUP (a, (b, c))",
        "SELECT x FROM t CROSS JOIN UNNEST(a) WITH ORDINALITY AS u (x, n)",
        "SELECT first_value(a) IGNORE NULLS OVER (PARTITION BY b ORDER BY c) FROM t",
        "SELECT first_value(a IGNORE NULLS) OVER w FROM t WINDOW w AS (ORDER BY c)",
        "SELECT * EXCEPT (a) FROM t QUALIFY row_number() OVER (ORDER BY b) = 1",
        "SELECT \"$path\", \"$file_size\" FROM t LIMIT 3",
        "SELECT INTERVAL '3' DAY, DATE '2024-01-31', TIMESTAMP '2024-01-31 01:02:03'",
        "SELECT 1_000, 1e3, X'ff', U&'\\00e9'",
        "VALUES (1, 'a'), (2, 'b')",
        "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1 OFFSET 1 LIMIT 1",
        "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
        "SELECT a FROM t WHERE (a, b) IN ((1, 2)) AND c IS NOT DISTINCT FROM d FETCH FIRST 5 ROWS ONLY",
        "SELECT extract(year FROM d), d AT TIME ZONE 'UTC', $1 FROM t",
    ] {
        assert!(matches!(parse(sql), Statement::Query(_)), "{sql}");
    }
}

#[test]
fn a_syntax_error_says_where() {
    for (sql, message) in [
        ("SELECT 1 +", "line 1:11: "),
        ("SELECT *\nFROM t\nWHERE )", "line 3:7: "),
        ("CREATE TABLE t (a int,\n b)", "line 2:3: expected a type, found \")\""),
        ("SHOW TABLES 'x'", "line 1:13: expected the end of the statement, found \"'x'\""),
        ("FLY ME", "line 1:1: expected a statement, found \"FLY\""),
        ("DROP TABLE t, u", "line 1:13: expected the end of the statement"),
        ("SELECT 'open", "line 1:8: unterminated string literal"),
        ("USE", "line 1:4: expected a name, found the end of the text"),
        ("SHOW TABLES LIKE 'a' ESCAPE 'xy'", "ESCAPE takes one character"),
        ("", "the statement is empty"),
        ("SELECT 1; SELECT 2", "several statements"),
    ] {
        let err = Statement::parse_one(sql).expect_err(sql);
        assert_eq!(err.code(), ErrorCode::SyntaxError, "{sql}: {err:?}");
        assert!(err.message().contains(message), "{sql}: {err:?}");
    }
}
