//! Filters over partition keys, as the metastore's index answers them.
//!
//! [`PartitionFilter::matches`] is the meaning of a filter; a store's index has to give the
//! same answer. Values are compared as their key's type says: integers as numbers (`007` is
//! 7), dates as dates, text by bytes. A comparison with NULL (the default partition) is
//! unknown, and a filter that is unknown does not select.

mod key_value;

pub(crate) use key_value::{Decimal, KeyType, KeyValue, is_null_value};

use super::Column;
use quern_common::{Error, ErrorCode, Result};
use std::cmp::Ordering;

/// How often AND and OR may alternate; each time is a recursion here and in the store.
const MAX_DEPTH: usize = 64;

/// A value that a partition key is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum PartitionValue {
    /// For keys of integer type; also accepted for `double` and `decimal` keys.
    Int(i64),
    /// For keys of type `string`, `varchar` and `char`.
    Text(String),
    /// For `date` keys: days since 1970-01-01.
    Date(i32),
    /// For `timestamp` keys: microseconds since 1970-01-01.
    Timestamp(i64),
    /// For `boolean` keys.
    Bool(bool),
    /// For `float` and `double` keys.
    Double(f64),
    /// For `decimal` keys, such as `-12.50`.
    Decimal(String),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
}

impl CompareOp {
    /// Whether the comparison holds between two values of this order.
    pub const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::NotEq => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::LtEq => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::GtEq => order.is_ge(),
        }
    }
}

/// A condition on the partition keys of a table. Key names are case-insensitive.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum PartitionFilter {
    /// Every partition.
    #[default]
    All,
    /// All of these; with none, every partition.
    And(Vec<Self>),
    /// One of these; with none, no partition.
    Or(Vec<Self>),
    /// `key op value`.
    Compare {
        /// The key.
        key: String,
        /// The comparison.
        op: CompareOp,
        /// The value on its right side.
        value: PartitionValue,
    },
    /// `low <= key AND key <= high`.
    Between {
        /// The key.
        key: String,
        /// The lower bound, which is included.
        low: PartitionValue,
        /// The upper bound, which is included.
        high: PartitionValue,
    },
    /// `key = one of values`; with none, no partition.
    In {
        /// The key.
        key: String,
        /// The values.
        values: Vec<PartitionValue>,
    },
    /// `key LIKE 'prefix%'`, the prefix taken literally. For text keys only.
    LikePrefix {
        /// The key.
        key: String,
        /// What the value starts with.
        prefix: String,
    },
    /// The key is NULL.
    IsNull {
        /// The key.
        key: String,
    },
    /// The key is not NULL.
    IsNotNull {
        /// The key.
        key: String,
    },
}

/// A filter whose keys and values were checked against a table's partition keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CheckedFilter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Leaf(usize, Condition),
}

/// A condition on one key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Compare(CompareOp, KeyValue),
    Between(KeyValue, KeyValue),
    /// Sorted, each value once.
    In(Vec<KeyValue>),
    Prefix(String),
    IsNull,
    IsNotNull,
}

impl PartitionFilter {
    /// Tells whether the partition with these values satisfies the filter.
    ///
    /// # Errors
    /// `COLUMN_NOT_FOUND` for a key that the table lacks, `TYPE_MISMATCH` for a literal that
    /// does not fit its key's type, `HIVE_INVALID_PARTITION_VALUE` for a partition's value that
    /// does not.
    pub fn matches(&self, keys: &[Column], values: &[String]) -> Result<bool> {
        self.check(keys)?.matches(&read_values(keys, values)?)
    }

    pub(crate) fn check(&self, keys: &[Column]) -> Result<CheckedFilter> {
        self.check_at(keys, 0)
    }

