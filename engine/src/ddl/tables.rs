//! CREATE and DROP of tables and views.

use super::operations::Done;
use super::{DdlExecutor, DdlOutcome, now_seconds, unless};
use crate::catalogs::ResolvedTable;
use crate::session::Session;
use crate::statement::{CreateTable, CreateView, TableName};
use quern_catalog::hive_type;
use quern_catalog::model::{
    COMMENT, Column, Dataset, EXTERNAL, Forgotten, LAST_DDL_TIME, Parameters, StorageDescriptor,
    Table, TableFormat, TableType, is_statistics_parameter,
};
use quern_common::{Error, ErrorCode, Result};
use std::collections::HashSet;
use uuid::Uuid;

/// What says that a table is not there.
const TABLE_MISSING: [ErrorCode; 2] = [ErrorCode::TableNotFound, ErrorCode::SchemaNotFound];

/// Where CREATE TABLE LIKE puts its copy.
pub(super) struct LikeTarget<'a> {
    pub(super) name: &'a TableName,
    pub(super) if_not_exists: bool,
    pub(super) external: bool,
    pub(super) location: Option<&'a str>,
}

impl DdlExecutor {
    /// Completes a name; the catalog of system tables is read-only.
    pub(super) async fn resolve(
        &self,
        session: &Session,
        name: &TableName,
    ) -> Result<ResolvedTable> {
        self.catalogs.resolve_table(name, &session.settings()).await
    }

    /// Finds a table, naming it in full when it is missing.
    pub(super) async fn find_table(&self, target: &ResolvedTable) -> Result<Table> {
        target.table().await
    }

    /// As [`Self::find_table`], and none when the table or its schema is missing.
    pub(super) async fn table_if_exists(&self, target: &ResolvedTable) -> Result<Option<Table>> {
        let found = target.metastore.get_table(&target.schema, &target.name).await;
        unless(found, &TABLE_MISSING, true)
    }

