//! ALTER TABLE other than partitions.

use super::tables::check_columns;
use super::{DdlExecutor, DdlOutcome, now_seconds};
use crate::catalogs::ResolvedTable;
use crate::session::Session;
use crate::statement::TableName;
use quern_catalog::model::{
    COMMENT, Column, EXTERNAL, LAST_DDL_TIME, Parameters, Table, TableType,
};
use quern_common::{Error, ErrorCode, Result};

impl DdlExecutor {
    pub(super) async fn rename_table(
        &self,
        session: &Session,
        name: &TableName,
        new_name: &TableName,
        if_exists: bool,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        // A new name without schema stays in the table's own schema.
        let new_name = TableName {
            catalog: new_name.catalog.clone().or_else(|| Some(target.catalog.clone())),
            schema: new_name.schema.clone().or_else(|| Some(target.schema.clone())),
            name: new_name.name.clone(),
        };
        let renamed = self.resolve(session, &new_name).await?;
        if renamed.catalog != target.catalog {
            return Err(Error::not_supported("ALTER TABLE RENAME to another catalog"));
        }
        let table = match self.table_if_exists(&target).await? {
            None if if_exists => return Ok(DdlOutcome::DONE),
            Some(table) => table,
            None => self.find_table(&target).await?,
        };
        let (database, name) = (renamed.schema.clone(), renamed.name.clone());
        let done = self.store_change(&target, Table { database, name, ..table }).await?;
        self.carry_metadata(&target, &renamed).await;
        Ok(done)
    }

    pub(super) async fn add_columns(
        &self,
        session: &Session,
        name: &TableName,
        columns: &[Column],
        if_not_exists: bool,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        let mut table = self.base_table(&target).await?;
        if let Some(source) = table.spark_source() {
            // Spark has the columns in a parameter of its own, and would not see these.
            return Err(Error::not_supported(format!(
                "adding columns to a table of Spark's data source \"{source}\""
            ))
            .with_hint("add them in Spark"));
        }
        for column in columns {
            let exists =
                table.sd.columns.iter().chain(&table.partition_keys).any(|c| c.name == column.name);
            if !(exists && if_not_exists) {
                table.sd.columns.push(column.clone());
            }
        }
        check_columns(&table.sd.columns, &table.partition_keys)?;
        self.store_change(&target, table).await
    }

    pub(super) async fn set_properties(
        &self,
        session: &Session,
        name: &TableName,
        properties: &Parameters,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        let mut table = self.base_table(&target).await?;
        for (key, value) in properties {
            let lower = key.to_lowercase();
            let on = value.eq_ignore_ascii_case("true");
            match lower.as_str() {
                "external" if on => {
                    table.table_type = TableType::External;
                    table.parameters.insert(EXTERNAL.to_owned(), "TRUE".to_owned());
                }
                "external" => return Err(Error::not_supported("making a table managed")),
                "transactional" | "projection.enabled" if on => {
                    return Err(Error::not_supported(format!("table property \"{key}\"")));
                }
                "skip.header.line.count" | "skip.footer.line.count"
                    if value.parse::<u32>().is_err() =>
                {
                    return Err(Error::new(
                        ErrorCode::InvalidTableProperty,
                        format!("table property \"{key}\" takes a number from 0"),
                    ));
                }
                "comment" => {
                    table.parameters.insert(COMMENT.to_owned(), value.clone());
                }
                _ => {
                    table.parameters.insert(key.clone(), value.clone());
                }
            }
        }
        self.store_change(&target, table).await
    }

    /// Finds a table that is no view.
    pub(super) async fn base_table(&self, target: &ResolvedTable) -> Result<Table> {
        target.base_table().await
    }

    /// Stores a changed definition, unless someone else changed it meanwhile.
    pub(super) async fn store_change(
        &self,
        target: &ResolvedTable,
        mut table: Table,
    ) -> Result<DdlOutcome> {
        table.parameters.insert(LAST_DDL_TIME.to_owned(), now_seconds().to_string());
        let version = Some(table.version);
        let stored = target.metastore.alter_table(&target.schema, &target.name, version, table);
        let stored = stored.await;
        self.catalogs.touch(&target.catalog, &target.schema);
        stored.map(|()| DdlOutcome::DONE)
    }
}
