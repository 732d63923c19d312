//! Which catalogs there are, and what a name that a statement writes stands for.

use crate::missing;
use crate::session::SessionSettings;
use crate::statement::quoting::quoted;
use crate::statement::{SchemaName, TableName};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use parking_lot::Mutex;
use quern_catalog::connector;
use quern_catalog::metastore::{MetadataStore, Metastore};
use quern_catalog::model::{CatalogDefinition, Parameters, Table, TableType};
use quern_common::config::MetastoreConfig;
use quern_common::{Error, ErrorCode, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Name of the catalog of system tables.
pub const SYSTEM_CATALOG: &str = "system";

/// The catalogs of a process: the default one, and those that CREATE CATALOG made.
///
/// What was created is kept in the [`MetadataStore`], which schedulers may share: it is asked
/// whenever a statement names such a catalog, so that all of them see one set of catalogs.
#[derive(Debug)]
pub struct CatalogRegistry {
    default: String,
    metastore: Arc<dyn Metastore>,
    metadata: Arc<dyn MetadataStore>,
    defaults: MetastoreConfig,
    open: Mutex<BTreeMap<String, OpenCatalog>>,
    versions: SchemaVersions,
}

/// Counters of changes; schemas that share one are read anew when the other changed.
const VERSIONS: usize = 1_024;

/// How often this process changed each schema, for those who remember what is in it.
#[derive(Debug)]
struct SchemaVersions {
    counters: Vec<AtomicU64>,
    hasher: RandomState,
}

impl SchemaVersions {
    fn new() -> Self {
        let counters = (0..VERSIONS).map(|_| AtomicU64::new(0)).collect();
        Self { counters, hasher: RandomState::new() }
    }

    fn counter(&self, catalog: &str, schema: &str) -> Option<&AtomicU64> {
        let hash = self.hasher.hash_one((catalog, schema));
        let place = hash % u64::try_from(VERSIONS).unwrap_or(1);
        self.counters.get(usize::try_from(place).unwrap_or_default())
    }
}

/// A catalog that was named already.
#[derive(Debug, Clone)]
struct OpenCatalog {
    properties: Parameters,
    metastore: Arc<dyn Metastore>,
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

impl ResolvedTable {
    /// Gets the table, naming it in full when it is missing.
    ///
    /// # Errors
    /// `TABLE_NOT_FOUND`, `SCHEMA_NOT_FOUND`, and those of the metastore.
    pub async fn table(&self) -> Result<Table> {
        let Self { catalog, schema, name, metastore } = self;
        let err = match metastore.get_table(schema, name).await {
            Ok(table) => return Ok(table),
            Err(err) => match err.code() {
                ErrorCode::TableNotFound => missing::table_not_found(catalog, schema, name),
                ErrorCode::SchemaNotFound => missing::schema_not_found(catalog, schema),
                _ => return Err(err),
            },
        };
        Err(missing::with_hint(err, metastore.as_ref(), schema, name).await)
    }

    /// Gets a table that is no view.
    ///
    /// # Errors
    /// As [`Self::table`], and `GENERIC_USER_ERROR` for a view.
    pub async fn base_table(&self) -> Result<Table> {
        let table = self.table().await?;
        match table.table_type {
            TableType::View => {
                Err(Error::new(ErrorCode::GenericUserError, format!("\"{self}\" is a view")))
            }
            TableType::Managed | TableType::External => Ok(table),
        }
    }

    /// The full name as a statement writes it.
    pub(crate) fn quoted(&self) -> String {
        [&self.catalog, &self.schema, &self.name].map(|part| quoted(part)).join(".")
    }
}

impl CatalogRegistry {
    /// A registry whose default catalog is `metastore`, with the catalogs that `metadata` keeps.
    /// What their properties leave open is as in `defaults`.
    pub fn new(
        default: impl Into<String>,
        metastore: Arc<dyn Metastore>,
        metadata: Arc<dyn MetadataStore>,
        defaults: MetastoreConfig,
    ) -> Self {
        let default = default.into().to_lowercase();
        let (open, versions) = (Mutex::default(), SchemaVersions::new());
        Self { default, metastore, metadata, defaults, open, versions }
    }

    /// Returns the name of the catalog that sessions begin in.
    pub fn default_name(&self) -> &str {
        &self.default
    }

    /// Returns the default catalog's metastore.
    pub fn default_metastore(&self) -> &Arc<dyn Metastore> {
        &self.metastore
    }

    /// Returns what is kept beside the catalogs.
    pub fn metadata(&self) -> &Arc<dyn MetadataStore> {
        &self.metadata
    }

    /// Says that a statement of this process changed something in a schema.
    pub fn touch(&self, catalog: &str, schema: &str) {
        if let Some(counter) = self.versions.counter(catalog, schema) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Returns a number that is another one after each change of this process to a schema.
    pub fn version(&self, catalog: &str, schema: &str) -> u64 {
        let counter = self.versions.counter(catalog, schema);
        counter.map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    /// Returns the names of all catalogs but that of system tables, sorted.
    ///
    /// # Errors
    /// Those of the [`MetadataStore`].
    pub async fn names(&self) -> Result<Vec<String>> {
        let created = self.metadata.list_catalogs().await?;
        let mut names: Vec<_> = created.into_iter().map(|catalog| catalog.name).collect();
        names.push(self.default.clone());
        names.sort();
        Ok(names)
    }

    /// Returns a catalog's metastore.
    ///
    /// # Errors
    /// `CATALOG_NOT_FOUND`, and those of opening it.
    pub fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<dyn Metastore>>> {
        let name = name.to_lowercase();
        if name == self.default {
            return ready(Ok(Arc::clone(&self.metastore))).boxed();
        }
        async move {
            match self.metadata.get_catalog(&name).await {
                Ok(definition) => self.opened(&name, definition.properties).await,
                Err(err) => {
                    self.open.lock().remove(&name);
                    Err(self.with_hint(err, &name).await)
                }
            }
        }
        .boxed()
    }

    async fn opened(&self, name: &str, properties: Parameters) -> Result<Arc<dyn Metastore>> {
        let known = self.open.lock().get(name).cloned();
        if let Some(known) = known.filter(|known| known.properties == properties) {
            return Ok(known.metastore);
        }
        let metastore = connector::open(&properties, &self.defaults).await?;
        let open = OpenCatalog { properties, metastore: Arc::clone(&metastore) };
        self.open.lock().insert(name.to_owned(), open);
        Ok(metastore)
    }

    async fn with_hint(&self, err: Error, name: &str) -> Error {
        let known = match err.code() {
            ErrorCode::CatalogNotFound => self.names().await.unwrap_or_default(),
            _ => vec![],
        };
        match missing::hint(name, &known) {
            Some(hint) => err.with_hint(hint),
            None => err,
        }
    }

    /// Keeps a new catalog. Nothing is connected to.
    ///
    /// # Errors
    /// `ALREADY_EXISTS`, `INVALID_CATALOG_PROPERTY`.
    pub async fn create(&self, catalog: CatalogDefinition) -> Result<()> {
        connector::check(&catalog.properties)?;
        if self.is_built_in(&catalog.name) {
            return Err(Error::new(
                ErrorCode::AlreadyExists,
                format!("catalog \"{}\" already exists", catalog.name),
            ));
        }
        self.metadata.create_catalog(catalog).await
    }

    /// Forgets a catalog that was created; nothing in it changes.
    ///
    /// # Errors
    /// `CATALOG_NOT_FOUND`, and `NOT_SUPPORTED` for those that were not created.
    pub async fn remove(&self, name: &str) -> Result<()> {
        if self.is_built_in(name) {
            return Err(Error::not_supported(format!("DROP CATALOG of \"{name}\"")));
        }
        let dropped = self.metadata.drop_catalog(name).await;
        self.open.lock().remove(name);
        match dropped {
            Err(err) => Err(self.with_hint(err, name).await),
            Ok(()) => Ok(()),
        }
    }

    /// Returns what CREATE CATALOG said.
    ///
    /// # Errors
    /// `CATALOG_NOT_FOUND`, and `NOT_SUPPORTED` for catalogs that were not created.
    pub async fn definition(&self, name: &str) -> Result<CatalogDefinition> {
        if self.is_built_in(name) {
            return Err(Error::not_supported(format!(
                "SHOW CREATE CATALOG of \"{name}\", which the configuration makes"
            )));
        }
        match self.metadata.get_catalog(name).await {
            Ok(definition) => Ok(definition),
            Err(err) => Err(self.with_hint(err, name).await),
        }
    }

    fn is_built_in(&self, name: &str) -> bool {
        name == self.default || name == SYSTEM_CATALOG
    }

    /// Completes a schema's name from the session's settings. Whether the schema exists is not
    /// looked up.
    ///
    /// # Errors
    /// Those of [`Self::get`].
    pub async fn resolve_schema(
        &self,
        name: &SchemaName,
        settings: &SessionSettings,
    ) -> Result<ResolvedSchema> {
        let catalog = name.catalog.clone().unwrap_or_else(|| settings.catalog.clone());
        let metastore = self.get(&catalog).await?;
        Ok(ResolvedSchema { catalog, schema: name.name.clone(), metastore })
    }

    /// Completes a table's name from the session's settings. Whether the table exists is not
    /// looked up.
    ///
    /// # Errors
    /// Those of [`Self::get`], or `MISSING_SCHEMA_NAME` when neither name nor session has a
    /// schema.
    pub async fn resolve_table(
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
        let metastore = self.get(&catalog).await?;
        Ok(ResolvedTable { catalog, schema, name: name.name.clone(), metastore })
    }
}

/// Says which catalog an error is of.
pub(crate) fn in_catalog(catalog: &str, err: Error) -> Error {
    let message = format!("catalog \"{catalog}\": {}", err.message());
    let outer = Error::new(err.code(), message);
    match err.hint() {
        Some(hint) => outer.with_hint(hint).with_source(err),
        None => outer.with_source(err),
    }
}
