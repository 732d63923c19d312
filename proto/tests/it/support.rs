//! A metastore that knows one table, and a client that writes bytes.

use quern_proto::hive_metastore::methods::{
    AddPartitions, CreateDatabase, GetAllDatabases, GetTable, HiveMetastoreService, SetUgi,
};
use quern_proto::hive_metastore::types::Table;
use quern_proto::hive_metastore::{
    Exception, ExceptionKind, HiveMetastoreServer, ServerOptions, ServiceError,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than any test needs, so that a hanging test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// More than the system buffers for a connection.
pub(crate) const HUGE: usize = 64 << 20;

pub(crate) const REPLY: u8 = 2;
pub(crate) const EXCEPTION: u8 = 3;

/// What happens inside calls, for tests to see and to steer.
#[derive(Clone, Default)]
pub(crate) struct Backstage {
    /// The calls that were made.
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
    /// When set, `create_database` says that it runs and waits to be let on.
    pub(crate) gate: Arc<Mutex<Option<Gate>>>,
}

/// Where a call says that it runs, and where it is let on.
pub(crate) type Gate = (mpsc::Sender<()>, mpsc::Receiver<()>);

impl Backstage {
    pub(crate) fn seen(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

/// Knows the table `lake.orders` and nothing else.
pub(crate) struct OneTable(pub(crate) Backstage);

impl OneTable {
    fn note(&self, call: impl Into<String>) {
        self.0.calls.lock().unwrap().push(call.into());
    }
}

impl HiveMetastoreService for OneTable {
    fn get_all_databases(&mut self, _: GetAllDatabases) -> Result<Vec<String>, ServiceError> {
        self.note("get_all_databases");
        Ok(vec!["default".to_owned(), "lake".to_owned()])
    }

    fn get_table(&mut self, args: GetTable) -> Result<Table, ServiceError> {
        self.note("get_table");
        match args.tbl_name.as_str() {
            "orders" => Ok(Table {
                db_name: Some(args.dbname),
                table_name: Some(args.tbl_name),
                ..Table::default()
            }),
            "large" => {
                Ok(Table { view_original_text: Some("x".repeat(12 << 20)), ..Table::default() })
            }
            "huge" => Ok(Table { view_original_text: Some("x".repeat(HUGE)), ..Table::default() }),
            "panic" => panic!("asked for"),
            "undeclared" => {
                Err(Exception::new(ExceptionKind::NoSuchLock, "not declared here").into())
            }
            other => {
                let message = format!("{}.{other} table not found", args.dbname);
                Err(Exception::new(ExceptionKind::NoSuchObject, message).into())
            }
        }
    }

    fn create_database(&mut self, args: CreateDatabase) -> Result<(), ServiceError> {
        self.note(format!("create_database {}", args.database.name.unwrap_or_default()));
        if let Some((running, go_on)) = self.0.gate.lock().unwrap().take() {
            running.send(()).unwrap();
            go_on.recv_timeout(PATIENCE).unwrap();
        }
        Ok(())
    }

    fn add_partitions(&mut self, args: AddPartitions) -> Result<i32, ServiceError> {
        Ok(i32::try_from(args.new_parts.len()).unwrap())
    }

    fn set_ugi(&mut self, args: SetUgi) -> Result<Vec<String>, ServiceError> {
        self.note(format!("set_ugi {}", args.user_name));
        Ok(args.group_names)
    }
}

pub(crate) async fn start(options: ServerOptions, backstage: Backstage) -> HiveMetastoreServer {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let open = move |_| OneTable(backstage.clone());
    HiveMetastoreServer::start(listener, options, open).unwrap()
}

/// Waits until no connection is left.
pub(crate) async fn wait_until_idle(server: &HiveMetastoreServer) {
    let idle = async {
        while server.connection_count() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, idle).await.unwrap();
}

/// How a [`RawClient`] writes messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) framed: bool,
    pub(crate) strict: bool,
}

pub(crate) const PLAIN: Dialect = Dialect { framed: false, strict: true };

pub(crate) const DIALECTS: [Dialect; 4] = [
    PLAIN,
    Dialect { framed: true, strict: true },
    Dialect { framed: false, strict: false },
    Dialect { framed: true, strict: false },
];

/// Bytes of a message, put together by hand from the protocol's description.
pub(crate) fn message(dialect: Dialect, kind: u8, name: &str, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(name.len()).unwrap().to_be_bytes();
    let sequence = [0, 0, 0, 42];
    let head = if dialect.strict {
        [&[0x80, 1, 0, kind], &length, name.as_bytes(), &sequence].concat()
    } else {
        [&length, name.as_bytes(), &[kind], &sequence].concat()
    };
    let message = [&head, body].concat();
    if !dialect.framed {
        return message;
    }
    let length = i32::try_from(message.len()).unwrap().to_be_bytes();
    [&length[..], &message].concat()
}

/// A string field.
pub(crate) fn text(id: u8, value: &str) -> Vec<u8> {
    let length = i32::try_from(value.len()).unwrap().to_be_bytes();
    [&[11, 0, id], &length[..], value.as_bytes()].concat()
}

/// The arguments of get_table.
pub(crate) fn table_args(table: &str) -> Vec<u8> {
    [text(1, "lake"), text(2, table), vec![0]].concat()
}

/// A client that knows only bytes.
pub(crate) struct RawClient {
    pub(crate) stream: TcpStream,
    dialect: Dialect,
}

impl RawClient {
    pub(crate) fn connect(address: SocketAddr, dialect: Dialect) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, dialect }
    }

    pub(crate) fn send(&mut self, name: &str, body: &[u8]) {
        let call = message(self.dialect, 1, name, body);
        self.stream.write_all(&call).unwrap();
    }

    pub(crate) fn call(&mut self, name: &str, body: &[u8]) -> Answer {
        self.send(name, body);
        self.answer(name)
    }

    /// Reads the head of an answer, and of its struct the first field.
    pub(crate) fn answer(&mut self, name: &str) -> Answer {
        if self.dialect.framed {
            self.take(4);
        }
        let kind = if self.dialect.strict {
            let version = self.take(4);
            assert_eq!(version[..3], [0x80, 1, 0]);
            assert_eq!(self.take_text(), name);
            version[3]
        } else {
            assert_eq!(self.take_text(), name);
            self.take(1)[0]
        };
        assert_eq!(self.take(4), [0, 0, 0, 42], "the sequence number comes back");
        let field_type = self.take(1)[0];
        if field_type == 0 {
            return Answer { kind, field: None, message: None };
        }
        let id = self.take(2)[1];
        let message = match (kind, field_type) {
            // An exception of the application: message and kind.
            (EXCEPTION, 11) => {
                let message = self.take_text();
                let number = self.take(8);
                return Answer { kind, field: Some(number[6]), message: Some(message) };
            }
            // A declared exception: a struct with a message.
            (REPLY, 12) if id > 0 => {
                assert_eq!(self.take(3), [11, 0, 1]);
                let message = self.take_text();
                assert_eq!(self.take(2), [0, 0]);
                Some(message)
            }
            _ => None,
        };
        Answer { kind, field: Some(id), message }
    }

    fn take_text(&mut self) -> String {
        let length = self.take(4);
        let length = u32::from_be_bytes(length.try_into().unwrap());
        String::from_utf8(self.take(length as usize)).unwrap()
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Waits until the server closes the connection.
    pub(crate) fn expect_end(&mut self) {
        match self.stream.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("still open: {other:?}"),
        }
    }

    pub(crate) fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

/// What is in an answer: the field that is set, or the number of an application's exception.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: u8,
    pub(crate) field: Option<u8>,
    pub(crate) message: Option<String>,
}

impl Answer {
    pub(crate) fn failure(number: u8, message: &str) -> Self {
        Self { kind: EXCEPTION, field: Some(number), message: Some(message.to_owned()) }
    }

    pub(crate) fn exception(field: u8, message: &str) -> Self {
        Self { kind: REPLY, field: Some(field), message: Some(message.to_owned()) }
    }
}
