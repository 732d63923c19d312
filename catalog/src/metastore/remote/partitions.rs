//! Partitions of a remote metastore.

use super::filter::filter_text;
use super::{RemoteMetastore, errors};
use crate::metastore::hive::convert::{partition_from_hive, partition_to_hive};
use crate::metastore::rules::{self, CheckedPartition};
use crate::model::{
    HIVE_DEFAULT_PARTITION, HivePartition, PartitionFilter, Table, parse_partition_name,
    partition_name,
};
use quern_common::Result;
use quern_proto::hive_metastore::ExceptionKind;
use quern_proto::hive_metastore::methods::{
    AddPartitionsReq, AlterPartitionsWithEnvironmentContext, DropPartitionsReq,
    GetNumPartitionsByFilter, GetPartition, GetPartitionNames, GetPartitionsByFilter,
    GetPartitionsByNames, RenamePartition,
};
use quern_proto::hive_metastore::types as hive;
use std::collections::{BTreeMap, HashSet};

/// Partitions that one call asks for.
const PARTITIONS_PER_CALL: usize = 1_000;

/// Reads a partition; NULL is the default partition, however it was stored.
fn read(partition: hive::Partition) -> HivePartition {
    let mut partition = partition_from_hive(partition);
    for value in partition.values.iter_mut().filter(|value| value.is_empty()) {
        HIVE_DEFAULT_PARTITION.clone_into(value);
    }
    partition
}

fn to_hive(table: &Table, checked: CheckedPartition) -> hive::Partition {
    partition_to_hive(&table.database, &table.name, checked.partition)
}

fn values_of(name: &str) -> Result<Vec<String>> {
    Ok(parse_partition_name(name)?.into_iter().map(|(_, value)| value).collect())
}

