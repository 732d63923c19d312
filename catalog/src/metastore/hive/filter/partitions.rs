//! Filters over partition keys.

use super::{Expression, Literal};
use crate::metastore::hive::answer::{Answer, from_store, meta};
use crate::metastore::hive::pattern::anchored;
use crate::model::{Column, CompareOp, KeyType, PartitionFilter, PartitionValue, Table};
use regex::Regex;

/// What a filter selects of a table's partitions.
#[derive(Debug, Default)]
pub(in crate::metastore::hive) struct PartitionSelection {
    /// Selects these and perhaps more; the index answers it.
    pub(in crate::metastore::hive) filter: PartitionFilter,
    /// What has to hold beside it. A pattern is none of the index's conditions.
    residual: Option<Residual>,
}

/// The part of a filter that is evaluated here, as it was written.
#[derive(Debug)]
enum Residual {
    And(Vec<Self>),
    Or(Vec<Self>),
    Filter(PartitionFilter),
    /// The text of the key with this number.
    Like(usize, Regex),
}

/// A condition for the index, and the whole of it where that selects too much.
struct Translated {
    filter: PartitionFilter,
    residual: Option<Residual>,
}

impl PartitionSelection {
    /// Reads a filter of a table's partitions.
    pub(in crate::metastore::hive) fn parse(table: &Table, text: &str) -> Answer<Self> {
        let Some(expression) = Expression::parse(text)? else { return Ok(Self::default()) };
        let translated = translate(&table.partition_keys, &expression)?;
        Ok(Self { filter: translated.filter, residual: translated.residual })
    }

    /// Whether the index answers all of it.
    pub(in crate::metastore::hive) fn is_exact(&self) -> bool {
        self.residual.is_none()
    }

    /// Whether a partition that the index selected has to be kept.
    pub(in crate::metastore::hive) fn keeps(
        &self,
        keys: &[Column],
        values: &[String],
    ) -> Answer<bool> {
        match &self.residual {
            Some(residual) => residual.holds(keys, values),
            None => Ok(true),
        }
    }
}

