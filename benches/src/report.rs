//! The results of a suite: a table, ratios, and what is required of them.

use crate::bench::{Bench, say};
use crate::figure::{Bound, Figure};
use crate::measure::{geometric_mean, median};
use crate::suite::{Outcome, QueryResult};
use serde_json::{Map, Value, json};

/// Which ratio of two engines' times is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Of the sums over all queries.
    Total,
    /// The largest of any query.
    AnyQuery,
}

/// How much slower an engine may be than another.
#[derive(Debug)]
pub(crate) struct Requirement {
    engine: &'static str,
    base: &'static str,
    over: Over,
    at_most: f64,
}

impl Requirement {
    const fn total(engine: &'static str, base: &'static str, at_most: f64) -> Self {
        Self { engine, base, over: Over::Total, at_most }
    }

    /// What the project requires of TPC-H.
    pub(crate) fn of_tpch(scale: f64) -> Vec<Self> {
        let (pipelined, staged) = match scale {
            1.0 => (1.2, 2.0),
            10.0 => (1.1, 1.3),
            _ => return Vec::new(),
        };
        vec![
            Self::total("local", "datafusion", 1.05),
            Self { over: Over::AnyQuery, ..Self::total("local", "datafusion", 1.2) },
            Self::total("pipelined", "datafusion", pipelined),
            Self::total("staged", "datafusion", staged),
        ]
    }

    /// What the project requires of TPC-DS.
    pub(crate) fn of_tpcds(scale: f64) -> Vec<Self> {
        match scale {
            1.0 => {
                vec![Self::total("pipelined", "local", 1.4), Self::total("staged", "local", 3.0)]
            }
            _ => Vec::new(),
        }
    }
}

/// The results of a suite.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) title: &'a str,
    /// The engines' names, in the order of each result's outcomes.
    pub(crate) engines: Vec<&'static str>,
    pub(crate) duckdb_version: Option<&'a str>,
    pub(crate) results: &'a [QueryResult],
}

impl Report<'_> {
    /// Whether every engine answered every query, and all alike.
    pub(crate) fn is_right(&self) -> bool {
        let mut outcomes = self.results.iter().flat_map(|result| &result.outcomes);
        outcomes.all(|outcome| matches!(outcome, Outcome::Right(_) | Outcome::Different(_)))
    }

    /// Prints everything and keeps it for the JSON file.
    pub(crate) fn print(&self, bench: &mut Bench, requirements: &[Requirement]) {
        say(&format!("\n## {}\n", self.title));
        if let Some(version) = self.duckdb_version {
            say(&format!("DuckDB {version}\n"));
        }
        self.print_table();
        self.print_notes();
        say("");
        for figure in self.figures(requirements) {
            bench.figure(figure);
        }
        bench.keep(self.to_json());
    }

    fn print_table(&self) {
        let base = self.engines.first().copied().unwrap_or_default();
        let mut header = vec!["query".to_owned()];
        for name in &self.engines {
            header.push(format!("{name} ms"));
            if *name != base {
                header.push(format!("/ {base}"));
            }
        }
        let mut lines = vec![header];
        for result in self.results {
            let base_time = result.outcomes.first().and_then(time);
            let mut line = vec![format!("q{}", result.number)];
            for (column, outcome) in result.outcomes.iter().enumerate() {
                line.push(match (outcome, time(outcome)) {
                    (_, Some(seconds)) => format!("{:.1}", seconds * 1e3),
                    (Outcome::Wrong(_), None) => "WRONG".to_owned(),
                    (Outcome::Failed(_), None) => "FAILED".to_owned(),
                    (Outcome::Different(_), None) => "different".to_owned(),
                    (Outcome::Right(_), None) => "not timed".to_owned(),
                });
                if column > 0 {
                    line.push(ratio_text(time(outcome), base_time));
                }
            }
            lines.push(line);
        }
        print_columns(&lines);
    }

    fn print_notes(&self) {
        for result in self.results {
            let number = result.number;
            if result.is_ordered_further {
                say(&format!(
                    "q{number}: run with every column in its ORDER BY; its own leaves open which \
                     rows are the answer"
                ));
            }
            for (name, outcome) in self.engines.iter().zip(&result.outcomes) {
                match outcome {
                    Outcome::Wrong(difference) => say(&format!("q{number} {name}: {difference}")),
                    Outcome::Failed(error) => say(&format!("q{number} {name} failed: {error}")),
                    Outcome::Different(why) => say(&format!("q{number} {name} {why}")),
                    Outcome::Right(times) => {
                        if let Some(departure) = &times.departure {
                            say(&format!("q{number} {name} {departure}"));
                        }
                    }
                }
            }
        }
    }

    fn figures(&self, requirements: &[Requirement]) -> Vec<Figure> {
        let mut figures = Vec::new();
        for name in self.engines.iter().filter(|name| self.n_timed(name) > 0) {
            let total: f64 = self.results.iter().filter_map(|result| self.time(result, name)).sum();
            figures.push(Figure::new(
                format!("{}, {name}, total of {} queries", self.title, self.n_timed(name)),
                total,
                "s",
                Bound::None,
            ));
        }
        let base = self.engines.first().copied().unwrap_or_default();
        for name in self.engines.iter().skip(1) {
            let pairs = self.pairs(name, base);
            if pairs.is_empty() {
                continue;
            }
            let ratios: Vec<_> = pairs.iter().map(|(_, time, base)| time / base).collect();
            figures.push(Figure::new(
                format!("{}, {name} / {base}, geometric mean of {}", self.title, ratios.len()),
                geometric_mean(&ratios),
                "times",
                Bound::None,
            ));
            let is_required = |requirement: &Requirement| {
                requirement.engine == *name
                    && requirement.base == base
                    && requirement.over == Over::Total
            };
            if !requirements.iter().any(is_required) {
                figures.extend(self.total_ratio(name, base, Bound::None));
            }
        }
        for requirement in requirements {
            let Requirement { engine, base, over, at_most } = requirement;
            let bound = Bound::AtMost(*at_most);
            figures.extend(match over {
                Over::Total => self.total_ratio(engine, base, bound),
                Over::AnyQuery => self.largest_ratio(engine, base, bound),
            });
        }
        figures
    }

    fn total_ratio(&self, engine: &str, base: &str, bound: Bound) -> Option<Figure> {
        let pairs = self.pairs(engine, base);
        let time: f64 = pairs.iter().map(|(_, time, _)| time).sum();
        let base_time: f64 = pairs.iter().map(|(_, _, base)| base).sum();
        let name = format!("{}, {engine} / {base}, total of {}", self.title, pairs.len());
        (!pairs.is_empty()).then(|| Figure::new(name, time / base_time, "times", bound))
    }

    fn largest_ratio(&self, engine: &str, base: &str, bound: Bound) -> Option<Figure> {
        let pairs = self.pairs(engine, base);
        let ratios = pairs.iter().map(|(number, time, base)| (*number, time / base));
        let (number, ratio) = ratios.max_by(|a, b| a.1.total_cmp(&b.1))?;
        let name = format!("{}, {engine} / {base}, largest (q{number})", self.title);
        Some(Figure::new(name, ratio, "times", bound))
    }

    /// The queries that both engines answered, with the times of both.
    fn pairs(&self, engine: &str, base: &str) -> Vec<(usize, f64, f64)> {
        let pair = |result: &QueryResult| {
            Some((result.number, self.time(result, engine)?, self.time(result, base)?))
        };
        self.results.iter().filter_map(pair).collect()
    }

    fn time(&self, result: &QueryResult, engine: &str) -> Option<f64> {
        let column = self.engines.iter().position(|name| *name == engine)?;
        result.outcomes.get(column).and_then(time)
    }

    fn n_timed(&self, engine: &str) -> usize {
        self.results.iter().filter(|result| self.time(result, engine).is_some()).count()
    }

    fn to_json(&self) -> Value {
        let queries = self.results.iter().map(|result| {
            let outcomes = self.engines.iter().zip(&result.outcomes);
            let outcomes: Map<_, _> =
                outcomes.map(|(name, outcome)| ((*name).to_owned(), to_json(outcome))).collect();
            json!({
                "query": result.number,
                "ordered_further": result.is_ordered_further,
                "engines": outcomes,
            })
        });
        let queries: Vec<_> = queries.collect();
        json!({ "suite": self.title, "duckdb": self.duckdb_version, "queries": queries })
    }
}

