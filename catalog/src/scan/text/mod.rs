//! Lines of text: Hive's delimited text (`LazySimpleSerDe`) and CSV with quotes
//! (`OpenCSVSerde`).
//!
//! From bytes to batches: [`chunks`](self) fetches byte ranges and decompresses, `records`
//! finds the ends of lines, `fields` divides a line, `values` reads a field as its column's
//! type, `rows` collects batches; `opener` puts these together for one split and
//! [`TextSource`] is what DataFusion sees.
//!
//! Where Hive and Trino agree, we do as they do; what Trino does is defined by its readers
//! that promise to be "bug for bug compatible" with Hive's:
//! - a field that cannot be read as its column's type is NULL, and so is an empty field of any
//!   type but string; missing fields at the end are NULL and extra ones are ignored;
//! - `\n`, `\r` and `\r\n` end a line, escaped or not;
//! - the NULL text (`\N`) is compared before escapes are resolved.
//!
//! Where we differ, on purpose: a quoted CSV field may contain line breaks (there a file is
//! read by one task), a CSV column may have any type, a quote in the middle of a CSV field is
//! that character, and bytes that are not UTF-8 are an error rather than replaced.

mod chunks;
mod fields;
mod opener;
mod options;
mod records;
mod rows;
mod source;
mod values;

pub use options::TextOptions;
pub use source::{TEXT_SCAN_TAG, TextSource};
