//! From starting `quern serve` to its first answer, and what it holds when idle.

use crate::args::StartupArgs;
use crate::bench::Bench;
use crate::figure::{Bound, Figure};
use crate::measure::{median, memory, percentile};
use crate::servers::Server;
use anyhow::{Result, ensure};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// A server that has nothing to do for this long is idle.
const IDLE_AFTER: Duration = Duration::from_secs(2);
/// What the project requires.
const START_SECONDS_MAX: f64 = 1.0;
const IDLE_MIB_MAX: f64 = 100.0;

pub(crate) async fn run(bench: &mut Bench, args: &StartupArgs) -> Result<bool> {
    let (mut first, mut again, mut idle_mib) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.runs {
        let dir = tempfile::tempdir()?;
        let (server, seconds) = start(bench, dir.path()).await?;
        first.push(seconds);
        tokio::time::sleep(IDLE_AFTER).await;
        idle_mib.push(memory(server.pid())?.resident_mib);
        drop(server);
        again.push(start(bench, dir.path()).await?.1);
    }
    let most = |values: &[f64]| percentile(values, 100);
    for (what, seconds) in [("new data directory", &first), ("old data directory", &again)] {
        let name = format!("start to first answer, {what}, slowest of {}", args.runs);
        let bound = Bound::AtMost(START_SECONDS_MAX);
        bench.figure(Figure::new(name, most(seconds), "s", bound));
        let name = format!("start to first answer, {what}, median");
        bench.figure(Figure::new(name, median(seconds), "s", Bound::None));
    }
    let bound = Bound::AtMost(IDLE_MIB_MAX);
    bench.figure(Figure::new("idle resident memory, most", most(&idle_mib), "MiB", bound));
    bench.keep(json!({ "new_s": first, "old_s": again, "idle_mib": idle_mib }));
    Ok(true)
}

async fn start(bench: &Bench, dir: &Path) -> Result<(Server, f64)> {
    let start = Instant::now();
    let server = Server::start(bench, dir)?;
    let mut flight = server.connect().await?;
    let rows = flight.rows("SELECT 1").await?;
    ensure!(rows == [["1".to_owned()]], "SELECT 1 gave {rows:?}");
    Ok((server, start.elapsed().as_secs_f64()))
}
