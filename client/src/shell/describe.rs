//! The `\d` commands: catalogs, schemas, tables, columns.

use crate::metadata::{TableFilter, TableInfo};
use crate::shell::Shell;
use crate::shell::exec::{Stop, Watch};
use crate::shell::lexer::{TokenKind, tokens};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use quern_common::{Error, ErrorCode};
use std::sync::Arc;

/// Field metadata that servers of Flight SQL send.
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";
const REMARKS: &str = "ARROW:FLIGHT:SQL:REMARKS";

impl Shell {
    /// Writes columns of text as a result.
    pub(super) fn write_texts(
        &mut self,
        names: &[&str],
        columns: Vec<Vec<String>>,
    ) -> Result<(), Stop> {
        let field = |name: &&str| Field::new(*name, DataType::Utf8, true);
        let schema = Schema::new(names.iter().map(field).collect::<Vec<_>>());
        let arrays: Vec<ArrayRef> = columns
            .into_iter()
            .map(|column| Arc::new(StringArray::from(column)) as ArrayRef)
            .collect();
        let batch = RecordBatch::try_new(Arc::new(schema), arrays)
            .map_err(|err| Error::internal(format!("table of the shell: {err}")))?;
        self.write_table(&batch)
    }

    pub(super) async fn list_catalogs(&mut self) -> Result<(), Stop> {
        let connection = self.connection.clone();
        let names = Watch::new(&mut self.io).step(connection.catalogs()).await?;
        self.write_texts(&["catalog"], vec![names])
    }

    pub(super) async fn list_schemas(&mut self) -> Result<(), Stop> {
        let connection = self.connection.clone();
        let names = Watch::new(&mut self.io).step(connection.schemas(None)).await?;
        let (catalogs, schemas) = names.into_iter().map(|name| (name.catalog, name.schema)).unzip();
        self.write_texts(&["catalog", "schema"], vec![catalogs, schemas])
    }

    pub(super) async fn list_tables(&mut self, pattern: &str) -> Result<(), Stop> {
        let (catalog, schema) = self.current().await;
        let filter = TableFilter {
            catalog,
            schema_pattern: schema.clone(),
            table_pattern: Some(pattern.replace('*', "%").replace('?', "_")),
            include_columns: false,
        };
        let mut tables = self.tables(&filter).await?;
        // `_` in a name is a wildcard on the wire.
        tables.retain(|table| {
            fits(pattern, &table.name) && schema.as_ref().is_none_or(|s| *s == table.schema)
        });
        let column = |get: fn(&TableInfo) -> &String| tables.iter().map(get).cloned().collect();
        let columns = vec![column(|t| &t.schema), column(|t| &t.name), column(|t| &t.table_type)];
        self.write_texts(&["schema", "table", "type"], columns)
    }

    pub(super) async fn describe_table(&mut self, name: &str) -> Result<(), Stop> {
        let mut parts = name_parts(name)
            .ok_or_else(|| Stop::Usage(format!("\"{name}\" is not a table's name")))?;
        let (current_catalog, current_schema) = self.current().await;
        let table = parts.pop().unwrap_or_default();
        let schema = parts.pop().or(current_schema);
        let catalog = parts.pop().or(current_catalog);
        let filter = TableFilter {
            catalog,
            schema_pattern: schema.clone(),
            table_pattern: Some(table.clone()),
            include_columns: true,
        };
        let mut found = self.tables(&filter).await?;
        found
            .retain(|info| info.name == table && schema.as_ref().is_none_or(|s| *s == info.schema));
        let Some(columns) = found.first().and_then(|info| info.columns.clone()) else {
            let message = format!("table \"{name}\" does not exist");
            return Err(Error::new(ErrorCode::TableNotFound, message).into());
        };
        let texts = |get: fn(&Field) -> String| columns.fields().iter().map(|f| get(f)).collect();
        let columns = vec![
            texts(|field| field.name().clone()),
            texts(field_type),
            texts(|field| field.metadata().get(REMARKS).cloned().unwrap_or_default()),
        ];
        self.write_texts(&["column", "type", "comment"], columns)
    }

    async fn tables(&mut self, filter: &TableFilter) -> Result<Vec<TableInfo>, Stop> {
        let connection = self.connection.clone();
        Watch::new(&mut self.io).step(connection.tables(filter)).await
    }

    /// The current catalog and schema; a server without sessions has none, and all are searched.
    async fn current(&mut self) -> (Option<String>, Option<String>) {
        self.names.session().await.unwrap_or_default()
    }
}

/// Whether `name` fits a pattern of `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| fits(rest.as_str(), name.get(at..).unwrap_or_default()))
        }
        Some(wanted) => {
            let mut chars = name.chars();
            let first = chars.next();
            first.is_some_and(|c| wanted == '?' || c.eq_ignore_ascii_case(&wanted))
                && fits(rest.as_str(), chars.as_str())
        }
    }
}

/// The one to three parts of a name; what is not quoted is lower-cased.
fn name_parts(name: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut expects_part = true;
    for token in tokens(name) {
        match token.kind {
            TokenKind::Word if expects_part => parts.push(token.text.to_lowercase()),
            TokenKind::QuotedName if expects_part && token.closed => {
                let inner = token.text.get(1..token.text.len() - 1)?;
                let quote = token.text.get(..1)?;
                parts.push(inner.replace(&quote.repeat(2), quote));
            }
            TokenKind::Other if !expects_part && token.text == "." => {}
            _ => return None,
        }
        expects_part = !expects_part;
    }
    (!expects_part && parts.len() <= 3).then_some(parts)
}

fn field_type(field: &Field) -> String {
    match field.metadata().get(TYPE_NAME) {
        Some(name) => name.clone(),
        None => sql_type(field.data_type()),
    }
}

/// Presto's name of an Arrow type.
fn sql_type(data_type: &DataType) -> String {
    let row = |fields: &Fields| {
        let fields: Vec<_> =
            fields.iter().map(|field| format!("{} {}", field.name(), field_type(field))).collect();
        fields.join(", ")
    };
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "varbinary".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Timestamp(unit, zone) => {
            let zone = if zone.is_some() { " with time zone" } else { "" };
            format!("timestamp({}){zone}", digits(*unit))
        }
        DataType::Time32(unit) | DataType::Time64(unit) => format!("time({})", digits(*unit)),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("array({})", field_type(item))
        }
        DataType::Struct(fields) => format!("row({})", row(fields)),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) => {
                let types: Vec<_> = pair.iter().map(|field| field_type(field)).collect();
                format!("map({})", types.join(", "))
            }
            other => sql_type(other),
        },
        DataType::Dictionary(_, value) => sql_type(value),
        DataType::Null => "unknown".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let parts = |name| name_parts(name).unwrap_or_default();
        assert_eq!(parts("T"), ["t"]);
        assert_eq!(parts("hive.Default.\"Big \"\"T\"\"\""), ["hive", "default", "Big \"T\""]);
        for wrong in ["", "a.", ".a", "a b", "a.b.c.d", "\"a"] {
            assert!(parts(wrong).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn patterns_fit() {
        for (pattern, name, expected) in [
            ("*", "flights", true),
            ("f*s", "flights", true),
            ("f?", "f1", true),
            ("F1", "f1", true),
            ("f_1", "fx1", false),
            ("f", "f1", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn types_have_presto_names() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
        assert_eq!(sql_type(&list), "array(bigint)");
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(sql_type(&zoned), "timestamp(6) with time zone");
        let row = DataType::Struct(vec![Field::new("a", DataType::Utf8, true)].into());
        assert_eq!(sql_type(&row), "row(a varchar)");
    }
}
