//! ANALYZE: what it records, where it runs, and what planning makes of it.

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::statistics::Statistics;
use quern_catalog::metastore::{Metastore, RemoteMetastore, RemoteOptions};
use quern_catalog::model::COLUMN_STATS_ACCURATE;
use quern_client::Connection;
use quern_common::ErrorCode;
use quern_tests::process::{Cluster, Process, serve};
use quern_tests::rows::query;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

const LISTEN: [&str; 2] = ["--metastore-listen", "127.0.0.1:0"];

/// Another client of the metastore.
fn client(server: &Process) -> RemoteMetastore {
    let uri = format!("thrift://{}", server.address("metastore").unwrap());
    RemoteMetastore::new(&uri, RemoteOptions::default()).unwrap()
}

/// A table of delimited text, whose files say nothing of themselves.
async fn text_table(
    connection: &Connection,
    dir: &Path,
    name: &str,
    columns: &str,
    rows: impl Iterator<Item = String>,
) {
    let table = dir.join(name);
    std::fs::create_dir_all(&table).unwrap();
    let mut text = String::new();
    rows.for_each(|row| writeln!(text, "{row}").unwrap());
    std::fs::write(table.join("part-0.txt"), text).unwrap();
    let create = format!(
        "CREATE EXTERNAL TABLE {name} ({columns}) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' \
         STORED AS TEXTFILE LOCATION '{}'",
        table.display()
    );
    connection.execute(&create).await.unwrap();
}

#[tokio::test]
async fn joins_are_ordered_by_what_analyze_found() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    // Two fact tables that meet in many rows, and a dimension of which one row is asked for.
    let pairs = |a: i64, b: i64| (0..3_000).map(move |i| format!("{},{}", i % a, i % b));
    text_table(&connection, dir.path(), "sales", "item INT, day INT", pairs(10, 300)).await;
    text_table(&connection, dir.path(), "stock", "item INT, amount INT", pairs(10, 7)).await;
    let days = (0..300).map(|i| format!("{i},{}", i % 100));
    text_table(&connection, dir.path(), "days", "day INT, year INT", days).await;
    let sql = "SELECT days.year, count(*), sum(amount) FROM sales \
        JOIN stock ON sales.item = stock.item JOIN days ON sales.day = days.day \
        WHERE days.year = 7 GROUP BY days.year";
    // The deepest join is the first that runs, and its first input is what it builds on.
    let first_join = async || {
        let plan = query(&connection, &format!("EXPLAIN {sql}")).await.unwrap().concat().concat();
        let lines: Vec<&str> = plan.lines().collect();
        let join = lines.iter().rposition(|line| line.contains("HashJoinExec")).unwrap();
        let scan = lines[join..].iter().find(|line| line.contains("DataSourceExec")).unwrap();
        (lines[join].to_owned(), (*scan).to_owned(), plan)
    };
    let expected = query(&connection, sql).await.unwrap();
    let (join, _, plan) = first_join().await;
    assert!(join.contains("item@"), "{plan}");
    for table in ["sales", "stock", "days"] {
        connection.execute(&format!("ANALYZE {table}")).await.unwrap();
    }
    let (join, build, plan) = first_join().await;
    assert!(join.contains("day@") && build.contains("/days/"), "{plan}");
    assert_eq!(query(&connection, sql).await.unwrap(), expected);
}

#[tokio::test]
async fn analyze_runs_where_queries_run() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(dir.path(), 2, &[]).unwrap();
    cluster.wait_for_executors(2).await.unwrap();
    let connection = cluster.scheduler.connect().await.unwrap();
    let rows = (0..20_000).map(|i| format!("{i},name {}", i % 97));
    text_table(&connection, dir.path(), "t", "id INT, name STRING", rows).await;
    for mode in ["local", "pipelined", "staged"] {
        let session = cluster.scheduler.connect_in(mode, "default").await.unwrap();
        let analyze = format!("ANALYZE TABLE t COMPUTE STATISTICS FOR COLUMNS id, name -- {mode}");
        let rows = query(&session, &analyze).await.unwrap();
        assert_eq!(rows[0][3], "20000", "{mode}");
        let shown = query(&session, "SHOW STATS FOR t").await.unwrap();
        let distinct: f64 = shown[0][2].parse().unwrap();
        // The estimate's standard error is 0.8 percent.
        assert!((distinct - 20_000.0).abs() < 20_000.0 * 0.04, "{shown:?}");
        let ran = format!(
            "SELECT execution_mode FROM system.runtime.queries WHERE query LIKE 'ANALYZE%{mode}'"
        );
        assert_eq!(query(&session, &ran).await.unwrap(), [[mode.to_owned()]], "{mode}");
    }
}

