//! The query of ANALYZE: what it asks of each column, and how its rows are read.

use crate::error::from_datafusion;
use chrono::DateTime;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, DecimalType, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use quern_catalog::hive_type;
use quern_catalog::model::{Column, ColumnStatistics};
use quern_common::{Error, ErrorCode, Result};

use crate::statement::quoting::quoted;

/// What can be said of the values of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    /// Has a least and a greatest value: whole numbers, decimals, dates, times.
    Ordered,
    Float,
    Text,
    Binary,
}

impl Kind {
    /// None for types of which no statistics are kept.
    fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Boolean => Some(Self::Boolean),
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Date32
            | DataType::Timestamp(..)
            | DataType::Decimal128(..) => Some(Self::Ordered),
            DataType::Float32 | DataType::Float64 => Some(Self::Float),
            DataType::Utf8 => Some(Self::Text),
            DataType::Binary => Some(Self::Binary),
            _ => None,
        }
    }
}

/// A column that is measured.
#[derive(Debug, Clone)]
pub(super) struct MeasuredColumn {
    name: String,
    hive_type: String,
    kind: Kind,
}

impl MeasuredColumn {
    /// None when no statistics are kept of columns of its type.
    pub(super) fn of(column: &Column) -> Result<Option<Self>> {
        let kind = Kind::of(&hive_type::data_type_of(&column.hive_type)?);
        let (name, hive_type) = (column.name.clone(), column.hive_type.clone());
        Ok(kind.map(|kind| Self { name, hive_type, kind }))
    }

    /// Fails when no statistics are kept of columns of its type.
    pub(super) fn named(column: &Column) -> Result<Self> {
        Self::of(column)?.ok_or_else(|| {
            Error::new(
                ErrorCode::NotSupported,
                format!(
                    "statistics of column \"{}\", which is of type {}, are not supported",
                    column.name, column.hive_type
                ),
            )
        })
    }

    /// What is asked, in the order in which [`Self::read`] takes the answers.
    pub(super) fn expressions(&self) -> Vec<String> {
        let name = quoted(&self.name);
        let count = format!("count({name})");
        let distinct = |of: &str| format!("approx_distinct({of})");
        match self.kind {
            Kind::Boolean => vec![count, format!("count(CASE WHEN {name} THEN 1 END)")],
            Kind::Ordered => {
                vec![count, distinct(&name), format!("min({name})"), format!("max({name})")]
            }
            Kind::Float => {
                let number = format!("CASE WHEN NOT isnan({name}) THEN {name} END");
                vec![
                    count,
                    distinct(&format!("CAST({name} AS VARCHAR)")),
                    format!("min({number})"),
                    format!("max({number})"),
                ]
            }
            Kind::Text => {
                let length = format!("CAST(octet_length({name}) AS BIGINT)");
                vec![count, distinct(&name), format!("sum({length})"), format!("max({length})")]
            }
            Kind::Binary => {
                // Two digits a byte.
                let length = format!("CAST(octet_length(encode({name}, 'hex')) / 2 AS BIGINT)");
                vec![count, distinct(&name), format!("sum({length})"), format!("max({length})")]
            }
        }
    }

    /// Reads the answers for a group of `rows` rows.
    pub(super) fn read(&self, row: &mut Row<'_>, rows: u64) -> Result<ColumnStatistics> {
        let values = row.number()?.unwrap_or(0);
        let mut statistics = self.empty();
        statistics.null_count = Some(rows.saturating_sub(values));
        if self.kind == Kind::Boolean {
            let trues = row.number()?.unwrap_or(0);
            let falses = values.saturating_sub(trues);
            statistics.num_trues = Some(trues);
            statistics.num_falses = Some(falses);
            statistics.distinct_count = Some(u64::from(trues > 0) + u64::from(falses > 0));
            return Ok(statistics);
        }
        // It is an estimate, and there are no more different values than there are values.
        statistics.distinct_count = Some(row.number()?.unwrap_or(0).min(values));
        match self.kind {
            Kind::Boolean | Kind::Ordered | Kind::Float => {
                statistics.min = text_of(&row.value()?)?;
                statistics.max = text_of(&row.value()?)?;
            }
            Kind::Text | Kind::Binary => {
                let (sum, max) = (row.number()?.unwrap_or(0), row.number()?.unwrap_or(0));
                let average = if values == 0 { 0.0 } else { sum as f64 / values as f64 };
                statistics.avg_length = Some(average);
                statistics.max_length = Some(max);
            }
        }
        Ok(statistics)
    }

