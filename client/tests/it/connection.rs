//! `Connection` end to end.

use crate::fake_server::{QUERY_ID, State, start};
use arrow::array::RecordBatch;
use quern_client::{
    Cancellation, ConnectOptions, Connection, QueryResult, RemoteFailure, SchemaName, SessionValue,
    TableFilter,
};
use quern_common::config::Secret;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode};
use std::sync::Arc;
use std::time::Duration;

async fn connect(state: State) -> (Connection, Arc<State>) {
    let (address, state) = start(state).await;
    (Connection::connect(&ConnectOptions::new(address)).await.unwrap(), state)
}

async fn rows(connection: &Connection, sql: &str) -> Result<Vec<RecordBatch>, Error> {
    match connection.execute(sql).await? {
        QueryResult::Rows(rows) => rows.collect().await,
        QueryResult::Update(count) => panic!("{sql} is no query but wrote {count:?}"),
    }
}

fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// Waits for something that the server notices a little later.
async fn eventually(what: impl Fn() -> bool) {
    for _ in 0..200 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within two seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_gives_rows_and_is_closed() {
    let (connection, state) = connect(State::default()).await;
    let QueryResult::Rows(rows) = connection.execute("SELECT 1").await.unwrap() else {
        panic!("no rows");
    };
    assert_eq!(rows.query_id().unwrap().as_str(), QUERY_ID);
    assert_eq!(rows.schema().fields().len(), 2);
    assert_eq!(count(&rows.collect().await.unwrap()), 2);
    eventually(|| state.calls().contains(&"close SELECT 1".to_owned())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_rows_has_a_schema() {
    let (connection, _) = connect(State::default()).await;
    let QueryResult::Rows(mut rows) = connection.execute("SELECT nothing").await.unwrap() else {
        panic!("no rows");
    };
    assert_eq!(rows.schema().field(0).name(), "n");
    assert!(rows.next_batch().await.unwrap().is_none());
    assert!(rows.next_batch().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_runs_once_and_gives_its_count() {
    let (connection, state) = connect(State::default()).await;
    for (sql, expected) in
        [("INSERT x", Some(3)), ("CREATE TABLE t (a int)", Some(0)), ("INSERT unknown", None)]
    {
        let QueryResult::Update(count) = connection.execute(sql).await.unwrap() else {
            panic!("{sql} gave rows");
        };
        assert_eq!(count, expected, "{sql}");
        let call = format!("update {sql}");
        assert_eq!(state.calls().iter().filter(|c| **c == call).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_code_hint_and_query() {
    let (connection, _) = connect(State::default()).await;
    let error = rows(&connection, "SELECT * FROM missing").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TableNotFound);
    assert_eq!(error.message(), "table \"hive.default.missing\" does not exist");
    assert_eq!(error.hint(), Some("did you mean \"here\"?"));

    let error = rows(&connection, "SELECT fails late").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DivisionByZero);
    assert_eq!(RemoteFailure::of(&error).unwrap().query_id().unwrap().as_str(), QUERY_ID);

    let error = connection.execute("INSERT conflict").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TransactionConflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_is_read_and_a_foreign_one_refused() {
    let (connection, _) = connect(State::default()).await;
    assert_eq!(count(&rows(&connection, "SELECT two endpoints").await.unwrap()), 4);
    let error = rows(&connection, "SELECT elsewhere").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotSupported);
    assert!(error.message().contains("grpc://elsewhere:1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_tells_the_server_and_dropping_stops_the_query() {
    for sql in ["SELECT forever", "SELECT silence"] {
        let (connection, state) = connect(State::default()).await;
        let QueryResult::Rows(mut rows) = connection.execute(sql).await.unwrap() else {
            panic!("no rows");
        };
        let read = async {
            while rows.next_batch().await.unwrap().is_some() {}
            panic!("the query ended by itself");
        };
        tokio::select! {
            () = read => {}
            () = state.begun.notified() => {}
        }
        let outcome = connection.cancel(rows.flight_info().clone()).await.unwrap();
        assert_eq!(outcome, Cancellation::Cancelled);
        assert!(state.calls().contains(&"cancel".to_owned()));
        drop(rows);
        let stopped = tokio::time::timeout(Duration::from_secs(5), state.stopped.notified()).await;
        assert!(stopped.is_ok(), "{sql} went on after its stream was dropped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_an_update_stops_it() {
    let (connection, state) = connect(State::default()).await;
    tokio::select! {
        _ = connection.execute("INSERT forever") => panic!("it ended by itself"),
        () = state.begun.notified() => {}
    }
    let stopped = tokio::time::timeout(Duration::from_secs(5), state.stopped.notified()).await;
    assert!(stopped.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn user_and_password_become_a_token() {
    let server = || State { user: Some(("ada", "secret")), ..State::default() };
    let (address, _) = start(server()).await;
    let mut options = ConnectOptions::new(address);
    let error = Connection::connect(&options).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::AuthenticationFailed, "without a user");

    options.user = Some("ada".to_owned());
    options.password = Secret::new("wrong");
    let error = Connection::connect(&options).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::AuthenticationFailed);
    assert_eq!(error.message(), "wrong user or password");

    options.password = Secret::new("secret");
    let connection = Connection::connect(&options).await.unwrap();
    assert_eq!(count(&rows(&connection, "SELECT 1").await.unwrap()), 2);
    assert!(!format!("{connection:?}").contains("the-token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_used_without_a_handshake() {
    let (address, state) = start(State { user: Some(("ada", "secret")), ..State::default() }).await;
    let mut options = ConnectOptions::new(address);
    options.token = Secret::new("the-token");
    let connection = Connection::connect(&options).await.unwrap();
    assert_eq!(count(&rows(&connection, "SELECT 1").await.unwrap()), 2);
    assert!(!state.calls().contains(&"handshake".to_owned()));

    options.token = Secret::new("forged");
    let error = Connection::connect(&options).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::AuthenticationFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_an_error_that_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = Connection::connect(&ConnectOptions::new(&address)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RemoteHostGone);
    assert!(error.message().contains(&address), "{error}");
    assert!(error.message().contains("refused"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = ConnectOptions::new(listener.local_addr().unwrap().to_string());
    options.connect_timeout = Duration::from_millis(200);
    let error = Connection::connect(&options).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RemoteHostGone);
    assert!(error.message().contains("200ms"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_options_are_set_and_read() {
    let (address, state) = start(State::default()).await;
    let mut options = ConnectOptions::new(address);
    options.session = vec![("catalog".to_owned(), "hive".to_owned())];
    let connection = Connection::connect(&options).await.unwrap();
    connection.set_session_options(&[("execution_mode", "local")]).await.unwrap();
    let read = connection.session_options().await.unwrap();
    let text = |text: &str| Some(SessionValue::String(text.to_owned()));
    assert_eq!(read.get("catalog").cloned(), text("hive"));
    assert_eq!(read.get("execution_mode").cloned(), text("local"));

    let error = connection.set_session_options(&[("wrong", "x")]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidSessionProperty);
    assert!(error.message().contains("\"wrong\" is unknown"), "{error}");
    connection.close().await.unwrap();
    assert!(state.calls().contains(&"close session".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_is_read() {
    let (connection, _) = connect(State::default()).await;
    assert_eq!(connection.catalogs().await.unwrap(), ["hive", "system"]);
    let web = SchemaName { catalog: "hive".to_owned(), schema: "web".to_owned() };
    assert!(connection.schemas(None).await.unwrap().contains(&web));
    let tables = connection.tables(&TableFilter::default()).await.unwrap();
    let flights = tables.iter().find(|table| table.name == "flights").unwrap();
    assert_eq!((flights.schema.as_str(), flights.table_type.as_str()), ("default", "TABLE"));
    assert!(flights.columns.is_none());
    let filter = TableFilter { include_columns: true, ..TableFilter::default() };
    let tables = connection.tables(&filter).await.unwrap();
    assert_eq!(tables[0].columns.as_ref().unwrap().field(1).name(), "distance");
    let info = connection.server_info().await.unwrap();
    assert_eq!((info.name.as_str(), info.version.as_str()), ("Fake", "1.2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_or_not() {
    let query = QueryId::from(QUERY_ID.to_owned());
    let (connection, _) = connect(State::default()).await;
    let progress = connection.query_progress(&query).await.unwrap().unwrap();
    assert_eq!((progress.stage, progress.splits, progress.bytes), (1, 20, 123_456));
    let (connection, _) = connect(State { standard_only: true, ..State::default() }).await;
    assert!(connection.query_progress(&query).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_server_will_do() {
    let (connection, _) = connect(State { standard_only: true, ..State::default() }).await;
    assert_eq!(count(&rows(&connection, "SELECT 1").await.unwrap()), 2);
    connection.close().await.unwrap();
}
