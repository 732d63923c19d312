//! CHECK TABLE: what it finds, and that its statements mend it.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use quern_catalog::metastore::{Metastore, RemoteMetastore, RemoteOptions};
use quern_catalog::model::{Column, HIVE_DEFAULT_PARTITION, escape_path_name};
use quern_client::Connection;
use quern_tests::process::serve;
use quern_tests::rows::query;
use std::path::Path;
use std::sync::Arc;

/// Partition, problem, detail, fix.
async fn check(connection: &Connection, table: &str) -> Vec<[String; 4]> {
    let rows = query(connection, &format!("CHECK TABLE {table}")).await.unwrap();
    rows.into_iter().map(|row| row.try_into().unwrap()).collect()
}

async fn problems(connection: &Connection, table: &str) -> Vec<(String, String)> {
    check(connection, table).await.into_iter().map(|[part, problem, ..]| (part, problem)).collect()
}

/// Runs the statements of a fix.
async fn fix(connection: &Connection, fix: &str) {
    // Values have semicolons too.
    for sql in fix.replace("; ALTER TABLE", "\0ALTER TABLE").split('\0') {
        connection.execute(sql).await.unwrap_or_else(|err| panic!("{sql}: {err}"));
    }
}

fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn ints() -> ArrayRef {
    Arc::new(Int64Array::from(vec![1, 2]))
}

/// Values that a statement has to quote and a directory has to escape.
const HOSTILE: [&str; 12] = [
    "it's \"x\"",
    "a=b",
    "a/b",
    "50%",
    "%41",
    " sp ace ",
    "é😀",
    "back\\slash",
    "semi;colon -- no comment",
    "new\nline",
    "'; DROP TABLE t",
    HIVE_DEFAULT_PARTITION,
];

#[tokio::test]
async fn each_statement_mends_what_it_is_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let base = dir.path().join("base");
    let path = |value: &str| base.join(format!("group={}", escape_path_name(value)));
    for value in HOSTILE {
        std::fs::create_dir_all(path(value)).unwrap();
        std::fs::write(path(value).join("a.txt"), "1\n2\n").unwrap();
    }
    // A directory that is not spelled as Quern would.
    std::fs::create_dir_all(base.join("GROUP=%7a")).unwrap();
    std::fs::write(base.join("GROUP=%7a/a.txt"), "1\n").unwrap();
    let create = format!(
        "CREATE EXTERNAL TABLE \"select\" (id INT) PARTITIONED BY (\"group\" STRING) \
         STORED AS TEXTFILE LOCATION '{}'",
        base.display()
    );
    connection.execute(&create).await.unwrap();
    let table = "\"select\"";

    let found = check(&connection, table).await;
    assert_eq!(found.len(), HOSTILE.len() + 1, "{found:?}");
    for [_, problem, _, statement] in &found {
        assert_eq!(problem, "DIRECTORY_NOT_REGISTERED");
        fix(&connection, statement).await;
    }
    let count = async || {
        let sql = format!("SELECT count(*), count(DISTINCT \"group\") FROM {table}");
        query(&connection, &sql).await.unwrap().remove(0).join(" ")
    };
    // NULL is no distinct value.
    assert_eq!(count().await, "25 12");

    // Nothing was ever counted: one finding, not one a partition.
    let found = check(&connection, table).await;
    let [[part, problem, _, statement]] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((part.as_str(), problem.as_str()), ("NULL", "STATISTICS_MISSING"));
    fix(&connection, statement).await;
    assert_eq!(check(&connection, table).await, Vec::<[String; 4]>::new());

    // A file that comes, in each of the partitions.
    for value in HOSTILE {
        std::fs::write(path(value).join("b.txt"), "3\n").unwrap();
    }
    let found = check(&connection, table).await;
    assert_eq!(found.len(), HOSTILE.len() + 1, "{found:?}");
    for [part, problem, _, statement] in found.iter().filter(|row| row[0] != "NULL") {
        assert_eq!(problem, "STATISTICS_STALE", "{part}");
        fix(&connection, statement).await;
    }
    let [[part, problem, _, statement]] = &check(&connection, table).await[..] else { panic!() };
    assert_eq!((part.as_str(), problem.as_str()), ("NULL", "STATISTICS_STALE"));
    fix(&connection, statement).await;
    assert!(check(&connection, table).await.is_empty());

    // Directories that go.
    for value in HOSTILE {
        std::fs::remove_dir_all(path(value)).unwrap();
    }
    let found = check(&connection, table).await;
    assert_eq!(found.len(), HOSTILE.len() + 1, "{found:?}");
    for [part, problem, _, statement] in found.iter().filter(|row| row[0] != "NULL") {
        assert_eq!(problem, "DIRECTORY_MISSING", "{part}");
        fix(&connection, statement).await;
    }
    fix(&connection, &check(&connection, table).await[0][3]).await;
    assert!(check(&connection, table).await.is_empty());
    assert_eq!(count().await, "1 1");
}

