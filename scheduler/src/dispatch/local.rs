//! Runs a plan in this process, on the threads of query work.

use super::{Dispatched, Progress};
use arrow::record_batch::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use quern_common::{Error, Result};
use quern_engine::error::from_datafusion;
use quern_engine::plan::PhysicalQuery;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Batches that wait between the query and its reader.
const CHANNEL_BATCHES: usize = 2;

/// Starts `physical` on `threads` and returns at once.
///
/// # Errors
/// Those of starting operators, such as a file that cannot be opened.
pub fn submit(physical: PhysicalQuery, threads: &Handle) -> Result<Dispatched> {
    let PhysicalQuery { plan, state } = physical;
    let context = state.task_ctx();
    let schema = plan.schema();
    let progress_plan = Arc::clone(&plan);
    let rows = spawn_stream(plan, context, threads);
    Ok(Dispatched {
        schema,
        rows: rows.boxed(),
        progress: Arc::new(move || scan_progress(&progress_plan)),
    })
}

/// Runs `plan` on `threads` behind a channel of [`CHANNEL_BATCHES`].
pub(crate) fn spawn_stream(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    threads: &Handle,
) -> SpawnedRows {
    let (tx, rx) = mpsc::channel(CHANNEL_BATCHES);
    let driver = threads.spawn(async move {
        let mut stream = match execute_stream(plan, context) {
            Ok(stream) => stream,
            Err(err) => {
                // A closed channel means that nobody waits for the error.
                let _ = tx.send(Err(from_datafusion(err))).await;
                return;
            }
        };
        loop {
            let item = tokio::select! {
                item = stream.next() => item,
                () = tx.closed() => return,
            };
            let Some(item) = item else { return };
            let failed = item.is_err();
            if tx.send(item.map_err(from_datafusion)).await.is_err() || failed {
                return;
            }
        }
    });
    SpawnedRows { rx, driver, ended: false }
}

/// Rows that a spawned task produces. Dropping it ends the task.
#[derive(Debug)]
pub(crate) struct SpawnedRows {
    rx: mpsc::Receiver<Result<RecordBatch>>,
    driver: JoinHandle<()>,
    ended: bool,
}

impl futures::Stream for SpawnedRows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.rx.poll_recv(cx) {
            Poll::Ready(None) => {}
            other => return other,
        }
        // The channel closes when the driver ends; a panic in an operator shows here.
        match Pin::new(&mut self.driver).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => {
                self.ended = true;
                Poll::Ready(None)
            }
            Poll::Ready(Err(err)) => {
                self.ended = true;
                Poll::Ready(Some(Err(Error::internal(format!("query work stopped: {err}")))))
            }
        }
    }
}

impl Drop for SpawnedRows {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Rows and bytes that the leaves have read, from their metrics.
pub(crate) fn scan_progress(plan: &Arc<dyn ExecutionPlan>) -> Progress {
    let mut progress = Progress { stages: 1, ..Progress::default() };
    add_leaves(plan, &mut progress);
    progress
}

fn add_leaves(plan: &Arc<dyn ExecutionPlan>, progress: &mut Progress) {
    let children = plan.children();
    if children.is_empty()
        && let Some(metrics) = plan.metrics()
    {
        progress.rows += metrics.output_rows().unwrap_or_default() as u64;
        let bytes = metrics.sum_by_name("bytes_scanned").map_or(0, |v| v.as_usize());
        progress.bytes += bytes as u64;
    }
    for child in children {
        add_leaves(child, progress);
    }
}
