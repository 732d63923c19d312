//! How lines are divided into fields.

use super::chunks::Compression;
use crate::model::Parameters;
use object_store::path::Path;
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};

/// How lines are divided into fields and what stands for NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextOptions {
    /// Ends a field.
    pub field_delimiter: u8,
    /// Takes the meaning from the byte after it.
    pub escape: Option<u8>,
    /// Surrounds a field of CSV; `None` for delimited text.
    pub quote: Option<u8>,
    /// What stands for NULL; with `None` only a missing field is NULL in a string column.
    pub null_text: Option<String>,
    /// Lines at the start of a file that are no rows.
    pub skip_header_lines: usize,
    /// Whether `t`, `f`, `1` and `0` are booleans too.
    pub extended_boolean: bool,
    /// Whether an empty line is a row of NULLs, rather than a row whose first field is empty.
    pub empty_line_is_null: bool,
}

/// Hive's delimited text without any parameter.
impl Default for TextOptions {
    fn default() -> Self {
        Self {
            field_delimiter: 0x01,
            escape: None,
            quote: None,
            null_text: Some("\\N".to_owned()),
            skip_header_lines: 0,
            extended_boolean: false,
            empty_line_is_null: false,
        }
    }
}

impl TextOptions {
    /// Reads the parameters of a `LazySimpleSerDe` and of its table.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for a parameter that changes the result and that we do not honour,
    /// `HIVE_INVALID_METADATA` for a value that is none.
    pub fn delimited(serde: &Parameters, table: &Parameters) -> Result<Self> {
        refuse_unsupported(serde)?;
        let defaults = Self::default();
        let delimiter = serde.get("field.delim").or_else(|| serde.get("serialization.format"));
        let nested = ["collection.delim", "colelction.delim", "mapkey.delim"];
        for key in nested {
            // Only columns of nested types use them, which are refused by name when read.
            serde.get(key).map(|text| byte(key, text)).transpose()?;
        }
        let extended = [
            "hive.serialization.extend.boolean.literal",
            "hive.lazysimple.extended_boolean_literal",
        ];
        Ok(Self {
            field_delimiter: match delimiter {
                Some(text) => byte("field.delim", text)?,
                None => defaults.field_delimiter,
            },
            escape: serde.get("escape.delim").map(|text| byte("escape.delim", text)).transpose()?,
            null_text: serde.get("serialization.null.format").cloned().or(defaults.null_text),
            skip_header_lines: header_lines(serde, table)?,
            extended_boolean: extended
                .iter()
                .any(|key| serde.get(*key).is_some_and(|v| v.eq_ignore_ascii_case("true"))),
            ..Self::default()
        })
    }

    /// Reads the parameters of an `OpenCSVSerde` and of its table. The defaults are `,`, `"`
    /// and `\`.
    ///
    /// # Errors
    /// As [`TextOptions::delimited`].
    pub fn csv(serde: &Parameters, table: &Parameters) -> Result<Self> {
        refuse_unsupported(serde)?;
        let get = |key: &str, default: u8| -> Result<Option<u8>> {
            let value = serde.get(key).map_or(Ok(default), |text| csv_byte(key, text))?;
            // A zero character switches the role off.
            Ok(Some(value).filter(|byte| *byte != 0))
        };
        let field_delimiter = get("separatorChar", b',')?
            .ok_or_else(|| invalid("separatorChar", "", "is not a separator"))?;
        let quote = get("quoteChar", b'"')?;
        // A doubled quote is read as one anyway.
        let escape = get("escapeChar", b'\\')?.filter(|escape| Some(*escape) != quote);
        if Some(field_delimiter) == quote || Some(field_delimiter) == escape {
            return Err(invalid("separatorChar", "", "is the quote or escape character too"));
        }
        Ok(Self {
            field_delimiter,
            escape,
            quote,
            null_text: serde.get("serialization.null.format").cloned(),
            skip_header_lines: header_lines(serde, table)?,
            extended_boolean: true,
            empty_line_is_null: true,
        })
    }

    /// Whether a file may be divided into splits. Not when it is compressed, when a line break
    /// may be part of a field, or when several header lines might lie in several splits.
    pub fn can_split(&self, location: &Path) -> bool {
        self.quote.is_none()
            && self.skip_header_lines <= 1
            && matches!(Compression::of(location), Ok(Compression::None))
    }
}

fn refuse_unsupported(serde: &Parameters) -> Result<()> {
    let get = |key: &str| serde.get(key).map(String::as_str);
    if let Some(text) = get("line.delim")
        && !matches!(text, "\n" | "\\n" | "10")
    {
        return Err(Error::not_supported(format_args!("\"line.delim\" other than a line feed")));
    }
    if let Some(name) = get("serialization.encoding")
        && !["utf-8", "utf8", "us-ascii"].contains(&name.to_ascii_lowercase().as_str())
    {
        return Err(Error::not_supported(format_args!("text encoding \"{name}\"")));
    }
    for key in ["serialization.last.column.takes.rest", "serialization.escape.crlf"] {
        if get(key).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(Error::not_supported(format_args!("SerDe parameter \"{key}\"")));
        }
    }
    if let Some(format) = get("timestamp.formats") {
        return Err(Error::not_supported(format_args!("\"timestamp.formats\" \"{format}\"")));
    }
    Ok(())
}

fn header_lines(serde: &Parameters, table: &Parameters) -> Result<usize> {
    let get = |key: &str| -> Result<usize> {
        let Some(text) = table.get(key).or_else(|| serde.get(key)) else { return Ok(0) };
        text.trim().parse().map_err(|_| invalid(key, text, "is not a number of lines"))
    };
    if get("skip.footer.line.count")? > 0 {
        return Err(Error::not_supported("\"skip.footer.line.count\" above 0"));
    }
    get("skip.header.line.count")
}

fn invalid(key: &str, text: &str, problem: &str) -> Error {
    Error::new(ErrorCode::HiveInvalidMetadata, format!("\"{key}\" \"{text}\" {problem}"))
}

/// Hive's rule: a number from -128 to 127 is the byte of that value, else the character is
/// meant. We understand the escapes `\t`, `\001` and `\u0001` too.
fn byte(key: &str, text: &str) -> Result<u8> {
    match text.parse::<i8>() {
        Ok(number) => Ok(number.cast_unsigned()),
        Err(_) => csv_byte(key, text),
    }
}

fn csv_byte(key: &str, text: &str) -> Result<u8> {
    let single = |text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        _ => None,
    };
    let escaped = |rest: &str| match rest {
        "t" => Some(b'\t'),
        "\\" => Some(b'\\'),
        "\"" => Some(b'"'),
        "'" => Some(b'\''),
        rest => match rest.strip_prefix(['u', 'U']) {
            Some(hex) => u8::from_str_radix(hex, 16).ok(),
            None => u8::from_str_radix(rest, 8).ok(),
        },
    };
    let found = single(text).or_else(|| text.strip_prefix('\\').and_then(escaped));
    match found {
        Some(b'\n' | b'\r') => Err(invalid(key, text, "is a line break")),
        Some(byte) => Ok(byte),
        None => Err(Error::not_supported(format_args!(
            "\"{key}\" \"{text}\", which is not one ASCII character"
        ))),
    }
}
