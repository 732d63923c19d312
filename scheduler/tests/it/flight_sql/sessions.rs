//! Who is let in, and what belongs to whom.

use super::fake_backend::FakeBackend;
use super::harness::{
    RawClient, Server, SqlClient, act, code, count, status, ticket, wait_for, wrapped,
};
use arrow_flight::sql::{CommandGetCatalogs, CommandStatementQuery};
use arrow_flight::{BasicAuth, Empty, FlightDescriptor, HandshakeRequest};
use base64::Engine;
use prost::{Message, Oneof};
use quern_common::config::{AuthConfig, FlightSqlConfig, HumanDuration};
use quern_common::{Error, ErrorCode};
use quern_scheduler::flight_sql::{FlightSqlService, SessionDefaults, authenticator, serve};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request};

/// The protocol's messages once more, so that the service's own are tested against them.
#[derive(Clone, PartialEq, Message)]
struct StringList {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Number(i64),
    #[prost(message, tag = "5")]
    List(StringList),
}

#[derive(Clone, PartialEq, Message)]
struct OptionValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 5")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(map = "string, message", tag = "1")]
    options: HashMap<String, OptionValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(int32, tag = "1")]
    value: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Errors {
    #[prost(map = "string, message", tag = "1")]
    errors: HashMap<String, Number>,
}

fn options(name: &str, value: Option<Value>) -> Options {
    Options { options: HashMap::from([(name.to_owned(), OptionValue { value })]) }
}

fn text(value: &str) -> Option<Value> {
    Some(Value::Text(value.to_owned()))
}

/// Sets an option and returns the number of the error, if there is one.
async fn set(client: &mut RawClient, name: &str, value: Option<Value>) -> Option<i32> {
    let body = options(name, value).encode_to_vec();
    let body = act(client, "SetSessionOptions", body).await.unwrap().unwrap();
    Errors::decode(body).unwrap().errors.get(name).map(|error| error.value)
}

async fn get(client: &mut RawClient) -> BTreeMap<String, String> {
    let body = act(client, "GetSessionOptions", &b""[..]).await.unwrap().unwrap();
    let options = Options::decode(body).unwrap().options.into_iter();
    options
        .map(|(name, value)| match value.value {
            Some(Value::Text(text)) => (name, text),
            other => panic!("{name} is {other:?}"),
        })
        .collect()
}

fn catalogs() -> FlightDescriptor {
    super::harness::descriptor(&CommandGetCatalogs {})
}

fn with<T>(message: T, key: &'static str, value: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(key, value.parse().unwrap());
    request
}

fn basic(user: &str, password: &str) -> String {
    let text = format!("{user}:{password}");
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(text))
}

fn cookie(metadata: &MetadataMap) -> Option<String> {
    let cookie = metadata.get("set-cookie")?.to_str().unwrap();
    Some(cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn options_are_set_read_and_reset() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    assert_eq!(get(&mut client).await["catalog"], "hive");
    assert_eq!(set(&mut client, "catalog", text("lake")).await, None);
    assert_eq!(set(&mut client, "mode", Some(Value::Bool(true))).await, None);
    assert_eq!(get(&mut client).await["mode"], "true");
    assert_eq!(set(&mut client, "mode", Some(Value::Number(1))).await, None);
    assert_eq!(get(&mut client).await["mode"], "1");
    assert_eq!(set(&mut client, "mode", None).await, None);
    let (name, value) = ("schema".to_owned(), "default".to_owned());
    let expected = [("catalog".to_owned(), "lake".to_owned()), ("mode".into(), "auto".into())];
    assert_eq!(get(&mut client).await, expected.into_iter().chain([(name, value)]).collect());
}

#[tokio::test]
async fn options_that_cannot_be_set_are_named_with_the_reason() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    let (invalid_name, invalid_value, failed) = (Some(1), Some(2), Some(3));
    assert_eq!(set(&mut client, "speed", text("high")).await, invalid_name);
    assert_eq!(set(&mut client, "mode", text("warp")).await, invalid_value);
    let list = Value::List(StringList { values: vec!["local".to_owned()] });
    assert_eq!(set(&mut client, "mode", Some(list)).await, invalid_value);
    assert_eq!(set(&mut client, "catalog", text("broken")).await, failed);
    assert_eq!(get(&mut client).await["mode"], "auto");
}

#[tokio::test]
async fn a_schema_may_be_set_together_with_its_catalog() {
    let server = Server::start().await;
    for _ in 0..10 {
        let mut client = server.raw().await;
        let mut both = options("schema", text("deep"));
        both.options.extend(options("catalog", text("lake")).options);
        let body = act(&mut client, "SetSessionOptions", both.encode_to_vec()).await.unwrap();
        assert_eq!(Errors::decode(body.unwrap()).unwrap(), Errors::default());
    }
}

