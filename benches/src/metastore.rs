//! The metastore with very many partitions: ours alone, and beside Hive's.

use crate::args::MetastoreArgs;
use crate::bench::{Bench, note, say};
use crate::figure::{Bound, Figure};
use crate::hive_server::HiveServer;
use crate::measure::{memory, percentile};
use crate::servers::Server;
use anyhow::{Context, Result, ensure};
use quern_catalog::metastore::{Metastore, RemoteMetastore, RemoteOptions};
use quern_catalog::model::{
    Column, CompareOp, HivePartition, PartitionFilter, PartitionValue, StorageDescriptor, Table,
    TableType,
};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;

const DATABASE: &str = "default";
const LARGE: &str = "large";
/// The table that both metastores have.
const SHARED: &str = "shared";
/// Partitions of one value of the first key, and of what a filter selects.
const OF_A_DAY: usize = 100;
/// Partitions that one call adds.
const ADDED_AT_ONCE: usize = 10_000;
const UNCOUNTED_CALLS: usize = 20;
/// What the project requires with a million partitions.
const LOOKUP_MS_MAX: f64 = 5.0;
const FILTER_MS_MAX: f64 = 20.0;
const ADD_S_MAX: f64 = 2.0;
const MEMORY_MIB_MAX: f64 = 300.0;
const TIMES_HIVE_MIN: f64 = 10.0;
const REQUIRED_WITH: usize = 1_000_000;

pub(crate) async fn run(bench: &mut Bench, args: &MetastoreArgs) -> Result<bool> {
    let dir = tempfile::tempdir()?;
    let server = Server::start_with_metastore(bench, dir.path())?;
    let location = directory(dir.path(), "partition")?;
    let ours = connect(&server.metastore_uri()?)?;
    alone(bench, args, ours.as_ref(), &location).await?;
    by_sql(bench, &server, args, &location).await?;
    let peak = memory(server.pid())?.peak_mib;
    let bound = bound(args, Bound::AtMost(MEMORY_MIB_MAX));
    bench.figure(Figure::new("the server's peak memory", peak, "MiB", bound));
    if args.hive_count > 0 {
        beside_hive(bench, args, &ours, &location).await?;
    }
    Ok(true)
}

/// A requirement, which holds for a million partitions.
fn bound(args: &MetastoreArgs, bound: Bound) -> Bound {
    if args.count == REQUIRED_WITH { bound } else { Bound::None }
}

