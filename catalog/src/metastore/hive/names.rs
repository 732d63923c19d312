//! Names as clients of different versions send them.

use super::answer::{Answer, no_such_object};
use crate::metastore::rules::fold;

/// The one catalogue that there is, by the name that Hive gives it.
pub(super) const CATALOG: &str = "hive";
const SHOWN_CHARS: usize = 500;

/// Reads the name of a database. Clients of Hive 3 and later put the catalogue's name in front:
/// `@hive#db`, or `@hive#!` for the empty name.
pub(super) fn database_name(text: &str) -> Answer<String> {
    let Some(prefixed) = text.strip_prefix('@') else { return Ok(fold(text)) };
    let (catalog, database) = prefixed.split_once('#').unwrap_or((prefixed, ""));
    if !catalog.eq_ignore_ascii_case(CATALOG) {
        return Err(no_such_object(format!("there is no catalog named {catalog}")));
    }
    Ok(if database == "!" { String::new() } else { fold(database) })
}

/// The start of a text that may be hostile, for a message.
pub(super) fn short(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// Values as Java prints a list.
pub(super) fn shown(values: &[String]) -> String {
    format!("[{}]", short(&values.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_may_stand_before_a_database() {
        for (text, name) in [("Db", "db"), ("@hive#Db", "db"), ("@hive#!", ""), ("@HIVE#", "")] {
            assert_eq!(database_name(text).unwrap(), name);
        }
        assert!(database_name("@spark#db").is_err());
    }
}
