//! What Quern keeps beside Hive's model.

use crate::model::CatalogDefinition;
use async_trait::async_trait;
use quern_common::Result;
use std::fmt::Debug;

/// Stores what a Hive metastore has no place for. It exists beside [`Metastore`](super::Metastore)
/// because it is there even when the tables are kept in a Hive metastore of somebody else's.
///
/// Names are lower-cased on entry. Errors carry `CATALOG_NOT_FOUND`, `ALREADY_EXISTS`,
/// `HIVE_INVALID_METADATA` (a name that cannot be), or `HIVE_METASTORE_ERROR` when the store
/// itself fails.
#[async_trait]
pub trait MetadataStore: Debug + Send + Sync {
    /// Returns the catalogs that were created, sorted by name.
    async fn list_catalogs(&self) -> Result<Vec<CatalogDefinition>>;
    /// Returns a catalog that was created.
    async fn get_catalog(&self, name: &str) -> Result<CatalogDefinition>;
    /// Keeps a new catalog.
    async fn create_catalog(&self, catalog: CatalogDefinition) -> Result<()>;
    /// Forgets a catalog; nothing that is in it changes.
    async fn drop_catalog(&self, name: &str) -> Result<()>;
}
