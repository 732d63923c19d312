//! Reading the text of a field as a value. `None` is NULL: the text is no such value.
//!
//! Blanks around numbers, dates and booleans are ignored, as Hive does.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use std::borrow::Cow;
use std::str::FromStr;

/// Digits of the largest decimal.
const MAX_PRECISION: usize = 38;

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok().map(str::trim)
}

/// Any case of `true` and `false`; with `extended` also `t`, `f`, `1`, `0`.
pub(super) fn boolean(field: &[u8], extended: bool) -> Option<bool> {
    let field = field.trim_ascii();
    let is = |word: &str| field.eq_ignore_ascii_case(word.as_bytes());
    if is("true") || extended && (is("t") || is("1")) {
        Some(true)
    } else if is("false") || extended && (is("f") || is("0")) {
        Some(false)
    } else {
        None
    }
}

/// An integer; a fraction of digits is cut off (`12.7` is 12).
pub(super) fn integer(field: &[u8]) -> Option<i64> {
    let field = field.trim_ascii();
    let (negative, digits) = match field.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, field),
    };
    let whole = match digits.iter().position(|b| *b == b'.') {
        Some(point) => {
            let (whole, fraction) = digits.split_at(point);
            let fraction = fraction.get(1..).unwrap_or_default();
            if !fraction.iter().all(u8::is_ascii_digit) {
                return None;
            }
            whole
        }
        None => digits,
    };
    if digits.is_empty() || digits == b"." {
        return None;
    }
    let mut value: i64 = 0;
    for byte in whole {
        let digit = i64::from(byte.checked_sub(b'0').filter(|digit| *digit <= 9)?);
        // Negative numbers reach one further, so all are built downwards.
        value = value.checked_mul(10)?.checked_sub(digit)?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// A float as Java reads it: `NaN` and `Infinity` in this case only, `d` or `f` after the digits.
pub(super) fn float<T: FromStr>(field: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(|c| c <= ' ');
    match text.trim_start_matches(['+', '-']) {
        "NaN" | "Infinity" => text.parse().ok(),
        // Rust knows more names.
        number if number.starts_with(|c: char| c.is_ascii_alphabetic()) => None,
        _ => text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text).parse().ok(),
    }
}

/// Bytes in base64, as Hive writes and reads them: in both alphabets, with blanks anywhere, with or
/// without padding. Other bytes were written by hand and are taken as they are.
pub(super) fn binary(field: &[u8]) -> Cow<'_, [u8]> {
    let mut bits: u32 = 0;
    let mut decoded = Vec::with_capacity(field.len() / 4 * 3 + 2);
    let mut digits = 0_usize;
    for byte in field {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' | b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => return Cow::Borrowed(field),
        };
        bits = bits << 6 | u32::from(digit);
        digits += 1;
        if digits % 4 != 1 {
            let unused = [0, 0, 4, 2].get(digits % 4).copied().unwrap_or_default();
            decoded.extend((bits >> unused).to_le_bytes().first());
        }
    }
    if decoded.is_empty() { Cow::Borrowed(field) } else { Cow::Owned(decoded) }
}

/// A decimal of the given precision and scale, in units of the scale; rounded half up, NULL
/// when it has too many digits.
pub(super) fn decimal(field: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let text = text(field)?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = || whole.bytes().chain(fraction.bytes());
    if !digits().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // How many of the digits are kept: those left of the scale's last place.
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(scale);
    let value = scaled(digits(), kept)?;
    let value = if negative { -value } else { value };
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value.abs() < limit).then_some(value)
}

/// The number that the first `kept` digits make, rounded by the next one.
fn scaled(digits: impl Iterator<Item = u8>, kept: i64) -> Option<i128> {
    if kept < 0 {
        return Some(0);
    }
    let kept = usize::try_from(kept).ok()?;
    let mut value: i128 = 0;
    let mut count = 0;
    let mut round_up = false;
    for digit in digits.map(|b| i128::from(b.saturating_sub(b'0'))) {
        if count == kept {
            round_up = digit >= 5;
            break;
        }
        value = value.checked_mul(10)?.checked_add(digit)?;
        count += 1;
    }
    let missing = kept - count.min(kept);
    if value != 0 && missing > MAX_PRECISION {
        return None;
    }
    if value != 0 {
        value = value.checked_mul(10_i128.checked_pow(u32::try_from(missing).ok()?)?)?;
    }
    value.checked_add(i128::from(round_up))
}

/// Days since 1970 of `yyyy-M-d`; what follows a blank or `T` is ignored, as Hive does.
pub(super) fn date(field: &[u8]) -> Option<i32> {
    let text = text(field)?;
    let day = text.split([' ', 'T']).next()?;
    let epoch = NaiveDate::default();
    i32::try_from(calendar_day(day)?.signed_duration_since(epoch).num_days()).ok()
}

fn calendar_day(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(
        i32::try_from(number(year, 4)?).ok()?,
        number(month, 2)?,
        number(day, 2)?,
    )
}

