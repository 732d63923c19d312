//! From a three-part name to a table, for one statement.
//!
//! DataFusion asks for each table that a statement names once, asynchronously, so the metastore
//! is asked for just those. What was found is kept for the statement: it sees one snapshot.

use super::hidden::HiddenColumn;
use super::hive_table::{HiveTable, ScanContext, StringLayout};
use super::information_schema;
use crate::catalogs::{CatalogRegistry, SYSTEM_CATALOG};
use crate::error::to_datafusion;
use crate::missing;
use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemTable, SchemaProvider, TableProvider,
};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use parking_lot::Mutex;
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{Dataset, TableType};
use quern_common::{Error, ErrorCode};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

/// The tables of the catalog `system`: `system.runtime.queries` and the like.
///
/// It exists to invert a dependency: the scheduler knows the queries, the engine plans over them.
pub trait SystemTables: Debug + Send + Sync {
    /// Names of tables by schema.
    fn tables(&self) -> BTreeMap<&'static str, Vec<&'static str>>;
    /// A table as it is now, or none when there is no such table.
    fn table(
        &self,
        schema: &str,
        table: &str,
    ) -> quern_common::Result<Option<Arc<dyn TableProvider>>>;
}

/// The catalogs as one statement sees them.
#[derive(Debug, Clone)]
pub struct QueryCatalogs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Arc<CatalogRegistry>,
    system: Arc<dyn SystemTables>,
    scan: ScanContext,
    layout: StringLayout,
    hidden: BTreeSet<HiddenColumn>,
    found: Mutex<BTreeMap<FullName, Arc<dyn TableProvider>>>,
    missing: Mutex<BTreeMap<FullName, MissingTable>>,
}

/// Catalog, schema and table, in lower case.
type FullName = (String, String, String);

/// A name that led nowhere.
#[derive(Debug, Clone)]
struct MissingTable {
    catalog: String,
    schema: String,
    table: String,
    err: Error,
}

impl QueryCatalogs {
    /// The catalogs for a statement that names the `hidden` columns.
    pub fn new(
        registry: Arc<CatalogRegistry>,
        system: Arc<dyn SystemTables>,
        scan: ScanContext,
        layout: StringLayout,
        hidden: BTreeSet<HiddenColumn>,
    ) -> Self {
        let (found, missing) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { registry, system, scan, layout, hidden, found, missing }) }
    }

    /// Why the first name that led nowhere did so. A name may be a function's, so that a miss
    /// is no error before planning fails.
    pub async fn first_missing(&self) -> Option<Error> {
        let missing = self.inner.missing.lock().values().next().cloned()?;
        let MissingTable { catalog, schema, table, err } = missing;
        Some(match self.inner.registry.get(&catalog).await {
            Ok(metastore) => missing::with_hint(err, metastore.as_ref(), &schema, &table).await,
            Err(_) => err,
        })
    }

    /// The Hive tables that were resolved, sorted by name.
    pub fn tables_read(&self) -> Vec<Dataset> {
        let found = self.inner.found.lock();
        let tables = found.iter().filter(|(_, table)| table.is::<HiveTable>());
        tables.map(|((catalog, schema, name), _)| Dataset::table(catalog, schema, name)).collect()
    }
}

impl CatalogProviderList for QueryCatalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        Some(Arc::new(QueryCatalog {
            inner: Arc::clone(&self.inner),
            catalog: name.to_lowercase(),
        }))
    }
}

#[derive(Debug)]
struct QueryCatalog {
    inner: Arc<Inner>,
    catalog: String,
}

impl CatalogProvider for QueryCatalog {
    fn schema_names(&self) -> Vec<String> {
        vec![]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::new(QuerySchema {
            inner: Arc::clone(&self.inner),
            catalog: self.catalog.clone(),
            schema: name.to_lowercase(),
        }))
    }
}

#[derive(Debug)]
struct QuerySchema {
    inner: Arc<Inner>,
    catalog: String,
    schema: String,
}

impl QuerySchema {
    async fn resolve(&self, table: &str) -> quern_common::Result<Arc<dyn TableProvider>> {
        if self.catalog == SYSTEM_CATALOG {
            let found = self.inner.system.table(&self.schema, table)?;
            return found.ok_or_else(|| self.not_found(table));
        }
        let metastore = self.inner.registry.get(&self.catalog).await?;
        if self.schema == information_schema::NAME {
            let rows = information_schema::rows(&self.catalog, metastore.as_ref(), table).await?;
            return rows.map(table_of_rows).unwrap_or_else(|| Err(self.not_found(table)));
        }
        self.resolve_hive(metastore, table).await
    }

    async fn resolve_hive(
        &self,
        metastore: Arc<dyn Metastore>,
        table: &str,
    ) -> quern_common::Result<Arc<dyn TableProvider>> {
        let definition =
            metastore.get_table(&self.schema, table).await.map_err(|err| match err.code() {
                ErrorCode::TableNotFound => self.not_found(table),
                ErrorCode::SchemaNotFound => missing::schema_not_found(&self.catalog, &self.schema),
                _ => err,
            })?;
        if definition.table_type == TableType::View {
            return Err(Error::not_supported(format!(
                "reading view \"{}.{}.{table}\"",
                self.catalog, self.schema
            )));
        }
        let table = HiveTable::try_new(
            Arc::new(definition.with_spark_definition()?),
            metastore,
            self.inner.scan.clone(),
            self.inner.layout,
            &self.inner.hidden,
        )?;
        Ok(Arc::new(table))
    }

    fn not_found(&self, table: &str) -> Error {
        missing::table_not_found(&self.catalog, &self.schema, table)
    }
}

fn is_missing(err: &Error) -> bool {
    matches!(
        err.code(),
        ErrorCode::TableNotFound | ErrorCode::SchemaNotFound | ErrorCode::CatalogNotFound
    )
}

/// A table with these rows.
///
/// # Errors
/// An internal one when the rows do not fit together.
pub fn table_of_rows(rows: RecordBatch) -> quern_common::Result<Arc<dyn TableProvider>> {
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]])
        .map_err(crate::error::from_datafusion)?;
    Ok(Arc::new(table))
}

/// A scan of these rows, all of a table's columns, for its provider to return.
///
/// # Errors
/// An internal one when the rows do not have the columns of `projection`.
pub(crate) fn scan_of_rows(
    rows: RecordBatch,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = rows.schema();
    let plan = MemorySourceConfig::try_new_exec(&[vec![rows]], schema, projection.cloned())?;
    Ok(plan)
}

#[async_trait]
impl SchemaProvider for QuerySchema {
    fn table_names(&self) -> Vec<String> {
        vec![]
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let key = (self.catalog.clone(), self.schema.clone(), name.to_lowercase());
        if let Some(found) = self.inner.found.lock().get(&key) {
            return Ok(Some(Arc::clone(found)));
        }
        match self.resolve(&name.to_lowercase()).await {
            Ok(table) => {
                self.inner.found.lock().insert(key, Arc::clone(&table));
                Ok(Some(table))
            }
            Err(err) if is_missing(&err) => {
                let missing = MissingTable {
                    catalog: self.catalog.clone(),
                    schema: self.schema.clone(),
                    table: name.to_lowercase(),
                    err,
                };
                self.inner.missing.lock().insert(key, missing);
                Ok(None)
            }
            Err(err) => Err(to_datafusion(err)),
        }
    }

    fn table_exist(&self, _name: &str) -> bool {
        true
    }
}
