//! Whether objects that annotations name are there.

use super::listing::{Listing, in_catalog, is_gone};
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{Dataset, DatasetKind, ObjectName};
use quern_common::Result;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

type Names = Option<HashSet<String>>;

/// Asks each catalog, each schema and each table once.
pub(super) struct Existing<'a> {
    listing: &'a Listing,
    catalogs: BTreeSet<String>,
    schemas: HashMap<String, Names>,
    tables: HashMap<(String, String), Names>,
    columns: HashMap<(String, String, String), Names>,
    models: HashMap<(String, String), Names>,
}

impl<'a> Existing<'a> {
    pub(super) async fn new(listing: &'a Listing) -> Result<Self> {
        Ok(Self {
            listing,
            catalogs: listing.registry.names().await?.into_iter().collect(),
            schemas: HashMap::new(),
            tables: HashMap::new(),
            columns: HashMap::new(),
            models: HashMap::new(),
        })
    }

    /// Whether a schema, table or column is there.
    pub(super) async fn has(&mut self, object: &ObjectName) -> Result<bool> {
        let ObjectName { catalog, schema, table, column } = object;
        match (table.as_str(), column.as_str()) {
            ("", _) => self.has_schema(catalog, schema).await,
            (_, "") => self.has_table(catalog, schema, table).await,
            _ => self.has_column(object).await,
        }
    }

    /// Whether a table or model is there.
    pub(super) async fn has_dataset(&mut self, dataset: &Dataset) -> Result<bool> {
        let Dataset { catalog, schema, name, kind } = dataset;
        match kind {
            DatasetKind::Table => self.has_table(catalog, schema, name).await,
            DatasetKind::Model => self.has_model(catalog, schema, name).await,
        }
    }

    async fn metastore(&self, catalog: &str) -> Result<Option<Arc<dyn Metastore>>> {
        match self.catalogs.contains(catalog) {
            false => Ok(None),
            true => self.listing.registry.get(catalog).await.map(Some),
        }
    }

    async fn has_schema(&mut self, catalog: &str, schema: &str) -> Result<bool> {
        let known = match self.schemas.get(catalog) {
            Some(known) => known,
            None => {
                let names = match self.metastore(catalog).await? {
                    None => None,
                    Some(metastore) => names(catalog, metastore.list_databases().await)?,
                };
                self.schemas.entry(catalog.to_owned()).or_insert(names)
            }
        };
        Ok(has(known, schema))
    }

    async fn has_table(&mut self, catalog: &str, schema: &str, table: &str) -> Result<bool> {
        let key = (catalog.to_owned(), schema.to_owned());
        let known = match self.tables.get(&key) {
            Some(known) => known,
            None => {
                let names = match self.metastore(catalog).await? {
                    None => None,
                    Some(metastore) => names(catalog, metastore.list_tables(schema).await)?,
                };
                self.tables.entry(key).or_insert(names)
            }
        };
        Ok(has(known, table))
    }

    async fn has_column(&mut self, object: &ObjectName) -> Result<bool> {
        let ObjectName { catalog, schema, table, column } = object;
        let key = (catalog.clone(), schema.clone(), table.clone());
        let known = match self.columns.get(&key) {
            Some(known) => known,
            None => {
                let names = match self.metastore(catalog).await? {
                    None => None,
                    Some(metastore) => {
                        let table = metastore.get_table(schema, table).await;
                        let columns = table.map(|table| {
                            let columns = table.sd.columns.into_iter().chain(table.partition_keys);
                            columns.map(|column| column.name).collect()
                        });
                        names(catalog, columns)?
                    }
                };
                self.columns.entry(key).or_insert(names)
            }
        };
        Ok(has(known, column))
    }

    async fn has_model(&mut self, catalog: &str, schema: &str, model: &str) -> Result<bool> {
        let key = (catalog.to_owned(), schema.to_owned());
        let known = match self.models.get(&key) {
            Some(known) => known,
            None => {
                let names = match self.metastore(catalog).await? {
                    None => None,
                    Some(metastore) => {
                        let models = metastore.list_models(schema).await;
                        let models = models.map(|models| {
                            models.into_iter().map(|version| version.model.name).collect()
                        });
                        names(catalog, models)?
                    }
                };
                self.models.entry(key).or_insert(names)
            }
        };
        Ok(has(known, model))
    }
}

fn has(known: &Names, name: &str) -> bool {
    known.as_ref().is_some_and(|known| known.contains(name))
}

fn names(catalog: &str, found: Result<Vec<String>>) -> Result<Names> {
    match found {
        Ok(names) => Ok(Some(names.into_iter().collect())),
        Err(err) if is_gone(&err) => Ok(None),
        Err(err) => Err(in_catalog(catalog, err)),
    }
}

/// Keeps what is about objects that are there.
pub(super) async fn keep_existing<T>(
    listing: &Listing,
    all: Vec<T>,
    object: impl Fn(&T) -> Subject<'_>,
) -> Result<Vec<T>> {
    let mut existing = Existing::new(listing).await?;
    let mut kept = vec![];
    for item in all {
        let there = match object(&item) {
            Subject::Object(name) => existing.has(name).await,
            Subject::Dataset(dataset) => existing.has_dataset(dataset).await,
        };
        if there? {
            kept.push(item);
        }
    }
    Ok(kept)
}

/// What something is about.
pub(super) enum Subject<'a> {
    Object(&'a ObjectName),
    Dataset(&'a Dataset),
}
