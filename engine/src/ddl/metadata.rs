//! What people say of objects: comments and owners, which Hive has a place for, and tags, terms
//! and sensitivity, which are kept beside it.

use super::{DdlExecutor, DdlOutcome, now_seconds, unless};
use crate::catalogs::{ResolvedSchema, ResolvedTable};
use crate::missing;
use crate::session::Session;
use crate::statement::{Annotated, ChangeMetadata, CreateTerm, MetadataChange};
use quern_catalog::model::{
    Annotation, AnnotationKind, COMMENT, Column, Database, Dataset, Forgotten, GlossaryTerm,
    ObjectName, OwnerType, Table,
};
use quern_common::{Error, ErrorCode, Result};

/// An object that a statement names, found.
enum Found {
    Schema(ResolvedSchema, Database),
    Table(ResolvedTable, Table),
    Column(ResolvedTable, Table, String),
}

impl Found {
    fn name(&self) -> ObjectName {
        match self {
            Self::Schema(at, _) => ObjectName::schema(&at.catalog, &at.schema),
            Self::Table(at, _) => ObjectName::table(&at.catalog, &at.schema, &at.name),
            Self::Column(at, _, column) => {
                ObjectName::column(&at.catalog, &at.schema, &at.name, column)
            }
        }
    }
}

impl DdlExecutor {
    pub(super) async fn change_metadata(
        &self,
        session: &Session,
        statement: &ChangeMetadata,
    ) -> Result<DdlOutcome> {
        let found = self.find_annotated(session, &statement.object).await?;
        let tag = |(name, value): &(String, Option<String>)| {
            (AnnotationKind::Tag, name.clone(), value.clone())
        };
        match &statement.change {
            MetadataChange::Comment(text) => self.set_comment(found, text.clone()).await,
            MetadataChange::Owner(name, owner_type) => {
                self.set_owner(found, name, *owner_type).await
            }
            MetadataChange::SetTags(tags) => {
                self.annotate(session, &found, tags.iter().map(tag).collect()).await
            }
            MetadataChange::SetTerms(terms) => {
                let term = |name: &String| (AnnotationKind::Term, name.clone(), None);
                let given = self.annotate(session, &found, terms.iter().map(term).collect()).await;
                match given {
                    Err(err) => Err(self.with_known_terms(err, terms).await),
                    done => done,
                }
            }
            MetadataChange::Sensitivity(Some(level)) => {
                let level = (AnnotationKind::Sensitivity, String::new(), Some(level.clone()));
                self.annotate(session, &found, vec![level]).await
            }
            MetadataChange::UnsetTags(names) => {
                self.unset(&found, AnnotationKind::Tag, names.clone()).await
            }
            MetadataChange::UnsetTerms(names) => {
                self.unset(&found, AnnotationKind::Term, names.clone()).await
            }
            MetadataChange::Sensitivity(None) => {
                self.unset(&found, AnnotationKind::Sensitivity, vec![String::new()]).await
            }
        }
    }

    async fn find_annotated(&self, session: &Session, object: &Annotated) -> Result<Found> {
        match object {
            Annotated::Schema(name) => {
                let target = self.catalogs.resolve_schema(name, &session.settings()).await?;
                match target.metastore.get_database(&target.schema).await {
                    Ok(database) => Ok(Found::Schema(target, database)),
                    Err(err) if err.code() == ErrorCode::SchemaNotFound => {
                        let err = missing::schema_not_found(&target.catalog, &target.schema);
                        let metastore = target.metastore.as_ref();
                        Err(missing::with_hint(err, metastore, &target.schema, "").await)
                    }
                    Err(err) => Err(err),
                }
            }
            Annotated::Table(name) => {
                let target = self.resolve(session, name).await?;
                let table = self.find_table(&target).await?;
                Ok(Found::Table(target, table))
            }
            Annotated::Column(name, column) => {
                let target = self.resolve(session, name).await?;
                let table = self.find_table(&target).await?;
                check_column(&target, &table, column)?;
                Ok(Found::Column(target, table, column.clone()))
            }
        }
    }

    async fn set_comment(&self, found: Found, text: Option<String>) -> Result<DdlOutcome> {
        match found {
            Found::Schema(target, database) => {
                let changed = Database { description: text, ..database };
                self.store_schema(&target, changed).await
            }
            Found::Table(target, mut table) => {
                match text {
                    Some(text) => table.parameters.insert(COMMENT.to_owned(), text),
                    None => table.parameters.remove(COMMENT),
                };
                self.store_change(&target, table).await
            }
            Found::Column(target, mut table, name) => {
                for column in table.sd.columns.iter_mut().chain(&mut table.partition_keys) {
                    if column.name == name {
                        column.comment.clone_from(&text);
                    }
                }
                self.store_change(&target, table).await
            }
        }
    }

    async fn store_schema(&self, target: &ResolvedSchema, changed: Database) -> Result<DdlOutcome> {
        let stored = target.metastore.alter_database(changed).await;
        self.catalogs.touch(&target.catalog, &target.schema);
        stored.map(|()| DdlOutcome::DONE)
    }

