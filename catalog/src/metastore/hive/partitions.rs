//! Reading partitions.

use super::Backend;
use super::answer::{Answer, from_store, meta, no_such_object, or_throw};
use super::convert::partition_to_hive;
use super::filter::PartitionSelection;
use super::names::{short, shown};
use crate::model::{
    CompareOp, HivePartition, KeyType, PartitionFilter, PartitionValue, Table, is_null_value,
    parse_partition_name, partition_name,
};
use quern_common::ErrorCode;
use quern_proto::hive_metastore::types as hive;
use std::collections::HashSet;

/// A negative maximum means all.
fn limit(max: i16) -> Option<usize> {
    usize::try_from(max).ok()
}

/// The values in a partition's name, in the order of the table's keys. The names of the keys
/// are taken as they are spelled.
pub(super) fn values_of_name(table: &Table, name: &str) -> Answer<Vec<String>> {
    let missing = |key: &str| {
        no_such_object(format!("incomplete partition name - missing {key}: {}", short(name)))
    };
    let parts = parse_partition_name(name).map_err(|_| missing("="))?;
    let mut values = Vec::with_capacity(table.partition_keys.len());
    for key in &table.partition_keys {
        let found = parts.iter().find(|(name, _)| *name == key.name);
        values.push(found.map(|(_, value)| value.clone()).ok_or_else(|| missing(&key.name))?);
    }
    Ok(values)
}

/// Checks that there is a value for each key.
pub(super) fn check_arity(table: &Table, values: &[String]) -> Answer<()> {
    if values.len() == table.partition_keys.len() {
        return Ok(());
    }
    let listed = |names: &mut dyn Iterator<Item = &str>| {
        names.map(|name| format!("{name}, ")).collect::<String>()
    };
    Err(meta(format!(
        "Invalid partition key & values; keys [{}], values [{}]",
        listed(&mut table.partition_keys.iter().map(|key| key.name.as_str())),
        short(&listed(&mut values.iter().map(String::as_str)))
    )))
}

/// What a part of the values selects; an empty value means any.
struct PartialValues {
    filter: PartitionFilter,
    /// The texts that the values must have, if the index compares something else than texts.
    texts: Option<Vec<String>>,
}

impl PartialValues {
    fn new(table: &Table, values: &[String]) -> Answer<Self> {
        if values.len() > table.partition_keys.len() {
            return Err(meta("Incorrect number of partition values"));
        }
        let mut conditions = Vec::new();
        let mut all_text = true;
        for (key, text) in table.partition_keys.iter().zip(values) {
            if text.is_empty() {
                continue;
            }
            let name = key.name.clone();
            all_text &= matches!(KeyType::of(key), Ok(KeyType::Text));
            conditions.push(match PartitionValue::parse(key, text).map_err(from_store)? {
                _ if is_null_value(text) => PartitionFilter::IsNull { key: name },
                Some(value) => PartitionFilter::Compare { key: name, op: CompareOp::Eq, value },
                // Nothing has a value that is none.
                None => PartitionFilter::Or(vec![]),
            });
        }
        let texts = (!all_text).then(|| values.to_vec());
        Ok(Self { filter: PartitionFilter::And(conditions), texts })
    }

    fn keeps(&self, values: &[String]) -> bool {
        self.texts.as_ref().is_none_or(|texts| {
            texts.iter().zip(values).all(|(text, value)| text.is_empty() || text == value)
        })
    }

    /// The limit for the store: none when some of what it finds is dropped.
    fn store_limit(&self, limit: Option<usize>) -> Option<usize> {
        if self.texts.is_some() { None } else { limit }
    }
}

impl Backend {
    pub(super) async fn find_partition(
        &self,
        table: &Table,
        values: &[String],
    ) -> Answer<HivePartition> {
        check_arity(table, values)?;
        let found = self.store.get_partition(&table.database, &table.name, values).await;
        or_throw(found, &[ErrorCode::NotFound, ErrorCode::HiveInvalidPartitionValue], || {
            no_such_object(format!("partition values={}", shown(values)))
        })
    }

    pub(super) async fn get_partition(
        &self,
        database: &str,
        table: &str,
        values: &[String],
    ) -> Answer<hive::Partition> {
        let table = self.find_table(database, table).await?;
        let found = self.find_partition(&table, values).await?;
        Ok(partition_to_hive(&table.database, &table.name, found))
    }

