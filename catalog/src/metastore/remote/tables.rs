//! Databases and tables of a remote metastore.

use super::{RemoteMetastore, errors};
use crate::metastore::hive::convert::{
    database_from_hive, database_to_hive, table_from_hive, table_to_hive,
};
use crate::metastore::{AlterTableOptions, rules};
use crate::model::{Database, Table, TableType};
use quern_common::{Error, ErrorCode, Result};
use quern_proto::hive_metastore::methods::{
    AlterDatabase, AlterTableWithEnvironmentContext, CreateDatabase, CreateTable, DropDatabase,
    DropTable, GetAllDatabases, GetAllTables, GetDatabase, GetTable, GetTableObjectsByName,
    GetTableReq,
};
use quern_proto::hive_metastore::types as hive;
use quern_proto::hive_metastore::{CallError, ExceptionKind};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Tables that one call asks for.
const TABLES_PER_CALL: usize = 1_000;

impl RemoteMetastore {
    pub(super) async fn databases(&self) -> Result<Vec<String>> {
        let mut names = self.call(GetAllDatabases {}).await?;
        names.sort();
        Ok(names)
    }

    pub(super) async fn database(&self, name: &str) -> Result<Database> {
        let name = rules::fold(name);
        match self.try_call(GetDatabase { name: name.clone() }).await? {
            Err(err) if errors::is(&err, ExceptionKind::NoSuchObject) => {
                Err(rules::schema_not_found(&name))
            }
            found => found.map(database_from_hive).map_err(errors::of_store),
        }
    }

    pub(super) async fn add_database(&self, mut database: Database) -> Result<()> {
        let location = std::mem::take(&mut database.location);
        // Without a location the metastore places it in its own warehouse.
        let mut database = rules::check_database(database, "")?;
        database.location = location;
        let name = database.name.clone();
        let call = CreateDatabase { database: database_to_hive(database) };
        match self.try_call(call).await? {
            Err(err) if errors::is(&err, ExceptionKind::AlreadyExists) => {
                Err(rules::schema_already_exists(&name))
            }
            created => created.map_err(errors::of_store),
        }
    }

    /// Hive before version 3 keeps description and location as they were and says nothing; so
    /// it is looked at.
    pub(super) async fn change_database(&self, mut new: Database) -> Result<()> {
        let old = self.database(&new.name).await?;
        let location = std::mem::take(&mut new.location);
        let mut new = rules::check_database(new, "")?;
        new.location = if location.is_empty() { old.location } else { location };
        let mut db = database_to_hive(new.clone());
        db.description.get_or_insert_default();
        self.call(AlterDatabase { dbname: new.name.clone(), db }).await?;
        let now = self.database(&new.name).await?;
        let text = |description: &Option<String>| description.clone().unwrap_or_default();
        if text(&now.description) != text(&new.description) || now.location != new.location {
            return Err(Error::not_supported(
                "changing a schema's description or location in this version of the Hive metastore",
            ));
        }
        Ok(())
    }

    pub(super) async fn remove_database(&self, name: &str, cascade: bool) -> Result<()> {
        let name = rules::fold(name);
        rules::check_droppable(&name)?;
        // Some versions do not say that it is missing, they fail.
        self.database(&name).await?;
        let call = DropDatabase { name: name.clone(), delete_data: false, cascade };
        match self.try_call(call).await? {
            Err(err) if errors::is(&err, ExceptionKind::InvalidOperation) => {
                Err(rules::schema_not_empty(&name))
            }
            Err(err) if errors::is(&err, ExceptionKind::NoSuchObject) => {
                Err(rules::schema_not_found(&name))
            }
            dropped => dropped.map_err(errors::of_store),
        }
    }

    pub(super) async fn table_names(&self, database: &str) -> Result<Vec<String>> {
        let db_name = rules::fold(database);
        let mut names = self.call(GetAllTables { db_name: db_name.clone() }).await?;
        if names.is_empty() {
            // A missing database has no tables either.
            self.database(&db_name).await?;
        }
        names.sort();
        Ok(names)
    }

