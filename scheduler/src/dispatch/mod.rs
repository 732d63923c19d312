//! Where a planned query runs. Three dispatchers, one shape: rows that stream while they are
//! produced, and whose dropping cancels the query everywhere.

pub mod local;
pub mod pipelined;
pub mod staged;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use quern_common::Result;
use std::fmt;
use std::sync::Arc;

/// How far a query is. Zero where a dispatcher does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Parts of the plan between exchanges.
    pub stages: usize,
    /// Those that are done.
    pub stages_done: usize,
    /// Tasks of all stages.
    pub tasks: usize,
    /// Those that are done.
    pub tasks_done: usize,
    /// Rows read from files.
    pub rows: u64,
    /// Bytes read from files.
    pub bytes: u64,
}

/// A function that tells how far a query is.
pub type ProgressFn = Arc<dyn Fn() -> Progress + Send + Sync>;

/// A query that was given to a dispatcher.
pub struct Dispatched {
    /// Columns of `rows`.
    pub schema: SchemaRef,
    /// The rows. Dropping the stream before its end cancels the query.
    pub rows: BoxStream<'static, Result<RecordBatch>>,
    /// Tells how far it is.
    pub progress: ProgressFn,
}

impl fmt::Debug for Dispatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatched").field("schema", &self.schema).finish()
    }
}
