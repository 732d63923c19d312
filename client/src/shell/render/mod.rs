//! Result rows to text, one file a format.
//!
//! Rows are written while they arrive: no format keeps more than a chunk of them.

mod aligned;
mod delimited;
mod json;
mod markdown;
mod vertical;

use crate::shell::value::{Texts, decoded};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use quern_common::{Error, ErrorCode};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// A table with aligned columns, for people.
    Aligned,
    /// One line a column, for rows too wide for the screen.
    Vertical,
    /// RFC 4180 with `\n` line ends: NULL is empty, the empty text is `""`.
    Csv,
    /// Tab-separated; tab, line feed, carriage return and backslash as `\t`, `\n`, `\r`, `\\`.
    Tsv,
    /// One JSON object a line.
    Json,
    /// A Markdown table.
    Markdown,
}

const NAMES: &[(&str, OutputFormat)] = &[
    ("aligned", OutputFormat::Aligned),
    ("vertical", OutputFormat::Vertical),
    ("csv", OutputFormat::Csv),
    ("tsv", OutputFormat::Tsv),
    ("json", OutputFormat::Json),
    ("markdown", OutputFormat::Markdown),
];

impl OutputFormat {
    /// The names that [`FromStr`] takes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// How NULL looks when nothing else was asked for.
    fn null(self) -> &'static str {
        match self {
            Self::Aligned | Self::Vertical | Self::Markdown => "NULL",
            Self::Csv | Self::Tsv | Self::Json => "",
        }
    }
}

impl FromStr for OutputFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, format)| *format).ok_or_else(|| {
            let names: Vec<_> = Self::names().collect();
            let message = format!("\"{text}\" is not an output format");
            Error::new(ErrorCode::InvalidArguments, message)
                .with_hint(format!("formats are {}", names.join(", ")))
        })
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name))
    }
}

/// What the formats have in common.
#[derive(Debug, Clone)]
pub(crate) struct RenderOptions {
    pub(crate) format: OutputFormat,
    /// How NULL looks, when it is not the format's own way. JSON does not ask.
    pub(crate) null: Option<String>,
    /// Whether CSV and TSV begin with the column names.
    pub(crate) header: bool,
    /// Whether the text goes to a terminal, which must not see control characters.
    pub(crate) terminal: bool,
}

impl RenderOptions {
    fn null(&self) -> &str {
        self.null.as_deref().unwrap_or_else(|| self.format.null())
    }
}

/// Writes one result. `batch` is called for its batches in turn, then `finish` once.
pub(crate) trait Renderer: Send {
    fn batch(&mut self, columns: &[Texts<'_>], rows: usize, out: &mut dyn Write) -> io::Result<()>;
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// Returns the writer of a result with `schema`.
pub(crate) fn renderer(schema: &SchemaRef, options: &RenderOptions) -> Box<dyn Renderer> {
    match options.format {
        OutputFormat::Aligned => Box::new(aligned::Aligned::new(schema, options)),
        OutputFormat::Vertical => Box::new(vertical::Vertical::new(schema, options)),
        OutputFormat::Csv => Box::new(delimited::Delimited::csv(schema, options)),
        OutputFormat::Tsv => Box::new(delimited::Delimited::tsv(schema, options)),
        OutputFormat::Json => Box::new(json::JsonLines::new(schema)),
        OutputFormat::Markdown => Box::new(markdown::Markdown::new(schema, options)),
    }
}

/// Writes a batch.
pub(crate) fn write_batch(
    renderer: &mut dyn Renderer,
    batch: &RecordBatch,
    out: &mut dyn Write,
) -> io::Result<()> {
    let arrays: Vec<ArrayRef> =
        batch.columns().iter().map(decoded).collect::<Result<_, _>>().map_err(io::Error::other)?;
    let columns: Vec<Texts<'_>> =
        arrays.iter().map(|a| Texts::new(a)).collect::<Result<_, _>>().map_err(io::Error::other)?;
    renderer.batch(&columns, batch.num_rows(), out)
}

fn column_names(schema: &Schema) -> Vec<&str> {
    schema.fields().iter().map(|field| field.name().as_str()).collect()
}

#[cfg(test)]
mod tests;
