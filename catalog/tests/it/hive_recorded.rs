//! What a real Hive 2.3.9 answered, call by call, compared with what we answer.
//!
//! The recorded calls are sent to our server one after the other. Of each method and outcome one
//! exchange was kept, so that some of what happened in between is done here by hand
//! ([`prepare`]). Times are taken for equal, and the two ways to write a local URL. What else
//! differs is listed, with the reason, in [`DIFFERENCES`] and [`MORE_FIELDS`].

use quern_catalog::metastore::{EmbeddedMetastore, HiveService, Metastore};
use quern_catalog::model::{
    Database, HivePartition, LockComponent, LockMode, LockRequest, OwnerType, Parameters, Table,
};
use quern_catalog::storage::{LocationPolicy, Storage};
use quern_common::config::StorageConfig;
use quern_proto::hive_metastore::{HiveMetastoreServer, ServerOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use thrift::protocol::{TBinaryInputProtocol, TInputProtocol, TMessageType, TType};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

pub(crate) const RECORDED: &str = include_str!("../../../proto/tests/data/hive_2_3_9.hex");
/// The folder in the recorded messages, and one of a test's, are equally long: the lengths of
/// texts are part of a message.
pub(crate) const RECORDED_WAREHOUSE: &str = "/srv/hive/metastore/warehouse";

/// Calls that we answer otherwise, by their number, and why.
const DIFFERENCES: &[(usize, &str, &str)] = &[
    (27, "getName", "the name of the service is our own"),
    (32, "getCounters", "calls are counted by our metrics instead"),
    (49, "add_partition", "the message names the partition without its whole storage descriptor"),
    (84, "get_current_notificationEventId", "we log events, Hive only with a listener"),
    (85, "get_next_notification", "we log events, Hive only with a listener"),
    (100, "get_database_req", "Hive has this method from version 4"),
];

/// Fields of our answers that Hive 2.3 has not, as methods and paths of field numbers: the type of
/// a table's owner, which it was sent and forgot.
const MORE_FIELDS: &[&str] = &[
    "get_table_objects_by_name.0.18",
    "get_table_objects_by_name_req.0.1.18",
    "get_table_req.0.1.18",
];

/// A value as the bytes tell it, without any table.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Number(i64),
    Double(f64),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Struct(BTreeMap<i16, Self>),
}

impl Tree {
    fn read(input: &mut dyn TInputProtocol, wire_type: TType) -> Self {
        match wire_type {
            TType::Bool | TType::I08 => Self::number(input.read_i8().unwrap().into()),
            TType::I16 => Self::number(input.read_i16().unwrap().into()),
            TType::I32 => Self::number(input.read_i32().unwrap().into()),
            TType::I64 => Self::number(input.read_i64().unwrap()),
            TType::Double => Self::Double(input.read_double().unwrap()),
            TType::String => Self::text(&input.read_bytes().unwrap()),
            TType::List | TType::Set => {
                let list = input.read_list_begin().unwrap();
                Self::List((0..list.size).map(|_| Self::read(input, list.element_type)).collect())
            }
            TType::Map => {
                let map = input.read_map_begin().unwrap();
                let mut entry = || {
                    let key = Self::read(input, map.key_type.unwrap());
                    (key, Self::read(input, map.value_type.unwrap()))
                };
                let mut entries: Vec<_> = (0..map.size).map(|_| entry()).collect();
                entries.sort_by_key(|(key, _)| format!("{key:?}"));
                Self::Map(entries)
            }
            TType::Struct => {
                let mut fields = BTreeMap::new();
                loop {
                    let field = input.read_field_begin().unwrap();
                    if field.field_type == TType::Stop {
                        return Self::Struct(fields);
                    }
                    fields.insert(field.id.unwrap(), Self::read(input, field.field_type));
                }
            }
            other => panic!("{other:?} in a message"),
        }
    }

    /// A number; seconds and milliseconds of these years are all one time.
    fn number(n: i64) -> Self {
        let seconds = 1_600_000_000..2_000_000_000;
        let is_time = seconds.contains(&n) || seconds.contains(&(n / 1_000));
        Self::Number(if is_time { -42 } else { n })
    }

    fn text(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        match text.parse().map(Self::number) {
            Ok(Self::Number(-42)) => Self::Text("time".to_owned()),
            _ => Self::Text(text.replace("file:///", "file:/")),
        }
    }

    /// Compares with what we answered: `differences` are where ours is another or lacks
    /// something, `more` where it has fields that this has not.
    fn compare(
        &self,
        ours: &Self,
        path: &str,
        differences: &mut Vec<String>,
        more: &mut Vec<String>,
    ) {
        match (self, ours) {
            (Self::Struct(theirs), Self::Struct(ours)) => {
                for (id, tree) in theirs {
                    let path = format!("{path}.{id}");
                    match ours.get(id) {
                        Some(ours) => tree.compare(ours, &path, differences, more),
                        None => differences.push(format!("{path}: {tree:?} is missing")),
                    }
                }
                let new = ours.keys().filter(|id| !theirs.contains_key(id));
                more.extend(new.map(|id| format!("{path}.{id}")));
            }
            (Self::List(theirs), Self::List(ours)) if theirs.len() == ours.len() => {
                for (tree, ours) in theirs.iter().zip(ours) {
                    tree.compare(ours, path, differences, more);
                }
            }
            _ if self == ours => {}
            _ => differences.push(format!("{path}: {ours:?} instead of {self:?}")),
        }
    }
}

