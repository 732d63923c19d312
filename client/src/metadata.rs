//! The catalogue as a client sees it: catalogs, schemas, tables, columns.

use crate::connection::Connection;
use crate::error::malformed;
use crate::statement::{RowStream, decode_schema};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef, UInt32Type};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTables, ProstMessageExt,
    SqlInfo,
};
use bytes::Bytes;
use quern_common::Result;
use std::sync::Arc;

/// Name and version of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// Product name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// A schema and the catalog it is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaName {
    /// Catalog.
    pub catalog: String,
    /// Schema.
    pub schema: String,
}

/// A table as a server lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// Catalog.
    pub catalog: String,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Such as `TABLE` or `VIEW`.
    pub table_type: String,
    /// Its columns, when they were asked for.
    pub columns: Option<SchemaRef>,
}

/// Which tables are listed.
#[derive(Debug, Clone, Default)]
pub struct TableFilter {
    /// Exact name of the catalog.
    pub catalog: Option<String>,
    /// LIKE pattern of the schema.
    pub schema_pattern: Option<String>,
    /// LIKE pattern of the table.
    pub table_pattern: Option<String>,
    /// Whether columns are wanted, too.
    pub include_columns: bool,
}

impl Connection {
    /// Returns the names of the catalogs.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub async fn catalogs(&self) -> Result<Vec<String>> {
        let batches = self.metadata(&CommandGetCatalogs {}).await?;
        let mut names = Vec::new();
        for batch in &batches {
            names.extend(text_column(batch, "catalog_name")?);
        }
        Ok(names)
    }

    /// Returns the schemas of one catalog or of all.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub async fn schemas(&self, catalog: Option<&str>) -> Result<Vec<SchemaName>> {
        let command = CommandGetDbSchemas {
            catalog: catalog.map(str::to_owned),
            db_schema_filter_pattern: None,
        };
        let mut names = Vec::new();
        for batch in &self.metadata(&command).await? {
            let catalogs = text_column(batch, "catalog_name")?;
            let schemas = text_column(batch, "db_schema_name")?;
            names.extend(
                catalogs
                    .into_iter()
                    .zip(schemas)
                    .map(|(catalog, schema)| SchemaName { catalog, schema }),
            );
        }
        Ok(names)
    }

    /// Returns the tables that fit `filter`.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub async fn tables(&self, filter: &TableFilter) -> Result<Vec<TableInfo>> {
        let command = CommandGetTables {
            catalog: filter.catalog.clone(),
            db_schema_filter_pattern: filter.schema_pattern.clone(),
            table_name_filter_pattern: filter.table_pattern.clone(),
            table_types: Vec::new(),
            include_schema: filter.include_columns,
        };
        let mut tables = Vec::new();
        for batch in &self.metadata(&command).await? {
            tables.extend(read_tables(batch, filter.include_columns)?);
        }
        Ok(tables)
    }

    /// Returns name and version of the server.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub async fn server_info(&self) -> Result<ServerInfo> {
        let (name, version) = (SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerVersion);
        let command = CommandGetSqlInfo { info: vec![name as u32, version as u32] };
        let mut info = ServerInfo { name: String::new(), version: String::new() };
        for batch in &self.metadata(&command).await? {
            for (key, text) in sql_info_texts(batch)? {
                match key {
                    key if key == name as u32 => info.name = text,
                    key if key == version as u32 => info.version = text,
                    _ => {}
                }
            }
        }
        Ok(info)
    }

    async fn metadata(&self, command: &impl ProstMessageExt) -> Result<Vec<RecordBatch>> {
        let info = self.flight_info(command).await?;
        RowStream::new(self.clone(), info, None)?.collect().await
    }
}

fn read_tables(batch: &RecordBatch, with_columns: bool) -> Result<Vec<TableInfo>> {
    let mut columns = Vec::new();
    if with_columns {
        let schemas = batch
            .column_by_name("table_schema")
            .and_then(|array| cast(array, &DataType::Binary).ok())
            .ok_or_else(|| malformed("the list of tables has no column \"table_schema\""))?;
        for bytes in schemas.as_binary::<i32>() {
            let schema = decode_schema(Bytes::copy_from_slice(bytes.unwrap_or_default()))?;
            columns.push(Some(Arc::new(schema)));
        }
    } else {
        columns.resize(batch.num_rows(), None);
    }
    let catalogs = text_column(batch, "catalog_name")?;
    let schemas = text_column(batch, "db_schema_name")?;
    let names = text_column(batch, "table_name")?;
    let types = text_column(batch, "table_type")?;
    let rows = catalogs.into_iter().zip(schemas).zip(names).zip(types).zip(columns);
    let table = |((((catalog, schema), name), table_type), columns)| TableInfo {
        catalog,
        schema,
        name,
        table_type,
        columns,
    };
    Ok(rows.map(table).collect())
}

/// Reads a text column; NULL is the empty text.
fn text_column(batch: &RecordBatch, name: &str) -> Result<Vec<String>> {
    let column = batch
        .column_by_name(name)
        .and_then(|array| cast(array, &DataType::Utf8).ok())
        .ok_or_else(|| malformed(format!("the server's answer has no text column \"{name}\"")))?;
    Ok(column.as_string::<i32>().iter().map(|v| v.unwrap_or_default().to_owned()).collect())
}

/// Reads the entries of an answer to GetSqlInfo whose value is a text.
fn sql_info_texts(batch: &RecordBatch) -> Result<Vec<(u32, String)>> {
    let missing = || malformed("the answer to GetSqlInfo has other columns than it should");
    let keys = batch
        .column_by_name("info_name")
        .and_then(|array| array.as_primitive_opt::<UInt32Type>())
        .ok_or_else(missing)?;
    let values =
        batch.column_by_name("value").and_then(|array| array.as_union_opt()).ok_or_else(missing)?;
    let mut texts = Vec::new();
    for row in 0..batch.num_rows() {
        let value = values.value(row);
        if let Some(text) = value.as_string_opt::<i32>().filter(|t| t.len() == 1 && t.is_valid(0)) {
            texts.push((keys.value(row), text.value(0).to_owned()));
        }
    }
    Ok(texts)
}
