//! A Flight SQL server with canned answers. A prepared statement's handle is its text.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::sql::metadata::SqlInfoDataBuilder;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandGetCatalogs, CommandGetDbSchemas,
    CommandGetSqlInfo, CommandGetTables, CommandPreparedStatementQuery,
    CommandPreparedStatementUpdate, ProstMessageExt, SqlInfo,
};
use arrow_flight::{
    Action, CancelFlightInfoResult, CancelStatus, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, IpcMessage, SchemaAsIpc, Ticket,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use prost::Message;
use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status, Streaming};

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub(crate) const TOKEN: &str = "Bearer the-token";
pub(crate) const QUERY_ID: &str = "query-7";

/// What a test sees of the server.
#[derive(Default)]
pub(crate) struct State {
    /// `handshake`, `prepare SQL`, `update SQL`, `cancel`, `close session`, …
    pub(crate) calls: Mutex<Vec<String>>,
    pub(crate) session: Mutex<BTreeMap<String, String>>,
    /// Notified when a running statement was dropped by the server.
    pub(crate) stopped: Notify,
    /// Notified when a statement that never ends has begun.
    pub(crate) begun: Notify,
    /// User and password; everybody is let in without.
    pub(crate) user: Option<(&'static str, &'static str)>,
    /// Whether there are the actions that standard Flight SQL servers lack.
    pub(crate) standard_only: bool,
}

impl State {
    fn note(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn check(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let given = metadata.get("authorization").and_then(|value| value.to_str().ok());
        if self.user.is_some() && given != Some(TOKEN) {
            return Err(failure(
                Code::Unauthenticated,
                "AUTHENTICATION_FAILED",
                "who are you",
                &[],
            ));
        }
        Ok(())
    }
}

/// Starts a server and returns its address.
pub(crate) async fn start(state: State) -> (String, Arc<State>) {
    let state = Arc::new(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = FlightServiceServer::new(Fake { state: Arc::clone(&state) });
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    (address, state)
}

/// A status as a Quern server sends it.
fn failure(code: Code, name: &str, message: &str, more: &[(&'static str, &str)]) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert("quern-error-code", name.parse().unwrap());
    for (key, value) in more {
        metadata.insert(*key, value.parse().unwrap());
    }
    Status::with_metadata(code, message, metadata)
}

#[derive(Clone)]
struct Fake {
    state: Arc<State>,
}

/// Tells when the server lets go of something that runs.
struct Running(Arc<State>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stopped.notify_one();
    }
}

#[derive(Clone, PartialEq, Message)]
struct TextValue {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, Message)]
struct Texts {
    #[prost(map = "string, message", tag = "1")]
    entries: HashMap<String, TextValue>,
}

#[derive(Clone, PartialEq, Message)]
struct SetError {
    #[prost(int32, tag = "1")]
    value: i32,
}

#[derive(Clone, PartialEq, Message)]
struct SetResult {
    #[prost(map = "string, message", tag = "1")]
    errors: HashMap<String, SetError>,
}

fn rows(numbers: &[i64], texts: &[Option<&str>]) -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
    let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("text", texts, true)]).unwrap()
}

fn schema() -> SchemaRef {
    rows(&[], &[]).schema()
}

/// The batches of a query; an error ends them; `None` is a query that never ends.
fn answer(sql: &str) -> Option<Vec<Result<RecordBatch, Status>>> {
    let two = rows(&[1, 2], &[Some("one"), None]);
    Some(match sql {
        "SELECT hostile" => vec![Ok(rows(&[1], &[Some("\x1b[31mred\x07")]))],
        "SELECT many" => {
            let numbers: Vec<i64> = (0..1_000).collect();
            let texts = vec![Some("x"); 1_000];
            (0..3).map(|_| Ok(rows(&numbers, &texts))).collect()
        }
        "SELECT fails late" => vec![
            Ok(two),
            Err(failure(
                Code::Internal,
                "DIVISION_BY_ZERO",
                "division by zero",
                &[("quern-query-id", QUERY_ID), ("quern-error-hint", "use nullif")],
            )),
        ],
        "SELECT nothing" => Vec::new(),
        "SELECT forever" | "SELECT silence" => return None,
        _ => vec![Ok(two)],
    })
}

fn is_query(sql: &str) -> bool {
    sql.starts_with("SELECT") || sql.starts_with("SHOW")
}

fn encode(schema: SchemaRef, batches: Vec<RecordBatch>) -> Replies<arrow_flight::FlightData> {
    encode_stream(schema, stream::iter(batches.into_iter().map(Ok)))
}

