//! Texts of values, as Presto's clients show them.
//!
//! Timestamps as `2013-01-01 05:15:00` with a fraction only when there is one, decimals plain,
//! binary in lower-case hex, lists, rows and maps as JSON.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, LargeListArray, ListArray,
    MapArray, StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::fmt::Write;
use std::ops::Range;

const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.f";
const OPTIONS: FormatOptions<'static> = FormatOptions::new()
    .with_display_error(true)
    .with_date_format(Some("%Y-%m-%d"))
    .with_datetime_format(Some(TIMESTAMP))
    .with_timestamp_format(Some(TIMESTAMP))
    .with_timestamp_tz_format(Some(TIMESTAMP))
    .with_time_format(Some("%H:%M:%S%.f"));

/// Whether values of this type are aligned to the right.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_number(value),
        other => other.is_numeric(),
    }
}

/// Turns a dictionary into its values; other columns stay as they are.
pub(crate) fn decoded(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Dictionary(_, value) => cast(array, value),
        _ => Ok(ArrayRef::clone(array)),
    }
}

/// The texts of one column of a batch.
pub(crate) struct Texts<'a> {
    nulls: Option<NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    /// Numbers without fraction and decimals: JSON numbers.
    Number(ArrayFormatter<'a>),
    /// Everything else that is one text.
    Text(ArrayFormatter<'a>),
    /// Local time, and the zone's name that follows it.
    Zoned(ArrayFormatter<'a>, &'a str),
    Bool(&'a BooleanArray),
    Float32(&'a arrow::array::Float32Array),
    Float64(&'a arrow::array::Float64Array),
    List(Ranges<'a>, Box<Texts<'a>>),
    Struct(Vec<(&'a str, Texts<'a>)>),
    Map(&'a MapArray, Box<Texts<'a>>, Box<Texts<'a>>),
}

/// Where a list's elements are in its child.
enum Ranges<'a> {
    List(&'a ListArray),
    Large(&'a LargeListArray),
    Fixed(&'a FixedSizeListArray),
}

impl Ranges<'_> {
    fn of(&self, row: usize) -> Range<usize> {
        match self {
            Self::List(list) => {
                let start = offset(list.value_offsets(), row);
                start..offset(list.value_offsets(), row + 1)
            }
            Self::Large(list) => {
                let start = offset(list.value_offsets(), row);
                start..offset(list.value_offsets(), row + 1)
            }
            Self::Fixed(list) => {
                let len = usize::try_from(list.value_length()).unwrap_or(0);
                let start = usize::try_from(list.value_offset(row)).unwrap_or(0);
                start..start + len
            }
        }
    }
}

fn offset<T: Copy + TryInto<usize>>(offsets: &[T], at: usize) -> usize {
    offsets.get(at).and_then(|value| (*value).try_into().ok()).unwrap_or(0)
}

impl<'a> Texts<'a> {
    /// Prepares the texts of `array`.
    pub(crate) fn new(array: &'a dyn Array) -> Result<Self, ArrowError> {
        let nulls = array.logical_nulls();
        let values = match array.data_type() {
            DataType::Boolean => Values::Bool(array.as_boolean()),
            DataType::Float32 => Values::Float32(array.as_primitive::<Float32Type>()),
            DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>()),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Values::List(Ranges::List(list), Box::new(Self::new(list.values())?))
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                Values::List(Ranges::Large(list), Box::new(Self::new(list.values())?))
            }
            DataType::FixedSizeList(_, _) => {
                let list = array.as_fixed_size_list();
                Values::List(Ranges::Fixed(list), Box::new(Self::new(list.values())?))
            }
            DataType::Struct(_) => Values::Struct(fields(array.as_struct())?),
            DataType::Map(_, _) => {
                let map = array.as_map();
                let keys = Box::new(Self::new(map.keys())?);
                Values::Map(map, keys, Box::new(Self::new(map.values())?))
            }
            DataType::Timestamp(_, Some(zone)) => {
                Values::Zoned(ArrayFormatter::try_new(array, &OPTIONS)?, zone)
            }
            other if other.is_integer() || other.is_decimal() => {
                Values::Number(ArrayFormatter::try_new(array, &OPTIONS)?)
            }
            _ => Values::Text(ArrayFormatter::try_new(array, &OPTIONS)?),
        };
        Ok(Self { nulls, values })
    }

    /// Whether the value is NULL.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// The value's text; nothing for NULL.
    pub(crate) fn text(&self, row: usize) -> Option<String> {
        if self.is_null(row) {
            return None;
        }
        Some(match &self.values {
            Values::Number(formatter) | Values::Text(formatter) => formatter.value(row).to_string(),
            Values::Zoned(formatter, zone) => format!("{} {zone}", formatter.value(row)),
            Values::Bool(array) => array.value(row).to_string(),
            Values::Float32(array) => {
                let value = array.value(row);
                float(f64::from(value), format!("{value:?}"))
            }
            Values::Float64(array) => float64(array.value(row)),
            Values::List(..) | Values::Struct(_) | Values::Map(..) => {
                let mut json = String::new();
                self.write_json(row, ", ", ": ", &mut json);
                json
            }
        })
    }

    /// Appends the value as JSON.
    pub(crate) fn write_json(&self, row: usize, comma: &str, colon: &str, out: &mut String) {
        if self.is_null(row) {
            out.push_str("null");
            return;
        }
        match &self.values {
            Values::Text(_) | Values::Zoned(..) => {
                write_json_text(&self.text(row).unwrap_or_default(), out);
            }
            Values::Float32(array) if !array.value(row).is_finite() => {
                write_json_text(&float64(f64::from(array.value(row))), out);
            }
            Values::Float64(array) if !array.value(row).is_finite() => {
                write_json_text(&float64(array.value(row)), out);
            }
            Values::List(ranges, elements) => {
                out.push('[');
                for (nth, element) in ranges.of(row).enumerate() {
                    out.push_str(if nth > 0 { comma } else { "" });
                    elements.write_json(element, comma, colon, out);
                }
                out.push(']');
            }
            Values::Struct(fields) => {
                out.push('{');
                for (nth, (name, texts)) in fields.iter().enumerate() {
                    out.push_str(if nth > 0 { comma } else { "" });
                    write_json_text(name, out);
                    out.push_str(colon);
                    texts.write_json(row, comma, colon, out);
                }
                out.push('}');
            }
            Values::Map(map, keys, values) => {
                let offsets = map.value_offsets();
                out.push('{');
                for (nth, entry) in (offset(offsets, row)..offset(offsets, row + 1)).enumerate() {
                    out.push_str(if nth > 0 { comma } else { "" });
                    write_json_text(&keys.text(entry).unwrap_or_default(), out);
                    out.push_str(colon);
                    values.write_json(entry, comma, colon, out);
                }
                out.push('}');
            }
            Values::Number(_) | Values::Bool(_) | Values::Float32(_) | Values::Float64(_) => {
                out.push_str(&self.text(row).unwrap_or_default());
            }
        }
    }
}

fn fields(array: &StructArray) -> Result<Vec<(&str, Texts<'_>)>, ArrowError> {
    let names = array.fields().iter().map(|field| field.name().as_str());
    names.zip(array.columns()).map(|(name, column)| Ok((name, Texts::new(column)?))).collect()
}

fn float64(value: f64) -> String {
    float(value, format!("{value:?}"))
}

/// Presto's names for what is no number, `E` for the exponent, and a fraction before it.
fn float(value: f64, digits: String) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    match digits.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => digits,
    }
}

/// Appends a JSON string. What a terminal would obey is escaped, too.
pub(crate) fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
        Int64Array, NullArray, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    };
    use arrow::datatypes::{Field, Int32Type};
    use std::sync::Arc;

    fn texts(array: &dyn Array) -> Vec<String> {
        let texts = Texts::new(array).unwrap();
        (0..array.len()).map(|row| texts.text(row).unwrap_or_else(|| "NULL".to_owned())).collect()
    }

    fn json(array: &dyn Array) -> Vec<String> {
        let texts = Texts::new(array).unwrap();
        let one = |row| {
            let mut out = String::new();
            texts.write_json(row, ",", ":", &mut out);
            out
        };
        (0..array.len()).map(one).collect()
    }

    #[test]
    fn floats_look_as_in_presto() {
        let array = Float64Array::from(vec![
            1.0,
            -0.5,
            1e15,
            1e16,
            1.5e-7,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.1 + 0.2,
        ]);
        assert_eq!(
            texts(&array),
            [
                "1.0",
                "-0.5",
                "1000000000000000.0",
                "1.0E16",
                "1.5E-7",
                "NaN",
                "Infinity",
                "-Infinity",
                "0.30000000000000004"
            ]
        );
        assert_eq!(texts(&Float32Array::from(vec![0.1_f32, 1e20])), ["0.1", "1.0E20"]);
        assert_eq!(json(&array)[5..7], ["\"NaN\"", "\"Infinity\""]);
    }

    #[test]
    fn times_show_a_fraction_only_when_there_is_one() {
        let micros = vec![Some(1_357_017_300_000_000), Some(1_357_017_300_120_000), None];
        let plain = TimestampMicrosecondArray::from(micros);
        assert_eq!(texts(&plain), ["2013-01-01 05:15:00", "2013-01-01 05:15:00.120", "NULL"]);
        let utc = TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC");
        assert_eq!(texts(&utc), ["1970-01-01 00:00:00.000001 UTC"]);
        let berlin = TimestampMicrosecondArray::from(vec![0]).with_timezone("Europe/Berlin");
        assert_eq!(texts(&berlin), ["1970-01-01 01:00:00 Europe/Berlin"]);
        assert_eq!(texts(&Date32Array::from(vec![15_706])), ["2013-01-01"]);
        assert_eq!(texts(&Time64MicrosecondArray::from(vec![5_000_000])), ["00:00:05"]);
    }

    #[test]
    fn decimals_are_plain_and_binary_is_hex() {
        let decimal = Decimal128Array::from(vec![123_450]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(texts(&decimal), ["1234.50"]);
        assert_eq!(json(&decimal), ["1234.50"]);
        assert_eq!(texts(&BinaryArray::from(vec![&b"\x00\xff"[..]])), ["00ff"]);
    }

    #[test]
    fn nested_values_are_json() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
        ]);
        assert_eq!(texts(&list), ["[1, null]", "NULL", "[]"]);
        assert_eq!(json(&list), ["[1,null]", "null", "[]"]);
        assert_eq!(texts(&list.slice(2, 1)), ["[]"]);
        let row = StructArray::from(vec![
            (
                Arc::new(Field::new("a", DataType::Int64, true)),
                Arc::new(Int64Array::from(vec![1])) as ArrayRef,
            ),
            (
                Arc::new(Field::new("b\"", DataType::Utf8, true)),
                Arc::new(StringArray::from(vec!["x\n\u{1b}"])),
            ),
        ]);
        assert_eq!(texts(&row), ["{\"a\": 1, \"b\\\"\": \"x\\n\\u001b\"}"]);
    }

    #[test]
    fn every_kind_of_null_is_null() {
        assert_eq!(texts(&NullArray::new(1)), ["NULL"]);
        let dictionary: DictionaryArray<Int32Type> =
            vec![Some("a"), None, Some("a")].into_iter().collect();
        let array: ArrayRef = Arc::new(dictionary);
        assert_eq!(texts(&decoded(&array).unwrap()), ["a", "NULL", "a"]);
    }
}
