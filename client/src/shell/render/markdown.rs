//! A Markdown table.

use super::{RenderOptions, Renderer, column_names};
use crate::shell::text::escape_controls;
use crate::shell::value::{Texts, is_number};
use arrow::datatypes::SchemaRef;
use std::io::{self, Write};

#[derive(Debug)]
pub(super) struct Markdown {
    null: String,
    /// The two lines above the rows, until they are written.
    header: Option<String>,
}

impl Markdown {
    pub(super) fn new(schema: &SchemaRef, options: &RenderOptions) -> Self {
        let names: Vec<_> = column_names(schema).into_iter().map(cell).collect();
        let rules: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| if is_number(field.data_type()) { "---:" } else { "---" })
            .collect();
        let header = format!("| {} |\n| {} |", names.join(" | "), rules.join(" | "));
        Self { null: options.null().to_owned(), header: Some(header) }
    }
}

fn cell(text: &str) -> String {
    let escaped = escape_controls(text).replace('\\', "\\\\").replace('|', "\\|");
    escaped.replace('<', "&lt;").replace('\n', "<br>")
}

impl Renderer for Markdown {
    fn batch(&mut self, columns: &[Texts<'_>], rows: usize, out: &mut dyn Write) -> io::Result<()> {
        self.finish(out)?;
        for row in 0..rows {
            let cells: Vec<_> = columns
                .iter()
                .map(|texts| texts.text(row).map_or_else(|| self.null.clone(), |text| cell(&text)))
                .collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
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
