//! The rows of a query on their way to the client: counted, limited in time, and tied to the
//! query's record, so that the record ends when the stream does.

use super::RowStream;
use super::edge::to_schema;
use super::record::{QueryRecord, QueryState};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::{Stream, StreamExt};
use quern_common::config::HumanDuration;
use quern_common::{Error, ErrorCode, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

/// What ends a query that runs longer than it may.
pub(super) fn exceeded_run_time(limit: Duration) -> Error {
    Error::new(
        ErrorCode::ExceededTimeLimit,
        format!("query exceeded its maximum run time of {}", HumanDuration(limit)),
    )
}

/// Rows with the bookkeeping of their query.
pub(super) struct QueryRows {
    inner: RowStream,
    schema: SchemaRef,
    record: Arc<QueryRecord>,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    deadline: Pin<Box<Sleep>>,
    run_time_max: Duration,
    permit: Option<OwnedSemaphorePermit>,
    ended: bool,
}

impl QueryRows {
    pub(super) fn new(
        inner: RowStream,
        schema: SchemaRef,
        record: Arc<QueryRecord>,
        run_time_max: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let elapsed = Duration::from_millis(record.elapsed_ms());
        Self {
            inner,
            schema,
            cancelled: Box::pin(record.cancel.clone().cancelled_owned()),
            deadline: Box::pin(tokio::time::sleep(run_time_max.saturating_sub(elapsed))),
            record,
            run_time_max,
            permit: Some(permit),
            ended: false,
        }
    }

    fn end(&mut self, failure: Option<&Error>) {
        self.ended = true;
        match failure {
            Some(err) => self.record.fail(err),
            None => self.record.enter(QueryState::Finished),
        }
        // The work stops here, not when the client lets the stream go.
        self.inner = futures::stream::empty().boxed();
        self.permit = None;
    }

    fn fail(&mut self, err: Error) -> Poll<Option<Result<RecordBatch>>> {
        self.end(Some(&err));
        Poll::Ready(Some(Err(err)))
    }
}

impl Stream for QueryRows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.cancelled.as_mut().poll(cx).is_ready() {
            return self.fail(Error::new(ErrorCode::UserCanceled, "query was cancelled"));
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            let err = exceeded_run_time(self.run_time_max);
            return self.fail(err);
        }
        match self.inner.poll_next_unpin(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.end(None);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(err))) => self.fail(err),
            Poll::Ready(Some(Ok(batch))) => match to_schema(&batch, &self.schema) {
                Err(err) => self.fail(err),
                Ok(batch) => {
                    self.record.enter(QueryState::Running);
                    self.record.add_output(batch.num_rows(), batch.get_array_memory_size());
                    Poll::Ready(Some(Ok(batch)))
                }
            },
        }
    }
}

impl Drop for QueryRows {
    fn drop(&mut self) {
        if !self.ended {
            let err = Error::new(ErrorCode::UserCanceled, "the client let the result go");
            self.end(Some(&err));
        }
    }
}
