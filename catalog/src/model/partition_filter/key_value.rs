//! Values of partition keys: text in a partition, typed in a comparison.

use super::PartitionValue;
use crate::hive_type::HiveType;
use crate::model::{Column, HIVE_DEFAULT_PARTITION};
use chrono::{Datelike, NaiveDate, NaiveDateTime};
use quern_common::{Error, ErrorCode, Result};
use std::cmp::Ordering;

/// Days from the first day of year 1 to 1970-01-01, as chrono counts.
const EPOCH_DAY: i32 = 719_163;

/// How the values of a partition key are read and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyType {
    /// With the least and the greatest value.
    Int(i64, i64),
    Double,
    Decimal,
    Text,
    Date,
    Timestamp,
    Bool,
}

/// A value of a partition key that is not NULL. Dates are `Int` days, timestamps `Int`
/// microseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum KeyValue {
    Int(i64),
    Double(f64),
    Decimal(Decimal),
    Text(String),
    Bool(bool),
}

impl KeyValue {
    /// Compares two values of one key.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Double(a), Self::Double(b)) => a.total_cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            // Both sides are made for one key and so have one type.
            _ => self.rank().cmp(&other.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Int(_) => 0,
            Self::Double(_) => 1,
            Self::Decimal(_) => 2,
            Self::Text(_) => 3,
            Self::Bool(_) => 4,
        }
    }
}

impl PartitionValue {
    /// Reads a text as a value of a key's type; none when it is none.
    ///
    /// # Errors
    /// `HIVE_INVALID_METADATA` when the key's type cannot be a partition key's.
    pub fn parse(key: &Column, text: &str) -> Result<Option<Self>> {
        Ok(match KeyType::of(key)? {
            KeyType::Int(min, max) => {
                text.parse().ok().filter(|n| (min..=max).contains(n)).map(Self::Int)
            }
            KeyType::Double => text.parse().ok().map(Self::Double),
            KeyType::Decimal => Decimal::parse(text).map(|_| Self::Decimal(text.to_owned())),
            KeyType::Text => Some(Self::Text(text.to_owned())),
            KeyType::Date => read_date(text).map(Self::Date),
            KeyType::Timestamp => read_timestamp(text).map(Self::Timestamp),
            KeyType::Bool => text.to_ascii_lowercase().parse().ok().map(Self::Bool),
        })
    }
}

/// Whether the text of a partition's value stands for NULL.
pub(crate) fn is_null_value(text: &str) -> bool {
    text.is_empty() || text == HIVE_DEFAULT_PARTITION
}

impl KeyType {
    /// The type of a key's values.
    ///
    /// # Errors
    /// `HIVE_INVALID_METADATA` for a type that has no order a partition name could carry.
    pub(crate) fn of(key: &Column) -> Result<Self> {
        Ok(match HiveType::parse(&key.hive_type)? {
            HiveType::TinyInt => Self::Int(i8::MIN.into(), i8::MAX.into()),
            HiveType::SmallInt => Self::Int(i16::MIN.into(), i16::MAX.into()),
            HiveType::Int => Self::Int(i32::MIN.into(), i32::MAX.into()),
            HiveType::BigInt => Self::Int(i64::MIN, i64::MAX),
            HiveType::Float | HiveType::Double => Self::Double,
            HiveType::Decimal(_, _) => Self::Decimal,
            HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => Self::Text,
            HiveType::Date => Self::Date,
            HiveType::Timestamp | HiveType::TimestampLocal => Self::Timestamp,
            HiveType::Boolean => Self::Bool,
            HiveType::Binary | HiveType::Array(_) | HiveType::Map(..) | HiveType::Struct(_) => {
                return Err(Error::new(
                    ErrorCode::HiveInvalidMetadata,
                    format!("partition key \"{}\" cannot be of type {}", key.name, key.hive_type),
                ));
            }
        })
    }

