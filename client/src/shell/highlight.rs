//! Colours of the input.

use crate::shell::completion::KEYWORDS;
use crate::shell::lexer::{Token, TokenKind, tokens};
use nu_ansi_term::{Color, Style};
use reedline::{Highlighter, StyledText};

/// Colours SQL by kind of token.
#[derive(Debug)]
pub(crate) struct SqlHighlighter {
    pub(crate) color: bool,
}

impl Highlighter for SqlHighlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        for token in tokens(line) {
            let style = if self.color { style(&token) } else { Style::new() };
            styled.push((style, token.text.to_owned()));
        }
        styled
    }
}

fn style(token: &Token<'_>) -> Style {
    match token.kind {
        TokenKind::Word if KEYWORDS.iter().any(|keyword| token.is_keyword(keyword)) => {
            Color::Blue.bold()
        }
        TokenKind::String => Color::Green.normal(),
        TokenKind::Number => Color::Cyan.normal(),
        TokenKind::Comment => Color::DarkGray.italic(),
        TokenKind::QuotedName => Color::Yellow.normal(),
        TokenKind::Space | TokenKind::Word | TokenKind::Semicolon | TokenKind::Other => {
            Style::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_stays_the_same() {
        let line = "SELECT 'é;' -- x\n FROM \"a b\" \\ 1.5";
        let styled = SqlHighlighter { color: true }.highlight(line, 0);
        assert_eq!(styled.raw_string(), line);
        assert_eq!(styled.buffer[0].0, Color::Blue.bold());
        let plain = SqlHighlighter { color: false }.highlight(line, 0);
        assert!(plain.buffer.iter().all(|(style, _)| *style == Style::new()));
    }
}
