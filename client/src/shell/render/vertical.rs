//! One line a column.

use super::{RenderOptions, Renderer, column_names};
use crate::shell::text::{escape_controls, escape_to_line, pad, width};
use crate::shell::value::Texts;
use arrow::datatypes::SchemaRef;
use std::io::{self, Write};

const RULE_WIDTH: usize = 40;

#[derive(Debug)]
pub(super) struct Vertical {
    /// Column names, padded to one width.
    names: Vec<String>,
    name_width: usize,
    null: String,
    rows: u64,
}

impl Vertical {
    pub(super) fn new(schema: &SchemaRef, options: &RenderOptions) -> Self {
        let mut names: Vec<String> = column_names(schema).into_iter().map(escape_to_line).collect();
        let name_width = names.iter().map(|name| width(name)).max().unwrap_or(0);
        for name in &mut names {
            let used = width(name);
            pad(name, used, name_width);
        }
        Self { names, name_width, null: options.null().to_owned(), rows: 0 }
    }
}

impl Renderer for Vertical {
    fn batch(&mut self, columns: &[Texts<'_>], rows: usize, out: &mut dyn Write) -> io::Result<()> {
        let mut blank = String::new();
        pad(&mut blank, 0, self.name_width);
        for row in 0..rows {
            self.rows += 1;
            let mut rule = format!("-[ RECORD {} ]", self.rows);
            rule.extend(std::iter::repeat_n('-', RULE_WIDTH.saturating_sub(rule.len())));
            writeln!(out, "{rule}")?;
            for (name, texts) in self.names.iter().zip(columns) {
                let text =
                    texts.text(row).map_or_else(|| self.null.clone(), |t| escape_controls(&t));
                for (nth, line) in text.split('\n').enumerate() {
                    let label = if nth == 0 { name } else { &blank };
                    writeln!(out, "{}", format!("{label} | {line}").trim_end_matches(' '))?;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
