//! Names and texts as a statement writes them.

use super::is_reserved;
use super::types::TableName;

/// A text in single quotes.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name, in quotes unless it needs none.
pub(crate) fn quoted(name: &str) -> String {
    let plain = name
        .chars()
        .enumerate()
        .all(|(i, c)| c == '_' || c.is_ascii_lowercase() || (i > 0 && c.is_ascii_digit()));
    if plain && !name.is_empty() && !is_reserved(name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A table's name as it was given.
pub(super) fn table(table: &TableName) -> String {
    let parts = [table.catalog.as_deref(), table.schema.as_deref(), Some(table.name.as_str())];
    parts.into_iter().flatten().map(quoted).collect::<Vec<_>>().join(".")
}