#[tokio::test]
async fn hive_and_spark_find_statistics_where_they_look() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &LISTEN).unwrap();
    let connection = server.connect().await.unwrap();
    let rows = ["1,a,1.5", "2,bcd,\\N", "2,\\N,-3.5"].map(str::to_owned);
    text_table(&connection, dir.path(), "t", "id INT, name STRING, x DOUBLE", rows.into_iter())
        .await;
    let spark = "ALTER TABLE t SET TBLPROPERTIES ('spark.sql.sources.schema' = \
        '{\"type\":\"struct\",\"fields\":[{\"name\":\"Id\"},{\"name\":\"name\"},{\"name\":\"x\"}]}')";
    connection.execute(spark).await.unwrap();
    connection.execute("ANALYZE t").await.unwrap();

    let hive = client(&server);
    let table = hive.get_table("default", "t").await.unwrap();
    let of = |key: &str| table.parameters.get(key).map_or("", String::as_str);
    assert_eq!((of("numRows"), of("numFiles"), of("totalSize")), ("3", "1", "27"));
    assert_eq!(
        of(COLUMN_STATS_ACCURATE),
        r#"{"BASIC_STATS":"true","COLUMN_STATS":{"id":"true","name":"true","x":"true"}}"#
    );
    let spark = |key: &str| of(&format!("spark.sql.statistics.{key}")).to_owned();
    assert_eq!((spark("numRows"), spark("totalSize")), ("3".to_owned(), "27".to_owned()));
    for (key, value) in [
        ("Id.version", "2"),
        ("Id.min", "1"),
        ("Id.max", "2"),
        ("Id.distinctCount", "2"),
        ("Id.nullCount", "0"),
        ("name.avgLen", "2"),
        ("name.maxLen", "3"),
        ("name.nullCount", "1"),
        ("x.min", "-3.5"),
        ("x.max", "1.5"),
    ] {
        assert_eq!(spark(&format!("colStats.{key}")), value, "{key}");
    }
    let columns = hive.get_table_statistics("default", "t").await.unwrap().columns;
    let id = columns.iter().find(|column| column.column == "id").unwrap();
    assert_eq!((id.min.as_deref(), id.max.as_deref()), (Some("1"), Some("2")));
    assert_eq!((id.null_count, id.distinct_count), (Some(0), Some(2)));
    let name = columns.iter().find(|column| column.column == "name").unwrap();
    assert_eq!((name.max_length, name.avg_length), (Some(3), Some(2.0)));

    let partitioned = dir.path().join("p");
    for (day, text) in [("1", "1\n2\n"), ("2", "5\n")] {
        let part = partitioned.join(format!("day={day}"));
        std::fs::create_dir_all(&part).unwrap();
        std::fs::write(part.join("a.txt"), text).unwrap();
    }
    let create = format!(
        "CREATE EXTERNAL TABLE p (id INT) PARTITIONED BY (day INT) STORED AS TEXTFILE \
         LOCATION '{}'",
        partitioned.display()
    );
    for sql in [&create, "MSCK REPAIR TABLE p", "ANALYZE p"] {
        connection.execute(sql).await.unwrap();
    }
    let values = vec![vec!["1".to_owned()], vec!["2".to_owned()]];
    let partition = hive.get_partition("default", "p", &values[0]).await.unwrap();
    assert_eq!(partition.parameters["numRows"], "2");
    assert_eq!(partition.parameters["spark.sql.statistics.numRows"], "2");
    let known = hive.get_partition_column_statistics("default", "p", values).await.unwrap();
    assert_eq!(known["day=1"][0].max.as_deref(), Some("2"));
    assert_eq!(known["day=2"][0].max.as_deref(), Some("5"));
    // Of the whole, Spark wants to know what Hive adds up.
    let table = hive.get_table("default", "p").await.unwrap();
    assert!(!table.parameters.contains_key("numRows"));
    for (key, value) in [
        ("numRows", "3"),
        ("totalSize", "6"),
        ("colStats.id.distinctCount", "3"),
        ("colStats.id.max", "5"),
        ("colStats.day.min", "1"),
        ("colStats.day.distinctCount", "2"),
    ] {
        let found = table.parameters.get(&format!("spark.sql.statistics.{key}"));
        assert_eq!(found.map(String::as_str), Some(value), "{key}");
    }
}