    pub(super) async fn create_table(
        &self,
        session: &Session,
        create: &CreateTable,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, &create.name).await?;
        check_columns(&create.columns, &create.partition_columns)?;
        if create.if_not_exists && self.table_if_exists(&target).await?.is_some() {
            return Ok(DdlOutcome::DONE);
        }
        let location = self.table_location(&target, create.location.as_deref()).await?;
        let (input_format, output_format, serde) =
            create.format.descriptor(create.serde_parameters.clone());
        let sd = StorageDescriptor {
            columns: create.columns.clone(),
            location,
            input_format,
            output_format,
            serde,
            num_buckets: -1,
            ..StorageDescriptor::default()
        };
        let mut parameters = create.properties.clone();
        if let Some(comment) = &create.comment {
            parameters.insert(COMMENT.to_owned(), comment.clone());
        }
        let table = Table {
            sd,
            partition_keys: create.partition_columns.clone(),
            parameters,
            table_type: table_type(create.external),
            ..Table::default()
        };
        self.store_table(session, &target, table, create.if_not_exists).await
    }

    pub(super) async fn create_table_like(
        &self,
        session: &Session,
        source: &TableName,
        to: LikeTarget<'_>,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, to.name).await?;
        let source = self.find_table(&self.resolve(session, source).await?).await?;
        if source.table_type == TableType::View {
            return Err(Error::not_supported("CREATE TABLE LIKE of a view"));
        }
        if to.if_not_exists && self.table_if_exists(&target).await?.is_some() {
            return Ok(DdlOutcome::DONE);
        }
        if let Some(spark) = source.spark_source().filter(|_| source.is_descriptor_made_up()) {
            return Err(Error::not_supported(format!(
                "CREATE TABLE LIKE of a table of Spark's data source \"{spark}\""
            )));
        }
        let location = self.table_location(&target, to.location).await?;
        let mut source = source;
        let mut parameters = source.parameters;
        parameters.retain(|key, _| !is_statistics_parameter(key));
        for key in [EXTERNAL, LAST_DDL_TIME] {
            parameters.remove(key);
        }
        // What Spark keeps of the source: where its files are, how many rows they have.
        parameters.retain(|key, _| !key.starts_with("spark.sql."));
        source.sd.serde.parameters.remove("path");
        let table = Table {
            sd: StorageDescriptor { location, ..source.sd },
            partition_keys: source.partition_keys,
            parameters,
            table_type: table_type(to.external),
            ..Table::default()
        };
        self.store_table(session, &target, table, to.if_not_exists).await
    }

    /// Fills in what every new table has, and stores it.
    async fn store_table(
        &self,
        session: &Session,
        target: &ResolvedTable,
        table: Table,
        if_not_exists: bool,
    ) -> Result<DdlOutcome> {
        let now = now_seconds();
        let mut table = Table {
            database: target.schema.clone(),
            name: target.name.clone(),
            owner: Some(session.user().to_owned()),
            create_time: now,
            ..table
        };
        table.parameters.insert(LAST_DDL_TIME.to_owned(), now.to_string());
        if table.table_type != TableType::View {
            // What the format's parameters say is checked now rather than by the first query.
            TableFormat::of(&table)?;
        }
        if table.table_type == TableType::External {
            table.parameters.insert(EXTERNAL.to_owned(), "TRUE".to_owned());
        }
        // As Hive's metastore does, for tables of either kind: a directory that is missing later
        // is a mistake.
        let directory = (table.table_type != TableType::View).then(|| table.sd.location.clone());
        let done = created(&table);
        match target.metastore.create_table(table).await {
            Err(err) if err.code() == ErrorCode::TableAlreadyExists && if_not_exists => {
                return Ok(DdlOutcome::DONE);
            }
            created => created?,
        }
        self.forget_metadata(forgotten(target)).await;
        self.record(session, target, done).await;
        if let Some(location) = directory {
            self.storage.create_dir(&location).await?;
        }
        Ok(DdlOutcome::DONE)
    }

    /// Where a new table's files are: at `given`, or in the schema's directory, in a directory
    /// that no other table has and that is empty.
    async fn table_location(&self, target: &ResolvedTable, given: Option<&str>) -> Result<String> {
        if let Some(location) = given {
            return self.storage.check(location);
        }
        let database = target.metastore.get_database(&target.schema).await?;
        if database.location.is_empty() {
            return Err(Error::new(
                ErrorCode::HiveInvalidMetadata,
                format!("schema \"{}.{}\" has no location", target.catalog, target.schema),
            )
            .with_hint("give the table a location"));
        }
        let location = self.storage.check(&format!(
            "{}/{}",
            database.location.trim_end_matches('/'),
            target.name
        ))?;
        let tables = target.metastore.get_tables(&target.schema).await?;
        let taken = tables.iter().any(|t| t.sd.location.trim_end_matches('/') == location);
        if !taken && self.storage.is_empty(&location).await? {
            return Ok(location);
        }
        // A renamed table keeps its directory, and a failed DROP may have left files.
        Ok(format!("{location}-{}", Uuid::now_v7().simple()))
    }

    pub(super) async fn drop_table(
        &self,
        session: &Session,
        name: &TableName,
        if_exists: bool,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        let found = self.find_table(&target).await;
        let Some(table) = unless(found, &TABLE_MISSING, if_exists)? else {
            return Ok(DdlOutcome::DONE);
        };
        if table.table_type == TableType::View {
            return Err(Error::new(ErrorCode::GenericUserError, format!("\"{target}\" is a view"))
                .with_hint("use DROP VIEW"));
        }
        target.metastore.drop_table(&target.schema, &target.name).await?;
        self.forget_metadata(forgotten(&target)).await;
        if table.table_type == TableType::Managed && !table.sd.location.is_empty() {
            self.delete_files(&table.sd.location).await;
        }
        Ok(DdlOutcome::DONE)
    }

    pub(super) async fn create_view(
        &self,
        session: &Session,
        create: &CreateView,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, &create.name).await?;
        if !create.columns.is_empty() {
            return Err(Error::not_supported("CREATE VIEW with column names")
                .with_hint("name the columns in the query with AS"));
        }
        let existing = self.table_if_exists(&target).await?;
        let mut parameters = Parameters::new();
        if let Some(comment) = &create.comment {
            parameters.insert(COMMENT.to_owned(), comment.clone());
        }
        let view = Table {
            parameters,
            table_type: TableType::View,
            view_original_text: Some(create.query_text.clone()),
            view_expanded_text: Some(create.query_text.clone()),
            ..Table::default()
        };
        match existing {
            Some(old) if create.or_replace && old.table_type == TableType::View => {
                let view = Table {
                    database: old.database,
                    name: old.name,
                    owner: old.owner,
                    create_time: old.create_time,
                    ..view
                };
                let alter = target.metastore.alter_table(
                    &target.schema,
                    &target.name,
                    Some(old.version),
                    view,
                );
                let altered = alter.await;
                self.catalogs.touch(&target.catalog, &target.schema);
                altered.map(|()| DdlOutcome::DONE)
            }
            Some(_) if create.if_not_exists => Ok(DdlOutcome::DONE),
            Some(old) => Err(Error::new(
                ErrorCode::TableAlreadyExists,
                match old.table_type {
                    TableType::View => format!("view \"{target}\" exists"),
                    _ => format!("\"{target}\" exists and is a table"),
                },
            )),
            None => self.store_table(session, &target, view, create.if_not_exists).await,
        }
    }

    pub(super) async fn drop_view(
        &self,
        session: &Session,
        name: &TableName,
        if_exists: bool,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        let found = self.find_table(&target).await;
        let Some(view) = unless(found, &TABLE_MISSING, if_exists)? else {
            return Ok(DdlOutcome::DONE);
        };
        if view.table_type != TableType::View {
            return Err(Error::new(
                ErrorCode::GenericUserError,
                format!("\"{target}\" is a table"),
            )
            .with_hint("use DROP TABLE"));
        }
        target.metastore.drop_table(&target.schema, &target.name).await?;
        self.forget_metadata(forgotten(&target)).await;
        Ok(DdlOutcome::DONE)
    }
}

