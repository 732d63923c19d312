//! What a client does when servers fail.

use crate::support::{Backstage, PLAIN, REPLY, message, start};
use quern_proto::hive_metastore::methods::{
    AddPartitions, CreateDatabase, GetAllDatabases, GetFunctions, GetTable, Shutdown,
};
use quern_proto::hive_metastore::types::{Database, Partition};
use quern_proto::hive_metastore::{
    ApplicationError, CallError, ClientOptions, ExceptionKind, HiveMetastoreClient, ServerOptions,
    WireError,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::spawn_blocking;

fn client(uris: &str, options: ClientOptions) -> HiveMetastoreClient {
    HiveMetastoreClient::new(uris, options).unwrap()
}

fn uri(address: SocketAddr) -> String {
    format!("thrift://{address}")
}

fn get_table(name: &str) -> GetTable {
    GetTable { dbname: "lake".to_owned(), tbl_name: name.to_owned() }
}

/// A server that reads something from each connection and then sends `answer` and hangs up.
fn broken_server(answer: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        }
    });
    (address, connections)
}

/// An address where nobody listens.
fn dead_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn results_and_exceptions_come_back_as_they_were_sent() {
    for framed in [false, true] {
        let server = start(ServerOptions::default(), Backstage::default()).await;
        let options = ClientOptions { framed, ..ClientOptions::default() };
        let mut client = client(&uri(server.local_address()), options);
        spawn_blocking(move || {
            let table = client.call(&get_table("orders")).unwrap();
            assert_eq!(table.table_name.as_deref(), Some("orders"));
            let large = client.call(&get_table("large")).unwrap();
            assert_eq!(large.view_original_text.map(|text| text.len()), Some(12 << 20));
            let new_parts = vec![Partition::default(); 10_000];
            assert_eq!(client.call(&AddPartitions { new_parts }).unwrap(), 10_000);
            match client.call(&get_table("none")) {
                Err(CallError::Exception(exception)) => {
                    assert_eq!(exception.kind, ExceptionKind::NoSuchObject);
                    assert_eq!(exception.message, "lake.none table not found");
                }
                other => panic!("{other:?}"),
            }
            match client.call(&GetFunctions::default()) {
                Err(CallError::Application(error)) => {
                    assert_eq!(error.kind, ApplicationError::UNKNOWN_METHOD);
                }
                other => panic!("{other:?}"),
            }
            client.call(&Shutdown {}).unwrap();
            client.call(&CreateDatabase::default()).unwrap();
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn says_who_the_user_is_on_each_connection() {
    let backstage = Backstage::default();
    let server = start(ServerOptions::default(), backstage.clone()).await;
    let user = Some(("ada".to_owned(), vec!["staff".to_owned()]));
    let options = ClientOptions { user, ..ClientOptions::default() };
    let mut client = client(&uri(server.local_address()), options);
    spawn_blocking(move || client.call(&GetAllDatabases {}).unwrap()).await.unwrap();
    assert_eq!(backstage.seen(), ["set_ugi ada", "get_all_databases"]);
}

#[tokio::test]
async fn goes_to_the_next_server_when_one_is_down() {
    let server = start(ServerOptions::default(), Backstage::default()).await;
    let uris = format!("{},{}", uri(dead_address()), uri(server.local_address()));
    let mut client = client(&uris, ClientOptions::default());
    spawn_blocking(move || {
        client.call(&CreateDatabase::default()).unwrap();
        client.call(&GetAllDatabases {}).unwrap();
    })
    .await
    .unwrap();
}

#[test]
fn names_every_server_that_cannot_be_reached() {
    let dead = [dead_address(), dead_address()];
    let uris = format!("{},{}", uri(dead[0]), uri(dead[1]));
    let error = client(&uris, ClientOptions::default()).call(&GetAllDatabases {}).unwrap_err();
    let text = error.to_string();
    assert!(dead.iter().all(|address| text.contains(&address.to_string())), "{text}");
}

#[tokio::test]
async fn a_read_is_sent_again_and_a_write_is_not() {
    let backstage = Backstage::default();
    let server = start(ServerOptions::default(), backstage.clone()).await;
    let (broken, connections) = broken_server(Vec::new());
    let uris = format!("{},{}", uri(broken), uri(server.local_address()));
    let mut reader = client(&uris, ClientOptions::default());
    let mut writer = client(&uris, ClientOptions::default());
    spawn_blocking(move || {
        reader.call(&GetAllDatabases {}).unwrap();
        let database = Database { name: Some("d".to_owned()), ..Database::default() };
        let error = writer.call(&CreateDatabase { database }).unwrap_err();
        assert!(matches!(error, CallError::Broken(WireError::Disconnected(_))), "{error}");
    })
    .await
    .unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    assert_eq!(backstage.seen(), ["get_all_databases"]);
}

#[test]
fn a_read_is_not_sent_for_ever() {
    let (broken, connections) = broken_server(Vec::new());
    let mut client = client(&uri(broken), ClientOptions::default());
    let error = client.call(&GetAllDatabases {}).unwrap_err();
    assert!(matches!(error, CallError::Broken(WireError::Disconnected(_))), "{error}");
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced_before_a_write() {
    let idle_timeout = Duration::from_millis(50);
    let options = ServerOptions { idle_timeout, ..ServerOptions::default() };
    let server = start(options, Backstage::default()).await;
    let mut client = client(&uri(server.local_address()), ClientOptions::default());
    let mut client = spawn_blocking(move || {
        client.call(&CreateDatabase::default()).unwrap();
        client
    })
    .await
    .unwrap();
    crate::support::wait_until_idle(&server).await;
    spawn_blocking(move || client.call(&CreateDatabase::default()).unwrap()).await.unwrap();
}

#[test]
fn an_answer_that_is_none_breaks_the_connection() {
    // The head of an answer to the first call, with the number at its end.
    let head = |name: &str, number: u8| {
        let mut head = message(PLAIN, REPLY, name, &[]);
        *head.last_mut().unwrap() = number;
        head
    };
    let right = head("get_all_databases", 1);
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        [&head("get_all_tables", 1)[..], &[0]].concat(),
        [&head("get_all_databases", 2)[..], &[0]].concat(),
        // A result that claims 2 GiB, and one that ends too early.
        [&right[..], &[15, 0, 0, 11, 0x7f, 0xff, 0xff, 0xff]].concat(),
        [&right[..], &[15, 0, 0, 11, 0, 0, 0, 1]].concat(),
    ] {
        let (broken, _) = broken_server(answer.clone());
        let options = ClientOptions { attempts_max: 1, ..ClientOptions::default() };
        let error = client(&uri(broken), options).call(&GetAllDatabases {}).unwrap_err();
        assert!(matches!(error, CallError::Broken(_)), "{answer:?}: {error}");
    }
    let (silent, _) = broken_server([&right[..], &[0]].concat());
    match client(&uri(silent), ClientOptions::default()).call(&GetAllDatabases {}) {
        Err(CallError::Application(error)) => {
            assert_eq!(error.kind, ApplicationError::MISSING_RESULT);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn does_not_wait_for_an_answer_for_ever() {
    // Accepts connections by its backlog only.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = ClientOptions {
        reply_timeout: Duration::from_millis(50),
        attempts_max: 2,
        ..ClientOptions::default()
    };
    let mut client = client(&uri(listener.local_addr().unwrap()), options);
    let error = client.call(&GetAllDatabases {}).unwrap_err();
    assert!(matches!(error, CallError::Broken(WireError::TimedOut)), "{error}");
}
