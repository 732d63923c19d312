//! What a cache holds, and how it forgets.

use super::CacheOptions;
use crate::metastore::CachePart;
use crate::model::{Database, HivePartition, PartitionFilter, Table, TableStatistics};
use moka::sync::Cache;
use parking_lot::Mutex;
use quern_common::Result;
use std::hash::Hash;

/// A table's schema and name.
pub(super) type TableName = (String, String);

/// A question about the partitions of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) table: TableName,
    /// A filter has numbers that cannot be hashed; its text can.
    filter: String,
    limit: Option<usize>,
}

impl Question {
    pub(super) fn new(table: TableName, filter: &PartitionFilter, limit: Option<usize>) -> Self {
        Self { table, filter: format!("{filter:?}"), limit }
    }
}

/// The cached answers, each kind with a bound.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) database_names: Cache<(), Vec<String>>,
    pub(super) databases: Cache<String, Database>,
    pub(super) table_names: Cache<String, Vec<String>>,
    pub(super) tables: Cache<TableName, Table>,
    pub(super) statistics: Cache<TableName, TableStatistics>,
    pub(super) partition_names: Cache<Question, Vec<String>>,
    pub(super) partitions: Cache<Question, Vec<HivePartition>>,
    /// How often something was forgotten. An answer that was asked for before is not kept.
    flushes: Mutex<u64>,
}

impl Answers {
    pub(super) fn new(options: &CacheOptions) -> Self {
        Self {
            database_names: bounded(options, 1, |_| 1),
            databases: bounded(options, options.entries_max, |_| 1),
            table_names: bounded(options, options.names_max, |names| length(names)),
            tables: bounded(options, options.entries_max, |_| 1),
            statistics: bounded(options, options.entries_max, |_| 1),
            partition_names: bounded(options, options.names_max, |names| length(names)),
            partitions: bounded(options, options.partitions_max, |found| length(found)),
            flushes: Mutex::new(0),
        }
    }

    /// The cached answer, or the one that `ask` gives, which is kept.
    pub(super) async fn get<K, V>(
        &self,
        cache: &Cache<K, V>,
        key: K,
        ask: impl Future<Output = Result<V>>,
    ) -> Result<V>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        if let Some(answer) = cache.get(&key) {
            return Ok(answer);
        }
        let before = *self.flushes.lock();
        let answer = ask.await?;
        // Held while the answer is kept, so that a flush comes before or behind it.
        let flushes = self.flushes.lock();
        if *flushes == before {
            cache.insert(key, answer.clone());
        }
        Ok(answer)
    }

    pub(super) fn flush(&self, part: &CachePart) {
        let mut flushes = self.flushes.lock();
        *flushes += 1;
        match part {
            CachePart::Everything => {
                self.database_names.invalidate(&());
                self.databases.invalidate_all();
                self.table_names.invalidate_all();
                self.forget(|_| true);
            }
            CachePart::Schema(schema) => {
                self.database_names.invalidate(&());
                self.databases.invalidate(schema);
                self.table_names.invalidate(schema);
                self.forget(|(database, _)| database == schema);
            }
            CachePart::Table(schema, table) => {
                self.table_names.invalidate(schema);
                self.forget(|name| name.0 == *schema && name.1 == *table);
            }
            CachePart::Partitions(schema, table) => {
                let is = |name: &TableName| name.0 == *schema && name.1 == *table;
                forget_of(&self.statistics, &is);
                forget_of(&self.partition_names, &|question| is(&question.table));
                forget_of(&self.partitions, &|question| is(&question.table));
            }
        }
    }

    /// Forgets tables and what belongs to them.
    fn forget(&self, is: impl Fn(&TableName) -> bool) {
        forget_of(&self.tables, &is);
        forget_of(&self.statistics, &is);
        forget_of(&self.partition_names, &|question| is(&question.table));
        forget_of(&self.partitions, &|question| is(&question.table));
    }
}

fn forget_of<K, V>(cache: &Cache<K, V>, is: &impl Fn(&K) -> bool)
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    for (key, _) in cache {
        if is(&key) {
            cache.invalidate(&*key);
        }
    }
}

fn bounded<K, V>(options: &CacheOptions, max: u64, weight: fn(&V) -> u32) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(max)
        .weigher(move |_, answer| weight(answer))
        .time_to_live(options.time_to_live)
        .build()
}

/// An empty answer takes room too.
fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX).saturating_add(1)
}