fn directory(parent: &Path, name: &str) -> Result<String> {
    let path = parent.join(name);
    std::fs::create_dir_all(&path)?;
    let url = Url::from_directory_path(&path).ok().context("a directory without a URL")?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn connect(uri: &str) -> Result<Arc<RemoteMetastore>> {
    Ok(Arc::new(RemoteMetastore::new(uri, RemoteOptions::default())?))
}

/// A day of the shape 2020-01-01, whether or not it is one: what counts is that it is text.
fn day(n: usize) -> String {
    let (year, day) = (n / 10_000, n % 10_000);
    format!("2{year:03}-{:02}-{:02}", day / 100, day % 100)
}

fn values(n: usize) -> Vec<String> {
    vec![day(n / OF_A_DAY), n.to_string()]
}

/// All partitions have one location: the metastores are measured, not the disk.
fn partitions(range: std::ops::Range<usize>, location: &str) -> Vec<HivePartition> {
    let sd = StorageDescriptor { location: location.to_owned(), ..descriptor() };
    let of = |n| HivePartition { values: values(n), sd: sd.clone(), ..HivePartition::default() };
    range.map(of).collect()
}

fn descriptor() -> StorageDescriptor {
    let columns = vec![Column::new("a", "bigint")];
    StorageDescriptor { columns, ..StorageDescriptor::default() }
}

async fn create(store: &dyn Metastore, name: &str, location: &str) -> Result<()> {
    let mut table =
        Table { database: DATABASE.to_owned(), name: name.to_owned(), ..Table::default() };
    table.table_type = TableType::External;
    table.sd = StorageDescriptor { location: location.to_owned(), ..descriptor() };
    table.partition_keys = vec![Column::new("day", "string"), Column::new("n", "int")];
    Ok(store.create_table(table).await?)
}

/// Adds partitions and returns the seconds of each call.
async fn fill(store: &dyn Metastore, name: &str, count: usize, location: &str) -> Result<Vec<f64>> {
    create(store, name, location).await?;
    let mut seconds = Vec::new();
    for start in (0..count).step_by(ADDED_AT_ONCE) {
        let end = count.min(start + ADDED_AT_ONCE);
        let new = partitions(start..end, location);
        let begun = Instant::now();
        let added = store.add_partitions(DATABASE, name, new, false).await?;
        seconds.push(begun.elapsed().as_secs_f64());
        ensure!(added == end - start, "{added} partitions were new");
    }
    Ok(seconds)
}

async fn alone(
    bench: &mut Bench,
    args: &MetastoreArgs,
    store: &dyn Metastore,
    location: &str,
) -> Result<()> {
    note(&format!("adding {} partitions", args.count));
    let seconds = fill(store, LARGE, args.count, location).await?;
    let slowest = percentile(&seconds, 100);
    let name = format!("adding {ADDED_AT_ONCE} partitions, the slowest of {}", seconds.len());
    bench.figure(Figure::new(name, slowest, "s", bound(args, Bound::AtMost(ADD_S_MAX))));

    let (mut lookup_ms, mut filter_ms) = (Vec::new(), Vec::new());
    for call in 0..args.calls + UNCOUNTED_CALLS {
        // Far apart, so that no two calls read the same pages.
        let n = call * (args.count - OF_A_DAY) / (args.calls + UNCOUNTED_CALLS);
        let begun = Instant::now();
        let found = store.get_partition(DATABASE, LARGE, &values(n)).await?;
        lookup_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(found.values == values(n), "{:?} was looked up", found.values);
        let begun = Instant::now();
        let found = store.get_partitions(DATABASE, LARGE, &range(n), None).await?;
        filter_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        let numbers = found.iter().filter_map(|p| p.values.last()?.parse::<usize>().ok());
        let sum: usize = numbers.sum();
        let expected: usize = (n..n + OF_A_DAY).sum();
        ensure!(found.len() == OF_A_DAY && sum == expected, "{} partitions", found.len());
    }
    for (what, times, limit) in [
        ("one by its values", &lookup_ms, LOOKUP_MS_MAX),
        ("100 by a range filter", &filter_ms, FILTER_MS_MAX),
    ] {
        let times = times.get(UNCOUNTED_CALLS..).unwrap_or_default();
        let name = |percent| format!("{} partitions, {what}, p{percent}", args.count);
        let bound = bound(args, Bound::AtMost(limit));
        bench.figure(Figure::new(name(50), percentile(times, 50), "ms", bound));
        bench.figure(Figure::new(name(99), percentile(times, 99), "ms", Bound::None));
    }
    bench.keep(json!({ "partitions": args.count, "add_s": seconds,
        "lookup_ms": lookup_ms, "filter_ms": filter_ms }));
    Ok(())
}

/// The partitions n to n + 99.
fn range(n: usize) -> PartitionFilter {
    let compare = |op, n: usize| PartitionFilter::Compare {
        key: "n".to_owned(),
        op,
        value: PartitionValue::Int(n as i64),
    };
    PartitionFilter::And(vec![compare(CompareOp::GtEq, n), compare(CompareOp::Lt, n + OF_A_DAY)])
}

/// Adds partitions by one statement.
async fn by_sql(
    bench: &mut Bench,
    server: &Server,
    args: &MetastoreArgs,
    location: &str,
) -> Result<()> {
    let mut flight = server.connect().await?;
    let mut sql = format!("ALTER TABLE {DATABASE}.{LARGE} ADD");
    for n in args.count..args.count + ADDED_AT_ONCE {
        let day = day(n / OF_A_DAY);
        sql += &format!(" PARTITION (day = '{day}', n = {n}) LOCATION '{location}'");
    }
    let begun = Instant::now();
    flight.update(&sql).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let name = format!("ALTER TABLE ADD PARTITION of {ADDED_AT_ONCE}");
    bench.figure(Figure::new(name, seconds, "s", bound(args, Bound::AtMost(ADD_S_MAX))));
    Ok(())
}

/// Compares the rate of `get_partitions_by_filter` over Thrift with that of Hive's own metastore,
/// by the same client.
async fn beside_hive(
    bench: &mut Bench,
    args: &MetastoreArgs,
    ours: &Arc<RemoteMetastore>,
    location: &str,
) -> Result<()> {
    note("starting Hive's metastore");
    let server = HiveServer::start()?;
    let hive = connect(server.uri())?;
    for (who, store) in [("ours", ours), ("Hive's", &hive)] {
        note(&format!("adding {} partitions to {who}", args.hive_count));
        let seconds = fill(store.as_ref(), SHARED, args.hive_count, location).await?;
        say(&format!(
            "adding {} partitions to {who}: {:.1} s",
            args.hive_count,
            seconds.iter().sum::<f64>()
        ));
    }
    for clients in [1, 4] {
        let (mut of_ours, mut of_hive) = (0.0, 0.0);
        // In turns; the first is not counted.
        for counted in [0.0, 1.0, 1.0, 1.0] {
            of_ours += counted * rate(ours, args, clients).await?;
            of_hive += counted * rate(&hive, args, clients).await?;
        }
        let name = format!("get_partitions_by_filter of 100, {clients} at a time");
        let bare = |value| Figure::new(name.clone(), value / 3.0, "calls/s", Bound::None);
        bench.figure(bare(of_ours));
        let hive = bare(of_hive);
        bench.figure(Figure { name: format!("{name}, Hive's"), ..hive });
        let bound = Bound::AtLeast(TIMES_HIVE_MIN);
        bench.figure(Figure::new(format!("{name}, to Hive's"), of_ours / of_hive, "times", bound));
    }
    Ok(())
}

/// Calls a second, by so many at a time.
async fn rate(store: &Arc<RemoteMetastore>, args: &MetastoreArgs, clients: usize) -> Result<f64> {
    let begun = Instant::now();
    let end = begun + Duration::from_secs(args.seconds);
    let days = args.hive_count / OF_A_DAY;
    let client = |number: usize| {
        let store = Arc::clone(store);
        async move {
            let mut calls = 0;
            while Instant::now() < end {
                // A prime, so that the days come in no order and all of them do.
                let filter = of_day((number * 7 + calls * 7_919) % days);
                let found = store.get_partitions(DATABASE, SHARED, &filter, None).await?;
                ensure!(found.len() == OF_A_DAY, "{} partitions of a day", found.len());
                calls += 1;
            }
            Ok(calls)
        }
    };
    let running: Vec<_> = (0..clients).map(|number| tokio::spawn(client(number))).collect();
    let mut calls = 0;
    for client in running {
        calls += client.await??;
    }
    Ok(calls as f64 / begun.elapsed().as_secs_f64())
}

fn of_day(n: usize) -> PartitionFilter {
    let value = PartitionValue::Text(day(n));
    PartitionFilter::Compare { key: "day".to_owned(), op: CompareOp::Eq, value }
}
