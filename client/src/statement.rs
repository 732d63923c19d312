//! A statement on the server and what it gives: rows or a count.

use crate::connection::Connection;
use crate::error::{ascii, from_flight, from_status, malformed};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandPreparedStatementQuery,
    CommandPreparedStatementUpdate, DoPutUpdateResult, ProstMessageExt,
};
use arrow_flight::{
    FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, PutResult,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use quern_common::ids::QueryId;
use quern_common::{Error, Result};
use quern_proto::flight_sql::keys;
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::Arc;
use tonic::Streaming;

const CREATE_PREPARED_STATEMENT: &str = "CreatePreparedStatement";
const CLOSE_PREPARED_STATEMENT: &str = "ClosePreparedStatement";
/// A location that means the connection in use.
const REUSE_CONNECTION: &str = "arrow-flight-reuse-connection:";

/// What a statement gave.
#[derive(Debug)]
pub enum QueryResult {
    /// Rows, which arrive while they are produced.
    Rows(Box<RowStream>),
    /// The number of rows that were written, when the server knows it.
    Update(Option<u64>),
}

/// A statement that the server has checked. Dropping it closes it on the server.
#[derive(Debug)]
pub struct PreparedStatement {
    connection: Connection,
    handle: Bytes,
    schema: SchemaRef,
}

impl PreparedStatement {
    pub(crate) async fn create(connection: Connection, sql: &str) -> Result<Self> {
        let request =
            ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
        let reply: ActionCreatePreparedStatementResult =
            connection.sql_action(CREATE_PREPARED_STATEMENT, &request).await?;
        let schema = decode_schema(reply.dataset_schema)?;
        Ok(Self { connection, handle: reply.prepared_statement_handle, schema: Arc::new(schema) })
    }

    /// Tells whether running it gives rows. Flight SQL says so by a schema with columns.
    pub fn is_query(&self) -> bool {
        !self.schema.fields().is_empty()
    }

    /// Returns the schema of its rows; it has no field when there are none.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Starts it as a query.
    ///
    /// # Errors
    /// What the server says about the query.
    pub async fn query(self) -> Result<RowStream> {
        let command =
            CommandPreparedStatementQuery { prepared_statement_handle: self.handle.clone() };
        let info = self.connection.flight_info(&command).await?;
        RowStream::new(self.connection.clone(), info, Some(self))
    }

    /// Starts it as an update.
    ///
    /// # Errors
    /// What the server says about the statement.
    pub async fn update(self) -> Result<PendingUpdate> {
        let command =
            CommandPreparedStatementUpdate { prepared_statement_handle: self.handle.clone() };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let message = FlightData { flight_descriptor: Some(descriptor), ..Default::default() };
        let request = self.connection.request(stream::iter([message]))?;
        let response =
            self.connection.client().do_put(request).await.map_err(|s| from_status(&s))?;
        let query_id = ascii(response.metadata(), keys::QUERY_ID).map(QueryId::from);
        let replies = self.connection.accept(response);
        Ok(PendingUpdate { query_id, replies, _statement: self })
    }
}

impl Drop for PreparedStatement {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let connection = self.connection.clone();
        let request = ActionClosePreparedStatementRequest {
            prepared_statement_handle: std::mem::take(&mut self.handle),
        };
        runtime.spawn(async move {
            let body = request.as_any().encode_to_vec();
            // The session's end closes what this call could not.
            let _ = connection.action(CLOSE_PREPARED_STATEMENT, body).await;
        });
    }
}

/// An update that the server has accepted. Dropping it cancels it.
#[derive(Debug)]
pub struct PendingUpdate {
    query_id: Option<QueryId>,
    replies: Streaming<PutResult>,
    _statement: PreparedStatement,
}

impl PendingUpdate {
    /// Returns the query's id, when the server told it ahead of the result.
    pub fn query_id(&self) -> Option<&QueryId> {
        self.query_id.as_ref()
    }

    /// Waits for the end and returns the number of rows written, when the server knows it.
    ///
    /// # Errors
    /// What the server says about the statement.
    pub async fn finish(mut self) -> Result<Option<u64>> {
        let reply = self.replies.message().await.map_err(|s| from_status(&s))?;
        let reply = reply.ok_or_else(|| malformed("the answer to an update is empty"))?;
        // The rest is awaited because a failure may follow the count.
        while self.replies.message().await.map_err(|s| from_status(&s))?.is_some() {}
        let result = DoPutUpdateResult::decode(reply.app_metadata)
            .map_err(|err| malformed(format!("answer to an update: {err}")))?;
        Ok(u64::try_from(result.record_count).ok())
    }
}