#[tokio::test]
async fn session_messages_may_come_wrapped() {
    let server = Server::start().await;
    let mut client = server.raw().await;
    let body = wrapped("SetSessionOptionsRequest", &options("catalog", text("lake")));
    let reply = act(&mut client, "SetSessionOptions", body).await.unwrap().unwrap();
    let any = arrow_flight::sql::Any::decode(reply).unwrap();
    assert_eq!(any.type_url, "type.googleapis.com/arrow.flight.protocol.SetSessionOptionsResult");
    assert_eq!(get(&mut client).await["catalog"], "lake");
}

#[tokio::test]
async fn connections_without_token_do_not_share_a_session() {
    let server = Server::start().await;
    let (mut first, mut second) = (server.raw().await, server.raw().await);
    assert_eq!(set(&mut first, "catalog", text("lake")).await, None);
    assert_eq!(get(&mut first).await["catalog"], "lake");
    assert_eq!(get(&mut second).await["catalog"], "hive");
    assert_eq!(server.service.session_count(), 2);
}

#[tokio::test]
async fn a_statement_is_planned_with_its_sessions_settings() {
    let server = Server::start().await;
    let channel = server.channel().await;
    let (mut raw, mut client) = (RawClient::new(channel.clone()), SqlClient::new(channel));
    set(&mut raw, "catalog", text("lake")).await;
    let info = client.execute("SELECT catalog".to_owned(), None).await.unwrap();
    assert_eq!(info.try_decode_schema().unwrap().field(0).name(), "lake");
}

#[tokio::test]
async fn a_session_is_found_again_by_its_cookie() {
    let server = Server::start().await;
    let mut first = server.raw().await;
    let reply = first.get_flight_info(catalogs()).await.unwrap();
    let session = cookie(reply.metadata()).unwrap();
    assert!(session.starts_with("quern_session="));
    let reply = first.get_flight_info(catalogs()).await.unwrap();
    assert_eq!(cookie(reply.metadata()), None, "told once");
    set(&mut first, "catalog", text("lake")).await;

    let mut second = server.raw().await;
    let request = with(arrow_flight::Action::new("GetSessionOptions", ""), "cookie", &session);
    let reply = second.do_action(request).await.unwrap();
    assert_eq!(cookie(reply.metadata()), None);
    let body = reply.into_inner().message().await.unwrap().unwrap().body;
    let options = Options::decode(body).unwrap().options;
    assert_eq!(options["catalog"].value, text("lake"));
    assert_eq!(server.service.session_count(), 1);

    let request = with(catalogs(), "cookie", "quern_session=stale");
    let reply = second.get_flight_info(request).await.unwrap();
    assert!(cookie(reply.metadata()).is_some(), "a stale cookie is replaced");
}

#[tokio::test]
async fn a_handshake_without_authentication_gives_a_named_session() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let payload = client.handshake("ada", "anything").await.unwrap();
    assert_eq!(payload, client.token().unwrap().as_bytes());
    client.get_catalogs().await.unwrap();
    assert_eq!(server.service.session_count(), 1);
}

#[tokio::test]
async fn without_credentials_nobody_is_let_in_where_there_are_users() {
    let server = Server::with_users().await;
    let mut client = server.raw().await;
    let query = CommandStatementQuery { query: "SELECT 1".to_owned(), transaction_id: None };
    let message =
        arrow_flight::FlightData::new().with_descriptor(super::harness::descriptor(&query));
    let errors = [
        client.get_flight_info(catalogs()).await.unwrap_err(),
        client.poll_flight_info(catalogs()).await.unwrap_err(),
        client.get_schema(catalogs()).await.unwrap_err(),
        client.do_get(arrow_flight::Ticket::new(catalogs().cmd)).await.unwrap_err(),
        client.do_put(futures::stream::iter([message])).await.unwrap_err(),
        client.list_actions(Empty {}).await.unwrap_err(),
        act(&mut client, "GetSessionOptions", "").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.code(), code(&error)), (Code::Unauthenticated, "AUTHENTICATION_FAILED"));
        assert!(error.message().contains("user name and password"), "{error}");
    }
    assert_eq!(server.service.session_count(), 0);
    assert_eq!(count(&server.counts.submitted), 0);
}

#[tokio::test]
async fn a_handshake_exchanges_a_password_for_a_bearer_token() {
    let server = Server::with_users().await;
    let mut client = server.client().await;
    client.handshake("ada", "s3cret").await.unwrap();
    let info = client.get_catalogs().await.unwrap();
    client.do_get(ticket(&info)).await.unwrap();

    let mut stranger = server.client().await;
    let error = stranger.handshake("ada", "wrong").await.unwrap_err();
    assert!(error.to_string().contains("wrong user name or password"), "{error}");
    assert_eq!(server.service.session_count(), 1);
}

