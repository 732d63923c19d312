//! CSV and TSV.

use super::{RenderOptions, Renderer, column_names};
use crate::shell::text::escape_controls;
use crate::shell::value::Texts;
use arrow::datatypes::SchemaRef;
use std::borrow::Cow;
use std::io::{self, Write};

#[derive(Debug)]
pub(super) struct Delimited {
    csv: bool,
    null: String,
    terminal: bool,
    /// The line of column names, until it is written.
    header: Option<String>,
}

impl Delimited {
    pub(super) fn csv(schema: &SchemaRef, options: &RenderOptions) -> Self {
        Self::new(true, schema, options)
    }

    pub(super) fn tsv(schema: &SchemaRef, options: &RenderOptions) -> Self {
        Self::new(false, schema, options)
    }

    fn new(csv: bool, schema: &SchemaRef, options: &RenderOptions) -> Self {
        let null = options.null().to_owned();
        let mut delimited = Self { csv, null, terminal: options.terminal, header: None };
        if options.header {
            let names = column_names(schema).into_iter().map(|name| Some(name.to_owned()));
            delimited.header = Some(delimited.line(names));
        }
        delimited
    }

    fn line(&self, cells: impl Iterator<Item = Option<String>>) -> String {
        let cells: Vec<String> = cells
            .map(|cell| match cell {
                Some(text) => self.cell(&text),
                None => self.null.clone(),
            })
            .collect();
        cells.join(if self.csv { "," } else { "\t" })
    }

    fn cell(&self, text: &str) -> String {
        if self.csv {
            let text = if self.terminal { escape_controls(text).into() } else { Cow::from(text) };
            return self.csv_cell(&text);
        }
        let mut cell = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\\' => cell.push_str("\\\\"),
                '\t' => cell.push_str("\\t"),
                '\n' => cell.push_str("\\n"),
                '\r' => cell.push_str("\\r"),
                c => cell.push(c),
            }
        }
        if self.terminal { escape_controls(&cell) } else { cell }
    }

    /// Quotes what a reader would take for something else: a separator, or NULL.
    fn csv_cell(&self, text: &str) -> String {
        if text != self.null && !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
            return text.to_owned();
        }
        format!("\"{}\"", text.replace('"', "\"\""))
    }
}

impl Renderer for Delimited {
    fn batch(&mut self, columns: &[Texts<'_>], rows: usize, out: &mut dyn Write) -> io::Result<()> {
        self.finish(out)?;
        for row in 0..rows {
            let line = self.line(columns.iter().map(|texts| texts.text(row)));
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.header.take() {
            Some(header) => writeln!(out, "{header}"),
            None => Ok(()),
        }
    }
}
