//! Statistics of columns as Hive's, whose shape follows the column's type.

use crate::hive_type::HiveType;
use crate::model::{ColumnStatistics, Decimal};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use quern_proto::hive_metastore::Binary;
use quern_proto::hive_metastore::types as hive;
use quern_proto::hive_metastore::types::ColumnStatisticsData as Data;
use std::cmp::Ordering;

/// Days from the first day of year 1 to 1970-01-01, as chrono counts.
const EPOCH_DAY: i32 = 719_163;
const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.f";
/// Digits that a decimal has at most.
const DECIMAL_DIGITS: usize = 38;

/// Hive writes -1 for a number that it does not know.
fn number(n: Option<u64>) -> i64 {
    n.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX))
}

fn known(n: i64) -> Option<u64> {
    u64::try_from(n).ok()
}

/// A column's statistics as Hive's; none for a type of which Hive keeps none.
pub(in crate::metastore) fn statistics_to_hive(
    column: &ColumnStatistics,
) -> Option<hive::ColumnStatisticsObj> {
    let data = data_to_hive(column, &HiveType::parse(&column.hive_type).ok()?)?;
    Some(hive::ColumnStatisticsObj {
        col_name: column.column.clone(),
        col_type: column.hive_type.clone(),
        stats_data: data,
    })
}

fn data_to_hive(column: &ColumnStatistics, hive_type: &HiveType) -> Option<Data> {
    let num_nulls = number(column.null_count);
    let num_dvs = number(column.distinct_count);
    let bit_vectors = column.sketch.clone().map(Binary);
    let (min, max) = (column.min.as_deref(), column.max.as_deref());
    Some(match hive_type {
        HiveType::Boolean => Data::Boolean(hive::BooleanColumnStatsData {
            num_trues: number(column.num_trues),
            num_falses: number(column.num_falses),
            num_nulls,
            bit_vectors,
        }),
        HiveType::TinyInt | HiveType::SmallInt | HiveType::Int | HiveType::BigInt => {
            Data::Long(hive::LongColumnStatsData {
                low_value: min.and_then(|text| text.parse().ok()),
                high_value: max.and_then(|text| text.parse().ok()),
                num_nulls,
                num_dvs,
                bit_vectors,
            })
        }
        // Hive before version 4 has seconds as a number here, and cannot read anything else.
        HiveType::Timestamp | HiveType::TimestampLocal => Data::Long(hive::LongColumnStatsData {
            low_value: min.and_then(parse_timestamp).map(|time| time.0),
            high_value: max.and_then(parse_timestamp).map(|time| time.0 + i64::from(time.1)),
            num_nulls,
            num_dvs,
            bit_vectors,
        }),
        HiveType::Float | HiveType::Double => Data::Double(hive::DoubleColumnStatsData {
            low_value: min.and_then(|text| text.parse().ok()),
            high_value: max.and_then(|text| text.parse().ok()),
            num_nulls,
            num_dvs,
            bit_vectors,
        }),
        HiveType::Decimal(_, _) => Data::Decimal(hive::DecimalColumnStatsData {
            low_value: min.and_then(parse_decimal),
            high_value: max.and_then(parse_decimal),
            num_nulls,
            num_dvs,
            bit_vectors,
        }),
        HiveType::Date => Data::Date(hive::DateColumnStatsData {
            low_value: min.and_then(parse_date),
            high_value: max.and_then(parse_date),
            num_nulls,
            num_dvs,
            bit_vectors,
        }),
        HiveType::String | HiveType::Varchar(_) | HiveType::Char(_) => {
            Data::String(hive::StringColumnStatsData {
                max_col_len: number(column.max_length),
                avg_col_len: column.avg_length.unwrap_or(-1.0),
                num_nulls,
                num_dvs,
                bit_vectors,
            })
        }
        HiveType::Binary => Data::Binary(hive::BinaryColumnStatsData {
            max_col_len: number(column.max_length),
            avg_col_len: column.avg_length.unwrap_or(-1.0),
            num_nulls,
            bit_vectors,
        }),
        HiveType::Array(_) | HiveType::Map(_, _) | HiveType::Struct(_) => return None,
    })
}

