//! Statements of unusual shape: long, deep, cut off, garbled.

use quern_common::ErrorCode;
use quern_engine::statement::{Statement, rewrite_placeholders};

/// A thread as small as the runtime's worker threads, so that deep recursion shows.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    on_small_stack(|| {
        for (open, inner, close) in [
            ("(", "1", ")"),
            ("abs(", "1", ")"),
            ("ARRAY[", "1", "]"),
            ("CASE WHEN true THEN (", "1", ") END"),
            ("(SELECT ", "1", ")"),
            ("CAST(1 AS ", "int", ")"),
            ("NOT ", "true", ""),
            ("- ", "1", ""),
            ("x -> ", "1", ""),
        ] {
            let sql = format!("SELECT {}{inner}{}", open.repeat(1_000), close.repeat(1_000));
            let err = Statement::parse_one(&sql).expect_err(open);
            assert!(
                matches!(err.code(), ErrorCode::NotSupported | ErrorCode::SyntaxError),
                "{open}: {err:?}"
            );
        }
        let types =
            format!("SELECT CAST(a AS {}int{})", "ARRAY<".repeat(20_000), ">".repeat(20_000));
        assert_eq!(Statement::parse_one(&types).unwrap_err().code(), ErrorCode::NotSupported);
        let columns =
            format!("CREATE TABLE t (a {}int{})", "ARRAY(".repeat(1_000), ")".repeat(1_000));
        assert_eq!(Statement::parse_one(&columns).unwrap_err().code(), ErrorCode::NotSupported);
        let from =
            format!("SELECT * FROM {}t{}", "(SELECT * FROM ".repeat(1_000), ")".repeat(1_000));
        assert_eq!(Statement::parse_one(&from).unwrap_err().code(), ErrorCode::NotSupported);
    });
}

#[test]
fn reasonable_nesting_parses() {
    on_small_stack(|| {
        for depth in [1, 20, 60] {
            let sql = format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
            Statement::parse_one(&sql).unwrap();
            let sql = format!(
                "SELECT * FROM {}t{}",
                "(SELECT * FROM ".repeat(depth),
                ") x".repeat(depth)
            );
            Statement::parse_one(&sql).unwrap();
        }
    });
}

#[test]
fn long_statements_parse_and_endless_chains_do_not() {
    on_small_stack(|| {
        let list: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        let sql = format!("SELECT a FROM t WHERE a IN ({})", list.join(", "));
        Statement::parse_one(&sql).unwrap();
        let sql = format!("SELECT '{}'", "x".repeat(1 << 20));
        Statement::parse_one(&sql).unwrap();
        let columns: Vec<String> = (0..5_000).map(|n| format!("a + {n} AS c{n}")).collect();
        Statement::parse_one(&format!("SELECT {} FROM t", columns.join(", "))).unwrap();
        let conditions = vec!["a = 1"; 1_900].join(" OR ");
        Statement::parse_one(&format!("SELECT a FROM t WHERE {conditions}")).unwrap();
        for chain in [
            vec!["a = 1"; 100_000].join(" OR "),
            vec!["1"; 100_000].join(" + "),
            format!("a{}", "::int".repeat(100_000)),
            format!("a{}", " IS NULL".repeat(100_000)),
            format!("a{}", " IS DISTINCT FROM b AND a".repeat(100_000)),
            format!("a{}", " AND CASE WHEN a THEN b END".repeat(100_000)),
            vec!["order"; 100_000].join(" + "),
            vec!["a"; 100_000].join(" XOR "),
        ] {
            let err = Statement::parse_one(&format!("SELECT a FROM t WHERE {chain}")).unwrap_err();
            assert_eq!(err.code(), ErrorCode::NotSupported, "{err:?}");
        }
        let unions = vec!["SELECT 1"; 100_000].join(" UNION ALL ");
        assert_eq!(Statement::parse_one(&unions).unwrap_err().code(), ErrorCode::NotSupported);
    });
}

