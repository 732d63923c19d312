//! Names of partitions, `k=v/k=v`, which are also the directories they lie in.
//!
//! The escaping is Hive's `FileUtils`: `%XX` with upper-case hex for control characters and
//! the punctuation below; everything else, space and non-ASCII too, stays as it is.

use super::Column;
use quern_common::{Error, ErrorCode, Result};

/// The value that stands for NULL (and for the empty string, which Hive cannot tell apart).
pub const HIVE_DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

const ESCAPED_PUNCTUATION: &[u8] = b"\"#%'*/:=?\\{[]^";

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7F || ESCAPED_PUNCTUATION.contains(&byte)
}

/// Escapes a key or a value for its place in a partition name.
pub fn escape_path_name(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if is_escaped(byte) => {
                // Writing to a String does not fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Undoes [`escape_path_name`]. As in Hive a `%` without two hex digits behind it stays.
pub fn unescape_path_name(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, from_percent) = rest.split_at(at);
        plain.push_str(before);
        let code = from_percent
            .get(1..3)
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let consumed = match code {
            // A code above 0x7F is one UTF-16 unit, as Java appends it.
            Some(code) => {
                plain.push(char::from(code));
                3
            }
            None => {
                plain.push('%');
                1
            }
        };
        rest = from_percent.get(consumed..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// Writes the name of the partition that has `values` for `keys`; an empty value becomes
/// [`HIVE_DEFAULT_PARTITION`].
pub fn partition_name(keys: &[Column], values: &[String]) -> String {
    let parts: Vec<String> = keys
        .iter()
        .zip(values)
        .map(|(key, value)| {
            let value = if value.is_empty() { HIVE_DEFAULT_PARTITION } else { value };
            format!("{}={}", escape_path_name(&key.name.to_lowercase()), escape_path_name(value))
        })
        .collect();
    parts.join("/")
}

/// Reads a partition name into its keys and values.
///
/// # Errors
/// `HIVE_INVALID_PARTITION_VALUE` when a part is not `key=value`.
pub fn parse_partition_name(name: &str) -> Result<Vec<(String, String)>> {
    name.split('/')
        .map(|part| match part.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok((unescape_path_name(key), unescape_path_name(value)))
            }
            _ => Err(Error::new(
                ErrorCode::HiveInvalidPartitionValue,
                format!("\"{name}\" is not a partition name such as \"k=v/k=v\""),
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_hive_writes() {
        let keys = [Column::new("DT", "string"), Column::new("n", "int")];
        let values = ["a/b=c d%:é\"'".to_owned(), "3".to_owned()];
        let name = partition_name(&keys, &values);
        assert_eq!(name, "dt=a%2Fb%3Dc d%25%3Aé%22%27/n=3");
        let read = parse_partition_name(&name).unwrap();
        assert_eq!(read, [("dt".to_owned(), values[0].clone()), ("n".to_owned(), "3".to_owned())]);
    }

    #[test]
    fn every_ascii_character_is_escaped_as_in_file_utils() {
        let escaped: String = (0..=0x7F_u8)
            .map(char::from)
            .filter(|c| escape_path_name(&c.to_string()).len() == 3)
            .collect();
        let controls: String = (0..0x20_u8).map(char::from).collect();
        assert_eq!(escaped, format!("{controls}\"#%'*/:=?[\\]^{{\u{7F}"));
        let all: String = (0..=0x7F_u8).map(char::from).chain("} é😀".chars()).collect();
        assert_eq!(unescape_path_name(&escape_path_name(&all)), all);
        assert_eq!(escape_path_name("\n\u{1}"), "%0A%01");
    }

    #[test]
    fn broken_escapes_stay_and_broken_names_are_refused() {
        for text in ["%", "%2", "%zz", "%+1", "100%é", "%é1"] {
            assert_eq!(unescape_path_name(text), text);
        }
        assert_eq!(unescape_path_name("a%2fb%2Fc"), "a/b/c");
        for name in ["", "a", "=v", "k=", "k=v/", "/k=v", "k=v//k=v"] {
            let err = parse_partition_name(name).unwrap_err();
            assert_eq!(err.code(), ErrorCode::HiveInvalidPartitionValue);
        }
        assert_eq!(parse_partition_name("k=a=b").unwrap()[0].1, "a=b");
    }

    #[test]
    fn empty_values_are_the_default_partition() {
        let keys = [Column::new("k", "string")];
        assert_eq!(partition_name(&keys, &[String::new()]), "k=__HIVE_DEFAULT_PARTITION__");
    }
}
