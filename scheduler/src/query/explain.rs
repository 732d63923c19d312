//! What EXPLAIN prints.

use arrow::array::StringArray;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::displayable;
use quern_common::{Error, Result};
use quern_engine::plan::ModeChoice;
use quern_engine::statement::{ExplainFormat, ExplainOptions, ExplainType};
use std::sync::Arc;

/// One text column, as Trino's.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("Query Plan", DataType::Utf8, false)]))
}

/// Refuses what EXPLAIN cannot print yet.
pub(super) fn check(options: ExplainOptions) -> Result<()> {
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
pub(super) fn plan(mode: &ModeChoice, physical: &dyn ExecutionPlan) -> Result<RecordBatch> {
    let plan = displayable(physical).set_show_statistics(false);
    batch(&format!("Execution mode: {mode}\n\n{}", plan.indent(true)))
}

/// The plan of a query that was run, with what its operators measured.
pub(super) fn analyzed(
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

fn batch(text: &str) -> Result<RecordBatch> {
    let column = StringArray::from(vec![text.trim_end()]);
    RecordBatch::try_new(schema(), vec![Arc::new(column)])
        .map_err(|err| Error::internal(format!("EXPLAIN: {err}")))
}
