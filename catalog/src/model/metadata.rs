//! What Quern knows about catalogue objects beside their definitions: what people say of them
//! (business metadata) and what statements did to them (operational metadata).

use std::fmt;

/// A schema, a table or a column, by its full name in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Catalog.
    pub catalog: String,
    /// Schema.
    pub schema: String,
    /// Table or view; empty for a schema.
    pub table: String,
    /// Column; empty for a schema or a table.
    pub column: String,
}

impl ObjectName {
    /// A schema.
    pub fn schema(catalog: &str, schema: &str) -> Self {
        Self::table(catalog, schema, "")
    }

    /// A table or view.
    pub fn table(catalog: &str, schema: &str, table: &str) -> Self {
        Self::column(catalog, schema, table, "")
    }

    /// A column.
    pub fn column(catalog: &str, schema: &str, table: &str, column: &str) -> Self {
        let [catalog, schema, table, column] =
            [catalog, schema, table, column].map(str::to_lowercase);
        Self { catalog, schema, table, column }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.catalog, self.schema)?;
        for part in [&self.table, &self.column].into_iter().filter(|part| !part.is_empty()) {
            write!(f, ".{part}")?;
        }
        Ok(())
    }
}

/// What an annotation says. The order is that of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnnotationKind {
    /// How carefully the data has to be handled; an object has at most one.
    Sensitivity,
    /// A tag: a name, perhaps with a value.
    Tag,
    /// A term of the glossary.
    Term,
}

impl AnnotationKind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Term => "term",
            Self::Sensitivity => "sensitivity",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tag, Self::Term, Self::Sensitivity].into_iter().find(|kind| kind.name() == name)
    }
}

/// The levels of sensitivity, from the lowest.
pub const SENSITIVITIES: [&str; 4] = ["public", "internal", "confidential", "restricted"];

/// Something that is said of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The object.
    pub object: ObjectName,
    /// What it says.
    pub kind: AnnotationKind,
    /// Lower-case name of the tag or term; empty for a sensitivity.
    pub name: String,
    /// A tag's value, or the level of sensitivity.
    pub value: Option<String>,
    /// Who said it.
    pub set_by: String,
    /// Seconds since 1970.
    pub set_time: i64,
}

/// A term of the glossary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlossaryTerm {
    /// Lower-case name.
    pub name: String,
    /// What it means.
    pub definition: String,
    /// Who wrote the definition.
    pub owner: String,
    /// Seconds since 1970.
    pub create_time: i64,
}

/// What data can be written to, or made of. The order is that of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatasetKind {
    /// A model of machine learning.
    Model,
    /// A table or view.
    Table,
}

impl DatasetKind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Model => "model",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Table, Self::Model].into_iter().find(|kind| kind.name() == name)
    }
}

/// A table or a model; they do not share names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dataset {
    /// Catalog.
    pub catalog: String,
    /// Schema.
    pub schema: String,
    /// Which of the two.
    pub kind: DatasetKind,
    /// Name.
    pub name: String,
}

impl Dataset {
    /// A table or view.
    pub fn table(catalog: &str, schema: &str, name: &str) -> Self {
        Self::new(DatasetKind::Table, catalog, schema, name)
    }

    /// A model.
    pub fn model(catalog: &str, schema: &str, name: &str) -> Self {
        Self::new(DatasetKind::Model, catalog, schema, name)
    }

    fn new(kind: DatasetKind, catalog: &str, schema: &str, name: &str) -> Self {
        let [catalog, schema, name] = [catalog, schema, name].map(str::to_lowercase);
        Self { kind, catalog, schema, name }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.schema, self.name)
    }
}

/// What a statement that succeeded did to a table or model. Of each operation on an object the
/// last is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What it was done to.
    pub target: Dataset,
    /// The words of the statement, such as `CREATE TABLE` or `ADD PARTITION`.
    pub operation: String,
    /// The query that did it.
    pub query_id: String,
    /// Whose query.
    pub user: String,
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// Where the data came from, when it came from outside.
    pub source_location: Option<String>,
    /// Partitions that were added, dropped or written.
    pub partitions: Option<i64>,
}

/// One thing was made from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageEdge {
    /// The table that was read.
    pub source: Dataset,
    /// What was made.
    pub target: Dataset,
    /// The model's version; 0 for a table.
    pub target_version: i64,
    /// The query that made it.
    pub query_id: String,
    /// Whose query.
    pub user: String,
    /// Milliseconds since 1970.
    pub time_ms: i64,
}

/// What is to be forgotten, because the object is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// A schema, and everything in it.
    Schema {
        /// Catalog.
        catalog: String,
        /// Schema.
        schema: String,
    },
    /// A table with its columns, or a model.
    Dataset(Dataset),
}

/// Which names are wanted; a part without a list is not restricted. Names are in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameFilter {
    /// Catalogs.
    pub catalogs: Option<Vec<String>>,
    /// Schemas.
    pub schemas: Option<Vec<String>>,
    /// Tables, or models.
    pub tables: Option<Vec<String>>,
}

impl NameFilter {
    /// Whether a catalog is wanted.
    pub fn admits_catalog(&self, name: &str) -> bool {
        admits(self.catalogs.as_ref(), name)
    }

    /// Whether a schema of a wanted catalog is wanted.
    pub fn admits_schema(&self, name: &str) -> bool {
        admits(self.schemas.as_ref(), name)
    }

    /// Whether a table of a wanted schema is wanted.
    pub fn admits_table(&self, name: &str) -> bool {
        admits(self.tables.as_ref(), name)
    }

    /// Whether a table of this full name is wanted.
    pub fn admits(&self, catalog: &str, schema: &str, table: &str) -> bool {
        self.admits_catalog(catalog) && self.admits_schema(schema) && self.admits_table(table)
    }
}

fn admits(names: Option<&Vec<String>>, name: &str) -> bool {
    names.is_none_or(|names| names.iter().any(|wanted| wanted == name))
}
