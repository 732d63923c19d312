//! Partitions: added, dropped, shown, and brought in line with directories.

use super::support::Fixture;
use quern_catalog::metastore::Metastore;
use quern_common::ErrorCode;
use quern_engine::ddl::DdlOutcome;

async fn partitioned() -> Fixture {
    let f = Fixture::new();
    f.ok("CREATE EXTERNAL TABLE t (a int) PARTITIONED BY (d date, city string) STORED AS PARQUET \
          LOCATION 's3://lake/t'")
        .await;
    f
}

#[tokio::test]
async fn partitions_are_added_and_shown() {
    let f = partitioned().await;
    let outcome = f
        .run(
            "ALTER TABLE t ADD PARTITION (city='São/Paulo', d='2024-01-01') \
              PARTITION (d=DATE '2024-01-02', city='x') LOCATION 's3://lake/other'",
        )
        .await
        .unwrap();
    assert_eq!(outcome, DdlOutcome::Done { rows: Some(2) });
    assert_eq!(
        f.rows("SHOW PARTITIONS t").await,
        ["d=2024-01-01/city=São%2FPaulo", "d=2024-01-02/city=x"]
    );
    assert_eq!(f.rows("SHOW PARTITIONS t PARTITION (city='x')").await, ["d=2024-01-02/city=x"]);
    let partition = f
        .metastore
        .get_partition("default", "t", &["2024-01-01".to_owned(), "São/Paulo".to_owned()])
        .await
        .unwrap();
    assert_eq!(partition.sd.location, "s3://lake/t/d=2024-01-01/city=São%2FPaulo");
    let other = ["2024-01-02".to_owned(), "x".to_owned()];
    let partition = f.metastore.get_partition("default", "t", &other).await.unwrap();
    assert_eq!(partition.sd.location, "s3://lake/other");
}

#[tokio::test]
async fn wrong_partitions_are_refused() {
    let f = partitioned().await;
    f.ok("CREATE TABLE plain (a int)").await;
    f.ok("ALTER TABLE t ADD PARTITION (d='2024-01-01', city='x')").await;
    for (sql, code) in [
        ("ALTER TABLE t ADD PARTITION (d='2024-01-01', city='x')", ErrorCode::AlreadyExists),
        (
            "ALTER TABLE t ADD PARTITION (d='2024-13-01', city='x')",
            ErrorCode::HiveInvalidPartitionValue,
        ),
        ("ALTER TABLE t ADD PARTITION (d='2024-01-01')", ErrorCode::GenericUserError),
        ("ALTER TABLE t ADD PARTITION (d='2024-01-01', e='x')", ErrorCode::ColumnNotFound),
        (
            "ALTER TABLE t ADD PARTITION (d='2024-01-01', d='2024-01-01')",
            ErrorCode::GenericUserError,
        ),
        (
            "ALTER TABLE t ADD PARTITION (d='2024-01-05', city='x') LOCATION 's3://no/x'",
            ErrorCode::PermissionDenied,
        ),
        ("ALTER TABLE t ADD PARTITION (d < '2024-01-01', city='x')", ErrorCode::SyntaxError),
        ("ALTER TABLE t DROP PARTITION (d='2020-01-01')", ErrorCode::NotFound),
        ("ALTER TABLE t DROP PARTITION (d='x')", ErrorCode::HiveInvalidPartitionValue),
        ("ALTER TABLE plain ADD PARTITION (d=1)", ErrorCode::GenericUserError),
        ("ALTER TABLE plain DROP PARTITION (d=1)", ErrorCode::GenericUserError),
        ("SHOW PARTITIONS plain", ErrorCode::GenericUserError),
        ("MSCK REPAIR TABLE plain", ErrorCode::GenericUserError),
        ("MSCK REPAIR TABLE nothing", ErrorCode::TableNotFound),
    ] {
        let err = f.err(sql).await;
        assert_eq!(err.code(), code, "{sql}: {err:?}");
    }
    f.ok("ALTER TABLE t ADD IF NOT EXISTS PARTITION (d='2024-01-01', city='x')").await;
    f.ok("ALTER TABLE t DROP IF EXISTS PARTITION (d='2020-01-01')").await;
    assert_eq!(f.rows("SHOW PARTITIONS t").await.len(), 1);
}

