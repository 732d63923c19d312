//! What a server answers, byte by byte.

use crate::support::{
    Answer, Backstage, DIALECTS, Dialect, HUGE, PATIENCE, PLAIN, REPLY, RawClient, message, start,
    table_args, text, wait_until_idle,
};
use quern_proto::hive_metastore::methods::{CreateDatabase, GetAllDatabases};
use quern_proto::hive_metastore::types::Database;
use quern_proto::hive_metastore::{
    CallError, ClientOptions, HiveMetastoreClient, HiveMetastoreServer, ServerOptions,
};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;
use tokio::task::spawn_blocking;

const STATUS_ALIVE: [u8; 5] = [0, 0, 0, 2, 0];

async fn with_client(dialect: Dialect, test: impl FnOnce(RawClient) + Send + 'static) {
    let server = start(ServerOptions::default(), Backstage::default()).await;
    let address = server.local_address();
    spawn_blocking(move || test(RawClient::connect(address, dialect))).await.unwrap();
    wait_until_idle(&server).await;
    server.shutdown().await;
}

fn is_alive(client: &mut RawClient) {
    let answer = client.call("getStatus", &[0]);
    assert_eq!(answer, Answer { kind: REPLY, field: Some(0), message: None });
    assert_eq!(client.take(5), STATUS_ALIVE);
}

#[tokio::test]
async fn stays_in_step_after_calls_that_it_refuses() {
    for dialect in DIALECTS {
        with_client(dialect, |mut client| {
            let answer = client.call("no_such_method", &table_args("orders"));
            assert_eq!(answer, Answer::failure(1, "Invalid method name: 'no_such_method'"));
            is_alive(&mut client);
            let answer = client.call("open_txns", &table_args("orders"));
            assert_eq!(answer, Answer::failure(1, "not supported: open_txns"));
            // In the table, but not in this service.
            let answer = client.call("get_all_functions", &[0]);
            assert_eq!(answer, Answer::failure(1, "not supported: get_all_functions"));
            is_alive(&mut client);
        })
        .await;
    }
}

#[tokio::test]
async fn puts_an_exception_into_the_field_that_declares_it() {
    for dialect in DIALECTS {
        with_client(dialect, |mut client| {
            let answer = client.call("get_table", &table_args("none"));
            assert_eq!(answer, Answer::exception(2, "lake.none table not found"));
            let answer = client.call("get_table", &table_args("undeclared"));
            let message = "Internal error processing get_table: \
                           NoSuchLockException: not declared here";
            assert_eq!(answer, Answer::failure(6, message));
            is_alive(&mut client);
        })
        .await;
    }
}

#[tokio::test]
async fn returns_nothing_as_an_empty_struct() {
    with_client(PLAIN, |mut client| {
        let body = [&[12, 0, 1][..], &text(1, "sales"), &[0, 0]].concat();
        let answer = client.call("create_database", &body);
        assert_eq!(answer, Answer { kind: REPLY, field: None, message: None });
        is_alive(&mut client);
    })
    .await;
}

#[tokio::test]
async fn refuses_an_incomplete_request_and_goes_on() {
    with_client(PLAIN, |mut client| {
        // A lock request without the fields that it must have.
        let answer = client.call("lock", &[12, 0, 1, 0, 0]);
        let message = "invalid message: LockRequest has no component";
        assert_eq!(answer, Answer::failure(7, message));
        is_alive(&mut client);
    })
    .await;
}

#[tokio::test]
async fn says_why_it_closes_the_connection() {
    for dialect in DIALECTS {
        with_client(dialect, |mut client| {
            // Field 1 is a string that claims 2 GiB.
            let answer = client.call("get_table", &[11, 0, 1, 0x7f, 0xff, 0xff, 0xff]);
            let message = "malformed message: Byte array size 2147483647 exceeds maximum allowed \
                           size of 16777216";
            assert_eq!(answer, Answer::failure(7, message));
            client.expect_end();
        })
        .await;
    }
}

#[tokio::test]
async fn does_not_answer_oneway_calls_and_does_not_obey_shutdown() {
    with_client(PLAIN, |mut client| {
        client.stream.write_all(&message(PLAIN, 4, "shutdown", &[0])).unwrap();
        // Some clients send it as a call.
        client.send("shutdown", &[0]);
        client.stream.write_all(&message(PLAIN, 4, "no_such_method", &[0])).unwrap();
        is_alive(&mut client);
    })
    .await;
}

#[tokio::test]
async fn refuses_answers_that_are_sent_to_it() {
    with_client(PLAIN, |mut client| {
        client.stream.write_all(&message(PLAIN, REPLY, "get_table", &[0])).unwrap();
        let answer = client.answer("get_table");
        assert_eq!(answer, Answer::failure(2, "a message of type Reply is no call"));
        is_alive(&mut client);
    })
    .await;
}

#[tokio::test]
async fn a_panic_ends_one_connection_only() {
    let server = start(ServerOptions::default(), Backstage::default()).await;
    let address = server.local_address();
    spawn_blocking(move || {
        let mut other = RawClient::connect(address, PLAIN);
        is_alive(&mut other);
        let mut client = RawClient::connect(address, PLAIN);
        client.send("get_table", &table_args("panic"));
        client.expect_end();
        is_alive(&mut other);
    })
    .await
    .unwrap();
    wait_until_idle(&server).await;
}