    pub(super) async fn all_tables(&self, database: &str) -> Result<Vec<Table>> {
        let dbname = rules::fold(database);
        let names = self.table_names(&dbname).await?;
        let mut tables = Vec::with_capacity(names.len());
        for names in names.chunks(TABLES_PER_CALL) {
            let call = GetTableObjectsByName { dbname: dbname.clone(), tbl_names: names.to_vec() };
            for table in self.call(call).await? {
                tables.push(read(table)?);
            }
        }
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tables)
    }

    pub(super) async fn table(&self, database: &str, name: &str) -> Result<Table> {
        read(self.hive_table(database, name).await?)
    }

    async fn hive_table(&self, database: &str, name: &str) -> Result<hive::Table> {
        let (db_name, tbl_name) = (rules::fold(database), rules::fold(name));
        match self.request_table(&db_name, &tbl_name).await? {
            Err(err) if errors::is(&err, ExceptionKind::NoSuchObject) => {
                Err(self.missing_table(&db_name, &tbl_name).await)
            }
            found => found.map_err(errors::of_store),
        }
    }

    /// Asks by the newer method, and by the older one where the newer is unknown.
    async fn request_table(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Result<hive::Table, CallError>> {
        if !self.lacks_get_table_req.load(Ordering::Relaxed) {
            let req = hive::GetTableRequest {
                db_name: database.to_owned(),
                tbl_name: name.to_owned(),
                ..hive::GetTableRequest::default()
            };
            match self.try_call(GetTableReq { req }).await? {
                Err(err) if errors::is_unknown_method(&err) => {
                    self.lacks_get_table_req.store(true, Ordering::Relaxed);
                }
                answer => return Ok(answer.map(|result| result.table)),
            }
        }
        self.try_call(GetTable { dbname: database.to_owned(), tbl_name: name.to_owned() }).await
    }

    /// Whether it is the table that is missing, or its schema.
    pub(super) async fn missing_table(&self, database: &str, name: &str) -> Error {
        match self.database(database).await {
            Ok(_) => rules::table_not_found(database, name),
            Err(err) => err,
        }
    }

    pub(super) async fn add_table(&self, table: Table) -> Result<()> {
        let database = self.database(&table.database).await?;
        let table = rules::check_table(table, &database.location)?;
        let (database, name) = (table.database.clone(), table.name.clone());
        match self.try_call(CreateTable { tbl: table_to_hive(table) }).await? {
            Err(err) if errors::is(&err, ExceptionKind::AlreadyExists) => {
                Err(rules::table_already_exists(&database, &name))
            }
            created => created.map_err(errors::of_store),
        }
    }

    /// The version is compared before the call, which newer metastores compare again by a
    /// parameter; with older ones somebody may come in between.
    pub(super) async fn change_table(
        &self,
        database: &str,
        name: &str,
        table: Table,
        options: &AlterTableOptions,
    ) -> Result<()> {
        if options.move_partitions {
            return Err(Error::not_supported("moving partitions in a remote Hive metastore"));
        }
        let current = self.hive_table(database, name).await?;
        check_kind(&current)?;
        let (cat_name, old) = (current.cat_name.clone(), read(current)?);
        let new = rules::check_altered_table(&old, table, options)?;
        let renamed = (&new.database, &new.name) != (&old.database, &old.name);
        if renamed {
            self.database(&new.database).await?;
            if self.table(&new.database, &new.name).await.is_ok() {
                return Err(rules::table_already_exists(&new.database, &new.name));
            }
        }
        let mut properties =
            BTreeMap::from([("DO_NOT_UPDATE_STATS".to_owned(), "true".to_owned())]);
        if options.cascade {
            properties.insert("CASCADE".to_owned(), "true".to_owned());
        }
        if let Some((key, value)) = &options.expected_parameter {
            properties.insert("expected_parameter_key".to_owned(), key.clone());
            properties.insert("expected_parameter_value".to_owned(), value.clone());
        }
        let call = AlterTableWithEnvironmentContext {
            dbname: old.database.clone(),
            tbl_name: old.name.clone(),
            new_tbl: hive::Table { cat_name, ..table_to_hive(new) },
            environment_context: Some(hive::EnvironmentContext { properties: Some(properties) }),
        };
        match self.try_call(call).await? {
            Err(err) if errors::says(&err, "has been modified") => {
                Err(Error::new(ErrorCode::TransactionConflict, err.to_string()))
            }
            Err(err) if errors::says(&err, "doesn't exist") => {
                Err(rules::table_not_found(&old.database, &old.name))
            }
            altered => altered.map_err(errors::of_store),
        }
    }

    pub(super) async fn remove_table(&self, database: &str, name: &str) -> Result<()> {
        let (dbname, name) = (rules::fold(database), rules::fold(name));
        let call = DropTable { dbname: dbname.clone(), name: name.clone(), delete_data: false };
        match self.try_call(call).await? {
            Err(err) if errors::is(&err, ExceptionKind::NoSuchObject) => {
                Err(self.missing_table(&dbname, &name).await)
            }
            dropped => dropped.map_err(errors::of_store),
        }
    }
}

/// Reads a table. Hive counts no versions; a digest of the definition stands for one.
fn read(table: hive::Table) -> Result<Table> {
    let digest = Sha256::digest(format!("{table:?}"));
    let mut first = [0; 8];
    first.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    let version = i64::from_be_bytes(first) & i64::MAX;
    Ok(Table { version, ..table_from_hive(table)? })
}

/// Refuses to write a table of a type that we would write as another.
fn check_kind(table: &hive::Table) -> Result<()> {
    match table.table_type.as_deref() {
        None => Ok(()),
        Some(name) if TableType::from_hive_name(name).is_some() => Ok(()),
        Some(name) => Err(Error::not_supported(format_args!("altering a table of type {name}"))),
    }
}