fn encode_stream(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, Status>> + Send + 'static,
) -> Replies<arrow_flight::FlightData> {
    let batches = batches.map(|batch| batch.map_err(FlightError::from));
    let data = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
    Box::pin(data.map(|item| {
        item.map_err(|err| match err {
            FlightError::Tonic(status) => *status,
            other => Status::internal(other.to_string()),
        })
    }))
}

fn info(command: &impl ProstMessageExt, schema: &Schema) -> FlightInfo {
    let ticket = Ticket::new(command.as_any().encode_to_vec());
    FlightInfo::new()
        .try_with_schema(schema)
        .unwrap()
        .with_endpoint(FlightEndpoint::new().with_ticket(ticket))
}

fn tables_schema() -> Schema {
    let comment = HashMap::from([
        ("ARROW:FLIGHT:SQL:REMARKS".to_owned(), "IATA code".to_owned()),
        ("ARROW:FLIGHT:SQL:TYPE_NAME".to_owned(), "varchar(3)".to_owned()),
    ]);
    Schema::new(vec![
        Field::new("carrier", DataType::Utf8, true).with_metadata(comment),
        Field::new("distance", DataType::Int64, true),
    ])
}

#[async_trait]
impl FlightSqlService for Fake {
    type FlightService = Self;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Replies<HandshakeResponse>>, Status> {
        self.state.note("handshake");
        let given = request.metadata().get("authorization").map(|v| v.to_str().unwrap().to_owned());
        let Some((user, password)) = self.state.user else {
            return Err(Status::unimplemented("no handshake here"));
        };
        // "ada:secret" in base64.
        assert_eq!((user, password), ("ada", "secret"));
        if given.as_deref() != Some("Basic YWRhOnNlY3JldA==") {
            let name = "AUTHENTICATION_FAILED";
            return Err(failure(Code::Unauthenticated, name, "wrong user or password", &[]));
        }
        let mut response =
            Response::new(Box::pin(stream::iter([Ok(HandshakeResponse::default())]))
                as Replies<HandshakeResponse>);
        response.metadata_mut().insert("authorization", TOKEN.parse().unwrap());
        Ok(response)
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        self.state.check(request.metadata())?;
        let sql = query.query;
        self.state.note(format!("prepare {sql}"));
        if sql.contains("missing") {
            return Err(failure(
                Code::InvalidArgument,
                "TABLE_NOT_FOUND",
                "table \"hive.default.missing\" does not exist",
                &[("quern-error-number", "46"), ("quern-error-hint", "did you mean \"here\"?")],
            ));
        }
        let mut dataset_schema = Bytes::new();
        if is_query(&sql) {
            let options = IpcWriteOptions::default();
            let message: IpcMessage = SchemaAsIpc::new(&schema(), &options).try_into().unwrap();
            dataset_schema = message.0;
        }
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: sql.into(),
            dataset_schema,
            parameter_schema: Bytes::new(),
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        _request: Request<Action>,
    ) -> Result<(), Status> {
        let sql = String::from_utf8(query.prepared_statement_handle.to_vec()).unwrap();
        self.state.note(format!("close {sql}"));
        Ok(())
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.state.check(request.metadata())?;
        let sql = String::from_utf8(query.prepared_statement_handle.to_vec()).unwrap();
        let mut info =
            info(&query, &schema()).with_app_metadata(format!("{{\"query_id\":\"{QUERY_ID}\"}}"));
        if sql == "SELECT two endpoints" {
            let again = info.endpoint[0].clone();
            info = info.with_endpoint(again.with_location("arrow-flight-reuse-connection://?"));
        }
        if sql == "SELECT elsewhere" {
            info.endpoint[0] = info.endpoint[0].clone().with_location("grpc://elsewhere:1");
        }
        Ok(Response::new(info))
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        _request: Request<Ticket>,
    ) -> Result<Response<<Self as FlightService>::DoGetStream>, Status> {
        let sql = String::from_utf8(query.prepared_statement_handle.to_vec()).unwrap();
        if let Some(answer) = answer(&sql) {
            return Ok(Response::new(encode_stream(schema(), stream::iter(answer))));
        }
        let running = Running(Arc::clone(&self.state));
        self.state.begun.notify_one();
        if sql == "SELECT silence" {
            let silence = stream::once(async move {
                let _running = running;
                std::future::pending().await
            });
            return Ok(Response::new(encode_stream(schema(), silence)));
        }
        let endless = stream::unfold(running, |running| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok(rows(&[1], &[None])), running))
        });
        Ok(Response::new(encode_stream(schema(), endless)))
    }

    async fn do_put_prepared_statement_update(
        &self,
        query: CommandPreparedStatementUpdate,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let sql = String::from_utf8(query.prepared_statement_handle.to_vec()).unwrap();
        self.state.note(format!("update {sql}"));
        if let Some(schema) = sql.strip_prefix("USE ") {
            self.state.session.lock().unwrap().insert("schema".to_owned(), schema.to_owned());
        }
        match sql.as_str() {
            "INSERT forever" => {
                let _running = Running(Arc::clone(&self.state));
                self.state.begun.notify_one();
                std::future::pending().await
            }
            "INSERT conflict" => {
                Err(failure(Code::Aborted, "TRANSACTION_CONFLICT", "changed meanwhile", &[]))
            }
            "INSERT unknown" => Ok(-1),
            sql if sql.starts_with("INSERT") => Ok(3),
            _ => Ok(0),
        }
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Self as FlightService>::DoActionStream>, Status> {
        self.state.check(request.metadata())?;
        let action = request.into_inner();
        let body: Vec<u8> = match action.r#type.as_str() {
            _ if self.state.standard_only => return Err(Status::unimplemented(action.r#type)),
            "CancelFlightInfo" => {
                self.state.note("cancel");
                CancelFlightInfoResult::new(CancelStatus::Cancelled).encode_to_vec()
            }
            "GetSessionOptions" => {
                let session = self.state.session.lock().unwrap().clone();
                let entries = session.into_iter().map(|(name, text)| (name, TextValue { text }));
                Texts { entries: entries.collect() }.encode_to_vec()
            }
            "SetSessionOptions" => {
                let mut result = SetResult::default();
                for (name, value) in Texts::decode(action.body).unwrap().entries {
                    if name == "wrong" {
                        result.errors.insert(name, SetError { value: 1 });
                    } else {
                        self.state.session.lock().unwrap().insert(name, value.text);
                    }
                }
                result.encode_to_vec()
            }
            "CloseSession" => {
                self.state.note("close session");
                Vec::new()
            }
            "QuernQueryProgress" => {
                assert_eq!(action.body, QUERY_ID);
                br#"{"state":"RUNNING","stage":1,"stages":3,"splits_done":10,"splits":20,
                     "rows":1234,"bytes":123456,"elapsed_ms":800,"later":"ignored"}"#
                    .to_vec()
            }
            other => return Err(Status::unimplemented(other.to_owned())),
        };
        let result = arrow_flight::Result { body: body.into() };
        Ok(Response::new(Box::pin(stream::iter([Ok(result)]))))
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        _request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let schema = query.into_builder().schema();
        Ok(Response::new(info(&query, &schema)))
    }

    async fn do_get_catalogs(
        &self,
        query: CommandGetCatalogs,
        _request: Request<Ticket>,
    ) -> Result<Response<<Self as FlightService>::DoGetStream>, Status> {
        let mut builder = query.into_builder();
        builder.append("hive");
        builder.append("system");
        Ok(Response::new(encode(builder.schema(), vec![builder.build().unwrap()])))
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        _request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let schema = query.clone().into_builder().schema();
        Ok(Response::new(info(&query, &schema)))
    }

    async fn do_get_schemas(
        &self,
        query: CommandGetDbSchemas,
        _request: Request<Ticket>,
    ) -> Result<Response<<Self as FlightService>::DoGetStream>, Status> {
        let mut builder = query.into_builder();
        builder.append("hive", "default");
        builder.append("hive", "web");
        Ok(Response::new(encode(builder.schema(), vec![builder.build().unwrap()])))
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        _request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let schema = query.clone().into_builder().schema();
        Ok(Response::new(info(&query, &schema)))
    }

    async fn do_get_tables(
        &self,
        query: CommandGetTables,
        _request: Request<Ticket>,
    ) -> Result<Response<<Self as FlightService>::DoGetStream>, Status> {
        let mut builder = query.into_builder();
        for (schema, name, table_type) in [
            ("default", "flights", "TABLE"),
            ("default", "fly_v", "VIEW"),
            ("web", "logs", "TABLE"),
        ] {
            builder.append("hive", schema, name, table_type, &tables_schema()).unwrap();
        }
        Ok(Response::new(encode(builder.schema(), vec![builder.build().unwrap()])))
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        _request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let data = SqlInfoDataBuilder::new().build().unwrap();
        let schema = query.clone().into_builder(&data).schema();
        Ok(Response::new(info(&query, &schema)))
    }

    async fn do_get_sql_info(
        &self,
        query: CommandGetSqlInfo,
        _request: Request<Ticket>,
    ) -> Result<Response<<Self as FlightService>::DoGetStream>, Status> {
        let mut data = SqlInfoDataBuilder::new();
        data.append(SqlInfo::FlightSqlServerName, "Fake");
        data.append(SqlInfo::FlightSqlServerVersion, "1.2");
        let data = data.build().unwrap();
        let builder = query.into_builder(&data);
        Ok(Response::new(encode(builder.schema(), vec![builder.build().unwrap()])))
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}
