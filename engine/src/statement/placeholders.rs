//! Parameters of prepared statements.

use super::parser::{at_position, tokenize};
use quern_common::{Error, ErrorCode, Result};
use sqlparser::tokenizer::{Location, Token};
use std::fmt::Write as _;

/// Rewrites the parameters `?` to `$1`, `$2`, … and returns the text with their number. Text
/// in quotes and comments stays as it is. Parameters already written `$1` are counted up to
/// the highest.
///
/// # Errors
/// `INVALID_PARAMETER_USAGE` when both spellings occur or a parameter has no number from 1,
/// `SYNTAX_ERROR` when the text cannot be split into tokens.
pub fn rewrite_placeholders(sql: &str) -> Result<(String, usize)> {
    if !sql.contains(['?', '$']) {
        return Ok((sql.to_owned(), 0));
    }
    let mut question_marks = vec![];
    let mut highest = 0;
    for spanned in tokenize(sql)? {
        let Token::Placeholder(name) = &spanned.token else { continue };
        let at = spanned.span.start;
        match name.strip_prefix('$') {
            None if name == "?" => question_marks.push(at),
            Some(number) => highest = highest.max(parameter_number(number, name, at)?),
            None => return Err(bad_parameter(name, at)),
        }
    }
    match (question_marks.is_empty(), highest) {
        (true, n) => Ok((sql.to_owned(), n)),
        (false, 0) => Ok((renumber(sql, &question_marks), question_marks.len())),
        (false, _) => Err(Error::new(
            ErrorCode::InvalidParameterUsage,
            "parameters are written \"?\" or \"$1\", not both in one statement",
        )),
    }
}

fn parameter_number(number: &str, name: &str, at: Location) -> Result<usize> {
    match number.parse() {
        Ok(n @ 1..=65_535) => Ok(n),
        _ => Err(bad_parameter(name, at)),
    }
}

fn bad_parameter(name: &str, at: Location) -> Error {
    Error::new(
        ErrorCode::InvalidParameterUsage,
        at_position(at, &format!("\"{name}\" is no parameter; write \"?\" or \"$1\"")),
    )
}

/// Replaces the characters at `positions`, which are in the order of the text.
fn renumber(sql: &str, positions: &[Location]) -> String {
    let mut rewritten = String::with_capacity(sql.len() + positions.len() * 2);
    let mut pending = positions.iter().zip(1..).peekable();
    let (mut line, mut column) = (1, 1);
    for c in sql.chars() {
        match pending.next_if(|(at, _)| at.line == line && at.column == column) {
            // Writing to a String does not fail.
            Some((_, number)) => drop(write!(rewritten, "${number}")),
            None => rewritten.push(c),
        }
        if c == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    rewritten
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_marks_are_numbered_outside_of_texts_and_comments() {
        for (sql, expected, n) in [
            ("SELECT 1", "SELECT 1", 0),
            ("SELECT ?, ?", "SELECT $1, $2", 2),
            ("SELECT '?', \"a?\", `b?`, ?", "SELECT '?', \"a?\", `b?`, $1", 1),
            ("SELECT 'it''s ?' /* ? */, ? -- ?\n, ?", "SELECT 'it''s ?' /* ? */, $1 -- ?\n, $2", 2),
            ("SELECT 'é\n?', ?", "SELECT 'é\n?', $1", 1),
            ("SELECT $2 + $1", "SELECT $2 + $1", 2),
            ("SELECT \"$path\", '$1'", "SELECT \"$path\", '$1'", 0),
        ] {
            assert_eq!(rewrite_placeholders(sql).unwrap(), (expected.to_owned(), n), "{sql}");
        }
    }

    #[test]
    fn mixed_and_misspelled_parameters_are_refused() {
        for sql in ["SELECT ?, $1", "SELECT $0", "SELECT $x", "SELECT ?1", "SELECT $$ ? $$"] {
            let err = rewrite_placeholders(sql).unwrap_err();
            assert_eq!(err.code(), ErrorCode::InvalidParameterUsage, "{sql}");
        }
        let err = rewrite_placeholders("SELECT 'open ?").unwrap_err();
        assert_eq!(err.code(), ErrorCode::SyntaxError);
    }
}
