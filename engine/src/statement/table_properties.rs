//! Table properties: Presto's names to Hive's, and what Quern makes of Hive's.

use super::Literal;
use super::create_table::Draft;
use quern_catalog::model::{Parameters, StorageFormat};
use quern_common::{Error, ErrorCode, Result};

/// Presto's properties that become a parameter of the SerDe, with the SerDe's format.
const SERDE_PROPERTIES: &[(&str, &str, StorageFormat)] = &[
    ("csv_separator", "separatorChar", StorageFormat::Csv),
    ("csv_quote", "quoteChar", StorageFormat::Csv),
    ("csv_escape", "escapeChar", StorageFormat::Csv),
    ("textfile_field_separator", "field.delim", StorageFormat::TextFile),
    ("textfile_field_separator_escape", "escape.delim", StorageFormat::TextFile),
    ("null_format", "serialization.null.format", StorageFormat::TextFile),
];

/// Presto's properties that become a parameter of the table.
const LINE_COUNTS: &[(&str, &str)] = &[
    ("skip_header_line_count", "skip.header.line.count"),
    ("skip_footer_line_count", "skip.footer.line.count"),
];

/// Properties that Presto has and Quern does not.
const UNSUPPORTED: &[&str] = &[
    "bucketed_by",
    "bucket_count",
    "sorted_by",
    "transactional",
    "auto_purge",
    "avro_schema_url",
    "avro_schema_literal",
    "orc_bloom_filter_columns",
    "orc_bloom_filter_fpp",
    "parquet_bloom_filter_columns",
    "partition_projection_enabled",
    "partition_projection_ignore",
    "partition_projection_location_template",
    "regex",
    "regex_case_insensitive",
];

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::InvalidTableProperty, message)
}

fn text_of(name: &str, value: &Literal) -> Result<String> {
    match value {
        Literal::Text(text) => Ok(text.clone()),
        _ => Err(invalid(format!("table property \"{name}\" takes a text"))),
    }
}

/// Refuses a delimiter that is not one character.
pub(super) fn single_character(name: &str, value: &str) -> Result<()> {
    if value.chars().count() == 1 {
        return Ok(());
    }
    Err(invalid(format!("{name} takes one character, not \"{}\"", value.escape_debug())))
}

/// Reads the escapes of Hive's texts: `\t`, `\\`, `\001` (octal), `\u0001`.
pub(super) fn hive_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (c, length) = read_escape(escape);
        out.push(c);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The character that an escape stands for and the escape's length in bytes.
fn read_escape(escape: &str) -> (char, usize) {
    let code = |digits: Option<&str>, radix| {
        digits.and_then(|d| u32::from_str_radix(d, radix).ok()).and_then(char::from_u32)
    };
    if let Some(c) = escape.strip_prefix("\\u").and_then(|rest| code(rest.get(..4), 16)) {
        return (c, 6);
    }
    if let Some(c) = code(escape.get(1..4), 8).filter(char::is_ascii) {
        return (c, 4);
    }
    match escape.chars().nth(1) {
        Some('t') => ('\t', 2),
        Some('n') => ('\n', 2),
        Some('r') => ('\r', 2),
        Some('b') => ('\u{8}', 2),
        Some('0') => ('\0', 2),
        Some(other) => (other, 1 + other.len_utf8()),
        None => ('\\', 1),
    }
}

/// Takes the properties of `WITH (…)` over into a draft.
pub(super) fn apply_presto_properties(
    draft: &mut Draft,
    properties: &[(String, Literal)],
) -> Result<()> {
    for (name, value) in properties {
        match name.as_str() {
            "format" => draft.format = Some(format_of(&text_of(name, value)?)?),
            "partitioned_by" => draft.partition_names = names_of(name, value)?,
            "external_location" => {
                draft.external = true;
                draft.location = Some(text_of(name, value)?);
            }
            "extra_properties" => draft.properties.append(&mut entries_of(name, value)?),
            "serde_properties" => draft.serde_parameters.append(&mut entries_of(name, value)?),
            _ if serde_property(name).is_some() => {}
            _ => draft.properties.append(&mut alterable(name, value)?),
        }
    }
    let format = draft.format.unwrap_or(StorageFormat::Parquet);
    for (name, value) in properties {
        if let Some((_, key, needed)) = serde_property(name) {
            if format != *needed {
                return Err(invalid(format!(
                    "table property \"{name}\" goes with the format {}, not {}",
                    needed.name(),
                    format.name()
                )));
            }
            let text = text_of(name, value)?;
            if name != "null_format" {
                single_character(&format!("table property \"{name}\""), &text)?;
            }
            if *key == "field.delim" {
                draft.serde_parameters.insert("serialization.format".to_owned(), text.clone());
            }
            draft.serde_parameters.insert((*key).to_owned(), text);
        }
    }
    Ok(())
}