#[tokio::test]
async fn a_handshake_may_carry_the_password_in_its_payload() {
    let server = Server::with_users().await;
    let mut client = server.raw().await;
    let shake = |password: &str| {
        let auth = BasicAuth { username: "ada".to_owned(), password: password.to_owned() };
        let payload = auth.encode_to_vec().into();
        futures::stream::iter([HandshakeRequest { protocol_version: 0, payload }])
    };
    let error = client.handshake(shake("wrong")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    let reply = client.handshake(shake("s3cret")).await.unwrap();
    let header = reply.metadata().get("authorization").unwrap().to_str().unwrap().to_owned();
    let payload = reply.into_inner().message().await.unwrap().unwrap().payload;
    assert_eq!(header.as_bytes(), [b"Bearer ", &payload[..]].concat());
    client.get_flight_info(with(catalogs(), "authorization", &header)).await.unwrap();
}

#[tokio::test]
async fn a_password_may_come_with_every_call() {
    let server = Server::with_users().await;
    let mut client = server.raw().await;
    for _ in 0..3 {
        let request = with(catalogs(), "authorization", &basic("ada", "s3cret"));
        client.get_flight_info(request).await.unwrap();
    }
    assert_eq!(server.service.session_count(), 1, "one session a connection and user");
    let request = with(catalogs(), "authorization", &basic("bob", "hunter2"));
    client.get_flight_info(request).await.unwrap();
    assert_eq!(server.service.session_count(), 2);
    for wrong in [basic("ada", "hunter2"), basic("eve", ""), "Bearer x".into(), "Digest x".into()] {
        let request = with(catalogs(), "authorization", &wrong);
        let error = client.get_flight_info(request).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{wrong}");
    }
}

#[tokio::test]
async fn a_cookie_is_no_password() {
    let server = Server::with_users().await;
    let mut client = server.raw().await;
    let request = with(catalogs(), "authorization", &basic("ada", "s3cret"));
    let reply = client.get_flight_info(request).await.unwrap();
    let session = cookie(reply.metadata()).unwrap();
    let error = client.get_flight_info(with(catalogs(), "cookie", &session)).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    // Bob does not get Ada's session by her cookie.
    let mut request = with(catalogs(), "cookie", &session);
    request.metadata_mut().insert("authorization", basic("bob", "hunter2").parse().unwrap());
    client.get_flight_info(request).await.unwrap();
    assert_eq!(server.service.session_count(), 2);
}

#[tokio::test]
async fn a_closed_session_is_over_with_all_it_held() {
    let server = Server::with_users().await;
    let channel = server.channel().await;
    let mut client = SqlClient::new(channel.clone());
    client.handshake("ada", "s3cret").await.unwrap();
    client.execute("SELECT endless".to_owned(), None).await.unwrap();
    let bearer = format!("Bearer {}", client.token().unwrap());
    let mut raw = RawClient::new(channel);
    let request = with(arrow_flight::Action::new("CloseSession", ""), "authorization", &bearer);
    let body = raw.do_action(request).await.unwrap().into_inner().message().await;
    assert_eq!(Number::decode(body.unwrap().unwrap().body).unwrap().value, 1);
    wait_for(&server.counts.dropped, 1).await;
    assert_eq!(server.service.session_count(), 0);
    let error = status(client.get_catalogs().await.unwrap_err());
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().contains("log in again"), "{error}");
}

#[tokio::test]
async fn an_idle_session_is_closed_but_not_while_it_streams() {
    let config = FlightSqlConfig {
        session_idle_timeout: HumanDuration(Duration::from_millis(200)),
        ..FlightSqlConfig::default()
    };
    let server = Server::with(config, AuthConfig::default()).await;
    let mut client = server.client().await;
    client.handshake("ada", "").await.unwrap();
    let info = client.execute("SELECT endless".to_owned(), None).await.unwrap();
    let stream = client.do_get(ticket(&info)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    client.get_catalogs().await.unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(800)).await;
    let error = status(client.get_catalogs().await.unwrap_err());
    assert_eq!(error.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn sessions_have_a_bound() {
    let config = FlightSqlConfig { max_sessions: 2, ..FlightSqlConfig::default() };
    let server = Server::with(config, AuthConfig::default()).await;
    let mut held = vec![];
    for _ in 0..2 {
        let mut client = server.client().await;
        client.get_catalogs().await.unwrap();
        held.push(client);
    }
    let mut one_too_many = server.client().await;
    let error = status(one_too_many.get_catalogs().await.unwrap_err());
    assert_eq!(error.code(), Code::ResourceExhausted);
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;
    one_too_many.get_catalogs().await.unwrap();
}

#[tokio::test]
async fn a_listener_that_others_reach_needs_users() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let defaults = SessionDefaults { catalog: "hive".to_owned(), schema: "default".to_owned() };
    let service = FlightSqlService::new(
        Arc::new(FakeBackend::default()),
        authenticator(&AuthConfig::default()),
        defaults,
        FlightSqlConfig::default(),
    );
    let error: Error =
        serve(Arc::new(service.unwrap()), listener, std::future::pending()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ConfigurationInvalid);
    assert!(error.message().contains("no users"), "{error}");
}
