//! MSCK REPAIR TABLE and CALL sync_partition_metadata: partitions brought in line with directories.

use super::operations::Done;
use super::partitions::{check_values, lies_in, need_keys};
use super::rows::{SYNC, counts};
use super::{DdlExecutor, DdlOutcome, LocationAccess};
use crate::catalogs::ResolvedTable;
use crate::session::Session;
use crate::statement::{SyncMode, TableName};
use futures::{StreamExt, TryStreamExt, stream};
use quern_catalog::model::{HIVE_DEFAULT_PARTITION, PartitionFilter, Table, unescape_path_name};
use quern_common::{Error, ErrorCode, Result};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Directories that are listed at once.
const LISTINGS: usize = 32;

/// Partitions in one transaction of the metastore.
const BATCH: usize = 1_000;

/// Directories that are partitions, by their values, with the number of those that are not.
#[derive(Default)]
pub(crate) struct FoundDirectories {
    pub(crate) locations: BTreeMap<Vec<String>, String>,
    /// Further directories of values that have one.
    pub(crate) doubles: Vec<(Vec<String>, String)>,
    ignored: usize,
}

impl DdlExecutor {
    /// Adds partitions for directories, drops partitions without directory, and reports how
    /// many.
    pub(super) async fn sync_partitions(
        &self,
        session: &Session,
        name: &TableName,
        mode: SyncMode,
        operation: &'static str,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        let table = self.base_table(&target).await?;
        need_keys(&table)?;
        let found = find_directories(self.storage.as_ref(), &table).await?;
        if let Some((_, location)) = found.doubles.first() {
            return Err(Error::new(
                ErrorCode::HiveInvalidMetadata,
                format!("two directories hold the partition of \"{location}\""),
            ));
        }
        let known = self.known_partitions(&target).await?;
        let (mut added, mut dropped) = (0, 0);
        if mode != SyncMode::Drop {
            added = self.add_missing(&target, &table, &found, &known).await?;
        }
        if mode != SyncMode::Add {
            let gone = known.iter().filter(|(values, location)| {
                lies_in(&table, location) && !found.locations.contains_key(*values)
            });
            let gone: Vec<_> = gone.map(|(values, _)| values.clone()).collect();
            for batch in gone.chunks(BATCH) {
                let drop = target.metastore.drop_partitions(
                    &target.schema,
                    &target.name,
                    batch.to_vec(),
                    true,
                );
                dropped += drop.await?;
            }
        }
        if added + dropped > 0 {
            let source_location = Some(table.sd.location.clone());
            let done = Done { operation, source_location, partitions: Some(added + dropped) };
            self.record(session, &target, done).await;
        }
        counts(SYNC, [added, dropped, found.ignored]).map(DdlOutcome::Rows)
    }

    async fn known_partitions(
        &self,
        target: &ResolvedTable,
    ) -> Result<BTreeMap<Vec<String>, String>> {
        let partitions = target
            .metastore
            .get_partitions(&target.schema, &target.name, &PartitionFilter::All, None)
            .await?;
        Ok(partitions.into_iter().map(|p| (p.values, p.sd.location)).collect())
    }

    async fn add_missing(
        &self,
        target: &ResolvedTable,
        table: &Table,
        found: &FoundDirectories,
        known: &BTreeMap<Vec<String>, String>,
    ) -> Result<usize> {
        let missing = found.locations.iter().filter(|(values, _)| !known.contains_key(*values));
        let missing: Vec<_> = missing.collect();
        for (values, _) in &missing {
            check_values(table, values)?;
        }
        let mut added = 0;
        for batch in missing.chunks(BATCH) {
            let partitions = batch
                .iter()
                .map(|(values, location)| {
                    self.new_partition(table, (*values).clone(), (*location).clone())
                })
                .collect();
            // Another session may have added some meanwhile.
            let add =
                target.metastore.add_partitions(&target.schema, &target.name, partitions, true);
            added += add.await?;
        }
        Ok(added)
    }
}

/// Walks the table's directory, one level a partition key.
pub(crate) async fn find_directories(
    storage: &dyn LocationAccess,
    table: &Table,
) -> Result<FoundDirectories> {
    let base = table.sd.location.trim_end_matches('/').to_owned();
    let mut level: Vec<(Vec<String>, String)> = vec![(vec![], base)];
    let mut found = FoundDirectories::default();
    for key in &table.partition_keys {
        let listed: Vec<_> = stream::iter(level)
            .map(|(values, location)| async move {
                let names = storage.list_dirs(&location).await?;
                Ok::<_, Error>((values, location, names))
            })
            .buffered(LISTINGS)
            .try_collect()
            .await?;
        level = vec![];
        for (values, location, names) in listed {
            for name in names {
                match value_of_directory(&name, &key.name) {
                    Some(value) => {
                        let values = values.iter().cloned().chain([value]).collect();
                        level.push((values, format!("{location}/{name}")));
                    }
                    None => found.ignored += 1,
                }
            }
        }
    }
    for (values, location) in level {
        match found.locations.entry(values) {
            Entry::Occupied(known) => found.doubles.push((known.key().clone(), location)),
            Entry::Vacant(place) => {
                place.insert(location);
            }
        }
    }
    Ok(found)
}

/// The value in a directory's name `key=value`, or none when it is not of this key.
fn value_of_directory(name: &str, key: &str) -> Option<String> {
    let (found, value) = name.split_once('=')?;
    if unescape_path_name(found).to_lowercase() != key {
        return None;
    }
    let value = unescape_path_name(value);
    Some(if value.is_empty() { HIVE_DEFAULT_PARTITION.to_owned() } else { value })
}
