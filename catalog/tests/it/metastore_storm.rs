//! Many threads change one catalogue at random. What was acknowledged is there in the end, once,
//! and no table was ever seen half renamed.
//!
//! Each table carries a number that no other has, so that it is known again under another name.

use crate::metastore_suite::{WAREHOUSE, partition, table};
use crate::postgres::PostgresServer;
use quern_catalog::metastore::{EmbeddedMetastore, Metastore};
use quern_catalog::model::{Database, PartitionFilter, Table};
use quern_common::{Error, ErrorCode};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const THREADS: usize = 32;
const DATABASES: [&str; 2] = ["default", "other"];
const NAMES: usize = 8;
/// A table that is never renamed or dropped; every thread adds partitions to it and drops them.
const SHARED: &str = "shared";
/// Seconds; the least that says something is the default.
const SECONDS: &str = "QUERN_TEST_STORM_SECONDS";
const DEFAULT_SECONDS: u64 = 3;

#[expect(clippy::disallowed_methods, reason = "how thorough to be, only the tester knows")]
fn duration() -> Duration {
    let seconds = std::env::var(SECONDS).map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS))
}

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    created: AtomicU64,
    dropped: AtomicU64,
    renamed: AtomicU64,
    /// How often each table was counted up.
    counted: Mutex<BTreeMap<u64, u64>>,
    /// The partitions of the shared table.
    partitions: Mutex<BTreeSet<String>>,
    next_table: AtomicU64,
}

struct Storm {
    stores: Vec<Arc<dyn Metastore>>,
    acknowledged: Acknowledged,
    deadline: Instant,
}

/// What a change may fail with when others were faster.
fn lost(err: &Error) -> bool {
    matches!(
        err.code(),
        ErrorCode::TableNotFound
            | ErrorCode::TableAlreadyExists
            | ErrorCode::TransactionConflict
            | ErrorCode::AlreadyExists
            | ErrorCode::NotFound
    )
}

/// The result, unless others were faster.
fn won<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(err) if lost(&err) => None,
        Err(err) => panic!("{err}"),
    }
}

fn number(table: &Table) -> u64 {
    table.parameters["number"].parse().unwrap()
}

fn random_name(random: &mut StdRng) -> (&'static str, String) {
    let database = DATABASES[random.random_range(0..DATABASES.len())];
    (database, format!("t{}", random.random_range(0..NAMES)))
}

impl Storm {
    async fn run(self: Arc<Self>, thread: usize, seed: u64) {
        let store = &self.stores[thread % self.stores.len()];
        let mut random = StdRng::seed_from_u64(seed + thread as u64);
        let mut own = Vec::new();
        while Instant::now() < self.deadline {
            match random.random_range(0..10) {
                0 | 1 => self.create(store.as_ref(), random_name(&mut random)).await,
                2 | 3 => {
                    let (from, to) = (random_name(&mut random), random_name(&mut random));
                    self.rename(store.as_ref(), from, to).await;
                }
                4 => self.drop_table(store.as_ref(), random_name(&mut random)).await,
                5 | 6 => self.count_up(store.as_ref(), random_name(&mut random)).await,
                7 => check_whole(store.as_ref(), random_name(&mut random)).await,
                8 => {
                    let value = format!("{thread}-{}", random.random::<u64>());
                    let new = vec![partition(&[&value])];
                    store.add_partitions("default", SHARED, new, false).await.unwrap();
                    self.acknowledged.partitions.lock().unwrap().insert(value.clone());
                    own.push(value);
                }
                _ => {
                    if let Some(value) = own.pop() {
                        let values = vec![vec![value.clone()]];
                        store.drop_partitions("default", SHARED, values, false).await.unwrap();
                        self.acknowledged.partitions.lock().unwrap().remove(&value);
                    }
                }
            }
        }
    }

