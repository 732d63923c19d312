//! What a database file has to do beyond being a metastore: outlive its process, be shared, and
//! refuse what it does not understand.

use crate::metastore_suite::{WAREHOUSE, assert_code, partition, table};
use quern_catalog::metastore::{EmbeddedMetastore, MemoryMetastore, Metastore, MetastoreOptions};
use quern_catalog::model::{
    CompareOp, Database, LockComponent, LockMode, LockRequest, LockState, OwnerType,
    PartitionFilter, PartitionValue,
};
use quern_common::{ErrorCode, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

async fn open(path: &Path) -> Result<EmbeddedMetastore> {
    EmbeddedMetastore::open_sqlite(path, WAREHOUSE).await
}

async fn fill(store: &dyn Metastore) {
    store.create_table(table("default", "t", &[("dt", "date"), ("n", "int")])).await.unwrap();
    let partitions = (1..=20).map(|n| partition(&["2024-01-01", &n.to_string()])).collect();
    store.add_partitions("default", "t", partitions, false).await.unwrap();
}

async fn assert_filled(store: &dyn Metastore) {
    let filter = PartitionFilter::Compare {
        key: "n".to_owned(),
        op: CompareOp::GtEq,
        value: PartitionValue::Int(11),
    };
    let found = store.get_partitions("default", "t", &filter, None).await.unwrap();
    assert_eq!(found.len(), 10);
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let store = open(&path).await.unwrap();
    fill(&store).await;
    store.close().await;
    assert_code(store.list_databases().await, ErrorCode::HiveMetastoreError);
    let store = EmbeddedMetastore::open_sqlite(&path, "file:///moved").await.unwrap();
    assert_filled(&store).await;
    // The schema that exists stays where it is; a new one goes to the new warehouse.
    assert_eq!(store.get_database("default").await.unwrap().location, WAREHOUSE);
    let new = Database { name: "d".to_owned(), ..Database::default() };
    store.create_database(new).await.unwrap();
    assert_eq!(store.get_database("d").await.unwrap().location, "file:///moved/d.db");
}

#[tokio::test]
async fn acknowledged_changes_are_in_the_files_without_a_clean_end() {
    let dir = tempfile::tempdir().unwrap();
    let crashed = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("m.db")).await.unwrap();
    fill(&store).await;
    // What a killed process leaves behind is what the files hold at that moment.
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), crashed.path().join(file.file_name())).unwrap();
    }
    let recovered = open(&crashed.path().join("m.db")).await.unwrap();
    assert_filled(&recovered).await;
}

#[tokio::test]
async fn a_dropped_statement_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("m.db")).await.unwrap();
    store.create_table(table("default", "t", &[("n", "int")])).await.unwrap();
    let many = (0..50_000).map(|n| partition(&[&n.to_string()])).collect();
    let add = store.add_partitions("default", "t", many, false);
    let result = tokio::time::timeout(Duration::from_millis(50), add).await;
    assert!(result.is_err(), "the statement was too fast to be cancelled");
    let count = store.count_partitions("default", "t").await.unwrap();
    assert_eq!(count, 0);
    store.add_partitions("default", "t", vec![partition(&["1"])], false).await.unwrap();
}

