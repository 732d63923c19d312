//! How rows travel: types, message sizes, slow clients and clients that leave.

use super::fake_backend::LARGE_ROWS;
use super::harness::{
    RawClient, Server, SqlClient, code, count, fetch, impatient, ticket, wait_for,
};
use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use arrow_flight::error::FlightError;
use futures::{StreamExt, TryStreamExt};
use quern_common::config::{AuthConfig, ByteSize, FlightSqlConfig};
use std::time::Duration;

#[tokio::test]
async fn text_is_plain_unless_the_planner_says_otherwise() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT views".to_owned(), None).await.unwrap();
    let batch = fetch(&mut client, &info).await;
    assert_eq!(batch.schema().field(0).data_type(), &DataType::Utf8);
    assert_eq!(batch.column(0).as_string::<i32>().value(1), "a text of some length");
    let info = client.execute("SELECT native".to_owned(), None).await.unwrap();
    let batch = fetch(&mut client, &info).await;
    assert_eq!(batch.column(0).as_string_view().value(1), "a text of some length");
}

#[tokio::test]
async fn columns_carry_their_sql_type() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT views".to_owned(), None).await.unwrap();
    let schema = info.try_decode_schema().unwrap();
    assert_eq!(schema.field(0).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "VARCHAR");
}

#[tokio::test]
async fn large_batches_are_cut_into_small_messages() {
    let server = Server::start().await;
    let channel = server.channel().await;
    let (mut client, mut raw) = (SqlClient::new(channel.clone()), RawClient::new(channel));
    let info = client.execute("SELECT huge".to_owned(), None).await.unwrap();
    let stream = raw.do_get(ticket(&info)).await.unwrap().into_inner();
    let messages: Vec<_> = stream.try_collect().await.unwrap();
    assert!(messages.len() > 8);
    let largest = messages.iter().map(|message| message.data_body.len()).max().unwrap();
    assert!(largest <= 2 << 20, "{largest}");
    let info = client.execute("SELECT huge".to_owned(), None).await.unwrap();
    let batch = fetch(&mut client, &info).await;
    assert_eq!(batch.num_rows(), LARGE_ROWS * 16);
    let values = batch.column(0).as_primitive::<Int64Type>().values();
    assert!(values.iter().zip(0..).all(|(found, expected)| *found == expected));
}

#[tokio::test]
async fn messages_are_as_large_as_allowed() {
    let config = FlightSqlConfig { max_message_size: ByteSize::mib(1), ..impatient() };
    let server = Server::with(config, AuthConfig::default()).await;
    let mut client = server.client().await;
    let info = client.execute("SELECT huge".to_owned(), None).await.unwrap();
    let batch = fetch(&mut client, &info).await;
    assert_eq!(batch.num_rows(), LARGE_ROWS * 16, "smaller messages carry it");
    let info = client.execute("SELECT long".to_owned(), None).await.unwrap();
    let stream = client.do_get(ticket(&info)).await.unwrap();
    let failed = stream.try_collect::<Vec<_>>().await.unwrap_err();
    let FlightError::Tonic(status) = failed else { panic!("{failed}") };
    assert_eq!(code(&status), "GENERIC_INSUFFICIENT_RESOURCES");
    assert!(status.message().contains("the most is 1048576"), "{status}");
}

#[tokio::test]
async fn a_client_that_drops_its_stream_cancels_the_query() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for (round, sql) in ["SELECT endless", "SELECT large"].into_iter().enumerate() {
        let info = client.execute(sql.to_owned(), None).await.unwrap();
        let mut stream = client.do_get(ticket(&info)).await.unwrap();
        stream.next().await.unwrap().unwrap();
        assert_eq!(count(&server.counts.dropped), round);
        drop(stream);
        wait_for(&server.counts.dropped, round + 1).await;
    }
}

#[tokio::test]
async fn a_client_that_disconnects_cancels_its_queries() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let fetched = client.execute("SELECT endless".to_owned(), None).await.unwrap();
    client.execute("SELECT endless".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(ticket(&fetched)).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop((client, stream));
    wait_for(&server.counts.dropped, 2).await;
    assert_eq!(server.service.session_count(), 0);
}

#[tokio::test]
async fn a_slow_client_holds_the_query_back() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT large".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(ticket(&info)).await.unwrap();
    stream.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let held = count(&server.counts.pulled);
    // 1 MiB each: the client's window and what is under way.
    assert!(held < 16, "{held} batches were pulled for a client that reads none");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(count(&server.counts.pulled), held);
    for _ in 0..2 * held {
        stream.next().await.unwrap().unwrap();
    }
    assert!(count(&server.counts.pulled) > held, "reading on moves the query on");
}

#[tokio::test]
async fn a_client_that_stops_reading_loses_its_query() {
    let server = Server::with(impatient(), AuthConfig::default()).await;
    let channel = server.channel().await;
    let (mut client, mut raw) = (SqlClient::new(channel.clone()), RawClient::new(channel));
    let info = client.execute("SELECT large".to_owned(), None).await.unwrap();
    let stream = raw.do_get(ticket(&info)).await.unwrap().into_inner();
    wait_for(&server.counts.dropped, 1).await;
    let error = stream.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(code(&error), "EXCEEDED_TIME_LIMIT");
}
