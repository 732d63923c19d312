//! Whether objects that annotations name are there.

use super::listing::{Listing, in_catalog, is_gone};
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{Dataset, DatasetKind, ObjectName};
use quern_common::Result;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What one call of a metastore lists the names of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Container {
    Schemas { catalog: String },
    Tables { catalog: String, schema: String },
    Columns { catalog: String, schema: String, table: String },
    Models { catalog: String, schema: String },
}

impl Container {
    fn catalog(&self) -> &str {
        match self {
            Self::Schemas { catalog }
            | Self::Tables { catalog, .. }
            | Self::Columns { catalog, .. }
            | Self::Models { catalog, .. } => catalog,
        }
    }

    async fn names(&self, metastore: &dyn Metastore) -> Result<Vec<String>> {
        match self {
            Self::Schemas { .. } => metastore.list_databases().await,
            Self::Tables { schema, .. } => metastore.list_tables(schema).await,
            Self::Columns { schema, table, .. } => {
                let table = metastore.get_table(schema, table).await?;
                let columns = table.sd.columns.into_iter().chain(table.partition_keys);
                Ok(columns.map(|column| column.name).collect())
            }
            Self::Models { schema, .. } => {
                let models = metastore.list_models(schema).await?;
                Ok(models.into_iter().map(|version| version.model.name).collect())
            }
        }
    }
}

/// What something is about.
pub(super) enum Subject<'a> {
    /// A schema, table or column.
    Object(&'a ObjectName),
    /// A table or model.
    Dataset(&'a Dataset),
}

impl<'a> Subject<'a> {
    /// Where it is, and its name there.
    fn place(&self) -> (Container, &'a str) {
        match self {
            Self::Object(object) => {
                let ObjectName { catalog, schema, table, column } = object;
                let (catalog, of_schema) = (catalog.clone(), schema.clone());
                match (table.as_str(), column.as_str()) {
                    ("", _) => (Container::Schemas { catalog }, schema),
                    (_, "") => (Container::Tables { catalog, schema: of_schema }, table),
                    _ => {
                        let table = table.clone();
                        (Container::Columns { catalog, schema: of_schema, table }, column)
                    }
                }
            }
            Self::Dataset(Dataset { catalog, schema, name, kind }) => {
                let (catalog, schema) = (catalog.clone(), schema.clone());
                let container = match kind {
                    DatasetKind::Table => Container::Tables { catalog, schema },
                    DatasetKind::Model => Container::Models { catalog, schema },
                };
                (container, name)
            }
        }
    }
}

/// Asks each catalog, each schema and each table once.
struct Existing<'a> {
    listing: &'a Listing,
    catalogs: BTreeSet<String>,
    known: HashMap<Container, HashSet<String>>,
}

impl Existing<'_> {
    async fn has(&mut self, subject: Subject<'_>) -> Result<bool> {
        let (container, name) = subject.place();
        if let Some(known) = self.known.get(&container) {
            return Ok(known.contains(name));
        }
        let names = self.read(&container).await?;
        let there = names.contains(name);
        self.known.insert(container, names);
        Ok(there)
    }

    /// The names in a container; none when it is gone itself.
    async fn read(&self, container: &Container) -> Result<HashSet<String>> {
        let catalog = container.catalog();
        if !self.catalogs.contains(catalog) {
            return Ok(HashSet::new());
        }
        let metastore = self.listing.registry.get(catalog).await?;
        match container.names(metastore.as_ref()).await {
            Ok(names) => Ok(names.into_iter().collect()),
            Err(err) if is_gone(&err) => Ok(HashSet::new()),
            Err(err) => Err(in_catalog(catalog, err)),
        }
    }
}

/// Keeps what is about objects that are there.
pub(super) async fn keep_existing<T>(
    listing: &Listing,
    all: Vec<T>,
    subject: impl Fn(&T) -> Subject<'_>,
) -> Result<Vec<T>> {
    let catalogs = listing.registry.names().await?.into_iter().collect();
    let mut existing = Existing { listing, catalogs, known: HashMap::new() };
    let mut kept = vec![];
    for item in all {
        if existing.has(subject(&item)).await? {
            kept.push(item);
        }
    }
    Ok(kept)
}
