//! What is kept beside Hive's model.

use super::MemoryMetastore;
use super::state::State;
use crate::metastore::metadata::{
    annotation_not_found, check_annotations, check_term, term_already_exists, term_not_found,
};
use crate::metastore::{MetadataStore, rules};
use crate::model::{
    Annotation, AnnotationKind, CatalogDefinition, Dataset, DatasetKind, Forgotten, GlossaryTerm,
    LineageEdge, NameFilter, ObjectName, Operation,
};
use async_trait::async_trait;
use quern_common::Result;
use std::collections::btree_map::Entry;

#[async_trait]
impl MetadataStore for MemoryMetastore {
    async fn list_catalogs(&self) -> Result<Vec<CatalogDefinition>> {
        Ok(self.state.read().catalogs.values().cloned().collect())
    }

    async fn get_catalog(&self, name: &str) -> Result<CatalogDefinition> {
        let name = rules::fold(name);
        let found = self.state.read().catalogs.get(&name).cloned();
        found.ok_or_else(|| rules::catalog_not_found(&name))
    }

    async fn create_catalog(&self, catalog: CatalogDefinition) -> Result<()> {
        let catalog = rules::check_catalog(catalog)?;
        match self.state.write().catalogs.entry(catalog.name.clone()) {
            Entry::Occupied(_) => Err(rules::catalog_already_exists(&catalog.name)),
            Entry::Vacant(entry) => {
                entry.insert(catalog);
                Ok(())
            }
        }
    }

    async fn drop_catalog(&self, name: &str) -> Result<()> {
        let name = rules::fold(name);
        let dropped = self.state.write().catalogs.remove(&name);
        dropped.map(|_| ()).ok_or_else(|| rules::catalog_not_found(&name))
    }

    async fn list_annotations(&self, names: &NameFilter) -> Result<Vec<Annotation>> {
        let state = self.state.read();
        let wanted =
            |object: &ObjectName| names.admits(&object.catalog, &object.schema, &object.table);
        Ok(state.annotations.values().filter(|found| wanted(&found.object)).cloned().collect())
    }

    async fn set_annotations(&self, annotations: Vec<Annotation>) -> Result<()> {
        let annotations = check_annotations(annotations)?;
        let mut state = self.state.write();
        let unknown = annotations.iter().find(|annotation| {
            annotation.kind == AnnotationKind::Term
                && !state.glossary.contains_key(&annotation.name)
        });
        if let Some(unknown) = unknown {
            return Err(term_not_found(&unknown.name));
        }
        for annotation in annotations {
            let key = (annotation.object.clone(), annotation.kind, annotation.name.clone());
            state.annotations.insert(key, annotation);
        }
        Ok(())
    }

    async fn unset_annotations(
        &self,
        object: &ObjectName,
        kind: AnnotationKind,
        names: Vec<String>,
    ) -> Result<()> {
        let keys: Vec<_> =
            names.iter().map(|name| (object.clone(), kind, rules::fold(name))).collect();
        let mut state = self.state.write();
        if let Some((_, _, name)) = keys.iter().find(|key| !state.annotations.contains_key(key)) {
            return Err(annotation_not_found(object, kind, name));
        }
        state.annotations.retain(|key, _| !keys.contains(key));
        Ok(())
    }

    async fn list_terms(&self) -> Result<Vec<GlossaryTerm>> {
        Ok(self.state.read().glossary.values().cloned().collect())
    }

    async fn create_term(&self, term: GlossaryTerm, or_replace: bool) -> Result<()> {
        let term = check_term(term)?;
        let mut state = self.state.write();
        if !or_replace && state.glossary.contains_key(&term.name) {
            return Err(term_already_exists(&term.name));
        }
        state.glossary.insert(term.name.clone(), term);
        Ok(())
    }

