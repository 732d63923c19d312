//! `system.metadata`: what is known of the objects of all catalogs, as tables.
//!
//! Conditions on the names of catalog, schema and table go to the metastores: what is known of one
//! table is answered without listing the others. What a statement does not select is not asked for
//! when it costs a call for each table.
//! Read in this order: `provider`, `names`, `listing`, `definitions`, `knowledge`.

mod definitions;
mod existing;
mod knowledge;
mod listing;
mod names;
mod provider;
mod rows;

use crate::catalogs::CatalogRegistry;
use datafusion::catalog::TableProvider;
use listing::Listing;
use provider::{MetadataTable, TableKind};
use quern_common::config::CatalogConfig;
use std::sync::Arc;

/// Name of the schema.
pub const NAME: &str = "metadata";

/// The tables of `system.metadata`.
#[derive(Debug, Clone)]
pub struct MetadataTables {
    listing: Arc<Listing>,
}

impl MetadataTables {
    /// The tables over all catalogs of `registry`.
    pub fn new(registry: Arc<CatalogRegistry>, config: &CatalogConfig) -> Self {
        let listing = Listing {
            registry,
            concurrency: config.listing_concurrency.max(1),
            rows_max: config.metadata_max_rows,
        };
        Self { listing: Arc::new(listing) }
    }

    /// Their names, sorted.
    pub fn names() -> Vec<&'static str> {
        TableKind::ALL.iter().map(|kind| kind.name()).collect()
    }

    /// A table.
    pub fn table(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let kind = TableKind::ALL.into_iter().find(|kind| kind.name() == name)?;
        Some(Arc::new(MetadataTable::new(kind, Arc::clone(&self.listing))))
    }
}