fn forgotten(target: &ResolvedTable) -> Forgotten {
    Forgotten::Dataset(Dataset::table(&target.catalog, &target.schema, &target.name))
}

/// What a statement did that made this table.
fn created(table: &Table) -> Done {
    let external = table.table_type == TableType::External;
    Done {
        operation: match table.table_type {
            TableType::View => "CREATE VIEW",
            TableType::Managed | TableType::External => "CREATE TABLE",
        },
        source_location: external.then(|| table.sd.location.clone()),
        partitions: None,
    }
}

const fn table_type(external: bool) -> TableType {
    if external { TableType::External } else { TableType::Managed }
}

/// Refuses duplicate names, names that hidden columns have, and partition keys of types that no
/// directory name can hold.
pub(super) fn check_columns(columns: &[Column], keys: &[Column]) -> Result<()> {
    let mut names = HashSet::new();
    for column in columns.iter().chain(keys) {
        if !names.insert(column.name.as_str()) {
            return Err(Error::new(
                ErrorCode::DuplicateColumnName,
                format!("two columns are called \"{}\"", column.name),
            ));
        }
        if column.name.starts_with('$') {
            return Err(Error::not_supported(format!("column name \"{}\"", column.name)));
        }
        hive_type::data_type_of(&column.hive_type)?;
    }
    for key in keys {
        if hive_type::data_type_of(&key.hive_type)?.is_nested() || key.hive_type == "binary" {
            return Err(Error::new(
                ErrorCode::InvalidTableProperty,
                format!("partition key \"{}\" cannot be of type {}", key.name, key.hive_type),
            ));
        }
    }
    Ok(())
}
