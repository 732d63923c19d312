//! Refuses statements whose shape would exhaust the stack.
//!
//! The parser counts its own recursion, but not that of types, and a chain such as
//! `a OR a OR …` becomes a tree as deep as the chain is long, whose visitors and destructor
//! recurse. Both are seen in the tokens, before anything is built.

use super::parser::at_position;
use quern_common::{Error, ErrorCode, Result};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Levels of parentheses, brackets and nested types.
const MAX_NESTING: usize = 200;

/// Operators in one expression, or set operations in one query.
const MAX_CHAIN: usize = 4_000;

/// Bytes of a name. DataFusion compares a name that it does not know with all that it knows, in
/// time that grows with the length of both.
const MAX_NAME: usize = 4_096;

/// How deep sqlparser may recurse; a level of parentheses takes up to three of its levels.
pub(super) const PARSER_RECURSION: usize = 256;

#[derive(Default)]
struct Level {
    operators: usize,
    set_operations: usize,
    is_type: bool,
}

/// Checks the shape of a statement.
///
/// # Errors
/// `NOT_SUPPORTED` naming the limit and the position.
pub(super) fn check_shape(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut levels = vec![Level::default()];
    let mut previous: Option<&Token> = None;
    for spanned in tokens {
        let token = &spanned.token;
        if matches!(token, Token::Whitespace(_)) {
            continue;
        }
        if matches!(token, Token::Word(word) if word.value.len() > MAX_NAME) {
            return Err(too_complex(spanned, &format!("a name of more than {MAX_NAME} bytes")));
        }
        step(&mut levels, previous, token);
        if levels.len() > MAX_NESTING {
            return Err(too_complex(spanned, &format!("nesting deeper than {MAX_NESTING} levels")));
        }
        if levels.last().is_some_and(|l| l.operators.max(l.set_operations) > MAX_CHAIN) {
            let what = format!("more than {MAX_CHAIN} operators in one expression");
            return Err(too_complex(spanned, &what).with_hint("use IN, or join a table of values"));
        }
        previous = Some(token);
    }
    Ok(())
}

fn too_complex(at: &TokenWithSpan, what: &str) -> Error {
    Error::new(
        ErrorCode::NotSupported,
        at_position(at.span.start, &format!("not supported: {what}")),
    )
}

fn step(levels: &mut Vec<Level>, previous: Option<&Token>, token: &Token) {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => levels.push(Level::default()),
        Token::RParen | Token::RBracket | Token::RBrace => {
            while levels.len() > 1 && levels.pop().is_some_and(|level| level.is_type) {}
            if levels.is_empty() {
                levels.push(Level::default());
            }
        }
        Token::Lt if previous.is_some_and(is_type_word) => {
            levels.push(Level { is_type: true, ..Level::default() });
        }
        Token::Gt if levels.last().is_some_and(|level| level.is_type) => pop_type(levels, 1),
        Token::ShiftRight if levels.last().is_some_and(|level| level.is_type) => {
            pop_type(levels, 2);
        }
        Token::SemiColon => {
            levels.clear();
            levels.push(Level::default());
        }
        _ => {
            if let Some(level) = levels.last_mut() {
                count(level, previous, token);
            }
        }
    }
}

fn pop_type(levels: &mut Vec<Level>, times: usize) {
    for _ in 0..times {
        if levels.len() > 1 && levels.last().is_some_and(|level| level.is_type) {
            levels.pop();
        }
    }
}

fn is_type_word(token: &Token) -> bool {
    matches!(token, Token::Word(word) if ["array", "map", "row", "struct", "uniontype"]
        .iter()
        .any(|name| word.value.eq_ignore_ascii_case(name)))
}

/// Words that are operators, each of which makes a tree one level deeper.
const OPERATORS: &str = " and or xor is in like ilike rlike regexp similar between at collate div \
    overlaps isnull notnull glob match member operator join ";

/// Counts what makes a tree deeper. Only a comma, or the next query of a set operation, begins
/// another tree for sure: any other word may be a column's name.
fn count(level: &mut Level, previous: Option<&Token>, token: &Token) {
    match token {
        Token::Comma => level.operators = 0,
        Token::Word(word) if word.quote_style.is_none() => {
            let name = word.value.to_lowercase();
            match name.as_str() {
                "union" | "intersect" | "except" => level.set_operations += 1,
                "select" if previous.is_some_and(is_set_operation) => level.operators = 0,
                _ if OPERATORS.contains(&format!(" {name} ")) => level.operators += 1,
                _ => {}
            }
        }
        Token::Word(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::Period
        | Token::SemiColon => {}
        _ => level.operators += 1,
    }
}

fn is_set_operation(token: &Token) -> bool {
    matches!(token, Token::Word(word) if ["all", "distinct", "union", "intersect", "except"]
        .iter()
        .any(|name| word.value.eq_ignore_ascii_case(name)))
}