#[tokio::test]
async fn a_partition_is_not_dropped_for_another_of_the_same_number() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let base = dir.path().join("t");
    for value in ["7", "007", "8", "monday"] {
        std::fs::create_dir_all(base.join(format!("n={value}"))).unwrap();
        std::fs::write(base.join(format!("n={value}/a.txt")), "1\n").unwrap();
    }
    let create = format!(
        "CREATE EXTERNAL TABLE t (id INT) PARTITIONED BY (n INT) STORED AS TEXTFILE LOCATION '{}'",
        base.display()
    );
    connection.execute(&create).await.unwrap();
    let found = check(&connection, "t").await;
    let [_, _, detail, statement] = found.iter().find(|row| row[0] == "n=monday").unwrap();
    assert!(detail.contains("monday") && statement == "NULL", "{detail}");
    for row in found.iter().filter(|row| row[3] != "NULL") {
        fix(&connection, &row[3]).await;
    }
    std::fs::remove_dir_all(base.join("n=monday")).unwrap();
    connection.execute("ANALYZE t").await.unwrap();
    for value in ["007", "8"] {
        std::fs::remove_dir_all(base.join(format!("n={value}"))).unwrap();
    }
    let found = check(&connection, "t").await;
    let of = |part: &str| found.iter().find(|row| row[0] == part).unwrap();
    assert_eq!(of("n=007")[1], "DIRECTORY_MISSING");
    assert_eq!(of("n=007")[3], "NULL", "{:?}", of("n=007"));
    assert!(of("n=8")[3].contains("DROP IF EXISTS PARTITION (n = '8')"), "{:?}", of("n=8"));
}

