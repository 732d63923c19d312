//! Statements, prepared and not, by every way in.

use super::harness::{
    RawClient, Server, act, code, count, descriptor, fetch, impatient, packed, status, ticket,
    wait_for,
};
use arrow::array::{AsArray, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, Schema};
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    ActionCreatePreparedSubstraitPlanRequest, ActionEndTransactionRequest, Any, CommandGetCatalogs,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    CommandStatementQuery, CommandStatementSubstraitPlan, CommandStatementUpdate,
    DoPutUpdateResult,
};
use arrow_flight::{Criteria, Empty};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use quern_common::config::{AuthConfig, ByteSize, FlightSqlConfig};
use quern_proto::flight_sql::keys::{ERROR_HINT, ERROR_NUMBER, QUERY_ID};
use std::sync::Arc;
use std::time::Duration;
use tonic::Code;

fn query(sql: &str) -> CommandStatementQuery {
    CommandStatementQuery { query: sql.to_owned(), transaction_id: None }
}

fn row(values: &[i64]) -> RecordBatch {
    rows(values.len(), &[values])
}

fn rows(columns: usize, values: &[&[i64]]) -> RecordBatch {
    let columns = (0..columns).map(|column| {
        let column_values = Int64Array::from_iter_values(values.iter().map(|row| row[column]));
        (column.to_string(), Arc::new(column_values) as _)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}

async fn prepare(client: &mut RawClient, sql: &str) -> ActionCreatePreparedStatementResult {
    let request =
        ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let body = act(client, "CreatePreparedStatement", packed(&request)).await.unwrap().unwrap();
    Any::decode(body).unwrap().unpack().unwrap().unwrap()
}

#[tokio::test]
async fn a_query_is_one_endpoint_without_location_and_of_unknown_size() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    assert_eq!((info.total_records, info.total_bytes), (-1, -1));
    assert_eq!(info.endpoint.len(), 1);
    assert!(info.endpoint[0].location.is_empty());
    assert_eq!(info.flight_descriptor, Some(descriptor(&query("SELECT 1"))));
    let facts: serde_json::Value = serde_json::from_slice(&info.app_metadata).unwrap();
    assert_eq!(facts["query_id"].as_str().unwrap().len(), 32);

    let mut stream = client.do_get(ticket(&info)).await.unwrap();
    let batch = stream.next().await.unwrap().unwrap();
    assert_eq!(batch.schema_ref().as_ref(), &info.try_decode_schema().unwrap());
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1]);
    assert!(stream.next().await.is_none());
    assert_eq!(count(&server.counts.submitted), 1);
}

#[tokio::test]
async fn rows_are_there_while_the_query_runs() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let reading = async {
        let info = client.execute("SELECT endless".to_owned(), None).await.unwrap();
        client.do_get(ticket(&info)).await.unwrap().next().await.unwrap().unwrap()
    };
    let batch = tokio::time::timeout(Duration::from_secs(2), reading).await.unwrap();
    assert_eq!(batch.num_rows(), 1);
}

#[tokio::test]
async fn a_result_without_rows_has_its_schema() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT nothing".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(ticket(&info)).await.unwrap();
    assert!(stream.next().await.is_none());
    let schema = info.try_decode_schema().unwrap();
    assert_eq!(stream.schema().unwrap().as_ref(), &schema);
}

#[tokio::test]
async fn an_update_runs_once_by_each_way_in() {
    let server = Server::start().await;
    let executed = &server.counts.executed;
    let mut client = server.client().await;

    let info = client.execute("CREATE TABLE t".to_owned(), None).await.unwrap();
    assert_eq!(count(executed), 1, "GetFlightInfo of text");
    assert_eq!(fetch(&mut client, &info).await.num_columns(), 0);
    assert_eq!(fetch(&mut client, &info).await.num_rows(), 0);
    assert_eq!(count(executed), 1, "fetching runs nothing");

    assert_eq!(client.execute_update("CREATE TABLE t".to_owned(), None).await.unwrap(), -1);
    assert_eq!(count(executed), 2, "DoPut of text");

    let mut prepared = client.prepare("CREATE TABLE t".to_owned(), None).await.unwrap();
    assert_eq!(count(executed), 2, "preparing runs nothing");
    assert!(prepared.dataset_schema().unwrap().fields().is_empty());
    let info = prepared.execute().await.unwrap();
    assert_eq!(count(executed), 3, "GetFlightInfo of a prepared statement");
    fetch(&mut client, &info).await;
    assert_eq!(count(executed), 3, "fetching runs nothing");
    prepared.execute().await.unwrap();
    assert_eq!(count(executed), 4, "a second execution");
    assert_eq!(prepared.execute_update().await.unwrap(), -1);
    assert_eq!(count(executed), 5, "DoPut of a prepared statement");
    prepared.close().await.unwrap();
    assert_eq!(count(executed), 5);
    assert_eq!(count(&server.counts.submitted), 0);
}

