//! CREATE MODEL and DROP MODEL.

use super::parser::StatementParser;
use super::query;
use super::types::{CreateModel, Statement};
use quern_common::{Error, ErrorCode, Result};
use sqlparser::tokenizer::Token;

impl StatementParser<'_> {
    /// `CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [OPTIONS (…)] AS query`, after MODEL.
    pub(super) fn create_model(&mut self, or_replace: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        if or_replace && if_not_exists {
            return Err(self.syntax_error("OR REPLACE and IF NOT EXISTS exclude each other"));
        }
        let name = self.table_name()?;
        if self.at("TRANSFORM") {
            return Err(Error::not_supported("CREATE MODEL … TRANSFORM"));
        }
        let has_options = self.accept("OPTIONS") || self.accept("WITH");
        let options = if has_options { self.model_options()? } else { vec![] };
        if self.at("FROM") {
            return Err(Error::not_supported("CREATE MODEL … FROM (importing a model)"));
        }
        self.expect("AS")?;
        let start = self.here();
        let query = query::query(self)?;
        let end = self.last_end();
        Ok(Statement::CreateModel(Box::new(CreateModel {
            name,
            or_replace,
            if_not_exists,
            options,
            query_text: self.text_between(start, end),
            query,
            text: self.text_between(self.statement_start(), end),
        })))
    }

    /// `(key [=>|=] value, …)`.
    fn model_options(&mut self) -> Result<Vec<(String, String)>> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut options: Vec<(String, String)> = vec![];
        while !self.parser.consume_token(&Token::RParen) {
            if !options.is_empty() {
                self.token(&Token::Comma, "\",\" or \")\"")?;
            }
            let key = self.identifier()?;
            // `key => value` and `key = value`; `key value` is Presto's WITH without the sign.
            let _ =
                self.parser.consume_token(&Token::RArrow) || self.parser.consume_token(&Token::Eq);
            let value = self.option_value()?;
            if options.iter().any(|(known, _)| *known == key) {
                return Err(Error::new(
                    ErrorCode::InvalidModelOption,
                    format!("option \"{key}\" is given twice"),
                ));
            }
            options.push((key, value));
        }
        Ok(options)
    }

    /// A constant, or a bare word such as `kmeans`.
    fn option_value(&mut self) -> Result<String> {
        let bare = match &self.parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.clone()),
            _ => None,
        };
        let is_call = self.parser.peek_nth_token_ref(1).token == Token::LParen;
        match bare {
            Some(function) if is_call && !function.eq_ignore_ascii_case("MAP") => {
                Err(Error::not_supported(format!("model option value \"{function}(…)\"")))
            }
            Some(word) if is_plain_word(&word) => {
                self.parser.advance_token();
                Ok(word)
            }
            _ => Ok(self.literal()?.to_text()),
        }
    }

    /// `DROP MODEL`, after MODEL.
    pub(super) fn drop_model(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists();
        let name = self.table_name()?;
        if self.at("VERSION") {
            return Err(Error::not_supported("DROP MODEL … VERSION"));
        }
        Ok(Statement::DropModel { name, if_exists })
    }
}

/// Whether a word is a value by itself and does not begin a constant.
fn is_plain_word(word: &str) -> bool {
    !["ARRAY", "MAP", "TRUE", "FALSE", "NULL", "DATE", "TIMESTAMP"]
        .iter()
        .any(|constant| constant.eq_ignore_ascii_case(word))
}
