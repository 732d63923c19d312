//! `information_schema` of a catalog: schemata, tables, columns, views (SQL:2016 part 11, the
//! columns that Trino has).

use datafusion::arrow::array::{ArrayRef, Int64Builder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use quern_catalog::hive_type;
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{Column, Table, TableType};
use quern_common::{Error, Result};
use std::sync::Arc;

/// Name of the schema.
pub const NAME: &str = "information_schema";

/// Names of its tables.
pub const TABLES: [&str; 4] = ["schemata", "tables", "columns", "views"];

/// The rows of one of its tables, or none when there is no such table.
///
/// # Errors
/// The metastore's.
pub async fn rows(
    catalog: &str,
    metastore: &dyn Metastore,
    table: &str,
) -> Result<Option<RecordBatch>> {
    let batch = match table {
        "schemata" => schemata(catalog, metastore).await?,
        "tables" => tables(catalog, metastore).await?,
        "columns" => columns(catalog, metastore).await?,
        "views" => views(catalog, metastore).await?,
        _ => return Ok(None),
    };
    Ok(Some(batch))
}

/// Text columns and one optional integer column, built row by row.
struct Rows {
    texts: Vec<(&'static str, StringBuilder)>,
}

impl Rows {
    fn new<const N: usize>(names: [&'static str; N]) -> Self {
        Self { texts: names.into_iter().map(|name| (name, StringBuilder::new())).collect() }
    }

    fn push<const N: usize>(&mut self, values: [Option<&str>; N]) {
        for ((_, builder), value) in self.texts.iter_mut().zip(values) {
            builder.append_option(value);
        }
    }

    fn finish(self, extra: Option<(&'static str, Int64Builder)>) -> Result<RecordBatch> {
        let mut fields = vec![];
        let mut arrays: Vec<ArrayRef> = vec![];
        for (name, mut builder) in self.texts {
            fields.push(Field::new(name, DataType::Utf8, true));
            arrays.push(Arc::new(builder.finish()));
        }
        if let Some((name, mut builder)) = extra {
            fields.push(Field::new(name, DataType::Int64, true));
            arrays.push(Arc::new(builder.finish()));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|err| Error::internal(format!("information_schema: {err}")))
    }
}

async fn schemata(catalog: &str, metastore: &dyn Metastore) -> Result<RecordBatch> {
    let mut rows = Rows::new(["catalog_name", "schema_name"]);
    for schema in metastore.list_databases().await? {
        rows.push([Some(catalog), Some(&schema)]);
    }
    rows.push([Some(catalog), Some(NAME)]);
    rows.finish(None)
}

async fn tables(catalog: &str, metastore: &dyn Metastore) -> Result<RecordBatch> {
    let mut rows = Rows::new(["table_catalog", "table_schema", "table_name", "table_type"]);
    for schema in metastore.list_databases().await? {
        for table in metastore.get_tables(&schema).await? {
            let kind = match table.table_type {
                TableType::View => "VIEW",
                TableType::Managed | TableType::External => "BASE TABLE",
            };
            rows.push([Some(catalog), Some(&schema), Some(&table.name), Some(kind)]);
        }
    }
    for name in TABLES {
        rows.push([Some(catalog), Some(NAME), Some(name), Some("BASE TABLE")]);
    }
    rows.finish(None)
}

async fn columns(catalog: &str, metastore: &dyn Metastore) -> Result<RecordBatch> {
    let mut rows = Rows::new([
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "column_default",
        "is_nullable",
        "data_type",
        "comment",
    ]);
    let mut positions = Int64Builder::new();
    for schema in metastore.list_databases().await? {
        for table in metastore.get_tables(&schema).await? {
            // What cannot be read is listed as the metastore has it.
            let table = table.clone().with_spark_definition().unwrap_or(table);
            push_columns(catalog, &table, &mut rows, &mut positions)?;
        }
    }
    rows.finish(Some(("ordinal_position", positions)))
}

fn push_columns(
    catalog: &str,
    table: &Table,
    rows: &mut Rows,
    positions: &mut Int64Builder,
) -> Result<()> {
    let columns = table.sd.columns.iter().chain(&table.partition_keys);
    for (position, column) in (1..).zip(columns) {
        let data_type = presto_type_of(column)?;
        rows.push([
            Some(catalog),
            Some(&table.database),
            Some(&table.name),
            Some(&column.name),
            None,
            Some("YES"),
            Some(&data_type),
            column.comment.as_deref(),
        ]);
        positions.append_value(position);
    }
    Ok(())
}

fn presto_type_of(column: &Column) -> Result<String> {
    let schema = hive_type::schema_of(std::slice::from_ref(column))?;
    Ok(schema.fields().first().map(|f| hive_type::presto_type(f.data_type())).unwrap_or_default())
}

async fn views(catalog: &str, metastore: &dyn Metastore) -> Result<RecordBatch> {
    let mut rows = Rows::new(["table_catalog", "table_schema", "table_name", "view_definition"]);
    for schema in metastore.list_databases().await? {
        for table in metastore.get_tables(&schema).await? {
            if table.table_type == TableType::View {
                let text = table.view_original_text.as_deref();
                rows.push([Some(catalog), Some(&schema), Some(&table.name), text]);
            }
        }
    }
    rows.finish(None)
}
