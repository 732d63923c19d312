//! Column types: read as text for the catalogue, and respelled inside CAST for sqlparser.

use super::parser::StatementParser;
use quern_common::Result;
use sqlparser::tokenizer::{Token, TokenWithSpan};

impl StatementParser<'_> {
    /// A column's type as it is written, in Presto's or Hive's spelling, on one line.
    pub(super) fn type_text(&mut self) -> Result<String> {
        let mut text = self.type_name()?;
        let parameters = self.bracketed()?;
        text.push_str(&parameters);
        for words in ["WITH TIME ZONE", "WITHOUT TIME ZONE"] {
            if self.accept(words) {
                text = format!("{text} {}", words.to_lowercase());
            }
        }
        Ok(text)
    }

    fn type_name(&mut self) -> Result<String> {
        for (words, name) in [("DOUBLE PRECISION", "double"), ("CHARACTER VARYING", "varchar")] {
            if self.accept(words) {
                return Ok(name.to_owned());
            }
        }
        match &self.parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() => {
                let name = word.value.to_lowercase();
                self.parser.advance_token();
                Ok(name)
            }
            _ => Err(self.unexpected("a type")),
        }
    }

    /// What follows in round or angle brackets, with the brackets, or nothing.
    fn bracketed(&mut self) -> Result<String> {
        let mut text = String::new();
        if !self.at_token(&Token::LParen) && !self.at_token(&Token::Lt) {
            return Ok(text);
        }
        // The tokens that close what is open, innermost last.
        let mut closing: Vec<Token> = vec![];
        let mut after_word = false;
        loop {
            let token = self.parser.peek_token_ref().token.clone();
            let fits = match &token {
                Token::LParen => {
                    closing.push(Token::RParen);
                    true
                }
                Token::Lt => {
                    closing.push(Token::Gt);
                    true
                }
                Token::ShiftRight => {
                    closing.pop() == Some(Token::Gt) && closing.pop() == Some(Token::Gt)
                }
                Token::RParen | Token::Gt => closing.pop().as_ref() == Some(&token),
                Token::EOF | Token::SemiColon => false,
                _ => true,
            };
            if !fits {
                return Err(self.unexpected("the end of the type"));
            }
            let is_word = matches!(token, Token::Word(_) | Token::Number(..));
            if is_word && after_word {
                text.push(' ');
            }
            text.push_str(&token.to_string());
            after_word = is_word || matches!(token, Token::RParen | Token::Gt);
            self.parser.advance_token();
            if closing.is_empty() {
                return Ok(text);
            }
        }
    }
}

/// What a round bracket within a CAST belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// The parentheses of CAST or TRY_CAST.
    Cast,
    /// The parameters of ARRAY or ROW, to be written with angle brackets.
    Angle,
    /// The parameters of MAP, which stay in round ones.
    Round,
    /// Anything else.
    Other,
}

/// Respells Presto's types `ARRAY(t)` and `ROW(a t)` in CAST as `ARRAY<t>` and `STRUCT<a t>`,
/// which is the one spelling that sqlparser reads. Positions stay as they were.
pub(super) fn rewrite_cast_types(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut brackets: Vec<Bracket> = vec![];
    // The last two tokens that are no whitespace.
    let (mut previous, mut before): (Option<usize>, Option<usize>) = (None, None);
    for index in 0..tokens.len() {
        let Some(token) = tokens.get(index).map(|spanned| spanned.token.clone()) else { break };
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen => {
                let bracket = classify(&tokens, &brackets, previous, before);
                brackets.push(bracket);
                if bracket == Bracket::Angle {
                    respell(&mut tokens, index, Token::Lt);
                    respell_row(&mut tokens, previous);
                }
            }
            Token::RParen if brackets.pop() == Some(Bracket::Angle) => {
                respell(&mut tokens, index, Token::Gt);
            }
            _ => {}
        }
        (before, previous) = (previous, Some(index));
    }
    tokens
}

fn classify(
    tokens: &[TokenWithSpan],
    brackets: &[Bracket],
    previous: Option<usize>,
    before: Option<usize>,
) -> Bracket {
    let is = |at: Option<usize>, names: &[&str]| {
        let token = at.and_then(|index| tokens.get(index)).map(|spanned| &spanned.token);
        matches!(token, Some(Token::Word(word)) if word.quote_style.is_none()
            && names.iter().any(|name| word.value.eq_ignore_ascii_case(name)))
    };
    if is(previous, &["cast", "try_cast"]) {
        return Bracket::Cast;
    }
    let in_type = match brackets.last() {
        Some(Bracket::Cast) => is(before, &["as"]),
        Some(Bracket::Angle | Bracket::Round) => true,
        _ => false,
    };
    match () {
        () if in_type && is(previous, &["array", "row"]) => Bracket::Angle,
        () if in_type && is(previous, &["map"]) => Bracket::Round,
        () => Bracket::Other,
    }
}

fn respell(tokens: &mut [TokenWithSpan], index: usize, token: Token) {
    if let Some(spanned) = tokens.get_mut(index) {
        spanned.token = token;
    }
}

fn respell_row(tokens: &mut [TokenWithSpan], at: Option<usize>) {
    let Some(spanned) = at.and_then(|index| tokens.get_mut(index)) else { return };
    if matches!(&spanned.token, Token::Word(word) if word.value.eq_ignore_ascii_case("row")) {
        spanned.token = Token::make_keyword("STRUCT");
    }
}
