//! A server of ours, asked by the protocol.

use quern_catalog::metastore::{EmbeddedMetastore, HiveService, Metastore};
use quern_catalog::storage::{LocationPolicy, Storage};
use quern_common::config::StorageConfig;
use quern_proto::hive_metastore::methods::{AddPartition, CreateTable};
use quern_proto::hive_metastore::types::{
    FieldSchema, Partition, SerDeInfo, StorageDescriptor, Table,
};
use quern_proto::hive_metastore::{
    CallError, ClientOptions, Exception, ExceptionKind, HiveMetastoreClient, HiveMetastoreServer,
    Method, ServerOptions,
};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};

/// A server of ours over SQLite, and a client.
pub(crate) struct Served {
    pub(crate) client: HiveMetastoreClient,
    /// A folder that the server may touch: the warehouse.
    pub(crate) warehouse: PathBuf,
    pub(crate) store: Arc<dyn Metastore>,
    server: Option<HiveMetastoreServer>,
    pub(crate) runtime: Runtime,
    _dir: tempfile::TempDir,
}

impl Served {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let warehouse = dir.path().join("warehouse");
        std::fs::create_dir(&warehouse).unwrap();
        let warehouse = warehouse.canonicalize().unwrap();
        let location = format!("file://{}", warehouse.display());
        let (store, server) = runtime.block_on(async {
            let file = dir.path().join("metastore.db");
            let store = EmbeddedMetastore::open_sqlite(&file, &location).await.unwrap();
            let store: Arc<dyn Metastore> = Arc::new(store);
            let policy = LocationPolicy::Prefixes(vec![location.clone()]);
            let storage = Storage::new(&StorageConfig::default(), policy).unwrap();
            let service = HiveService::new(Arc::clone(&store), storage, Handle::current());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let options = ServerOptions::default();
            let server = HiveMetastoreServer::start(listener, options, move |_| service.clone());
            (store, server.unwrap())
        });
        let uri = format!("thrift://{}", server.local_address());
        let client = HiveMetastoreClient::new(&uri, ClientOptions::default()).unwrap();
        Self { client, warehouse, store, server: Some(server), runtime, _dir: dir }
    }

    pub(crate) fn call<M: Method>(&mut self, args: &M) -> M::Reply {
        self.client.call(args).unwrap_or_else(|err| panic!("{}: {err}", M::NAME))
    }

    /// The exception that a call throws.
    pub(crate) fn thrown<M: Method>(&mut self, args: &M) -> (ExceptionKind, String)
    where
        M::Reply: std::fmt::Debug,
    {
        match self.client.call(args) {
            Err(CallError::Exception(Exception { kind, message })) => (kind, message),
            other => panic!("{}: {other:?}", M::NAME),
        }
    }

    pub(crate) fn location(&self, path: &str) -> String {
        format!("file://{}/{path}", self.warehouse.display())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().local_address()
    }

    /// Waits until so many connections are left.
    pub(crate) fn wait_until_idle(&self, connections: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.server.as_ref().unwrap().connection_count() > connections {
            assert!(Instant::now() < deadline, "connections are not closed");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn is_dir(&self, path: &str) -> bool {
        self.warehouse.join(path).is_dir()
    }

    pub(crate) fn write(&self, path: &str, bytes: usize) {
        std::fs::write(self.warehouse.join(path), vec![0; bytes]).unwrap();
    }

    pub(crate) fn create_partitioned(&mut self) {
        self.call(&CreateTable { tbl: table("t", &[("dt", "string"), ("n", "int")]) });
    }

    pub(crate) fn add(&mut self, values: &[&str]) -> Partition {
        self.call(&AddPartition { new_part: partition(values) })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            // The client's connection would be waited for otherwise.
            let none = HiveMetastoreClient::new("thrift://127.0.0.1:1", ClientOptions::default());
            self.client = none.unwrap();
            self.runtime.block_on(server.shutdown());
        }
    }
}

pub(crate) fn field(name: &str, type_name: &str) -> FieldSchema {
    FieldSchema {
        name: Some(name.to_owned()),
        type_name: Some(type_name.to_owned()),
        comment: None,
    }
}

pub(crate) fn storage() -> StorageDescriptor {
    StorageDescriptor {
        cols: Some(vec![field("id", "bigint"), field("s", "string")]),
        input_format: Some("in".to_owned()),
        serde_info: Some(SerDeInfo {
            serialization_lib: Some("lib".to_owned()),
            ..SerDeInfo::default()
        }),
        ..StorageDescriptor::default()
    }
}

pub(crate) fn table(name: &str, keys: &[(&str, &str)]) -> Table {
    Table {
        table_name: Some(name.to_owned()),
        db_name: Some("default".to_owned()),
        sd: Some(storage()),
        partition_keys: Some(keys.iter().map(|(name, t)| field(name, t)).collect()),
        table_type: Some("MANAGED_TABLE".to_owned()),
        ..Table::default()
    }
}

pub(crate) fn external(name: &str) -> Table {
    let parameters = [("EXTERNAL".to_owned(), "TRUE".to_owned())].into();
    Table {
        table_type: Some("EXTERNAL_TABLE".to_owned()),
        parameters: Some(parameters),
        ..table(name, &[])
    }
}

pub(crate) fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

pub(crate) fn partition(values: &[&str]) -> Partition {
    Partition {
        values: Some(texts(values)),
        db_name: Some("default".to_owned()),
        table_name: Some("t".to_owned()),
        sd: Some(storage()),
        ..Partition::default()
    }
}
