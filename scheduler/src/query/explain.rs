//! What EXPLAIN prints.

use super::QueryManager;
use super::planning::Planned;
use super::record::QueryRecord;
use crate::dispatch::local;
use arrow::array::StringArray;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::displayable;
use futures::TryStreamExt;
use quern_common::{Error, Result};
use quern_engine::plan::ModeChoice;
use quern_engine::session::{ExecutionMode, Session};
use quern_engine::statement::{ExplainFormat, ExplainOptions, ExplainType, Statement};
use std::sync::Arc;

/// One text column, as Trino's.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("Query Plan", DataType::Utf8, false)]))
}

/// Refuses what EXPLAIN cannot print yet.
fn check(options: ExplainOptions) -> Result<()> {
    match options {
        ExplainOptions { verbose: true, .. } => Err(Error::not_supported("EXPLAIN VERBOSE")),
        ExplainOptions { explain_type, .. } if explain_type != ExplainType::Distributed => {
            Err(Error::not_supported(format!("EXPLAIN (TYPE {explain_type:?})")))
        }
        ExplainOptions { format, .. } if format != ExplainFormat::Text => {
            Err(Error::not_supported(format!("EXPLAIN (FORMAT {format:?})")))
        }
        _ => Ok(()),
    }
}

/// The plan of a query that was not run.
fn plan(mode: &ModeChoice, physical: &dyn ExecutionPlan) -> Result<RecordBatch> {
    let plan = displayable(physical).set_show_statistics(false);
    batch(&format!("Execution mode: {mode}\n\n{}", plan.indent(true)))
}

/// The plan of a query that was run, with what its operators measured.
fn analyzed(
    mode: &ModeChoice,
    physical: &dyn ExecutionPlan,
    rows: u64,
    elapsed_ms: u64,
) -> Result<RecordBatch> {
    let plan = DisplayableExecutionPlan::with_metrics(physical);
    let text = format!(
        "Execution mode: {mode}\nOutput: {rows} rows in {elapsed_ms} ms\n\n{}",
        plan.indent(true)
    );
    batch(&text)
}

impl QueryManager {
    /// Answers an EXPLAIN.
    pub(super) async fn explain(
        &self,
        session: &Arc<Session>,
        options: ExplainOptions,
        inner: &Statement,
        record: &Arc<QueryRecord>,
    ) -> Result<RecordBatch> {
        let Statement::Query(query) = inner else {
            return Err(Error::not_supported(format!("EXPLAIN of {}", inner.kind())));
        };
        check(options)?;
        let (planned, mode, _) = self.plan(session, query, None).await?;
        record.set_mode(mode.clone());
        let (Planned::Local(physical)
        | Planned::Staged(physical)
        | Planned::Pipelined(_, physical)) = planned;
        if !options.analyze {
            return plan(&mode, physical.plan.as_ref());
        }
        let plan = Arc::clone(&physical.plan);
        let mut rows = match mode.mode {
            ExecutionMode::Staged => {
                self.need_executors()?.staged.submit(&record.id, physical).await?.rows
            }
            _ => local::submit(physical, &self.options.threads)?.rows,
        };
        let mut n_rows = 0;
        while let Some(batch) = rows.try_next().await? {
            n_rows += batch.num_rows() as u64;
        }
        analyzed(&mode, plan.as_ref(), n_rows, record.elapsed_ms())
    }
}

fn batch(text: &str) -> Result<RecordBatch> {
    let column = StringArray::from(vec![text.trim_end()]);
    RecordBatch::try_new(schema(), vec![Arc::new(column)])
        .map_err(|err| Error::internal(format!("EXPLAIN: {err}")))
}
