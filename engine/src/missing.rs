//! Errors for names that lead nowhere, with the names that are close.

use datafusion::common::utils::datafusion_strsim::levenshtein;
use quern_catalog::metastore::Metastore;
use quern_common::{Error, ErrorCode};

/// Names that a hint lists.
const HINT_NAMES_MAX: usize = 10;

/// The hint for a name that is none of `known`: those that are close, or else all when they are
/// few.
pub(crate) fn hint<S: AsRef<str>>(name: &str, known: &[S]) -> Option<String> {
    let close_max = (name.chars().count() / 3).clamp(1, 3);
    let mut close: Vec<(usize, &str)> = known
        .iter()
        .map(|known| (levenshtein(known.as_ref(), name), known.as_ref()))
        .filter(|(distance, _)| *distance <= close_max)
        .collect();
    close.sort_unstable();
    let quoted = |names: Vec<&str>| {
        names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    };
    if !close.is_empty() {
        let names = close.into_iter().take(HINT_NAMES_MAX).map(|(_, name)| name);
        return Some(format!("did you mean {}?", quoted(names.collect())));
    }
    if known.is_empty() || known.len() > HINT_NAMES_MAX {
        return None;
    }
    Some(format!("there is {}", quoted(known.iter().map(AsRef::as_ref).collect())))
}

/// A table that there is not.
pub(crate) fn table_not_found(catalog: &str, schema: &str, table: &str) -> Error {
    Error::new(
        ErrorCode::TableNotFound,
        format!("table \"{catalog}.{schema}.{table}\" does not exist"),
    )
}

/// A schema that there is not.
pub(crate) fn schema_not_found(catalog: &str, schema: &str) -> Error {
    Error::new(ErrorCode::SchemaNotFound, format!("schema \"{catalog}.{schema}\" does not exist"))
}

/// Looks in the metastore for names that an error about a table could mean.
pub(crate) async fn with_hint(
    err: Error,
    metastore: &dyn Metastore,
    schema: &str,
    table: &str,
) -> Error {
    let found = match err.code() {
        ErrorCode::TableNotFound => (table, metastore.list_tables(schema).await),
        ErrorCode::SchemaNotFound => (schema, metastore.list_databases().await),
        _ => return err,
    };
    // Without names there is the error itself, which matters more than why there are none.
    let (name, Ok(known)) = found else { return err };
    match hint(name, &known) {
        Some(hint) => err.with_hint(hint),
        None => err,
    }
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn close_names_come_before_all_names() {
        let known = ["carrier", "dep_delay", "arr_delay"];
        assert_eq!(hint("dep_dela", &known).unwrap(), "did you mean \"dep_delay\"?");
        assert_eq!(
            hint("origin", &known).unwrap(),
            "there is \"carrier\", \"dep_delay\", \"arr_delay\""
        );
    }

    #[test]
    fn many_names_that_are_not_close_are_no_help() {
        let known: Vec<String> = (0..11).map(|n| format!("column_{n}")).collect();
        assert_eq!(hint("carrier", &known), None);
        assert_eq!(hint::<&str>("carrier", &[]), None);
    }
}
