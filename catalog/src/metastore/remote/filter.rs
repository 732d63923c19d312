//! Partition filters as the text that Hive reads.

use crate::model::{Column, CompareOp, KeyType, PartitionFilter, PartitionValue};
use chrono::NaiveDate;

/// Days from the first day of year 1 to 1970-01-01, as chrono counts.
const EPOCH_DAY: i32 = 719_163;
/// Longest text that is sent; names are compared here instead when it would be longer.
const TEXT_MAX_BYTES: usize = 64 << 10;

/// A filter's text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FilterText {
    pub(super) text: String,
    /// Whether it selects what the filter selects, and not more.
    pub(super) exact: bool,
}

/// Writes a filter for Hive, or one that selects more; none when there is nothing in it that
/// Hive could answer. Hive compares text keys with texts, integer keys with integers and date
/// keys with dates; it has no IS NULL, and reads no quotes inside of quotes.
pub(super) fn filter_text(keys: &[Column], filter: &PartitionFilter) -> Option<FilterText> {
    write(keys, filter).filter(|written| written.text.len() <= TEXT_MAX_BYTES)
}

fn write(keys: &[Column], filter: &PartitionFilter) -> Option<FilterText> {
    match filter {
        PartitionFilter::All => None,
        PartitionFilter::And(parts) => {
            let written: Vec<_> = parts.iter().filter_map(|part| write(keys, part)).collect();
            let exact = written.len() == parts.len() && written.iter().all(|part| part.exact);
            join(&written, " and ", exact)
        }
        PartitionFilter::Or(parts) => {
            let written: Option<Vec<_>> = parts.iter().map(|part| write(keys, part)).collect();
            let written = written?;
            join(&written, " or ", written.iter().all(|part| part.exact))
        }
        PartitionFilter::Compare { key, op, value } => {
            let (name, literal) = (key_name(keys, key)?, literal(keys, key, value)?);
            // Of a text key, Hive counts NULL as unequal.
            let exact = *op != CompareOp::NotEq;
            Some(FilterText { text: format!("{name} {} {literal}", symbol(*op)), exact })
        }
        PartitionFilter::Between { key, low, high } => {
            let name = key_name(keys, key)?;
            let (low, high) = (literal(keys, key, low)?, literal(keys, key, high)?);
            // The word BETWEEN is newer than these.
            let text = format!("({name} >= {low} and {name} <= {high})");
            Some(FilterText { text, exact: true })
        }
        PartitionFilter::In { key, values } => {
            let name = key_name(keys, key)?;
            let equal = |value| Some(format!("{name} = {}", literal(keys, key, value)?));
            let equals = values.iter().map(equal).collect::<Option<Vec<_>>>()?;
            let text = format!("({})", equals.join(" or "));
            (!equals.is_empty()).then_some(FilterText { text, exact: true })
        }
        PartitionFilter::LikePrefix { key, prefix } => {
            let name = key_name(keys, key)?;
            // Some versions of Hive take the pattern for SQL's, others for Java's.
            let plain = |c: char| c.is_alphanumeric() || " -:,;/@=".contains(c);
            let text = format!("{name} like \"{prefix}.*\"");
            prefix.chars().all(plain).then_some(FilterText { text, exact: true })
        }
        PartitionFilter::IsNull { .. } | PartitionFilter::IsNotNull { .. } => None,
    }
}

fn join(parts: &[FilterText], connective: &str, exact: bool) -> Option<FilterText> {
    let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
    let text = format!("({})", texts.join(connective));
    (!texts.is_empty()).then_some(FilterText { text, exact })
}

const fn symbol(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "=",
        CompareOp::NotEq => "!=",
        CompareOp::Lt => "<",
        CompareOp::LtEq => "<=",
        CompareOp::Gt => ">",
        CompareOp::GtEq => ">=",
    }
}

fn find<'a>(keys: &'a [Column], name: &str) -> Option<&'a Column> {
    keys.iter().find(|key| key.name.eq_ignore_ascii_case(name))
}

/// A key's name, if it is one that Hive's grammar has.
fn key_name<'a>(keys: &'a [Column], name: &str) -> Option<&'a str> {
    let name = find(keys, name)?.name.as_str();
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let words = ["and", "or", "not", "like", "in", "between", "date", "struct", "const"];
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (begins && plain && !words.contains(&name)).then_some(name)
}

fn literal(keys: &[Column], key: &str, value: &PartitionValue) -> Option<String> {
    match (KeyType::of(find(keys, key)?).ok()?, value) {
        (KeyType::Int(..), PartitionValue::Int(n)) => Some(n.to_string()),
        (KeyType::Text, PartitionValue::Text(text)) => {
            let quote = ['"', '\''].into_iter().find(|quote| !text.contains(*quote))?;
            (!text.contains('\\')).then(|| format!("{quote}{text}{quote}"))
        }
        (KeyType::Date, PartitionValue::Date(days)) => {
            let date = NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAY)?)?;
            Some(date.to_string()).filter(|text| text.len() == 10)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(filter: &PartitionFilter) -> Option<(String, bool)> {
        let keys = [
            Column::new("dt", "string"),
            Column::new("n", "int"),
            Column::new("d", "date"),
            Column::new("x", "double"),
        ];
        filter_text(&keys, filter).map(|written| (written.text, written.exact))
    }

    fn compare(key: &str, op: CompareOp, value: PartitionValue) -> PartitionFilter {
        PartitionFilter::Compare { key: key.to_owned(), op, value }
    }

    fn text(text: &str) -> PartitionValue {
        PartitionValue::Text(text.to_owned())
    }

    #[test]
    fn what_hive_can_answer_is_written() {
        let n = || compare("N", CompareOp::GtEq, PartitionValue::Int(-1));
        let null = || PartitionFilter::IsNull { key: "dt".to_owned() };
        let other = || compare("x", CompareOp::Eq, PartitionValue::Double(0.5));
        let d = compare("d", CompareOp::Lt, PartitionValue::Date(0));
        for (filter, expected) in [
            (n(), Some(("n >= -1", true))),
            (compare("dt", CompareOp::Eq, text("it's")), Some(("dt = \"it's\"", true))),
            (compare("dt", CompareOp::Eq, text("\"")), Some(("dt = '\"'", true))),
            (compare("dt", CompareOp::Eq, text("'\"")), None),
            (compare("dt", CompareOp::Eq, text("\\")), None),
            (compare("dt", CompareOp::NotEq, text("a")), Some(("dt != \"a\"", false))),
            (d, Some(("d < 1970-01-01", true))),
            (null(), None),
            (PartitionFilter::And(vec![n(), null()]), Some(("(n >= -1)", false))),
            (PartitionFilter::Or(vec![n(), null()]), None),
            (PartitionFilter::And(vec![n(), n()]), Some(("(n >= -1 and n >= -1)", true))),
            (PartitionFilter::And(vec![other(), null()]), None),
            (
                PartitionFilter::In { key: "dt".to_owned(), values: vec![text("a"), text("b")] },
                Some(("(dt = \"a\" or dt = \"b\")", true)),
            ),
            (
                PartitionFilter::LikePrefix { key: "dt".to_owned(), prefix: "2024-".to_owned() },
                Some(("dt like \"2024-.*\"", true)),
            ),
            (PartitionFilter::LikePrefix { key: "dt".to_owned(), prefix: "a.b".to_owned() }, None),
            (PartitionFilter::All, None),
        ] {
            let expected = expected.map(|(text, exact)| (text.to_owned(), exact));
            assert_eq!(written(&filter), expected, "{filter:?}");
        }
    }
}