    async fn drop_term(&self, name: &str) -> Result<()> {
        let name = rules::fold(name);
        let mut state = self.state.write();
        state.glossary.remove(&name).ok_or_else(|| term_not_found(&name))?;
        state
            .annotations
            .retain(|(_, kind, term), _| *kind != AnnotationKind::Term || *term != name);
        Ok(())
    }

    async fn record_operation(&self, done: Operation, lineage: Vec<LineageEdge>) -> Result<()> {
        let mut state = self.state.write();
        state.operations.insert((done.target.clone(), done.operation.clone()), done);
        insert_edges(&mut state, lineage);
        Ok(())
    }

    async fn list_operations(&self, names: &NameFilter) -> Result<Vec<Operation>> {
        let state = self.state.read();
        let found = state.operations.values().filter(|found| admits(names, &found.target));
        Ok(found.cloned().collect())
    }

    async fn list_lineage(
        &self,
        targets: &NameFilter,
        sources: &NameFilter,
    ) -> Result<Vec<LineageEdge>> {
        let state = self.state.read();
        let found = state.lineage.values();
        let found = found.filter(|e| admits(targets, &e.target) && admits(sources, &e.source));
        Ok(found.cloned().collect())
    }

    async fn rename_table(&self, before: &Dataset, after: &Dataset) -> Result<()> {
        let mut state = self.state.write();
        forget(&mut state, &Forgotten::Dataset(after.clone()));
        let annotations: Vec<_> = state.annotations.values().cloned().collect();
        state.annotations.clear();
        for mut found in annotations {
            if is_of(&found.object, before) {
                found.object.schema.clone_from(&after.schema);
                found.object.table.clone_from(&after.name);
            }
            let key = (found.object.clone(), found.kind, found.name.clone());
            state.annotations.insert(key, found);
        }
        for mut found in std::mem::take(&mut state.operations).into_values() {
            renamed(&mut found.target, before, after);
            state.operations.insert((found.target.clone(), found.operation.clone()), found);
        }
        let (others, own): (Vec<_>, Vec<_>) = std::mem::take(&mut state.lineage)
            .into_values()
            .partition(|edge| edge.source != *before && edge.target != *before);
        insert_edges(&mut state, others);
        let own = own.into_iter().map(|mut edge| {
            renamed(&mut edge.source, before, after);
            renamed(&mut edge.target, before, after);
            edge
        });
        insert_edges(&mut state, own);
        Ok(())
    }

    async fn forget(&self, object: &Forgotten) -> Result<()> {
        forget(&mut self.state.write(), object);
        Ok(())
    }
}

fn admits(names: &NameFilter, object: &Dataset) -> bool {
    names.admits(&object.catalog, &object.schema, &object.name)
}

fn insert_edges(state: &mut State, edges: impl IntoIterator<Item = LineageEdge>) {
    for edge in edges {
        let key = (edge.target.clone(), edge.target_version, edge.source.clone());
        state.lineage.insert(key, edge);
    }
}

fn is_of(object: &ObjectName, table: &Dataset) -> bool {
    table.kind == DatasetKind::Table
        && (&object.catalog, &object.schema, &object.table)
            == (&table.catalog, &table.schema, &table.name)
}

fn renamed(found: &mut Dataset, before: &Dataset, after: &Dataset) {
    if found == before {
        found.clone_from(after);
    }
}

fn forget(state: &mut State, object: &Forgotten) {
    match object {
        Forgotten::Schema { catalog, schema } => {
            let within =
                |dataset: &Dataset| dataset.catalog == *catalog && dataset.schema == *schema;
            state.annotations.retain(|(o, ..), _| o.catalog != *catalog || o.schema != *schema);
            state.operations.retain(|(target, _), _| !within(target));
            state.lineage.retain(|(target, ..), _| !within(target));
        }
        Forgotten::Dataset(dataset) => {
            state.annotations.retain(|(object, ..), _| !is_of(object, dataset));
            state.operations.retain(|(target, _), _| target != dataset);
            state.lineage.retain(|(target, ..), _| target != dataset);
        }
    }
}