#[tokio::test]
async fn partitions_are_dropped_by_comparison() {
    let f = partitioned().await;
    for day in 1..=5 {
        f.ok(&format!("ALTER TABLE t ADD PARTITION (d='2024-01-0{day}', city='x')")).await;
    }
    let dropped =
        f.run("ALTER TABLE t DROP PARTITION (d < '2024-01-03'), PARTITION (d='2024-01-05')");
    assert_eq!(dropped.await.unwrap(), DdlOutcome::Done { rows: Some(3) });
    assert_eq!(f.rows("SHOW PARTITIONS t").await, ["d=2024-01-03/city=x", "d=2024-01-04/city=x"]);
    assert!(f.storage.deleted.lock().is_empty(), "the files of an external table stay");
}

#[tokio::test]
async fn dropping_partitions_of_a_managed_table_deletes_their_files() {
    let f = Fixture::new();
    f.ok("CREATE TABLE m (a int) PARTITIONED BY (n int)").await;
    f.ok("ALTER TABLE m ADD PARTITION (n=1) PARTITION (n=2) LOCATION 's3://lake/far'").await;
    f.ok("ALTER TABLE m DROP PARTITION (n > 0)").await;
    assert_eq!(*f.storage.deleted.lock(), ["s3://lake/warehouse/m/n=1"]);
}

#[tokio::test]
async fn msck_finds_directories() {
    let f = partitioned().await;
    f.storage.make(&[
        "s3://lake/t/d=2024-01-01/city=a%2Fb",
        "s3://lake/t/D=2024-01-02/city=x",
        "s3://lake/t/d=2024-01-02/city=__HIVE_DEFAULT_PARTITION__",
        "s3://lake/t/d=2024-01-03",
        "s3://lake/t/stray/city=x",
        "s3://lake/t/d=2024-01-01/country=x",
    ]);
    assert_eq!(f.rows("MSCK REPAIR TABLE t").await, ["3|0|2"]);
    assert_eq!(
        f.rows("SHOW PARTITIONS t").await,
        [
            "d=2024-01-01/city=a%2Fb",
            "d=2024-01-02/city=__HIVE_DEFAULT_PARTITION__",
            "d=2024-01-02/city=x",
        ]
    );
    let values = ["2024-01-02".to_owned(), "x".to_owned()];
    let partition = f.metastore.get_partition("default", "t", &values).await.unwrap();
    assert_eq!(partition.sd.location, "s3://lake/t/D=2024-01-02/city=x");
    assert_eq!(f.rows("MSCK REPAIR TABLE t").await, ["0|0|2"], "a second run finds nothing new");
}

#[tokio::test]
async fn sync_drops_partitions_whose_directories_are_gone() {
    let f = partitioned().await;
    f.storage.make(&["s3://lake/t/d=2024-01-01/city=x", "s3://lake/t/d=2024-01-02/city=x"]);
    f.ok("MSCK REPAIR TABLE t").await;
    f.ok("ALTER TABLE t ADD PARTITION (d='2024-02-01', city='far') LOCATION 's3://lake/far'").await;
    f.storage.dirs.lock().remove("s3://lake/t/d=2024-01-01/city=x");
    f.storage.make(&["s3://lake/t/d=2024-01-03/city=x"]);
    assert_eq!(
        f.rows("CALL system.sync_partition_metadata('DEFAULT', 'T', 'drop')").await,
        ["0|1|0"]
    );
    assert_eq!(
        f.rows("CALL hive.system.sync_partition_metadata(mode => 'FULL', table_name => 't', schema_name => 'default')").await,
        ["1|0|0"]
    );
    assert_eq!(
        f.rows("SHOW PARTITIONS t").await,
        ["d=2024-01-02/city=x", "d=2024-01-03/city=x", "d=2024-02-01/city=far"]
    );
}

#[tokio::test]
async fn a_directory_whose_value_does_not_fit_stops_the_repair() {
    let f = partitioned().await;
    f.storage.make(&["s3://lake/t/d=2024-01-01/city=x", "s3://lake/t/d=yesterday/city=x"]);
    let err = f.err("MSCK REPAIR TABLE t").await;
    assert_eq!(err.code(), ErrorCode::HiveInvalidPartitionValue, "{err:?}");
    assert!(f.rows("SHOW PARTITIONS t").await.is_empty());
}

#[tokio::test]
async fn thousands_of_directories_are_added_in_batches() {
    let f = Fixture::new();
    f.ok("CREATE EXTERNAL TABLE big (a int) PARTITIONED BY (n int) LOCATION 's3://lake/big'").await;
    let dirs: Vec<String> = (0..2_500).map(|n| format!("s3://lake/big/n={n}")).collect();
    f.storage.make(&dirs.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(f.rows("MSCK REPAIR TABLE big").await, ["2500|0|0"]);
    assert_eq!(f.metastore.count_partitions("default", "big").await.unwrap(), 2_500);
}
