//! A suite of queries on every engine. The engines take turns query by query, so that whatever
//! else the machine does meets all of them; each answer is compared before its time counts.

use crate::answer::{Answer, Rows};
use crate::args::SuiteArgs;
use crate::bench::{Bench, note};
use crate::dataset::{Dataset, KnownDifference, Query};
use crate::engine::{Engine, Engines};
use crate::report::{Report, Requirement};
use crate::total_order::with_total_order;
use anyhow::Result;
use std::time::Duration;

/// Enough of an error to know it again.
const ERROR_CHARS_MAX: usize = 300;

/// What became of a query on one engine.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It gave the right answer every time.
    Right(Times),
    /// It gave another answer than the first engine.
    Wrong(String),
    /// It gave another answer without being wrong.
    Different(&'static str),
    /// It gave none.
    Failed(String),
}

impl Outcome {
    /// gRPC repeats a message in each of its layers, and some have a page.
    fn failed(error: &anyhow::Error) -> Self {
        let text = format!("{error:#}");
        let line = text.lines().next().unwrap_or_default();
        Self::Failed(line.chars().take(ERROR_CHARS_MAX).collect())
    }
}

/// The counted runs of a query.
#[derive(Debug, Default)]
pub(crate) struct Times {
    pub(crate) seconds: Vec<f64>,
    /// Why it was not computed as the engine's name says, if so.
    pub(crate) departure: Option<String>,
}

/// What became of a query.
#[derive(Debug)]
pub(crate) struct QueryResult {
    pub(crate) number: usize,
    /// Whether all engines ran it with every column in its ORDER BY, since its own left open which
    /// rows are the answer.
    pub(crate) is_ordered_further: bool,
    /// One for each engine.
    pub(crate) outcomes: Vec<Outcome>,
}

/// Runs TPC-H and tells whether all answers were right.
pub(crate) async fn tpch(bench: &mut Bench, args: &SuiteArgs) -> Result<bool> {
    let mut right = true;
    for &scale in &args.scale {
        let dataset = Dataset::tpch(bench, scale)?;
        let title = format!("TPC-H SF{scale}");
        right &= run(bench, args, &dataset, &title, &Requirement::of_tpch(scale)).await?;
    }
    Ok(right)
}

/// Runs TPC-DS and tells whether all answers were right.
pub(crate) async fn tpcds(bench: &mut Bench, args: &SuiteArgs) -> Result<bool> {
    let mut right = true;
    for &scale in &args.scale {
        let dataset = Dataset::tpcds(bench, scale)?;
        let title = format!("TPC-DS SF{scale}");
        right &= run(bench, args, &dataset, &title, &Requirement::of_tpcds(scale)).await?;
    }
    Ok(right)
}

async fn run(
    bench: &mut Bench,
    args: &SuiteArgs,
    dataset: &Dataset,
    title: &str,
    requirements: &[Requirement],
) -> Result<bool> {
    let dir = tempfile::tempdir()?;
    let mut engines = Engines::start(bench, &args.engines, dataset, dir.path()).await?;
    let mut results = Vec::new();
    for query in &dataset.queries {
        if !args.queries.is_empty() && !args.queries.contains(&query.number) {
            continue;
        }
        note(&format!("{title} q{}", query.number));
        let mut turns = Turns {
            engines: &mut engines.all,
            known_differences: dataset.known_differences,
            timeout: Duration::from_secs(args.timeout),
            runs: args.runs,
        };
        results.push(Box::pin(turns.measure(query)).await?);
    }
    let report = Report {
        title,
        engines: engines.all.iter().map(|engine| engine.name).collect(),
        duckdb_version: engines.duckdb_version.as_deref(),
        results: &results,
    };
    report.print(bench, requirements);
    Ok(report.is_right())
}

/// How the engines take turns.
struct Turns<'a> {
    engines: &'a mut [Engine],
    known_differences: &'static [KnownDifference],
    timeout: Duration,
    runs: usize,
}

/// The uncounted runs of a query.
struct Check {
    /// The first engine's answer.
    expected: Option<Rows>,
    outcomes: Vec<Outcome>,
}

impl Check {
    fn n_wrong(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Wrong(_))).count()
    }
}

impl Turns<'_> {
    async fn measure(&mut self, query: &Query) -> Result<QueryResult> {
        let mut check = self.check(query.number, &query.sql).await?;
        let mut sql = query.sql.clone();
        let mut is_ordered_further = false;
        if check.n_wrong() > 0
            && let Some(expected) = &check.expected
            && let Some(ordered) = with_total_order(&sql, expected.n_columns)
        {
            let again = self.check(query.number, &ordered).await?;
            if again.n_wrong() < check.n_wrong() {
                (check, sql, is_ordered_further) = (again, ordered, true);
            }
        }
        let Check { expected, mut outcomes } = check;
        if let Some(expected) = expected {
            for _ in 0..self.runs {
                self.count_round(&sql, &expected, &mut outcomes).await;
            }
        }
        Ok(QueryResult { number: query.number, is_ordered_further, outcomes })
    }

    /// Runs a query once on every engine, which also warms them.
    async fn check(&mut self, number: usize, sql: &str) -> Result<Check> {
        let mut check = Check { expected: None, outcomes: Vec::new() };
        for engine in self.engines.iter_mut() {
            let outcome = match engine.run(sql, self.timeout).await {
                Err(err) => Outcome::failed(&err),
                Ok(answer) => {
                    let rows = Rows::of(&answer.batches)?;
                    let expected = check.expected.as_ref();
                    match expected.and_then(|expected| expected.difference(&rows)) {
                        Some(difference) => self
                            .known_differences
                            .iter()
                            .find(|known| known.query == number && known.engine == engine.name)
                            .map_or(Outcome::Wrong(difference), |known| {
                                Outcome::Different(known.why)
                            }),
                        None => {
                            check.expected.get_or_insert(rows);
                            let departure = engine.departure(&answer).await?;
                            Outcome::Right(Times { seconds: Vec::new(), departure })
                        }
                    }
                }
            };
            check.outcomes.push(outcome);
        }
        Ok(check)
    }

    /// Runs a query once more on every engine that has been right so far.
    async fn count_round(&mut self, sql: &str, expected: &Rows, outcomes: &mut [Outcome]) {
        for (engine, outcome) in self.engines.iter_mut().zip(outcomes) {
            let Outcome::Right(times) = outcome else { continue };
            match engine.run(sql, self.timeout).await {
                Ok(answer) => match difference(expected, &answer) {
                    None => times.seconds.push(answer.elapsed.as_secs_f64()),
                    Some(difference) => *outcome = Outcome::Wrong(difference),
                },
                Err(err) => *outcome = Outcome::failed(&err),
            }
        }
    }
}

fn difference(expected: &Rows, answer: &Answer) -> Option<String> {
    match Rows::of(&answer.batches) {
        Ok(rows) => expected.difference(&rows),
        Err(err) => Some(format!("{err:#}")),
    }
}