#[tokio::test]
async fn row_counts_of_updates_are_told_by_every_way_in() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("INSERT 3".to_owned(), None).await.unwrap();
    assert_eq!(info.total_records, 3);
    let facts: serde_json::Value = serde_json::from_slice(&info.app_metadata).unwrap();
    assert_eq!(facts["update_count"], 3);
    assert_eq!(client.execute_update("INSERT 3".to_owned(), None).await.unwrap(), 3);
}

#[tokio::test]
async fn the_query_id_of_an_update_is_told_before_it_ends() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    let command =
        CommandStatementUpdate { query: "CREATE TABLE slow".to_owned(), transaction_id: None };
    let message = FlightData::new().with_descriptor(descriptor(&command));
    let response = client.do_put(futures::stream::iter([message])).await.unwrap();
    assert_eq!(response.metadata().get(QUERY_ID).unwrap().len(), 32);
    assert_eq!(count(&server.counts.dropped), 0);
    drop(response);
    wait_for(&server.counts.dropped, 1).await;
    assert_eq!(count(&server.counts.executed), 0);
}

#[tokio::test]
async fn a_client_that_leaves_cancels_an_update_sent_by_get_flight_info() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let call = client.execute("CREATE TABLE slow".to_owned(), None);
    assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
    wait_for(&server.counts.dropped, 1).await;
}

#[tokio::test]
async fn a_query_sent_as_an_update_is_run_and_its_rows_are_not_counted() {
    let server = Server::start().await;
    let mut client = server.client().await;
    assert_eq!(client.execute_update("SELECT 1".to_owned(), None).await.unwrap(), -1);
    assert_eq!((count(&server.counts.submitted), count(&server.counts.pulled)), (1, 1));
}

#[tokio::test]
async fn parameters_are_bound_by_position() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut prepared = client.prepare("SELECT ?, ?".to_owned(), None).await.unwrap();
    assert_eq!(prepared.parameter_schema().unwrap().fields().len(), 2);
    assert_eq!(prepared.dataset_schema().unwrap().fields().len(), 2);
    for values in [[1, 2], [3, 4]] {
        prepared.set_parameters(row(&values)).unwrap();
        let info = prepared.execute().await.unwrap();
        let batch = fetch(&mut client, &info).await;
        let found = [0, 1].map(|column| batch.column(column).as_primitive::<Int64Type>().value(0));
        assert_eq!(found, values);
    }
    assert_eq!(count(&server.counts.submitted), 2);
}

#[tokio::test]
async fn a_client_may_bind_values_of_its_own_types() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut prepared = client.prepare("SELECT ?".to_owned(), None).await.unwrap();
    let column = Arc::new(Int32Array::from(vec![7]));
    prepared.set_parameters(RecordBatch::try_from_iter([("x", column as _)]).unwrap()).unwrap();
    let info = prepared.execute().await.unwrap();
    // The fake backend answers with what it was given: the service has cast it to the schema.
    let batch = fetch(&mut client, &info).await;
    assert!(batch.column(0).as_primitive_opt::<Int32Type>().is_none());
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[7]);
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_refused() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut prepared = client.prepare("SELECT ?, ?".to_owned(), None).await.unwrap();
    let error = status(prepared.execute().await.unwrap_err());
    assert_eq!(code(&error), "INVALID_PARAMETER_USAGE");
    assert!(error.message().contains("2 parameters"), "{error}");

    prepared.set_parameters(row(&[1])).unwrap();
    let error = status(prepared.execute().await.unwrap_err());
    assert_eq!(code(&error), "INVALID_PARAMETER_USAGE");

    prepared.set_parameters(rows(2, &[&[1, 2], &[3, 4]])).unwrap();
    let error = status(prepared.execute().await.unwrap_err());
    assert_eq!((error.code(), code(&error)), (Code::Unimplemented, "NOT_SUPPORTED"));
    assert!(error.message().contains("2 rows of parameters"), "{error}");

    prepared.set_parameters(rows(2, &[])).unwrap();
    let error = status(prepared.execute().await.unwrap_err());
    assert_eq!(code(&error), "INVALID_PARAMETER_USAGE");
    assert_eq!(count(&server.counts.submitted), 0);
}

