//! What the statements about metadata say.

use super::types::{SchemaName, TableName};
use quern_catalog::model::OwnerType;

/// What is annotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Annotated {
    /// A schema.
    Schema(SchemaName),
    /// A table or view.
    Table(TableName),
    /// A column of a table, by its lower-case name.
    Column(TableName, String),
}

/// What is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataChange {
    /// The comment; none takes it away.
    Comment(Option<String>),
    /// Who owns it.
    Owner(String, OwnerType),
    /// Tags, some with a value. Others stay.
    SetTags(Vec<(String, Option<String>)>),
    /// Tags are taken away.
    UnsetTags(Vec<String>),
    /// Terms of the glossary. Others stay.
    SetTerms(Vec<String>),
    /// Terms are taken away.
    UnsetTerms(Vec<String>),
    /// The level of sensitivity; none takes it away.
    Sensitivity(Option<String>),
}

/// COMMENT ON, and ALTER of what people say of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeMetadata {
    /// The object.
    pub object: Annotated,
    /// What is said.
    pub change: MetadataChange,
}

impl ChangeMetadata {
    /// A word for logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match (&self.change, &self.object) {
            (MetadataChange::Comment(_), _) => "COMMENT ON",
            (_, Annotated::Schema(_)) => "ALTER SCHEMA",
            (_, Annotated::Table(_) | Annotated::Column(..)) => "ALTER TABLE",
        }
    }
}

/// CREATE GLOSSARY TERM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTerm {
    /// Lower-case name.
    pub name: String,
    /// What it means.
    pub definition: String,
    /// Whether an existing one gets the new definition.
    pub or_replace: bool,
    /// Whether an existing one is left alone.
    pub if_not_exists: bool,
}
