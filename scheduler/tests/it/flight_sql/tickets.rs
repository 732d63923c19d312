//! Tickets: who may use them, how often, how long; and cancelling by them.

use super::harness::{
    RawClient, Server, SqlClient, act, code, count, fetch, impatient, packed, status, ticket,
    wait_for, wrapped,
};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, Any, Command, CommandPreparedStatementQuery,
    CommandStatementQuery, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightEndpoint, FlightInfo,
    RenewFlightEndpointRequest, Ticket,
};
use futures::StreamExt;
use prost::Message;
use quern_common::config::AuthConfig;
use std::time::Duration;
use tonic::Code;

async fn refused(client: &mut SqlClient, ticket: Vec<u8>) -> String {
    let error = status(client.do_get(Ticket::new(ticket)).await.unwrap_err());
    assert_eq!((error.code(), code(&error)), (Code::InvalidArgument, "INVALID_TICKET"));
    error.message().to_owned()
}

fn handle_of(info: &FlightInfo) -> Vec<u8> {
    let any = Any::decode(ticket(info).ticket).unwrap();
    match Command::try_from(any).unwrap() {
        Command::TicketStatementQuery(ticket) => ticket.statement_handle.to_vec(),
        other => panic!("not a statement's ticket: {other:?}"),
    }
}

fn with_handle(handle: &[u8]) -> Vec<u8> {
    packed(&TicketStatementQuery { statement_handle: handle.to_vec().into() })
}

#[tokio::test]
async fn a_ticket_is_good_for_one_fetch() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    assert_eq!(fetch(&mut client, &info).await.num_rows(), 1);
    let message = refused(&mut client, ticket(&info).ticket.to_vec()).await;
    assert!(message.contains("fetched already"), "{message}");
    assert_eq!(count(&server.counts.submitted), 1);
}

#[tokio::test]
async fn a_changed_or_invented_ticket_is_refused() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    let handle = handle_of(&info);
    for at in [0, 31, 32, handle.len() - 1] {
        let mut forged = handle.clone();
        forged[at] ^= 0x40;
        refused(&mut client, with_handle(&forged)).await;
        refused(&mut client, with_handle(&handle[..at])).await;
    }
    for garbage in [vec![], b"SELECT 1".to_vec(), vec![0xff; 100]] {
        refused(&mut client, garbage).await;
    }
    let command = CommandStatementQuery { query: "SELECT 1".to_owned(), transaction_id: None };
    refused(&mut client, packed(&command)).await;
    let command = CommandPreparedStatementQuery { prepared_statement_handle: handle.into() };
    refused(&mut client, packed(&command)).await;
    assert_eq!(fetch(&mut client, &info).await.num_rows(), 1, "the true ticket is still good");
}

#[tokio::test]
async fn a_ticket_is_good_in_its_session_only() {
    let server = Server::with_users().await;
    let (mut ada, mut bob) = (server.client().await, server.client().await);
    ada.handshake("ada", "s3cret").await.unwrap();
    bob.handshake("bob", "hunter2").await.unwrap();
    let info = ada.execute("SELECT 1".to_owned(), None).await.unwrap();
    let message = refused(&mut bob, ticket(&info).ticket.to_vec()).await;
    assert!(message.contains("another session"), "{message}");
    // Another connection of the same session may fetch it.
    let mut elsewhere = server.client().await;
    elsewhere.set_token(ada.token().unwrap().clone());
    assert_eq!(fetch(&mut elsewhere, &info).await.num_rows(), 1);
}

#[tokio::test]
async fn a_prepared_statement_belongs_to_its_session() {
    let server = Server::start().await;
    let (mut first, mut second) = (server.client().await, server.raw().await);
    first.prepare("SELECT 1".to_owned(), None).await.unwrap();
    let mut raw = RawClient::new(server.channel().await);
    let request = arrow_flight::sql::ActionCreatePreparedStatementRequest {
        query: "SELECT 1".to_owned(),
        transaction_id: None,
    };
    let body = act(&mut raw, "CreatePreparedStatement", packed(&request)).await.unwrap().unwrap();
    let result: arrow_flight::sql::ActionCreatePreparedStatementResult =
        Any::decode(body).unwrap().unpack().unwrap().unwrap();
    let command = CommandPreparedStatementQuery {
        prepared_statement_handle: result.prepared_statement_handle.clone(),
    };
    let descriptor = super::harness::descriptor(&command);
    let error = second.get_flight_info(descriptor.clone()).await.unwrap_err();
    assert_eq!(code(&error), "INVALID_TICKET");
    raw.get_flight_info(descriptor).await.unwrap();
    // A handle is no ticket.
    let ticket = with_handle(&result.prepared_statement_handle);
    let error = raw.do_get(Ticket::new(ticket)).await.unwrap_err();
    assert_eq!(code(&error), "INVALID_TICKET");
}

#[tokio::test]
async fn a_result_that_nobody_fetches_is_cancelled() {
    let server = Server::with(impatient(), AuthConfig::default()).await;
    let mut client = server.client().await;
    let info = client.execute("SELECT endless".to_owned(), None).await.unwrap();
    assert_eq!(count(&server.counts.dropped), 0);
    wait_for(&server.counts.dropped, 1).await;
    let message = refused(&mut client, ticket(&info).ticket.to_vec()).await;
    assert!(message.contains("expired"), "{message}");
}