    pub(super) async fn get_partition_by_name(
        &self,
        database: &str,
        table: &str,
        name: &str,
    ) -> Answer<hive::Partition> {
        let table = self.find_table(database, table).await?;
        let values = values_of_name(&table, name)?;
        let found = self.find_partition(&table, &values).await?;
        Ok(partition_to_hive(&table.database, &table.name, found))
    }

    pub(super) async fn get_partitions(
        &self,
        database: &str,
        table: &str,
        max: i16,
    ) -> Answer<Vec<hive::Partition>> {
        self.get_partitions_by_filter(database, table, "", i32::from(max)).await
    }

    /// Names of partitions. A maximum of 0 means all here, and none elsewhere.
    pub(super) async fn list_partitions(
        &self,
        database: &str,
        table: &str,
        max: i16,
    ) -> Answer<Vec<String>> {
        let table = self.find_table(database, table).await?;
        let limit = limit(max).filter(|max| *max > 0);
        let filter = PartitionFilter::All;
        let (database, name) = (&table.database, &table.name);
        self.store.get_partition_names(database, name, &filter, limit).await.map_err(from_store)
    }

    pub(super) async fn get_partitions_by_part(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        max: i16,
    ) -> Answer<Vec<hive::Partition>> {
        let table = self.find_table(database, table).await?;
        let partial = PartialValues::new(&table, values)?;
        let found = self
            .store
            .get_partitions(
                &table.database,
                &table.name,
                &partial.filter,
                partial.store_limit(limit(max)),
            )
            .await
            .map_err(from_store)?;
        let kept = found.into_iter().filter(|partition| partial.keeps(&partition.values));
        let kept = kept.take(limit(max).unwrap_or(usize::MAX));
        Ok(kept.map(|p| partition_to_hive(&table.database, &table.name, p)).collect())
    }

    pub(super) async fn list_partitions_by_part(
        &self,
        database: &str,
        table: &str,
        values: &[String],
        max: i16,
    ) -> Answer<Vec<String>> {
        let table = self.find_table(database, table).await?;
        let partial = PartialValues::new(&table, values)?;
        let (database, name) = (&table.database, &table.name);
        let store_limit = partial.store_limit(limit(max));
        let found =
            self.store.get_partition_names(database, name, &partial.filter, store_limit).await;
        let mut kept = Vec::new();
        for name in found.map_err(from_store)? {
            if kept.len() >= limit(max).unwrap_or(usize::MAX) {
                break;
            }
            if partial.texts.is_none() || partial.keeps(&values_of_name(&table, &name)?) {
                kept.push(name);
            }
        }
        Ok(kept)
    }

    pub(super) async fn get_partitions_by_filter(
        &self,
        database: &str,
        table: &str,
        filter: &str,
        max: i32,
    ) -> Answer<Vec<hive::Partition>> {
        let table = self.find_table(database, table).await?;
        let found = self.select(&table, filter, usize::try_from(max).ok()).await?;
        let found = found.into_iter();
        Ok(found.map(|p| partition_to_hive(&table.database, &table.name, p)).collect())
    }

    async fn select(
        &self,
        table: &Table,
        filter: &str,
        limit: Option<usize>,
    ) -> Answer<Vec<HivePartition>> {
        let selection = PartitionSelection::parse(table, filter)?;
        let store_limit = if selection.is_exact() { limit } else { None };
        let (database, name) = (&table.database, &table.name);
        let found = self.store.get_partitions(database, name, &selection.filter, store_limit).await;
        let mut found = found.map_err(from_store)?;
        if selection.is_exact() {
            return Ok(found);
        }
        let mut kept = Vec::new();
        for partition in found.drain(..) {
            if kept.len() >= limit.unwrap_or(usize::MAX) {
                break;
            }
            if selection.keeps(&table.partition_keys, &partition.values)? {
                kept.push(partition);
            }
        }
        Ok(kept)
    }