#[tokio::test]
async fn an_update_runs_once_a_row_of_parameters() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut prepared = client.prepare("INSERT ?, ?".to_owned(), None).await.unwrap();
    prepared.set_parameters(rows(2, &[&[1, 2], &[3, 4], &[5, 6]])).unwrap();
    assert_eq!(prepared.execute_update().await.unwrap(), 9);
    assert_eq!(count(&server.counts.executed), 3);
    assert_eq!(prepared.execute().await.unwrap().total_records, 9);
    assert_eq!(count(&server.counts.executed), 6, "by GetFlightInfo");
    prepared.set_parameters(rows(2, &[])).unwrap();
    assert_eq!(prepared.execute_update().await.unwrap(), 0);
    assert_eq!(count(&server.counts.executed), 6, "no row, no execution");
}

#[tokio::test]
async fn parameters_have_a_bound_together() {
    let config = FlightSqlConfig { max_message_size: ByteSize::mib(1), ..impatient() };
    let server = Server::with(config, AuthConfig::default()).await;
    let mut client = server.raw().await;
    let handle = prepare(&mut client, "INSERT ?").await.prepared_statement_handle;
    let command = CommandPreparedStatementUpdate { prepared_statement_handle: handle };
    let batch = rows(1, &vec![&[7][..]; 20_000]);
    for (batches, fit) in [(2, true), (20, false)] {
        let messages = FlightDataEncoderBuilder::new()
            .with_flight_descriptor(Some(descriptor(&command)))
            .build(futures::stream::iter(vec![batch.clone(); batches]).map(Ok));
        let messages: Vec<_> = messages.try_collect().await.unwrap();
        let reply = client.do_put(futures::stream::iter(messages)).await;
        match fit {
            true => assert!(reply.unwrap().into_inner().message().await.unwrap().is_some()),
            false => assert_eq!(code(&reply.unwrap_err()), "GENERIC_INSUFFICIENT_RESOURCES"),
        }
    }
    assert_eq!(count(&server.counts.executed), 2 * 20_000);
}

#[tokio::test]
async fn a_closed_prepared_statement_is_gone() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    let handle = prepare(&mut client, "SELECT 1").await.prepared_statement_handle;
    let close = ActionClosePreparedStatementRequest { prepared_statement_handle: handle.clone() };
    assert_eq!(act(&mut client, "ClosePreparedStatement", packed(&close)).await.unwrap(), None);
    let command = CommandPreparedStatementQuery { prepared_statement_handle: handle };
    let error = client.get_flight_info(descriptor(&command)).await.unwrap_err();
    assert_eq!(code(&error), "INVALID_TICKET");
}

#[tokio::test]
async fn prepared_statements_and_results_have_a_bound() {
    let config = FlightSqlConfig { max_prepared_statements: 1, ..impatient() };
    let server = Server::with(config, AuthConfig::default()).await;
    let mut client = server.client().await;
    let first = client.prepare("SELECT 1".to_owned(), None).await.unwrap();
    let error = status(client.prepare("SELECT 1".to_owned(), None).await.unwrap_err());
    assert_eq!(error.code(), Code::ResourceExhausted);
    first.close().await.unwrap();
    client.prepare("SELECT 1".to_owned(), None).await.unwrap();

    client.execute("SELECT 1".to_owned(), None).await.unwrap();
    let error = status(client.execute("SELECT 1".to_owned(), None).await.unwrap_err());
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(count(&server.counts.submitted), 1, "the second query was not even started");
}

