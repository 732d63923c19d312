//! LIKE patterns of SHOW statements.

use quern_common::{Error, ErrorCode, Result};

/// A pattern with `%` and `_`, matched without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikePattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Char(char),
    AnyChar,
    AnyText,
}

impl LikePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `INVALID_FUNCTION_ARGUMENT` when the escape character stands before anything but `%`, `_`
    /// or itself.
    pub fn new(pattern: &str, escape: Option<char>) -> Result<Self> {
        let mut parts = vec![];
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                _ if Some(c) == escape => match chars.next() {
                    Some(literal @ ('%' | '_')) => Part::Char(literal),
                    Some(literal) if Some(literal) == escape => Part::Char(literal),
                    _ => {
                        return Err(Error::new(
                            ErrorCode::InvalidFunctionArgument,
                            format!("escape character in \"{pattern}\" must be followed by %, _ or itself"),
                        ));
                    }
                },
                '%' => Part::AnyText,
                '_' => Part::AnyChar,
                _ => Part::Char(c.to_ascii_lowercase()),
            });
        }
        Ok(Self { parts })
    }

    /// Tells whether a name satisfies the pattern.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().map(|c| c.to_ascii_lowercase()).collect();
        // Where to resume after the last `%`, with one more character given to it.
        let (mut n, mut p, mut resume) = (0, 0, None);
        while let Some(c) = name.get(n) {
            match self.parts.get(p) {
                Some(Part::AnyText) => {
                    p += 1;
                    resume = Some((n, p));
                }
                Some(Part::AnyChar) => (n, p) = (n + 1, p + 1),
                Some(Part::Char(literal)) if literal == c => (n, p) = (n + 1, p + 1),
                _ => {
                    let Some((start, after)) = resume else { return false };
                    (n, p) = (start + 1, after);
                    resume = Some((n, p));
                }
            }
        }
        self.parts.iter().skip(p).all(|part| *part == Part::AnyText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (pattern, name, expected) in [
            ("%", "", true),
            ("a%", "abc", true),
            ("A%C", "abbc", true),
            ("a%c", "abcd", false),
            ("%b%b%", "abab", true),
            ("a_c", "abc", true),
            ("a_c", "ac", false),
            ("", "", true),
            ("", "a", false),
            ("a\\_c", "a_c", true),
            ("a\\_c", "abc", false),
            ("é_", "éa", true),
        ] {
            let like = LikePattern::new(pattern, Some('\\')).unwrap();
            assert_eq!(like.matches(name), expected, "{pattern} {name}");
        }
        assert!(LikePattern::new("a\\b", Some('\\')).is_err());
        assert!(LikePattern::new("a\\", Some('\\')).is_err());
    }
}
