//! Running statements: one way in for each of the four doors (GetFlightInfo and DoPut, with
//! text and with a prepared statement). Each runs a statement exactly once a call; fetching a
//! result runs nothing.

use super::columns::result_schema;
use super::encode::{Answer, stream_batch, stream_rows};
use super::flight_data::Message;
use super::parameters::{all_rows, one_row, read_parameters, row_count};
use super::service::{BoxStream, Caller, FlightSqlService, decode_command, malformed};
use super::state::Prepared;
use super::status::{self, query_status};
use super::ticket::{Token, invalid};
use crate::flight_sql::backend::SubmittedUpdate;
use crate::query::{PreparedStatement, StatementKind};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::sql::{
    Command, CommandPreparedStatementQuery, DoPutPreparedStatementResult, DoPutUpdateResult,
    ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, PutResult, Ticket};
use bytes::Bytes;
use futures::StreamExt;
use prost::Message as ProstMessage;
use quern_common::{Error, Result};
use quern_proto::flight_sql::keys;
use std::sync::Arc;
use tonic::{Response, Streaming};

/// What an update's row count is when nobody knows it.
const UNKNOWN_COUNT: i64 = -1;

type Rows = Option<Vec<RecordBatch>>;

impl FlightSqlService {
    /// GetFlightInfo: plans a query, runs an update, or says where metadata is.
    pub(super) async fn flight_info(
        &self,
        caller: &Caller,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo> {
        let info = match decode_command(&descriptor.cmd)? {
            Command::CommandStatementQuery(command) => {
                no_transaction(command.transaction_id.as_ref())?;
                let statement = self.backend.parse(caller.session(), &command.query)?;
                self.execute(caller, &statement, None).await?
            }
            Command::CommandPreparedStatementQuery(command) => {
                let prepared = self.prepared(caller, &command.prepared_statement_handle)?.1;
                self.execute(caller, &prepared.statement, prepared.parameters).await?
            }
            command => {
                let schema = self.metadata.schema(&command).ok_or_else(|| unsupported(&command))?;
                info(&schema, descriptor.cmd.clone())?
            }
        };
        Ok(info.with_descriptor(descriptor))
    }

    /// GetSchema: what GetFlightInfo would answer with, without running anything.
    pub(super) async fn command_schema(&self, caller: &Caller, cmd: &[u8]) -> Result<SchemaRef> {
        match decode_command(cmd)? {
            Command::CommandStatementQuery(command) => {
                no_transaction(command.transaction_id.as_ref())?;
                let statement = self.backend.prepare(caller.session(), &command.query).await?;
                Ok(announced_schema(&statement))
            }
            Command::CommandPreparedStatementQuery(command) => {
                let prepared = self.prepared(caller, &command.prepared_statement_handle)?.1;
                Ok(announced_schema(&prepared.statement))
            }
            command => self.metadata.schema(&command).ok_or_else(|| unsupported(&command)),
        }
    }

    async fn execute(
        &self,
        caller: &Caller,
        statement: &PreparedStatement,
        parameters: Rows,
    ) -> Result<FlightInfo> {
        match statement.kind {
            StatementKind::Query => self.start_query(caller, statement, parameters).await,
            StatementKind::Update => self.finish_update(caller, statement, parameters).await,
        }
    }

    async fn start_query(
        &self,
        caller: &Caller,
        statement: &PreparedStatement,
        parameters: Rows,
    ) -> Result<FlightInfo> {
        let parameters = one_row(statement, parameters)?;
        caller.state().check_room(self.config.max_prepared_statements)?;
        let submitted = self.backend.submit(caller.session(), statement, parameters).await?;
        let schema = result_schema(&submitted.schema);
        let query_id = submitted.query_id;
        let ticket = self.ticket(caller, &Token::Query(query_id.clone()));
        let info = info(&schema, ticket)?
            .with_app_metadata(serde_json::json!({ "query_id": query_id.as_str() }).to_string());
        caller.state().keep_result(Answer { query_id, schema, rows: submitted.rows });
        Ok(info)
    }

    /// Runs an update to its end, for clients that send everything through GetFlightInfo. The
    /// number of changed rows is where ADBC looks for it: in the number of records.
    async fn finish_update(
        &self,
        caller: &Caller,
        statement: &PreparedStatement,
        parameters: Rows,
    ) -> Result<FlightInfo> {
        let info = info(&Schema::empty(), self.ticket(caller, &Token::Nothing))?;
        let Some(update) = self.start_update(caller, statement, parameters).await? else {
            return Ok(info.with_total_records(0));
        };
        let count = update.rows.await?;
        let facts =
            serde_json::json!({ "query_id": update.query_id.as_str(), "update_count": count });
        Ok(info.with_total_records(count).with_app_metadata(facts.to_string()))
    }

    /// Starts an update; nothing when it was bound to no row at all and so has nothing to do.
    async fn start_update(
        &self,
        caller: &Caller,
        statement: &PreparedStatement,
        parameters: Rows,
    ) -> Result<Option<SubmittedUpdate>> {
        let parameters = all_rows(statement, parameters)?;
        if parameters.as_deref().is_some_and(|batches| row_count(batches) == 0) {
            return Ok(None);
        }
        let parameters = parameters.unwrap_or_default();
        self.backend.submit_update(caller.session(), statement, parameters).await.map(Some)
    }

    /// A statement with rows that comes as an update is run, and its rows are thrown away.
    async fn start_and_drain(
        &self,
        caller: &Caller,
        statement: &PreparedStatement,
        parameters: Rows,
    ) -> Result<SubmittedUpdate> {
        let parameters = one_row(statement, parameters)?;
        let submitted = self.backend.submit(caller.session(), statement, parameters).await?;
        let mut rows = submitted.rows;
        let drained = async move {
            while let Some(batch) = rows.next().await {
                batch?;
            }
            Ok(UNKNOWN_COUNT)
        };
        Ok(SubmittedUpdate { query_id: submitted.query_id, rows: Box::pin(drained) })
    }

    /// DoPut: an update, or parameters for a prepared statement.
    pub(super) async fn put(
        &self,
        caller: &Caller,
        mut messages: Streaming<FlightData>,
    ) -> Result<Response<BoxStream<PutResult>>> {
        let first = messages.message().await.map_err(|status| malformed(status.message()))?;
        let mut first = first.ok_or_else(|| malformed("the call has no message"))?;
        let descriptor = first.flight_descriptor.take();
        let descriptor = descriptor.ok_or_else(|| malformed("the first message has no command"))?;
        match decode_command(&descriptor.cmd)? {
            Command::CommandStatementUpdate(command) => {
                no_transaction(command.transaction_id.as_ref())?;
                let statement = self.backend.parse(caller.session(), &command.query)?;
                self.put_update(caller, &statement, None).await
            }
            Command::CommandPreparedStatementUpdate(command) => {
                let prepared = self.prepared(caller, &command.prepared_statement_handle)?.1;
                let given = self.read_parameters(first, messages).await?;
                let parameters = given.or(prepared.parameters);
                self.put_update(caller, &prepared.statement, parameters).await
            }
            Command::CommandPreparedStatementQuery(command) => {
                let given = self.read_parameters(first, messages).await?;
                self.bind(caller, command, given)
            }
            command => Err(unsupported(&command)),
        }
    }

    async fn put_update(
        &self,
        caller: &Caller,
        statement: &PreparedStatement,
        parameters: Rows,
    ) -> Result<Response<BoxStream<PutResult>>> {
        let update = match statement.kind {
            StatementKind::Update => self.start_update(caller, statement, parameters).await?,
            StatementKind::Query => {
                Some(self.start_and_drain(caller, statement, parameters).await?)
            }
        };
        let Some(SubmittedUpdate { query_id, rows }) = update else {
            return Ok(put_reply(&count(0)));
        };
        let lease = caller.lease.clone();
        let id = query_id.clone();
        let result: BoxStream<PutResult> = Box::pin(futures::stream::once(async move {
            let _lease = lease;
            let rows = rows.await.map_err(|err| query_status(&err, &id))?;
            Ok(put_result(&count(rows)))
        }));
        let mut response = Response::new(result);
        status::insert(response.metadata_mut(), keys::QUERY_ID, query_id.as_str());
        Ok(response)
    }

    fn bind(
        &self,
        caller: &Caller,
        command: CommandPreparedStatementQuery,
        given: Rows,
    ) -> Result<Response<BoxStream<PutResult>>> {
        let handle = command.prepared_statement_handle;
        let (id, prepared) = self.prepared(caller, &handle)?;
        let parameters = given.unwrap_or_default();
        super::parameters::check(&prepared.statement, Some(&parameters))?;
        caller.state().bind(&id, parameters)?;
        let result = DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) };
        Ok(put_reply(&result))
    }

    async fn read_parameters(
        &self,
        first: FlightData,
        rest: Streaming<FlightData>,
    ) -> Result<Rows> {
        read_parameters(first, rest, self.config.max_message_size.as_usize()).await
    }

    /// DoGet: hands out a result, or answers a metadata command.
    pub(super) async fn result(
        &self,
        caller: &Caller,
        ticket: &[u8],
    ) -> Result<BoxStream<Message>> {
        let command = decode_command(ticket).map_err(|_| foreign_ticket())?;
        let max_size = self.config.max_message_size.as_usize();
        if let Command::TicketStatementQuery(ticket) = command {
            return match self.signer.open(caller.session().id(), &ticket.statement_handle)? {
                Token::Query(id) => {
                    let answer = caller.state().take_result(&id)?;
                    Ok(stream_rows(answer, &self.config, caller.lease.clone()))
                }
                Token::Nothing => {
                    let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
                    stream_batch(&nothing, max_size)
                }
                Token::Prepared(_) => Err(invalid("a prepared statement's handle is no ticket")),
            };
        }
        let answer = self.metadata.answer(&*self.backend, caller.session(), command).await?;
        stream_batch(&answer.ok_or_else(foreign_ticket)?, max_size)
    }

    /// Finds the prepared statement of a handle, and its id.
    pub(super) fn prepared(&self, caller: &Caller, handle: &[u8]) -> Result<(String, Prepared)> {
        match self.signer.open(caller.session().id(), handle)? {
            Token::Prepared(id) => {
                let prepared = caller.state().prepared(&id)?;
                Ok((id, prepared))
            }
            Token::Query(_) | Token::Nothing => {
                Err(invalid("a ticket is no handle of a prepared statement"))
            }
        }
    }

    fn ticket(&self, caller: &Caller, token: &Token) -> Bytes {
        let statement_handle = self.signer.seal(caller.session().id(), token);
        TicketStatementQuery { statement_handle }.as_any().encode_to_vec().into()
    }
}