/// Making a file and turning its log on is a race that shows once in some tens of times.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_can_be_opened_by_many_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let path = dir.path().join(format!("{round}.db"));
        let (a, b, c) = tokio::join!(open(&path), open(&path), open(&path));
        for store in [a, b, c] {
            assert_eq!(store.unwrap().list_databases().await.unwrap(), ["default"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_tasks_change_one_catalogue() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    // Two stores on one file: what two processes would be.
    let (a, b) = tokio::join!(open(&path), open(&path));
    let stores = [Arc::new(a.unwrap()), Arc::new(b.unwrap())];
    stores[0].create_table(table("default", "shared", &[("n", "int")])).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(&stores[task % 2]);
            tokio::spawn(async move {
                let own = format!("t{task}");
                for round in 0..5 {
                    store.create_table(table("default", &own, &[])).await.unwrap();
                    let p = vec![partition(&[&(task * 10 + round).to_string()])];
                    store.add_partitions("default", "shared", p, false).await.unwrap();
                    count_up(store.as_ref()).await;
                    store.drop_table("default", &own).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(stores[1].count_partitions("default", "shared").await.unwrap(), 40);
    // No increment was lost.
    let shared = stores[0].get_table("default", "shared").await.unwrap();
    assert_eq!(shared.parameters["counter"], "40");
    assert_eq!(stores[0].list_tables("default").await.unwrap(), ["shared"]);
}

/// Adds one to a table parameter, as a client that reads, changes and writes does.
pub(crate) async fn count_up(store: &dyn Metastore) {
    loop {
        let mut table = store.get_table("default", "shared").await.unwrap();
        let counter: i64 = table.parameters.get("counter").map_or(0, |n| n.parse().unwrap());
        table.parameters.insert("counter".to_owned(), (counter + 1).to_string());
        let version = table.version;
        match store.alter_table("default", "shared", Some(version), table).await {
            Ok(()) => return,
            Err(err) => assert_eq!(err.code(), ErrorCode::TransactionConflict),
        }
    }
}

#[tokio::test]
async fn files_that_are_no_metastore_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let garbage = dir.path().join("garbage.db");
    std::fs::write(&garbage, "certainly not a database, but long enough to look at".repeat(100))
        .unwrap();
    let err = open(&garbage).await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::HiveMetastoreError);
    assert!(err.message().contains("garbage.db"), "{err}");
    assert_code(open(&dir.path().join("missing/m.db")).await, ErrorCode::HiveMetastoreError);
    assert_code(open(dir.path()).await, ErrorCode::HiveMetastoreError);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    open(&path).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations
        (version, description, success, checksum, execution_time) VALUES (999, 'x', 1, 'x', 0)";
    sqlx::query(newer).execute(&pool).await.unwrap();
    pool.close().await;
    let err = open(&path).await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::HiveMetastoreError);
    assert_eq!(err.hint(), Some("it was written by a newer version of Quern"));
}

const FIRST_MIGRATION: &str = include_str!("../../migrations/sqlite/0001_catalogue.sql");

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    // What the first version wrote, with the bookkeeping of its migration.
    let migrations = vec![sqlx::migrate::Migration::new(
        1,
        "catalogue".into(),
        sqlx::migrate::MigrationType::Simple,
        sqlx::SqlSafeStr::into_sql_str(FIRST_MIGRATION),
        false,
    )];
    sqlx::migrate::Migrator::with_migrations(migrations).run(&pool).await.unwrap();
    for insert in [
        "INSERT INTO databases VALUES (1, 'default', NULL, 'file:///old', 'public', '{}')",
        r#"INSERT INTO tables VALUES (7, 1, 't', 'MANAGED_TABLE', 'ann', 5, 3,
            '{"columns":[{"name":"a","type":"int"}],"location":"file:///old/t",
              "input_format":"","output_format":"","serde":"x","num_buckets":-1}',
            '[{"name":"k","type":"int"}]', '{"a":"b"}', NULL, NULL)"#,
        r#"INSERT INTO partition_storage VALUES (1, 7, x'00',
            '{"columns":[{"name":"a","type":"int"}],"location":"file:///old/t",
              "input_format":"","output_format":"","serde":"x","num_buckets":-1}')"#,
        "INSERT INTO partitions VALUES (1, 7, 'k=1', 1, NULL, 6, '{}', NULL, NULL, NULL)",
        "INSERT INTO partition_key_values VALUES (1, 0, 7, x'018000000000000001')",
    ] {
        sqlx::query(insert).execute(&pool).await.unwrap();
    }
    pool.close().await;

    let store = open(&path).await.unwrap();
    let database = store.get_database("default").await.unwrap();
    assert_eq!(
        (database.location.as_str(), database.owner_type),
        ("file:///old", Some(OwnerType::Role))
    );
    let table = store.get_table("default", "t").await.unwrap();
    assert_eq!((table.version, table.last_access_time, table.temporary), (3, 0, false));
    // What is numbered from now on begins behind it.
    store.alter_table("default", "t", Some(3), table).await.unwrap();
    assert_eq!(store.get_table("default", "t").await.unwrap().version, 4);
    let filter = PartitionFilter::Compare {
        key: "k".to_owned(),
        op: CompareOp::Eq,
        value: PartitionValue::Int(1),
    };
    let found = store.get_partitions("default", "t", &filter, None).await.unwrap();
    assert_eq!((found[0].create_time, found[0].last_access_time), (6, 0));
    assert_eq!(found[0].sd.location, "file:///old/t/k=1");
    assert_eq!(store.last_event_id().await.unwrap(), 4);
    store.add_partitions("default", "t", vec![partition(&["2"])], false).await.unwrap();
    assert_eq!(store.last_event_id().await.unwrap(), 5);
}

