//! Cuts SQL text into tokens, as far as splitting, colouring and completing need it.
//!
//! It accepts every text: what is no SQL becomes [`TokenKind::Other`].

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Space,
    /// `-- …` to the end of the line, or `/* … */`, which nests.
    Comment,
    /// `'…'`.
    String,
    /// `"…"` or `` `…` ``.
    QuotedName,
    /// A keyword or a name.
    Word,
    Number,
    Semicolon,
    Other,
}

/// A piece of the text. The tokens of a text follow each other without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    /// Offset of the first byte.
    pub(crate) start: usize,
    pub(crate) text: &'a str,
    /// Whether a comment, string or quoted name has its end.
    pub(crate) closed: bool,
}

impl Token<'_> {
    /// Whether the token is space or comment.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.kind, TokenKind::Space | TokenKind::Comment)
    }

    /// Whether the token is this keyword.
    pub(crate) fn is_keyword(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Offset after the last byte.
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Returns the tokens of `text`.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let (kind, len, closed) = scan(rest);
        let token = Token { kind, start, text: rest.get(..len)?, closed };
        start += len;
        Some(token)
    })
}

/// Kind, length and closedness of the token that `rest` begins with.
fn scan(rest: &str) -> (TokenKind, usize, bool) {
    let first = rest.chars().next().unwrap_or(' ');
    let open = |kind, len| (kind, len, true);
    match first {
        '\'' => quoted(rest, '\'', TokenKind::String),
        '"' | '`' => quoted(rest, first, TokenKind::QuotedName),
        ';' => open(TokenKind::Semicolon, 1),
        _ if rest.starts_with("--") => {
            open(TokenKind::Comment, rest.find('\n').unwrap_or(rest.len()))
        }
        _ if rest.starts_with("/*") => block_comment(rest),
        c if c.is_whitespace() => open(TokenKind::Space, span(rest, char::is_whitespace)),
        c if is_word_start(c) => open(TokenKind::Word, span(rest, is_word)),
        c if c.is_ascii_digit() => open(TokenKind::Number, span(rest, |c| c == '.' || is_word(c))),
        c => open(TokenKind::Other, c.len_utf8()),
    }
}

/// Whether a name can begin with `c`.
pub(crate) fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Whether a name can contain `c`.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// A quote is written twice inside quotes, which looks like two tokens in a row; here it is one.
fn quoted(rest: &str, quote: char, kind: TokenKind) -> (TokenKind, usize, bool) {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            continue;
        }
        if chars.next_if(|(_, next)| *next == quote).is_none() {
            return (kind, at + 1, true);
        }
    }
    (kind, rest.len(), false)
}

fn block_comment(rest: &str) -> (TokenKind, usize, bool) {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return (TokenKind::Comment, at, true);
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    (TokenKind::Comment, rest.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        tokens(text).filter(|t| t.kind != TokenKind::Space).map(|t| (t.kind, t.text)).collect()
    }

    #[test]
    fn tokens_are_recognised() {
        use TokenKind::{Comment, Number, Other, QuotedName, Semicolon, String, Word};
        assert_eq!(
            kinds("a1 'it''s' \"x\"\"y\" `b` 1.5e3 -- c\n/* /* n */ */ >= ;"),
            [
                (Word, "a1"),
                (String, "'it''s'"),
                (QuotedName, "\"x\"\"y\""),
                (QuotedName, "`b`"),
                (Number, "1.5e3"),
                (Comment, "-- c"),
                (Comment, "/* /* n */ */"),
                (Other, ">"),
                (Other, "="),
                (Semicolon, ";"),
            ]
        );
    }

    #[test]
    fn tokens_cover_any_text_without_gaps() {
        for text in ["", "é'", "/*/", "/* /* */", "\"", "数据 ;-- ñ", "a-b--", "''''"] {
            let joined: String = tokens(text).map(|t| t.text).collect();
            assert_eq!(joined, text);
        }
    }

    #[test]
    fn what_has_no_end_is_open() {
        for text in ["'a", "'a''", "\"a", "/* a", "/* /* */"] {
            assert!(!tokens(text).last().unwrap().closed, "{text}");
        }
        assert!(tokens("/*/ */").last().unwrap().closed);
    }
}