/// Rows on their way. Dropping it cancels the query.
pub struct RowStream {
    connection: Connection,
    info: FlightInfo,
    query_id: Option<QueryId>,
    schema: SchemaRef,
    waiting: VecDeque<FlightEndpoint>,
    current: Option<FlightRecordBatchStream>,
    _statement: Option<PreparedStatement>,
}

impl std::fmt::Debug for RowStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowStream")
            .field("query_id", &self.query_id)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// What a Quern server puts into `FlightInfo.app_metadata`.
#[derive(Debug, Deserialize)]
struct QueryMetadata {
    query_id: Option<String>,
}

impl RowStream {
    pub(crate) fn new(
        connection: Connection,
        info: FlightInfo,
        statement: Option<PreparedStatement>,
    ) -> Result<Self> {
        let mut schema = Arc::new(decode_schema(info.schema.clone())?);
        if schema.fields().is_empty() {
            // A server may leave the schema to the statement or to the stream.
            if let Some(statement) = &statement {
                schema = Arc::clone(&statement.schema);
            }
        }
        let metadata: Option<QueryMetadata> = serde_json::from_slice(&info.app_metadata).ok();
        Ok(Self {
            connection,
            query_id: metadata.and_then(|m| m.query_id).map(QueryId::from),
            schema,
            waiting: info.endpoint.clone().into(),
            info,
            current: None,
            _statement: statement,
        })
    }

    /// Returns the query's id, when the server told it.
    pub fn query_id(&self) -> Option<&QueryId> {
        self.query_id.as_ref()
    }

    /// Returns the schema of the rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns what [`Connection::cancel`] needs to stop this query.
    pub fn flight_info(&self) -> &FlightInfo {
        &self.info
    }

    /// Returns the next rows, or nothing after the last.
    ///
    /// # Errors
    /// What the server says about the query. No rows follow an error.
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(stream) = &mut self.current {
                match stream.next().await {
                    Some(Ok(batch)) => return Ok(Some(batch)),
                    Some(Err(err)) => {
                        self.current = None;
                        self.waiting.clear();
                        return Err(from_flight(err));
                    }
                    None => self.current = None,
                }
            }
            let Some(endpoint) = self.waiting.pop_front() else { return Ok(None) };
            self.current = Some(open(&self.connection, endpoint).await?);
        }
    }

    /// Returns the rows as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        stream::try_unfold(self, |mut rows| async move {
            let batch = rows.next_batch().await?;
            Ok(batch.map(|batch| (batch, rows)))
        })
    }

    /// Reads all rows into memory.
    ///
    /// # Errors
    /// As [`RowStream::next_batch`].
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.into_stream().try_collect().await
    }
}

/// Starts to fetch one endpoint's rows.
async fn open(
    connection: &Connection,
    endpoint: FlightEndpoint,
) -> Result<FlightRecordBatchStream> {
    let here = |uri: &str| uri.is_empty() || uri.to_ascii_lowercase().starts_with(REUSE_CONNECTION);
    let is_here = endpoint.location.iter().any(|location| here(&location.uri));
    if let Some(elsewhere) = endpoint.location.first().filter(|_| !is_here) {
        let what = format!("results that are fetched from \"{}\"", elsewhere.uri);
        return Err(Error::not_supported(what));
    }
    let ticket =
        endpoint.ticket.ok_or_else(|| malformed("an endpoint of the result has no ticket"))?;
    let request = connection.request(ticket)?;
    let response = connection.client().do_get(request).await.map_err(|s| from_status(&s))?;
    let data = connection.accept(response).map_err(FlightError::from);
    Ok(FlightRecordBatchStream::new_from_flight_data(data))
}

/// Reads a schema message; no bytes are a schema without columns.
pub(crate) fn decode_schema(bytes: Bytes) -> Result<Schema> {
    if bytes.is_empty() {
        return Ok(Schema::empty());
    }
    Schema::try_from(IpcMessage(bytes)).map_err(|err| malformed(format!("result schema: {err}")))
}
