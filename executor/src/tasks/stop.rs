//! Stops what a task does, wherever it is being done.
//!
//! Ballista's shuffle writers run in tasks of their own, which go on when nobody waits for them
//! any more: a cancelled join would keep its thread until it is done. So the rows that they write
//! end with an error once the task is stopped.

use crate::stand_in::StandIn;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions};
use futures::{StreamExt, stream};
use std::future::Future;
use std::sync::Arc;
use std::task::Poll;
use tokio_util::sync::CancellationToken;

/// A stage's plan, whose head is a shuffle writer, with an input that ends with `stop`.
pub(super) fn stop_with(
    writer: Arc<dyn ExecutionPlan>,
    stop: &CancellationToken,
) -> Result<Arc<dyn ExecutionPlan>> {
    let inputs = writer.children().into_iter().map(|input| stoppable(input, stop)).collect();
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
    writer.replace_children(inputs, options)
}

fn stoppable(input: &Arc<dyn ExecutionPlan>, stop: &CancellationToken) -> Arc<dyn ExecutionPlan> {
    let stop = stop.clone();
    StandIn::over(input, move |rows| {
        let mut rows = rows?;
        let schema = rows.schema();
        let mut stopped = Box::pin(stop.clone().cancelled_owned());
        let rows = stream::poll_fn(move |cx| match stopped.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(exec_err!("the task was stopped"))),
            Poll::Pending => rows.poll_next_unpin(cx),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    })
}
