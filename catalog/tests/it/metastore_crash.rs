//! A process is killed in the midst of changes. The store opens again, and has what was
//! acknowledged; of the change that was under way it has all or nothing.
//!
//! The process is this test program, told to run [`changes_until_killed`]. Each of its threads
//! has tables of its own and does what its seed says, so that what has to be there follows from
//! how many changes were acknowledged.

use crate::metastore_suite::{WAREHOUSE, partition, table};
use crate::postgres::PostgresServer;
use quern_catalog::metastore::{EmbeddedMetastore, Metastore, MetastoreOptions};
use quern_catalog::model::PartitionFilter;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const THREADS: usize = 4;
/// How often a process is killed, on each database.
const POINTS: &str = "QUERN_TEST_CRASH_POINTS";
const DEFAULT_POINTS: usize = 6;
/// Tells the process which store to change, and by which seed.
const STORE: &str = "QUERN_TEST_CRASH_STORE";
const SEED: &str = "QUERN_TEST_CRASH_SEED";

#[expect(clippy::disallowed_methods, reason = "how thorough to be, only the tester knows")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn open(store: &str) -> EmbeddedMetastore {
    if store.starts_with("postgres://") {
        let options = MetastoreOptions::default();
        return EmbeddedMetastore::open_postgres(store, WAREHOUSE, options).await.unwrap();
    }
    EmbeddedMetastore::open_sqlite(Path::new(store), WAREHOUSE).await.unwrap()
}

/// A change of one thread's tables.
#[derive(Debug, Clone)]
enum Change {
    Create(usize),
    Rename(usize, usize),
    Drop(usize),
    /// Adds this many partitions.
    Add(usize, u32),
    /// Drops all partitions.
    Clear(usize),
}

/// The tables of one thread, each with how many partitions were ever added, and which are there.
type Tables = BTreeMap<usize, (u32, BTreeSet<u32>)>;

/// The changes of a thread, each one possible after those before it, and how it leaves the tables.
struct Script {
    random: StdRng,
    tables: Tables,
}

impl Script {
    fn new(seed: u64, thread: usize) -> Self {
        Self { random: StdRng::seed_from_u64(seed + thread as u64), tables: Tables::new() }
    }

    fn next(&mut self) -> Change {
        let (a, b) = (self.random.random_range(0..4), self.random.random_range(0..4));
        let tables = &mut self.tables;
        if let Entry::Vacant(missing) = tables.entry(a) {
            missing.insert((0, BTreeSet::new()));
            return Change::Create(a);
        }
        match self.random.random_range(0..6) {
            0 => {
                tables.remove(&a);
                Change::Drop(a)
            }
            1 if !tables.contains_key(&b) => {
                let moved = tables.remove(&a).unwrap();
                tables.insert(b, moved);
                Change::Rename(a, b)
            }
            2 => {
                tables.get_mut(&a).unwrap().1.clear();
                Change::Clear(a)
            }
            _ => {
                let count = self.random.random_range(1..100);
                let (next, there) = tables.get_mut(&a).unwrap();
                there.extend(*next..*next + count);
                *next += count;
                Change::Add(a, count)
            }
        }
    }
}

fn name(thread: usize, number: usize) -> String {
    format!("t{thread}_{number}")
}

async fn make(store: &dyn Metastore, thread: usize, before: &Tables, change: &Change) {
    match change {
        Change::Create(a) => {
            let new = table("default", &name(thread, *a), &[("n", "int")]);
            store.create_table(new).await.unwrap();
        }
        Change::Rename(a, b) => {
            let mut t = store.get_table("default", &name(thread, *a)).await.unwrap();
            t.name = name(thread, *b);
            store.alter_table("default", &name(thread, *a), Some(t.version), t).await.unwrap();
        }
        Change::Drop(a) => store.drop_table("default", &name(thread, *a)).await.unwrap(),
        Change::Add(a, count) => {
            let next = before[a].0;
            let new = (next..next + count).map(|n| partition(&[&n.to_string()])).collect();
            store.add_partitions("default", &name(thread, *a), new, false).await.unwrap();
        }
        Change::Clear(a) => {
            let values = before[a].1.iter().map(|n| vec![n.to_string()]).collect();
            store.drop_partitions("default", &name(thread, *a), values, false).await.unwrap();
        }
    }
}