/// Reads a column's statistics. A kind that is not known tells nothing.
pub(in crate::metastore) fn statistics_from_hive(
    object: hive::ColumnStatisticsObj,
) -> ColumnStatistics {
    let mut column = ColumnStatistics {
        column: object.col_name.to_lowercase(),
        hive_type: object.col_type,
        ..ColumnStatistics::default()
    };
    let is_time = HiveType::parse(&column.hive_type)
        .is_ok_and(|t| matches!(t, HiveType::Timestamp | HiveType::TimestampLocal));
    let is_date = HiveType::parse(&column.hive_type).is_ok_and(|t| t == HiveType::Date);
    let sketch = |bits: Option<Binary>| bits.map(|Binary(bytes)| bytes);
    let mut counts = |nulls: i64, distinct: i64, bits: Option<Binary>| {
        column.null_count = known(nulls);
        column.distinct_count = known(distinct);
        column.sketch = sketch(bits);
    };
    match object.stats_data {
        Data::Boolean(data) => {
            counts(data.num_nulls, -1, data.bit_vectors);
            column.num_trues = known(data.num_trues);
            column.num_falses = known(data.num_falses);
        }
        Data::Long(data) => {
            counts(data.num_nulls, data.num_dvs, data.bit_vectors);
            let text = |n: i64| match (is_time, is_date) {
                (true, _) => timestamp_text(n),
                (_, true) => date_text(n),
                _ => Some(n.to_string()),
            };
            column.min = data.low_value.and_then(text);
            column.max = data.high_value.and_then(text);
        }
        Data::Double(data) => {
            counts(data.num_nulls, data.num_dvs, data.bit_vectors);
            column.min = data.low_value.map(|x| x.to_string());
            column.max = data.high_value.map(|x| x.to_string());
        }
        Data::Decimal(data) => {
            counts(data.num_nulls, data.num_dvs, data.bit_vectors);
            column.min = data.low_value.as_ref().and_then(decimal_text);
            column.max = data.high_value.as_ref().and_then(decimal_text);
        }
        Data::Date(data) => {
            counts(data.num_nulls, data.num_dvs, data.bit_vectors);
            column.min = data.low_value.and_then(|date| date_text(date.days_since_epoch));
            column.max = data.high_value.and_then(|date| date_text(date.days_since_epoch));
        }
        Data::Timestamp(data) => {
            counts(data.num_nulls, data.num_dvs, data.bit_vectors);
            column.min = data.low_value.and_then(|t| timestamp_text(t.seconds_since_epoch));
            column.max = data.high_value.and_then(|t| timestamp_text(t.seconds_since_epoch));
        }
        Data::String(data) => {
            counts(data.num_nulls, data.num_dvs, data.bit_vectors);
            column.max_length = known(data.max_col_len);
            column.avg_length = Some(data.avg_col_len).filter(|length| *length >= 0.0);
        }
        Data::Binary(data) => {
            counts(data.num_nulls, -1, data.bit_vectors);
            column.max_length = known(data.max_col_len);
            column.avg_length = Some(data.avg_col_len).filter(|length| *length >= 0.0);
        }
        Data::Unset => {}
    }
    column
}

/// What is known of a column's values in two partitions together. The number of distinct
/// values is at least that of either, which is what is said, as Hive does without sketches.
pub(in crate::metastore) fn aggregate(
    a: &ColumnStatistics,
    b: &ColumnStatistics,
) -> ColumnStatistics {
    let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
    let greatest = |a: Option<u64>, b: Option<u64>| Some(a?.max(b?));
    let hive_type = HiveType::parse(&a.hive_type).ok();
    let extreme = |a: &Option<String>, b: &Option<String>, wanted: Ordering| {
        let (a, b) = (a.as_ref()?, b.as_ref()?);
        let order = compare(hive_type.as_ref(), a, b)?;
        Some(if order == wanted { a.clone() } else { b.clone() })
    };
    ColumnStatistics {
        column: a.column.clone(),
        hive_type: a.hive_type.clone(),
        null_count: sum(a.null_count, b.null_count),
        distinct_count: greatest(a.distinct_count, b.distinct_count),
        min: extreme(&a.min, &b.min, Ordering::Less),
        max: extreme(&a.max, &b.max, Ordering::Greater),
        avg_length: match (a.avg_length, b.avg_length) {
            (Some(a), Some(b)) => Some(a.max(b)),
            _ => None,
        },
        max_length: greatest(a.max_length, b.max_length),
        num_trues: sum(a.num_trues, b.num_trues),
        num_falses: sum(a.num_falses, b.num_falses),
        sketch: None,
        last_analyzed: a.last_analyzed.min(b.last_analyzed),
    }
}

