//! Generated tables, kept from one call to the next.

use crate::bench::{Bench, note};
use crate::flight::Flight;
use crate::python;
use anyhow::{Context, Result};
use quern_tests::tpch;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Written last into a dataset's directory.
const COMPLETE: &str = "complete";

/// A table's name, and its columns as CREATE TABLE takes them.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: String,
}

/// A query's number and text.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) number: usize,
    pub(crate) sql: String,
}

/// A query to which an engine gives another answer without being wrong.
#[derive(Debug)]
pub(crate) struct KnownDifference {
    pub(crate) query: usize,
    /// The engine's name.
    pub(crate) engine: &'static str,
    pub(crate) why: &'static str,
}

const TPCDS_DIFFERENCES: &[KnownDifference] = &[KnownDifference {
    query: 66,
    engine: "duckdb",
    why: "sums quotients of decimals as floating-point numbers, of which DataFusion rounds each \
          to six digits",
}];

/// Tables as Parquet files, one directory each, and queries.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// The name of its schema in Quern.
    pub(crate) schema: String,
    pub(crate) tables_dir: PathBuf,
    pub(crate) tables: Vec<Table>,
    pub(crate) queries: Vec<Query>,
    pub(crate) known_differences: &'static [KnownDifference],
}

impl Dataset {
    /// TPC-H. Larger tables have about as many files as the scale factor.
    pub(crate) fn tpch(bench: &Bench, scale: f64) -> Result<Self> {
        let dir = bench.data_dir.join(format!("tpch-sf{scale}"));
        let tables_dir = dir.join("tables");
        generate(&dir, || {
            tpch::write(&tables_dir, scale, scale.round().clamp(1.0, 1_000.0) as i32)
        })?;
        let tables = tpch::TABLES.map(|(name, columns)| table(name, columns));
        let queries = (1..=22).map(|number| query(number, &tpch::query(number)));
        Ok(Self {
            schema: "tpch".to_owned(),
            tables_dir,
            tables: tables.into(),
            queries: queries.collect(),
            known_differences: &[],
        })
    }

    /// TPC-DS, by DuckDB's generator.
    pub(crate) fn tpcds(bench: &Bench, scale: f64) -> Result<Self> {
        let dir = bench.data_dir.join(format!("tpcds-sf{scale}"));
        generate(&dir, || python::generate_tpcds(bench, scale, &dir))?;
        let columns: BTreeMap<String, String> =
            serde_json::from_str(&read(&dir.join("columns.json"))?)?;
        let tables = columns.iter().map(|(name, columns)| table(name, columns)).collect();
        let mut queries = Vec::new();
        for number in 1..=99 {
            queries.push(query(number, &read(&dir.join(format!("queries/q{number}.sql")))?));
        }
        Ok(Self {
            schema: "tpcds".to_owned(),
            tables_dir: dir.join("tables"),
            tables,
            queries,
            known_differences: TPCDS_DIFFERENCES,
        })
    }

    pub(crate) fn table_dir(&self, table: &str) -> PathBuf {
        self.tables_dir.join(table)
    }

    /// Registers the tables in Quern, unless they are, and makes their schema the session's.
    pub(crate) async fn register(&self, flight: &mut Flight) -> Result<()> {
        let schema = &self.schema;
        flight.update(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
        for Table { name, columns } in &self.tables {
            let sql = format!(
                "CREATE TABLE IF NOT EXISTS {schema}.{name} ({columns}) \
                 WITH (format = 'PARQUET', external_location = '{}')",
                self.table_dir(name).display()
            );
            flight.update(&sql).await?;
        }
        flight.update(&format!("USE {schema}")).await
    }
}

fn table(name: &str, columns: &str) -> Table {
    Table { name: name.to_owned(), columns: columns.to_owned() }
}

fn query(number: usize, text: &str) -> Query {
    Query { number, sql: text.trim().trim_end_matches(';').trim_end().to_owned() }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("\"{}\"", path.display()))
}

/// Fills `dir` by `write`, unless it is complete.
pub(crate) fn generate(dir: &Path, write: impl FnOnce() -> Result<()>) -> Result<()> {
    if dir.join(COMPLETE).is_file() {
        return Ok(());
    }
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    note(&format!("generating {}", dir.display()));
    std::fs::create_dir_all(dir)?;
    write()?;
    std::fs::write(dir.join(COMPLETE), "")?;
    Ok(())
}
