//! Statistics of a remote metastore.

use super::{RemoteMetastore, errors};
use crate::metastore::hive::convert::{statistics_from_hive, statistics_to_hive};
use crate::metastore::rules;
use crate::model::{ColumnStatistics, PartitionFilter, Table, TableStatistics};
use quern_common::{Error, Result};
use quern_proto::hive_metastore::ExceptionKind;
use quern_proto::hive_metastore::methods::{
    DeletePartitionColumnStatistics, DeleteTableColumnStatistics, GetPartitionsStatisticsReq,
    GetTableStatisticsReq, UpdatePartitionColumnStatistics, UpdateTableColumnStatistics,
};
use quern_proto::hive_metastore::types as hive;
use std::collections::BTreeMap;

/// A table with more partitions is not summed up: each of them would have to be fetched.
const PARTITIONS_SUMMED_MAX: usize = 1_000;
/// Partitions that one call asks for.
const PARTITIONS_PER_CALL: usize = 1_000;

fn column_names(table: &Table) -> Vec<String> {
    table.sd.columns.iter().map(|column| column.name.clone()).collect()
}

fn read(objects: Vec<hive::ColumnStatisticsObj>) -> Vec<ColumnStatistics> {
    let mut columns: Vec<_> = objects.into_iter().map(statistics_from_hive).collect();
    columns.sort_by(|a, b| a.column.cmp(&b.column));
    columns
}

impl RemoteMetastore {
    pub(super) async fn table_statistics(
        &self,
        database: &str,
        table: &str,
    ) -> Result<TableStatistics> {
        let table = self.table(database, table).await?;
        let mut statistics = TableStatistics::from_parameters(&table.parameters);
        if !table.partition_keys.is_empty() {
            statistics = statistics.or(&self.sum_of_partitions(&table).await?);
        }
        let request = hive::TableStatsRequest {
            col_names: column_names(&table),
            db_name: table.database,
            tbl_name: table.name,
            ..hive::TableStatsRequest::default()
        };
        statistics.columns = read(self.call(GetTableStatisticsReq { request }).await?.table_stats);
        Ok(statistics)
    }

    async fn sum_of_partitions(&self, table: &Table) -> Result<TableStatistics> {
        let (database, name) = (&table.database, &table.name);
        let few = Some(PARTITIONS_SUMMED_MAX + 1);
        let found = self.partitions(database, name, &PartitionFilter::All, few).await?;
        if found.len() > PARTITIONS_SUMMED_MAX {
            return Ok(TableStatistics::default());
        }
        let mut sum = TableStatistics::zero();
        for partition in found {
            sum.add(&TableStatistics::from_parameters(&partition.parameters));
        }
        Ok(sum)
    }

    pub(super) async fn partition_statistics(
        &self,
        database: &str,
        table: &str,
        values: Vec<Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<ColumnStatistics>>> {
        let table = self.table(database, table).await?;
        let names = rules::names_of(&table, values)?;
        let mut found = BTreeMap::new();
        for names in names.chunks(PARTITIONS_PER_CALL) {
            let request = hive::PartitionsStatsRequest {
                db_name: table.database.clone(),
                tbl_name: table.name.clone(),
                col_names: column_names(&table),
                part_names: names.to_vec(),
                ..hive::PartitionsStatsRequest::default()
            };
            let part_stats = self.call(GetPartitionsStatisticsReq { request }).await?.part_stats;
            let known = part_stats.into_iter().map(|(name, objects)| (name, read(objects)));
            found.extend(known.filter(|(_, columns)| !columns.is_empty()));
        }
        Ok(found)
    }

    /// Sets statistics of columns of a table, or of the partition with these values.
    pub(super) async fn write_statistics(
        &self,
        database: &str,
        table: &str,
        values: Option<&[String]>,
        columns: Vec<ColumnStatistics>,
    ) -> Result<()> {
        let table = self.table(database, table).await?;
        let part_name = match values {
            Some(values) => {
                // Some versions write statistics of partitions that do not exist.
                self.partition(&table.database, &table.name, values).await?;
                Some(rules::name_of(&table, &mut values.to_vec())?)
            }
            None => None,
        };
        let mut stats_obj = Vec::with_capacity(columns.len());
        for column in rules::check_statistics(&table, columns)? {
            stats_obj.push(statistics_to_hive(&column).ok_or_else(|| {
                Error::not_supported(format_args!(
                    "statistics of column \"{}\" of type \"{}\" in a Hive metastore",
                    column.column, column.hive_type
                ))
            })?);
        }
        if stats_obj.is_empty() {
            return Ok(());
        }
        let stats_desc = hive::ColumnStatisticsDesc {
            is_tbl_level: part_name.is_none(),
            db_name: table.database,
            table_name: table.name,
            part_name,
            ..hive::ColumnStatisticsDesc::default()
        };
        let stats_obj =
            hive::ColumnStatistics { stats_desc, stats_obj, ..hive::ColumnStatistics::default() };
        match values {
            None => self.call(UpdateTableColumnStatistics { stats_obj }).await?,
            Some(_) => self.call(UpdatePartitionColumnStatistics { stats_obj }).await?,
        };
        Ok(())
    }

    /// Deletes statistics of one column or of all that have some, one call each.
    pub(super) async fn forget_statistics(
        &self,
        database: &str,
        table: &str,
        values: Option<&[String]>,
        column: Option<&str>,
    ) -> Result<usize> {
        let table = self.table(database, table).await?;
        let known = match values {
            None => self.table_statistics(&table.database, &table.name).await?.columns,
            Some(values) => {
                self.partition(&table.database, &table.name, values).await?;
                let values = vec![values.to_vec()];
                let known = self.partition_statistics(&table.database, &table.name, values);
                known.await?.into_values().next().unwrap_or_default()
            }
        };
        let wanted = column.map(rules::fold);
        let mut gone = 0;
        for column in known.into_iter().map(|column| column.column) {
            if wanted.as_ref().is_some_and(|wanted| *wanted != column) {
                continue;
            }
            let deleted = match values {
                None => {
                    let call = DeleteTableColumnStatistics {
                        db_name: table.database.clone(),
                        tbl_name: table.name.clone(),
                        col_name: column,
                        engine: None,
                    };
                    self.try_call(call).await?
                }
                Some(values) => {
                    let call = DeletePartitionColumnStatistics {
                        db_name: table.database.clone(),
                        tbl_name: table.name.clone(),
                        part_name: rules::name_of(&table, &mut values.to_vec())?,
                        col_name: column,
                        engine: None,
                    };
                    self.try_call(call).await?
                }
            };
            match deleted {
                // Somebody else was faster.
                Err(err) if errors::is(&err, ExceptionKind::NoSuchObject) => {}
                deleted => {
                    deleted.map_err(errors::of_store)?;
                    gone += 1;
                }
            }
        }
        Ok(gone)
    }
}
