//! SHOW CREATE, in Presto's spelling.

use super::DdlExecutor;
use super::describe::presto_type_of;
use crate::catalogs::ResolvedTable;
use crate::session::Session;
use crate::statement::quoting::{literal, quoted};
use crate::statement::{SchemaName, TableName};
use quern_catalog::model::{
    COMMENT, Column, EXTERNAL, LAST_DDL_TIME, Parameters, StorageFormat, Table, TableType,
    is_statistics_parameter,
};
use quern_common::{Error, ErrorCode, Result};

impl DdlExecutor {
    pub(super) async fn show_create_table(
        &self,
        session: &Session,
        name: &TableName,
    ) -> Result<String> {
        let target = self.resolve(session, name).await?;
        let table = self.base_table(&target).await?;
        create_table_text(&target, &table)
    }

    pub(super) async fn show_create_view(
        &self,
        session: &Session,
        name: &TableName,
    ) -> Result<String> {
        let target = self.resolve(session, name).await?;
        let view = self.find_table(&target).await?;
        match (view.table_type, view.view_original_text) {
            (TableType::View, Some(text)) => {
                let comment = comment_clause(view.parameters.get(COMMENT));
                Ok(format!("CREATE VIEW {}{comment} AS\n{text}", target.quoted()))
            }
            (TableType::View, None) => Err(Error::new(
                ErrorCode::HiveInvalidMetadata,
                format!("view \"{target}\" has no text"),
            )),
            _ => Err(Error::new(ErrorCode::GenericUserError, format!("\"{target}\" is a table"))),
        }
    }

    pub(super) async fn show_create_schema(
        &self,
        session: &Session,
        name: &SchemaName,
    ) -> Result<String> {
        let target = self.catalogs.resolve_schema(name, &session.settings()).await?;
        let database = target.metastore.get_database(&target.schema).await?;
        let mut text =
            format!("CREATE SCHEMA {}.{}", quoted(&target.catalog), quoted(&target.schema));
        text.push_str(&comment_clause(database.description.as_ref()));
        if !database.location.is_empty() {
            text.push_str(&format!("\nWITH (\n   location = {}\n)", literal(&database.location)));
        }
        Ok(text)
    }
}

fn create_table_text(target: &ResolvedTable, table: &Table) -> Result<String> {
    let columns = table.sd.columns.iter().chain(&table.partition_keys).map(column_text);
    let columns = columns.collect::<Result<Vec<_>>>()?.join(",\n");
    let comment = comment_clause(table.parameters.get(COMMENT));
    let properties = properties_of(table)?;
    let properties: Vec<_> =
        properties.into_iter().map(|(name, value)| format!("   {name} = {value}")).collect();
    Ok(format!(
        "CREATE TABLE {} (\n{columns}\n){comment}\nWITH (\n{}\n)",
        target.quoted(),
        properties.join(",\n")
    ))
}

fn column_text(column: &Column) -> Result<String> {
    let comment = match &column.comment {
        Some(comment) => format!(" COMMENT {}", literal(comment)),
        None => String::new(),
    };
    Ok(format!("   {} {}{comment}", quoted(&column.name), presto_type_of(column)?))
}

/// The properties of `WITH (…)`, as names and texts of values.
fn properties_of(table: &Table) -> Result<Vec<(&'static str, String)>> {
    let format = StorageFormat::of_descriptor(&table.sd).ok_or_else(|| {
        Error::new(
            ErrorCode::HiveUnsupportedFormat,
            format!(
                "table \"{}.{}\" has the input format \"{}\" and the SerDe \"{}\", which Quern does not know",
                table.database, table.name, table.sd.input_format, table.sd.serde.library
            ),
        )
    })?;
    let mut properties = vec![];
    if table.table_type == TableType::External {
        properties.push(("external_location", literal(&table.sd.location)));
    }
    properties.push(("format", literal(format.name())));
    if !table.partition_keys.is_empty() {
        let keys = table.partition_keys.iter().map(|key| literal(&key.name));
        properties.push(("partitioned_by", array(keys)));
    }
    let mut parameters = table.parameters.clone();
    parameters.retain(|key, _| !is_statistics_parameter(key));
    for key in [COMMENT, EXTERNAL, LAST_DDL_TIME] {
        parameters.remove(key);
    }
    for (name, key) in [
        ("skip_header_line_count", "skip.header.line.count"),
        ("skip_footer_line_count", "skip.footer.line.count"),
    ] {
        if let Some(count) = parameters.remove(key) {
            properties.push((name, count));
        }
    }
    properties.append(&mut serde_properties(format, &table.sd.serde.parameters));
    if !parameters.is_empty() {
        properties.push(("extra_properties", map(&parameters)));
    }
    Ok(properties)
}

fn serde_properties(format: StorageFormat, parameters: &Parameters) -> Vec<(&'static str, String)> {
    let names: &[(&'static str, &str)] = match format {
        StorageFormat::Csv => &[
            ("csv_separator", "separatorChar"),
            ("csv_quote", "quoteChar"),
            ("csv_escape", "escapeChar"),
        ],
        StorageFormat::TextFile => &[
            ("textfile_field_separator", "field.delim"),
            ("textfile_field_separator_escape", "escape.delim"),
            ("null_format", "serialization.null.format"),
        ],
        _ => &[],
    };
    let mut rest = parameters.clone();
    let mut properties = vec![];
    for (name, key) in names {
        // Anything but one character has no spelling of its own.
        let plain = |value: &&String| *name == "null_format" || value.chars().count() == 1;
        if let Some(value) = parameters.get(*key).filter(plain) {
            rest.remove(*key);
            properties.push((*name, literal(value)));
        }
    }
    // It repeats the delimiter, or is the default that Hive writes.
    let repeated = |value: &String| value == "1" || Some(value) == parameters.get("field.delim");
    if rest.get("serialization.format").is_some_and(repeated) {
        rest.remove("serialization.format");
    }
    if !rest.is_empty() {
        properties.push(("serde_properties", map(&rest)));
    }
    properties
}

pub(super) fn comment_clause(comment: Option<&String>) -> String {
    comment.map(|text| format!("\nCOMMENT {}", literal(text))).unwrap_or_default()
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("ARRAY[{}]", items.collect::<Vec<_>>().join(", "))
}

fn map(entries: &Parameters) -> String {
    let keys = array(entries.keys().map(|key| literal(key)));
    let values = array(entries.values().map(|value| literal(value)));
    format!("MAP({keys}, {values})")
}