#[tokio::test]
async fn drivers_see_at_prepare_whether_a_statement_is_an_update() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    let request = |sql: &str| {
        packed(&ActionCreatePreparedStatementRequest {
            query: sql.to_owned(),
            transaction_id: None,
        })
    };
    for (sql, is_update) in [("SELECT 1", 0), ("CREATE TABLE t", 1)] {
        let body = act(&mut client, "CreatePreparedStatement", request(sql)).await.unwrap();
        let any = Any::decode(body.unwrap()).unwrap();
        // Field 4, a varint, which arrow-flight's message does not have yet.
        assert!(any.value.ends_with(&[0x20, is_update]), "{sql}");
    }
    assert!(prepare(&mut client, "CREATE TABLE t").await.dataset_schema.is_empty());
    assert!(!prepare(&mut client, "SELECT 1").await.dataset_schema.is_empty());
}

#[tokio::test]
async fn get_schema_answers_without_running_anything() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    let handle = prepare(&mut client, "SELECT views").await.prepared_statement_handle;
    let prepared = CommandPreparedStatementQuery { prepared_statement_handle: handle };
    for (descriptor, columns) in [
        (descriptor(&query("SELECT 1")), vec!["n"]),
        (descriptor(&query("CREATE TABLE t")), vec![]),
        (descriptor(&prepared), vec!["s"]),
        (descriptor(&CommandGetCatalogs {}), vec!["catalog_name"]),
    ] {
        let result = client.get_schema(descriptor).await.unwrap().into_inner();
        let schema = Schema::try_from(result).unwrap();
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, columns);
    }
    assert_eq!((count(&server.counts.submitted), count(&server.counts.executed)), (0, 0));
}

#[tokio::test]
async fn polling_a_query_completes_at_once() {
    let server = Server::start().await;
    let channel = server.channel().await;
    let mut raw = RawClient::new(channel.clone());
    let poll = raw.poll_flight_info(descriptor(&query("SELECT 1"))).await.unwrap().into_inner();
    assert!(poll.flight_descriptor.is_none());
    let mut client = super::harness::SqlClient::new(channel);
    assert_eq!(fetch(&mut client, &poll.info.unwrap()).await.num_rows(), 1);
}

#[tokio::test]
async fn errors_carry_code_number_and_hint() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let error = status(client.execute("SELECT missing".to_owned(), None).await.unwrap_err());
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(error.message(), "table \"hive.default.missing\" does not exist");
    assert_eq!(code(&error), "TABLE_NOT_FOUND");
    assert_eq!(error.metadata().get(ERROR_NUMBER).unwrap(), "46");
    let hint = error.metadata().get(ERROR_HINT).unwrap();
    assert_eq!(hint, "did you mean \"hive.default.mission\"?");
    let error = status(client.prepare("SELECT missing".to_owned(), None).await.unwrap_err());
    assert_eq!(code(&error), "TABLE_NOT_FOUND");
}

#[tokio::test]
async fn an_error_amid_the_rows_names_the_query() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT broken".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(ticket(&info)).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 1);
    let error = status(stream.next().await.unwrap().unwrap_err());
    assert_eq!(code(&error), "DIVISION_BY_ZERO");
    let facts: serde_json::Value = serde_json::from_slice(&info.app_metadata).unwrap();
    let query_id = error.metadata().get(QUERY_ID).unwrap().to_str().unwrap();
    assert_eq!(facts["query_id"], query_id);
}

#[tokio::test]
async fn rows_that_break_off_are_not_taken_for_all_rows() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT panic".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(ticket(&info)).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 1);
    let error = status(stream.next().await.unwrap().unwrap_err());
    assert_eq!((error.code(), code(&error)), (Code::Internal, "GENERIC_INTERNAL_ERROR"));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_failed_update_is_an_error_by_every_way_in() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let sql = || "CREATE TABLE refused".to_owned();
    let error = status(client.execute(sql(), None).await.unwrap_err());
    assert_eq!(code(&error), "TABLE_ALREADY_EXISTS");
    let mut raw = server.raw().await;
    let command = CommandStatementUpdate { query: sql(), transaction_id: None };
    let message = FlightData::new().with_descriptor(descriptor(&command));
    let replies = raw.do_put(futures::stream::iter([message])).await.unwrap().into_inner();
    let error = replies.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(code(&error), "TABLE_ALREADY_EXISTS");
    assert!(error.metadata().get(QUERY_ID).is_some());
}

