//! One JSON object a line. Columns of one name give several members of one name.

use super::{Renderer, column_names};
use crate::shell::value::{Texts, write_json_text};
use arrow::datatypes::SchemaRef;
use std::io::{self, Write};

#[derive(Debug)]
pub(super) struct JsonLines {
    /// `"name":` of each column.
    labels: Vec<String>,
}

impl JsonLines {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let label = |name| {
            let mut label = String::new();
            write_json_text(name, &mut label);
            label.push(':');
            label
        };
        Self { labels: column_names(schema).into_iter().map(label).collect() }
    }
}

impl Renderer for JsonLines {
    fn batch(&mut self, columns: &[Texts<'_>], rows: usize, out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        for row in 0..rows {
            line.clear();
            line.push('{');
            for (nth, (label, texts)) in self.labels.iter().zip(columns).enumerate() {
                line.push_str(if nth > 0 { "," } else { "" });
                line.push_str(label);
                texts.write_json(row, ",", ":", &mut line);
            }
            line.push('}');
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
