//! Bytes that are no messages, sent to a server that must outlive them.

use crate::support::{
    Backstage, DIALECTS, PLAIN, RawClient, message, start, table_args, wait_until_idle,
};
use quern_proto::hive_metastore::{HiveMetastoreServer, ServerOptions, WireLimits};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::spawn_blocking;

async fn server() -> HiveMetastoreServer {
    let options = ServerOptions {
        request_timeout: Duration::from_secs(2),
        limits: WireLimits { message_max_bytes: 1 << 20, ..WireLimits::default() },
        ..ServerOptions::default()
    };
    start(options, Backstage::default()).await
}

/// Sends bytes and nothing after them, and reads what comes until the server hangs up.
fn throw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut client = RawClient::connect(address, PLAIN);
    // The server may hang up before it has everything.
    if client.stream.write_all(bytes).is_ok() {
        client.finish_sending();
    }
    let mut answer = Vec::new();
    let _ = client.stream.read_to_end(&mut answer);
    answer
}

async fn throw_all(bytes: Vec<Vec<u8>>) {
    let server = server().await;
    let address = server.local_address();
    spawn_blocking(move || {
        for bytes in bytes {
            throw(address, &bytes);
        }
        let mut client = RawClient::connect(address, PLAIN);
        client.call("getStatus", &[0]);
    })
    .await
    .unwrap();
    wait_until_idle(&server).await;
}

#[tokio::test]
async fn a_message_that_is_cut_anywhere() {
    let mut cut = Vec::new();
    for dialect in DIALECTS {
        let whole = message(dialect, 1, "get_table", &table_args("orders"));
        cut.extend((0..whole.len()).map(|end| whole[..end].to_vec()));
    }
    throw_all(cut).await;
}

#[tokio::test]
async fn random_bytes() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let heads: [&[u8]; 4] = [b"", b"\x80\x01\0\x01", b"\0\0\0\x40\x80\x01\0\x01", b"\0\0\0\x09"];
    let bytes = (0..400).map(|_| {
        let mut bytes = heads[random.random_range(0..heads.len())].to_vec();
        bytes.extend((0..random.random_range(0..200)).map(|_| random.random::<u8>()));
        bytes
    });
    throw_all(bytes.collect()).await;
}

#[tokio::test]
async fn claims_of_two_gibibytes() {
    let huge = [0x7f, 0xff, 0xff, 0xff];
    let mut claims = vec![
        // A frame, a name, and names after the heads of both kinds of framing.
        huge.to_vec(),
        [&huge[..], &[0x80]].concat(),
        [&[0x80, 1, 0, 1][..], &huge].concat(),
        [&[0, 0, 1, 0, 0x80, 1, 0, 1][..], &huge].concat(),
        [&[0, 0, 1, 0][..], &huge].concat(),
    ];
    for dialect in DIALECTS {
        // A string, a list of strings and a map, each in an unknown field.
        for head in [&[11, 0, 99][..], &[15, 0, 99, 11], &[13, 0, 99, 11, 11]] {
            claims.push(message(dialect, 1, "get_table", &[head, &huge].concat()));
        }
    }
    throw_all(claims).await;
}

#[tokio::test]
async fn nesting_without_end() {
    let nested = [
        [12, 0, 99].repeat(100_000),
        [&[15, 0, 99][..], &[15, 0, 0, 0, 1].repeat(100_000)].concat(),
        [&[13, 0, 99][..], &[13, 13, 0, 0, 0, 1].repeat(100_000)].concat(),
    ];
    let calls = DIALECTS
        .iter()
        .flat_map(|dialect| nested.iter().map(|body| message(*dialect, 1, "get_table", body)));
    throw_all(calls.collect()).await;
}

#[tokio::test]
async fn a_message_beyond_the_limit() {
    // Two hundred strings of 10,000 bytes in unknown fields: each is allowed, all are not.
    let string = [&[11, 0, 99, 0, 0, 0x27, 0x10][..], &[b'x'; 10_000]].concat();
    let body = string.repeat(200);
    let server = server().await;
    let address = server.local_address();
    let answer = spawn_blocking(move || throw(address, &message(PLAIN, 1, "get_table", &body)));
    let answer = String::from_utf8_lossy(&answer.await.unwrap()).into_owned();
    assert!(answer.contains("a value ends beyond its message"), "{answer}");
}