    async fn create(&self, store: &dyn Metastore, (database, name): (&str, String)) {
        let number = self.acknowledged.next_table.fetch_add(1, Ordering::Relaxed);
        let mut new = table(database, &name, &[("k", "string")]);
        new.parameters.insert("number".to_owned(), number.to_string());
        if won(store.create_table(new).await).is_some() {
            self.acknowledged.created.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn rename(
        &self,
        store: &dyn Metastore,
        (database, name): (&str, String),
        (to_database, to_name): (&str, String),
    ) {
        let Some(mut t) = won(store.get_table(database, &name).await) else { return };
        (t.database, t.name) = (to_database.to_owned(), to_name);
        let version = t.version;
        if won(store.alter_table(database, &name, Some(version), t).await).is_some() {
            self.acknowledged.renamed.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn drop_table(&self, store: &dyn Metastore, (database, name): (&str, String)) {
        if won(store.drop_table(database, &name).await).is_some() {
            self.acknowledged.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds one to a table's counter, which is in two places.
    async fn count_up(&self, store: &dyn Metastore, (database, name): (&str, String)) {
        let Some(mut t) = won(store.get_table(database, &name).await) else { return };
        let (number, version) = (number(&t), t.version);
        let counter: u64 = t.parameters.get("counter").map_or(0, |n| n.parse().unwrap());
        t.parameters.insert("counter".to_owned(), (counter + 1).to_string());
        t.sd.columns[0].comment = Some((counter + 1).to_string());
        if won(store.alter_table(database, &name, Some(version), t).await).is_some() {
            *self.acknowledged.counted.lock().unwrap().entry(number).or_default() += 1;
        }
    }

    async fn check(&self) {
        let store = self.stores[0].as_ref();
        let acknowledged = &self.acknowledged;
        let counted = acknowledged.counted.lock().unwrap().clone();
        let mut alive = BTreeSet::new();
        for database in DATABASES {
            for t in store.get_tables(database).await.unwrap() {
                if t.name == SHARED {
                    continue;
                }
                check_whole(store, (database, t.name.clone())).await;
                let number = number(&t);
                assert!(alive.insert(number), "table {number} is there twice");
                let counter = t.parameters.get("counter").map_or(0, |n| n.parse().unwrap());
                let expected = counted.get(&number).copied().unwrap_or_default();
                assert_eq!(counter, expected, "changes of table {number} were lost");
            }
        }
        let created = acknowledged.created.load(Ordering::Relaxed);
        let dropped = acknowledged.dropped.load(Ordering::Relaxed);
        assert_eq!(alive.len() as u64, created - dropped);
        let all = PartitionFilter::All;
        let found = store.get_partitions("default", SHARED, &all, None).await.unwrap();
        let found: BTreeSet<_> = found.into_iter().map(|mut p| p.values.remove(0)).collect();
        assert_eq!(found, *acknowledged.partitions.lock().unwrap());
        let renamed = acknowledged.renamed.load(Ordering::Relaxed);
        let changes: u64 = counted.values().sum();
        println!("{created} created, {dropped} dropped, {renamed} renamed, {changes} counted");
        assert!(created > 0 && dropped > 0 && renamed > 0 && !counted.is_empty());
        check_events(store).await;
    }
}

/// A table that is seen has its whole definition, of one version, under the name it is seen by.
async fn check_whole(store: &dyn Metastore, (database, name): (&str, String)) {
    let Some(t) = won(store.get_table(database, &name).await) else { return };
    assert_eq!((t.database.as_str(), t.name.as_str()), (database, name.as_str()));
    let counter = t.parameters.get("counter");
    assert_eq!(t.sd.columns[0].comment.as_ref(), counter, "a change was seen half done");
    let names = won(store.list_tables(database).await).unwrap();
    assert!(names.is_sorted(), "{names:?}");
}

/// Events are numbered without gaps, in the order in which they became visible.
async fn check_events(store: &dyn Metastore) {
    let last = store.last_event_id().await.unwrap();
    let mut expected = None;
    let mut after = 0;
    while after < last {
        let events = store.list_events(after, 10_000).await.unwrap();
        for event in &events {
            assert!(expected.is_none_or(|id| event.id == id), "{expected:?}: {event:?}");
            expected = Some(event.id + 1);
        }
        after = events.last().unwrap().id;
    }
}

async fn storm(stores: Vec<Arc<dyn Metastore>>) {
    let seed: u64 = rand::random::<u64>() >> 1;
    println!("seed {seed}");
    let other = Database { name: "other".to_owned(), ..Database::default() };
    stores[0].create_database(other).await.unwrap();
    stores[0].create_table(table("default", SHARED, &[("k", "string")])).await.unwrap();
    let storm = Arc::new(Storm {
        stores,
        acknowledged: Acknowledged::default(),
        deadline: Instant::now() + duration(),
    });
    let threads: Vec<_> =
        (0..THREADS).map(|thread| tokio::spawn(Arc::clone(&storm).run(thread, seed))).collect();
    for thread in threads {
        thread.await.unwrap();
    }
    storm.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 32)]
async fn of_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let mut stores: Vec<Arc<dyn Metastore>> = Vec::new();
    for _ in 0..2 {
        stores.push(Arc::new(EmbeddedMetastore::open_sqlite(&path, WAREHOUSE).await.unwrap()));
    }
    storm(stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 32)]
async fn of_postgres() {
    let server = PostgresServer::start().await;
    let name = server.create_database().await;
    let mut stores: Vec<Arc<dyn Metastore>> = Vec::new();
    for _ in 0..2 {
        stores.push(Arc::new(server.open(&name, WAREHOUSE).await));
    }
    storm(stores).await;
}