#[tokio::test]
async fn refuses_connections_beyond_the_limit_and_takes_them_again() {
    let options = ServerOptions { connections_max: 2, ..ServerOptions::default() };
    let server = start(options, Backstage::default()).await;
    let address = server.local_address();
    spawn_blocking(move || {
        let mut clients = [(); 2].map(|()| RawClient::connect(address, PLAIN));
        clients.iter_mut().for_each(is_alive);
        RawClient::connect(address, PLAIN).expect_end();
        clients.iter_mut().for_each(is_alive);
    })
    .await
    .unwrap();
    wait_until_idle(&server).await;
    spawn_blocking(move || is_alive(&mut RawClient::connect(address, PLAIN))).await.unwrap();
}

#[tokio::test]
async fn closes_connections_that_are_silent_or_slow() {
    let short = Duration::from_millis(200);
    let options =
        ServerOptions { idle_timeout: short, request_timeout: short, ..ServerOptions::default() };
    let server = start(options, Backstage::default()).await;
    let address = server.local_address();
    let trickle = spawn_blocking(move || {
        // Never silent for long, and never done: a byte at a time until the server hangs up.
        let client = RawClient::connect(address, PLAIN);
        let mut stream = &client.stream;
        let endless = message(PLAIN, 1, "get_table", &text(1, &"x".repeat(10_000)));
        for byte in endless {
            if stream.write_all(&[byte]).is_err() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    });
    spawn_blocking(move || {
        let mut silent = RawClient::connect(address, PLAIN);
        let mut idle = RawClient::connect(address, PLAIN);
        is_alive(&mut idle);
        silent.expect_end();
        idle.expect_end();
    })
    .await
    .unwrap();
    assert!(trickle.await.unwrap(), "a slow sender is cut off");
    wait_until_idle(&server).await;
}

#[tokio::test]
async fn gives_up_on_a_client_that_does_not_read() {
    let reply_timeout = Duration::from_millis(200);
    let options = ServerOptions { reply_timeout, ..ServerOptions::default() };
    let server = start(options, Backstage::default()).await;
    let address = server.local_address();
    let mut client = spawn_blocking(move || {
        let mut client = RawClient::connect(address, PLAIN);
        is_alive(&mut client);
        client.send("get_table", &table_args("huge"));
        client
    })
    .await
    .unwrap();
    wait_until_idle(&server).await;
    let mut answer = Vec::new();
    let _ = client.stream.read_to_end(&mut answer);
    assert!(!answer.is_empty() && answer.len() < HUGE, "{} bytes arrived", answer.len());
}

fn client_of(server: &HiveMetastoreServer) -> HiveMetastoreClient {
    let uri = format!("thrift://{}", server.local_address());
    HiveMetastoreClient::new(&uri, ClientOptions::default()).unwrap()
}

#[tokio::test]
async fn shutdown_lets_running_calls_end() {
    let backstage = Backstage::default();
    let (running, started) = mpsc::channel();
    let (go_on, gate) = mpsc::channel();
    *backstage.gate.lock().unwrap() = Some((running, gate));
    let server = start(ServerOptions::default(), backstage).await;
    let address = server.local_address();

    let mut caller = client_of(&server);
    let call = spawn_blocking(move || {
        let database = Database { name: Some("d".to_owned()), ..Database::default() };
        caller.call(&CreateDatabase { database })
    });
    let mut idle = RawClient::connect(address, PLAIN);
    let mut idle = spawn_blocking(move || {
        is_alive(&mut idle);
        started.recv_timeout(PATIENCE).unwrap();
        idle
    })
    .await
    .unwrap();
    let shutdown = tokio::spawn(server.shutdown());
    // The idle connection's end shows that the shutdown has begun; only then may the call end.
    spawn_blocking(move || idle.expect_end()).await.unwrap();
    assert!(!shutdown.is_finished());
    go_on.send(()).unwrap();
    call.await.unwrap().unwrap();
    shutdown.await.unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let backstage = Backstage::default();
    let (running, started) = mpsc::channel();
    let (go_on, gate) = mpsc::channel();
    *backstage.gate.lock().unwrap() = Some((running, gate));
    let shutdown_grace = Duration::from_millis(100);
    let options = ServerOptions { shutdown_grace, ..ServerOptions::default() };
    let server = start(options, backstage).await;
    let mut caller = client_of(&server);
    let call = spawn_blocking(move || {
        let database = Database::default();
        caller.call(&CreateDatabase { database })
    });
    spawn_blocking(move || started.recv_timeout(PATIENCE).unwrap()).await.unwrap();
    server.shutdown().await;
    assert!(matches!(call.await.unwrap(), Err(CallError::Broken(_))));
    go_on.send(()).unwrap();
}

#[tokio::test]
async fn many_clients_are_served_at_one_time() {
    let server = start(ServerOptions::default(), Backstage::default()).await;
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let mut client = client_of(&server);
            spawn_blocking(move || {
                for _ in 0..20 {
                    let names = client.call(&GetAllDatabases {}).unwrap();
                    assert_eq!(names, ["default", "lake"]);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    wait_until_idle(&server).await;
}
