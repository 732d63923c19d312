//! Constants in properties, options, partition specs and CALL.

use super::parser::StatementParser;
use quern_common::{Error, Result};
use sqlparser::tokenizer::Token;

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A text, or a typed one such as `DATE '2024-01-31'`.
    Text(String),
    /// A number as written.
    Number(String),
    /// TRUE or FALSE.
    Boolean(bool),
    /// NULL.
    Null,
    /// `ARRAY[…]` or `[…]`.
    Array(Vec<Self>),
    /// `MAP(ARRAY[…], ARRAY[…])`.
    Map(Vec<(Self, Self)>),
}

impl Literal {
    /// The constant as text without quotes; elements are joined by commas, NULL is empty.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::Null => String::new(),
            Self::Array(items) => items.iter().map(Self::to_text).collect::<Vec<_>>().join(","),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| format!("{}={}", key.to_text(), value.to_text()))
                .collect::<Vec<_>>()
                .join(","),
        }
    }
}

/// Elements of arrays within arrays.
const MAX_DEPTH: usize = 8;

impl StatementParser<'_> {
    /// A constant.
    pub(super) fn literal(&mut self) -> Result<Literal> {
        self.literal_within(0)
    }

    fn literal_within(&mut self, depth: usize) -> Result<Literal> {
        if depth > MAX_DEPTH {
            return Err(Error::not_supported(format!(
                "arrays nested deeper than {MAX_DEPTH} levels"
            )));
        }
        if self.accept("ARRAY") || self.at_token(&Token::LBracket) {
            return Ok(Literal::Array(self.array_items(depth)?));
        }
        if self.accept("MAP") {
            return self.map_literal(depth);
        }
        for (word, literal) in [
            ("TRUE", Literal::Boolean(true)),
            ("FALSE", Literal::Boolean(false)),
            ("NULL", Literal::Null),
        ] {
            if self.accept(word) {
                return Ok(literal);
            }
        }
        for type_name in ["DATE", "TIMESTAMP"] {
            let text_follows =
                matches!(self.parser.peek_nth_token_ref(1).token, Token::SingleQuotedString(_));
            if self.at(type_name) && text_follows {
                self.parser.advance_token();
            }
        }
        self.number_or_text()
    }

    fn number_or_text(&mut self) -> Result<Literal> {
        let negative = self.parser.consume_token(&Token::Minus);
        let number = match &self.parser.peek_token_ref().token {
            Token::Number(digits, _) => Some(digits.replace('_', "")),
            _ => None,
        };
        match number {
            Some(digits) => {
                self.parser.advance_token();
                let sign = if negative { "-" } else { "" };
                Ok(Literal::Number(format!("{sign}{digits}")))
            }
            None if negative => Err(self.unexpected("a number")),
            None => match self.parser.peek_token_ref().token {
                Token::SingleQuotedString(_) => self.text().map(Literal::Text),
                Token::Word(ref word) if word.quote_style == Some('"') => {
                    self.text().map(Literal::Text)
                }
                _ => Err(self.unexpected("a constant")),
            },
        }
    }

    fn array_items(&mut self, depth: usize) -> Result<Vec<Literal>> {
        self.token(&Token::LBracket, "\"[\"")?;
        let mut items = vec![];
        while !self.parser.consume_token(&Token::RBracket) {
            if !items.is_empty() {
                self.token(&Token::Comma, "\",\" or \"]\"")?;
            }
            items.push(self.literal_within(depth + 1)?);
        }
        Ok(items)
    }

    fn map_literal(&mut self, depth: usize) -> Result<Literal> {
        self.token(&Token::LParen, "\"(\"")?;
        if self.parser.consume_token(&Token::RParen) {
            return Ok(Literal::Map(vec![]));
        }
        let keys = self.literal_within(depth + 1)?;
        self.token(&Token::Comma, "\",\"")?;
        let values = self.literal_within(depth + 1)?;
        self.token(&Token::RParen, "\")\"")?;
        match (keys, values) {
            (Literal::Array(keys), Literal::Array(values)) if keys.len() == values.len() => {
                Ok(Literal::Map(keys.into_iter().zip(values).collect()))
            }
            _ => Err(self.syntax_error("MAP takes two arrays of one length")),
        }
    }
}
