//! What a cache before a metastore remembers, and when it forgets it.

use crate::metastore_suite::{WAREHOUSE, partition, table};
use quern_catalog::metastore::{
    CacheOptions, CachePart, CachedMetastore, MemoryMetastore, Metastore,
};
use quern_catalog::model::{Column, Database, PartitionFilter};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A store with the table `default.t`, which has one partition, and a cache that has seen it.
struct Seen {
    /// Changed without the cache's knowing.
    store: Arc<dyn Metastore>,
    cached: CachedMetastore,
}

impl Seen {
    async fn with(options: CacheOptions) -> Self {
        let store: Arc<dyn Metastore> = Arc::new(MemoryMetastore::new(WAREHOUSE));
        store.create_table(table("default", "t", &[("n", "int")])).await.unwrap();
        store.add_partitions("default", "t", vec![partition(&["1"])], false).await.unwrap();
        let cached = CachedMetastore::new(Arc::clone(&store), &options);
        let seen = Self { store, cached };
        let all = PartitionFilter::All;
        assert_eq!(seen.cached.get_partitions("default", "t", &all, None).await.unwrap().len(), 1);
        assert_eq!(seen.state().await, BEFORE);
        seen
    }

    /// Adds to each kind of object what the cache does not know.
    async fn change_behind(&self) {
        self.store.create_database(database("d")).await.unwrap();
        self.store.create_table(table("default", "u", &[])).await.unwrap();
        let mut t = self.store.get_table("default", "t").await.unwrap();
        t.sd.columns.push(Column::new("new", "int"));
        self.store.alter_table("default", "t", None, t).await.unwrap();
        self.store.add_partitions("default", "t", vec![partition(&["2"])], false).await.unwrap();
    }

    /// The numbers of databases, tables, columns and partitions, as the cache has them.
    async fn state(&self) -> [usize; 4] {
        let all = PartitionFilter::All;
        [
            self.cached.list_databases().await.unwrap().len(),
            self.cached.list_tables("default").await.unwrap().len(),
            self.cached.get_table("DEFAULT", "T").await.unwrap().sd.columns.len(),
            self.cached.get_partition_names("default", "t", &all, None).await.unwrap().len(),
        ]
    }
}

const BEFORE: [usize; 4] = [1, 1, 2, 1];
const AFTER: [usize; 4] = [2, 2, 3, 2];

fn database(name: &str) -> Database {
    Database { name: name.to_owned(), ..Database::default() }
}

fn forever() -> CacheOptions {
    CacheOptions { time_to_live: Duration::from_secs(3_600), ..CacheOptions::default() }
}

#[tokio::test]
async fn answers_are_remembered_until_they_are_flushed() {
    for (part, after) in [
        (CachePart::Everything, AFTER),
        (CachePart::schema("DEFAULT"), AFTER),
        (CachePart::schema("d"), [2, 1, 2, 1]),
        (CachePart::table("Default", "T"), [1, 2, 3, 2]),
        (CachePart::table("default", "u"), [1, 2, 2, 1]),
        (CachePart::partitions("default", "t"), [1, 1, 2, 2]),
    ] {
        let seen = Seen::with(forever()).await;
        seen.change_behind().await;
        assert_eq!(seen.state().await, BEFORE);
        seen.cached.flush_cache(&part);
        assert_eq!(seen.state().await, after, "{part:?}");
    }
}

#[tokio::test]
async fn answers_are_asked_for_again_after_a_while() {
    let soon = CacheOptions { time_to_live: Duration::from_millis(20), ..forever() };
    let seen = Seen::with(soon).await;
    seen.change_behind().await;
    wait_until(async || seen.state().await == AFTER).await;
}

#[tokio::test]
async fn answers_that_are_too_large_are_not_kept() {
    let seen = Seen::with(CacheOptions { partitions_max: 1, names_max: 1, ..forever() }).await;
    seen.change_behind().await;
    // Even an answer of one partition weighs 2. It is dropped when the cache next tidies up.
    wait_until(async || {
        let all = PartitionFilter::All;
        seen.cached.get_partitions("default", "t", &all, None).await.unwrap().len() == 2
    })
    .await;
}

async fn wait_until(reached: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached().await {
        assert!(Instant::now() < deadline, "the cache never asks again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_change_through_the_cache_shows_at_once_also_when_it_fails() {
    let seen = Seen::with(forever()).await;
    seen.change_behind().await;
    let t = seen.cached.get_table("default", "t").await.unwrap();
    let version = t.version;
    let stale = seen.cached.alter_table("default", "t", Some(version), t).await;
    assert!(stale.is_err(), "a version of the cache was taken for the store's");
    let mut t = seen.cached.get_table("default", "t").await.unwrap();
    let version = t.version;
    t.sd.columns.push(Column::new("newer", "int"));
    seen.cached.alter_table("default", "t", Some(version), t).await.unwrap();
    let t = seen.cached.get_table("default", "t").await.unwrap();
    assert_eq!(t.sd.columns.len(), 4);
}
