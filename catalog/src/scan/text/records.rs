//! Finding the lines in a stream of chunks.

use super::options::TextOptions;
use bytes::Bytes;
use memchr::{memchr, memchr2, memchr3};
use quern_common::{Error, ErrorCode, Result};

/// Longest line. A file without line breaks is no text, and must not fill the memory.
const MAX_LENGTH: usize = 64 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Where in the file its first byte is.
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// Takes chunks and gives lines.
#[derive(Debug)]
pub(super) struct Records {
    buffer: Vec<u8>,
    /// Where in `buffer` the next line begins.
    next: usize,
    /// Where in the file `buffer` begins.
    base: u64,
    finished: bool,
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
}

/// Length of a line and of its end.
type Extent = (usize, usize);

impl Records {
    pub(super) fn new(options: &TextOptions, offset: u64) -> Self {
        Self {
            buffer: Vec::new(),
            next: 0,
            base: offset,
            finished: false,
            delimiter: options.field_delimiter,
            quote: options.quote,
            escape: options.escape,
        }
    }

    pub(super) fn push(&mut self, chunk: &Bytes) {
        self.buffer.drain(..self.next);
        self.base += self.next as u64;
        self.next = 0;
        self.buffer.extend_from_slice(chunk);
    }

    /// Says that there is no chunk any more.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next line; `None` when another chunk is needed or, once finished, at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>> {
        let rest = self.buffer.get(self.next..).unwrap_or_default();
        let offset = self.base + self.next as u64;
        if rest.is_empty() {
            return Ok(None);
        }
        let Some((length, end)) = self.extent(rest) else {
            return self.incomplete(rest.len(), offset).map(|()| None);
        };
        let mut bytes = rest.get(..length).unwrap_or_default();
        if offset == 0 {
            bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        }
        self.next += length + end;
        Ok(Some(Record { offset, bytes }))
    }

    fn incomplete(&self, length: usize, offset: u64) -> Result<()> {
        let problem = if length > MAX_LENGTH {
            format!("a line is longer than {} MiB", MAX_LENGTH >> 20)
        } else if self.finished {
            "a quoted field is not closed".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorCode::HiveBadData, format!("byte {offset}: {problem}")))
    }

    fn extent(&self, rest: &[u8]) -> Option<Extent> {
        let line = line_extent(rest, 0, self.finished);
        let Some(quote) = self.quote else { return line };
        match line {
            Some((length, _)) if memchr(quote, rest.get(..length)?).is_none() => line,
            _ => self.quoted_extent(rest, quote),
        }
    }

    /// The end of a line in which fields may be quoted.
    fn quoted_extent(&self, rest: &[u8], quote: u8) -> Option<Extent> {
        let mut position = 0;
        loop {
            if rest.get(position) == Some(&quote) {
                position = self.skip_quoted(rest, position + 1, quote)?;
            }
            // What follows a quoted field up to the delimiter belongs to the field.
            let tail = rest.get(position..)?;
            match memchr3(self.delimiter, b'\n', b'\r', tail) {
                Some(found) if tail.get(found) == Some(&self.delimiter) => position += found + 1,
                _ => return line_extent(rest, position, self.finished),
            }
        }
    }

    /// The position after the quote that closes the field whose content begins at `position`.
    fn skip_quoted(&self, rest: &[u8], mut position: usize, quote: u8) -> Option<usize> {
        let escape = self.escape.unwrap_or(quote);
        loop {
            let found = position + memchr2(quote, escape, rest.get(position..)?)?;
            let next = rest.get(found + 1).copied();
            if next.is_none() && !self.finished {
                return None;
            }
            let is_quote = rest.get(found) == Some(&quote);
            let is_pair = next == Some(quote) || (!is_quote && next == Some(escape));
            match (is_quote, is_pair) {
                (_, true) => position = found + 2,
                (true, false) => return Some(found + 1),
                (false, false) => position = found + 1,
            }
        }
    }
}

/// The end of the line in which `from` lies. A `\r` at the very end may be half of `\r\n`.
fn line_extent(rest: &[u8], from: usize, finished: bool) -> Option<Extent> {
    let Some(found) = memchr2(b'\n', b'\r', rest.get(from..)?) else {
        return finished.then_some((rest.len(), 0));
    };
    let length = from + found;
    match (rest.get(length), rest.get(length + 1)) {
        (Some(b'\n'), _) => Some((length, 1)),
        (_, Some(b'\n')) => Some((length, 2)),
        (_, Some(_)) => Some((length, 1)),
        (_, None) => finished.then_some((length, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Parameters;

    fn lines(options: &TextOptions, text: &str, chunk: usize) -> Vec<(u64, String)> {
        let mut records = Records::new(options, 0);
        let mut found = vec![];
        let mut chunks = text.as_bytes().chunks(chunk);
        loop {
            while let Some(record) = records.next().unwrap() {
                let line = String::from_utf8(record.bytes.to_vec()).unwrap();
                found.push((record.offset, line));
            }
            match chunks.next() {
                _ if records.is_finished() => return found,
                Some(chunk) => records.push(&Bytes::copy_from_slice(chunk)),
                None => records.finish(),
            }
        }
    }

    #[test]
    fn lines_are_found_whatever_the_chunks() {
        let csv = TextOptions::csv(&Parameters::new(), &Parameters::new()).unwrap();
        for (options, text, expected) in [
            (
                TextOptions::default(),
                "a\nb\r\nc\rd\n\ne",
                vec![(0, "a"), (2, "b"), (5, "c"), (7, "d"), (9, ""), (10, "e")],
            ),
            (TextOptions::default(), "\r\n\r", vec![(0, ""), (2, "")]),
            (TextOptions::default(), "\u{feff}a\n\u{feff}", vec![(0, "a"), (5, "\u{feff}")]),
            (csv.clone(), "a,\"x\ny\",b\nc", vec![(0, "a,\"x\ny\",b"), (10, "c")]),
            (csv.clone(), "\"a\"\"\n\\\"b\"\r\nc", vec![(0, "\"a\"\"\n\\\"b\""), (11, "c")]),
            (csv.clone(), "5\" pipe\nb", vec![(0, "5\" pipe"), (8, "b")]),
            (csv, "\"\"\n\"\",\"\\\\\"\n", vec![(0, "\"\""), (3, "\"\",\"\\\\\"")]),
        ] {
            for chunk in 1..=text.len() {
                let expected: Vec<(u64, String)> =
                    expected.iter().map(|(at, line)| (*at, (*line).to_owned())).collect();
                assert_eq!(lines(&options, text, chunk), expected, "{text:?} by {chunk}");
            }
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_and_an_endless_line_are_errors_with_their_offset() {
        let csv = TextOptions::csv(&Parameters::new(), &Parameters::new()).unwrap();
        let mut records = Records::new(&csv, 0);
        records.push(&Bytes::from_static(b"a\nb,\"c\nd"));
        records.finish();
        assert_eq!(records.next().unwrap().unwrap().bytes, b"a");
        let err = records.next().unwrap_err();
        assert_eq!(err.message(), "byte 2: a quoted field is not closed");

        let mut records = Records::new(&TextOptions::default(), 7);
        records.push(&vec![b'x'; MAX_LENGTH + 1].into());
        let err = records.next().unwrap_err();
        assert_eq!(err.message(), "byte 7: a line is longer than 64 MiB");
    }
}
