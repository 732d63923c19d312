//! Values of partition keys as bytes whose order (`memcmp`, the order of `BLOB` and `bytea`) is
//! the order of the values.
//!
//! The first byte tells NULL from a value. The encoding is a file format: the database holds it.

use crate::model::{Decimal, KeyValue};

/// NULL; it sorts before every value.
pub(super) const NULL: &[u8] = &[0];

pub(super) fn sort_value(value: Option<&KeyValue>) -> Vec<u8> {
    let Some(value) = value else { return NULL.to_vec() };
    let mut bytes = vec![1];
    match value {
        KeyValue::Int(n) => bytes.extend((n.cast_unsigned() ^ (1 << 63)).to_be_bytes()),
        KeyValue::Double(x) => bytes.extend(double_bits(*x).to_be_bytes()),
        KeyValue::Bool(b) => bytes.push(u8::from(*b)),
        KeyValue::Text(text) => bytes.extend(text.as_bytes()),
        KeyValue::Decimal(decimal) => push_decimal(&mut bytes, decimal),
    }
    bytes
}

/// The values that start with `prefix` are those from the first result to before the second.
pub(super) fn prefix_range(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    let mut low = vec![1];
    low.extend(prefix.as_bytes());
    let mut high = low.clone();
    // UTF-8 has no byte 0xFF, so that the last one can always be counted up.
    if let Some(last) = high.last_mut() {
        *last += 1;
    }
    (low, high)
}

fn double_bits(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits >> 63 == 0 { bits ^ (1 << 63) } else { !bits }
}

/// Sign, number of integer digits, digits; of a negative number all but the sign is inverted
/// and ends with 0xFF, because there the longer of two fractions is the smaller number.
fn push_decimal(bytes: &mut Vec<u8>, decimal: &Decimal) {
    let length = u16::try_from(decimal.integer.len()).unwrap_or(u16::MAX).to_be_bytes();
    let digits = decimal.integer.bytes().chain(decimal.fraction.bytes());
    let magnitude = length.into_iter().chain(digits);
    if decimal.negative {
        bytes.push(1);
        bytes.extend(magnitude.map(|byte| !byte));
        bytes.push(0xFF);
    } else {
        bytes.push(2);
        bytes.extend(magnitude);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_sorted(values: &[KeyValue]) {
        for (i, a) in values.iter().enumerate() {
            assert!(sort_value(None) < sort_value(Some(a)));
            for (j, b) in values.iter().enumerate() {
                let order = sort_value(Some(a)).cmp(&sort_value(Some(b)));
                assert_eq!(order, i.cmp(&j), "{a:?} {b:?}");
                assert_eq!(a.compare(b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn bytes_sort_as_values() {
        assert_sorted(&[i64::MIN, -256, -1, 0, 1, 255, 256, i64::MAX].map(KeyValue::Int));
        let doubles = [f64::NEG_INFINITY, -1e9, -1.5, -1e-300, 0.0, 1e-300, 1.5, f64::INFINITY];
        assert_sorted(&doubles.map(KeyValue::Double));
        assert_sorted(&[false, true].map(KeyValue::Bool));
        let texts = ["", "\0", " ", "10", "9", "A", "a", "aa", "b", "é", "😀"];
        assert_sorted(&texts.map(|text| KeyValue::Text(text.to_owned())));
        let decimals = [
            "-100", "-99.9", "-1.55", "-1.5", "-1", "-0.01", "0", "0.01", "1", "1.5", "1.55", "10",
        ];
        assert_sorted(&decimals.map(|text| KeyValue::Decimal(Decimal::parse(text).unwrap())));
    }

    #[test]
    fn a_prefix_is_a_range() {
        for prefix in ["", "a", "a%", "é", "😀"] {
            let (low, high) = prefix_range(prefix);
            for text in ["", "a", "a%", "ab", "b", "é", "éa", "z", "\u{10FFFF}", "😀x"] {
                let value = sort_value(Some(&KeyValue::Text(text.to_owned())));
                assert_eq!(low <= value && value < high, text.starts_with(prefix), "{text}");
            }
            assert!(NULL < low.as_slice());
        }
    }
}
