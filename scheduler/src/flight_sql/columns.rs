//! Columns as clients see them: types that every driver reads, and the metadata keys from which
//! JDBC and SQLAlchemy take type names and comments.

use super::backend::COMMENT;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, UnionFields};
use std::collections::HashMap;
use std::sync::Arc;

const CATALOG_NAME: &str = "ARROW:FLIGHT:SQL:CATALOG_NAME";
const SCHEMA_NAME: &str = "ARROW:FLIGHT:SQL:SCHEMA_NAME";
const TABLE_NAME: &str = "ARROW:FLIGHT:SQL:TABLE_NAME";
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";
const PRECISION: &str = "ARROW:FLIGHT:SQL:PRECISION";
const SCALE: &str = "ARROW:FLIGHT:SQL:SCALE";
const IS_AUTO_INCREMENT: &str = "ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT";
const IS_CASE_SENSITIVE: &str = "ARROW:FLIGHT:SQL:IS_CASE_SENSITIVE";
const IS_READ_ONLY: &str = "ARROW:FLIGHT:SQL:IS_READ_ONLY";
const IS_SEARCHABLE: &str = "ARROW:FLIGHT:SQL:IS_SEARCHABLE";
const REMARKS: &str = "ARROW:FLIGHT:SQL:REMARKS";

/// What becomes of view types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Views {
    /// Kept: the planner has decided what the session gets.
    Keep,
    /// Written as `Utf8` and `Binary`.
    Plain,
}

/// The schema under which a result is sent: no dictionaries, no run-end encoding, no list
/// views; the planner has decided about string views. Type names are added.
pub(crate) fn result_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let field = client_field(field, Views::Keep);
        let metadata = type_metadata(&field);
        with_metadata(field, metadata)
    });
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// The schema of a table as it is listed.
pub(crate) fn table_schema(catalog: &str, schema: &str, table: &str, columns: &Schema) -> Schema {
    let fields = columns.fields().iter().map(|column| {
        let field = client_field(column, Views::Plain);
        let mut metadata = type_metadata(&field);
        let mut add = |key: &str, value: &str| metadata.insert(key.to_owned(), value.to_owned());
        add(CATALOG_NAME, catalog);
        add(SCHEMA_NAME, schema);
        add(TABLE_NAME, table);
        add(IS_AUTO_INCREMENT, "0");
        add(IS_READ_ONLY, "0");
        add(IS_SEARCHABLE, "1");
        if let Some(comment) = column.metadata().get(COMMENT) {
            add(REMARKS, comment);
        }
        with_metadata(field, metadata)
    });
    Schema::new(fields.collect::<Fields>())
}

/// The schema of a statement's parameters.
pub(crate) fn parameter_schema(parameters: &Schema) -> Schema {
    let fields = parameters.fields().iter().map(|field| client_field(field, Views::Plain));
    Schema::new(fields.collect::<Fields>())
}

fn with_metadata(field: Field, mut added: HashMap<String, String>) -> Field {
    added.extend(field.metadata().iter().map(|(k, v)| (k.clone(), v.clone())));
    field.with_metadata(added)
}

fn type_metadata(field: &Field) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    metadata.insert(TYPE_NAME.to_owned(), type_name(field.data_type()));
    let is_text =
        matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    metadata.insert(IS_CASE_SENSITIVE.to_owned(), if is_text { "1" } else { "0" }.to_owned());
    if let DataType::Decimal32(precision, scale)
    | DataType::Decimal64(precision, scale)
    | DataType::Decimal128(precision, scale)
    | DataType::Decimal256(precision, scale) = field.data_type()
    {
        metadata.insert(PRECISION.to_owned(), precision.to_string());
        metadata.insert(SCALE.to_owned(), scale.to_string());
    }
    metadata
}

