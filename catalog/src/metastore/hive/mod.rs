//! A metastore of ours as a Hive metastore: what Spark, Trino, Hive and others talk to.
//!
//! [`HiveService`] implements the protocol's methods with the semantics that clients rely on,
//! those of Hive 2.3: which exception with which message, folded names, `EXTERNAL` in the
//! parameters, directories that are made, moved and deleted with their objects, partition names
//! and filters, locks, statistics. Where Hive 2.3 keeps silent about something it did not do, or
//! fails with an internal error, the later versions are followed.
//!
//! Read in this order: [`service`](self) lists the methods, the modules beside it do them.

mod answer;
pub(super) mod convert;
mod databases;
mod directories;
mod filter;
mod functions;
mod listener;
mod locks;
mod names;
mod partition_changes;
mod partitions;
mod pattern;
mod service;
mod settings;
mod statistics;
mod table_changes;
mod tables;

pub use listener::HiveListener;

use super::Metastore;
use crate::storage::Storage;
use directories::Directories;
use std::sync::Arc;
use tokio::runtime::Handle;

/// A metastore behind the methods of the Hive metastore, as one connection sees it. Cheap to
/// clone.
///
/// Its methods block: they are called by threads that are not those of the runtime.
#[derive(Debug, Clone)]
pub struct HiveService {
    backend: Arc<Backend>,
}

/// What all connections share.
#[derive(Debug)]
struct Backend {
    store: Arc<dyn Metastore>,
    directories: Directories,
    runtime: Handle,
    /// Seconds since 1970.
    started: i64,
}

impl HiveService {
    /// Serves `store`. Directories are made and deleted in `storage`, as far as its policy
    /// permits; elsewhere they are left to the client. The work runs on `runtime`.
    pub fn new(store: Arc<dyn Metastore>, storage: Arc<Storage>, runtime: Handle) -> Self {
        let directories = Directories::new(storage);
        let started = chrono::Utc::now().timestamp();
        Self { backend: Arc::new(Backend { store, directories, runtime, started }) }
    }
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
