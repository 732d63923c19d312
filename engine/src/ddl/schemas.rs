//! CREATE and DROP SCHEMA, USE and the session's properties.

use super::rows::{SESSION, TextRows};
use super::{DdlExecutor, DdlOutcome, unless};
use crate::catalogs::{ResolvedSchema, SYSTEM_CATALOG};
use crate::session::Session;
use crate::session::properties::{SESSION_PROPERTIES, SessionProperties, find};
use crate::statement::{CreateSchema, LikePattern, SchemaName, Statement};
use datafusion::arrow::record_batch::RecordBatch;
use quern_catalog::model::{Database, Forgotten, TableType};
use quern_common::{Error, ErrorCode, Result};

/// The schema that every catalog has without storing it.
pub(super) const INFORMATION_SCHEMA: &str = "information_schema";

impl DdlExecutor {
    pub(super) async fn create_schema(
        &self,
        session: &Session,
        create: &CreateSchema,
    ) -> Result<DdlOutcome> {
        let target = self.catalogs.resolve_schema(&create.name, &session.settings()).await?;
        if target.schema == INFORMATION_SCHEMA {
            return Err(Error::new(
                ErrorCode::SchemaAlreadyExists,
                format!("schema \"{target}\" exists in every catalog"),
            ));
        }
        // Without LOCATION the metastore places the schema in its warehouse.
        let location = match &create.location {
            Some(location) => self.storage.check(location)?,
            None => String::new(),
        };
        let database = Database {
            name: target.schema.clone(),
            description: create.comment.clone(),
            location,
            owner: Some(session.user().to_owned()),
            parameters: create.properties.clone(),
            ..Database::default()
        };
        let created = target.metastore.create_database(database).await;
        let created = unless(created, &[ErrorCode::SchemaAlreadyExists], create.if_not_exists)?;
        if created.is_some() {
            self.forget_metadata(forgotten(&target)).await;
        }
        Ok(DdlOutcome::DONE)
    }

    pub(super) async fn drop_schema(
        &self,
        session: &Session,
        name: &SchemaName,
        if_exists: bool,
        cascade: bool,
    ) -> Result<DdlOutcome> {
        let target = self.catalogs.resolve_schema(name, &session.settings()).await?;
        let found = target.metastore.get_database(&target.schema).await;
        if unless(found, &[ErrorCode::SchemaNotFound], if_exists)?.is_none() {
            return Ok(DdlOutcome::DONE);
        }
        let (mut directories, mut artifacts) = (vec![], vec![]);
        if cascade {
            for table in target.metastore.get_tables(&target.schema).await? {
                if table.table_type == TableType::Managed {
                    directories.push(table.sd.location);
                }
            }
            for model in target.metastore.list_models(&target.schema).await? {
                let versions =
                    target.metastore.drop_model(&target.schema, &model.model.name).await?;
                artifacts.extend(versions.into_iter().map(|v| v.model.artifact_location));
            }
        }
        target.metastore.drop_database(&target.schema, cascade).await?;
        self.forget_metadata(forgotten(&target)).await;
        for location in directories {
            self.delete_files(&location).await;
        }
        for location in artifacts {
            self.delete_artifact(&location).await;
        }
        Ok(DdlOutcome::DONE)
    }

    /// Deletes the files of an object that is gone from the catalogue. A failure leaves files
    /// that nobody reads; it is logged, because the statement itself has succeeded.
    pub(super) async fn delete_files(&self, location: &str) {
        if let Err(err) = self.storage.delete_dir(location).await {
            tracing::warn!(location, error = ?err, "files of a dropped object remain");
        }
    }

    /// Deletes the artifact of a model that is gone from the catalogue, as [`Self::delete_files`].
    pub(super) async fn delete_artifact(&self, location: &str) {
        if let Err(err) = self.storage.delete_file(location).await {
            tracing::warn!(location, error = ?err, "the artifact of a dropped model remains");
        }
    }

    pub(super) async fn session_statement(
        &self,
        session: &Session,
        statement: &Statement,
    ) -> Result<DdlOutcome> {
        match statement {
            Statement::Use { catalog, schema } => {
                self.use_schema(session, catalog.as_deref(), schema).await?;
            }
            Statement::SetSession { name, value } => {
                SessionProperties::check(name, value)?;
                session.update(|settings| {
                    settings.properties.insert(name.clone(), value.clone());
                });
            }
            Statement::ResetSession { name } => {
                find(name)?;
                session.update(|settings| {
                    settings.properties.remove(name);
                });
            }
            Statement::ShowSession { like } => {
                return show_session(session, like.as_ref()).map(DdlOutcome::Rows);
            }
            other => {
                return Err(Error::internal(format!("{} is not about sessions", other.kind())));
            }
        }
        Ok(DdlOutcome::DONE)
    }

    async fn use_schema(
        &self,
        session: &Session,
        catalog: Option<&str>,
        schema: &str,
    ) -> Result<()> {
        let catalog = catalog.map_or_else(|| session.settings().catalog, str::to_owned);
        let system_schema =
            self.system.as_ref().is_some_and(|system| system.tables().contains_key(schema));
        let known = match catalog == SYSTEM_CATALOG {
            true => system_schema,
            false => schema == INFORMATION_SCHEMA,
        };
        if !known {
            self.catalogs.get(&catalog).await?.get_database(schema).await?;
        }
        session.update(|settings| {
            settings.catalog = catalog;
            settings.schema = schema.to_owned();
        });
        Ok(())
    }
}

fn forgotten(target: &ResolvedSchema) -> Forgotten {
    Forgotten::Schema { catalog: target.catalog.clone(), schema: target.schema.clone() }
}

fn show_session(session: &Session, like: Option<&LikePattern>) -> Result<RecordBatch> {
    let settings = session.settings();
    let mut rows = TextRows::new(SESSION);
    for property in SESSION_PROPERTIES {
        if like.is_some_and(|like| !like.matches(property.name)) {
            continue;
        }
        let value = settings.properties.get(property.name).map_or(property.default, String::as_str);
        let cells = [value, property.default, property.type_name, property.description];
        let [value, default, type_name, description] = cells.map(|cell| Some(cell.to_owned()));
        rows.push([Some(property.name.to_owned()), value, default, type_name, description]);
    }
    rows.finish()
}
