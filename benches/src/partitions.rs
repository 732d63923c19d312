//! A query for one partition of a table with very many.

use crate::args::PartitionsArgs;
use crate::bench::Bench;
use crate::dataset::generate;
use crate::figure::{Bound, Figure};
use crate::flight::Flight;
use crate::measure::percentile;
use crate::servers::Server;
use anyhow::{Context, Result, ensure};
use arrow::array::{Int64Array, RecordBatch};
use arrow::temporal_conversions::date32_to_datetime;
use parquet::arrow::ArrowWriter;
use quern_tests::rows::{Row, of_batches};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const ROWS_OF_FILE: i64 = 10;
const UNCOUNTED_QUERIES: usize = 20;
/// What the project requires of the median, by the number of partitions.
const P50_MS_MAX: [(usize, f64); 2] = [(10_000, 50.0), (100_000, 100.0)];

pub(crate) async fn run(bench: &mut Bench, args: &PartitionsArgs) -> Result<bool> {
    let n_queries = args.queries + UNCOUNTED_QUERIES;
    ensure!(args.count >= n_queries, "{n_queries} queries need as many partitions");
    let table = bench.data_dir.join(format!("partitions-{}", args.count));
    generate(&table, || write(&table.join("table"), args.count))?;

    let dir = tempfile::tempdir()?;
    let server = Server::start(bench, dir.path())?;
    let mut flight = server.connect().await?;
    let title = format!("{} partitions", args.count);
    let seconds = register(&mut flight, &table.join("table")).await?;
    let name = format!("{title}, MSCK REPAIR TABLE");
    bench.figure(Figure::new(name, seconds, "s", Bound::None));

    // Far apart, so that no two days share a listing.
    let days: Vec<_> = (0..n_queries).map(|n| n * args.count / n_queries).collect();
    for &day in days.iter().take(UNCOUNTED_QUERIES) {
        time_ms(&mut flight, day).await?;
    }
    let (mut first_ms, mut again_ms) = (Vec::new(), Vec::new());
    for times in [&mut first_ms, &mut again_ms] {
        for &day in days.iter().skip(UNCOUNTED_QUERIES) {
            times.push(time_ms(&mut flight, day).await?);
        }
    }
    check_plan(&mut flight, args.count).await?;
    let limit = P50_MS_MAX.iter().find(|(count, _)| *count == args.count);
    let bound = limit.map_or(Bound::None, |(_, limit)| Bound::AtMost(*limit));
    for (what, times, bound) in
        [("never read before", &first_ms, bound), ("read before", &again_ms, bound)]
    {
        let name = |percent| format!("{title}, one that was {what}, p{percent}");
        bench.figure(Figure::new(name(50), percentile(times, 50), "ms", bound));
        bench.figure(Figure::new(name(99), percentile(times, 99), "ms", Bound::None));
    }
    bench.keep(json!({ "partitions": args.count, "first_ms": first_ms, "again_ms": again_ms }));
    Ok(true)
}

/// Writes one small file into each partition; all have the same bytes.
fn write(table: &Path, count: usize) -> Result<()> {
    let values = Int64Array::from_iter_values(1..=ROWS_OF_FILE);
    let batch = RecordBatch::try_from_iter([("a", Arc::new(values) as _)])?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    for n in 0..count {
        let partition = table.join(format!("day={}", day(n)?));
        std::fs::create_dir_all(&partition)?;
        std::fs::write(partition.join("part-0.parquet"), &bytes)?;
    }
    Ok(())
}

/// The n-th day since 1970.
fn day(n: usize) -> Result<String> {
    let date = date32_to_datetime(n.try_into()?).context("a day beyond the calendar")?;
    Ok(date.date().to_string())
}

/// Registers the table and returns the seconds that finding its partitions took.
async fn register(flight: &mut Flight, table: &Path) -> Result<f64> {
    let create = format!(
        "CREATE EXTERNAL TABLE events (a BIGINT) PARTITIONED BY (day DATE) \
         STORED AS PARQUET LOCATION '{}'",
        table.display()
    );
    flight.update(&create).await?;
    let start = Instant::now();
    flight.update("MSCK REPAIR TABLE events").await?;
    Ok(start.elapsed().as_secs_f64())
}

async fn time_ms(flight: &mut Flight, n: usize) -> Result<f64> {
    let day = day(n)?;
    let answer =
        flight.query(&format!("SELECT day, a FROM events WHERE day = DATE '{day}'")).await?;
    let mut rows = of_batches(&answer.batches)?;
    rows.sort_by_key(|row| row.last().and_then(|a| a.parse::<i64>().ok()));
    let expected: Vec<Row> = (1..=ROWS_OF_FILE).map(|a| vec![day.clone(), a.to_string()]).collect();
    ensure!(rows == expected, "day {day} gave {rows:?}");
    Ok(answer.elapsed.as_secs_f64() * 1e3)
}

async fn check_plan(flight: &mut Flight, count: usize) -> Result<()> {
    let day = day(count / 2)?;
    let sql = format!("EXPLAIN SELECT a FROM events WHERE day = DATE '{day}'");
    let plan = flight.rows(&sql).await?.concat().concat();
    let shown = format!("partitions=1/{count}");
    ensure!(plan.contains(&shown), "no \"{shown}\" in the plan:\n{plan}");
    Ok(())
}
