//! Splits a script into statements (ended by `;`) and shell commands (`\…` to the end of the
//! line, where a statement could begin).

use crate::shell::lexer::{Token, TokenKind, tokens};

/// A part of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A statement without the `;` and the blanks and comments around it.
    Statement(&'a str),
    /// A shell command without the `\`.
    Command(&'a str),
}

/// A script in parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script<'a> {
    pub(crate) pieces: Vec<Piece<'a>>,
    /// The statement at the end that has no `;`, or an open comment; empty when there is none.
    pub(crate) rest: &'a str,
}

/// Splits `text`.
pub(crate) fn split(text: &str) -> Script<'_> {
    let mut pieces = Vec::new();
    let mut at = 0;
    loop {
        let tail = text.get(at..).unwrap_or_default();
        match next_piece(tail) {
            Step::Piece(piece, len) => {
                pieces.push(piece);
                at += len;
            }
            Step::Nothing(len) => at += len,
            Step::End(rest) => return Script { pieces, rest },
        }
    }
}

enum Step<'a> {
    /// A part, and the number of bytes it takes.
    Piece(Piece<'a>, usize),
    /// A `;` with nothing before it.
    Nothing(usize),
    End(&'a str),
}

fn next_piece(text: &str) -> Step<'_> {
    let mut statement: Option<(usize, usize)> = None;
    for token in tokens(text) {
        if token.is_blank() {
            if !token.closed {
                return Step::End(text.get(statement.map_or(token.start, |s| s.0)..).unwrap_or(""));
            }
            continue;
        }
        if statement.is_none() && token.text == "\\" {
            return command(text, &token);
        }
        match (token.kind, statement) {
            (TokenKind::Semicolon, None) => return Step::Nothing(token.end()),
            (TokenKind::Semicolon, Some((start, end))) => {
                let text = text.get(start..end).unwrap_or_default();
                return Step::Piece(Piece::Statement(text), token.end());
            }
            (_, None) => statement = Some((token.start, token.end())),
            (_, Some((start, _))) => statement = Some((start, token.end())),
        }
    }
    Step::End(statement.and_then(|(start, end)| text.get(start..end)).unwrap_or_default())
}

fn command<'a>(text: &'a str, backslash: &Token<'_>) -> Step<'a> {
    let rest = text.get(backslash.end()..).unwrap_or_default();
    let len = rest.find('\n').unwrap_or(rest.len());
    let line = rest.get(..len).unwrap_or_default();
    Step::Piece(Piece::Command(line.trim()), backslash.end() + len)
}

#[cfg(test)]
mod tests {
    use super::Piece::{Command, Statement};
    use super::*;

    #[track_caller]
    fn check(text: &str, pieces: &[Piece<'_>], rest: &str) {
        let script = split(text);
        assert_eq!(script.pieces, pieces, "{text}");
        assert_eq!(script.rest, rest, "{text}");
    }

    #[test]
    fn statements_end_at_semicolons_outside_quotes_and_comments() {
        check("SELECT 1; SELECT 2;", &[Statement("SELECT 1"), Statement("SELECT 2")], "");
        check("SELECT ';' AS \"a;b\", `c;d`;x", &[Statement("SELECT ';' AS \"a;b\", `c;d`")], "x");
        check("SELECT 'it''s; ok';", &[Statement("SELECT 'it''s; ok'")], "");
        check("SELECT 1 -- a; b\n + 2;", &[Statement("SELECT 1 -- a; b\n + 2")], "");
        check("SELECT /* ; /* ; */ ; */ 1;", &[Statement("SELECT /* ; /* ; */ ; */ 1")], "");
        check("select $$a;b$$;", &[Statement("select $$a"), Statement("b$$")], "");
    }

    #[test]
    fn blanks_and_comments_around_are_dropped() {
        check("  ;; -- nothing\n /* here */ ;", &[], "");
        check("-- first\nSELECT 1 -- last\n;", &[Statement("SELECT 1")], "");
        check(" \n", &[], "");
        check("SELECT 1 -- end", &[], "SELECT 1");
    }

    #[test]
    fn what_is_open_remains() {
        check("SELECT 1; SELECT 'a;", &[Statement("SELECT 1")], "SELECT 'a;");
        check("/* never; closed", &[], "/* never; closed");
        check("SELECT 1 /* open; ", &[], "SELECT 1 /* open; ");
    }

    #[test]
    fn commands_take_a_line_where_a_statement_may_begin() {
        check("\\d t; x\nSELECT 1;", &[Command("d t; x"), Statement("SELECT 1")], "");
        check(
            "SELECT 1;\\timing\n\\q",
            &[Statement("SELECT 1"), Command("timing"), Command("q")],
            "",
        );
        check("SELECT '\\q', \\q\n;", &[Statement("SELECT '\\q', \\q")], "");
        check("-- c\n  \\x", &[Command("x")], "");
    }
}
