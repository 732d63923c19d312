//! What the store in memory holds.

use crate::metastore::events::Change;
use crate::metastore::locks::StoredLock;
use crate::metastore::{MetastoreOptions, rules};
use crate::model::{
    Annotation, AnnotationKind, CatalogDefinition, ColumnStatistics, Database, Dataset, Event,
    GlossaryTerm, HiveFunction, HivePartition, LineageEdge, ModelVersion, ObjectName, Operation,
    Table,
};
use quern_common::Result;
use std::collections::{BTreeMap, VecDeque};

/// Everything, under one lock: a change and its event become visible at once.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) catalogs: BTreeMap<String, CatalogDefinition>,
    pub(super) databases: BTreeMap<String, StoredDatabase>,
    pub(super) log: EventLog,
    pub(super) locks: BTreeMap<i64, StoredLock>,
    pub(super) last_lock: i64,
    pub(super) annotations: BTreeMap<(ObjectName, AnnotationKind, String), Annotation>,
    pub(super) glossary: BTreeMap<String, GlossaryTerm>,
    /// By object and operation.
    pub(super) operations: BTreeMap<(Dataset, String), Operation>,
    /// By target, its version and source.
    pub(super) lineage: BTreeMap<(Dataset, i64, Dataset), LineageEdge>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct StoredDatabase {
    pub(super) database: Database,
    pub(super) tables: BTreeMap<String, StoredTable>,
    pub(super) models: BTreeMap<String, Vec<ModelVersion>>,
    pub(super) functions: BTreeMap<String, HiveFunction>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct StoredTable {
    pub(super) table: Table,
    /// By partition name.
    pub(super) partitions: BTreeMap<String, HivePartition>,
    pub(super) statistics: BTreeMap<String, ColumnStatistics>,
    /// By partition name, then by column.
    pub(super) partition_statistics: BTreeMap<String, BTreeMap<String, ColumnStatistics>>,
}

/// The events that are kept.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    pub(super) events: VecDeque<Event>,
    pub(super) last_id: i64,
}

impl EventLog {
    /// The number of the event that is logged next.
    pub(super) fn next_id(&self) -> i64 {
        self.last_id + 1
    }

    pub(super) fn add(&mut self, changes: Vec<Change>, options: &MetastoreOptions) {
        let now = chrono::Utc::now().timestamp();
        for change in changes {
            self.last_id = self.next_id();
            self.events.push_back(change.into_event(self.last_id, now));
        }
        let max_age = i64::try_from(options.event_max_age.as_secs()).unwrap_or(i64::MAX);
        let max = usize::try_from(options.events_max).unwrap_or(usize::MAX);
        let gone = |event: &Event| event.time < now.saturating_sub(max_age);
        while self.events.len() > max || self.events.front().is_some_and(gone) {
            self.events.pop_front();
        }
    }
}

impl State {
    pub(super) fn database(&self, name: &str) -> Result<&StoredDatabase> {
        let name = rules::fold(name);
        self.databases.get(&name).ok_or_else(|| rules::schema_not_found(&name))
    }

    pub(super) fn database_mut(&mut self, name: &str) -> Result<&mut StoredDatabase> {
        let name = rules::fold(name);
        self.databases.get_mut(&name).ok_or_else(|| rules::schema_not_found(&name))
    }

    pub(super) fn table(&self, database: &str, name: &str) -> Result<&StoredTable> {
        let stored = self.database(database)?;
        let name = rules::fold(name);
        let not_found = || rules::table_not_found(&stored.database.name, &name);
        stored.tables.get(&name).ok_or_else(not_found)
    }
}

impl StoredTable {
    pub(super) fn partition(&self, name: &str) -> Result<&HivePartition> {
        self.partitions.get(name).ok_or_else(|| rules::partition_not_found(&self.table, name))
    }
}