fn to_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Right(times) => json!({ "seconds": times.seconds, "note": times.departure }),
        Outcome::Wrong(difference) => json!({ "wrong": difference }),
        Outcome::Different(why) => json!({ "different": why }),
        Outcome::Failed(error) => json!({ "error": error }),
    }
}

/// The median of a query's counted runs.
fn time(outcome: &Outcome) -> Option<f64> {
    match outcome {
        Outcome::Right(times) if !times.seconds.is_empty() => Some(median(&times.seconds)),
        Outcome::Right(_) | Outcome::Wrong(_) | Outcome::Different(_) | Outcome::Failed(_) => None,
    }
}

fn ratio_text(time: Option<f64>, base: Option<f64>) -> String {
    match (time, base) {
        (Some(time), Some(base)) => format!("{:.2}", time / base),
        _ => "-".to_owned(),
    }
}

/// Prints lines of cells as a Markdown table, the first line as its header.
fn print_columns(lines: &[Vec<String>]) {
    let n_columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..n_columns).map(width).collect();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
        say(&format!("| {} |", cells.collect::<Vec<_>>().join(" | ")));
        if number == 0 {
            let rules = widths.iter().map(|width| format!("{}:", "-".repeat(width + 1)));
            say(&format!("|{}|", rules.collect::<Vec<_>>().join("|")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Times;

    fn right(seconds: &[f64]) -> Outcome {
        Outcome::Right(Times { seconds: seconds.to_vec(), departure: None })
    }

    fn result(number: usize, outcomes: Vec<Outcome>) -> QueryResult {
        QueryResult { number, is_ordered_further: false, outcomes }
    }

    #[test]
    fn totals_are_over_the_queries_that_both_engines_answered() {
        let results = [
            result(1, vec![right(&[1.0, 9.0, 1.0]), right(&[2.0])]),
            result(2, vec![right(&[3.0]), right(&[3.0])]),
            result(3, vec![right(&[100.0]), Outcome::Wrong("1 rows instead of 2".to_owned())]),
        ];
        let engines = vec!["datafusion", "local"];
        let report = Report { title: "T", engines, duckdb_version: None, results: &results };
        assert!(!report.is_right());
        let total = report.total_ratio("local", "datafusion", Bound::AtMost(1.05)).unwrap();
        assert_eq!((total.name.as_str(), total.value), ("T, local / datafusion, total of 2", 1.25));
        let largest = report.largest_ratio("local", "datafusion", Bound::None).unwrap();
        assert_eq!(largest.value, 2.0);
        assert!(largest.name.ends_with("largest (q1)"), "{}", largest.name);
        assert!(report.total_ratio("staged", "datafusion", Bound::None).is_none());
    }
}
