//! Actions: prepared statements, cancelling, sessions, and our own question for progress.

use super::columns::parameter_schema;
use super::messages::CreatePreparedStatementResult;
use super::service::{Caller, FlightSqlService, decode_command, malformed};
use super::statements::{announced_schema, no_transaction};
use super::ticket::Token;
use crate::query::StatementKind;
use arrow::datatypes::Schema;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, Command,
    ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
    IpcMessage, RenewFlightEndpointRequest, SchemaAsIpc, Ticket,
};
use bytes::Bytes;
use prost::Message;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use quern_proto::flight_sql::{
    CLOSE_SESSION, CloseSessionResult, CloseStatus, GET_SESSION_OPTIONS, QUERY_PROGRESS,
    SET_SESSION_OPTIONS, SessionOptionValue, SessionOptions, SessionValue, SetError, SetErrorValue,
    SetSessionOptionsResult,
};

const CREATE_PREPARED_STATEMENT: &str = "CreatePreparedStatement";
const CLOSE_PREPARED_STATEMENT: &str = "ClosePreparedStatement";
const CANCEL_QUERY: &str = "CancelQuery";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const RENEW_FLIGHT_ENDPOINT: &str = "RenewFlightEndpoint";

const FLIGHT_TYPE_PREFIX: &str = "type.googleapis.com/arrow.flight.protocol.";

/// The actions that are supported, with what goes in and out.
const ACTIONS: &[(&str, &str)] = &[
    (
        CREATE_PREPARED_STATEMENT,
        "Prepares a statement: ActionCreatePreparedStatementRequest to \
         ActionCreatePreparedStatementResult",
    ),
    (CLOSE_PREPARED_STATEMENT, "Forgets a prepared statement: ActionClosePreparedStatementRequest"),
    (CANCEL_QUERY, "Cancels a query: ActionCancelQueryRequest to ActionCancelQueryResult"),
    (CANCEL_FLIGHT_INFO, "Cancels a query: CancelFlightInfoRequest to CancelFlightInfoResult"),
    (
        RENEW_FLIGHT_ENDPOINT,
        "Keeps a result that was not fetched yet: RenewFlightEndpointRequest to FlightEndpoint",
    ),
    (
        SET_SESSION_OPTIONS,
        "Sets session options: SetSessionOptionsRequest to SetSessionOptionsResult",
    ),
    (
        GET_SESSION_OPTIONS,
        "Returns the session options: GetSessionOptionsRequest to GetSessionOptionsResult",
    ),
    (CLOSE_SESSION, "Closes the session: CloseSessionRequest to CloseSessionResult"),
    (QUERY_PROGRESS, "Returns how far a query is: its id in UTF-8 to JSON"),
];

/// What ListActions answers.
pub(super) fn action_types() -> Vec<ActionType> {
    ACTIONS
        .iter()
        .map(|(name, description)| ActionType {
            r#type: (*name).to_owned(),
            description: (*description).to_owned(),
        })
        .collect()
}

