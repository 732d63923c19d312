//! The statements that mend what CHECK TABLE finds.

use crate::catalogs::ResolvedTable;
use crate::ddl::partitions::{check_values, default_location, spec_filter};
use crate::statement::quoting::{literal, quoted};
use quern_catalog::model::{Table, TableType};
use quern_common::Result;

/// Writes statements about one table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixes<'a> {
    pub(super) target: &'a ResolvedTable,
    pub(super) table: &'a Table,
}

impl Fixes<'_> {
    fn alter(&self) -> String {
        format!("ALTER TABLE {}", self.target.quoted())
    }

    /// `PARTITION (k = 'v', …)`.
    fn partition(&self, values: &[String]) -> String {
        let parts = self.table.partition_keys.iter().zip(values);
        let parts = parts.map(|(key, value)| format!("{} = {}", quoted(&key.name), literal(value)));
        format!("PARTITION ({})", parts.collect::<Vec<_>>().join(", "))
    }

    /// Adds a directory as a partition.
    ///
    /// # Errors
    /// When its values are none of the keys' types.
    pub(super) fn add_partition(&self, values: &[String], location: &str) -> Result<String> {
        check_values(self.table, values)?;
        let partition = self.partition(values);
        let location = match location == default_location(self.table, values) {
            true => String::new(),
            false => format!(" LOCATION {}", literal(location)),
        };
        Ok(format!("{} ADD IF NOT EXISTS {partition}{location}", self.alter()))
    }

    /// Drops a partition; none when that would drop another one too: `7` and `007` are one
    /// number.
    pub(super) async fn drop_partition(&self, values: &[String]) -> Result<Option<String>> {
        let keys = self.table.partition_keys.iter().map(|key| key.name.clone());
        let spec: Vec<_> = keys.zip(values.iter().cloned()).collect();
        let Ok(filter) = spec_filter(self.table, &spec) else { return Ok(None) };
        let target = self.target;
        let matched =
            target.metastore.get_partitions(&target.schema, &target.name, &filter, Some(2));
        let matched = matched.await?;
        let alone = matched.len() == 1 && matched.iter().all(|p| p.values == values);
        Ok(alone.then(|| format!("{} DROP IF EXISTS {}", self.alter(), self.partition(values))))
    }

    /// Gives a partition the table's columns and format: it is dropped and added again. None for
    /// a managed table, whose files would be dropped with it.
    pub(super) async fn register_again(
        &self,
        values: &[String],
        location: &str,
    ) -> Result<Option<String>> {
        if self.table.table_type != TableType::External {
            return Ok(None);
        }
        let Some(drop) = self.drop_partition(values).await? else { return Ok(None) };
        let add = self.add_partition(values, location).ok();
        Ok(add.map(|add| format!("{drop}; {add}")))
    }

    /// Measures the table, or a partition of it.
    pub(super) fn analyze(&self, values: Option<&[String]>, how: &str) -> String {
        let partition = values.map(|values| format!(" {}", self.partition(values)));
        let partition = partition.unwrap_or_default();
        format!("ANALYZE TABLE {}{partition} COMPUTE STATISTICS{how}", self.target.quoted())
    }

    /// Writes a table or partition anew from its own rows.
    pub(super) fn rewrite(&self, values: Option<&[String]>) -> String {
        let columns = self.table.sd.columns.iter().map(|column| quoted(&column.name));
        let columns = columns.collect::<Vec<_>>().join(", ");
        let name = self.target.quoted();
        let Some(values) = values else {
            return format!("INSERT OVERWRITE TABLE {name} SELECT {columns} FROM {name}");
        };
        let conditions =
            self.table.partition_keys.iter().zip(values).map(|(key, value)| match value.as_str() {
                "" | quern_catalog::model::HIVE_DEFAULT_PARTITION => {
                    format!("{} IS NULL", quoted(&key.name))
                }
                value => format!("{} = {}", quoted(&key.name), literal(value)),
            });
        format!(
            "INSERT OVERWRITE TABLE {name} {} SELECT {columns} FROM {name} WHERE {}",
            self.partition(values),
            conditions.collect::<Vec<_>>().join(" AND ")
        )
    }
}