impl RemoteMetastore {
    pub(super) async fn partitions(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<HivePartition>> {
        let table = self.table(database, table).await?;
        // So that an error is one whatever the metastore would have made of it.
        filter.check(&table.partition_keys)?;
        let Some(written) = filter_text(&table.partition_keys, filter) else {
            let names = self.filtered_names(&table, filter, limit).await?;
            return self.named(&table, &names).await;
        };
        let max_parts = match limit {
            Some(limit) if written.exact => i16::try_from(limit).unwrap_or(-1),
            _ => -1,
        };
        let call = GetPartitionsByFilter {
            db_name: table.database.clone(),
            tbl_name: table.name.clone(),
            filter: written.text,
            max_parts,
        };
        let found = match self.try_call(call).await? {
            // Metastores differ in what they compare; names can always be asked for.
            Err(err) if errors::is(&err, ExceptionKind::Meta) => {
                tracing::debug!(%err, "a partition filter is evaluated over names instead");
                let names = self.filtered_names(&table, filter, limit).await?;
                return self.named(&table, &names).await;
            }
            found => found.map_err(errors::of_store)?,
        };
        let mut kept = Vec::with_capacity(found.len());
        for partition in found {
            let partition = read(partition);
            if filter.matches(&table.partition_keys, &partition.values)? {
                kept.push(partition);
            }
        }
        kept.sort_by_cached_key(|p| partition_name(&table.partition_keys, &p.values));
        kept.truncate(limit.unwrap_or(usize::MAX));
        Ok(kept)
    }

    pub(super) async fn partition_names(
        &self,
        database: &str,
        table: &str,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<String>> {
        let table = self.table(database, table).await?;
        self.filtered_names(&table, filter, limit).await
    }

    /// Evaluates a filter over the names of all partitions.
    async fn filtered_names(
        &self,
        table: &Table,
        filter: &PartitionFilter,
        limit: Option<usize>,
    ) -> Result<Vec<String>> {
        let keys = &table.partition_keys;
        let checked = filter.check(keys)?;
        if keys.is_empty() {
            return Ok(vec![]);
        }
        let call = GetPartitionNames {
            db_name: table.database.clone(),
            tbl_name: table.name.clone(),
            max_parts: -1,
        };
        let mut names = self.call(call).await?;
        names.sort();
        let mut kept = Vec::new();
        for name in names {
            if kept.len() >= limit.unwrap_or(usize::MAX) {
                break;
            }
            let all = *filter == PartitionFilter::All;
            if all || checked.matches(&crate::model::read_values(keys, &values_of(&name)?)?)? {
                kept.push(name);
            }
        }
        Ok(kept)
    }

    /// Those of the named partitions that exist.
    async fn named(&self, table: &Table, names: &[String]) -> Result<Vec<HivePartition>> {
        let mut found = Vec::with_capacity(names.len());
        for names in names.chunks(PARTITIONS_PER_CALL) {
            let call = GetPartitionsByNames {
                db_name: table.database.clone(),
                tbl_name: table.name.clone(),
                names: names.to_vec(),
            };
            found.extend(self.call(call).await?.into_iter().map(read));
        }
        found.sort_by_cached_key(|p| partition_name(&table.partition_keys, &p.values));
        Ok(found)
    }

    pub(super) async fn partitions_by_values(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<Vec<HivePartition>> {
        let table = self.table(database, table).await?;
        let mut names = rules::names_of(&table, values)?;
        names.sort();
        names.dedup();
        self.named(&table, &names).await
    }

    pub(super) async fn partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Result<HivePartition> {
        let table = self.table(database, table).await?;
        let mut values = values.to_vec();
        let name = rules::name_of(&table, &mut values)?;
        let call = GetPartition {
            db_name: table.database.clone(),
            tbl_name: table.name.clone(),
            part_vals: values,
        };
        match self.try_call(call).await? {
            Err(err) if errors::is(&err, ExceptionKind::NoSuchObject) => {
                Err(rules::partition_not_found(&table, &name))
            }
            found => found.map(read).map_err(errors::of_store),
        }
    }

    pub(super) async fn partition_count(&self, database: &str, table: &str) -> Result<usize> {
        let table = self.table(database, table).await?;
        if table.partition_keys.is_empty() {
            return Ok(0);
        }
        let call = GetNumPartitionsByFilter {
            db_name: table.database,
            tbl_name: table.name,
            filter: String::new(),
        };
        Ok(usize::try_from(self.call(call).await?).unwrap_or_default())
    }

    pub(super) async fn insert_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
        if_not_exists: bool,
    ) -> Result<usize> {
        let table = self.table(database, table).await?;
        let mut seen = HashSet::new();
        let mut parts = Vec::with_capacity(partitions.len());
        for checked in rules::check_new_partitions(&table, partitions)? {
            match seen.insert(checked.name.clone()) {
                true => parts.push(to_hive(&table, checked)),
                false if if_not_exists => {}
                false => return Err(rules::partition_already_exists(&table, &checked.name)),
            }
        }
        if parts.is_empty() {
            return Ok(0);
        }
        let first = parts.first().and_then(|part| part.values.clone()).unwrap_or_default();
        let request = hive::AddPartitionsRequest {
            db_name: table.database.clone(),
            tbl_name: table.name.clone(),
            parts,
            if_not_exists,
            need_result: true,
            cat_name: None,
        };
        match self.try_call(AddPartitionsReq { request }).await? {
            Err(err) if errors::is(&err, ExceptionKind::AlreadyExists) => {
                let name = partition_name(&table.partition_keys, &first);
                Err(rules::partition_already_exists(&table, &name).with_source(err))
            }
            added => {
                let added = added.map_err(errors::of_store)?.partitions;
                Ok(added.map_or(0, |partitions| partitions.len()))
            }
        }
    }

    pub(super) async fn change_partitions(
        &self,
        database: &str,
        table: &str,
        partitions: Vec<HivePartition>,
    ) -> Result<()> {
        let table = self.table(database, table).await?;
        let mut checked = rules::check_partitions(&table, partitions)?;
        let names: Vec<String> = checked.iter().map(|checked| checked.name.clone()).collect();
        let current = self.named(&table, &names).await?.into_iter();
        let times: BTreeMap<String, i64> = current
            .map(|p| (partition_name(&table.partition_keys, &p.values), p.create_time))
            .collect();
        for new in &mut checked {
            let Some(time) = times.get(&new.name) else {
                return Err(rules::partition_not_found(&table, &new.name));
            };
            if new.partition.create_time == 0 {
                new.partition.create_time = *time;
            }
        }
        if checked.is_empty() {
            return Ok(());
        }
        let call = AlterPartitionsWithEnvironmentContext {
            db_name: table.database.clone(),
            tbl_name: table.name.clone(),
            new_parts: checked.into_iter().map(|checked| to_hive(&table, checked)).collect(),
            environment_context: Some(keep_statistics()),
        };
        self.call(call).await
    }

    pub(super) async fn move_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        partition: HivePartition,
    ) -> Result<()> {
        let table = self.table(database, table).await?;
        let mut values = values.to_vec();
        let before = rules::name_of(&table, &mut values)?;
        let mut checked = rules::check_partition(&table, partition)?;
        let both = [before.clone(), checked.name.clone()];
        let current = self.named(&table, &both).await?;
        let find = |name: &str| {
            let is = |p: &&HivePartition| partition_name(&table.partition_keys, &p.values) == name;
            current.iter().find(is)
        };
        let Some(old) = find(&before) else {
            return Err(rules::partition_not_found(&table, &before));
        };
        if checked.name != before && find(&checked.name).is_some() {
            return Err(rules::partition_already_exists(&table, &checked.name));
        }
        if checked.partition.create_time == 0 {
            checked.partition.create_time = old.create_time;
        }
        let call = RenamePartition {
            db_name: table.database.clone(),
            tbl_name: table.name.clone(),
            part_vals: values,
            new_part: to_hive(&table, checked),
        };
        self.call(call).await
    }

    pub(super) async fn remove_partitions(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
        if_exists: bool,
    ) -> Result<usize> {
        let table = self.table(database, table).await?;
        let mut names = rules::names_of(&table, values)?;
        names.sort();
        names.dedup();
        let found = self.named(&table, &names).await?;
        let found: HashSet<String> =
            found.iter().map(|p| partition_name(&table.partition_keys, &p.values)).collect();
        if let Some(missing) = names.iter().find(|name| !found.contains(*name))
            && !if_exists
        {
            return Err(rules::partition_not_found(&table, missing));
        }
        names.retain(|name| found.contains(name));
        if names.is_empty() {
            return Ok(0);
        }
        let dropped = names.len();
        let req = hive::DropPartitionsRequest {
            db_name: table.database.clone(),
            tbl_name: table.name.clone(),
            parts: hive::RequestPartsSpec::Names(names),
            delete_data: Some(false),
            if_exists,
            need_result: false,
            ..hive::DropPartitionsRequest::default()
        };
        self.call(DropPartitionsReq { req }).await?;
        Ok(dropped)
    }
}

/// Leaves the numbers of files as we say they are.
fn keep_statistics() -> hive::EnvironmentContext {
    let properties = BTreeMap::from([("DO_NOT_UPDATE_STATS".to_owned(), "true".to_owned())]);
    hive::EnvironmentContext { properties: Some(properties) }
}
