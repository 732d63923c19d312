//! What keeps a table in order: ANALYZE, SHOW STATS and CHECK TABLE.
//!
//! Read in this order: `analyze`, `measure`, `show_stats`, `check`.

mod analyze;
mod check;
mod measure;
mod show_stats;

use crate::plan::Planner;
use crate::statement::Statement;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::sql::sqlparser::ast::Query;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use quern_common::Result;
use std::sync::Arc;

/// Runs a query where the dispatcher runs queries.
///
/// It exists to invert a dependency: what ANALYZE asks is written here and dispatched by the
/// scheduler.
pub trait QueryRunner: Send + Sync {
    /// Starts a query and returns its rows while they are produced.
    fn run(&self, query: Box<Query>) -> BoxFuture<'_, Result<Rows>>;
}

/// Rows of a query; dropping them cancels it.
pub type Rows = BoxStream<'static, Result<RecordBatch>>;

/// Measures tables, shows what was measured, and finds what is wrong with them.
#[derive(Debug, Clone)]
pub struct TableMaintenance {
    planner: Planner,
}

impl TableMaintenance {
    /// Maintenance of the tables over which `planner` plans queries.
    pub const fn new(planner: Planner) -> Self {
        Self { planner }
    }

    /// The columns that a statement answers with; none for a statement that is not run here.
    pub fn schema_of(statement: &Statement) -> Option<SchemaRef> {
        match statement {
            Statement::Analyze(_) => Some(analyze::schema_of_answer()),
            Statement::ShowStats { .. } => Some(show_stats::schema_of_answer()),
            Statement::CheckTable { .. } => Some(check::schema_of_answer()),
            _ => None,
        }
    }
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