#[tokio::test]
async fn what_is_not_supported_says_its_name() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    let end = ActionEndTransactionRequest { transaction_id: Bytes::new(), action: 1 };
    for (action, body) in [
        ("BeginTransaction", packed(&ActionBeginTransactionRequest {})),
        ("EndTransaction", packed(&end)),
        ("BeginSavepoint", vec![]),
        ("EndSavepoint", vec![]),
        (
            "CreatePreparedSubstraitPlan",
            packed(&ActionCreatePreparedSubstraitPlanRequest::default()),
        ),
        ("DropEverything", vec![]),
    ] {
        let error = act(&mut client, action, body).await.unwrap_err();
        assert_eq!((error.code(), code(&error)), (Code::Unimplemented, "NOT_SUPPORTED"));
        assert!(error.message().contains(action), "{error}");
    }
    let plan = descriptor(&CommandStatementSubstraitPlan::default());
    let error = client.get_flight_info(plan).await.unwrap_err();
    assert!(error.message().contains("CommandStatementSubstraitPlan"), "{error}");
    let ingest = FlightData::new().with_descriptor(descriptor(&CommandStatementIngest::default()));
    let error = client.do_put(futures::stream::iter([ingest.clone()])).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().contains("CommandStatementIngest"), "{error}");
    let error = client.do_exchange(futures::stream::iter([ingest])).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    let error = client.list_flights(Criteria::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    let mut in_transaction = query("SELECT 1");
    in_transaction.transaction_id = Some(Bytes::from_static(b"t"));
    let error = client.get_flight_info(descriptor(&in_transaction)).await.unwrap_err();
    assert!(error.message().contains("transactions"), "{error}");
    assert_eq!(count(&server.counts.submitted), 0);
}

#[tokio::test]
async fn requests_that_are_no_flight_sql_are_refused() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    for cmd in [&b""[..], b"SELECT 1", &[0xff; 10]] {
        let descriptor = arrow_flight::FlightDescriptor::new_cmd(cmd.to_vec());
        let error = client.get_flight_info(descriptor.clone()).await.unwrap_err();
        assert!(matches!(error.code(), Code::InvalidArgument | Code::Unimplemented), "{error}");
    }
    let error = client.do_put(futures::stream::iter([])).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let error = client.do_put(futures::stream::iter([FlightData::new()])).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let error = act(&mut client, "CreatePreparedStatement", &b"x"[..]).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn an_update_without_a_schema_message_is_read() {
    // Java sends the command alone, Go an empty record batch after it.
    let server = Server::start().await;
    let mut client = server.raw().await;
    let handle = prepare(&mut client, "INSERT 3").await.prepared_statement_handle;
    let command = CommandPreparedStatementUpdate { prepared_statement_handle: handle };
    let message = FlightData::new().with_descriptor(descriptor(&command));
    let mut replies = client.do_put(futures::stream::iter([message])).await.unwrap().into_inner();
    let reply = replies.message().await.unwrap().unwrap();
    assert_eq!(DoPutUpdateResult::decode(reply.app_metadata).unwrap().record_count, 3);

    let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let messages = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(descriptor(&command)))
        .with_schema(empty.schema())
        .build(futures::stream::iter([Ok(empty)]));
    let messages: Vec<_> = messages.try_collect().await.unwrap();
    let mut replies = client.do_put(futures::stream::iter(messages)).await.unwrap().into_inner();
    let reply = replies.message().await.unwrap().unwrap();
    assert_eq!(DoPutUpdateResult::decode(reply.app_metadata).unwrap().record_count, 3);
    assert_eq!(count(&server.counts.executed), 2);
}

#[tokio::test]
async fn every_supported_action_is_listed() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    let actions = client.list_actions(Empty {}).await.unwrap().into_inner();
    let actions: Vec<_> = actions.map_ok(|action| action.r#type).try_collect().await.unwrap();
    let expected = [
        "CreatePreparedStatement",
        "ClosePreparedStatement",
        "CancelQuery",
        "CancelFlightInfo",
        "RenewFlightEndpoint",
        "SetSessionOptions",
        "GetSessionOptions",
        "CloseSession",
        "QuernQueryProgress",
    ];
    assert_eq!(actions, expected);
    for action in expected {
        // Known, if only to say that the body is wrong.
        if let Err(error) = act(&mut client, action, &b""[..]).await {
            assert_ne!(error.code(), Code::Unimplemented, "{action}");
        }
    }
}
