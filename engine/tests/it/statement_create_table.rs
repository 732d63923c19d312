//! CREATE TABLE in both spellings.

use quern_catalog::model::{Column, StorageFormat};
use quern_common::ErrorCode;
use quern_engine::statement::{CreateTable, Statement};

fn parse(sql: &str) -> CreateTable {
    match Statement::parse_one(sql) {
        Ok(Statement::CreateTable(create)) => *create,
        other => panic!("{sql}: {other:?}"),
    }
}

fn columns(columns: &[(&str, &str)]) -> Vec<Column> {
    columns.iter().map(|(name, hive_type)| Column::new(*name, *hive_type)).collect()
}

#[test]
fn hives_spelling_is_read_in_full() {
    let create = parse(
        "CREATE EXTERNAL TABLE IF NOT EXISTS Db.T (a INT COMMENT 'x', b string, c map<string,array<int>>)
         COMMENT 'a table'
         PARTITIONED BY (day date COMMENT 'the day', n int)
         ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\'
           COLLECTION ITEMS TERMINATED BY '\\002' MAP KEYS TERMINATED BY '\\u0003'
           LINES TERMINATED BY '\\n' NULL DEFINED AS ''
         STORED AS TEXTFILE
         LOCATION 's3://b/p'
         TBLPROPERTIES ('skip.header.line.count'='1', \"owner.team\"='x')",
    );
    assert_eq!(create.name.to_string(), "db.t");
    assert!(create.if_not_exists && create.external);
    let mut expected = columns(&[("a", "int"), ("b", "string"), ("c", "map<string,array<int>>")]);
    expected[0].comment = Some("x".to_owned());
    assert_eq!(create.columns, expected);
    let mut keys = columns(&[("day", "date"), ("n", "int")]);
    keys[0].comment = Some("the day".to_owned());
    assert_eq!(create.partition_columns, keys);
    assert_eq!(create.format, StorageFormat::TextFile);
    assert_eq!(create.location.as_deref(), Some("s3://b/p"));
    assert_eq!(create.comment.as_deref(), Some("a table"));
    let parameters: Vec<_> =
        create.serde_parameters.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        parameters,
        [
            ("colelction.delim", "\u{2}"),
            ("escape.delim", "\\"),
            ("field.delim", "\t"),
            ("line.delim", "\n"),
            ("mapkey.delim", "\u{3}"),
            ("serialization.format", "\t"),
            ("serialization.null.format", ""),
        ]
    );
    assert_eq!(create.properties["skip.header.line.count"], "1");
    assert_eq!(create.properties["owner.team"], "x");
}

#[test]
fn prestos_spelling_is_read_in_full() {
    let create = parse(
        "CREATE TABLE c.s.t (a bigint COMMENT 'it''s', b varchar, \"Odd Name\" row(x integer, y array(varchar)), day date)
         COMMENT 'c'
         WITH (format = 'csv', partitioned_by = ARRAY['day'], external_location = 's3://b/p/',
               csv_separator = ';', csv_quote = '\"', csv_escape = '\\', skip_header_line_count = 1,
               extra_properties = MAP(ARRAY['k'], ARRAY['v']))",
    );
    assert_eq!(create.name.to_string(), "c.s.t");
    assert!(create.external && !create.if_not_exists);
    assert_eq!(create.columns[2].hive_type, "struct<x:int,y:array<string>>");
    assert_eq!(create.columns[2].name, "odd name");
    assert_eq!(create.columns[0].comment.as_deref(), Some("it's"));
    assert_eq!(create.partition_columns, columns(&[("day", "date")]));
    assert_eq!(create.format, StorageFormat::Csv);
    assert_eq!(create.serde_parameters["separatorChar"], ";");
    assert_eq!(create.serde_parameters["escapeChar"], "\\");
    assert_eq!(create.properties["skip.header.line.count"], "1");
    assert_eq!(create.properties["k"], "v");
    let text =
        parse("CREATE TABLE t (a int) WITH (format='TEXTFILE', textfile_field_separator='|')");
    assert_eq!(text.serde_parameters["field.delim"], "|");
    assert_eq!(text.serde_parameters["serialization.format"], "|");
}

#[test]
fn the_format_follows_from_what_is_written() {
    for (clauses, format) in [
        ("", StorageFormat::Parquet),
        ("WITH (format = 'PARQUET')", StorageFormat::Parquet),
        ("STORED AS PARQUET", StorageFormat::Parquet),
        ("STORED AS CSV", StorageFormat::Csv),
        ("PARTITIONED BY (d date)", StorageFormat::TextFile),
        ("LOCATION 's3://b/p'", StorageFormat::TextFile),
        ("ROW FORMAT DELIMITED FIELDS TERMINATED BY ','", StorageFormat::TextFile),
        ("ROW FORMAT DELIMITED STORED AS TEXTFILE", StorageFormat::TextFile),
        (
            "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' WITH SERDEPROPERTIES ('separatorChar'='\\t') STORED AS TEXTFILE",
            StorageFormat::Csv,
        ),
        (
            "STORED AS TEXTFILE ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'",
            StorageFormat::Csv,
        ),
        (
            "ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat' OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'",
            StorageFormat::Parquet,
        ),
    ] {
        let create = parse(&format!("CREATE TABLE t (a int) {clauses}"));
        assert_eq!(create.format, format, "{clauses}");
    }
}

