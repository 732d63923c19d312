//! A large result over Flight SQL: its rate against bare Arrow IPC, and what a slow reader costs
//! the server in memory.

use crate::args::TransferArgs;
use crate::bench::{Bench, note, say};
use crate::dataset::Dataset;
use crate::figure::{Bound, Figure};
use crate::flight::Flight;
use crate::ipc::{IpcSource, Source};
use crate::measure::{median, memory};
use crate::servers::Server;
use anyhow::{Result, ensure};
use arrow::array::{Array, RecordBatch};
use datafusion::common::hash_utils::{RandomState, create_hashes};
use futures::TryStreamExt;
use serde_json::json;
use std::time::{Duration, Instant};

/// Rows of lineitem at scale factor 1, about.
const ROWS_OF_SCALE_1: f64 = 6_000_000.0;
const BYTES_PER_SECOND_OF_SLOW: f64 = 1_048_576.0;
/// A server that has nothing to do for this long is idle.
const IDLE_AFTER: Duration = Duration::from_secs(2);
/// What the project requires.
const RATE_RATIO_MIN: f64 = 0.7;
const MEMORY_ABOVE_IDLE_MIB_MAX: f64 = 300.0;

pub(crate) async fn run(bench: &mut Bench, args: &TransferArgs) -> Result<bool> {
    let dataset = Dataset::tpch(bench, args.rows as f64 / ROWS_OF_SCALE_1)?;
    let right = rates(bench, args, &dataset).await?;
    slow_reader(bench, args, &dataset).await?;
    Ok(right)
}

/// What a result is, whatever the order of its rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Digest {
    rows: usize,
    hash: u64,
    bytes: usize,
}

impl Digest {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut hashes = vec![0; batch.num_rows()];
        create_hashes(batch.columns(), &RandomState::default(), &mut hashes)?;
        self.rows += batch.num_rows();
        self.hash = hashes.iter().fold(self.hash, |sum, hash| sum.wrapping_add(*hash));
        self.bytes += data_bytes(batch);
        Ok(())
    }
}

/// Bytes of a batch's values.
fn data_bytes(batch: &RecordBatch) -> usize {
    let bytes = |column: &dyn Array| column.to_data().get_slice_memory_size().unwrap_or_default();
    batch.columns().iter().map(|column| bytes(column.as_ref())).sum()
}

async fn rates(bench: &mut Bench, args: &TransferArgs, dataset: &Dataset) -> Result<bool> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(bench, dir.path())?;
    let mut flight = open(&server, dataset).await?;
    let table = dataset.table_dir("lineitem");
    let mut files = IpcSource::start(bench, &table, Source::Files)?;
    let mut in_memory = IpcSource::start(bench, &table, Source::Memory)?;

    let expected = ipc_digest(&mut files)?;
    let actual = flight_digest(&mut flight).await?;
    let mib = expected.bytes as f64 / f64::from(1 << 20);
    say(&format!("{} rows, {mib:.0} MiB", expected.rows));
    // The bytes may differ by how batches are cut.
    let right = (expected.rows, expected.hash) == (actual.rows, actual.hash);
    if !right {
        say(&format!("Flight SQL gave other rows: {actual:?} instead of {expected:?}"));
        return Ok(false);
    }
    let (mut flight_s, mut files_s, mut memory_s) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=args.runs {
        note(&format!("transfer, run {run}"));
        flight_s.push(flight_seconds(&mut flight, expected.rows).await?);
        files_s.push(ipc_seconds(&mut files, expected.rows)?);
        memory_s.push(ipc_seconds(&mut in_memory, expected.rows)?);
    }
    let (flight, files, memory) = (median(&flight_s), median(&files_s), median(&memory_s));
    for (name, seconds) in
        [("Flight SQL", flight), ("IPC from files", files), ("IPC from memory", memory)]
    {
        bench.figure(Figure::new(format!("transfer by {name}"), seconds, "s", Bound::None));
        let name = format!("rate of {name}");
        bench.figure(Figure::new(name, mib / seconds, "MiB/s", Bound::None));
    }
    let name = "rate of Flight SQL to IPC from the same files";
    bench.figure(Figure::new(name, files / flight, "times", Bound::AtLeast(RATE_RATIO_MIN)));
    let name = "rate of Flight SQL to IPC of batches in memory";
    bench.figure(Figure::new(name, memory / flight, "times", Bound::None));
    bench.keep(json!({
        "rows": expected.rows, "bytes": expected.bytes,
        "flight_s": flight_s, "files_s": files_s, "memory_s": memory_s,
    }));
    Ok(true)
}