impl FlightSqlService {
    /// Carries out an action and returns the reply's body, if there is one.
    pub(super) async fn action(&self, caller: &Caller, action: Action) -> Result<Option<Bytes>> {
        let body = &action.body;
        let reply = match action.r#type.as_str() {
            CREATE_PREPARED_STATEMENT => self.create_prepared(caller, &unpack(body)?).await?,
            CLOSE_PREPARED_STATEMENT => {
                self.close_prepared(caller, &unpack(body)?)?;
                return Ok(None);
            }
            CANCEL_QUERY => self.cancel_query(caller, &unpack(body)?)?,
            CANCEL_FLIGHT_INFO => {
                let (request, form) = unpack_flight(body, "CancelFlightInfoRequest")?;
                let request: CancelFlightInfoRequest = request;
                let status = self.cancel(caller, &request.info.unwrap_or_default())?;
                form.pack("CancelFlightInfoResult", &CancelFlightInfoResult::new(status))
            }
            RENEW_FLIGHT_ENDPOINT => self.renew(caller, body)?,
            SET_SESSION_OPTIONS => self.set_options(caller, body).await?,
            GET_SESSION_OPTIONS => self.get_options(caller, body),
            CLOSE_SESSION => self.close_session(caller, body),
            QUERY_PROGRESS => self.progress(caller, body)?,
            other => return Err(Error::not_supported(format!("action \"{other}\""))),
        };
        Ok(Some(reply))
    }

    async fn create_prepared(
        &self,
        caller: &Caller,
        request: &ActionCreatePreparedStatementRequest,
    ) -> Result<Bytes> {
        no_transaction(request.transaction_id.as_ref())?;
        let statement = self.backend.prepare(caller.session(), &request.query).await?;
        let is_update = statement.kind == StatementKind::Update;
        let dataset_schema = encode_schema(&announced_schema(&statement))?;
        let parameter_schema = encode_schema(&parameter_schema(&statement.parameters))?;
        let id = caller.state().prepare(statement, self.config.max_prepared_statements)?;
        let result = CreatePreparedStatementResult {
            prepared_statement_handle: self
                .signer
                .seal(caller.session().id(), &Token::Prepared(id)),
            dataset_schema,
            parameter_schema,
            is_update: Some(is_update),
        };
        let any = Any {
            type_url: ActionCreatePreparedStatementResult::type_url().to_owned(),
            value: result.encode_to_vec().into(),
        };
        Ok(any.encode_to_vec().into())
    }

    fn close_prepared(
        &self,
        caller: &Caller,
        request: &ActionClosePreparedStatementRequest,
    ) -> Result<()> {
        let (id, _) = self.prepared(caller, &request.prepared_statement_handle)?;
        caller.state().close_prepared(&id);
        Ok(())
    }

    fn cancel_query(&self, caller: &Caller, request: &ActionCancelQueryRequest) -> Result<Bytes> {
        let info = FlightInfo::decode(&*request.info)
            .map_err(|err| malformed(format!("the flight info cannot be decoded: {err}")))?;
        // Both results number their statuses in the same way.
        let result = self.cancel(caller, &info)? as i32;
        Ok(ActionCancelQueryResult { result }.as_any().encode_to_vec().into())
    }

    fn cancel(&self, caller: &Caller, info: &FlightInfo) -> Result<CancelStatus> {
        let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
        let mut status = CancelStatus::NotCancellable;
        for ticket in tickets {
            let Some(id) = self.query_of(caller, ticket)? else { continue };
            let was_running = self.backend.cancel(caller.session(), &id)?;
            let was_waiting = caller.state().take_result(&id).is_ok();
            if was_running || was_waiting {
                status = CancelStatus::Cancelled;
            }
        }
        Ok(status)
    }

    /// The query of a ticket; nothing for a ticket of metadata or of an update that has run.
    fn query_of(&self, caller: &Caller, ticket: &Ticket) -> Result<Option<QueryId>> {
        let Command::TicketStatementQuery(ticket) = decode_command(&ticket.ticket)? else {
            return Ok(None);
        };
        match self.signer.open(caller.session().id(), &ticket.statement_handle)? {
            Token::Query(id) => Ok(Some(id)),
            Token::Nothing | Token::Prepared(_) => Ok(None),
        }
    }

    fn renew(&self, caller: &Caller, body: &[u8]) -> Result<Bytes> {
        let (request, form) = unpack_flight(body, "RenewFlightEndpointRequest")?;
        let request: RenewFlightEndpointRequest = request;
        let endpoint =
            request.endpoint.ok_or_else(|| malformed("there is no endpoint to renew"))?;
        let ticket =
            endpoint.ticket.as_ref().ok_or_else(|| malformed("the endpoint has no ticket"))?;
        if let Some(id) = self.query_of(caller, ticket)?
            && !caller.state().renew_result(&id)
        {
            return Err(super::ticket::invalid(format!(
                "the result of query \"{id}\" was fetched already, or has expired"
            )));
        }
        Ok(form.pack("FlightEndpoint", &endpoint))
    }

    async fn set_options(&self, caller: &Caller, body: &[u8]) -> Result<Bytes> {
        let (request, form) = unpack_flight(body, "SetSessionOptionsRequest")?;
        let request: SessionOptions = request;
        let mut result = SetSessionOptionsResult::default();
        // The catalog comes first, because a schema is looked for in it.
        let mut options: Vec<_> = request.options.into_iter().collect();
        options.sort_by_key(|(name, _)| name != "catalog");
        for (name, value) in options {
            if let Err(error) = self.set_option(caller, &name, value).await {
                tracing::debug!("session option \"{name}\": {error}");
                let known = self.backend.session_options(caller.session()).contains_key(&name);
                let value = match (known, error.code().kind()) {
                    (false, _) => SetErrorValue::InvalidName,
                    (true, quern_common::ErrorKind::User) => SetErrorValue::InvalidValue,
                    (true, _) => SetErrorValue::Error,
                };
                result.errors.insert(name, SetError { value: value as i32 });
            }
        }
        Ok(form.pack("SetSessionOptionsResult", &result))
    }

    async fn set_option(
        &self,
        caller: &Caller,
        name: &str,
        value: SessionOptionValue,
    ) -> Result<()> {
        let text = match value.value {
            None => None,
            Some(SessionValue::String(text)) => Some(text),
            Some(SessionValue::Bool(value)) => Some(value.to_string()),
            Some(SessionValue::Int64(value)) => Some(value.to_string()),
            Some(SessionValue::Double(value)) => Some(value.to_string()),
            Some(SessionValue::StringList(_)) => {
                let message = format!("session option \"{name}\" takes one value, not a list");
                return Err(Error::new(ErrorCode::InvalidSessionProperty, message));
            }
        };
        self.backend.set_session_option(caller.session(), name, text.as_deref()).await
    }

    fn get_options(&self, caller: &Caller, body: &[u8]) -> Bytes {
        let options = self.backend.session_options(caller.session()).into_iter();
        let options = options.map(|(name, value)| {
            (name, SessionOptionValue { value: Some(SessionValue::String(value)) })
        });
        let result = SessionOptions { options: options.collect() };
        Form::of(body, "GetSessionOptionsRequest").pack("GetSessionOptionsResult", &result)
    }

    fn close_session(&self, caller: &Caller, body: &[u8]) -> Bytes {
        caller.state().clear();
        self.sessions.close(caller.session().id());
        let result = CloseSessionResult { status: CloseStatus::Closed as i32 };
        Form::of(body, "CloseSessionRequest").pack("CloseSessionResult", &result)
    }

    fn progress(&self, caller: &Caller, body: &[u8]) -> Result<Bytes> {
        let id = std::str::from_utf8(body).map_err(|_| malformed("the query id is not UTF-8"))?;
        let progress = self.backend.progress(caller.session(), &QueryId::from(id.to_owned()));
        let progress = progress.ok_or_else(|| {
            Error::new(ErrorCode::NotFound, format!("query \"{id}\" is not known"))
        })?;
        Ok(progress.to_string().into())
    }
}

