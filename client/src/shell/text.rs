//! Text for terminals: width, and characters that must not reach one.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Replaces what a terminal would obey or hide: control characters, escape sequences,
/// direction overrides. A line feed stays.
pub(crate) fn escape_controls(text: &str) -> String {
    if !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if is_unsafe(c) && u32::from(c) < 0x80 => {
                escaped.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c if is_unsafe(c) => escaped.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

/// As [`escape_controls`], a line feed included.
pub(crate) fn escape_to_line(text: &str) -> String {
    escape_controls(text).replace('\n', "\\n")
}

fn is_unsafe(c: char) -> bool {
    let reorders_or_hides = matches!(
        c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    (c.is_control() && c != '\n') || reorders_or_hides
}

/// Appends spaces until `text`, whose width is `width`, takes `columns`.
pub(crate) fn pad(text: &mut String, width: usize, columns: usize) {
    text.extend(std::iter::repeat_n(' ', columns.saturating_sub(width)));
}

/// Cuts `text` so that it takes at most `columns`.
pub(crate) fn truncate(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(escape_controls("a\x1b[31mb\x07\u{9b}\r\t"), "a\\x1b[31mb\\x07\\u{9b}\\r\\t");
        assert_eq!(escape_controls("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(escape_controls("two\nlines é 数 👩‍🚀"), "two\nlines é 数 👩‍🚀");
        assert_eq!(escape_to_line("two\nlines"), "two\\nlines");
    }

    #[test]
    fn width_counts_columns() {
        assert_eq!(width("数据"), 4);
        assert_eq!(width("é"), 1);
        assert_eq!(width("👩‍🚀"), 2);
        assert_eq!(truncate("数据x", 3), "数");
    }
}