/// A number of one to `longest` digits.
fn number(text: &str, longest: usize) -> Option<u32> {
    let digits = (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `yyyy-M-d`, with ` H:m:s` or `TH:m:s` and up to nine digits of a second, as seconds since
/// 1970 and nanoseconds. A `Z` at the end is accepted.
pub(super) fn timestamp(field: &[u8]) -> Option<(i64, u32)> {
    let text = text(field)?;
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, time_of_day(time)?),
        None => (text, NaiveTime::MIN),
    };
    let moment = NaiveDateTime::new(calendar_day(day)?, time).and_utc();
    Some((moment.timestamp(), moment.timestamp_subsec_nanos()))
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let second = parts.next().unwrap_or("0");
    if parts.next().is_some() {
        return None;
    }
    let places = u32::try_from(9_usize.checked_sub(fraction.len())?).ok()?;
    let nanos = number(fraction, 9)?.checked_mul(10_u32.checked_pow(places)?)?;
    NaiveTime::from_hms_nano_opt(number(hour, 2)?, number(minute, 2)?, number(second, 2)?, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_read_as_hive_reads_them() {
        for (field, expected) in [
            ("0", Some(0)),
            ("-12", Some(-12)),
            ("+7", Some(7)),
            ("007", Some(7)),
            (" 5 ", Some(5)),
            ("12.7", Some(12)),
            ("-12.99", Some(-12)),
            (".5", Some(0)),
            ("1.", Some(1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("", None),
            ("-", None),
            (".", None),
            ("1e3", None),
            ("1.x", None),
            ("0x10", None),
            ("1_000", None),
            ("１", None),
        ] {
            assert_eq!(integer(field.as_bytes()), expected, "{field:?}");
        }
    }

    #[test]
    fn decimals_are_rounded_and_too_large_ones_are_null() {
        for (field, precision, scale, expected) in [
            ("1.5", 10, 2, Some(150)),
            ("-1.005", 10, 2, Some(-101)),
            ("1.004", 10, 2, Some(100)),
            ("0.005", 3, 2, Some(1)),
            ("0.0049", 3, 2, Some(0)),
            ("9.995", 3, 2, None),
            ("9.994", 3, 2, Some(999)),
            ("12345", 4, 0, None),
            ("1e3", 6, 1, Some(10_000)),
            ("12.5E-1", 6, 3, Some(1_250)),
            ("1e-9", 6, 2, Some(0)),
            ("0e30000", 6, 2, Some(0)),
            ("1e30000", 6, 2, None),
            ("+.5", 2, 1, Some(5)),
            ("5.", 2, 1, Some(50)),
            ("99999999999999999999999999999999999999", 38, 0, Some(10_i128.pow(38) - 1)),
            ("999999999999999999999999999999999999999", 38, 0, None),
            ("", 5, 2, None),
            (".", 5, 2, None),
            ("1.2.3", 5, 2, None),
            ("NaN", 5, 2, None),
        ] {
            assert_eq!(decimal(field.as_bytes(), precision, scale), expected, "{field:?}");
        }
    }

    #[test]
    fn dates_and_timestamps_take_hive_and_iso_spellings() {
        for (field, expected) in [
            ("1970-01-02", Some(1)),
            ("1969-12-31", Some(-1)),
            ("2024-2-9", Some(19_762)),
            (" 2024-02-29 10:00:00", Some(19_782)),
            ("2023-02-29", None),
            ("24-01-01", None),
            ("2024/01/01", None),
            ("20240101", None),
            ("", None),
        ] {
            assert_eq!(date(field.as_bytes()), expected, "{field:?}");
        }
        for (field, expected) in [
            ("1970-01-01 00:00:01", Some((1, 0))),
            ("1970-01-01T00:00:01Z", Some((1, 0))),
            ("1970-01-01 00:00:00.5", Some((0, 500_000_000))),
            ("1969-12-31 23:59:59.000000001", Some((-1, 1))),
            ("1970-01-02", Some((86_400, 0))),
            ("1970-1-1 1:2:3", Some((3_723, 0))),
            ("1970-01-01 00:01", Some((60, 0))),
            ("1970-01-01 24:00:00", None),
            ("1970-01-01 00:00:00.0000000001", None),
            ("1970-01-01 00:00:00.", None),
            ("1970-01-01 00:00:00+02:00", None),
            ("now", None),
        ] {
            assert_eq!(timestamp(field.as_bytes()), expected, "{field:?}");
        }
    }

    #[test]
    fn booleans_and_floats() {
        assert_eq!(boolean(b"TRUE", false), Some(true));
        assert_eq!(boolean(b" false", false), Some(false));
        assert_eq!((boolean(b"1", false), boolean(b"1", true)), (None, Some(true)));
        assert_eq!((boolean(b"yes", true), boolean(b"", true)), (None, None));
        assert_eq!(float::<f64>(b"-1.5e3"), Some(-1500.0));
        assert_eq!(float::<f64>(b"+Infinity"), Some(f64::INFINITY));
        assert!(float::<f64>(b"-NaN").unwrap().is_nan());
        assert_eq!((float::<f64>(b"inf"), float::<f64>(b"-infinity")), (None, None));
        assert_eq!((float::<f64>(b" 1d"), float::<f64>(b"1.5F\t")), (Some(1.0), Some(1.5)));
        assert_eq!((float::<f64>(b"nan"), float::<f64>("\u{a0}1".as_bytes())), (None, None));
        assert_eq!((float::<f64>(b"d"), float::<f64>(b"1dd")), (None, None));
        assert_eq!((float::<f64>(b""), float::<f64>(b"1,5")), (None, None));
        assert_eq!(float::<f32>(b"16777217"), Some(16_777_216.0));
    }

    #[test]
    fn binary_is_base64_as_hive_reads_it() {
        for (field, expected) in [
            ("AP9B", &b"\x00\xffA"[..]),
            ("AP8=", b"\x00\xff"),
            ("AP8", b"\x00\xff"),
            ("1e2", b"\xd5\xed"),
            ("1 2", b"\xd7"),
            ("--1", b"\xfb\xed"),
            ("-_+/", b"\xfb\xff\xbf"),
            ("12345", b"\xd7m\xf8"),
            ("1", b"1"),
            ("", b""),
            ("not base64!", b"not base64!"),
        ] {
            assert_eq!(&*binary(field.as_bytes()), expected, "{field:?}");
        }
    }
}