/// An empty schema is sent as no bytes at all, which every driver takes for "no result set".
fn encode_schema(schema: &Schema) -> Result<Bytes> {
    if schema.fields().is_empty() {
        return Ok(Bytes::new());
    }
    IpcMessage::try_from(SchemaAsIpc::new(schema, &IpcWriteOptions::default()))
        .map(|message| message.0)
        .map_err(|err| Error::internal(format!("the schema cannot be encoded: {err}")))
}

/// Reads the body of an action of Flight SQL: a message wrapped in `Any`.
fn unpack<M: ProstMessageExt>(body: &[u8]) -> Result<M> {
    let wrong = |err: String| malformed(format!("the action's body cannot be decoded: {err}"));
    let any = Any::decode(body).map_err(|err| wrong(err.to_string()))?;
    let message = any.unpack::<M>().map_err(|err| wrong(err.to_string()))?;
    message.ok_or_else(|| wrong(format!("it is a \"{}\"", any.type_url)))
}

/// How a message of Flight came, and so how the reply goes: bare as the protocol says, or
/// wrapped in `Any` as some clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bare,
    Wrapped,
}

impl Form {
    fn of(body: &[u8], name: &str) -> Self {
        if unwrap_any(body, name).is_some() { Self::Wrapped } else { Self::Bare }
    }

    fn pack(self, name: &str, message: &impl Message) -> Bytes {
        let value = message.encode_to_vec();
        match self {
            Self::Bare => value.into(),
            Self::Wrapped => {
                let type_url = format!("{FLIGHT_TYPE_PREFIX}{name}");
                Any { type_url, value: value.into() }.encode_to_vec().into()
            }
        }
    }
}

fn unwrap_any(body: &[u8], name: &str) -> Option<Bytes> {
    let any = Any::decode(body).ok()?;
    (any.type_url.strip_prefix(FLIGHT_TYPE_PREFIX)? == name).then_some(any.value)
}

/// Reads the body of an action of Flight.
fn unpack_flight<M: Message + Default>(body: &[u8], name: &str) -> Result<(M, Form)> {
    let (bytes, form) = match unwrap_any(body, name) {
        Some(value) => (value, Form::Wrapped),
        None => (Bytes::copy_from_slice(body), Form::Bare),
    };
    let message = M::decode(bytes)
        .map_err(|err| malformed(format!("the action's body cannot be decoded: {err}")))?;
    Ok((message, form))
}