/// A message: its name, whether it says that the call failed as a call, and what is in it.
fn read_message(input: &mut dyn TInputProtocol) -> (String, bool, Tree) {
    let head = input.read_message_begin().unwrap();
    let failed = head.message_type == TMessageType::Exception;
    (head.name, failed, Tree::read(input, TType::Struct))
}

pub(crate) fn recorded(line: &str, warehouse: &Path) -> Vec<u8> {
    let hex = &line[2..];
    let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().unwrap();
    let (from, to) = (RECORDED_WAREHOUSE.as_bytes(), warehouse.to_str().unwrap().as_bytes());
    assert_eq!(from.len(), to.len(), "{}", warehouse.display());
    let mut replaced = bytes.clone();
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            replaced[at..at + from.len()].copy_from_slice(to);
        }
    }
    replaced
}

fn time() -> Parameters {
    [("transient_lastDdlTime".to_owned(), "1700000000".to_owned())].into()
}

async fn add_partition(
    store: &dyn Metastore,
    table: &Table,
    values: &[&str],
    more: &[(&str, &str)],
) {
    let mut sd = table.sd.clone();
    sd.location.clear();
    let mut parameters = time();
    parameters.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    let partition = HivePartition { values, sd, parameters, ..HivePartition::default() };
    let (database, name) = (&table.database, &table.name);
    store.add_partitions(database, name, vec![partition], false).await.unwrap();
}

/// Does what was done before this call and not kept among the recorded ones.
async fn prepare(call: usize, store: &dyn Metastore, warehouse: &Path) {
    let py = || Database {
        name: "py".to_owned(),
        description: Some("d".to_owned()),
        location: format!("file:{}/py.db", warehouse.display()),
        owner: Some("ada".to_owned()),
        owner_type: Some(OwnerType::User),
        parameters: [("a".to_owned(), "b".to_owned())].into(),
    };
    match call {
        // Spark wrote a file.
        8 => {
            let directory = warehouse.join("lake.db/orders/dt=2024-01-01/n=7");
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join("part-0.parquet"), [0; 677]).unwrap();
        }
        10 => {
            let orders = store.get_table("lake", "orders").await.unwrap();
            add_partition(store, &orders, &["a/b=c d%:é", "8"], &[]).await;
        }
        25 => {
            let orders = store.get_table("lake", "orders").await.unwrap();
            store.create_table(Table { name: "ds".to_owned(), ..orders }).await.unwrap();
        }
        26 | 34 => store.create_database(py()).await.unwrap(),
        51 => {
            let t = store.get_table("py", "t").await.unwrap();
            add_partition(store, &t, &["c", "4"], &[("p", "q")]).await;
        }
        78 => {
            let component = LockComponent {
                mode: LockMode::Exclusive,
                database: "py".to_owned(),
                table: Some("t".to_owned()),
                partition: None,
            };
            let request = LockRequest {
                components: vec![component],
                user: "bob".to_owned(),
                host: "client.example".to_owned(),
                agent: Some("Unknown".to_owned()),
            };
            store.lock(request).await.unwrap();
        }
        _ => {}
    }
}

/// Sends a message and reads the answer.
fn exchange(connection: &TcpStream, call: &[u8]) -> (String, bool, Tree) {
    let mut stream = connection;
    stream.write_all(call).unwrap();
    read_message(&mut TBinaryInputProtocol::new(BufReader::new(stream), true))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_answers_are_those_of_hive() {
    let directory =
        tempfile::Builder::new().prefix("quern-hive-").rand_bytes(13).tempdir_in("/tmp").unwrap();
    let warehouse = directory.path().to_owned();
    let file = tempfile::NamedTempFile::new().unwrap();
    let location = format!("file:{}", warehouse.display());
    let store = EmbeddedMetastore::open_sqlite(file.path(), &location).await.unwrap();
    let store: Arc<dyn Metastore> = Arc::new(store);
    let policy = LocationPolicy::Prefixes(vec![location]);
    let storage = Storage::new(&StorageConfig::default(), policy).unwrap();
    let service = HiveService::new(Arc::clone(&store), storage, Handle::current());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = ServerOptions::default();
    let server = HiveMetastoreServer::start(listener, options, move |_| service.clone());
    let server = server.unwrap();
    let connection = TcpStream::connect(server.local_address()).unwrap();

    let lines: Vec<&str> = RECORDED.lines().filter(|line| !line.starts_with('#')).collect();
    let (mut more, mut unexpected) = (BTreeSet::new(), Vec::new());
    for (number, pair) in lines.chunks(2).enumerate() {
        prepare(number, store.as_ref(), &warehouse).await;
        let call = recorded(pair[0], &warehouse);
        let (name, failed, ours) = tokio::task::block_in_place(|| exchange(&connection, &call));
        let answer = recorded(pair[1], &warehouse);
        let mut answer = TBinaryInputProtocol::new(&answer[..], true);
        let (_, theirs_failed, theirs) = read_message(&mut answer);
        let (mut differences, mut fields) = (Vec::new(), Vec::new());
        if failed != theirs_failed {
            differences.push(format!("a failure: {failed}, {ours:?}"));
        }
        theirs.compare(&ours, &name, &mut differences, &mut fields);
        let expected = DIFFERENCES.iter().find(|(listed, ..)| *listed == number);
        match expected {
            Some((_, listed, _)) => {
                assert_eq!(*listed, name);
                assert!(!differences.is_empty(), "{number} {name} does not differ any more");
            }
            None => {
                more.extend(fields);
                unexpected.extend(differences.into_iter().map(|d| format!("{number}: {d}")));
            }
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    assert_eq!(more.iter().map(String::as_str).collect::<Vec<_>>(), MORE_FIELDS);
    drop(connection);
    server.shutdown().await;
}
