//! Hive partitions: discovery, pruning, hidden columns, values that need escaping.

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use quern_tests::process::serve;
use quern_tests::rows::query;
use std::path::Path;
use std::sync::Arc;

fn write(dir: &Path, values: Vec<i64>) {
    std::fs::create_dir_all(dir).unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(values))])
        .unwrap();
    let file = std::fs::File::create(dir.join("part-0.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn partitions_are_found_pruned_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("t");
    for (day, name) in [("2024-01-01", "a%3Ab"), ("2024-01-02", "c d"), ("2024-01-03", "x%2Fy")] {
        write(&table.join(format!("day={day}/name={name}")), vec![1, 2, 3]);
    }
    write(&table.join("day=__HIVE_DEFAULT_PARTITION__/name=z"), vec![7]);
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let create = format!(
        "CREATE EXTERNAL TABLE t (a BIGINT) PARTITIONED BY (day DATE, name STRING) \
         STORED AS PARQUET LOCATION '{}'",
        table.display()
    );
    connection.execute(&create).await.unwrap();
    assert!(query(&connection, "SELECT * FROM t").await.unwrap().is_empty());
    connection.execute("MSCK REPAIR TABLE t").await.unwrap();

    let all = "SELECT day, name, sum(a) FROM t GROUP BY day, name ORDER BY day NULLS LAST";
    let rows = query(&connection, all).await.unwrap();
    let expected = [
        ["2024-01-01", "a:b", "6"],
        ["2024-01-02", "c d", "6"],
        ["2024-01-03", "x/y", "6"],
        ["NULL", "z", "7"],
    ];
    assert_eq!(rows, expected.map(|row| row.map(str::to_owned).to_vec()));

    for (filter, n_read, sum) in [
        ("day = DATE '2024-01-02'", 1, "6"),
        ("day >= DATE '2024-01-02'", 2, "12"),
        ("day IS NULL", 1, "7"),
        ("name LIKE 'x%'", 1, "6"),
        ("day IN (DATE '2024-01-01', DATE '2024-01-03')", 2, "12"),
        ("extract(day FROM day) = 3", 1, "6"),
        ("day = DATE '2024-01-02' OR name = 'z'", 2, "13"),
        ("day = DATE '1999-01-01'", 0, "NULL"),
    ] {
        let rows = query(&connection, &format!("SELECT sum(a) FROM t WHERE {filter}")).await;
        assert_eq!(rows.unwrap(), vec![vec![sum.to_owned()]], "{filter}");
        let plan = query(&connection, &format!("EXPLAIN SELECT a FROM t WHERE {filter}")).await;
        let plan = plan.unwrap().concat().concat();
        let shown = format!("partitions={n_read}/4");
        assert!(plan.contains(&shown) || n_read == 0, "{filter}: {plan}");
    }

    // A NULL key is not counted, whether rows are read or footers answer.
    for (sql, expected) in [
        ("SELECT count(day) FROM t", vec!["9"]),
        ("SELECT count(*), count(day), min(day) FROM t", vec!["10", "9", "2024-01-01"]),
        ("SELECT count(day) FROM t WHERE a > 1", vec!["6"]),
    ] {
        assert_eq!(query(&connection, sql).await.unwrap(), [expected], "{sql}");
    }

    let hidden = "SELECT \"$partition\", \"$file_size\" > 0, a FROM t WHERE a = 7";
    let rows = query(&connection, hidden).await.unwrap();
    assert_eq!(rows, [["day=__HIVE_DEFAULT_PARTITION__/name=z", "true", "7"].map(str::to_owned)]);
    let rows = query(&connection, "SELECT *, \"$path\" FROM t WHERE a = 7").await.unwrap();
    assert_eq!(rows[0].len(), 4, "{rows:?}");
    assert!(rows[0][3].ends_with("/name=z/part-0.parquet"), "{rows:?}");
}

#[tokio::test]
async fn a_file_that_appears_is_seen_and_a_corrupt_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("t");
    write(&table.join("one"), vec![1]);
    std::fs::rename(table.join("one/part-0.parquet"), table.join("one.parquet")).unwrap();
    std::fs::remove_dir(table.join("one")).unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let create =
        format!("CREATE TABLE t (a bigint) WITH (external_location = '{}')", table.display());
    connection.execute(&create).await.unwrap();
    assert_eq!(query(&connection, "SELECT a FROM t").await.unwrap(), [["1".to_owned()]]);

    write(&table.join("two"), vec![2]);
    std::fs::rename(table.join("two/part-0.parquet"), table.join("two.parquet")).unwrap();
    let rows = query(&connection, "SELECT a FROM t ORDER BY a").await.unwrap();
    assert_eq!(rows, [["1".to_owned()], ["2".to_owned()]]);

    let whole = std::fs::read(table.join("two.parquet")).unwrap();
    std::fs::write(table.join("three.parquet"), &whole[..whole.len() / 2]).unwrap();
    let err = query(&connection, "SELECT a FROM t").await.unwrap_err();
    let err = err.downcast_ref::<quern_common::Error>().unwrap();
    assert_eq!(err.code(), quern_common::ErrorCode::HiveBadData, "{err}");
    assert!(err.message().contains("three.parquet\", bytes 0 to "), "{err}");
}

#[tokio::test]
async fn rows_of_a_directory_that_is_gone_are_not_left_out_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("t");
    for day in 1..=2 {
        write(&table.join(format!("day={day}")), vec![day]);
    }
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let create = format!(
        "CREATE TABLE t (a bigint, day int) \
         WITH (partitioned_by = ARRAY['day'], external_location = '{}')",
        table.display()
    );
    connection.execute(&create).await.unwrap();
    connection.execute("MSCK REPAIR TABLE t").await.unwrap();
    // A directory without files is a partition without rows.
    std::fs::remove_file(table.join("day=1/part-0.parquet")).unwrap();
    let rows = query(&connection, "SELECT a FROM t").await.unwrap();
    assert_eq!(rows, [["2".to_owned()]]);

    std::fs::remove_dir(table.join("day=1")).unwrap();
    let err = query(&connection, "SELECT a FROM t").await.unwrap_err();
    let err = err.downcast_ref::<quern_common::Error>().unwrap();
    assert_eq!(err.code(), quern_common::ErrorCode::HiveFileNotFound, "{err}");
    assert!(err.message().contains("partition \"day=1\" of table \"default.t\""), "{err}");
    let rows = query(&connection, "SELECT a FROM t WHERE day = 2").await.unwrap();
    assert_eq!(rows, [["2".to_owned()]]);

    let repair = "CALL system.sync_partition_metadata('default', 't', 'DROP')";
    connection.execute(repair).await.unwrap();
    let rows = query(&connection, "SELECT a FROM t").await.unwrap();
    assert_eq!(rows, [["2".to_owned()]]);
}