impl Residual {
    fn holds(&self, keys: &[Column], values: &[String]) -> Answer<bool> {
        match self {
            Self::And(parts) => {
                for part in parts {
                    if !part.holds(keys, values)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(parts) => {
                for part in parts {
                    if part.holds(keys, values)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Filter(filter) => filter.matches(keys, values).map_err(from_store),
            Self::Like(key, pattern) => {
                let value = values.get(*key).map(String::as_str).unwrap_or_default();
                Ok(!crate::model::is_null_value(value) && pattern.is_match(value))
            }
        }
    }
}

fn translate(keys: &[Column], expression: &Expression) -> Answer<Translated> {
    let exact = |filter| Ok(Translated { filter, residual: None });
    match expression {
        Expression::And(parts) => all(keys, parts, PartitionFilter::And, Residual::And),
        Expression::Or(parts) => all(keys, parts, PartitionFilter::Or, Residual::Or),
        Expression::Compare { key, op, literal } => exact(compare(keys, key, *op, literal)?),
        Expression::Between { key, low, high, negated } => exact(match negated {
            false => {
                let (_, column) = find_key(keys, key)?;
                let (low, high) = (value(column, low)?, value(column, high)?);
                PartitionFilter::Between { key: column.name.clone(), low, high }
            }
            true => PartitionFilter::Or(vec![
                compare(keys, key, CompareOp::Lt, low)?,
                compare(keys, key, CompareOp::Gt, high)?,
            ]),
        }),
        Expression::In { key, literals, negated } => exact(in_list(keys, key, literals, *negated)?),
        Expression::InTuples { keys: names, tuples, negated } => {
            exact(in_tuples(keys, names, tuples, *negated)?)
        }
        Expression::Like { key, pattern } => like(keys, key, pattern),
    }
}

fn all(
    keys: &[Column],
    parts: &[Expression],
    filter: fn(Vec<PartitionFilter>) -> PartitionFilter,
    residual: fn(Vec<Residual>) -> Residual,
) -> Answer<Translated> {
    let mut filters = Vec::with_capacity(parts.len());
    let mut residuals = Vec::with_capacity(parts.len());
    let mut exact = true;
    for part in parts {
        let part = translate(keys, part)?;
        exact &= part.residual.is_none();
        let whole = part.residual.unwrap_or_else(|| Residual::Filter(part.filter.clone()));
        residuals.push(whole);
        filters.push(part.filter);
    }
    Ok(Translated { filter: filter(filters), residual: (!exact).then(|| residual(residuals)) })
}

fn find_key<'a>(keys: &'a [Column], name: &str) -> Answer<(usize, &'a Column)> {
    let found = keys.iter().enumerate().find(|(_, key)| key.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        meta(format!("Specified key <{name}> is not a partitioning key for the table"))
    })
}

fn compare(
    keys: &[Column],
    key: &str,
    op: CompareOp,
    literal: &Literal,
) -> Answer<PartitionFilter> {
    let (_, column) = find_key(keys, key)?;
    let value = value(column, literal)?;
    Ok(PartitionFilter::Compare { key: column.name.clone(), op, value })
}

fn in_list(
    keys: &[Column],
    key: &str,
    literals: &[Literal],
    negated: bool,
) -> Answer<PartitionFilter> {
    let (_, column) = find_key(keys, key)?;
    let values = literals.iter().map(|l| value(column, l)).collect::<Answer<Vec<_>>>()?;
    let key = column.name.clone();
    if !negated {
        return Ok(PartitionFilter::In { key, values });
    }
    let unequal =
        |value| PartitionFilter::Compare { key: key.clone(), op: CompareOp::NotEq, value };
    Ok(PartitionFilter::And(values.into_iter().map(unequal).collect()))
}

fn in_tuples(
    keys: &[Column],
    names: &[String],
    tuples: &[Vec<Literal>],
    negated: bool,
) -> Answer<PartitionFilter> {
    let op = if negated { CompareOp::NotEq } else { CompareOp::Eq };
    let one = |tuple: &Vec<Literal>| {
        let conditions = names.iter().zip(tuple).map(|(name, l)| compare(keys, name, op, l));
        let conditions = conditions.collect::<Answer<Vec<_>>>()?;
        Ok(match negated {
            true => PartitionFilter::Or(conditions),
            false => PartitionFilter::And(conditions),
        })
    };
    let conditions = tuples.iter().map(one).collect::<Answer<Vec<_>>>()?;
    Ok(match negated {
        true => PartitionFilter::And(conditions),
        false => PartitionFilter::Or(conditions),
    })
}

/// The text before the pattern's first special character is a prefix for the index.
fn like(keys: &[Column], key: &str, pattern: &str) -> Answer<Translated> {
    let (index, column) = find_key(keys, key)?;
    let regex = anchored(pattern, false)?;
    let is_text = matches!(KeyType::of(column), Ok(KeyType::Text));
    let special = |c: char| "\\^$.|?*+()[]{}".contains(c);
    let mut prefix = pattern.get(..pattern.find(special).unwrap_or(pattern.len()));
    // A quantifier is about the character before it; alternatives have no common prefix.
    if pattern.contains('|') {
        prefix = None;
    } else if pattern.contains(['?', '*', '+', '{']) {
        prefix = prefix.map(|text| {
            let next = pattern.get(text.len()..).unwrap_or_default();
            let end = if next.starts_with(['?', '*', '+', '{']) {
                text.char_indices().next_back().map_or(0, |(at, _)| at)
            } else {
                text.len()
            };
            text.get(..end).unwrap_or_default()
        });
    }
    let filter = match prefix {
        Some(prefix) if is_text && !prefix.is_empty() => {
            PartitionFilter::LikePrefix { key: column.name.clone(), prefix: prefix.to_owned() }
        }
        _ => PartitionFilter::IsNotNull { key: column.name.clone() },
    };
    Ok(Translated { filter, residual: Some(Residual::Like(index, regex)) })
}

/// A literal as a value of a key, by Hive's rules: text for text, integers for integers. Types
/// that Hive refuses to compare are compared with the text of a value.
fn value(key: &Column, literal: &Literal) -> Answer<PartitionValue> {
    let key_type = KeyType::of(key).map_err(from_store)?;
    let text_only = || meta("Filtering is supported only on partition keys of type string");
    match (key_type, literal) {
        (KeyType::Int(..) | KeyType::Double | KeyType::Decimal, Literal::Integer(n)) => {
            Ok(PartitionValue::Int(*n))
        }
        (KeyType::Text, Literal::Text(text) | Literal::Date(text)) => {
            Ok(PartitionValue::Text(text.clone()))
        }
        (KeyType::Int(..), _) | (_, Literal::Integer(_)) => Err(text_only()),
        (_, Literal::Text(text) | Literal::Date(text)) => {
            PartitionValue::parse(key, text).map_err(from_store)?.ok_or_else(text_only)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quern_proto::hive_metastore::ServiceError;

    fn table() -> Table {
        Table {
            partition_keys: vec![
                Column::new("dt", "string"),
                Column::new("n", "int"),
                Column::new("d", "date"),
            ],
            ..Table::default()
        }
    }

    fn selects(filter: &str, values: [&str; 3]) -> bool {
        let table = table();
        let keys = &table.partition_keys;
        let selection = PartitionSelection::parse(&table, filter).unwrap();
        let values = values.map(str::to_owned);
        // What is kept is selected by the index first.
        let indexed = selection.filter.matches(keys, &values).unwrap();
        indexed && selection.keeps(keys, &values).unwrap()
    }

    #[test]
    fn filters_select_as_in_hive() {
        let row = ["2024-01-05", "007", "2024-02-29"];
        for (filter, expected) in [
            ("", true),
            ("n = 7", true),
            ("N > 6 and n < 8", true),
            ("n between 1 and 6", false),
            ("n not between 1 and 6", true),
            ("dt like \"2024-01.*\"", true),
            ("dt like \"2024-01\"", false),
            ("dt like \".*01-05\"", true),
            ("dt like \"2024*-01-05\"", true),
            ("dt like \"x|2024.*\"", true),
            ("dt like \"202(4|5)-01-05\"", true),
            ("dt like \"2023.*\" or n = 7", true),
            ("dt like \"2024.*\" and n = 8", false),
            ("n like \"00.\"", true),
            ("dt = 2024-01-05", true),
            ("d = date '2024-02-29'", true),
            ("d >= \"2024-03-01\"", false),
            ("(dt) in ('x', '2024-01-05')", true),
            ("(n) not in (1, 7)", false),
            ("(struct(n, dt)) in (const struct(7, '2024-01-05'))", true),
            ("(struct(n, dt)) not in (const struct(7, '2024-01-05'))", false),
            ("(struct(n, dt)) not in (const struct(7, 'x'))", true),
        ] {
            assert_eq!(selects(filter, row), expected, "{filter}");
        }
        let null = ["__HIVE_DEFAULT_PARTITION__", "1", "2024-02-29"];
        for filter in ["dt = 'a'", "dt < 'zzz'", "dt like '.*'", "dt != 'q'"] {
            assert!(!selects(filter, null), "{filter}");
        }
    }

    #[test]
    fn wrong_keys_and_literals_are_hives_errors() {
        let message = |filter: &str| match PartitionSelection::parse(&table(), filter) {
            Err(ServiceError::Exception(exception)) => exception.message,
            other => panic!("{filter}: {other:?}"),
        };
        let key = "Specified key <id> is not a partitioning key for the table";
        assert_eq!(message("n = 1 or id = 1"), key);
        let text = "Filtering is supported only on partition keys of type string";
        for filter in ["n = \"1\"", "dt = 1", "d = 1", "d = 'x'"] {
            assert_eq!(message(filter), text, "{filter}");
        }
        assert!(message("dt like \"(\"").contains("pattern"));
    }

    #[test]
    fn the_start_of_a_pattern_is_left_to_the_index() {
        let filter = |text: &str| PartitionSelection::parse(&table(), text).unwrap().filter;
        let prefix = |prefix: &str| PartitionFilter::LikePrefix {
            key: "dt".to_owned(),
            prefix: prefix.to_owned(),
        };
        assert_eq!(filter("dt like '2024-01.*'"), prefix("2024-01"));
        assert_eq!(filter("dt like '2024*'"), prefix("202"));
        assert!(matches!(filter("dt like '.*a'"), PartitionFilter::IsNotNull { .. }));
        assert!(PartitionSelection::parse(&table(), "n = 1").unwrap().is_exact());
    }
}
