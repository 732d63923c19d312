//! Patterns of names and of values, which are regular expressions of Java.

use super::answer::{Answer, meta};
use regex::{Regex, RegexBuilder};

/// Memory that a compiled pattern may take.
const SIZE_MAX_BYTES: usize = 1 << 20;

/// A pattern that has to match the whole of a text.
pub(super) fn anchored(pattern: &str, any_case: bool) -> Answer<Regex> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .case_insensitive(any_case)
        .size_limit(SIZE_MAX_BYTES)
        .build()
        .map_err(|err| {
            let why: String = err.to_string().chars().take(200).collect();
            meta(format!("the pattern cannot be read: {why}"))
        })
}

/// A pattern of names as SHOW TABLES has it: `*` is anything, `|` separates alternatives, in
/// any case; the rest is a regular expression.
pub(super) fn name_pattern(pattern: &str) -> Answer<Regex> {
    let alternatives: Vec<String> = pattern
        .trim()
        .split('|')
        .map(|part| part.replace('*', ".*").replace("..*", ".*"))
        .collect();
    anchored(&alternatives.join("|"), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_hive() {
        for (pattern, name, expected) in [
            ("*", "t", true),
            (".*", "t", true),
            ("", "t", false),
            ("p*", "Py", true),
            ("P*", "py", true),
            ("a|b*", "bc", true),
            ("a|b*", "ac", false),
            ("t[12]", "t2", true),
        ] {
            assert_eq!(name_pattern(pattern).unwrap().is_match(name), expected, "{pattern}");
        }
        assert!(name_pattern("(").is_err());
        assert!(anchored("a{1000}{1000}{1000}", false).is_err());
    }
}
