//! Reading tables.

use super::Backend;
use super::answer::{Answer, from_store, no_such_object, or_throw, thrown};
use super::convert::{column_to_hive, table_to_hive};
use super::filter::{Expression, table_matches};
use super::names::{database_name, short};
use super::pattern::name_pattern;
use crate::metastore::rules::fold;
use crate::model::{COMMENT, Table, TableType};
use quern_common::ErrorCode;
use quern_proto::hive_metastore::types as hive;
use quern_proto::hive_metastore::{ExceptionKind, ServiceError};
use std::collections::BTreeSet;

pub(super) const MISSING: &[ErrorCode] = &[ErrorCode::TableNotFound, ErrorCode::SchemaNotFound];

/// The message about a table that is missing.
pub(super) fn missing(database: &str, name: &str) -> String {
    format!("{}.{} table not found", short(database), short(name))
}

impl Backend {
    pub(super) async fn find_table(&self, database: &str, name: &str) -> Answer<Table> {
        let (database, name) = (database_name(database)?, fold(name));
        let found = self.store.get_table(&database, &name).await;
        or_throw(found, MISSING, || no_such_object(missing(&database, &name)))
    }

    pub(super) async fn get_table(&self, database: &str, name: &str) -> Answer<hive::Table> {
        self.find_table(database, name).await.map(table_to_hive)
    }

    /// The names of a database's tables; none when the database is missing.
    pub(super) async fn list_tables(&self, database: &str, pattern: &str) -> Answer<Vec<String>> {
        let pattern = name_pattern(pattern)?;
        let names = match self.store.list_tables(&database_name(database)?).await {
            Err(err) if err.code() == ErrorCode::SchemaNotFound => return Ok(vec![]),
            listed => listed.map_err(from_store)?,
        };
        Ok(names.into_iter().filter(|name| pattern.is_match(name)).collect())
    }

    pub(super) async fn list_tables_by_type(
        &self,
        database: &str,
        pattern: &str,
        table_type: &str,
    ) -> Answer<Vec<String>> {
        let pattern = name_pattern(pattern)?;
        let tables = self.tables_of(&database_name(database)?).await?;
        let wanted = |t: &Table| table_type.is_empty() || t.table_type.hive_name() == table_type;
        let names = tables.into_iter().filter(wanted).map(|table| table.name);
        Ok(names.filter(|name| pattern.is_match(name)).collect())
    }

    /// A database's tables; none when the database is missing.
    async fn tables_of(&self, database: &str) -> Answer<Vec<Table>> {
        match self.store.get_tables(database).await {
            Err(err) if err.code() == ErrorCode::SchemaNotFound => Ok(vec![]),
            tables => tables.map_err(from_store),
        }
    }

    pub(super) async fn table_meta(
        &self,
        databases: &str,
        names: &str,
        types: &[String],
    ) -> Answer<Vec<hive::TableMeta>> {
        let names = name_pattern(names)?;
        let mut metas = Vec::new();
        for database in self.list_databases(databases).await? {
            for table in self.tables_of(&database).await? {
                let table_type = table.table_type.hive_name();
                let wanted = types.is_empty() || types.iter().any(|name| name == table_type);
                if wanted && names.is_match(&table.name) {
                    metas.push(hive::TableMeta {
                        db_name: table.database,
                        table_name: table.name,
                        table_type: table_type.to_owned(),
                        comments: table.parameters.get(COMMENT).cloned(),
                        cat_name: None,
                    });
                }
            }
        }
        Ok(metas)
    }

    /// Those of the named tables that exist, each once.
    pub(super) async fn get_named_tables(
        &self,
        database: &str,
        names: Vec<String>,
    ) -> Answer<Vec<hive::Table>> {
        let database = self.known_database(database).await?;
        let names: BTreeSet<String> = names.iter().map(|name| fold(name)).collect();
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            match self.store.get_table(&database, &name).await {
                Err(err) if err.code() == ErrorCode::TableNotFound => {}
                found => tables.push(table_to_hive(found.map_err(from_store)?)),
            }
        }
        Ok(tables)
    }

    pub(super) async fn list_tables_by_filter(
        &self,
        database: &str,
        filter: &str,
        max: i16,
    ) -> Answer<Vec<String>> {
        let database = self.known_database(database).await?;
        let filter = Expression::parse(filter)?;
        let mut names = Vec::new();
        for table in self.tables_of(&database).await? {
            let matches = match &filter {
                Some(filter) => table_matches(filter, &table)?,
                None => true,
            };
            if matches {
                names.push(table.name);
            }
        }
        if let Ok(max) = usize::try_from(max) {
            names.truncate(max);
        }
        Ok(names)
    }

    async fn known_database(&self, name: &str) -> Answer<String> {
        let name = database_name(name)?;
        let found = self.store.get_database(&name).await;
        or_throw(found, &[ErrorCode::SchemaNotFound], || {
            thrown(ExceptionKind::UnknownDB, format!("Could not find database {}", short(&name)))
        })?;
        Ok(name)
    }

    /// The columns of a table without its partition keys.
    pub(super) async fn fields(
        &self,
        database: &str,
        name: &str,
    ) -> Answer<Vec<hive::FieldSchema>> {
        let table = self.find_table(database, name).await.map_err(unknown_table)?;
        Ok(table.sd.columns.into_iter().map(column_to_hive).collect())
    }

    /// The columns of a table and its partition keys.
    pub(super) async fn schema(
        &self,
        database: &str,
        name: &str,
    ) -> Answer<Vec<hive::FieldSchema>> {
        let table = self.find_table(database, name).await.map_err(unknown_table)?;
        let columns = table.sd.columns.into_iter().chain(table.partition_keys);
        Ok(columns.map(column_to_hive).collect())
    }
}

fn unknown_table(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Exception(exception) if exception.kind == ExceptionKind::NoSuchObject => {
            thrown(ExceptionKind::UnknownTable, exception.message)
        }
        other => other,
    }
}

/// Whether the files of a table are deleted with it.
pub(super) fn owns_files(table: &Table) -> bool {
    table.table_type == TableType::Managed
}
