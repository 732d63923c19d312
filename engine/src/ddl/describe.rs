//! DESCRIBE and SHOW COLUMNS.

use super::DdlExecutor;
use super::rows::{COLUMNS, TextRows};
use super::schemas::INFORMATION_SCHEMA;
use crate::catalogs::SYSTEM_CATALOG;
use crate::missing;
use crate::session::Session;
use crate::statement::{LikePattern, TableName};
use crate::tables::information_schema_rows;
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::record_batch::RecordBatch;
use quern_catalog::hive_type;
use quern_catalog::model::{Column, Table};
use quern_common::Result;

impl DdlExecutor {
    pub(super) async fn describe(
        &self,
        session: &Session,
        name: &TableName,
        like: Option<&LikePattern>,
    ) -> Result<RecordBatch> {
        let settings = session.settings();
        let catalog = name.catalog.as_deref().unwrap_or(&settings.catalog);
        let schema = name.schema.as_deref().unwrap_or(&settings.schema);
        let computed = match (&self.system, schema) {
            (Some(system), _) if catalog == SYSTEM_CATALOG => {
                Some(system.table(schema, &name.name)?.map(|table| table.schema()))
            }
            (_, INFORMATION_SCHEMA) => {
                let metastore = self.catalogs.get(catalog).await?;
                let rows = information_schema_rows(catalog, metastore.as_ref(), &name.name);
                Some(rows.await?.map(|rows| rows.schema()))
            }
            _ => None,
        };
        match computed {
            Some(Some(columns)) => describe_columns(&columns, like),
            Some(None) => Err(missing::table_not_found(catalog, schema, &name.name)),
            None => {
                let table = self.find_table(&self.resolve(session, name).await?).await?;
                describe_table(&table.with_spark_definition()?, like)
            }
        }
    }
}

fn describe_table(table: &Table, like: Option<&LikePattern>) -> Result<RecordBatch> {
    let mut rows = TextRows::new(COLUMNS);
    let columns = table.sd.columns.iter().map(|column| (column, ""));
    let keys = table.partition_keys.iter().map(|column| (column, "partition key"));
    for (column, extra) in columns.chain(keys) {
        if like.is_none_or(|like| like.matches(&column.name)) {
            rows.push([
                Some(column.name.clone()),
                Some(presto_type_of(column)?),
                Some(extra.to_owned()),
                Some(column.comment.clone().unwrap_or_default()),
            ]);
        }
    }
    rows.finish()
}

fn describe_columns(columns: &Schema, like: Option<&LikePattern>) -> Result<RecordBatch> {
    let mut rows = TextRows::new(COLUMNS);
    for field in columns.fields() {
        if like.is_none_or(|like| like.matches(field.name())) {
            let type_name = hive_type::presto_type(field.data_type());
            let empty = Some(String::new());
            rows.push([Some(field.name().clone()), Some(type_name), empty.clone(), empty]);
        }
    }
    rows.finish()
}

/// A column's type as Presto spells it. Lengths, which Arrow's types do not have, are kept.
pub(crate) fn presto_type_of(column: &Column) -> Result<String> {
    let hive = &column.hive_type;
    if hive.starts_with("varchar(") || hive.starts_with("char(") {
        return Ok(hive.clone());
    }
    Ok(hive_type::presto_type(&hive_type::data_type_of(hive)?))
}