#[test]
fn a_table_at_a_place_of_its_own_does_not_own_its_files() {
    for (sql, external) in [
        ("CREATE TABLE t (a int)", false),
        ("CREATE TABLE t (a int) LOCATION 's3://b/p'", true),
        ("CREATE EXTERNAL TABLE t (a int)", true),
        ("CREATE TABLE t (a int) TBLPROPERTIES ('EXTERNAL'='true')", true),
        ("CREATE TABLE t (a int) WITH (external_location = 's3://b/p')", true),
    ] {
        assert_eq!(parse(sql).external, external, "{sql}");
    }
}

#[test]
fn every_type_spelling_becomes_hives() {
    for (sql, hive) in [
        ("DOUBLE PRECISION", "double"),
        ("character varying", "string"),
        ("varchar(12)", "varchar(12)"),
        ("DECIMAL(10, 2)", "decimal(10,2)"),
        ("timestamp(3) with time zone", "timestamp with local time zone"),
        ("timestamp without time zone", "timestamp"),
        ("ARRAY<ARRAY<INT>>", "array<array<int>>"),
        ("array(array(integer))", "array<array<int>>"),
        ("map<string,struct<a:int,b:array<string>>>", "map<string,struct<a:int,b:array<string>>>"),
        (
            "MAP(varchar, ROW(a bigint, b double precision))",
            "map<string,struct<a:bigint,b:double>>",
        ),
        ("row(t timestamp(6) with time zone)", "struct<t:timestamp with local time zone>"),
    ] {
        let create = parse(&format!("CREATE TABLE t (a {sql} COMMENT 'c', z {sql})"));
        assert_eq!(create.columns[0].hive_type, hive, "{sql}");
        assert_eq!(create.columns[1].hive_type, hive, "{sql}");
    }
}

#[test]
fn partition_keys_may_name_the_last_columns() {
    for clause in ["PARTITIONED BY (d, n)", "WITH (partitioned_by = ARRAY['d', 'N'])"] {
        let create = parse(&format!("CREATE TABLE t (a int, d date, n int) {clause}"));
        assert_eq!(create.partition_columns, columns(&[("d", "date"), ("n", "int")]));
        assert_eq!(create.columns, columns(&[("a", "int")]));
    }
    for (sql, code) in [
        (
            "CREATE TABLE t (d date, a int) WITH (partitioned_by = ARRAY['d'])",
            ErrorCode::InvalidTableProperty,
        ),
        (
            "CREATE TABLE t (a int, n int, d date) WITH (partitioned_by = ARRAY['d', 'n'])",
            ErrorCode::InvalidTableProperty,
        ),
        (
            "CREATE TABLE t (a int) WITH (partitioned_by = ARRAY['x'])",
            ErrorCode::InvalidTableProperty,
        ),
        ("CREATE TABLE t (a int) WITH (partitioned_by = ARRAY['a'])", ErrorCode::SyntaxError),
        ("CREATE TABLE t (a int) WITH (partitioned_by = 'a')", ErrorCode::InvalidTableProperty),
        ("CREATE TABLE t (a int) WITH (form = 'PARQUET')", ErrorCode::InvalidTableProperty),
        ("CREATE TABLE t (a int) WITH (format = 'XML')", ErrorCode::InvalidTableProperty),
        ("CREATE TABLE t (a int) WITH (csv_separator = ';')", ErrorCode::InvalidTableProperty),
        (
            "CREATE TABLE t (a int) WITH (format = 'CSV', csv_separator = ';;')",
            ErrorCode::InvalidTableProperty,
        ),
        (
            "CREATE TABLE t (a int) WITH (skip_header_line_count = -1)",
            ErrorCode::InvalidTableProperty,
        ),
        (
            "CREATE TABLE t (a int) WITH (format = 'CSV', format = 'CSV')",
            ErrorCode::InvalidTableProperty,
        ),
        (
            "CREATE TABLE t (a int) TBLPROPERTIES ('skip.header.line.count' = 'x')",
            ErrorCode::InvalidTableProperty,
        ),
        ("CREATE TABLE t (a blob)", ErrorCode::TypeNotFound),
        ("CREATE TABLE t (a array<int)", ErrorCode::SyntaxError),
        ("CREATE TABLE t (a int) STORED AS PARQUET STORED AS PARQUET", ErrorCode::SyntaxError),
        ("CREATE TABLE t (a int) ROW FORMAT DELIMITED STORED AS PARQUET", ErrorCode::SyntaxError),
        ("CREATE TABLE t", ErrorCode::SyntaxError),
        ("CREATE TABLE t ()", ErrorCode::SyntaxError),
        ("CREATE TABLE t (a int) nonsense", ErrorCode::SyntaxError),
        ("CREATE TABLE select (a int)", ErrorCode::SyntaxError),
        ("CREATE TABLE a.b.c.d (a int)", ErrorCode::SyntaxError),
    ] {
        let err = Statement::parse_one(sql).expect_err(sql);
        assert_eq!(err.code(), code, "{sql}: {err:?}");
    }
}