#[tokio::test]
async fn files_and_declarations_that_differ_from_the_table_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["--metastore-listen", "127.0.0.1:0"]).unwrap();
    let connection = server.connect().await.unwrap();
    let base = dir.path().join("t");
    let file = |p: &str| base.join(format!("p={p}/a.parquet"));
    for p in ["good", "columns", "format"] {
        parquet(&file(p), vec![("a", ints())]);
    }
    parquet(&file("type"), vec![("a", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]);
    parquet(&file("name"), vec![("A", ints())]);
    parquet(&file("text"), vec![("a", ints())]);
    std::fs::write(base.join("p=text/b.parquet"), "1,2,3\n").unwrap();
    parquet(&file("broken"), vec![("a", ints())]);
    let whole = std::fs::read(file("broken")).unwrap();
    std::fs::write(file("broken"), &whole[..whole.len() / 2]).unwrap();
    let create = format!(
        "CREATE EXTERNAL TABLE t (a BIGINT) PARTITIONED BY (p STRING) STORED AS PARQUET \
         LOCATION '{}'",
        base.display()
    );
    connection.execute(&create).await.unwrap();
    connection.execute("MSCK REPAIR TABLE t").await.unwrap();
    connection.execute("ANALYZE TABLE t COMPUTE STATISTICS NOSCAN").await.unwrap();

    let uri = format!("thrift://{}", server.address("metastore").unwrap());
    let hive = RemoteMetastore::new(&uri, RemoteOptions::default()).unwrap();
    let mut columns = hive.get_partition("default", "t", &["columns".to_owned()]).await.unwrap();
    columns.sd.columns = vec![Column::new("a", "string")];
    let mut format = hive.get_partition("default", "t", &["format".to_owned()]).await.unwrap();
    format.sd.input_format = "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat".to_owned();
    format.sd.serde.library = "org.apache.hadoop.hive.ql.io.orc.OrcSerde".to_owned();
    hive.alter_partitions("default", "t", vec![columns, format]).await.unwrap();

    let found = check(&connection, "t").await;
    let found: Vec<_> = found.into_iter().filter(|row| !row[1].starts_with("STATISTICS")).collect();
    for (p, problem, detail) in [
        ("broken", "FORMAT_MISMATCH", "\"a.parquet\" cannot be read"),
        ("columns", "SCHEMA_MISMATCH", "\"a\" is string instead of bigint"),
        ("format", "FORMAT_MISMATCH", "declared as ORC, the table is PARQUET"),
        ("name", "SCHEMA_MISMATCH", "\"a\" is called \"A\""),
        ("text", "FORMAT_MISMATCH", "1 of 2 files are no PARQUET, such as \"b.parquet\""),
        ("type", "SCHEMA_MISMATCH", "\"a\" is varchar, declared as bigint"),
    ] {
        let row = found.iter().find(|row| row[0] == format!("p={p}")).unwrap();
        assert!(row[1] == problem && row[2].contains(detail), "{row:?}");
    }
    assert_eq!(found.len(), 6, "{found:?}");
    // The declarations can be mended.
    for row in found.iter().filter(|row| row[3] != "NULL") {
        assert!(["p=columns", "p=format"].contains(&row[0].as_str()), "{row:?}");
        fix(&connection, &row[3]).await;
    }
    let left = problems(&connection, "t").await;
    let mended =
        |part: &str| !left.iter().any(|(p, problem)| p == part && problem.ends_with("MISMATCH"));
    assert!(mended("p=columns") && mended("p=format"), "{left:?}");
    let good = "SELECT sum(a) FROM t WHERE p IN ('good', 'columns', 'format')";
    assert_eq!(query(&connection, good).await.unwrap(), [["9".to_owned()]]);
}

#[tokio::test]
async fn text_tables_are_told_from_binary_ones_and_small_files_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let base = dir.path().join("t");
    // Text that begins as binary formats do is text.
    std::fs::create_dir_all(&base).unwrap();
    for (n, text) in ["PAR1,ORC\n", "ORCHID\n", "SEQUENCE\n", "1\n"].iter().enumerate() {
        std::fs::write(base.join(format!("{n}.txt")), text).unwrap();
    }
    let create = format!(
        "CREATE EXTERNAL TABLE t (a STRING) STORED AS TEXTFILE LOCATION '{}'",
        base.display()
    );
    connection.execute(&create).await.unwrap();
    connection.execute("ANALYZE t").await.unwrap();
    assert_eq!(problems(&connection, "t").await, []);

    parquet(&base.join("x.parquet"), vec![("a", ints())]);
    let found = check(&connection, "t").await;
    assert!(
        found[0][1] == "FORMAT_MISMATCH" && found[0][2].contains("\"x.parquet\", which is PARQUET"),
        "{found:?}"
    );
    std::fs::remove_file(base.join("x.parquet")).unwrap();
    for n in 4..10 {
        std::fs::write(base.join(format!("{n}.txt")), "1\n").unwrap();
    }
    connection.execute("ANALYZE t").await.unwrap();
    let found = check(&connection, "t").await;
    let [[_, problem, detail, statement]] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(problem, "SMALL_FILES");
    assert!(detail.starts_with("10 files"), "{detail}");
    assert!(statement.starts_with("INSERT OVERWRITE TABLE"), "{statement}");
}
