//! What is kept beside Hive's model, whoever keeps the tables.

use super::dialect::may_succeed_again;
use super::{
    ATTEMPTS_MAX, EmbeddedMetastore, annotations, catalogs, lineage, objects, transaction,
};
use crate::metastore::{MetadataStore, metadata, rules};
use crate::model::{
    Annotation, AnnotationKind, CatalogDefinition, Dataset, Forgotten, GlossaryTerm, LineageEdge,
    NameFilter, ObjectName, Operation,
};
use async_trait::async_trait;
use quern_common::Result;

#[async_trait]
impl MetadataStore for EmbeddedMetastore {
    async fn list_catalogs(&self) -> Result<Vec<CatalogDefinition>> {
        catalogs::list(&mut self.connections.read().await?).await
    }

    async fn get_catalog(&self, name: &str) -> Result<CatalogDefinition> {
        catalogs::find(&mut self.connections.read().await?, &rules::fold(name)).await
    }

    async fn create_catalog(&self, catalog: CatalogDefinition) -> Result<()> {
        let catalog = rules::check_catalog(catalog)?;
        transaction!(self, |tx| catalogs::create(tx, &catalog).await)
    }

    async fn drop_catalog(&self, name: &str) -> Result<()> {
        transaction!(self, |tx| catalogs::drop(tx, &rules::fold(name)).await)
    }

    async fn list_annotations(&self, names: &NameFilter) -> Result<Vec<Annotation>> {
        annotations::list(&mut self.connections.read().await?, names).await
    }

    async fn set_annotations(&self, given: Vec<Annotation>) -> Result<()> {
        let given = metadata::check_annotations(given)?;
        transaction!(self, |tx| annotations::set(tx, &given).await)
    }

    async fn unset_annotations(
        &self,
        object: &ObjectName,
        kind: AnnotationKind,
        names: Vec<String>,
    ) -> Result<()> {
        let names: Vec<String> = names.iter().map(|name| rules::fold(name)).collect();
        transaction!(self, |tx| annotations::unset(tx, object, kind, &names).await)
    }

    async fn list_terms(&self) -> Result<Vec<GlossaryTerm>> {
        annotations::list_terms(&mut self.connections.read().await?).await
    }

    async fn create_term(&self, term: GlossaryTerm, or_replace: bool) -> Result<()> {
        let term = metadata::check_term(term)?;
        transaction!(self, |tx| annotations::create_term(tx, &term, or_replace).await)
    }

    async fn drop_term(&self, name: &str) -> Result<()> {
        let name = rules::fold(name);
        transaction!(self, |tx| annotations::drop_term(tx, &name).await)
    }

    async fn record_operation(&self, done: Operation, edges: Vec<LineageEdge>) -> Result<()> {
        transaction!(self, |tx| lineage::record(tx, &done, &edges).await)
    }

    async fn list_operations(&self, names: &NameFilter) -> Result<Vec<Operation>> {
        lineage::list_operations(&mut self.connections.read().await?, names).await
    }

    async fn list_lineage(
        &self,
        targets: &NameFilter,
        sources: &NameFilter,
    ) -> Result<Vec<LineageEdge>> {
        lineage::list(&mut self.connections.read().await?, targets, sources).await
    }

    async fn rename_table(&self, before: &Dataset, after: &Dataset) -> Result<()> {
        transaction!(self, |tx| objects::rename_table(tx, before, after).await)
    }

    async fn forget(&self, object: &Forgotten) -> Result<()> {
        transaction!(self, |tx| objects::forget(tx, object).await)
    }
}