fn exclusive() -> LockRequest {
    LockRequest {
        components: vec![LockComponent {
            mode: LockMode::Exclusive,
            database: "d".to_owned(),
            table: Some("t".to_owned()),
            partition: None,
        }],
        ..LockRequest::default()
    }
}

/// Small bounds, so that a test reaches them.
fn bounds() -> MetastoreOptions {
    MetastoreOptions {
        lock_timeout: Duration::ZERO,
        locks_max: 3,
        events_max: 5,
        ..MetastoreOptions::default()
    }
}

#[tokio::test]
async fn schedulers_share_locks_and_the_dead_lose_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let (a, b) = (open(&path).await.unwrap(), open(&path).await.unwrap());
    let first = a.lock(exclusive()).await.unwrap();
    let second = b.lock(exclusive()).await.unwrap();
    assert_eq!((first.state, second.state), (LockState::Acquired, LockState::Waiting));
    a.close().await;
    // Time passes: what a store with no patience at all takes for dead, is.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let impatient = EmbeddedMetastore::open_sqlite_with(&path, WAREHOUSE, bounds()).await.unwrap();
    assert!(impatient.list_locks().await.unwrap().is_empty());
    assert_code(b.check_lock(second.id).await, ErrorCode::NotFound);
    // A number is never given twice.
    let third = b.lock(exclusive()).await.unwrap();
    assert_eq!(third.state, LockState::Acquired);
    assert!(third.id > second.id);
}

async fn check_bounds(store: &dyn Metastore) {
    for n in 0..20 {
        store.create_table(table("default", &format!("t{n}"), &[])).await.unwrap();
    }
    let kept: Vec<i64> =
        store.list_events(0, 100).await.unwrap().into_iter().map(|event| event.id).collect();
    assert_eq!(kept, [16, 17, 18, 19, 20]);
    assert_eq!(store.last_event_id().await.unwrap(), 20);
}

#[tokio::test]
async fn the_log_of_changes_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let store = EmbeddedMetastore::open_sqlite_with(&path, WAREHOUSE, bounds()).await.unwrap();
    check_bounds(&store).await;
    check_bounds(&MemoryMetastore::with_options(WAREHOUSE, bounds())).await;
    let gone = MetastoreOptions { event_max_age: Duration::ZERO, ..MetastoreOptions::default() };
    let store = EmbeddedMetastore::open_sqlite_with(&path, WAREHOUSE, gone).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    store.drop_table("default", "t0").await.unwrap();
    let left = store.list_events(0, 100).await.unwrap();
    assert_eq!(left.iter().map(|event| event.id).collect::<Vec<_>>(), [21]);
}

#[tokio::test]
async fn locks_are_bounded() {
    let options = MetastoreOptions { locks_max: 3, ..MetastoreOptions::default() };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let embedded = EmbeddedMetastore::open_sqlite_with(&path, WAREHOUSE, options.clone());
    let stores: [Arc<dyn Metastore>; 2] = [
        Arc::new(embedded.await.unwrap()),
        Arc::new(MemoryMetastore::with_options(WAREHOUSE, options)),
    ];
    for store in stores {
        for _ in 0..3 {
            store.lock(exclusive()).await.unwrap();
        }
        let more = store.lock(exclusive()).await;
        assert_code(more, ErrorCode::GenericInsufficientResources);
        let nothing = store.lock(LockRequest::default()).await;
        assert_code(nothing, ErrorCode::HiveInvalidMetadata);
    }
}
