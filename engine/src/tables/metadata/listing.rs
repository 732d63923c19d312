//! Walks over the catalogs, no further than the names that are asked for.

pub(super) use crate::catalogs::in_catalog;

use crate::catalogs::CatalogRegistry;
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{NameFilter, Table};
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;

/// Where metadata is listed from.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) registry: Arc<CatalogRegistry>,
    /// Calls to a metastore at one time.
    pub(super) concurrency: usize,
    /// Rows that a table may have.
    pub(super) rows_max: usize,
}

/// A schema of a catalog.
#[derive(Debug, Clone)]
pub(super) struct SchemaAt {
    pub(super) catalog: String,
    pub(super) schema: String,
    pub(super) metastore: Arc<dyn Metastore>,
}

impl Listing {
    /// The schemas of the names that are asked for.
    pub(super) async fn schemas(&self, names: &NameFilter) -> Result<Vec<SchemaAt>> {
        let mut found = vec![];
        for catalog in self.registry.names().await? {
            if !names.admits_catalog(&catalog) {
                continue;
            }
            let metastore = self.registry.get(&catalog).await?;
            let schemas = schemas_of(metastore.as_ref(), names).await;
            for schema in schemas.map_err(|err| in_catalog(&catalog, err))? {
                let (catalog, metastore) = (catalog.clone(), Arc::clone(&metastore));
                found.push(SchemaAt { catalog, schema, metastore });
            }
        }
        Ok(found)
    }
}

impl SchemaAt {
    /// The tables and views of the names that are asked for, sorted by name.
    pub(super) async fn tables(&self, names: &NameFilter) -> Result<Vec<Table>> {
        let tables = match &names.tables {
            None => unless_gone(self.metastore.get_tables(&self.schema).await),
            Some(wanted) => {
                let mut tables = vec![];
                for name in sorted(wanted) {
                    let table = self.metastore.get_table(&self.schema, &name).await;
                    match unless_gone(table.map(|table| vec![table])) {
                        Ok(found) => tables.extend(found),
                        Err(err) => return Err(in_catalog(&self.catalog, err)),
                    }
                }
                Ok(tables)
            }
        };
        tables.map_err(|err| in_catalog(&self.catalog, err))
    }
}

async fn schemas_of(metastore: &dyn Metastore, names: &NameFilter) -> Result<Vec<String>> {
    let Some(wanted) = &names.schemas else { return metastore.list_databases().await };
    let mut found = vec![];
    for name in sorted(wanted) {
        let database = metastore.get_database(&name).await;
        found.extend(unless_gone(database.map(|database| vec![database.name]))?);
    }
    Ok(found)
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    names
}

/// Nothing, where what was asked for is not there or was dropped meanwhile.
pub(super) fn unless_gone<T>(found: Result<Vec<T>>) -> Result<Vec<T>> {
    match found {
        Err(err) if is_gone(&err) => Ok(vec![]),
        found => found,
    }
}

/// Whether an object is not there.
pub(super) fn is_gone(err: &Error) -> bool {
    matches!(
        err.code(),
        ErrorCode::CatalogNotFound | ErrorCode::SchemaNotFound | ErrorCode::TableNotFound
    )
}