fn client_field(field: &Field, views: Views) -> Field {
    let data_type = client_type(field.data_type(), views);
    let metadata = field.metadata().iter().filter(|(key, _)| *key != COMMENT);
    Field::new(field.name(), data_type, field.is_nullable())
        .with_metadata(metadata.map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn client_child(field: &FieldRef, views: Views) -> FieldRef {
    Arc::new(client_field(field, views))
}

/// The type under which clients get values of a type.
pub(crate) fn client_type(data_type: &DataType, views: Views) -> DataType {
    let child = |field: &FieldRef| client_child(field, views);
    match data_type {
        DataType::Dictionary(_, value) => client_type(value, views),
        DataType::RunEndEncoded(_, values) => client_type(values.data_type(), views),
        DataType::Utf8View if views == Views::Plain => DataType::Utf8,
        DataType::BinaryView if views == Views::Plain => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(child(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => {
            DataType::LargeList(child(item))
        }
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(child(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(child(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(child).collect()),
        DataType::Union(fields, mode) => {
            let fields: UnionFields = fields.iter().map(|(id, field)| (id, child(field))).collect();
            DataType::Union(fields, *mode)
        }
        other => other.clone(),
    }
}

/// SQL's name of a type, as Trino spells it, in upper case.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => format!("ARRAY({})", type_name(item.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => format!("MAP({})", join(fields, false)),
            _ => "MAP".to_owned(),
        },
        DataType::Struct(fields) => format!("ROW({})", join(fields, true)),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Dictionary(_, value) => type_name(value),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
        other => simple_type_name(other).to_owned(),
    }
}

fn join(fields: &Fields, with_names: bool) -> String {
    let texts = fields.iter().map(|field| {
        let name = type_name(field.data_type());
        if with_names { format!("{} {name}", field.name()) } else { name }
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn simple_type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 | DataType::UInt8 => "SMALLINT",
        DataType::Int32 | DataType::UInt16 => "INTEGER",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "BIGINT",
        DataType::Float16 | DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "VARBINARY",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        DataType::Interval(arrow::datatypes::IntervalUnit::YearMonth) => "INTERVAL YEAR TO MONTH",
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL DAY TO SECOND",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested() -> DataType {
        let view = Field::new("v", DataType::Utf8View, true);
        let dictionary =
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
        let fields: Fields = vec![view, Field::new("d", dictionary, true)].into();
        DataType::ListView(Arc::new(Field::new_list_field(DataType::Struct(fields), true)))
    }

    #[test]
    fn drivers_get_plain_types_at_every_depth() {
        let expected: Fields =
            vec![Field::new("v", DataType::Utf8, true), Field::new("d", DataType::Utf8, true)]
                .into();
        let expected =
            DataType::List(Arc::new(Field::new_list_field(DataType::Struct(expected), true)));
        assert_eq!(client_type(&nested(), Views::Plain), expected);
        assert_eq!(client_type(&DataType::Utf8View, Views::Keep), DataType::Utf8View);
    }

    #[test]
    fn type_names_are_those_of_sql() {
        assert_eq!(type_name(&nested()), "ARRAY(ROW(v VARCHAR, d VARCHAR))");
        assert_eq!(type_name(&DataType::Decimal128(10, 2)), "DECIMAL(10, 2)");
        let map = DataType::Map(
            Arc::new(Field::new(
                "entries",
                DataType::Struct(
                    vec![
                        Field::new("keys", DataType::Utf8, false),
                        Field::new("values", DataType::Int64, true),
                    ]
                    .into(),
                ),
                false,
            )),
            false,
        );
        assert_eq!(type_name(&map), "MAP(VARCHAR, BIGINT)");
    }

    #[test]
    fn a_listed_column_carries_its_table_its_type_and_its_comment() {
        let comment = HashMap::from([(COMMENT.to_owned(), "metres".to_owned())]);
        let column = Field::new("d", DataType::Decimal128(10, 2), false).with_metadata(comment);
        let listed = table_schema("hive", "default", "t", &Schema::new(vec![column]));
        let field = listed.field(0);
        assert!(!field.is_nullable());
        let expected = [
            (CATALOG_NAME, "hive"),
            (SCHEMA_NAME, "default"),
            (TABLE_NAME, "t"),
            (TYPE_NAME, "DECIMAL(10, 2)"),
            (PRECISION, "10"),
            (SCALE, "2"),
            (IS_AUTO_INCREMENT, "0"),
            (IS_CASE_SENSITIVE, "0"),
            (IS_READ_ONLY, "0"),
            (IS_SEARCHABLE, "1"),
            (REMARKS, "metres"),
        ];
        let expected = expected.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        assert_eq!(*field.metadata(), expected);
    }
}
