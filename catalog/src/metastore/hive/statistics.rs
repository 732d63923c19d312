//! Statistics of columns.

use super::Backend;
use super::answer::{Answer, from_store, meta, no_such_object, or_throw};
use super::convert::{aggregate, statistics_from_hive, statistics_to_hive};
use super::names::short;
use super::partitions::values_of_name;
use crate::metastore::rules::fold;
use crate::model::{ColumnStatistics, Table};
use quern_common::ErrorCode;
use quern_proto::hive_metastore::ServiceError;
use quern_proto::hive_metastore::types as hive;
use std::collections::{BTreeMap, HashSet};

/// Those of the columns that are wanted, in the order in which they are.
fn wanted(columns: &[ColumnStatistics], names: &[String]) -> Vec<ColumnStatistics> {
    let mut seen = HashSet::new();
    let names = names.iter().map(|name| fold(name)).filter(|name| seen.insert(name.clone()));
    names.filter_map(|name| columns.iter().find(|c| c.column == name)).cloned().collect()
}

fn objects(columns: &[ColumnStatistics]) -> Vec<hive::ColumnStatisticsObj> {
    columns.iter().filter_map(statistics_to_hive).collect()
}

/// Statistics of one column as an answer; without any there is none.
fn one(
    table: &Table,
    partition: Option<&str>,
    columns: &[ColumnStatistics],
) -> Answer<hive::ColumnStatistics> {
    let stats_obj = objects(columns);
    if stats_obj.is_empty() {
        return Err(ServiceError::NoResult);
    }
    Ok(hive::ColumnStatistics {
        stats_desc: hive::ColumnStatisticsDesc {
            is_tbl_level: partition.is_none(),
            db_name: table.database.clone(),
            table_name: table.name.clone(),
            part_name: partition.map(str::to_owned),
            last_analyzed: columns.iter().filter_map(|column| column.last_analyzed).max(),
            cat_name: None,
        },
        stats_obj,
        is_stats_compliant: None,
        engine: None,
    })
}

impl Backend {
    async fn table_statistics(
        &self,
        table: &Table,
        names: &[String],
    ) -> Answer<Vec<ColumnStatistics>> {
        let known = self.store.get_table_statistics(&table.database, &table.name).await;
        Ok(wanted(&known.map_err(from_store)?.columns, names))
    }

    /// Statistics of columns of partitions, by the partitions' names.
    async fn partition_statistics(
        &self,
        table: &Table,
        partitions: &[String],
        names: &[String],
    ) -> Answer<BTreeMap<String, Vec<ColumnStatistics>>> {
        let values = partitions.iter().map(|name| values_of_name(table, name));
        let values = values.collect::<Answer<Vec<_>>>()?;
        let (database, name) = (&table.database, &table.name);
        let known = self.store.get_partition_column_statistics(database, name, values).await;
        let known = known.map_err(from_store)?.into_iter();
        let known = known.map(|(name, columns)| (name, wanted(&columns, names)));
        Ok(known.filter(|(_, columns)| !columns.is_empty()).collect())
    }

    pub(super) async fn get_table_column_statistics(
        &self,
        database: &str,
        table: &str,
        column: String,
    ) -> Answer<hive::ColumnStatistics> {
        let table = self.find_table(database, table).await?;
        let known = self.table_statistics(&table, &[column]).await?;
        one(&table, None, &known)
    }

    pub(super) async fn get_partition_column_statistics(
        &self,
        database: &str,
        table: &str,
        partition: &str,
        column: String,
    ) -> Answer<hive::ColumnStatistics> {
        let table = self.find_table(database, table).await?;
        let named = [partition.to_owned()];
        let known = self.partition_statistics(&table, &named, &[column]).await?;
        let columns = known.into_values().next().unwrap_or_default();
        one(&table, Some(partition), &columns)
    }

    pub(super) async fn get_table_statistics(
        &self,
        request: hive::TableStatsRequest,
    ) -> Answer<hive::TableStatsResult> {
        let table = self.find_table(&request.db_name, &request.tbl_name).await?;
        let known = self.table_statistics(&table, &request.col_names).await?;
        Ok(hive::TableStatsResult { table_stats: objects(&known), is_stats_compliant: None })
    }

    pub(super) async fn get_partitions_statistics(
        &self,
        request: hive::PartitionsStatsRequest,
    ) -> Answer<hive::PartitionsStatsResult> {
        let table = self.find_table(&request.db_name, &request.tbl_name).await?;
        let (partitions, names) = (&request.part_names, &request.col_names);
        let known = self.partition_statistics(&table, partitions, names).await?;
        let part_stats = known.into_iter().map(|(name, columns)| (name, objects(&columns)));
        let part_stats = part_stats.collect();
        Ok(hive::PartitionsStatsResult { part_stats, is_stats_compliant: None })
    }

