//! Filters over tables: by owner, by parameters, by the time of the last access.

use super::{Expression, Literal};
use crate::metastore::hive::answer::{Answer, meta};
use crate::metastore::hive::pattern::anchored;
use crate::model::{CompareOp, Table};
use std::cmp::Ordering;

const OWNER: &str = "hive_filter_field_owner__";
const LAST_ACCESS: &str = "hive_filter_field_last_access__";
const PARAMETER: &str = "hive_filter_field_params__";

/// What a filter compares.
enum Field<'a> {
    Text(Option<&'a str>),
    Number(i64),
}

/// Whether a filter lets a table through.
pub(in crate::metastore::hive) fn table_matches(
    expression: &Expression,
    table: &Table,
) -> Answer<bool> {
    match expression {
        Expression::And(parts) => {
            for part in parts {
                if !table_matches(part, table)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Expression::Or(parts) => {
            for part in parts {
                if table_matches(part, table)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Expression::Compare { key, op, literal } => compare(&field(table, key)?, *op, literal),
        Expression::Like { key, pattern } => match field(table, key)? {
            Field::Text(Some(text)) => Ok(anchored(pattern, false)?.is_match(text)),
            Field::Text(None) => Ok(false),
            Field::Number(_) => {
                Err(meta("Like is not supported for HIVE_FILTER_FIELD_LAST_ACCESS"))
            }
        },
        Expression::Between { .. } | Expression::In { .. } | Expression::InTuples { .. } => {
            Err(meta("a filter of tables has comparisons and LIKE only"))
        }
    }
}

fn field<'a>(table: &'a Table, key: &str) -> Answer<Field<'a>> {
    if key == OWNER {
        return Ok(Field::Text(table.owner.as_deref()));
    }
    if key == LAST_ACCESS {
        return Ok(Field::Number(table.last_access_time));
    }
    match key.strip_prefix(PARAMETER) {
        Some(name) => Ok(Field::Text(table.parameters.get(name).map(String::as_str))),
        None => Err(meta(format!(
            "Invalid key name in filter. Use constants from org.apache.hadoop.hive.metastore.api: {key}"
        ))),
    }
}

fn compare(field: &Field<'_>, op: CompareOp, literal: &Literal) -> Answer<bool> {
    let order: Option<Ordering> = match (field, literal) {
        (Field::Text(text), Literal::Text(literal) | Literal::Date(literal)) => {
            text.map(|text| text.cmp(literal.as_str()))
        }
        // A parameter is text; clients write numbers without quotes nevertheless.
        (Field::Text(text), Literal::Integer(n)) => text.map(|text| text.cmp(&n.to_string())),
        (Field::Number(number), Literal::Integer(n)) => Some(number.cmp(n)),
        (Field::Number(_), _) => return Err(meta("the time of the last access is a number")),
    };
    Ok(order.is_some_and(|order| op.holds(order)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_by_owner_and_parameters() {
        let table = Table {
            owner: Some("ann".to_owned()),
            last_access_time: 100,
            parameters: [("comment".to_owned(), "c".to_owned())].into(),
            ..Table::default()
        };
        let matches = |text: &str| {
            let expression = Expression::parse(text).unwrap().unwrap();
            table_matches(&expression, &table)
        };
        for (text, expected) in [
            ("hive_filter_field_params__comment = \"c\"", true),
            ("hive_filter_field_params__comment LIKE \"x.*\"", false),
            ("hive_filter_field_params__presto_view = \"true\"", false),
            ("hive_filter_field_owner__ = 'ann' and hive_filter_field_last_access__ > 99", true),
            ("hive_filter_field_owner__ = 'bob' or hive_filter_field_owner__ like \"a..\"", true),
        ] {
            assert_eq!(matches(text).unwrap(), expected, "{text}");
        }
        assert!(matches("owner = 'ann'").is_err());
        assert!(matches("hive_filter_field_last_access__ = 'x'").is_err());
    }
}
