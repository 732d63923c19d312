//! Hive's column types: their text, the Arrow types that stand for them, and how SQL spells
//! them.
//!
//! Three texts name one type: Hive's (`struct<a:int>`, stored by the metastore), what a
//! statement may say (`row(a integer)`, [`hive_type_from_sql`]) and what SHOW COLUMNS prints
//! (`row(a integer)`, [`presto_type`]).

mod arrow_type;
mod parser;

pub use arrow_type::presto_type;

use crate::model::Column;
use arrow::datatypes::{DataType, Field, Schema};
use parser::Spelling;
use quern_common::{Error, ErrorCode, Result};
use std::fmt;

/// A column type of Hive. `Display` writes its canonical, lower-case text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HiveType {
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Float,
    Double,
    Decimal(u8, u8),
    String,
    Varchar(u32),
    Char(u32),
    Binary,
    Date,
    Timestamp,
    TimestampLocal,
    Array(Box<Self>),
    Map(Box<Self>, Box<Self>),
    Struct(Vec<(String, Self)>),
}

impl fmt::Display for HiveType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::TinyInt => f.write_str("tinyint"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Int => f.write_str("int"),
            Self::BigInt => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Self::String => f.write_str("string"),
            Self::Varchar(length) => write!(f, "varchar({length})"),
            Self::Char(length) => write!(f, "char({length})"),
            Self::Binary => f.write_str("binary"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::TimestampLocal => f.write_str("timestamp with local time zone"),
            Self::Array(element) => write!(f, "array<{element}>"),
            Self::Map(key, value) => write!(f, "map<{key},{value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, (name, field_type)) in fields.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "," };
                    write!(f, "{separator}{name}:{field_type}")?;
                }
                f.write_str(">")
            }
        }
    }
}

impl HiveType {
    /// Reads Hive's text.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        parser::parse(text, Spelling::Hive)
    }
}

/// Turns Hive type text into the Arrow type that columns of it have.
///
/// # Errors
/// `TYPE_NOT_FOUND` when the text is no Hive type.
pub fn data_type_of(hive_type: &str) -> Result<DataType> {
    Ok(arrow_type::to_arrow(&HiveType::parse(hive_type)?))
}

/// Turns an Arrow type into canonical Hive type text.
///
/// Unsigned integers become the signed type that Presto would have used (`UInt64` is
/// `bigint`), so the writer's cast has to be a checked one.
///
/// # Errors
/// `NOT_SUPPORTED` when Hive has no such type.
pub fn hive_type_of(data_type: &DataType) -> Result<String> {
    arrow_type::from_arrow(data_type).map(|t| t.to_string())
}

/// Turns a type as a statement may spell it (`integer`, `varchar`, `double precision`,
/// `row(a bigint)`, `array(integer)`, and every Hive spelling) into canonical Hive text.
///
/// # Errors
/// `TYPE_NOT_FOUND` when the text is no type.
pub fn hive_type_from_sql(text: &str) -> Result<String> {
    parser::parse(text, Spelling::Sql).map(|t| t.to_string())
}

/// Builds the Arrow schema of columns; every field is nullable, as in Hive.
///
/// # Errors
/// `TYPE_NOT_FOUND` naming the column whose type is unknown.
pub fn schema_of(columns: &[Column]) -> Result<Schema> {
    let fields: Result<Vec<Field>> = columns
        .iter()
        .map(|column| {
            let data_type = data_type_of(&column.hive_type).map_err(|err| {
                Error::new(err.code(), format!("column \"{}\": {}", column.name, err.message()))
            })?;
            Ok(Field::new(&column.name, data_type, true))
        })
        .collect();
    Ok(Schema::new(fields?))
}

/// Whether a column of type `from` may become one of type `to`: what Hive converts without
/// being asked. A number may become a wider one, and what is written as text may become text.
pub(crate) fn is_widened_by(from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    let (Ok(from), Ok(to)) = (HiveType::parse(from), HiveType::parse(to)) else { return false };
    let is_text =
        |t: &HiveType| matches!(t, HiveType::String | HiveType::Varchar(_) | HiveType::Char(_));
    match (&from, &to) {
        _ if from == to => true,
        (HiveType::Decimal(..), HiveType::Decimal(..)) => true,
        (from, HiveType::Double | HiveType::Decimal(..)) if is_text(from) => true,
        (from, to) if is_text(to) => {
            is_text(from)
                || width(from).is_some()
                || matches!(from, HiveType::Date | HiveType::Timestamp)
        }
        (from, to) => matches!((width(from), width(to)), (Some(from), Some(to)) if from <= to),
    }
}

/// Numbers by how much they hold.
fn width(number: &HiveType) -> Option<u8> {
    Some(match number {
        HiveType::TinyInt => 1,
        HiveType::SmallInt => 2,
        HiveType::Int => 3,
        HiveType::BigInt => 4,
        HiveType::Float => 5,
        HiveType::Double => 6,
        HiveType::Decimal(..) => 7,
        _ => return None,
    })
}

