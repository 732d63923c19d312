//! The latency of SELECT 1 over one connection.

use crate::args::Select1Args;
use crate::bench::Bench;
use crate::figure::{Bound, Figure};
use crate::measure::percentile;
use crate::servers::Server;
use anyhow::{Result, ensure};
use serde_json::json;

const UNCOUNTED_RUNS: usize = 100;
/// What the project requires.
const P50_MS_MAX: f64 = 2.0;
const P99_MS_MAX: f64 = 10.0;

pub(crate) async fn run(bench: &mut Bench, args: &Select1Args) -> Result<bool> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(bench, dir.path())?;
    let mut flight = server.connect().await?;
    let mut times_ms = Vec::new();
    for n in 0..UNCOUNTED_RUNS + args.runs {
        let answer = flight.query("SELECT 1").await?;
        let rows = quern_tests::rows::of_batches(&answer.batches)?;
        ensure!(rows == [["1".to_owned()]], "SELECT 1 gave {rows:?}");
        if n >= UNCOUNTED_RUNS {
            times_ms.push(answer.elapsed.as_secs_f64() * 1e3);
        }
    }
    let (p50, p99) = (percentile(&times_ms, 50), percentile(&times_ms, 99));
    bench.figure(Figure::new("SELECT 1, p50", p50, "ms", Bound::AtMost(P50_MS_MAX)));
    bench.figure(Figure::new("SELECT 1, p99", p99, "ms", Bound::AtMost(P99_MS_MAX)));
    bench.keep(json!({ "select1_ms": times_ms }));
    Ok(true)
}