    pub(super) async fn get_partition_specs_by_filter(
        &self,
        database: &str,
        table: &str,
        filter: &str,
        max: i32,
    ) -> Answer<Vec<hive::PartitionSpec>> {
        let table = self.find_table(database, table).await?;
        let found = self.select(&table, filter, usize::try_from(max).ok()).await?;
        let found = found.into_iter();
        let partitions = found.map(|p| partition_to_hive(&table.database, &table.name, p));
        let list = hive::PartitionListComposingSpec { partitions: Some(partitions.collect()) };
        Ok(vec![hive::PartitionSpec {
            db_name: Some(table.database),
            table_name: Some(table.name),
            root_path: Some(table.sd.location),
            partition_list: Some(list),
            ..hive::PartitionSpec::default()
        }])
    }

    pub(super) async fn count_partitions_by_filter(
        &self,
        database: &str,
        table: &str,
        filter: &str,
    ) -> Answer<i32> {
        let table = self.find_table(database, table).await?;
        let names = self.select_names(&table, filter, None).await?;
        Ok(i32::try_from(names.len()).unwrap_or(i32::MAX))
    }

    async fn select_names(
        &self,
        table: &Table,
        filter: &str,
        limit: Option<usize>,
    ) -> Answer<Vec<String>> {
        let selection = PartitionSelection::parse(table, filter)?;
        let store_limit = if selection.is_exact() { limit } else { None };
        let (database, name) = (&table.database, &table.name);
        let found =
            self.store.get_partition_names(database, name, &selection.filter, store_limit).await;
        let found = found.map_err(from_store)?;
        if selection.is_exact() {
            return Ok(found);
        }
        let mut kept = Vec::new();
        for name in found {
            if kept.len() >= limit.unwrap_or(usize::MAX) {
                break;
            }
            if selection.keeps(&table.partition_keys, &values_of_name(table, &name)?)? {
                kept.push(name);
            }
        }
        Ok(kept)
    }

    pub(super) async fn get_named_partitions(
        &self,
        database: &str,
        table: &str,
        names: &[String],
    ) -> Answer<Vec<hive::Partition>> {
        let table = self.find_table(database, table).await?;
        let values = names.iter().map(|name| values_of_name(&table, name));
        let values = values.collect::<Answer<Vec<_>>>()?;
        let (database, name) = (&table.database, &table.name);
        let found = self.store.get_partitions_by_values(database, name, values).await;
        let found = found.map_err(from_store)?.into_iter();
        Ok(found.map(|p| partition_to_hive(&table.database, &table.name, p)).collect())
    }

    pub(super) async fn partition_values(
        &self,
        request: hive::PartitionValuesRequest,
    ) -> Answer<hive::PartitionValuesResponse> {
        let table = self.find_table(&request.db_name, &request.tbl_name).await?;
        let mut columns = Vec::with_capacity(request.partition_keys.len());
        for wanted in &request.partition_keys {
            let name = wanted.name.as_deref().unwrap_or_default();
            let place = table.partition_keys.iter().position(|k| k.name.eq_ignore_ascii_case(name));
            columns.push(place.ok_or_else(|| {
                meta(format!("{} is not a valid partition column in this table.", short(name)))
            })?);
        }
        let filter = request.filter.unwrap_or_default();
        let mut seen = HashSet::new();
        let mut rows = Vec::new();
        for name in self.select_names(&table, &filter, None).await? {
            let values = values_of_name(&table, &name)?;
            let row: Vec<String> =
                columns.iter().filter_map(|place| values.get(*place)).cloned().collect();
            if !request.apply_distinct || seen.insert(row.clone()) {
                rows.push(hive::PartitionValuesRow { row });
            }
        }
        if !request.ascending {
            rows.reverse();
        }
        if let Some(max) = usize::try_from(request.max_parts).ok().filter(|max| *max > 0) {
            rows.truncate(max);
        }
        Ok(hive::PartitionValuesResponse { partition_values: rows })
    }
}

/// The values in a partition's name, in the order of the name; none in an empty one.
pub(super) fn values_in_name(name: &str) -> Answer<Vec<(String, String)>> {
    if name.is_empty() {
        return Ok(vec![]);
    }
    parse_partition_name(name).map_err(|err| meta(err.to_string()))
}

/// The name of a partition, for what refers to partitions by name.
pub(super) fn name_of(table: &Table, values: &[String]) -> String {
    partition_name(&table.partition_keys, values)
}