/// Statements of every kind, to be cut and garbled.
const CORPUS: &[&str] = &[
    "SELECT a, transform(b, x -> x + 1) FROM c.s.t WHERE a IN (1, 2) AND d LIKE 'x%' ORDER BY 1 LIMIT 3",
    "WITH q AS (SELECT * FROM TABLE(ml_predict('m', TABLE t))) SELECT CAST(a AS ARRAY(ROW(x INT))) FROM q",
    "CREATE EXTERNAL TABLE IF NOT EXISTS db.t (a INT COMMENT 'x', b map<string,array<int>>) COMMENT 'y' PARTITIONED BY (d date) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' STORED AS TEXTFILE LOCATION 's3://b/p' TBLPROPERTIES ('a'='b')",
    "CREATE TABLE t (a bigint, day date) WITH (format = 'CSV', partitioned_by = ARRAY['day'], csv_separator = ';', extra_properties = MAP(ARRAY['k'], ARRAY['v']))",
    "CREATE TABLE t (LIKE u INCLUDING PROPERTIES)",
    "CREATE OR REPLACE MODEL s.m OPTIONS (algorithm = 'kmeans', k 3, f = ARRAY['a', 'b']) AS SELECT a FROM t",
    "CREATE OR REPLACE VIEW v COMMENT 'c' AS SELECT 1 AS a",
    "CREATE SCHEMA IF NOT EXISTS s COMMENT 'c' LOCATION 's3://b' WITH DBPROPERTIES ('a'='b')",
    "EXPLAIN ANALYZE VERBOSE (TYPE DISTRIBUTED, FORMAT JSON) SELECT 1",
    "ALTER TABLE t ADD IF NOT EXISTS PARTITION (d = DATE '2024-01-01', n = -1) LOCATION 's3://x' PARTITION (d = '', n = 2)",
    "ALTER TABLE t DROP IF EXISTS PARTITION (d >= '2024-01-01', n <> 3)",
    "ALTER TABLE t SET TBLPROPERTIES ('a' = 'b'); ALTER TABLE t RENAME TO u; ALTER TABLE t ADD COLUMNS (a int)",
    "CALL hive.system.sync_partition_metadata(schema_name => 's', table_name => 't', mode => 'FULL')",
    "SHOW TABLES FROM c.s LIKE 'a\\_%' ESCAPE '\\'; SHOW PARTITIONS t PARTITION (a = 1); SHOW CREATE TABLE t",
    "SET SESSION batch_size = 3; RESET SESSION batch_size; USE c.s; MSCK REPAIR TABLE t SYNC PARTITIONS",
    "SELECT ?, $1, '?' /* ? */ -- ?\n, \"?\"",
];

/// A small generator of numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

#[test]
fn cut_off_statements_never_panic() {
    on_small_stack(|| {
        for sql in CORPUS {
            for (end, _) in sql.char_indices() {
                for text in [&sql[..end], &sql[end..]] {
                    let _ = Statement::parse(text);
                    let _ = rewrite_placeholders(text);
                }
            }
        }
    });
}

#[test]
fn garbled_statements_never_panic() {
    const NOISE: &[&str] = &[
        "(", ")", "[", "]", "<", ">", ">>", ",", ";", ".", "=", "=>", "->", "'", "\"", "`", "?",
        "$1", "$$", "/*", "*/", "--", "\n", "\\", "é", "\u{0}", "ARRAY", "ROW", "CAST", "AS",
        "TABLE", "MODEL", "SELECT", "FROM", "BY", "IF", "NOT", "EXISTS", "NULL", "1e999", "0x",
        "''", "{", "}", "@", "#", "~", "!", "|",
    ];
    on_small_stack(|| {
        let mut numbers = Numbers(42);
        for _ in 0..20_000 {
            let sql = CORPUS[numbers.below(CORPUS.len())];
            let mut words: Vec<&str> =
                sql.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
            for _ in 0..=numbers.below(4) {
                let at = numbers.below(words.len());
                match numbers.below(4) {
                    0 => drop(words.remove(at)),
                    1 => words.insert(at, NOISE[numbers.below(NOISE.len())]),
                    2 => words.swap(at, 0),
                    _ => words[at] = NOISE[numbers.below(NOISE.len())],
                }
                if words.is_empty() {
                    words.push("SELECT");
                }
            }
            let text = words.concat();
            let _ = Statement::parse(&text);
            let _ = rewrite_placeholders(&text);
        }
    });
}
