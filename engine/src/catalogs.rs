//! Which catalogs there are, and what a name that a statement writes stands for.

use crate::session::SessionSettings;
use crate::statement::{SchemaName, TableName};
use quern_catalog::metastore::Metastore;
use quern_common::{Error, ErrorCode, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The catalogs of a process by name.
#[derive(Debug, Clone)]
pub struct CatalogRegistry {
    default: String,
    catalogs: BTreeMap<String, Arc<dyn Metastore>>,
}

/// A schema, found.
#[derive(Debug, Clone)]
pub struct ResolvedSchema {
    /// Catalog.
    pub catalog: String,
    /// Schema.
    pub schema: String,
    /// The catalog's metastore.
    pub metastore: Arc<dyn Metastore>,
}

/// A table's, view's or model's full name, and the metastore to ask for it.
#[derive(Debug, Clone)]
pub struct ResolvedTable {
    /// Catalog.
    pub catalog: String,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// The catalog's metastore.
    pub metastore: Arc<dyn Metastore>,
}

impl fmt::Display for ResolvedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.schema, self.name)
    }
}

impl fmt::Display for ResolvedSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.catalog, self.schema)
    }
}

impl CatalogRegistry {
    /// Makes a registry of one catalog, which is the default.
    pub fn new(default: impl Into<String>, metastore: Arc<dyn Metastore>) -> Self {
        let default = default.into().to_lowercase();
        Self { catalogs: BTreeMap::from([(default.clone(), metastore)]), default }
    }

    /// Adds a catalog.
    ///
    /// # Errors
    /// `CONFIGURATION_INVALID` when the name is taken.
    pub fn add(&mut self, name: &str, metastore: Arc<dyn Metastore>) -> Result<()> {
        match self.catalogs.insert(name.to_lowercase(), metastore) {
            None => Ok(()),
            Some(_) => Err(Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("two catalogs are called \"{name}\""),
            )),
        }
    }

    /// Returns the name of the catalog that sessions begin in.
    pub fn default_name(&self) -> &str {
        &self.default
    }

    /// Returns the names of all catalogs, sorted.
    pub fn names(&self) -> Vec<String> {
        self.catalogs.keys().cloned().collect()
    }

    /// Returns a catalog's metastore.
    ///
    /// # Errors
    /// `CATALOG_NOT_FOUND`.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Metastore>> {
        self.catalogs.get(&name.to_lowercase()).map(Arc::clone).ok_or_else(|| {
            Error::new(ErrorCode::CatalogNotFound, format!("catalog \"{name}\" does not exist"))
                .with_hint(format!("there is {}", self.names().join(", ")))
        })
    }

    /// Completes a schema's name from the session's settings. Whether the schema exists is not
    /// looked up.
    ///
    /// # Errors
    /// `CATALOG_NOT_FOUND`.
    pub fn resolve_schema(
        &self,
        name: &SchemaName,
        settings: &SessionSettings,
    ) -> Result<ResolvedSchema> {
        let catalog = name.catalog.clone().unwrap_or_else(|| settings.catalog.clone());
        let metastore = self.get(&catalog)?;
        Ok(ResolvedSchema { catalog, schema: name.name.clone(), metastore })
    }

    /// Completes a table's name from the session's settings. Whether the table exists is not
    /// looked up.
    ///
    /// # Errors
    /// `CATALOG_NOT_FOUND`, or `MISSING_SCHEMA_NAME` when neither name nor session has a schema.
    pub fn resolve_table(
        &self,
        name: &TableName,
        settings: &SessionSettings,
    ) -> Result<ResolvedTable> {
        let schema = name.schema.clone().unwrap_or_else(|| settings.schema.clone());
        if schema.is_empty() {
            return Err(Error::new(
                ErrorCode::MissingSchemaName,
                format!("\"{name}\" has no schema, and the session has none either"),
            )
            .with_hint("write schema.name, or USE a schema"));
        }
        let catalog = name.catalog.clone().unwrap_or_else(|| settings.catalog.clone());
        let metastore = self.get(&catalog)?;
        Ok(ResolvedTable { catalog, schema, name: name.name.clone(), metastore })
    }
}
