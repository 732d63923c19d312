//! The texts of a schema that are looked through, as small as they can be.

use quern_catalog::metastore::Metastore;
use quern_catalog::model::{COMMENT, Column, Table, TableType};
use quern_common::{ErrorCode, Result};

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentKind {
    Schema,
    Table,
    View,
    Column,
    Model,
}

impl DocumentKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Table => "table",
            Self::View => "view",
            Self::Column => "column",
            Self::Model => "model",
        }
    }
}

/// A name, which is in lower case as all names of catalogs, and what is said about it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: Box<str>,
    pub(super) comment: Option<Box<str>>,
}

impl Named {
    pub(super) fn new(name: &str, comment: Option<&str>) -> Self {
        Self {
            name: name.to_lowercase().into(),
            comment: comment.filter(|text| !text.is_empty()).map(Into::into),
        }
    }

    /// With what the allocator adds to each text.
    fn size(&self) -> usize {
        const ALLOCATION: usize = 16;
        let comment = self.comment.as_ref().map_or(0, |text| text.len() + ALLOCATION);
        size_of::<Self>() + self.name.len() + ALLOCATION + comment
    }
}

/// A table or view with its columns.
#[derive(Debug)]
pub(super) struct TableDocument {
    pub(super) table: Named,
    pub(super) is_view: bool,
    pub(super) columns: Vec<Named>,
    /// All names and comments in lower case, one a line: most tables have none of the words, which
    /// is seen here at once.
    pub(super) all: Box<str>,
}

/// The texts of a schema.
#[derive(Debug)]
pub(super) struct SchemaDocuments {
    pub(super) schema: Named,
    pub(super) tables: Vec<TableDocument>,
    pub(super) models: Vec<Named>,
    /// How often the schema was changed before the texts were read.
    pub(super) version: u64,
}

impl SchemaDocuments {
    /// Reads the texts of a schema; none when it is gone.
    pub(super) async fn read(
        metastore: &dyn Metastore,
        schema: &str,
        version: u64,
    ) -> Result<Option<Self>> {
        let found = async {
            let database = metastore.get_database(schema).await?;
            let tables = metastore.get_tables(schema).await?;
            let models = metastore.list_models(schema).await?;
            Ok::<_, quern_common::Error>((database, tables, models))
        };
        let (database, tables, models) = match found.await {
            Err(err) if err.code() == ErrorCode::SchemaNotFound => return Ok(None),
            found => found?,
        };
        Ok(Some(Self {
            schema: Named::new(&database.name, database.description.as_deref()),
            tables: tables.iter().map(TableDocument::of).collect(),
            models: models.iter().map(|found| Named::new(&found.model.name, None)).collect(),
            version,
        }))
    }

    /// How many objects there are to be found.
    pub(super) fn n_objects(&self) -> usize {
        let columns: usize = self.tables.iter().map(|table| table.columns.len()).sum();
        1 + self.tables.len() + columns + self.models.len()
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        let tables = self.tables.iter().map(|table| {
            let columns: usize = table.columns.iter().map(Named::size).sum();
            size_of::<TableDocument>() + table.table.size() + columns + table.all.len()
        });
        let models: usize = self.models.iter().map(Named::size).sum();
        self.schema.size() + tables.sum::<usize>() + models
    }
}

impl TableDocument {
    pub(super) fn new(table: Named, is_view: bool, columns: Vec<Named>) -> Self {
        let mut all = String::new();
        for named in std::iter::once(&table).chain(&columns) {
            for text in [Some(&named.name), named.comment.as_ref()].into_iter().flatten() {
                all.push_str(&text.to_lowercase());
                all.push('\n');
            }
        }
        Self { table, is_view, columns, all: all.into() }
    }

    fn of(table: &Table) -> Self {
        let columns = table.sd.columns.iter().chain(&table.partition_keys);
        let named = |column: &Column| Named::new(&column.name, column.comment.as_deref());
        let comment = table.parameters.get(COMMENT).map(String::as_str);
        let is_view = table.table_type == TableType::View;
        Self::new(Named::new(&table.name, comment), is_view, columns.map(named).collect())
    }
}