/// The columns that a statement announces; none for an update.
pub(super) fn announced_schema(statement: &PreparedStatement) -> SchemaRef {
    match statement.kind {
        StatementKind::Query => result_schema(&statement.schema),
        StatementKind::Update => Arc::new(Schema::empty()),
    }
}

/// Refuses a transaction, of which there are none.
pub(super) fn no_transaction(id: Option<&Bytes>) -> Result<()> {
    match id {
        Some(id) if !id.is_empty() => Err(Error::not_supported("transactions")),
        _ => Ok(()),
    }
}

fn unsupported(command: &Command) -> Error {
    let name = command.type_url().rsplit(['.', '/']).next().unwrap_or_default();
    Error::not_supported(format!("command \"{name}\""))
}

fn foreign_ticket() -> Error {
    invalid("the ticket was not issued by this server")
        .with_hint("tickets come from GetFlightInfo and can be fetched once")
}

/// One endpoint without location: some clients read the first endpoint only, others ignore
/// locations.
fn info(schema: &Schema, ticket: Bytes) -> Result<FlightInfo> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket });
    let info = FlightInfo::new()
        .try_with_schema(schema)
        .map_err(|err| Error::internal(format!("the schema cannot be encoded: {err}")))?;
    Ok(info.with_endpoint(endpoint))
}

fn count(record_count: i64) -> DoPutUpdateResult {
    DoPutUpdateResult { record_count }
}

fn put_result(message: &impl ProstMessage) -> PutResult {
    PutResult { app_metadata: message.encode_to_vec().into() }
}

fn put_reply(message: &impl ProstMessage) -> Response<BoxStream<PutResult>> {
    let result = Ok(put_result(message));
    Response::new(Box::pin(futures::stream::iter([result])))
}