/// What the tests below start. Its threads say their numbers on standard error for each change
/// that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "changes a store until it is killed; another test starts it"]
async fn changes_until_killed() {
    let store = Arc::new(open(&variable(STORE).unwrap()).await);
    let seed = variable(SEED).unwrap().parse().unwrap();
    let mut threads = JoinSet::new();
    for thread in 0..THREADS {
        let store = Arc::clone(&store);
        threads.spawn(async move {
            let mut script = Script::new(seed, thread);
            loop {
                let before = script.tables.clone();
                let change = script.next();
                make(store.as_ref(), thread, &before, &change).await;
                // One write: lines of several threads do not mix.
                std::io::stderr().write_all(format!("{thread}\n").as_bytes()).unwrap();
            }
        });
    }
    // One ends only when it failed.
    threads.join_next().await.unwrap().unwrap();
}

fn start(store: &str, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "metastore_crash::changes_until_killed", "--ignored", "--nocapture"])
        .env(STORE, store)
        .env(SEED, seed.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills a process after some changes and a moment, and returns how many changes of each thread
/// were acknowledged.
fn kill_after(mut child: Child, changes: usize, moment: Duration) -> [usize; THREADS] {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut acknowledged = [0; THREADS];
    let mut count = |line: std::io::Result<String>| {
        let line = line.unwrap();
        let thread: usize = line.parse().unwrap_or_else(|_| panic!("the process said {line:?}"));
        acknowledged[thread] += 1;
    };
    lines.by_ref().take(changes).for_each(&mut count);
    // Not a wait for anything: where it is killed is to be as good as random.
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
    lines.for_each(&mut count);
    acknowledged
}

/// The tables of a thread as the store has them.
async fn read(store: &dyn Metastore, thread: usize) -> BTreeMap<usize, BTreeSet<u32>> {
    let mut found = BTreeMap::new();
    for number in 0..4 {
        let name = name(thread, number);
        if store.get_table("default", &name).await.is_err() {
            continue;
        }
        let all = PartitionFilter::All;
        let partitions = store.get_partitions("default", &name, &all, None).await.unwrap();
        let numbers: BTreeSet<u32> =
            partitions.iter().map(|p| p.values[0].parse().unwrap()).collect();
        assert_eq!(numbers.len(), partitions.len());
        found.insert(number, numbers);
    }
    found
}

fn without_counts(tables: &Tables) -> BTreeMap<usize, BTreeSet<u32>> {
    tables.iter().map(|(name, (_, there))| (*name, there.clone())).collect()
}

async fn check(store: &dyn Metastore, seed: u64, acknowledged: [usize; THREADS]) {
    for (thread, count) in acknowledged.into_iter().enumerate() {
        let mut script = Script::new(seed, thread);
        for _ in 0..count {
            script.next();
        }
        let acknowledged = without_counts(&script.tables);
        let under_way = script.next();
        let perhaps = without_counts(&script.tables);
        let found = read(store, thread).await;
        assert!(
            found == acknowledged || found == perhaps,
            "thread {thread} after {count} changes and perhaps {under_way:?}: {found:?} is \
             neither {acknowledged:?} nor {perhaps:?}"
        );
    }
    // Changes are possible again.
    store.create_table(table("default", "after", &[])).await.unwrap();
}

async fn kill_and_check(store: &str, random: &mut StdRng) {
    let seed: u64 = random.random_range(0..1 << 40);
    let (changes, micros) = (random.random_range(0..200), random.random_range(0..20_000));
    println!("seed {seed}, {changes} changes and {micros} µs");
    let child = start(store, seed);
    let killed = move || kill_after(child, changes, Duration::from_micros(micros));
    let acknowledged = tokio::task::spawn_blocking(killed).await.unwrap();
    check(&open(store).await, seed, acknowledged).await;
}

fn points() -> usize {
    variable(POINTS).map_or(DEFAULT_POINTS, |text| text.parse().unwrap())
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let mut random = StdRng::seed_from_u64(rand::random());
    for _ in 0..points() {
        let dir = tempfile::tempdir().unwrap();
        kill_and_check(dir.path().join("m.db").to_str().unwrap(), &mut random).await;
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged_to_postgres() {
    let server = PostgresServer::start().await;
    let mut random = StdRng::seed_from_u64(rand::random());
    for _ in 0..points() {
        let name = server.create_database().await;
        kill_and_check(&server.url(&name), &mut random).await;
    }
}
