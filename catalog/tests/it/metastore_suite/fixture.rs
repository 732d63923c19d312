//! The stores that the suite is run against.

use super::WAREHOUSE;
use crate::postgres::PostgresServer;
use quern_catalog::metastore::{
    CacheOptions, CachedMetastore, EmbeddedMetastore, HiveService, MemoryMetastore, Metastore,
    RemoteMetastore, RemoteOptions,
};
use quern_catalog::model::{HivePartition, Parameters, Table};
use quern_catalog::storage::{LocationPolicy, Storage};
use quern_common::config::StorageConfig;
use quern_proto::hive_metastore::{HiveMetastoreServer, ServerOptions};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

/// Where nobody makes directories.
const LAKE: &str = "s3://lake";

/// Whose store a test has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// One of ours, asked directly.
    Ours,
    /// One of ours, asked by the protocol of the Hive metastore.
    OurServer,
    /// Hive itself.
    Hive,
}

/// A store for one test.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Metastore>,
    pub(crate) behind: Behind,
    /// Where the schema `default` is.
    pub(crate) warehouse: String,
    /// Where else there may be tables.
    pub(crate) lake: String,
    /// Whether a text may have a NUL character.
    pub(crate) keeps_nul: bool,
    /// Deletes the database when the test ends.
    _dir: Option<tempfile::TempDir>,
    _server: Option<HiveMetastoreServer>,
}

impl Fixture {
    fn ours(store: Arc<dyn Metastore>, dir: Option<tempfile::TempDir>) -> Self {
        Self {
            store,
            behind: Behind::Ours,
            warehouse: WAREHOUSE.to_owned(),
            lake: LAKE.to_owned(),
            keeps_nul: true,
            _dir: dir,
            _server: None,
        }
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.behind == Behind::Ours
    }

    /// A table without its version and what a metastore of Hive's sets itself.
    pub(crate) fn table(&self, mut table: Table) -> Table {
        table.version = 0;
        if !self.is_ours() {
            table.create_time = 0;
            forget_set_by_hive(&mut table.parameters);
        }
        if self.behind == Behind::Hive {
            // Version 2.3 has no such fields in its database.
            (table.owner_type, table.temporary) = (None, false);
            table.sd.location = as_hadoop(&table.sd.location);
        }
        table
    }

    /// A partition without what a metastore of Hive's sets itself.
    pub(crate) fn partition(&self, mut partition: HivePartition) -> HivePartition {
        if !self.is_ours() {
            partition.create_time = 0;
            forget_set_by_hive(&mut partition.parameters);
        }
        if self.behind == Behind::Hive {
            partition.sd.location = as_hadoop(&partition.sd.location);
        }
        partition
    }

    pub(super) fn partitions(&self, partitions: Vec<HivePartition>) -> Vec<HivePartition> {
        partitions.into_iter().map(|partition| self.partition(partition)).collect()
    }
}

fn forget_set_by_hive(parameters: &mut Parameters) {
    for key in ["transient_lastDdlTime", "COLUMN_STATS_ACCURATE", "numFiles", "totalSize"] {
        parameters.remove(key);
    }
}

/// Hadoop writes `file:/a`, without a slash at the end.
fn as_hadoop(location: &str) -> String {
    location.replacen("file:///", "file:/", 1).trim_end_matches('/').to_owned()
}

pub(crate) fn memory() -> Fixture {
    Fixture::ours(Arc::new(MemoryMetastore::new(WAREHOUSE)), None)
}

pub(crate) async fn sqlite() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metastore.db");
    let store = EmbeddedMetastore::open_sqlite(&path, WAREHOUSE).await.unwrap();
    Fixture::ours(Arc::new(store), Some(dir))
}

/// A cache before a store in memory.
pub(crate) fn cached() -> Fixture {
    let store = Arc::new(MemoryMetastore::new(WAREHOUSE));
    Fixture::ours(Arc::new(CachedMetastore::new(store, &CacheOptions::default())), None)
}

/// A store in a database of its own.
pub(crate) async fn postgres(server: &PostgresServer) -> Fixture {
    let name = server.create_database().await;
    let store = server.open(&name, WAREHOUSE).await;
    Fixture { keeps_nul: false, ..Fixture::ours(Arc::new(store), None) }
}

/// A store in SQLite behind our server, and a client of it.
pub(crate) async fn served() -> Fixture {
    let Fixture { store, _dir: dir, .. } = sqlite().await;
    // No location of the tests is among those that the server may touch.
    let allowed = dir.as_ref().unwrap().path().join("allowed").display().to_string();
    let policy = LocationPolicy::Prefixes(vec![allowed]);
    let storage = Storage::new(&StorageConfig::default(), policy).unwrap();
    let service = HiveService::new(store, storage, Handle::current());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = ServerOptions::default();
    let server = HiveMetastoreServer::start(listener, options, move |_| service.clone());
    let server = server.unwrap();
    let uri = format!("thrift://{}", server.local_address());
    let store = RemoteMetastore::new(&uri, RemoteOptions::default()).unwrap();
    Fixture {
        behind: Behind::OurServer,
        _server: Some(server),
        ..Fixture::ours(Arc::new(store), dir)
    }
}

/// A client of Hive itself, of which everything is dropped first.
pub(super) async fn hive(uri: &str) -> Fixture {
    let store = RemoteMetastore::new(uri, RemoteOptions::default()).unwrap();
    for database in store.list_databases().await.unwrap() {
        match database.as_str() {
            "default" => {
                for table in store.list_tables("default").await.unwrap() {
                    store.drop_table("default", &table).await.unwrap();
                }
                for function in store.list_functions("default").await.unwrap() {
                    store.drop_function("default", &function.name).await.unwrap();
                }
            }
            other => store.drop_database(other, true).await.unwrap(),
        }
    }
    let warehouse = store.get_database("default").await.unwrap().location;
    // Hive makes the directories of tables, where it may.
    let lake = format!("{warehouse}/lake");
    Fixture {
        store: Arc::new(store),
        behind: Behind::Hive,
        warehouse,
        lake,
        keeps_nul: false,
        _dir: None,
        _server: None,
    }
}
