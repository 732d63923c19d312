//! Quern in one of its modes, over Flight SQL.

use crate::answer::Answer;
use crate::args::EngineName;
use crate::dataset::Dataset;
use crate::flight::Flight;
use anyhow::{Context, Result};

/// A session whose queries run in one mode.
#[derive(Debug)]
pub(super) struct QuernMode {
    flight: Flight,
    mode: &'static str,
}

impl QuernMode {
    /// Registers the dataset, unless it is registered, and sets the session up.
    pub(super) async fn open(
        mut flight: Flight,
        mode: EngineName,
        dataset: &Dataset,
    ) -> Result<Self> {
        let mode = mode.name();
        dataset.register(&mut flight).await?;
        flight.update(&format!("SET SESSION execution_mode = '{mode}'")).await?;
        Ok(Self { flight, mode })
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<Answer> {
        self.flight.query(sql).await
    }

    /// What the server says of a query that it did not run in this mode.
    pub(super) async fn departure(&mut self, answer: &Answer) -> Result<Option<String>> {
        let id = answer.query_id.as_deref().context("the server told no query id")?;
        let sql = format!(
            "SELECT execution_mode, execution_mode_reason FROM system.runtime.queries \
             WHERE query_id = '{id}'"
        );
        let rows = self.flight.rows(&sql).await?;
        let [mode, reason] = &rows.concat()[..] else {
            anyhow::bail!("the server does not know query {id}");
        };
        let elsewhere = mode != self.mode || reason.starts_with("not ");
        Ok(elsewhere.then(|| format!("ran as {mode}: {reason}")))
    }
}
