//! What Quern keeps beside Hive's model.

use super::rules;
use crate::model::{
    Annotation, AnnotationKind, CatalogDefinition, Dataset, Forgotten, GlossaryTerm, LineageEdge,
    NameFilter, ObjectName, Operation,
};
use async_trait::async_trait;
use quern_common::{Error, ErrorCode, Result};
use std::fmt::Debug;

/// Longest name of a tag or term, in bytes.
const MAX_NAME: usize = 256;
/// Longest value of a tag, in bytes.
const MAX_VALUE: usize = 4_096;
/// Longest definition of a term, in bytes.
const MAX_DEFINITION: usize = 65_536;

/// Stores what a Hive metastore has no place for. It exists beside [`Metastore`](super::Metastore)
/// because it is there even when the tables are kept in a Hive metastore of somebody else's.
///
/// Names are lower-cased on entry. Whether the objects that are annotated exist is not looked up.
/// Errors carry `CATALOG_NOT_FOUND`, `ALREADY_EXISTS`, `NOT_FOUND` (term, annotation),
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

    /// Returns the annotations of the objects with these names, sorted by object, kind and name.
    /// Those of schemas have the empty name of a table.
    async fn list_annotations(&self, names: &NameFilter) -> Result<Vec<Annotation>>;
    /// Sets annotations, all or none. One that is there gets the new value. A term that is not in
    /// the glossary is `NOT_FOUND`.
    async fn set_annotations(&self, annotations: Vec<Annotation>) -> Result<()>;
    /// Takes annotations away, all or none. One that is not there is `NOT_FOUND`.
    async fn unset_annotations(
        &self,
        object: &ObjectName,
        kind: AnnotationKind,
        names: Vec<String>,
    ) -> Result<()>;

    /// Returns the terms of the glossary, sorted by name.
    async fn list_terms(&self) -> Result<Vec<GlossaryTerm>>;
    /// Adds a term; with `or_replace` one of its name gets the new definition.
    async fn create_term(&self, term: GlossaryTerm, or_replace: bool) -> Result<()>;
    /// Drops a term, and takes it away from all objects.
    async fn drop_term(&self, name: &str) -> Result<()>;

    /// Keeps what a statement did, and what its result was made from.
    async fn record_operation(&self, done: Operation, lineage: Vec<LineageEdge>) -> Result<()>;
    /// Returns the operations on the objects with these names, sorted by object and operation.
    async fn list_operations(&self, names: &NameFilter) -> Result<Vec<Operation>>;
    /// Returns what was made from what, by the names of the targets and of the sources, sorted by
    /// target, version and source.
    async fn list_lineage(
        &self,
        targets: &NameFilter,
        sources: &NameFilter,
    ) -> Result<Vec<LineageEdge>>;

    /// Carries what is known of a table to its new name in the same catalog.
    async fn rename_table(&self, before: &Dataset, after: &Dataset) -> Result<()>;
    /// Forgets what is known of an object. What was made from it stays so.
    async fn forget(&self, object: &Forgotten) -> Result<()>;
}

/// Checks annotations that are to be set.
pub(super) fn check_annotations(mut annotations: Vec<Annotation>) -> Result<Vec<Annotation>> {
    for annotation in &mut annotations {
        annotation.name = match annotation.kind {
            AnnotationKind::Sensitivity => String::new(),
            kind => check_name(kind.name(), &annotation.name)?,
        };
        let value = annotation.value.as_deref().unwrap_or_default();
        check_length("the value of a tag", value, MAX_VALUE)?;
    }
    Ok(annotations)
}

/// Checks a term of the glossary.
pub(super) fn check_term(mut term: GlossaryTerm) -> Result<GlossaryTerm> {
    term.name = check_name("term", &term.name)?;
    check_length("the definition of a term", &term.definition, MAX_DEFINITION)?;
    Ok(term)
}

/// A tag or term may have any name without control characters.
fn check_name(what: &str, name: &str) -> Result<String> {
    let name = rules::fold(name.trim());
    match (1..=MAX_NAME).contains(&name.len()) && !name.contains(char::is_control) {
        true => Ok(name),
        false => Err(rules::invalid(format!(
            "\"{}\" is not a valid {what}: 1 to {MAX_NAME} bytes without control characters",
            rules::short(&name)
        ))),
    }
}

fn check_length(what: &str, text: &str, max: usize) -> Result<()> {
    match text.len() <= max {
        true => Ok(()),
        false => Err(rules::invalid(format!(
            "{what} has {} bytes, more than {max}: \"{}\"",
            text.len(),
            rules::short(text)
        ))),
    }
}

pub(super) fn term_not_found(name: &str) -> Error {
    Error::new(
        ErrorCode::NotFound,
        format!("glossary term \"{}\" does not exist", rules::short(name)),
    )
}

pub(super) fn term_already_exists(name: &str) -> Error {
    Error::new(ErrorCode::AlreadyExists, format!("glossary term \"{name}\" already exists"))
}

pub(super) fn annotation_not_found(object: &ObjectName, kind: AnnotationKind, name: &str) -> Error {
    let object = rules::short(&object.to_string());
    let message = match kind {
        AnnotationKind::Sensitivity => format!("\"{object}\" has no sensitivity"),
        kind => format!("\"{object}\" has no {} \"{}\"", kind.name(), rules::short(name)),
    };
    Error::new(ErrorCode::NotFound, message)
}
