//! What a cache holds, and how it forgets.

use super::CacheOptions;
use crate::metastore::{CachePart, rules};
use crate::model::{Database, HivePartition, PartitionFilter, Table, TableStatistics};
use moka::sync::Cache;
use parking_lot::Mutex;
use quern_common::Result;
use std::any::Any;
use std::sync::Arc;

/// What is asked about. Names that a question does not need are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Question {
    schema: String,
    table: String,
    /// A filter has numbers that cannot be hashed; its text can.
    filter: String,
    limit: Option<usize>,
}

impl Question {
    /// About everything.
    pub(super) fn all() -> Self {
        Self::default()
    }

    /// About a schema.
    pub(super) fn schema(name: &str) -> Self {
        Self { schema: rules::fold(name), ..Self::default() }
    }

    /// About a table.
    pub(super) fn table(schema: &str, name: &str) -> Self {
        Self { table: rules::fold(name), ..Self::schema(schema) }
    }

    /// About partitions of a table.
    pub(super) fn partitions(
        schema: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Self {
        Self { filter: format!("{filter:?}"), limit, ..Self::table(schema, table) }
    }

    fn is_about(&self, schema: &str, table: &str) -> bool {
        self.schema == schema && self.table == table
    }
}

/// An answer and how much room it takes. Its type is forgotten, so that the code of the cache is
/// compiled once and not once a kind of answer.
#[derive(Debug, Clone)]
struct Kept {
    answer: Arc<dyn Any + Send + Sync>,
    weight: u32,
}

/// The answers to questions of one kind.
#[derive(Debug)]
pub(super) struct Kind<V> {
    answers: Cache<Question, Kept>,
    weight: fn(&V) -> u32,
}

impl<V: Clone + Send + Sync + 'static> Kind<V> {
    fn new(options: &CacheOptions, max: u64, weight: fn(&V) -> u32) -> Self {
        Self { answers: bounded(options, max), weight }
    }

    fn find(&self, question: &Question) -> Option<V> {
        self.answers.get(question)?.answer.downcast_ref().cloned()
    }

    fn keep(&self, question: Question, answer: V) {
        let weight = (self.weight)(&answer);
        self.answers.insert(question, Kept { answer: Arc::new(answer), weight });
    }
}

/// The cached answers, each kind with a bound.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) database_names: Kind<Vec<String>>,
    pub(super) databases: Kind<Database>,
    pub(super) table_names: Kind<Vec<String>>,
    pub(super) tables: Kind<Table>,
    pub(super) statistics: Kind<TableStatistics>,
    pub(super) partition_names: Kind<Vec<String>>,
    pub(super) partitions: Kind<Vec<HivePartition>>,
    /// How often something was forgotten. An answer that was asked for before is not kept.
    flushes: Mutex<u64>,
}

impl Answers {
    pub(super) fn new(options: &CacheOptions) -> Self {
        Self {
            database_names: Kind::new(options, 1, |_| 1),
            databases: Kind::new(options, options.entries_max, |_| 1),
            table_names: Kind::new(options, options.names_max, |names| length(names)),
            tables: Kind::new(options, options.entries_max, |_| 1),
            statistics: Kind::new(options, options.entries_max, |_| 1),
            partition_names: Kind::new(options, options.names_max, |names| length(names)),
            partitions: Kind::new(options, options.partitions_max, |found| length(found)),
            flushes: Mutex::new(0),
        }
    }

    /// The cached answer, or the one that `ask` gives, which is kept.
    pub(super) async fn get<V: Clone + Send + Sync + 'static>(
        &self,
        kind: &Kind<V>,
        question: Question,
        ask: impl Future<Output = Result<V>>,
    ) -> Result<V> {
        if let Some(answer) = kind.find(&question) {
            return Ok(answer);
        }
        let before = *self.flushes.lock();
        let answer = ask.await?;
        // Held while the answer is kept, so that a flush comes before or behind it.
        let flushes = self.flushes.lock();
        if *flushes == before {
            kind.keep(question, answer.clone());
        }
        Ok(answer)
    }

    pub(super) fn flush(&self, part: &CachePart) {
        let mut flushes = self.flushes.lock();
        *flushes += 1;
        let of_schemas = [&self.databases.answers, &self.table_names.answers];
        let of_partitions =
            [&self.statistics.answers, &self.partition_names.answers, &self.partitions.answers];
        match part {
            CachePart::Everything => {
                self.database_names.answers.invalidate_all();
                forget(&of_schemas, &|_| true);
                forget(&[&self.tables.answers], &|_| true);
                forget(&of_partitions, &|_| true);
            }
            CachePart::Schema(schema) => {
                self.database_names.answers.invalidate_all();
                forget(&of_schemas, &|question| question.schema == *schema);
                forget(&[&self.tables.answers], &|question| question.schema == *schema);
                forget(&of_partitions, &|question| question.schema == *schema);
            }
            CachePart::Table(schema, table) => {
                self.table_names.answers.invalidate(&Question::schema(schema));
                self.tables.answers.invalidate(&Question::table(schema, table));
                forget(&of_partitions, &|question| question.is_about(schema, table));
            }
            CachePart::Partitions(schema, table) => {
                forget(&of_partitions, &|question| question.is_about(schema, table));
            }
        }
    }
}

fn forget(caches: &[&Cache<Question, Kept>], is: &dyn Fn(&Question) -> bool) {
    for cache in caches {
        for (question, _) in *cache {
            if is(&question) {
                cache.invalidate(&*question);
            }
        }
    }
}

fn bounded(options: &CacheOptions, max: u64) -> Cache<Question, Kept> {
    Cache::builder()
        .max_capacity(max)
        .weigher(|_, kept: &Kept| kept.weight)
        .time_to_live(options.time_to_live)
        .build()
}

/// An empty answer takes room too.
fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX).saturating_add(1)
}
