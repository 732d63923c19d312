//! A metastore is killed in the midst of its clients' changes. Its store opens again, and has what
//! was acknowledged; of the change that was under way it has all or nothing.
//!
//! Each client has tables of its own and does what its seed says, so that what has to be there
//! follows from how many changes were acknowledged.

use crate::postgres::PostgresServer;
use quern_catalog::metastore::{EmbeddedMetastore, Metastore, RemoteMetastore, RemoteOptions};
use quern_catalog::model::{Column, HivePartition, PartitionFilter, Table, TableType};
use quern_common::Result;
use quern_tests::process::Process;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

const CLIENTS: usize = 4;
/// How often a process is killed, on each database.
const POINTS: &str = "QUERN_TEST_CRASH_POINTS";
const DEFAULT_POINTS: usize = 6;
/// Where the tables are said to be; nothing is looked for there.
const WAREHOUSE: &str = "file:///nowhere";

#[expect(clippy::disallowed_methods, reason = "how thorough to be, only the tester knows")]
fn points() -> usize {
    std::env::var(POINTS).map_or(DEFAULT_POINTS, |text| text.parse().unwrap())
}

/// A change of one client's tables.
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

/// The tables of one client, each with how many partitions were ever added, and which are there.
type Tables = BTreeMap<usize, (u32, BTreeSet<u32>)>;

/// The changes of a client, each one possible after those before it, and how it leaves the tables.
struct Script {
    random: StdRng,
    tables: Tables,
}

impl Script {
    fn new(seed: u64, client: usize) -> Self {
        Self { random: StdRng::seed_from_u64(seed + client as u64), tables: Tables::new() }
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

fn table(name: String) -> Table {
    let mut table = Table { database: "default".to_owned(), name, ..Table::default() };
    // Its directory is nobody's business but its owner's.
    table.table_type = TableType::External;
    table.sd.columns = vec![Column::new("a", "bigint")];
    table.partition_keys = vec![Column::new("n", "int")];
    table
}

fn name(client: usize, number: usize) -> String {
    format!("t{client}_{number}")
}

async fn make(
    store: &dyn Metastore,
    client: usize,
    before: &Tables,
    change: &Change,
) -> Result<()> {
    let name = |number: usize| name(client, number);
    match change {
        Change::Create(a) => store.create_table(table(name(*a))).await,
        Change::Rename(a, b) => {
            let mut renamed = store.get_table("default", &name(*a)).await?;
            renamed.name = name(*b);
            store.alter_table("default", &name(*a), None, renamed).await
        }
        Change::Drop(a) => store.drop_table("default", &name(*a)).await,
        Change::Add(a, count) => {
            let next = before[a].0;
            let new = (next..next + count)
                .map(|n| HivePartition { values: vec![n.to_string()], ..HivePartition::default() });
            store.add_partitions("default", &name(*a), new.collect(), false).await.map(drop)
        }
        Change::Clear(a) => {
            let values: Vec<_> = before[a].1.iter().map(|n| vec![n.to_string()]).collect();
            store.drop_partitions("default", &name(*a), values, false).await.map(drop)
        }
    }
}

/// Changes tables until a change fails, and says the client's number for each that did not.
async fn changes(
    uri: String,
    client: usize,
    seed: u64,
    acknowledged: mpsc::UnboundedSender<usize>,
) {
    let store = RemoteMetastore::new(&uri, RemoteOptions::default()).unwrap();
    let mut script = Script::new(seed, client);
    loop {
        let before = script.tables.clone();
        let change = script.next();
        if let Err(err) = make(&store, client, &before, &change).await {
            println!("client {client}, {change:?}: {err}");
            return;
        }
        acknowledged.send(client).unwrap();
    }
}

/// Kills a metastore after some changes and a moment, and returns how many changes of each client
/// were acknowledged.
async fn kill_after(
    server: Process,
    seed: u64,
    n_changes: usize,
    moment: Duration,
) -> [usize; CLIENTS] {
    let uri = format!("thrift://{}", server.address("metastore").unwrap());
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for client in 0..CLIENTS {
        tokio::spawn(changes(uri.clone(), client, seed, sender.clone()));
    }
    drop(sender);
    let mut acknowledged = [0; CLIENTS];
    for _ in 0..n_changes {
        acknowledged[receiver.recv().await.expect("no client fails before the end")] += 1;
    }
    // Not a wait for anything: where it is killed is to be as good as random.
    tokio::time::sleep(moment).await;
    drop(server);
    while let Some(client) = receiver.recv().await {
        acknowledged[client] += 1;
    }
    acknowledged
}

/// The tables of a client as the store has them.
async fn read(store: &dyn Metastore, client: usize) -> BTreeMap<usize, BTreeSet<u32>> {
    let mut found = BTreeMap::new();
    for number in 0..4 {
        let name = name(client, number);
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

async fn check(store: &dyn Metastore, seed: u64, acknowledged: [usize; CLIENTS]) {
    for (client, count) in acknowledged.into_iter().enumerate() {
        let mut script = Script::new(seed, client);
        for _ in 0..count {
            script.next();
        }
        let acknowledged = without_counts(&script.tables);
        let under_way = script.next();
        let perhaps = without_counts(&script.tables);
        let found = read(store, client).await;
        assert!(
            found == acknowledged || found == perhaps,
            "client {client} after {count} changes and perhaps {under_way:?}: {found:?} is \
             neither {acknowledged:?} nor {perhaps:?}"
        );
    }
    // Changes are possible again.
    store.create_table(table("after".to_owned())).await.unwrap();
}

async fn kill_and_check(dir: &Path, postgres: Option<&PostgresServer>, random: &mut StdRng) {
    let seed: u64 = random.random_range(0..1 << 40);
    let (n_changes, micros) = (random.random_range(0..200), random.random_range(0..20_000));
    println!("seed {seed}, {n_changes} changes and {micros} µs");
    let data_dir = dir.to_str().unwrap();
    let database = match postgres {
        None => String::new(),
        Some(server) => server.create_database().await,
    };
    let url = postgres.map_or_else(String::new, |server| server.url(&database));
    let url = format!("metastore.url={url}");
    let args = ["metastore", "--data-dir", data_dir, "--metastore-listen", "127.0.0.1:0"];
    let server = Process::start(dir, &[&args[..], &["--log", "error", "--set", &url]].concat());
    let moment = Duration::from_micros(micros);
    let acknowledged = kill_after(server.unwrap(), seed, n_changes, moment).await;
    let store = match postgres {
        None => {
            let file = dir.join("metastore.sqlite");
            EmbeddedMetastore::open_sqlite(&file, WAREHOUSE).await.unwrap()
        }
        Some(server) => server.open(&database, WAREHOUSE).await,
    };
    check(&store, seed, acknowledged).await;
}

#[tokio::test]
async fn a_killed_metastore_loses_nothing_it_acknowledged() {
    let mut random = StdRng::seed_from_u64(rand::random());
    for _ in 0..points() {
        let dir = tempfile::tempdir().unwrap();
        kill_and_check(dir.path(), None, &mut random).await;
    }
}

#[tokio::test]
async fn a_killed_metastore_loses_nothing_it_acknowledged_to_postgres() {
    let postgres = PostgresServer::start().await;
    let mut random = StdRng::seed_from_u64(rand::random());
    for _ in 0..points() {
        let dir = tempfile::tempdir().unwrap();
        kill_and_check(dir.path(), Some(&postgres), &mut random).await;
    }
}