    /// Statistics over several partitions. A column of which a partition has none is left out:
    /// what is known of the others says nothing about the whole.
    pub(super) async fn get_aggregated_statistics(
        &self,
        request: hive::PartitionsStatsRequest,
    ) -> Answer<hive::AggrStats> {
        let table = self.find_table(&request.db_name, &request.tbl_name).await?;
        let names: HashSet<String> = request.col_names.iter().map(|name| fold(name)).collect();
        let (partitions, columns) = (&request.part_names, &request.col_names);
        let known = self.partition_statistics(&table, partitions, columns).await?;
        let complete = known.values().filter(|columns| columns.len() == names.len()).count();
        let mut sums: BTreeMap<String, (usize, ColumnStatistics)> = BTreeMap::new();
        for column in known.into_values().flatten() {
            match sums.get_mut(&column.column) {
                Some((count, sum)) => {
                    *count += 1;
                    *sum = aggregate(sum, &column);
                }
                None => {
                    sums.insert(column.column.clone(), (1, column));
                }
            }
        }
        let all = partitions.iter().collect::<HashSet<_>>().len();
        let whole = sums.into_values().filter(|(count, _)| *count == all).map(|(_, sum)| sum);
        let whole: Vec<_> = whole.collect();
        Ok(hive::AggrStats {
            col_stats: objects(&wanted(&whole, columns)),
            parts_found: i64::try_from(complete).unwrap_or(i64::MAX),
            is_stats_compliant: None,
        })
    }

    /// Sets statistics of a table or of a partition, whichever they say.
    pub(super) async fn update_statistics(
        &self,
        given: hive::ColumnStatistics,
        merge: bool,
    ) -> Answer<bool> {
        let hive::ColumnStatisticsDesc { db_name, table_name, part_name, is_tbl_level, .. } =
            given.stats_desc;
        let table = self.find_table(&db_name, &table_name).await?;
        let now = super::now();
        let columns = given.stats_obj.into_iter().map(|object| ColumnStatistics {
            last_analyzed: Some(now),
            ..statistics_from_hive(object)
        });
        let mut columns: Vec<_> = columns.collect();
        let names: Vec<String> = columns.iter().map(|column| column.column.clone()).collect();
        let partition = part_name.filter(|_| !is_tbl_level);
        if merge {
            let known = match &partition {
                None => self.table_statistics(&table, &names).await?,
                Some(name) => {
                    let named = std::slice::from_ref(name);
                    let known = self.partition_statistics(&table, named, &names).await?;
                    known.into_values().next().unwrap_or_default()
                }
            };
            for column in &mut columns {
                if let Some(known) = known.iter().find(|known| known.column == column.column) {
                    *column = aggregate(column, known);
                }
            }
        }
        let (database, name) = (&table.database, &table.name);
        let set = match partition {
            None => self.store.set_column_statistics(database, name, columns).await,
            Some(partition) => {
                let values = values_of_name(&table, &partition)?;
                self.store.set_partition_column_statistics(database, name, &values, columns).await
            }
        };
        match set {
            Err(err) if err.code() == ErrorCode::ColumnNotFound => Err(meta(err.to_string())),
            set => set.map(|()| true).map_err(from_store),
        }
    }

    pub(super) async fn update_all_statistics(
        &self,
        request: hive::SetPartitionsStatsRequest,
    ) -> Answer<bool> {
        let merge = request.need_merge.unwrap_or_default();
        for given in request.col_stats {
            self.update_statistics(given, merge).await?;
        }
        Ok(true)
    }

    /// Forgets the statistics of a column, or of all when none is named.
    pub(super) async fn delete_statistics(
        &self,
        database: &str,
        table: &str,
        partition: Option<&str>,
        column: &str,
    ) -> Answer<bool> {
        let table = self.find_table(database, table).await?;
        let one = Some(column).filter(|column| !column.is_empty());
        let (database, name) = (&table.database, &table.name);
        let gone = match partition {
            None => self.store.delete_column_statistics(database, name, one).await,
            Some(partition) => {
                let values = values_of_name(&table, partition)?;
                self.store.delete_partition_column_statistics(database, name, &values, one).await
            }
        };
        let none = || {
            let of = partition.map(|name| format!(" partition={}", short(name)));
            no_such_object(format!(
                "Column stats doesn't exist for db={database} table={name}{} col={}",
                of.unwrap_or_default(),
                short(column)
            ))
        };
        match or_throw(gone, &[ErrorCode::NotFound], none)? {
            0 => Err(none()),
            _ => Ok(true),
        }
    }
}
