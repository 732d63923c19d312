//! MSCK REPAIR TABLE and CALL: partitions brought in line with directories.

use super::partitions::{check_values, lies_in, need_keys, new_partition};
use super::rows::{SYNC, counts};
use super::{DdlExecutor, DdlOutcome, LocationAccess};
use crate::catalogs::ResolvedTable;
use crate::session::Session;
use crate::statement::{CallArgument, Literal, SyncMode, TableName};
use futures::{StreamExt, TryStreamExt, stream};
use quern_catalog::model::{HIVE_DEFAULT_PARTITION, PartitionFilter, Table, unescape_path_name};
use quern_common::{Error, ErrorCode, Result};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Directories that are listed at once.
const LISTINGS: usize = 32;

/// Partitions in one transaction of the metastore.
const BATCH: usize = 1_000;

const SYNC_PROCEDURE: &str = "sync_partition_metadata";

/// Directories that are partitions, by their values, with the number of those that are not.
#[derive(Default)]
pub(crate) struct FoundDirectories {
    pub(crate) locations: BTreeMap<Vec<String>, String>,
    /// Further directories of values that have one.
    pub(crate) doubles: Vec<(Vec<String>, String)>,
    ignored: usize,
}

impl DdlExecutor {
    /// Runs a procedure.
    pub(super) async fn call(
        &self,
        session: &Session,
        procedure: &[String],
        arguments: &[CallArgument],
    ) -> Result<DdlOutcome> {
        let (catalog, name) = match procedure {
            [schema, name] if schema == "system" => (None, name),
            [catalog, schema, name] if schema == "system" => (Some(catalog.clone()), name),
            _ => return Err(no_procedure(procedure)),
        };
        if name != SYNC_PROCEDURE {
            return Err(no_procedure(procedure));
        }
        let mut values = bind(arguments, &["schema_name", "table_name", "mode"])?;
        let mut take = |name: &str| values.remove(name).unwrap_or_default();
        let table = TableName {
            catalog,
            schema: Some(take("schema_name").to_lowercase()),
            name: take("table_name").to_lowercase(),
        };
        let mode = take("mode");
        let mode = SyncMode::from_name(&mode).ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidProcedureArgument,
                format!("mode is ADD, DROP or FULL, not \"{mode}\""),
            )
        })?;
        self.sync_partitions(session, &table, mode).await
    }

    /// Adds partitions for directories, drops partitions without directory, and reports how
    /// many.
    pub(super) async fn sync_partitions(
        &self,
        session: &Session,
        name: &TableName,
        mode: SyncMode,
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
                    new_partition(table, (*values).clone(), (*location).clone())
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

fn no_procedure(name: &[String]) -> Error {
    Error::new(
        ErrorCode::ProcedureNotFound,
        format!("procedure \"{}\" does not exist", name.join(".")),
    )
    .with_hint(format!("there is system.{SYNC_PROCEDURE}(schema_name, table_name, mode)"))
}

/// Assigns the arguments of a call to names. All are needed, and all are texts.
fn bind(arguments: &[CallArgument], names: &[&str]) -> Result<BTreeMap<String, String>> {
    let invalid = |message: String| Error::new(ErrorCode::InvalidProcedureArgument, message);
    let mut bound = BTreeMap::new();
    for (position, argument) in arguments.iter().enumerate() {
        let name = match &argument.name {
            Some(name) => name.as_str(),
            None if arguments.iter().take(position).any(|a| a.name.is_some()) => {
                return Err(invalid("positional arguments come before named ones".to_owned()));
            }
            None => names.get(position).copied().ok_or_else(|| {
                invalid(format!("there are {} arguments: {}", names.len(), names.join(", ")))
            })?,
        };
        if !names.contains(&name) {
            return Err(invalid(format!("there is no argument \"{name}\""))
                .with_hint(format!("there are {}", names.join(", "))));
        }
        let Literal::Text(text) = &argument.value else {
            return Err(invalid(format!("argument \"{name}\" is a text")));
        };
        if bound.insert(name.to_owned(), text.clone()).is_some() {
            return Err(invalid(format!("argument \"{name}\" is given twice")));
        }
    }
    match names.iter().find(|name| !bound.contains_key(**name)) {
        Some(missing) => Err(invalid(format!("argument \"{missing}\" is missing"))),
        None => Ok(bound),
    }
}
