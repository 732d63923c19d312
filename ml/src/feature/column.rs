//! Arrow columns as the few types that features and targets have.

use super::class::ClassValue;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Integers, floating-point numbers, decimals and booleans, as double. Integers beyond
    /// ±2^53 and decimals beyond 15 digits are rounded.
    Number,
    /// Strings.
    Text,
    /// Classes that are integers.
    Integer,
    /// Classes that are booleans.
    Boolean,
}

impl ColumnKind {
    /// How a feature of this type is read.
    pub(crate) fn of_feature(name: &str, data_type: &DataType) -> Result<Self> {
        if is_text(data_type) {
            Ok(Self::Text)
        } else if data_type.is_numeric() || *data_type == DataType::Boolean {
            Ok(Self::Number)
        } else {
            Err(Error::not_supported(format!("feature \"{name}\" of type {data_type}")).with_hint(
                "use numbers, booleans or strings; extract numbers from dates and timestamps",
            ))
        }
    }

    /// How a number to predict is read.
    pub(crate) fn of_number(name: &str, data_type: &DataType) -> Result<Self> {
        if data_type.is_numeric() || *data_type == DataType::Boolean {
            Ok(Self::Number)
        } else {
            Err(Error::new(
                ErrorCode::InvalidTrainingData,
                format!("target \"{name}\" of type {data_type} is not a number"),
            ))
        }
    }

    /// How classes are read.
    pub(crate) fn of_class(name: &str, data_type: &DataType) -> Result<Self> {
        if is_text(data_type) {
            Ok(Self::Text)
        } else if data_type.is_integer() {
            Ok(Self::Integer)
        } else if *data_type == DataType::Boolean {
            Ok(Self::Boolean)
        } else {
            Err(Error::new(
                ErrorCode::InvalidTrainingData,
                format!("target \"{name}\" of type {data_type} has no classes"),
            )
            .with_hint("use a boolean, an integer or a string"))
        }
    }

    fn arrow_type(self) -> DataType {
        match self {
            Self::Number => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Boolean => DataType::Boolean,
        }
    }

    fn accepts(self, data_type: &DataType) -> bool {
        match self {
            Self::Number => data_type.is_numeric() || *data_type == DataType::Boolean,
            Self::Text => is_text(data_type),
            Self::Integer => data_type.is_integer(),
            Self::Boolean => *data_type == DataType::Boolean,
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a string",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// A column, read.
#[derive(Debug)]
pub(crate) enum Decoded {
    Number(Float64Array),
    Text(StringArray),
    Integer(Int64Array),
    Boolean(BooleanArray),
}

impl Decoded {
    /// Reads a column.
    pub(crate) fn read(name: &str, kind: ColumnKind, column: &ArrayRef) -> Result<Self> {
        let mismatch = || {
            Error::new(
                ErrorCode::TypeMismatch,
                format!(
                    "column \"{name}\" of type {} is not {}",
                    column.data_type(),
                    kind.description()
                ),
            )
        };
        if !kind.accepts(column.data_type()) {
            return Err(mismatch());
        }
        // Not safe: an unsigned integer that does not fit is an error, not NULL.
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let array = cast_with_options(column, &kind.arrow_type(), &options)
            .map_err(|err| mismatch().with_source(err))?;
        let decoded = match kind {
            ColumnKind::Number => {
                array.as_primitive_opt::<Float64Type>().cloned().map(Self::Number)
            }
            ColumnKind::Text => array.as_string_opt::<i32>().cloned().map(Self::Text),
            ColumnKind::Integer => {
                array.as_primitive_opt::<Int64Type>().cloned().map(Self::Integer)
            }
            ColumnKind::Boolean => array.as_boolean_opt().cloned().map(Self::Boolean),
        };
        decoded.ok_or_else(mismatch)
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Number(array) => array.is_null(row),
            Self::Text(array) => array.is_null(row),
            Self::Integer(array) => array.is_null(row),
            Self::Boolean(array) => array.is_null(row),
        }
    }

    pub(crate) fn null_count(&self) -> usize {
        match self {
            Self::Number(array) => array.null_count(),
            Self::Text(array) => array.null_count(),
            Self::Integer(array) => array.null_count(),
            Self::Boolean(array) => array.null_count(),
        }
    }

    /// The class in a row that is not NULL; nothing for a column that has no classes.
    pub(crate) fn class(&self, row: usize) -> Option<ClassValue> {
        match self {
            Self::Number(_) => None,
            Self::Text(array) => Some(ClassValue::Text(array.value(row).to_owned())),
            Self::Integer(array) => Some(ClassValue::Integer(array.value(row))),
            Self::Boolean(array) => Some(ClassValue::Boolean(array.value(row))),
        }
    }

    /// The place of a row's class among `classes`.
    pub(crate) fn class_index(&self, row: usize, classes: &[ClassValue]) -> Option<usize> {
        classes.iter().position(|class| match (self, class) {
            (Self::Text(array), ClassValue::Text(text)) => array.value(row) == text,
            (Self::Integer(array), ClassValue::Integer(n)) => array.value(row) == *n,
            (Self::Boolean(array), ClassValue::Boolean(b)) => array.value(row) == *b,
            _ => false,
        })
    }
}