/// Compares two values of a type by their texts.
fn compare(hive_type: Option<&HiveType>, a: &str, b: &str) -> Option<Ordering> {
    match hive_type? {
        HiveType::TinyInt | HiveType::SmallInt | HiveType::Int | HiveType::BigInt => {
            Some(a.parse::<i64>().ok()?.cmp(&b.parse().ok()?))
        }
        HiveType::Float | HiveType::Double => {
            Some(a.parse::<f64>().ok()?.total_cmp(&b.parse().ok()?))
        }
        HiveType::Decimal(_, _) => Some(Decimal::parse(a)?.cmp(&Decimal::parse(b)?)),
        HiveType::Date => {
            Some(parse_date(a)?.days_since_epoch.cmp(&parse_date(b)?.days_since_epoch))
        }
        HiveType::Timestamp | HiveType::TimestampLocal => {
            let time = |text| NaiveDateTime::parse_from_str(text, TIMESTAMP).ok();
            Some(time(a)?.cmp(&time(b)?))
        }
        _ => None,
    }
}

fn parse_date(text: &str) -> Option<hive::Date> {
    let date: NaiveDate = text.parse().ok()?;
    Some(hive::Date { days_since_epoch: (date.num_days_from_ce() - EPOCH_DAY).into() })
}

fn date_text(days: i64) -> Option<String> {
    let days = i32::try_from(days).ok()?.checked_add(EPOCH_DAY)?;
    Some(NaiveDate::from_num_days_from_ce_opt(days)?.to_string())
}

/// Whole seconds since 1970, and whether there is a fraction above them.
fn parse_timestamp(text: &str) -> Option<(i64, bool)> {
    let time = NaiveDateTime::parse_from_str(text, TIMESTAMP).ok()?.and_utc();
    Some((time.timestamp(), time.timestamp_subsec_nanos() > 0))
}

fn timestamp_text(seconds: i64) -> Option<String> {
    Some(DateTime::from_timestamp(seconds, 0)?.format("%Y-%m-%d %H:%M:%S").to_string())
}

fn parse_decimal(text: &str) -> Option<hive::Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let unscaled: i128 = format!("{integer}{fraction}").parse().ok()?;
    let unscaled = if text.starts_with('-') { -unscaled } else { unscaled };
    Some(hive::Decimal {
        unscaled: Binary(shortest(unscaled)),
        scale: i16::try_from(fraction.len()).ok()?,
    })
}

/// The bytes of a number without those that repeat its sign.
fn shortest(number: i128) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let sign = if number < 0 { 0xFF } else { 0 };
    let repeats = bytes
        .windows(2)
        .take_while(|pair| matches!(pair, [a, b] if *a == sign && (*b ^ sign) & 0x80 == 0))
        .count();
    bytes.get(repeats..).unwrap_or_default().to_vec()
}

fn decimal_text(decimal: &hive::Decimal) -> Option<String> {
    let Binary(bytes) = &decimal.unscaled;
    let negative = bytes.first()? & 0x80 != 0;
    let mut whole = [if negative { 0xFF } else { 0 }; 16];
    let start = whole.len().checked_sub(bytes.len())?;
    whole.get_mut(start..)?.copy_from_slice(bytes);
    let unscaled = i128::from_be_bytes(whole);
    let mut digits = unscaled.unsigned_abs().to_string();
    let scale = usize::try_from(decimal.scale).ok().filter(|scale| *scale <= DECIMAL_DIGITS)?;
    if digits.len() <= scale {
        digits = format!("{}{digits}", "0".repeat(scale + 1 - digits.len()));
    }
    if scale > 0 {
        digits.insert(digits.len() - scale, '.');
    }
    Some(if unscaled < 0 { format!("-{digits}") } else { digits })
}
