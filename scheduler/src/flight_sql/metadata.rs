//! The metadata commands: what each answers with, in the protocol's schema to the letter.

use super::backend::{QueryBackend, TableFilter, TableKind};
use super::columns::table_schema;
use super::sql_info::sql_info;
use super::xdbc_types::xdbc_types;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::sql::metadata::{GetCatalogsBuilder, SqlInfoData, XdbcTypeInfoData};
use arrow_flight::sql::{Command, CommandGetDbSchemas, CommandGetTables};
use quern_common::{Error, ErrorCode, Result};
use quern_engine::session::Session;
use std::fmt;
use std::sync::Arc;

/// Answers metadata commands.
pub(crate) struct Metadata {
    sql_info: SqlInfoData,
    xdbc_types: XdbcTypeInfoData,
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metadata")
    }
}

impl Metadata {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { sql_info: sql_info()?, xdbc_types: xdbc_types()? })
    }

    /// Returns a command's schema, or nothing for a command that is not about metadata.
    pub(crate) fn schema(&self, command: &Command) -> Option<SchemaRef> {
        match command {
            Command::CommandGetCatalogs(_) => Some(GetCatalogsBuilder::new().schema()),
            Command::CommandGetDbSchemas(it) => Some(it.clone().into_builder().schema()),
            Command::CommandGetTables(it) => Some(it.clone().into_builder().schema()),
            Command::CommandGetTableTypes(_) => Some(table_types_schema()),
            Command::CommandGetSqlInfo(_) => Some(self.sql_info.schema()),
            Command::CommandGetXdbcTypeInfo(_) => Some(self.xdbc_types.schema()),
            Command::CommandGetPrimaryKeys(_) => Some(primary_keys_schema()),
            Command::CommandGetExportedKeys(_)
            | Command::CommandGetImportedKeys(_)
            | Command::CommandGetCrossReference(_) => Some(foreign_keys_schema()),
            _ => None,
        }
    }

    /// Answers a command, or nothing for a command that is not about metadata.
    pub(crate) async fn answer(
        &self,
        backend: &dyn QueryBackend,
        session: &Arc<Session>,
        command: Command,
    ) -> Result<Option<RecordBatch>> {
        let Some(schema) = self.schema(&command) else { return Ok(None) };
        let batch = match command {
            Command::CommandGetCatalogs(_) => catalogs(backend, session).await?,
            Command::CommandGetDbSchemas(command) => schemas(backend, session, command).await?,
            Command::CommandGetTables(command) => tables(backend, session, command).await?,
            Command::CommandGetTableTypes(_) => table_types()?,
            Command::CommandGetSqlInfo(command) => {
                command.into_builder(&self.sql_info).build().map_err(|err| failed(&err))?
            }
            Command::CommandGetXdbcTypeInfo(command) => {
                command.into_builder(&self.xdbc_types).build().map_err(|err| failed(&err))?
            }
            // There are no keys; Tableau needs an answer all the same.
            _ => RecordBatch::new_empty(schema),
        };
        Ok(Some(batch))
    }
}

async fn catalogs(backend: &dyn QueryBackend, session: &Arc<Session>) -> Result<RecordBatch> {
    let mut builder = GetCatalogsBuilder::new();
    for catalog in backend.list_catalogs(session).await? {
        builder.append(catalog);
    }
    builder.build().map_err(|err| failed(&err))
}

async fn schemas(
    backend: &dyn QueryBackend,
    session: &Arc<Session>,
    command: CommandGetDbSchemas,
) -> Result<RecordBatch> {
    let schemas = backend.list_schemas(session, command.catalog.as_deref()).await?;
    let mut builder = command.into_builder();
    for schema in schemas {
        builder.append(schema.catalog, schema.schema);
    }
    builder.build().map_err(|err| failed(&err))
}

async fn tables(
    backend: &dyn QueryBackend,
    session: &Arc<Session>,
    command: CommandGetTables,
) -> Result<RecordBatch> {
    let filter = TableFilter {
        catalog: command.catalog.clone(),
        schema_pattern: command.db_schema_filter_pattern.clone(),
        table_pattern: command.table_name_filter_pattern.clone(),
        kinds: command.table_types.clone(),
    };
    let include_schema = command.include_schema;
    let tables = backend.list_tables(session, &filter, include_schema).await?;
    let mut builder = command.into_builder();
    for table in tables {
        let columns = match (include_schema, &table.columns) {
            (true, Some(columns)) => {
                table_schema(&table.catalog, &table.schema, &table.name, columns)
            }
            _ => Schema::empty(),
        };
        builder
            .append(table.catalog, table.schema, table.name, table.kind.name(), &columns)
            .map_err(|err| failed(&err))?;
    }
    builder.build().map_err(|err| failed(&err))
}

fn table_types() -> Result<RecordBatch> {
    let names = StringArray::from_iter_values(TableKind::ALL.iter().map(|kind| kind.name()));
    let columns: Vec<ArrayRef> = vec![Arc::new(names)];
    RecordBatch::try_new(table_types_schema(), columns)
        .map_err(|err| Error::internal(format!("the table types: {err}")))
}

fn table_types_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("table_type", DataType::Utf8, false)]))
}

fn primary_keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

fn foreign_keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("pk_catalog_name", DataType::Utf8, true),
        Field::new("pk_db_schema_name", DataType::Utf8, true),
        Field::new("pk_table_name", DataType::Utf8, false),
        Field::new("pk_column_name", DataType::Utf8, false),
        Field::new("fk_catalog_name", DataType::Utf8, true),
        Field::new("fk_db_schema_name", DataType::Utf8, true),
        Field::new("fk_table_name", DataType::Utf8, false),
        Field::new("fk_column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("fk_key_name", DataType::Utf8, true),
        Field::new("pk_key_name", DataType::Utf8, true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}

/// A filter pattern that cannot be compiled is what fails here.
fn failed(err: &arrow_flight::error::FlightError) -> Error {
    Error::new(ErrorCode::InvalidArguments, format!("the metadata filter cannot be applied: {err}"))
}
