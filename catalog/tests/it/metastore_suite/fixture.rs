//! The stores that the suite is run against.

use super::WAREHOUSE;
use quern_catalog::metastore::{EmbeddedMetastore, MemoryMetastore, Metastore};
use quern_catalog::model::{HivePartition, Parameters, Table};
use std::sync::Arc;

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
    /// Deletes the database when the test ends.
    _dir: Option<tempfile::TempDir>,
}

impl Fixture {
    fn ours(store: Arc<dyn Metastore>, dir: Option<tempfile::TempDir>) -> Self {
        Self { store, behind: Behind::Ours, _dir: dir }
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.behind == Behind::Ours
    }

    /// A table without what a metastore of Hive's sets itself.
    pub(crate) fn table(&self, mut table: Table) -> Table {
        if !self.is_ours() {
            (table.version, table.create_time) = (0, 0);
            forget_set_by_hive(&mut table.parameters);
        }
        if self.behind == Behind::Hive {
            // Version 2.3 has no such field.
            table.owner_type = None;
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

/// Hadoop writes `file:/a`.
fn as_hadoop(location: &str) -> String {
    location.replacen("file:///", "file:/", 1)
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
