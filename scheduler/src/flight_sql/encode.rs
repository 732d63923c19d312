//! Rows as a stream of Flight messages.
//!
//! A task pulls rows and encodes them while the connection writes what came before. Between
//! them are at most [`QUEUED_MESSAGES`], so that a slow client holds the query back instead of
//! filling memory; when the client goes, the task and with it the query are dropped.

use super::flight_data::{Encoder, Message};
use super::service::BoxStream;
use super::status::query_status;
use crate::query::RowStream;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{Stream, StreamExt};
use quern_common::config::FlightSqlConfig;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::task::JoinHandle;
use tonic::Status;

/// Messages between the query and the connection.
const QUEUED_MESSAGES: usize = 2;

/// A query's rows and what is known about them.
pub(crate) struct Answer {
    pub(crate) query_id: QueryId,
    /// The schema as announced, see `columns::result_schema`.
    pub(crate) schema: SchemaRef,
    pub(crate) rows: RowStream,
}

/// Sends a query's rows. `guard` lives as long as the stream.
pub(crate) fn stream_rows<G: Send + Unpin + 'static>(
    answer: Answer,
    config: &FlightSqlConfig,
    guard: G,
) -> BoxStream<Message> {
    let (sender, receiver) = mpsc::channel(QUEUED_MESSAGES);
    let query_id = answer.query_id.clone();
    let max_size = config.max_message_size.as_usize();
    let task = tokio::spawn(pump(answer, max_size, config.result_idle_timeout.0, sender));
    Box::pin(MessageStream { receiver, task, is_over: false, query_id, _guard: guard })
}

/// Sends a batch that is there already, in messages up to `max_size` bytes.
pub(crate) fn stream_batch(batch: &RecordBatch, max_size: usize) -> Result<BoxStream<Message>> {
    let (mut encoder, schema) = Encoder::new(&batch.schema(), max_size)?;
    let messages = [schema].into_iter().chain(encoder.messages(batch)?);
    Ok(Box::pin(futures::stream::iter(messages.map(Ok))))
}

struct MessageStream<G> {
    receiver: mpsc::Receiver<Result<Message, Status>>,
    task: JoinHandle<()>,
    is_over: bool,
    query_id: QueryId,
    _guard: G,
}

impl<G> Drop for MessageStream<G> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<G: Unpin> Stream for MessageStream<G> {
    type Item = Result<Message, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Some(message) = ready!(self.receiver.poll_recv(cx)) {
            return Poll::Ready(Some(message));
        }
        // No message is left. The rows have ended, unless the task broke down: a client must
        // not take what it has then for the whole result.
        let ended = ready!(Pin::new(&mut self.task).poll(cx));
        self.is_over = true;
        Poll::Ready(ended.err().map(|err| {
            let error = Error::internal(format!("the query's rows broke off: {err}"));
            Err(query_status(&error, &self.query_id))
        }))
    }
}

/// Why the pump stops before the end of the rows.
enum Stop {
    ClientGone,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

type Sender = mpsc::Sender<Result<Message, Status>>;

async fn pump(answer: Answer, max_size: usize, idle_timeout: Duration, sender: Sender) {
    let query_id = answer.query_id.clone();
    // The rows are dropped before the failure is sent, which may wait for the client.
    if let Err(Stop::Failed(error)) = send_rows(answer, max_size, idle_timeout, &sender).await {
        let _ = sender.send(Err(query_status(&error, &query_id))).await;
    }
}

async fn send_rows(
    answer: Answer,
    max_size: usize,
    idle_timeout: Duration,
    sender: &Sender,
) -> Result<(), Stop> {
    let Answer { schema, mut rows, .. } = answer;
    let (mut encoder, message) = Encoder::new(&schema, max_size)?;
    send(message, idle_timeout, sender).await?;
    while let Some(batch) = rows.next().await {
        for message in encoder.messages(&batch?)? {
            send(message, idle_timeout, sender).await?;
        }
    }
    Ok(())
}

async fn send(message: Message, idle_timeout: Duration, sender: &Sender) -> Result<(), Stop> {
    match sender.send_timeout(Ok(message), idle_timeout).await {
        Ok(()) => Ok(()),
        Err(SendTimeoutError::Closed(_)) => Err(Stop::ClientGone),
        Err(SendTimeoutError::Timeout(_)) => {
            let message = format!(
                "the query was cancelled because its client read nothing for {} seconds",
                idle_timeout.as_secs()
            );
            Err(Stop::Failed(
                Error::new(ErrorCode::ExceededTimeLimit, message)
                    .with_hint("raise flight_sql.result_idle_timeout"),
            ))
        }
    }
}