fn serde_property(name: &str) -> Option<&'static (&'static str, &'static str, StorageFormat)> {
    SERDE_PROPERTIES.iter().find(|(known, _, _)| *known == name)
}

/// Presto's properties that may change after CREATE TABLE, by Hive's names.
pub(super) fn alterable(name: &str, value: &Literal) -> Result<Parameters> {
    if name == "extra_properties" {
        return entries_of(name, value);
    }
    if let Some((_, key)) = LINE_COUNTS.iter().find(|(known, _)| *known == name) {
        return match value {
            Literal::Number(digits) if digits.parse::<u32>().is_ok() => {
                Ok(Parameters::from([((*key).to_owned(), digits.clone())]))
            }
            _ => Err(invalid(format!("table property \"{name}\" takes a number from 0"))),
        };
    }
    if UNSUPPORTED.contains(&name) {
        return Err(Error::not_supported(format!("table property \"{name}\"")));
    }
    let serde = SERDE_PROPERTIES.iter().map(|(known, _, _)| *known);
    let counts = LINE_COUNTS.iter().map(|(known, _)| *known);
    let known: Vec<_> = ["format", "partitioned_by", "external_location", "extra_properties"]
        .into_iter()
        .chain(serde)
        .chain(counts)
        .collect();
    if known.contains(&name) {
        return Err(Error::not_supported(format!("changing table property \"{name}\"")));
    }
    Err(invalid(format!("unknown table property \"{name}\""))
        .with_hint(format!("there are {}", known.join(", "))))
}

fn format_of(name: &str) -> Result<StorageFormat> {
    StorageFormat::from_name(name).ok_or_else(|| {
        invalid(format!("unknown format \"{name}\""))
            .with_hint("there are PARQUET, TEXTFILE and CSV")
    })
}

fn names_of(name: &str, value: &Literal) -> Result<Vec<String>> {
    let invalid = || invalid(format!("table property \"{name}\" takes an array of column names"));
    let Literal::Array(items) = value else { return Err(invalid()) };
    items
        .iter()
        .map(|item| match item {
            Literal::Text(text) => Ok(text.to_lowercase()),
            _ => Err(invalid()),
        })
        .collect()
}

fn entries_of(name: &str, value: &Literal) -> Result<Parameters> {
    match value {
        Literal::Map(entries) => {
            Ok(entries.iter().map(|(key, value)| (key.to_text(), value.to_text())).collect())
        }
        _ => Err(invalid(format!("table property \"{name}\" takes MAP(ARRAY[…], ARRAY[…])"))),
    }
}

/// Moves what Hive keeps among the table's properties to its place, and refuses properties that
/// change what the table means in ways that Quern does not follow.
pub(super) fn finish_hive_properties(draft: &mut Draft) -> Result<()> {
    for (key, value) in std::mem::take(&mut draft.properties) {
        let on = value.eq_ignore_ascii_case("true");
        match key.to_lowercase().as_str() {
            "external" => draft.external |= on,
            "comment" => draft.comment = Some(value),
            "transactional" | "projection.enabled" if on => {
                return Err(Error::not_supported(format!("table property \"{key}\"")));
            }
            "skip.header.line.count" | "skip.footer.line.count"
                if value.parse::<u32>().is_err() =>
            {
                return Err(invalid(format!("table property \"{key}\" takes a number from 0")));
            }
            _ => {
                draft.properties.insert(key, value);
            }
        }
    }
    // As in Athena and Spark: a table at a place of its own does not own the files there.
    draft.external |= draft.location.is_some();
    Ok(())
}
