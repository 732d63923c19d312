//! Databases.

use super::Backend;
use super::answer::{
    Answer, already_exists, from_store, invalid_object, invalid_operation, meta, no_such_object,
    or_throw,
};
use super::convert::{database_from_hive, database_to_hive};
use super::names::{database_name, short};
use super::pattern::name_pattern;
use crate::metastore::rules::{DEFAULT_DATABASE, is_name};
use crate::model::{Database, TableType};
use quern_common::ErrorCode;
use quern_proto::hive_metastore::types as hive;

/// How a database is dropped.
#[derive(Debug, Clone, Copy)]
pub(super) struct DropOptions {
    pub(super) delete_data: bool,
    pub(super) cascade: bool,
    pub(super) ignore_unknown: bool,
}

impl Backend {
    pub(super) async fn list_databases(&self, pattern: &str) -> Answer<Vec<String>> {
        // Clients of Hive 3 send `@hive#pattern`.
        let pattern = match pattern.strip_prefix('@').and_then(|rest| rest.split_once('#')) {
            Some((_, "!" | "")) => "*",
            Some((_, rest)) => rest,
            None => pattern,
        };
        let pattern = name_pattern(pattern)?;
        let names = self.store.list_databases().await.map_err(from_store)?;
        Ok(names.into_iter().filter(|name| pattern.is_match(name)).collect())
    }

    pub(super) async fn find_database(&self, name: &str) -> Answer<Database> {
        let name = database_name(name)?;
        let found = self.store.get_database(&name).await;
        or_throw(found, &[ErrorCode::SchemaNotFound], || no_such_object(short(&name)))
    }

    pub(super) async fn get_database(&self, name: &str) -> Answer<hive::Database> {
        self.find_database(name).await.map(database_to_hive)
    }

    pub(super) async fn create_database(&self, database: hive::Database) -> Answer<()> {
        let mut database = database_from_hive(database);
        let name = database_name(&database.name)?;
        if !is_name(&name) {
            return Err(invalid_object(format!("{} is not a valid database name", short(&name))));
        }
        database.name.clone_from(&name);
        let created = self.store.create_database(database).await;
        or_throw(created, &[ErrorCode::SchemaAlreadyExists], || {
            already_exists(format!("Database {name} already exists"))
        })?;
        let location = self.find_database(&name).await?.location;
        self.directories.make(&location).await?;
        Ok(())
    }

    /// Replaces parameters and owner; description and location too, as Hive does from version
    /// 3, when there are new ones.
    pub(super) async fn alter_database(&self, name: &str, new: hive::Database) -> Answer<()> {
        let old = self.find_database(name).await?;
        let new = database_from_hive(new);
        let changed = Database {
            name: old.name,
            description: match new.description {
                None => old.description,
                Some(text) => Some(text).filter(|text| !text.is_empty()),
            },
            location: if new.location.is_empty() { old.location } else { new.location },
            owner_type: match new.owner {
                Some(_) => new.owner_type.or(old.owner_type),
                None => None,
            },
            owner: new.owner,
            parameters: new.parameters,
        };
        self.store.alter_database(changed).await.map_err(from_store)
    }

    pub(super) async fn drop_database(&self, name: &str, options: DropOptions) -> Answer<()> {
        let name = database_name(name)?;
        if name == DEFAULT_DATABASE {
            return Err(meta("Can not drop default database"));
        }
        let database = match self.store.get_database(&name).await {
            Err(err) if err.code() == ErrorCode::SchemaNotFound && options.ignore_unknown => {
                return Ok(());
            }
            found => {
                or_throw(found, &[ErrorCode::SchemaNotFound], || no_such_object(name.clone()))?
            }
        };
        let tables = self.store.get_tables(&name).await.map_err(from_store)?;
        let functions = self.store.list_functions(&name).await.map_err(from_store)?;
        let models = self.store.list_models(&name).await.map_err(from_store)?;
        for (what, there) in [
            ("tables", !tables.is_empty()),
            ("functions", !functions.is_empty()),
            ("models", !models.is_empty()),
        ] {
            if there && !options.cascade {
                return Err(invalid_operation(format!(
                    "Database {name} is not empty. One or more {what} exist."
                )));
            }
        }
        let mut artifacts = Vec::new();
        for model in &models {
            let dropped = self.store.drop_model(&name, &model.model.name).await;
            let versions = dropped.map_err(from_store)?.into_iter();
            artifacts.extend(versions.map(|version| version.model.artifact_location));
        }
        self.store.drop_database(&name, options.cascade).await.map_err(from_store)?;
        for artifact in &artifacts {
            self.directories.delete_file(artifact).await;
        }
        if options.delete_data {
            for table in tables.iter().filter(|table| table.table_type == TableType::Managed) {
                self.directories.delete(&table.sd.location).await;
            }
            // What is left in there belongs to external tables.
            self.directories.remove_empty(&database.location, 0).await;
        }
        Ok(())
    }
}