#[tokio::test]
async fn renewing_keeps_a_result_waiting() {
    let server = Server::with(impatient(), AuthConfig::default()).await;
    let channel = server.channel().await;
    let (mut client, mut raw) = (SqlClient::new(channel.clone()), RawClient::new(channel));
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    let request = RenewFlightEndpointRequest::new(info.endpoint[0].clone());
    for round in 0..8 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let body = match round % 2 {
            0 => act(&mut raw, "RenewFlightEndpoint", request.encode_to_vec()).await.unwrap(),
            _ => {
                let body = wrapped("RenewFlightEndpointRequest", &request);
                let reply = act(&mut raw, "RenewFlightEndpoint", body).await.unwrap();
                Some(Any::decode(reply.unwrap()).unwrap().value)
            }
        };
        let endpoint = FlightEndpoint::decode(body.unwrap()).unwrap();
        assert_eq!(endpoint.ticket, info.endpoint[0].ticket);
    }
    assert_eq!(fetch(&mut client, &info).await.num_rows(), 1);
    let body = request.encode_to_vec();
    let error = act(&mut raw, "RenewFlightEndpoint", body).await.unwrap_err();
    assert_eq!(code(&error), "INVALID_TICKET");
}

#[tokio::test]
async fn a_query_is_cancelled_by_each_form_of_the_request() {
    let server = Server::start().await;
    let channel = server.channel().await;
    let (mut client, mut raw) = (SqlClient::new(channel.clone()), RawClient::new(channel));
    for round in 0..3 {
        let info = client.execute("SELECT endless".to_owned(), None).await.unwrap();
        let request = CancelFlightInfoRequest::new(info.clone());
        let status = match round {
            0 => {
                let body = act(&mut raw, "CancelFlightInfo", request.encode_to_vec()).await;
                CancelFlightInfoResult::decode(body.unwrap().unwrap()).unwrap().status
            }
            1 => {
                let body = wrapped("CancelFlightInfoRequest", &request);
                let body = act(&mut raw, "CancelFlightInfo", body).await.unwrap().unwrap();
                let any = Any::decode(body).unwrap();
                assert!(any.type_url.ends_with("protocol.CancelFlightInfoResult"));
                CancelFlightInfoResult::decode(any.value).unwrap().status
            }
            _ => {
                let request = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
                let body = act(&mut raw, "CancelQuery", packed(&request)).await.unwrap().unwrap();
                let any = Any::decode(body).unwrap();
                assert!(any.is::<ActionCancelQueryResult>());
                any.unpack::<ActionCancelQueryResult>().unwrap().unwrap().result
            }
        };
        assert_eq!(status, CancelStatus::Cancelled as i32);
        assert_eq!(count(&server.counts.cancelled), round + 1);
        wait_for(&server.counts.dropped, round + 1).await;
        refused(&mut client, ticket(&info).ticket.to_vec()).await;
    }
}

#[tokio::test]
async fn what_is_over_or_not_ones_own_cannot_be_cancelled() {
    let server = Server::start().await;
    let channel = server.channel().await;
    let (mut client, mut raw) = (SqlClient::new(channel.clone()), RawClient::new(channel));
    let over = client.execute("CREATE TABLE t".to_owned(), None).await.unwrap();
    let catalogs = client.get_catalogs().await.unwrap();
    for info in [over, catalogs] {
        let body = CancelFlightInfoRequest::new(info).encode_to_vec();
        let body = act(&mut raw, "CancelFlightInfo", body).await.unwrap().unwrap();
        let status = CancelFlightInfoResult::decode(body).unwrap().status;
        assert_eq!(status, CancelStatus::NotCancellable as i32);
    }
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    let body = CancelFlightInfoRequest::new(info.clone()).encode_to_vec();
    let mut other = server.raw().await;
    let error = act(&mut other, "CancelFlightInfo", body).await.unwrap_err();
    assert_eq!(code(&error), "INVALID_TICKET");
    assert_eq!(count(&server.counts.cancelled), 0);
    assert_eq!(fetch(&mut client, &info).await.num_rows(), 1);
}

#[tokio::test]
async fn progress_is_told_for_known_queries() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    let body = act(&mut raw, "QuernQueryProgress", &b"q1"[..]).await.unwrap().unwrap();
    let progress: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(progress["rows"], 7);
    let error = act(&mut raw, "QuernQueryProgress", &b"unknown"[..]).await.unwrap_err();
    assert_eq!(code(&error), "NOT_FOUND");
}

#[tokio::test]
async fn the_ticket_of_metadata_is_its_command() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.get_catalogs().await.unwrap();
    let command = arrow_flight::sql::CommandGetCatalogs {};
    assert_eq!(ticket(&info).ticket, command.as_any().encode_to_vec());
    // Fetched by whoever is let in, as often as he likes.
    for _ in 0..2 {
        let mut other = server.client().await;
        assert!(other.do_get(ticket(&info)).await.unwrap().next().await.unwrap().is_ok());
    }
}
