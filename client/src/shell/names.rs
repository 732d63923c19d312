//! Names in the catalogue, for completion and the prompt: fetched when first needed, kept until
//! a statement may have changed them.

use crate::connection::Connection;
use crate::metadata::TableFilter;
use parking_lot::Mutex;
use quern_common::Result;
use std::collections::BTreeMap;

/// Tables that are kept at most; of a larger catalogue, the first ones.
const MAX_TABLES: usize = 20_000;
/// Tables whose columns are kept at most.
const MAX_DESCRIBED: usize = 256;

/// A snapshot of what is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) catalog: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) catalogs: Vec<String>,
    /// Schemas of the current catalog.
    pub(crate) schemas: Vec<String>,
    /// Schema and name of the current catalog's tables.
    pub(crate) tables: Vec<(String, String)>,
    /// Columns by table name.
    pub(crate) columns: BTreeMap<String, Vec<String>>,
    pub(crate) session_fresh: bool,
    pub(crate) tables_fresh: bool,
}

/// The names of one connection.
#[derive(Debug)]
pub(crate) struct Names {
    connection: Connection,
    known: Mutex<Known>,
}

impl Names {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, known: Mutex::default() }
    }

    pub(crate) fn known(&self) -> Known {
        self.known.lock().clone()
    }

    /// The session's catalog and schema may have changed.
    pub(crate) fn forget_session(&self) {
        let mut known = self.known.lock();
        known.session_fresh = false;
        known.tables_fresh = false;
    }

    /// Tables or their columns may have changed.
    pub(crate) fn forget_tables(&self) {
        self.known.lock().tables_fresh = false;
    }

    /// Asks for the current catalog and schema, and returns them.
    pub(crate) async fn session(&self) -> Result<(Option<String>, Option<String>)> {
        if !self.known.lock().session_fresh {
            let options = self.connection.session_options().await?;
            let text = |name: &str| {
                options.get(name).map(ToString::to_string).filter(|text| !text.is_empty())
            };
            let mut known = self.known.lock();
            known.catalog = text("catalog");
            known.schema = text("schema");
            known.session_fresh = true;
        }
        let known = self.known.lock();
        Ok((known.catalog.clone(), known.schema.clone()))
    }

    /// Asks for catalogs, schemas and tables, unless they are known.
    pub(crate) async fn load(&self) -> Result<()> {
        if self.known.lock().tables_fresh {
            return Ok(());
        }
        // Without sessions there is no current catalog, and all catalogs are searched.
        let catalog = self.session().await.map(|(catalog, _)| catalog).unwrap_or_default();
        let catalogs = self.connection.catalogs().await?;
        let schemas = self.connection.schemas(catalog.as_deref()).await?;
        let filter = TableFilter { catalog, ..TableFilter::default() };
        let mut tables = self.connection.tables(&filter).await?;
        tables.truncate(MAX_TABLES);
        let mut known = self.known.lock();
        known.catalogs = catalogs;
        known.schemas = schemas.into_iter().map(|name| name.schema).collect();
        known.tables = tables.into_iter().map(|table| (table.schema, table.name)).collect();
        known.columns.clear();
        known.tables_fresh = true;
        Ok(())
    }

    /// Asks for the columns of a table, unless they are known.
    pub(crate) async fn load_columns(&self, table: &str) -> Result<()> {
        let catalog = {
            let known = self.known.lock();
            let exists = known.tables.iter().any(|(_, name)| name == table);
            if !exists || known.columns.contains_key(table) {
                return Ok(());
            }
            known.catalog.clone()
        };
        let filter = TableFilter {
            catalog,
            table_pattern: Some(table.to_owned()),
            include_columns: true,
            ..TableFilter::default()
        };
        let found = self.connection.tables(&filter).await?;
        let mut columns: Vec<String> = found
            .iter()
            .filter(|info| info.name == table)
            .filter_map(|info| info.columns.as_ref())
            .flat_map(|schema| schema.fields().iter().map(|field| field.name().clone()))
            .collect();
        columns.sort_unstable();
        columns.dedup();
        let mut known = self.known.lock();
        if known.columns.len() >= MAX_DESCRIBED {
            known.columns.clear();
        }
        known.columns.insert(table.to_owned(), columns);
        Ok(())
    }
}
