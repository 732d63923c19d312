//! Between Hive's types and Arrow's, and the names Presto has for Arrow's.

use super::HiveType;
use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use quern_common::{Error, Result};
use std::sync::Arc;

pub(super) fn to_arrow(hive_type: &HiveType) -> DataType {
    match hive_type {
        HiveType::Boolean => DataType::Boolean,
        HiveType::TinyInt => DataType::Int8,
        HiveType::SmallInt => DataType::Int16,
        HiveType::Int => DataType::Int32,
        HiveType::BigInt => DataType::Int64,
        HiveType::Float => DataType::Float32,
        HiveType::Double => DataType::Float64,
        // A scale is at most 38.
        HiveType::Decimal(precision, scale) => {
            DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX))
        }
        HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => DataType::Utf8,
        HiveType::Binary => DataType::Binary,
        HiveType::Date => DataType::Date32,
        HiveType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        HiveType::TimestampLocal => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        HiveType::Array(element) => {
            DataType::List(Arc::new(Field::new_list_field(to_arrow(element), true)))
        }
        HiveType::Map(key, value) => {
            let entry = Fields::from(vec![
                Field::new("key", to_arrow(key), false),
                Field::new("value", to_arrow(value), true),
            ]);
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
        }
        HiveType::Struct(fields) => DataType::Struct(
            fields.iter().map(|(name, t)| Field::new(name, to_arrow(t), true)).collect(),
        ),
    }
}

pub(super) fn from_arrow(data_type: &DataType) -> Result<HiveType> {
    Ok(match data_type {
        DataType::Boolean => HiveType::Boolean,
        DataType::Int8 => HiveType::TinyInt,
        DataType::Int16 | DataType::UInt8 => HiveType::SmallInt,
        DataType::Int32 | DataType::UInt16 => HiveType::Int,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => HiveType::BigInt,
        DataType::Float16 | DataType::Float32 => HiveType::Float,
        DataType::Float64 => HiveType::Double,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => HiveType::String,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => HiveType::Binary,
        DataType::Date32 | DataType::Date64 => HiveType::Date,
        DataType::Timestamp(_, None) => HiveType::Timestamp,
        DataType::Timestamp(_, Some(_)) => HiveType::TimestampLocal,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            match u8::try_from(*s) {
                Ok(scale) if scale <= *p => HiveType::Decimal(*p, scale),
                _ => return Err(no_hive_type(data_type)),
            }
        }
        DataType::Dictionary(_, value) => from_arrow(value)?,
        DataType::List(f)
        | DataType::LargeList(f)
        | DataType::ListView(f)
        | DataType::LargeListView(f)
        | DataType::FixedSizeList(f, _) => HiveType::Array(Box::new(from_arrow(f.data_type())?)),
        DataType::Map(entries, _) => map_from_arrow(entries)?,
        DataType::Struct(fields) if !fields.is_empty() => {
            let fields: Result<Vec<_>> = fields.iter().map(|f| field_from_arrow(f)).collect();
            HiveType::Struct(fields?)
        }
        _ => return Err(no_hive_type(data_type)),
    })
}

fn map_from_arrow(entries: &Field) -> Result<HiveType> {
    match entries.data_type() {
        DataType::Struct(fields) => match fields.as_ref() {
            [key, value] => Ok(HiveType::Map(
                Box::new(from_arrow(key.data_type())?),
                Box::new(from_arrow(value.data_type())?),
            )),
            _ => Err(no_hive_type(entries.data_type())),
        },
        other => Err(no_hive_type(other)),
    }
}

fn field_from_arrow(field: &Field) -> Result<(String, HiveType)> {
    let name = field.name().to_lowercase();
    if name.is_empty() || name.contains([':', '<', '>', ',', '`', '"', '(', ')']) {
        return Err(Error::not_supported(format_args!("a row field named \"{name}\"")));
    }
    Ok((name, from_arrow(field.data_type())?))
}

fn no_hive_type(data_type: &DataType) -> Error {
    Error::not_supported(format_args!("a column of type {}", presto_type(data_type)))
}

/// Returns the name that SHOW COLUMNS prints: `bigint`, `varchar`, `timestamp(6)`,
/// `row(a bigint)`. A type that Presto lacks has Arrow's name.
pub fn presto_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "unknown".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "integer".to_owned(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "varbinary".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("time({})", digits(unit)),
        DataType::Timestamp(unit, None) => format!("timestamp({})", digits(unit)),
        DataType::Timestamp(unit, Some(_)) => {
            format!("timestamp({}) with time zone", digits(unit))
        }
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => format!("decimal({p},{s})"),
        DataType::Interval(IntervalUnit::YearMonth) => "interval year to month".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "interval day to second".to_owned(),
        DataType::Dictionary(_, value) => presto_type(value),
        DataType::List(f)
        | DataType::LargeList(f)
        | DataType::ListView(f)
        | DataType::LargeListView(f)
        | DataType::FixedSizeList(f, _) => format!("array({})", presto_type(f.data_type())),
        DataType::Map(entries, _) => presto_map(entries),
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(|f| presto_field(f)).collect();
            format!("row({})", fields.join(", "))
        }
        other => other.to_string().to_lowercase(),
    }
}

fn presto_map(entries: &Field) -> String {
    match entries.data_type() {
        DataType::Struct(fields) => {
            let types: Vec<_> = fields.iter().map(|f| presto_type(f.data_type())).collect();
            format!("map({})", types.join(", "))
        }
        other => format!("map({})", presto_type(other)),
    }
}

fn presto_field(field: &Field) -> String {
    let name = field.name();
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let data_type = presto_type(field.data_type());
    match plain {
        true => format!("{name} {data_type}"),
        false => format!("\"{}\" {data_type}", name.replace('"', "\"\"")),
    }
}

fn digits(unit: &TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}
