//! `search_catalog('churn')`: full-text search over names, comments, tags and terms of all
//! catalogs.
//!
//! The texts of each schema are kept for a while ([`SearchCache`]); what this process changes is
//! read anew at once, what others change after a time. What people say of objects is read anew
//! each time.
//! Read in this order: `words`, `documents`, `rank`, `relation`.

mod documents;
mod rank;
mod relation;
mod words;

pub(crate) use relation::SearchRelation;

use crate::catalogs::{CatalogRegistry, in_catalog};
use documents::SchemaDocuments;
use futures::{StreamExt, TryStreamExt, stream};
use quern_catalog::metastore::Metastore;
use quern_catalog::model::NameFilter;
use quern_common::config::CatalogConfig;
use quern_common::{Error, ErrorCode, Result};
use rank::{CatalogSchema, Hit, rank};
use std::sync::Arc;
use words::QueryWord;

/// Longest text to search for, in bytes.
const QUERY_MAX: usize = 1_000;
/// Words of a text to search for.
const WORDS_MAX: usize = 32;

/// The texts of schemas, by catalog and schema.
type Texts = moka::sync::Cache<(String, String), Arc<SchemaDocuments>>;

/// The texts that were read, up to a bound of memory.
#[derive(Debug, Clone)]
pub struct SearchCache {
    texts: Texts,
    concurrency: usize,
    results_max: usize,
}

impl SearchCache {
    /// A cache of the size that `config` says.
    pub fn new(config: &CatalogConfig) -> Self {
        let size = |_: &(String, String), texts: &Arc<SchemaDocuments>| {
            u32::try_from(texts.size()).unwrap_or(u32::MAX)
        };
        let texts = moka::sync::Cache::builder()
            .weigher(size)
            .max_capacity(config.search_cache_size.0)
            .time_to_live(config.search_cache_ttl.0)
            .build();
        Self {
            texts,
            concurrency: config.listing_concurrency.max(1),
            results_max: config.search_max_results,
        }
    }

    /// The best matches in one catalog or in all, the best first.
    async fn search(
        &self,
        registry: &CatalogRegistry,
        text: &str,
        catalog: Option<&str>,
    ) -> Result<Vec<Hit>> {
        let query = query_words(text)?;
        if query.is_empty() {
            return Ok(vec![]);
        }
        let schemas = self.schemas(registry, catalog).await?;
        let names = NameFilter {
            catalogs: catalog.map(|catalog| vec![catalog.to_owned()]),
            ..NameFilter::default()
        };
        let annotations = registry.metadata().list_annotations(&names).await?;
        let max = self.results_max;
        // It takes longer than a task may keep others waiting.
        tokio::task::spawn_blocking(move || rank(&query, &schemas, &annotations, max))
            .await
            .map_err(|err| Error::internal(format!("the search ended: {err}")))
    }

    /// The texts of all schemas.
    async fn schemas(
        &self,
        registry: &CatalogRegistry,
        catalog: Option<&str>,
    ) -> Result<Vec<CatalogSchema>> {
        let catalogs = match catalog {
            Some(catalog) => vec![catalog.to_owned()],
            None => registry.names().await?,
        };
        let mut found = vec![];
        for catalog in catalogs {
            let metastore = registry.get(&catalog).await?;
            let schemas = self.schemas_of(registry, &catalog, metastore.as_ref()).await;
            found.append(&mut schemas.map_err(|err| in_catalog(&catalog, err))?);
        }
        Ok(found)
    }

    async fn schemas_of(
        &self,
        registry: &CatalogRegistry,
        catalog: &str,
        metastore: &dyn Metastore,
    ) -> Result<Vec<CatalogSchema>> {
        let shared: Arc<str> = catalog.into();
        let read = stream::iter(metastore.list_databases().await?)
            .map(|schema| self.documents(registry, catalog, schema, metastore))
            .buffered(self.concurrency);
        read.try_filter_map(|documents| {
            let catalog = Arc::clone(&shared);
            async { Ok(documents.map(|documents| CatalogSchema { catalog, documents })) }
        })
        .try_collect()
        .await
    }

    async fn documents(
        &self,
        registry: &CatalogRegistry,
        catalog: &str,
        schema: String,
        metastore: &dyn Metastore,
    ) -> Result<Option<Arc<SchemaDocuments>>> {
        // Before the texts are read: what is changed meanwhile is read again.
        let version = registry.version(catalog, &schema);
        let key = (catalog.to_owned(), schema);
        if let Some(known) = self.texts.get(&key).filter(|known| known.version == version) {
            return Ok(Some(known));
        }
        let read = SchemaDocuments::read(metastore, &key.1, version).await?.map(Arc::new);
        if let Some(read) = &read {
            self.texts.insert(key, Arc::clone(read));
        }
        Ok(read)
    }
}

fn query_words(text: &str) -> Result<Vec<QueryWord>> {
    if text.len() > QUERY_MAX {
        return Err(Error::new(
            ErrorCode::InvalidArguments,
            format!("the text to search for has {} bytes, more than {QUERY_MAX}", text.len()),
        ));
    }
    let words = QueryWord::all_of(text);
    match words.len() <= WORDS_MAX {
        true => Ok(words),
        false => Err(Error::new(
            ErrorCode::InvalidArguments,
            format!("the text to search for has {} words, more than {WORDS_MAX}", words.len()),
        )),
    }
}
