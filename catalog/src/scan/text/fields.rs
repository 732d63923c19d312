//! Dividing a line into its fields.

use super::options::TextOptions;
use memchr::{memchr, memchr2};

/// Calls `take` with the number and the bytes of each field up to field `last`, and returns
/// how many there were.
///
/// A field of delimited text still has its escapes ([`unescape`]), a field of CSV has neither
/// escapes nor quotes.
pub(super) fn for_each_field<E>(
    options: &TextOptions,
    line: &[u8],
    last: usize,
    scratch: &mut Vec<u8>,
    mut take: impl FnMut(usize, &[u8]) -> Result<(), E>,
) -> Result<usize, E> {
    if options.empty_line_is_null && line.is_empty() {
        return Ok(0);
    }
    let special = |byte: Option<u8>| byte.is_some_and(|byte| memchr(byte, line).is_some());
    let plain = !special(options.quote) && !special(options.escape);
    let mut rest = Some(line);
    let mut count = 0;
    while let Some(line) = rest
        && count <= last
    {
        if plain || options.quote.is_none() {
            let end = field_end(options, line, plain);
            take(count, line.get(..end).unwrap_or_default())?;
            rest = line.get(end + 1..);
        } else {
            scratch.clear();
            rest = csv_field(options, line, scratch);
            take(count, scratch)?;
        }
        count += 1;
    }
    Ok(count)
}

fn field_end(options: &TextOptions, line: &[u8], plain: bool) -> usize {
    let delimiter = options.field_delimiter;
    let escape = options.escape.filter(|_| !plain).unwrap_or(delimiter);
    let mut position = 0;
    while let Some(tail) = line.get(position..)
        && let Some(found) = memchr2(delimiter, escape, tail)
    {
        if tail.get(found) == Some(&delimiter) {
            return position + found;
        }
        position += found + 2;
    }
    line.len()
}

/// Resolves the escapes of a field of delimited text; an escape at the very end is itself.
pub(super) fn unescape<'a>(field: &'a [u8], escape: u8, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if memchr(escape, field).is_none() {
        return field;
    }
    scratch.clear();
    let mut rest = field;
    while let Some(found) = memchr(escape, rest) {
        scratch.extend_from_slice(rest.get(..found).unwrap_or_default());
        scratch.push(rest.get(found + 1).copied().unwrap_or(escape));
        rest = rest.get(found + 2..).unwrap_or_default();
    }
    scratch.extend_from_slice(rest);
    scratch
}

/// Writes a field of CSV and returns what comes after its delimiter, if there is one.
///
/// The escape character makes quote and escape plain; before anything else it is dropped, as
/// OpenCSV drops it.
fn csv_field<'a>(options: &TextOptions, line: &'a [u8], field: &mut Vec<u8>) -> Option<&'a [u8]> {
    let delimiter = options.field_delimiter;
    let quote = options.quote.unwrap_or(delimiter);
    let escape = options.escape.unwrap_or(quote);
    let mut position = 0;
    let mut quoted = line.first() == Some(&quote) && options.quote.is_some();
    if quoted {
        position = 1;
    }
    loop {
        let tail = line.get(position..)?;
        let ends = if quoted { quote } else { delimiter };
        let stop =
            memchr2(ends, if quoted || options.escape.is_some() { escape } else { ends }, tail);
        let Some(found) = stop else {
            field.extend_from_slice(tail);
            return None;
        };
        field.extend_from_slice(tail.get(..found).unwrap_or_default());
        let byte = tail.get(found).copied();
        let next = tail.get(found + 1).copied();
        position += found + 1;
        let is_escape = options.escape.is_some() && byte == Some(escape);
        let is_pair = if is_escape {
            next == Some(quote) || next == Some(escape)
        } else {
            quoted && next == Some(quote)
        };
        match next {
            Some(next) if is_pair => {
                field.push(next);
                position += 1;
            }
            _ if is_escape => {}
            _ if quoted => quoted = false,
            _ => return line.get(position..),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Parameters;
    use std::convert::Infallible;

    fn fields(options: &TextOptions, line: &str) -> Vec<String> {
        let mut found = vec![];
        let mut scratch = vec![];
        let Ok(_) = for_each_field(options, line.as_bytes(), 9, &mut scratch, |_, field| {
            found.push(String::from_utf8(field.to_vec()).unwrap());
            Ok::<(), Infallible>(())
        });
        found
    }

    #[test]
    fn csv_fields_lose_quotes_and_escapes() {
        let csv = TextOptions::csv(&Parameters::new(), &Parameters::new()).unwrap();
        for (line, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a,", vec!["a", ""]),
            (",", vec!["", ""]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"a\"\"b\",c", vec!["a\"b", "c"]),
            ("\"\",\"\"", vec!["", ""]),
            ("\"a\nb\"", vec!["a\nb"]),
            ("\"a\\\"b\\\\c\\d\"", vec!["a\"b\\cd"]),
            ("x\\\"y,z", vec!["x\"y", "z"]),
            ("5\" pipe,3", vec!["5\" pipe", "3"]),
            ("\"a\"b,c", vec!["ab", "c"]),
            (" \"a\",b", vec![" \"a\"", "b"]),
            ("\"é,\",ü", vec!["é,", "ü"]),
        ] {
            assert_eq!(fields(&csv, line), expected, "{line:?}");
        }
        let mut no_escape = csv;
        no_escape.escape = None;
        assert_eq!(fields(&no_escape, "\"C:\\t\",\"a\"\"\",\\"), ["C:\\t", "a\"", "\\"]);
    }

    #[test]
    fn delimited_fields_keep_escapes_until_they_are_resolved() {
        let options =
            TextOptions { field_delimiter: b'|', escape: Some(b'\\'), ..TextOptions::default() };
        for (line, expected) in [
            ("", vec![""]),
            ("a|b", vec!["a", "b"]),
            ("a\\|b|c", vec!["a\\|b", "c"]),
            ("a\\\\|b", vec!["a\\\\", "b"]),
            ("|\\", vec!["", "\\"]),
        ] {
            assert_eq!(fields(&options, line), expected, "{line:?}");
        }
        let mut scratch = vec![];
        for (field, expected) in
            [("a", "a"), ("a\\|b", "a|b"), ("\\\\\\n", "\\n"), ("x\\", "x\\"), ("", "")]
        {
            assert_eq!(unescape(field.as_bytes(), b'\\', &mut scratch), expected.as_bytes());
        }
    }
}
