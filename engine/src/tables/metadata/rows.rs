//! Rows that are being collected, up to a bound.

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Text,
    Number,
    Flag,
    Time,
}

use ColumnKind::{Flag, Number, Text, Time};

/// Names and kinds of columns.
pub(super) type Columns = &'static [(&'static str, ColumnKind)];

/// The schema of a table with these columns.
pub(super) fn schema_of(columns: Columns) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| {
        let data_type = match kind {
            Text => DataType::Utf8,
            Number => DataType::Int64,
            Flag => DataType::Boolean,
            Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        };
        Field::new(*name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A value.
#[derive(Debug)]
pub(super) enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
    Flag(bool),
    /// Milliseconds since 1970.
    Time(Option<i64>),
}

impl Cell {
    /// A time in seconds since 1970, of which 0 is "unknown" as for Hive.
    pub(super) fn seconds(seconds: i64) -> Self {
        Self::Time((seconds > 0).then(|| seconds.saturating_mul(1_000)))
    }

    pub(super) fn count(n: Option<u64>) -> Self {
        Self::Number(n.and_then(|n| i64::try_from(n).ok()))
    }

    /// A text that is NULL when it is empty.
    pub(super) fn filled(text: &str) -> Self {
        Self::Text((!text.is_empty()).then(|| text.to_owned()))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

enum Builder {
    Text(StringBuilder),
    Number(Int64Builder),
    Flag(BooleanBuilder),
    Time(TimestampMillisecondBuilder),
}

impl Builder {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            Text => Self::Text(StringBuilder::new()),
            Number => Self::Number(Int64Builder::new()),
            Flag => Self::Flag(BooleanBuilder::new()),
            Time => Self::Time(TimestampMillisecondBuilder::new()),
        }
    }

    fn push(&mut self, cell: Cell) -> Result<()> {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(text)) => builder.append_option(text),
            (Self::Number(builder), Cell::Number(n)) => builder.append_option(n),
            (Self::Flag(builder), Cell::Flag(flag)) => builder.append_value(flag),
            (Self::Time(builder), Cell::Time(time)) => builder.append_option(time),
            (_, cell) => return Err(Error::internal(format!("{cell:?} is in a wrong column"))),
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Number(mut builder) => Arc::new(builder.finish()),
            Self::Flag(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish().with_timezone("UTC")),
        }
    }
}

/// How many rows there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLimits {
    /// More than these are an error.
    pub(super) max: usize,
    /// More than these are not wanted.
    pub(super) wanted: Option<usize>,
}

/// Rows of one table.
pub(super) struct Rows {
    columns: Columns,
    builders: Vec<Builder>,
    n_rows: usize,
    limits: RowLimits,
}

impl Rows {
    pub(super) fn new(columns: Columns, limits: RowLimits) -> Self {
        let builders = columns.iter().map(|(_, kind)| Builder::new(*kind)).collect();
        Self { columns, builders, n_rows: 0, limits }
    }

    /// Adds a row.
    pub(super) fn push<const N: usize>(&mut self, cells: [Cell; N]) -> Result<()> {
        if self.n_rows >= self.limits.max {
            return Err(Error::new(
                ErrorCode::GenericInsufficientResources,
                format!(
                    "the table has more than {} rows, the limit of catalog.metadata_max_rows",
                    self.limits.max
                ),
            )
            .with_hint("ask for a catalog, schema or table by \"=\" or IN"));
        }
        self.n_rows += 1;
        self.builders.iter_mut().zip(cells).try_for_each(|(builder, cell)| builder.push(cell))
    }

    /// Whether no more rows are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.limits.wanted.is_some_and(|wanted| self.n_rows >= wanted)
    }

    /// How many more rows can be of use, one of which would be too many.
    pub(super) fn room(&self) -> usize {
        let wanted = self.limits.wanted.unwrap_or(usize::MAX).min(self.limits.max + 1);
        wanted.saturating_sub(self.n_rows)
    }

    pub(super) fn finish(self) -> Result<RecordBatch> {
        let arrays = self.builders.into_iter().map(Builder::finish).collect();
        RecordBatch::try_new(schema_of(self.columns), arrays)
            .map_err(|err| Error::internal(format!("system.metadata: {err}")))
    }
}