    async fn set_owner(
        &self,
        found: Found,
        name: &str,
        owner_type: OwnerType,
    ) -> Result<DdlOutcome> {
        let (owner, owner_type) = (Some(name.to_owned()), Some(owner_type));
        match found {
            Found::Schema(target, database) => {
                let changed = Database { owner, owner_type, ..database };
                self.store_schema(&target, changed).await
            }
            Found::Table(target, table) | Found::Column(target, table, _) => {
                self.store_change(&target, Table { owner, owner_type, ..table }).await
            }
        }
    }

    async fn annotate(
        &self,
        session: &Session,
        found: &Found,
        given: Vec<(AnnotationKind, String, Option<String>)>,
    ) -> Result<DdlOutcome> {
        let now = now_seconds();
        let annotation = |(kind, name, value)| Annotation {
            object: found.name(),
            kind,
            name,
            value,
            set_by: session.user().to_owned(),
            set_time: now,
        };
        let annotations = given.into_iter().map(annotation).collect();
        self.catalogs.metadata().set_annotations(annotations).await.map(|()| DdlOutcome::DONE)
    }

    async fn unset(
        &self,
        found: &Found,
        kind: AnnotationKind,
        names: Vec<String>,
    ) -> Result<DdlOutcome> {
        let object = found.name();
        let unset = self.catalogs.metadata().unset_annotations(&object, kind, names);
        unset.await.map(|()| DdlOutcome::DONE)
    }

    /// Adds the terms that are close to those that a statement names.
    async fn with_known_terms(&self, err: Error, given: &[String]) -> Error {
        if err.code() != ErrorCode::NotFound {
            return err;
        }
        // Without terms there is the error itself, which matters more than why there are none.
        let Ok(terms) = self.catalogs.metadata().list_terms().await else { return err };
        let known: Vec<&str> = terms.iter().map(|term| term.name.as_str()).collect();
        let folded = given.iter().map(|name| name.trim().to_lowercase());
        let unknown = folded.into_iter().find(|name| !known.contains(&name.as_str()));
        match unknown.and_then(|name| missing::hint(&name, &known)) {
            Some(hint) => err.with_hint(hint),
            None => err.with_hint("CREATE GLOSSARY TERM makes one"),
        }
    }

    pub(super) async fn create_term(
        &self,
        session: &Session,
        create: &CreateTerm,
    ) -> Result<DdlOutcome> {
        let term = GlossaryTerm {
            name: create.name.clone(),
            definition: create.definition.clone(),
            owner: session.user().to_owned(),
            create_time: now_seconds(),
        };
        let created = self.catalogs.metadata().create_term(term, create.or_replace).await;
        unless(created, &[ErrorCode::AlreadyExists], create.if_not_exists)?;
        Ok(DdlOutcome::DONE)
    }

    pub(super) async fn drop_term(&self, name: &str, if_exists: bool) -> Result<DdlOutcome> {
        let dropped = self.catalogs.metadata().drop_term(name).await;
        unless(dropped, &[ErrorCode::NotFound], if_exists)?;
        Ok(DdlOutcome::DONE)
    }

    /// Carries what is known of a table to its new name. The table has it already: a failure is
    /// logged, and what was known is not shown any more.
    pub(super) async fn carry_metadata(&self, before: &ResolvedTable, after: &ResolvedTable) {
        self.catalogs.touch(&before.catalog, &before.schema);
        self.catalogs.touch(&after.catalog, &after.schema);
        let dataset =
            |table: &ResolvedTable| Dataset::table(&table.catalog, &table.schema, &table.name);
        let renamed =
            self.catalogs.metadata().rename_table(&dataset(before), &dataset(after)).await;
        if let Err(err) = renamed {
            tracing::warn!(%before, %after, error = ?err, "metadata did not follow a renamed table");
        }
    }

    /// Forgets what is known of an object that is gone, or of one that another client dropped
    /// before this one was made under its name. A failure leaves rows that are not shown.
    pub(super) async fn forget_metadata(&self, object: Forgotten) {
        match &object {
            Forgotten::Schema { catalog, schema }
            | Forgotten::Dataset(Dataset { catalog, schema, .. }) => {
                self.catalogs.touch(catalog, schema);
            }
        }
        if let Err(err) = self.catalogs.metadata().forget(&object).await {
            tracing::warn!(?object, error = ?err, "metadata of an object that is gone remains");
        }
    }
}

fn check_column(target: &ResolvedTable, table: &Table, name: &str) -> Result<()> {
    let columns: Vec<&Column> = table.sd.columns.iter().chain(&table.partition_keys).collect();
    if columns.iter().any(|column| column.name == name) {
        return Ok(());
    }
    let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let err = Error::new(
        ErrorCode::ColumnNotFound,
        format!("table \"{target}\" has no column \"{name}\""),
    );
    Err(match missing::hint(name, &known) {
        Some(hint) => err.with_hint(hint),
        None => err,
    })
}
