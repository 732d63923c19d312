//! A table with aligned columns.

use super::{RenderOptions, Renderer, column_names};
use crate::shell::text::{escape_controls, escape_to_line, pad, width};
use crate::shell::value::{Texts, is_number};
use arrow::datatypes::SchemaRef;
use std::io::{self, Write};

/// Rows are held back until their columns' width is known, at most this many …
const CHUNK_ROWS: usize = 1_000;
/// … or this many bytes. Later chunks may need wider columns, and get them.
const CHUNK_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Aligned {
    columns: Vec<Column>,
    null: String,
    /// Rows of cells, not yet written.
    chunk: Vec<Vec<String>>,
    chunk_bytes: usize,
    header_written: bool,
}

#[derive(Debug)]
struct Column {
    name: String,
    to_the_right: bool,
    width: usize,
}

impl Aligned {
    pub(super) fn new(schema: &SchemaRef, options: &RenderOptions) -> Self {
        let column = |(name, field): (&str, &arrow::datatypes::FieldRef)| {
            let name = escape_to_line(name);
            let width = width(&name);
            Column { name, to_the_right: is_number(field.data_type()), width }
        };
        let columns = column_names(schema).into_iter().zip(schema.fields()).map(column).collect();
        Self {
            columns,
            null: options.null().to_owned(),
            chunk: Vec::new(),
            chunk_bytes: 0,
            header_written: false,
        }
    }

    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let rows = std::mem::take(&mut self.chunk);
        self.chunk_bytes = 0;
        for row in &rows {
            for (column, cell) in self.columns.iter_mut().zip(row) {
                let widest = cell.split('\n').map(width).max().unwrap_or(0);
                column.width = column.width.max(widest);
            }
        }
        if !self.header_written {
            self.header_written = true;
            self.write_header(out)?;
        }
        rows.iter().try_for_each(|row| self.write_row(row, out))
    }

    fn write_header(&self, out: &mut dyn Write) -> io::Result<()> {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        self.write_row(&names, out)?;
        let rules: Vec<_> =
            self.columns.iter().map(|column| "-".repeat(column.width + 2)).collect();
        writeln!(out, "{}", rules.join("+"))
    }

    /// Writes one row; a cell with line feeds makes it several lines high.
    fn write_row(&self, row: &[String], out: &mut dyn Write) -> io::Result<()> {
        let cells: Vec<Vec<&str>> = row.iter().map(|cell| cell.split('\n').collect()).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        for nth in 0..height {
            let mut line = String::new();
            for (at, (column, lines)) in self.columns.iter().zip(&cells).enumerate() {
                if at > 0 {
                    line.push('|');
                }
                line.push(' ');
                column.write(lines.get(nth).copied().unwrap_or_default(), &mut line);
                // In a table of one column it is plain that the lines belong together.
                let goes_on = nth + 1 < lines.len() && cells.len() > 1;
                line.push(if goes_on { '+' } else { ' ' });
            }
            writeln!(out, "{}", line.trim_end_matches(' '))?;
        }
        Ok(())
    }
}

impl Column {
    fn write(&self, text: &str, line: &mut String) {
        let used = width(text);
        if self.to_the_right {
            pad(line, used, self.width);
            line.push_str(text);
        } else {
            line.push_str(text);
            pad(line, used, self.width);
        }
    }
}

impl Renderer for Aligned {
    fn batch(&mut self, columns: &[Texts<'_>], rows: usize, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..rows {
            let cells: Vec<String> = columns
                .iter()
                .map(|texts| match texts.text(row) {
                    Some(text) => escape_controls(&text),
                    None => self.null.clone(),
                })
                .collect();
            self.chunk_bytes += cells.iter().map(String::len).sum::<usize>();
            self.chunk.push(cells);
            if self.chunk.len() >= CHUNK_ROWS || self.chunk_bytes >= CHUNK_BYTES {
                self.flush(out)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.flush(out)
    }
}