fn unknown_type(text: &str) -> Error {
    Error::new(ErrorCode::TypeNotFound, format!("unknown type \"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::TimeUnit;

    #[test]
    fn hive_text_survives_the_way_to_arrow_and_back() {
        for text in [
            "boolean",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "float",
            "double",
            "decimal(38,10)",
            "string",
            "binary",
            "date",
            "timestamp",
            "timestamp with local time zone",
            "array<array<int>>",
            "map<string,array<decimal(10,2)>>",
            "struct<a:int,b c:struct<d:map<string,date>>,e.f:timestamp with local time zone>",
        ] {
            let data_type = data_type_of(text).unwrap();
            assert_eq!(hive_type_of(&data_type).unwrap(), text);
            assert_eq!(hive_type_from_sql(text).unwrap(), text);
        }
        assert_eq!(
            data_type_of("TimeStamp").unwrap(),
            DataType::Timestamp(TimeUnit::Microsecond, None)
        );
        assert_eq!(data_type_of("varchar(10)").unwrap(), DataType::Utf8);
        assert_eq!(data_type_of("decimal").unwrap(), DataType::Decimal128(10, 0));
    }

    #[test]
    fn sql_spellings_become_canonical_hive_text() {
        for (sql, hive) in [
            ("INTEGER", "int"),
            ("varchar", "string"),
            ("VARCHAR(12)", "varchar(12)"),
            ("varchar(2147483646)", "string"),
            ("char", "char(1)"),
            ("varbinary", "binary"),
            ("real", "float"),
            ("double   precision", "double"),
            ("decimal", "decimal(38,0)"),
            ("numeric(10)", "decimal(10,0)"),
            ("timestamp(3)", "timestamp"),
            ("timestamp(6) without time zone", "timestamp"),
            ("timestamp with time zone", "timestamp with local time zone"),
            ("timestamp(3) with time zone", "timestamp with local time zone"),
            ("array(integer)", "array<int>"),
            ("bigint array", "array<bigint>"),
            ("map(varchar, row(A bigint, \"b c\" real))", "map<string,struct<a:bigint,b c:float>>"),
            (
                "ROW(ts timestamp(6) with time zone, d double precision)",
                "struct<ts:timestamp with local time zone,d:double>",
            ),
            ("struct<a int, b: ARRAY<string>>", "struct<a:int,b:array<string>>"),
        ] {
            assert_eq!(hive_type_from_sql(sql).unwrap(), hive, "{sql}");
        }
    }

    #[test]
    fn columns_may_become_wider() {
        for (from, to) in [
            ("int", "int"),
            ("tinyint", "bigint"),
            ("bigint", "double"),
            ("int", "string"),
            ("date", "varchar(10)"),
            ("string", "double"),
            ("decimal(10,2)", "decimal(12,2)"),
            ("array<int>", "array<int>"),
        ] {
            assert!(is_widened_by(from, to), "{from} {to}");
        }
        for (from, to) in [
            ("bigint", "int"),
            ("string", "int"),
            ("double", "bigint"),
            ("boolean", "string"),
            ("int", "date"),
            ("array<int>", "array<bigint>"),
            ("string", "array<string>"),
        ] {
            assert!(!is_widened_by(from, to), "{from} {to}");
        }
    }

    #[test]
    fn presto_names_are_printed() {
        for (hive, presto) in [
            ("int", "integer"),
            ("string", "varchar"),
            ("binary", "varbinary"),
            ("float", "real"),
            ("timestamp", "timestamp(6)"),
            ("timestamp with local time zone", "timestamp(6) with time zone"),
            ("decimal(10,2)", "decimal(10,2)"),
            (
                "struct<a:bigint,b c:array<map<string,double>>>",
                "row(a bigint, \"b c\" array(map(varchar, double)))",
            ),
        ] {
            assert_eq!(presto_type(&data_type_of(hive).unwrap()), presto);
        }
    }

    #[test]
    fn nonsense_is_type_not_found_and_named() {
        let deep = format!("{}int{}", "array<".repeat(500), ">".repeat(500));
        for text in [
            "",
            " ",
            "blob",
            "int(",
            "int)",
            "int int",
            "array",
            "array<>",
            "array<int",
            "map<int>",
            "struct<>",
            "struct<a>",
            "struct<a:int,>",
            "decimal(39,0)",
            "decimal(3,4)",
            "decimal(0)",
            "decimal(-1)",
            "varchar(0)",
            "char(256)",
            "decimal(99999999999)",
            "timestamp with",
            "string;drop table x",
            "\u{1f600}",
            "array<int>>",
            &deep,
        ] {
            for result in [data_type_of(text).map(|_| ()), hive_type_from_sql(text).map(|_| ())] {
                let err = result.expect_err(text);
                assert_eq!(err.code(), ErrorCode::TypeNotFound, "{text}");
            }
        }
        assert!(data_type_of("integer").is_err(), "metastore text has Hive's names only");
        let err = schema_of(&[Column::new("c", "blob")]).unwrap_err();
        assert_eq!(err.message(), "column \"c\": unknown type \"blob\"");
        assert!(hive_type_from_sql("timestamp(9)").is_err());
    }
}