    /// Statistics of no row.
    pub(super) fn of_nothing(&self) -> ColumnStatistics {
        let is_boolean = self.kind == Kind::Boolean;
        let has_length = matches!(self.kind, Kind::Text | Kind::Binary);
        ColumnStatistics {
            null_count: Some(0),
            distinct_count: Some(0),
            num_trues: is_boolean.then_some(0),
            num_falses: is_boolean.then_some(0),
            avg_length: has_length.then_some(0.0),
            max_length: has_length.then_some(0),
            ..self.empty()
        }
    }

    fn empty(&self) -> ColumnStatistics {
        ColumnStatistics {
            column: self.name.clone(),
            hive_type: self.hive_type.clone(),
            last_analyzed: Some(chrono::Utc::now().timestamp()),
            ..ColumnStatistics::default()
        }
    }
}

/// A row of an answer, read from left to right.
pub(super) struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
    column: usize,
}

impl<'a> Row<'a> {
    pub(super) const fn new(batch: &'a RecordBatch, row: usize) -> Self {
        Self { batch, row, column: 0 }
    }

    pub(super) fn value(&mut self) -> Result<ScalarValue> {
        let column = self.batch.columns().get(self.column);
        let column = column.ok_or_else(|| Error::internal("an answer has too few columns"))?;
        self.column += 1;
        ScalarValue::try_from_array(column, self.row).map_err(from_datafusion)
    }

    pub(super) fn number(&mut self) -> Result<Option<u64>> {
        let value = self.value()?.cast_to(&DataType::UInt64).map_err(from_datafusion)?;
        match value {
            ScalarValue::UInt64(number) => Ok(number),
            other => Err(Error::internal(format!("{other} is no number"))),
        }
    }

    pub(super) fn text(&mut self) -> Result<Option<String>> {
        let value = self.value()?;
        match value.try_as_str() {
            Some(text) => Ok(text.map(str::to_owned)),
            None => Err(Error::internal(format!("{value} is no text"))),
        }
    }
}

/// A value as text that casts to its type. NaN and infinities bound nothing.
pub(super) fn text_of(value: &ScalarValue) -> Result<Option<String>> {
    Ok(match value {
        _ if value.is_null() => None,
        ScalarValue::Float32(Some(x)) => x.is_finite().then(|| format!("{x:?}")),
        ScalarValue::Float64(Some(x)) => x.is_finite().then(|| format!("{x:?}")),
        ScalarValue::Decimal128(Some(x), precision, scale) => {
            Some(Decimal128Type::format_decimal(*x, *precision, *scale))
        }
        ScalarValue::TimestampMicrosecond(Some(micros), _) => {
            let time = DateTime::from_timestamp_micros(*micros);
            time.map(|time| time.format("%Y-%m-%d %H:%M:%S%.f").to_string())
        }
        other => match other.data_type() {
            DataType::Timestamp(..) => {
                let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
                return text_of(&other.cast_to(&micros).map_err(from_datafusion)?);
            }
            _ => Some(other.to_string()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_texts_that_cast_back() {
        for (value, expected) in [
            (ScalarValue::Int32(Some(-7)), Some("-7")),
            (ScalarValue::Float64(Some(0.5)), Some("0.5")),
            (ScalarValue::Float64(Some(f64::NAN)), None),
            (ScalarValue::Float32(Some(f32::INFINITY)), None),
            (ScalarValue::Decimal128(Some(-1250), 10, 2), Some("-12.50")),
            (ScalarValue::Date32(Some(19_723)), Some("2024-01-01")),
            (ScalarValue::TimestampMicrosecond(Some(0), None), Some("1970-01-01 00:00:00")),
            (ScalarValue::TimestampMillisecond(Some(1_500), None), Some("1970-01-01 00:00:01.500")),
            (ScalarValue::Int64(None), None),
        ] {
            assert_eq!(text_of(&value).unwrap().as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn a_nested_column_is_refused_by_name_and_type() {
        let column = Column::new("tags", "array<string>");
        assert!(MeasuredColumn::of(&column).unwrap().is_none());
        let err = MeasuredColumn::named(&column).unwrap_err();
        assert_eq!(err.code(), ErrorCode::NotSupported);
        assert!(err.message().contains("\"tags\"") && err.message().contains("array<string>"));
    }
}