    /// Reads a partition's value; the default partition is NULL.
    pub(crate) fn read(self, key: &Column, text: &str) -> Result<Option<KeyValue>> {
        if is_null_value(text) {
            return Ok(None);
        }
        let value = match self {
            Self::Int(min, max) => {
                text.parse().ok().filter(|n| (min..=max).contains(n)).map(KeyValue::Int)
            }
            Self::Double => text.parse().ok().map(double),
            Self::Decimal => Decimal::parse(text).map(KeyValue::Decimal),
            Self::Text => Some(KeyValue::Text(text.to_owned())),
            Self::Date => read_date(text).map(|days| KeyValue::Int(days.into())),
            Self::Timestamp => read_timestamp(text).map(KeyValue::Int),
            Self::Bool => match text.to_ascii_lowercase().as_str() {
                "true" => Some(KeyValue::Bool(true)),
                "false" => Some(KeyValue::Bool(false)),
                _ => None,
            },
        };
        value.map(Some).ok_or_else(|| {
            Error::new(
                ErrorCode::HiveInvalidPartitionValue,
                format!("\"{text}\" is no {} for partition key \"{}\"", key.hive_type, key.name),
            )
        })
    }

    /// Checks a literal that the key is compared with.
    pub(crate) fn literal(self, key: &Column, value: &PartitionValue) -> Result<KeyValue> {
        let literal = match (self, value) {
            (Self::Int(..), PartitionValue::Int(n))
            | (Self::Timestamp, PartitionValue::Timestamp(n)) => Some(KeyValue::Int(*n)),
            (Self::Date, PartitionValue::Date(days)) => Some(KeyValue::Int((*days).into())),
            (Self::Double, PartitionValue::Double(x)) => Some(double(*x)),
            (Self::Double, PartitionValue::Int(n)) => Some(double(*n as f64)),
            (Self::Decimal, PartitionValue::Decimal(text)) => {
                Decimal::parse(text).map(KeyValue::Decimal)
            }
            (Self::Decimal, PartitionValue::Int(n)) => {
                Decimal::parse(&n.to_string()).map(KeyValue::Decimal)
            }
            (Self::Text, PartitionValue::Text(text)) => Some(KeyValue::Text(text.clone())),
            (Self::Bool, PartitionValue::Bool(b)) => Some(KeyValue::Bool(*b)),
            _ => None,
        };
        literal.ok_or_else(|| {
            Error::new(
                ErrorCode::TypeMismatch,
                format!(
                    "partition key \"{}\" of type {} cannot be compared with {value:?}",
                    key.name, key.hive_type
                ),
            )
        })
    }
}

/// One zero: SQL's `-0.0 = 0.0` holds. NaN equals itself and is the greatest, as in ORDER BY.
fn double(x: f64) -> KeyValue {
    KeyValue::Double(match x {
        _ if x == 0.0 => 0.0,
        _ if x.is_nan() => f64::NAN.copysign(1.0),
        _ => x,
    })
}

fn read_date(text: &str) -> Option<i32> {
    // chrono skips leading space, which a date in a path never has.
    if text.starts_with(char::is_whitespace) {
        return None;
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.num_days_from_ce() - EPOCH_DAY)
}

fn read_timestamp(text: &str) -> Option<i64> {
    if let Some(days) = read_date(text) {
        return i64::from(days).checked_mul(86_400_000_000);
    }
    if text.starts_with(char::is_whitespace) {
        return None;
    }
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(time.and_utc().timestamp_micros())
}

/// A decimal number of any length: `1`, `1.0` and `01.00` are one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    /// Whether it is below zero.
    pub(crate) negative: bool,
    /// Digits before the point without leading zeros.
    pub(crate) integer: String,
    /// Digits behind the point without trailing zeros.
    pub(crate) fraction: String,
}

impl Decimal {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = integer.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
        if !all_digits || (integer.is_empty() && fraction.is_empty()) {
            return None;
        }
        let integer = integer.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        let negative = negative && !(integer.is_empty() && fraction.is_empty());
        Some(Self { negative, integer, fraction })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = |d: &Self| (d.integer.len(), d.integer.clone(), d.fraction.clone());
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitude(self).cmp(&magnitude(other)),
            (true, true) => magnitude(other).cmp(&magnitude(self)),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