    fn check_at(&self, keys: &[Column], depth: usize) -> Result<CheckedFilter> {
        if depth > MAX_DEPTH {
            return Err(Error::not_supported(format_args!(
                "a partition filter in which AND and OR alternate more than {MAX_DEPTH} times"
            )));
        }
        let check_all = |filters: Vec<&Self>| -> Result<Vec<CheckedFilter>> {
            filters.into_iter().map(|filter| filter.check_at(keys, depth + 1)).collect()
        };
        let leaf = |name: &str, condition: &dyn Fn(&Column, KeyType) -> Result<Condition>| {
            let (index, key) = find_key(keys, name)?;
            Ok(CheckedFilter::Leaf(index, condition(key, KeyType::of(key)?)?))
        };
        match self {
            Self::All => Ok(CheckedFilter::And(Vec::new())),
            Self::And(_) => Ok(CheckedFilter::And(check_all(self.flatten())?)),
            Self::Or(_) => Ok(CheckedFilter::Or(check_all(self.flatten())?)),
            Self::Compare { key, op, value } => {
                leaf(key, &|k, t| Ok(Condition::Compare(*op, t.literal(k, value)?)))
            }
            Self::Between { key, low, high } => {
                leaf(key, &|k, t| Ok(Condition::Between(t.literal(k, low)?, t.literal(k, high)?)))
            }
            Self::In { key, values } => leaf(key, &|k, t| {
                let values: Result<Vec<_>> = values.iter().map(|v| t.literal(k, v)).collect();
                let mut values = values?;
                values.sort_by(KeyValue::compare);
                values.dedup_by(|a, b| a.compare(b).is_eq());
                Ok(Condition::In(values))
            }),
            Self::LikePrefix { key, prefix } => leaf(key, &|k, t| {
                t.literal(k, &PartitionValue::Text(prefix.clone()))?;
                Ok(Condition::Prefix(prefix.clone()))
            }),
            Self::IsNull { key } => leaf(key, &|_, _| Ok(Condition::IsNull)),
            Self::IsNotNull { key } => leaf(key, &|_, _| Ok(Condition::IsNotNull)),
        }
    }

    /// The operands of a chain of the same connective, however it is nested: a chain of a
    /// thousand ORs is one level, not a thousand.
    fn flatten(&self) -> Vec<&Self> {
        let mut operands = Vec::new();
        let mut stack = vec![self];
        while let Some(filter) = stack.pop() {
            match (self, filter) {
                (Self::And(_), Self::And(parts)) | (Self::Or(_), Self::Or(parts)) => {
                    stack.extend(parts.iter().rev());
                }
                _ => operands.push(filter),
            }
        }
        operands
    }
}

impl CheckedFilter {
    /// Whether a partition with these typed values is selected.
    pub(crate) fn matches(&self, values: &[Option<KeyValue>]) -> Result<bool> {
        match self {
            Self::And(parts) => {
                for part in parts {
                    if !part.matches(values)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(parts) => {
                for part in parts {
                    if part.matches(values)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Leaf(index, condition) => match values.get(*index) {
                Some(value) => Ok(condition.holds(value.as_ref())),
                None => Err(Error::internal("a partition with fewer values than keys")),
            },
        }
    }
}

impl Condition {
    fn holds(&self, value: Option<&KeyValue>) -> bool {
        let Some(value) = value else { return *self == Self::IsNull };
        match self {
            Self::Compare(op, right) => op.holds(value.compare(right)),
            Self::Between(low, high) => value.compare(low).is_ge() && value.compare(high).is_le(),
            Self::In(values) => values.binary_search_by(|v| v.compare(value)).is_ok(),
            Self::Prefix(prefix) => {
                matches!(value, KeyValue::Text(text) if text.starts_with(prefix.as_str()))
            }
            Self::IsNull => false,
            Self::IsNotNull => true,
        }
    }
}

/// Reads a partition's values as the types of their keys; NULL is `None`.
pub(crate) fn read_values(keys: &[Column], values: &[String]) -> Result<Vec<Option<KeyValue>>> {
    if keys.len() != values.len() {
        return Err(Error::new(
            ErrorCode::HiveInvalidPartitionValue,
            format!(
                "a partition needs a value for each of {} keys, {} given",
                keys.len(),
                values.len()
            ),
        ));
    }
    keys.iter().zip(values).map(|(key, text)| KeyType::of(key)?.read(key, text)).collect()
}

fn find_key<'a>(keys: &'a [Column], name: &str) -> Result<(usize, &'a Column)> {
    let name = name.to_lowercase();
    keys.iter().enumerate().find(|(_, key)| key.name == name).ok_or_else(|| {
        Error::new(
            ErrorCode::ColumnNotFound,
            format!("\"{name}\" is not a partition key of the table"),
        )
    })
}

#[cfg(test)]
mod tests;
