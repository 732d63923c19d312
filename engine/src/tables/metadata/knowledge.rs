//! What is kept beside the metastores: tags, terms, operations and lineage. What names an object
//! that is not there, because another client dropped or renamed it, is not shown.

use super::existing::{Subject, keep_existing};
use super::listing::{Listing, in_catalog, unless_gone};
use super::provider::{Request, TableKind};
use super::rows::{Cell, Rows};
use datafusion::arrow::record_batch::RecordBatch;
use quern_catalog::model::{
    Annotation, AnnotationKind, DatasetKind, NameFilter, ObjectName, Operation,
};
use quern_common::Result;
use std::collections::{BTreeMap, HashMap};

/// What people say of objects.
#[derive(Debug, Default)]
pub(super) struct Said {
    objects: HashMap<ObjectName, SaidOfOne>,
}

/// What people say of one object.
#[derive(Debug, Clone, Default)]
pub(super) struct SaidOfOne {
    pub(super) sensitivity: Option<String>,
    /// `name` or `name=value`, separated by `, `.
    pub(super) tags: Option<String>,
    /// Separated by `, `.
    pub(super) terms: Option<String>,
}

impl Said {
    pub(super) fn of(&self, catalog: &str, schema: &str, table: &str, column: &str) -> SaidOfOne {
        if self.objects.is_empty() {
            return SaidOfOne::default();
        }
        let name = ObjectName::column(catalog, schema, table, column);
        self.objects.get(&name).cloned().unwrap_or_default()
    }
}

/// What people say of the objects of these names.
pub(super) async fn annotations_of(listing: &Listing, names: &NameFilter) -> Result<Said> {
    let mut said = Said::default();
    for annotation in listing.registry.metadata().list_annotations(names).await? {
        let Annotation { object, kind, name, value, .. } = annotation;
        let of_one = said.objects.entry(object).or_default();
        match kind {
            AnnotationKind::Sensitivity => of_one.sensitivity = value,
            AnnotationKind::Term => append(&mut of_one.terms, &name),
            AnnotationKind::Tag => {
                let text = value.map_or_else(|| name.clone(), |value| format!("{name}={value}"));
                append(&mut of_one.tags, &text);
            }
        }
    }
    Ok(said)
}

fn append(list: &mut Option<String>, item: &str) {
    match list {
        None => *list = Some(item.to_owned()),
        Some(list) => {
            list.push_str(", ");
            list.push_str(item);
        }
    }
}

/// The last operation on each table of these names.
pub(super) async fn last_operations(
    listing: &Listing,
    names: &NameFilter,
) -> Result<BTreeMap<(String, String, String), Operation>> {
    let mut last: BTreeMap<_, Operation> = BTreeMap::new();
    for operation in listing.registry.metadata().list_operations(names).await? {
        let target = &operation.target;
        if target.kind == DatasetKind::Table {
            let key = (target.catalog.clone(), target.schema.clone(), target.name.clone());
            let newer = last.get(&key).is_none_or(|known| known.time_ms <= operation.time_ms);
            if newer {
                last.insert(key, operation);
            }
        }
    }
    Ok(last)
}

/// `system.metadata.tags`.
pub(super) async fn tags(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    annotations(listing, request, TableKind::Tags, AnnotationKind::Tag, |tag| tag.value.clone())
        .await
}

/// `system.metadata.terms`.
pub(super) async fn terms(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let glossary = listing.registry.metadata().list_terms().await?;
    let definitions: HashMap<_, _> =
        glossary.into_iter().map(|term| (term.name, term.definition)).collect();
    annotations(listing, request, TableKind::Terms, AnnotationKind::Term, |term| {
        definitions.get(&term.name).cloned()
    })
    .await
}

/// The annotations of one kind, each with a `text` that explains it.
async fn annotations(
    listing: &Listing,
    request: &Request,
    table: TableKind,
    kind: AnnotationKind,
    text: impl Fn(&Annotation) -> Option<String>,
) -> Result<RecordBatch> {
    let mut found = listing.registry.metadata().list_annotations(&request.names).await?;
    found.retain(|annotation| annotation.kind == kind);
    let found = keep_existing(listing, found, |found| Subject::Object(&found.object)).await?;
    let mut rows = Rows::new(table.columns(), request.limits);
    for found in found {
        let ObjectName { catalog, schema, table, column } = &found.object;
        rows.push([
            catalog.into(),
            schema.into(),
            Cell::filled(table),
            Cell::filled(column),
            (&found.name).into(),
            text(&found).into(),
            (&found.set_by).into(),
            Cell::seconds(found.set_time),
        ])?;
    }
    rows.finish()
}

/// `system.metadata.glossary`.
pub(super) async fn glossary(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let mut rows = Rows::new(TableKind::Glossary.columns(), request.limits);
    for term in listing.registry.metadata().list_terms().await? {
        rows.push([
            (&term.name).into(),
            (&term.definition).into(),
            (&term.owner).into(),
            Cell::seconds(term.create_time),
        ])?;
    }
    rows.finish()
}

/// `system.metadata.operations`.
pub(super) async fn operations(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let found = listing.registry.metadata().list_operations(&request.names).await?;
    let found = keep_existing(listing, found, |done| Subject::Dataset(&done.target)).await?;
    let mut rows = Rows::new(TableKind::Operations.columns(), request.limits);
    for done in found {
        rows.push([
            (&done.target.catalog).into(),
            (&done.target.schema).into(),
            done.target.kind.name().into(),
            (&done.target.name).into(),
            (&done.operation).into(),
            Cell::filled(&done.query_id),
            (&done.user).into(),
            Cell::Time(Some(done.time_ms)),
            done.source_location.into(),
            Cell::Number(done.partitions),
        ])?;
    }
    rows.finish()
}

/// `system.metadata.lineage`.
pub(super) async fn lineage(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let metadata = listing.registry.metadata();
    let found = metadata.list_lineage(&request.names, &request.sources).await?;
    let found = keep_existing(listing, found, |edge| Subject::Dataset(&edge.target)).await?;
    let mut rows = Rows::new(TableKind::Lineage.columns(), request.limits);
    for edge in found {
        let version = (edge.target.kind == DatasetKind::Model).then_some(edge.target_version);
        rows.push([
            (&edge.target.catalog).into(),
            (&edge.target.schema).into(),
            edge.target.kind.name().into(),
            (&edge.target.name).into(),
            Cell::Number(version),
            (&edge.source.catalog).into(),
            (&edge.source.schema).into(),
            (&edge.source.name).into(),
            Cell::filled(&edge.query_id),
            (&edge.user).into(),
            Cell::Time(Some(edge.time_ms)),
        ])?;
    }
    rows.finish()
}

/// `system.metadata.models`.
pub(super) async fn models(listing: &Listing, request: &Request) -> Result<RecordBatch> {
    let mut rows = Rows::new(TableKind::Models.columns(), request.limits);
    for at in listing.schemas(&request.names).await? {
        let found = unless_gone(at.metastore.list_models(&at.schema).await);
        let found = found.map_err(|err| in_catalog(&at.catalog, err))?;
        for version in found.iter().filter(|v| request.names.admits_table(&v.model.name)) {
            let model = &version.model;
            rows.push([
                (&at.catalog).into(),
                (&at.schema).into(),
                (&model.name).into(),
                Cell::Number(Some(version.version)),
                (&model.algorithm).into(),
                model.owner.clone().into(),
                Cell::seconds(model.create_time),
                (&model.artifact_location).into(),
                (&model.statement).into(),
            ])?;
        }
    }
    rows.finish()
}