async fn open(server: &Server, dataset: &Dataset) -> Result<Flight> {
    let mut flight = server.connect().await?;
    dataset.register(&mut flight).await?;
    flight.update("SET SESSION execution_mode = 'local'").await?;
    Ok(flight)
}

const SQL: &str = "SELECT * FROM lineitem";

async fn flight_digest(flight: &mut Flight) -> Result<Digest> {
    let (mut rows, _) = flight.start(SQL).await?;
    let mut digest = Digest::default();
    while let Some(batch) = rows.try_next().await? {
        digest.add(&batch)?;
    }
    Ok(digest)
}

fn ipc_digest(source: &mut IpcSource) -> Result<Digest> {
    let mut digest = Digest::default();
    let mut added = Ok(());
    source.read(|batch| {
        if added.is_ok() {
            added = digest.add(batch);
        }
    })?;
    added.map(|()| digest)
}

async fn flight_seconds(flight: &mut Flight, expected_rows: usize) -> Result<f64> {
    let start = Instant::now();
    let (mut rows, _) = flight.start(SQL).await?;
    let mut n_rows = 0;
    while let Some(batch) = rows.try_next().await? {
        n_rows += batch.num_rows();
    }
    ensure!(n_rows == expected_rows, "{n_rows} rows over Flight SQL");
    Ok(start.elapsed().as_secs_f64())
}

fn ipc_seconds(source: &mut IpcSource, expected_rows: usize) -> Result<f64> {
    let start = Instant::now();
    let mut n_rows = 0;
    source.read(|batch| n_rows += batch.num_rows())?;
    ensure!(n_rows == expected_rows, "{n_rows} rows over IPC");
    Ok(start.elapsed().as_secs_f64())
}

async fn slow_reader(bench: &mut Bench, args: &TransferArgs, dataset: &Dataset) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(bench, dir.path())?;
    let mut flight = open(&server, dataset).await?;
    flight.rows("SELECT 1").await?;
    tokio::time::sleep(IDLE_AFTER).await;
    let idle_mib = memory(server.pid())?.resident_mib;

    note(&format!("a slow reader, {} s", args.slow_seconds));
    let (mut rows, _) = flight.start(SQL).await?;
    let start = tokio::time::Instant::now();
    let end = start + Duration::from_secs(args.slow_seconds);
    let mut bytes = 0;
    while tokio::time::Instant::now() < end {
        let Some(batch) = rows.try_next().await? else { break };
        bytes += data_bytes(&batch);
        let due = Duration::from_secs_f64(bytes as f64 / BYTES_PER_SECOND_OF_SLOW);
        tokio::time::sleep_until(end.min(start + due)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let peak_mib = memory(server.pid())?.peak_mib;
    let rate = bytes as f64 / BYTES_PER_SECOND_OF_SLOW / seconds;
    bench.figure(Figure::new("the slow reader's rate", rate, "MiB/s", Bound::None));
    bench.figure(Figure::new("the server's idle memory", idle_mib, "MiB", Bound::None));
    let name = "the server's peak above idle with a slow reader";
    let bound = Bound::AtMost(MEMORY_ABOVE_IDLE_MIB_MAX);
    bench.figure(Figure::new(name, peak_mib - idle_mib, "MiB", bound));
    Ok(())
}
