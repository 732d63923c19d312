//! Statements over Flight SQL as drivers send them: GetFlightInfo with the text, then DoGet.

use crate::answer::Answer;
use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use quern_tests::rows::{Row, of_batches};
use std::time::Instant;
use tonic::transport::{Channel, Endpoint};

/// HTTP/2's smallest, 16 KiB, would cut a large result into a hundred thousand frames.
const FRAME_BYTES_MAX: u32 = 1 << 20;

/// One connection and session.
#[derive(Debug)]
pub(crate) struct Flight {
    client: FlightSqlServiceClient<Channel>,
}

impl Flight {
    /// Connects to HOST:PORT and opens a session.
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let channel = endpoint.max_frame_size(FRAME_BYTES_MAX).connect().await?;
        let mut client = FlightSqlServiceClient::new(channel);
        client.handshake("bench", "").await?;
        Ok(Self { client })
    }

    /// Runs a statement that gives no rows.
    pub(crate) async fn update(&mut self, sql: &str) -> Result<()> {
        self.client
            .execute_update(sql.to_owned(), None)
            .await
            .with_context(|| format!("statement {sql}"))?;
        Ok(())
    }

    /// Starts a query and returns its rows, which arrive while they are produced, and its id.
    pub(crate) async fn start(
        &mut self,
        sql: &str,
    ) -> Result<(FlightRecordBatchStream, Option<String>)> {
        let info = self.client.execute(sql.to_owned(), None).await?;
        let metadata: serde_json::Value =
            serde_json::from_slice(&info.app_metadata).unwrap_or_default();
        let query_id = metadata["query_id"].as_str().map(str::to_owned);
        let [endpoint] = &info.endpoint[..] else {
            anyhow::bail!("a result of {} endpoints", info.endpoint.len());
        };
        let ticket = endpoint.ticket.clone().context("an endpoint without ticket")?;
        Ok((self.client.do_get(ticket).await?, query_id))
    }

    /// Runs a query to its last row.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Answer> {
        let start = Instant::now();
        let (rows, query_id) = self.start(sql).await?;
        let batches: Vec<RecordBatch> = rows.try_collect().await?;
        Ok(Answer { batches, elapsed: start.elapsed(), query_id })
    }

    /// The rows of a query as text.
    pub(crate) async fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        let answer = self.query(sql).await.with_context(|| format!("query {sql}"))?;
        of_batches(&answer.batches)
    }
}
