//! Collecting lines into batches.

use super::fields::{for_each_field, unescape};
use super::options::TextOptions;
use super::records::Record;
use super::values;
use arrow::array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int64Builder, StringBuilder,
};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion_common::DataFusionError;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;

/// A batch ends after this many bytes of lines, however few those are: texts are indexed by 32
/// bits and one line may have 64 MiB.
const MAX_BATCH_BYTES: usize = 32 << 20;

/// Collects the values of one column.
#[derive(Debug)]
enum Values {
    Boolean(BooleanBuilder),
    /// Every integer type: what does not fit becomes NULL when the batch is made.
    Integer(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Date(Date32Builder),
    Timestamp(Int64Builder, TimeUnit),
    Text(StringBuilder),
    Binary(BinaryBuilder),
}

impl Values {
    fn new(name: &str, data_type: &DataType) -> Result<Self> {
        Ok(match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                Self::Integer(Int64Builder::new())
            }
            DataType::Float32 => Self::Float32(Float32Builder::new()),
            DataType::Float64 => Self::Float64(Float64Builder::new()),
            DataType::Decimal128(precision, scale) => {
                let builder = Decimal128Builder::new().with_data_type(data_type.clone());
                Self::Decimal(builder, *precision, *scale)
            }
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(unit, _) => Self::Timestamp(Int64Builder::new(), *unit),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Text(StringBuilder::new())
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                Self::Binary(BinaryBuilder::new())
            }
            other => {
                return Err(Error::not_supported(format_args!(
                    "column \"{name}\" of type {other} in a text file"
                )));
            }
        })
    }

    fn append_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder) | Self::Timestamp(builder, _) => builder.append_null(),
            Self::Float32(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Decimal(builder, ..) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
        }
    }

    /// Appends the value of a field; a text that is not UTF-8 is the position of its first
    /// wrong byte.
    fn append(&mut self, field: &[u8], extended_boolean: bool) -> Result<(), usize> {
        match self {
            Self::Boolean(builder) => {
                builder.append_option(values::boolean(field, extended_boolean));
            }
            Self::Integer(builder) => builder.append_option(values::integer(field)),
            Self::Float32(builder) => builder.append_option(values::float(field)),
            Self::Float64(builder) => builder.append_option(values::float(field)),
            Self::Decimal(builder, precision, scale) => {
                builder.append_option(values::decimal(field, *precision, *scale));
            }
            Self::Date(builder) => builder.append_option(values::date(field)),
            Self::Timestamp(builder, unit) => {
                let moment = values::timestamp(field);
                builder.append_option(moment.and_then(|(secs, nanos)| in_unit(secs, nanos, *unit)));
            }
            Self::Text(builder) => {
                builder.append_value(std::str::from_utf8(field).map_err(|err| err.valid_up_to())?);
            }
            Self::Binary(builder) => builder.append_value(values::binary(field)),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) | Self::Timestamp(builder, _) => Arc::new(builder.finish()),
            Self::Float32(builder) => Arc::new(builder.finish()),
            Self::Float64(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder, ..) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Binary(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Units since 1970; finer digits are cut off, what does not fit is NULL.
fn in_unit(seconds: i64, nanos: u32, unit: TimeUnit) -> Option<i64> {
    let per_second: i64 = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let part = i64::from(nanos) / (1_000_000_000 / per_second);
    seconds.checked_mul(per_second)?.checked_add(part)
}

/// Collects lines into batches of the projected columns.
#[derive(Debug)]
pub(super) struct Rows {
    options: TextOptions,
    schema: SchemaRef,
    columns: Vec<Values>,
    /// For each field of a line, up to the last that is wanted, its place in `columns`.
    targets: Vec<Option<usize>>,
    batch_size: usize,
    count: usize,
    bytes: usize,
    scratch: Vec<u8>,
    unescaped: Vec<u8>,
}

impl Rows {
    /// `schema` has the columns with the numbers `indices`, which ascend.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for a nested column.
    pub(super) fn new(
        options: TextOptions,
        schema: SchemaRef,
        indices: &[usize],
        batch_size: usize,
    ) -> Result<Self> {
        let columns =
            schema.fields().iter().map(|field| Values::new(field.name(), field.data_type()));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let mut targets = vec![None; indices.last().map_or(0, |last| last + 1)];
        for (column, index) in indices.iter().enumerate() {
            if let Some(target) = targets.get_mut(*index) {
                *target = Some(column);
            }
        }
        Ok(Self {
            options,
            schema,
            columns,
            targets,
            batch_size: batch_size.max(1),
            count: 0,
            bytes: 0,
            scratch: vec![],
            unescaped: vec![],
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= self.batch_size || self.bytes >= MAX_BATCH_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends a line as a row.
    ///
    /// # Errors
    /// `HIVE_BAD_DATA` with the offset of a byte that is not UTF-8.
    pub(super) fn append(&mut self, record: &Record<'_>) -> Result<()> {
        self.count += 1;
        self.bytes += record.bytes.len();
        let Some(last) = self.targets.len().checked_sub(1) else { return Ok(()) };
        let Self { options, columns, targets, scratch, unescaped, .. } = self;
        let null = options.null_text.as_deref().map(str::as_bytes);
        let escape = options.escape.filter(|_| options.quote.is_none());
        let found = for_each_field(options, record.bytes, last, scratch, |number, field| {
            let target = targets.get(number).copied().flatten();
            let Some(column) = target.and_then(|target| columns.get_mut(target)) else {
                return Ok(());
            };
            if Some(field) == null {
                column.append_null();
                return Ok(());
            }
            let field = match escape {
                Some(escape) if matches!(column, Values::Text(_)) => {
                    unescape(field, escape, unescaped)
                }
                _ => field,
            };
            column.append(field, options.extended_boolean).map_err(|_| not_utf8(record, number + 1))
        })?;
        for target in targets.iter().skip(found).flatten() {
            if let Some(column) = columns.get_mut(*target) {
                column.append_null();
            }
        }
        Ok(())
    }

    /// Makes a batch of the rows so far.
    ///
    /// # Errors
    /// When a column that is declared NOT NULL has a NULL.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, DataFusionError> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.count));
        self.count = 0;
        self.bytes = 0;
        let fields = self.schema.fields().iter();
        let arrays = self.columns.iter_mut().zip(fields).map(|(column, field)| {
            // A cast that fails for one value makes it NULL.
            cast(&column.finish(), field.data_type())
        });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

fn not_utf8(record: &Record<'_>, field: usize) -> Error {
    let valid = std::str::from_utf8(record.bytes).map_or_else(|err| err.valid_up_to(), |_| 0);
    Error::new(
        ErrorCode::HiveBadData,
        format!("byte {}: field {field} is not UTF-8", record.offset + valid as u64),
    )
}