#[tokio::test]
async fn statistics_of_files_that_changed_are_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let rows = || (0..10).map(|i| i.to_string());
    text_table(&connection, dir.path(), "t", "id INT", rows()).await;
    connection.execute("ANALYZE t").await.unwrap();
    let row_count = async || {
        let shown = query(&connection, "SHOW STATS FOR t").await.unwrap();
        shown.last().unwrap()[4].clone()
    };
    assert_eq!(row_count().await, "10");
    std::fs::write(dir.path().join("t/part-1.txt"), "77\n").unwrap();
    assert_eq!(row_count().await, "NULL");
    let answer = query(&connection, "SELECT count(*), max(id) FROM t").await.unwrap();
    assert_eq!(answer, [["11".to_owned(), "77".to_owned()]]);
    // Only the files are looked at: the rows are unknown then, not ten.
    connection.execute("ANALYZE TABLE t COMPUTE STATISTICS NOSCAN").await.unwrap();
    assert_eq!(row_count().await, "NULL");
    connection.execute("ANALYZE TABLE t COMPUTE STATISTICS").await.unwrap();
    assert_eq!(row_count().await, "11");
}

#[tokio::test]
async fn what_lies_outside_the_allowed_locations_is_neither_measured_nor_checked() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &LISTEN).unwrap();
    let connection = server.connect().await.unwrap();
    let rows = ["1".to_owned()];
    text_table(&connection, dir.path(), "t", "id INT", rows.into_iter()).await;
    let hive = client(&server);
    let mut table = hive.get_table("default", "t").await.unwrap();
    table.sd.location = format!("file:{}", outside.path().display());
    hive.alter_table("default", "t", None, table).await.unwrap();
    for sql in [
        "ANALYZE t",
        "ANALYZE TABLE t COMPUTE STATISTICS NOSCAN",
        "CHECK TABLE t",
        "SHOW STATS FOR t",
    ] {
        let err = query(&connection, sql).await.unwrap_err();
        let err = err.downcast_ref::<quern_common::Error>().unwrap();
        assert_eq!(err.code(), ErrorCode::PermissionDenied, "{sql}: {err}");
    }
}

/// Writes the footer of a Parquet file again, without how many values are NULL.
fn forget_null_counts(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let reader = std::fs::File::open(file).unwrap();
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&reader).unwrap();
    let without = |column: &ColumnChunkMetaData| {
        let Some(Statistics::Int64(known)) = column.statistics() else { panic!("not of BIGINT") };
        let (min, max) = (known.min_opt().copied(), known.max_opt().copied());
        let statistics = Statistics::int64(min, max, None, None, false);
        column.clone().into_builder().set_statistics(statistics).build().unwrap()
    };
    let row_group = |group: &RowGroupMetaData| {
        let columns = group.columns().iter().map(without).collect();
        group.clone().into_builder().set_column_metadata(columns).build().unwrap()
    };
    let row_groups = metadata.row_groups().iter().map(row_group).collect();
    let metadata = metadata.into_builder().set_row_groups(row_groups).build();
    // A length and a magic number end the file.
    let tail = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap());
    let mut rewritten = bytes[..bytes.len() - 8 - tail as usize].to_vec();
    ParquetMetaDataWriter::new(&mut rewritten, &metadata).finish().unwrap();
    std::fs::write(file, rewritten).unwrap();
}

#[tokio::test]
async fn a_footer_without_counts_of_nulls_proves_nothing_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(dir.path(), 2, &[]).unwrap();
    cluster.wait_for_executors(2).await.unwrap();
    let connection = cluster.scheduler.connect().await.unwrap();
    let table = dir.path().join("old");
    std::fs::create_dir_all(&table).unwrap();
    let file = table.join("part-0.parquet");
    let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let batch = RecordBatch::try_from_iter([("v", values)]).unwrap();
    let sink = std::fs::File::create(&file).unwrap();
    let mut writer = ArrowWriter::try_new(sink, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    forget_null_counts(&file);
    let create = format!(
        "CREATE EXTERNAL TABLE old (v BIGINT) STORED AS PARQUET LOCATION '{}'",
        table.display()
    );
    connection.execute(&create).await.unwrap();
    for mode in ["local", "pipelined", "staged"] {
        let session = cluster.scheduler.connect_in(mode, "default").await.unwrap();
        for (sql, expected) in [
            ("SELECT count(*) FROM old", "3"),
            ("SELECT count(v) FROM old", "2"),
            ("SELECT count(*) FROM old WHERE v IS NULL", "1"),
            ("SELECT count(*) FROM old WHERE v IS NOT NULL", "2"),
            ("SELECT max(v) FROM old", "3"),
        ] {
            assert_eq!(query(&session, sql).await.unwrap(), [[expected]], "{mode}: {sql}");
        }
    }
}
