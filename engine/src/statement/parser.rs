//! The statement parser: words, names and literals over sqlparser's token stream, and which
//! statement begins with which words.

use super::dialect::QuernDialect;
use super::guard::{PARSER_RECURSION, check_shape};
use super::types::{CallArgument, SchemaName, Statement, SyncMode, TableName};
use super::{LikePattern, Literal, query, type_text};
use quern_catalog::model::Parameters;
use quern_common::{Error, ErrorCode, Result};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word};

/// Words that cannot name anything unless quoted (Trino's reserved words).
const RESERVED: &str = " alter and as between by case cast constraint create cross cube \
    current_catalog current_date current_path current_role current_schema current_time \
    current_timestamp current_user deallocate delete describe distinct drop else end escape \
    except execute exists extract false for from full group grouping having in inner insert \
    intersect into is join left like localtime localtimestamp natural normalize not null on or \
    order outer prepare recursive right rollup select table then trim true uescape union unnest \
    using values when where with ";

/// Statements that Quern knows by name and does not run, by their first words.
const UNSUPPORTED: &[&str] = &[
    "INSERT OVERWRITE",
    "INSERT",
    "DELETE",
    "UPDATE",
    "MERGE",
    "TRUNCATE",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "START TRANSACTION",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "GRANT",
    "REVOKE",
    "DENY",
    "REFRESH MATERIALIZED VIEW",
    "EXPORT MODEL",
    "LOAD DATA",
    "EXPLAIN EXTENDED",
    "COPY",
    "UNLOAD",
    "CACHE TABLE",
    "LOCK",
];

/// Reads statements from a text.
pub(super) struct StatementParser<'a> {
    pub(super) parser: Parser<'a>,
    sql: &'a str,
    /// Where the statement that is being parsed begins.
    start: Location,
    /// Byte offset of each line's first character.
    lines: Vec<usize>,
}

impl<'a> StatementParser<'a> {
    pub(super) fn new(sql: &'a str) -> Result<Self> {
        let tokens = tokenize(sql)?;
        check_shape(&tokens)?;
        let tokens = type_text::rewrite_cast_types(tokens);
        let parser = Parser::new(&QuernDialect)
            .with_recursion_limit(PARSER_RECURSION)
            .with_tokens_with_locations(tokens);
        let lines =
            std::iter::once(0).chain(sql.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Ok(Self { parser, sql, start: Location::empty(), lines })
    }

    /// Skips semicolons and tells whether a statement follows.
    pub(super) fn skip_separators(&mut self) -> bool {
        while self.parser.consume_token(&Token::SemiColon) {}
        self.parser.peek_token_ref().token != Token::EOF
    }

    pub(super) fn expect_end(&self) -> Result<()> {
        match self.parser.peek_token_ref().token {
            Token::EOF | Token::SemiColon => Ok(()),
            _ => Err(self.unexpected("the end of the statement")),
        }
    }

    /// Parses the statement that begins here.
    pub(super) fn statement(&mut self) -> Result<Statement> {
        self.start = self.here();
        for words in UNSUPPORTED {
            if self.at(words) {
                return Err(Error::not_supported(words));
            }
        }
        match self.first_word().as_str() {
            "SELECT" | "WITH" | "VALUES" | "TABLE" | "FROM" => self.query_statement(),
            "EXPLAIN" => query::explain(self),
            "CREATE" => self.create(),
            "DROP" => self.drop_statement(),
            "ALTER" => self.alter(),
            "SHOW" => self.show(),
            "DESCRIBE" | "DESC" => self.describe(),
            "USE" => self.use_statement(),
            "SET" => self.set(),
            "RESET" => self.reset(),
            "MSCK" => self.msck(),
            "CALL" => self.call(),
            "ANALYZE" => self.analyze(),
            "CHECK" => self.check_table(),
            "COMMENT" => self.comment(),
            _ if self.parser.peek_token_ref().token == Token::LParen => self.query_statement(),
            _ => Err(self.unexpected("a statement").with_hint(
                "statements begin with SELECT, WITH, VALUES, EXPLAIN, CREATE, DROP, ALTER, SHOW, \
                 DESCRIBE, USE, SET, RESET, MSCK, CALL, ANALYZE, CHECK or COMMENT",
            )),
        }
    }

    fn query_statement(&mut self) -> Result<Statement> {
        Ok(Statement::Query(query::query(self)?))
    }

    fn first_word(&self) -> String {
        match &self.parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
            _ => String::new(),
        }
    }

    fn create(&mut self) -> Result<Statement> {
        self.expect("CREATE")?;
        if self.accept("CATALOG") {
            return self.create_catalog();
        }
        if self.at("SCHEMA") || self.at("DATABASE") {
            return self.create_schema();
        }
        if self.at("TABLE") || self.at("EXTERNAL TABLE") {
            return self.create_table();
        }
        if self.at("OR REPLACE TABLE") {
            return Err(Error::not_supported("CREATE OR REPLACE TABLE"));
        }
        let or_replace = self.accept("OR REPLACE");
        if self.accept("VIEW") {
            return self.create_view(or_replace);
        }
        if self.accept("MODEL") {
            return self.create_model(or_replace);
        }
        if self.accept("GLOSSARY TERM") {
            return self.create_term(or_replace);
        }
        Err(self.unsupported_object("CREATE"))
    }

    /// `CREATE` or `DROP` of a kind of object that there is not.
    pub(super) fn unsupported_object(&self, verb: &str) -> Error {
        match &self.parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() => {
                Error::not_supported(format!("{verb} {}", word.value.to_uppercase()))
            }
            _ => self.unexpected("the kind of object"),
        }
    }

    fn msck(&mut self) -> Result<Statement> {
        self.expect("MSCK")?;
        if !self.accept("REPAIR") {
            return Err(Error::not_supported("MSCK without REPAIR"));
        }
        self.accept("TABLE");
        let table = self.table_name()?;
        let mode = match () {
            () if self.accept("ADD PARTITIONS") => SyncMode::Add,
            () if self.accept("DROP PARTITIONS") => SyncMode::Drop,
            () if self.accept("SYNC PARTITIONS") => SyncMode::Full,
            () => SyncMode::Add,
        };
        Ok(Statement::MsckRepair { table, mode })
    }

    fn call(&mut self) -> Result<Statement> {
        self.expect("CALL")?;
        let procedure = self.dotted_name()?;
        self.token(&Token::LParen, "\"(\"")?;
        let mut arguments = vec![];
        while !self.parser.consume_token(&Token::RParen) {
            if !arguments.is_empty() {
                self.token(&Token::Comma, "\",\" or \")\"")?;
            }
            let named = self.parser.peek_nth_token_ref(1).token == Token::RArrow;
            let name = named.then(|| self.identifier()).transpose()?;
            if named {
                self.token(&Token::RArrow, "\"=>\"")?;
            }
            arguments.push(CallArgument { name, value: self.literal()? });
        }
        Ok(Statement::Call { procedure, arguments })
    }
}

/// Words and names.
impl StatementParser<'_> {
    /// Tells whether these words come next; they are separated by single spaces.
    pub(super) fn at(&self, words: &str) -> bool {
        words.split(' ').enumerate().all(|(n, expected)| {
            matches!(&self.parser.peek_nth_token_ref(n).token, Token::Word(word)
                if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
        })
    }

    /// Takes these words when they come next.
    pub(super) fn accept(&mut self, words: &str) -> bool {
        let found = self.at(words);
        if found {
            words.split(' ').for_each(|_| self.parser.advance_token());
        }
        found
    }

    /// Takes these words, or fails.
    pub(super) fn expect(&mut self, words: &str) -> Result<()> {
        if self.accept(words) { Ok(()) } else { Err(self.unexpected(words)) }
    }

    pub(super) fn token(&mut self, token: &Token, name: &str) -> Result<()> {
        if self.parser.consume_token(token) { Ok(()) } else { Err(self.unexpected(name)) }
    }

    pub(super) fn at_token(&self, token: &Token) -> bool {
        self.parser.peek_token_ref().token == *token
    }

    /// `IF NOT EXISTS`.
    pub(super) fn if_not_exists(&mut self) -> bool {
        self.accept("IF NOT EXISTS")
    }

    /// `IF EXISTS`.
    pub(super) fn if_exists(&mut self) -> bool {
        self.accept("IF EXISTS")
    }

    /// A name in lower case, as all names of the catalogue are.
    pub(super) fn identifier(&mut self) -> Result<String> {
        match &self.parser.peek_token_ref().token {
            Token::Word(word) if is_name(word) => {
                let name = word.value.to_lowercase();
                self.parser.advance_token();
                Ok(name)
            }
            Token::Word(word) => Err(self.unexpected("a name").with_hint(format!(
                "write \"{0}\" in double quotes to use it as a name",
                word.value
            ))),
            _ => Err(self.unexpected("a name")),
        }
    }

    pub(super) fn dotted_name(&mut self) -> Result<Vec<String>> {
        let mut parts = vec![self.identifier()?];
        while self.parser.consume_token(&Token::Period) {
            parts.push(self.identifier()?);
        }
        Ok(parts)
    }

    pub(super) fn table_name(&mut self) -> Result<TableName> {
        let mut parts = self.dotted_name()?;
        let too_long = parts.len() > 3;
        let name = parts.pop().unwrap_or_default();
        let (schema, catalog) = (parts.pop(), parts.pop());
        if too_long {
            return Err(self.syntax_error("a table's name has at most three parts"));
        }
        Ok(TableName { catalog, schema, name })
    }

    pub(super) fn schema_name(&mut self) -> Result<SchemaName> {
        let mut parts = self.dotted_name()?;
        let too_long = parts.len() > 2;
        let name = parts.pop().unwrap_or_default();
        if too_long {
            return Err(self.syntax_error("a schema's name has at most two parts"));
        }
        Ok(SchemaName { catalog: parts.pop(), name })
    }

    /// A text in single quotes or, as Hive allows, in double quotes.
    pub(super) fn text(&mut self) -> Result<String> {
        let text = match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(text) => text.clone(),
            Token::Word(word) if word.quote_style == Some('"') => word.value.clone(),
            _ => return Err(self.unexpected("a text in quotes")),
        };
        self.parser.advance_token();
        Ok(text)
    }

    /// A text after `words`, when they come next.
    pub(super) fn text_after(&mut self, words: &str) -> Result<Option<String>> {
        if self.accept(words) { self.text().map(Some) } else { Ok(None) }
    }

    /// `LIKE 'pattern' [ESCAPE 'c']`.
    pub(super) fn like(&mut self) -> Result<Option<LikePattern>> {
        let Some(pattern) = self.text_after("LIKE")? else { return Ok(None) };
        let escape = self.text_after("ESCAPE")?;
        let mut chars = escape.as_deref().unwrap_or_default().chars();
        let (first, more) = (chars.next(), chars.next());
        if more.is_some() || (escape.is_some() && first.is_none()) {
            return Err(self.syntax_error("ESCAPE takes one character"));
        }
        LikePattern::new(&pattern, first).map(Some)
    }

    /// `('key' = 'value', …)`, as Hive writes properties.
    pub(super) fn hive_properties(&mut self) -> Result<Parameters> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut properties = Parameters::new();
        while !self.parser.consume_token(&Token::RParen) {
            if !properties.is_empty() {
                self.token(&Token::Comma, "\",\" or \")\"")?;
            }
            let key = self.text()?;
            self.token(&Token::Eq, "\"=\"")?;
            let value = self.literal()?.to_text();
            if properties.insert(key.clone(), value).is_some() {
                return Err(Error::new(
                    ErrorCode::InvalidTableProperty,
                    format!("property \"{key}\" is given twice"),
                ));
            }
        }
        Ok(properties)
    }

    /// `(name = value, …)`, as Presto writes properties; names in lower case.
    pub(super) fn presto_properties(&mut self) -> Result<Vec<(String, Literal)>> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut properties: Vec<(String, Literal)> = vec![];
        while !self.parser.consume_token(&Token::RParen) {
            if !properties.is_empty() {
                self.token(&Token::Comma, "\",\" or \")\"")?;
            }
            let name = self.identifier()?;
            self.token(&Token::Eq, "\"=\"")?;
            let value = self.literal()?;
            if properties.iter().any(|(known, _)| *known == name) {
                return Err(Error::new(
                    ErrorCode::InvalidTableProperty,
                    format!("property \"{name}\" is given twice"),
                ));
            }
            properties.push((name, value));
        }
        Ok(properties)
    }
}

/// Positions, texts and errors.
impl StatementParser<'_> {
    /// An error at the next token.
    pub(super) fn syntax_error(&self, message: &str) -> Error {
        let at = self.parser.peek_token_ref();
        Error::new(ErrorCode::SyntaxError, self.positioned(at, message))
    }

    /// An error that names what was expected instead of the next token.
    pub(super) fn unexpected(&self, expected: &str) -> Error {
        let found = match &self.parser.peek_token_ref().token {
            Token::EOF => "the end of the text".to_owned(),
            token => {
                let text: String = token.to_string().chars().take(40).collect();
                format!("\"{text}\"")
            }
        };
        self.syntax_error(&format!("expected {expected}, found {found}"))
    }

    fn positioned(&self, at: &TokenWithSpan, message: &str) -> String {
        if at.token != Token::EOF {
            return at_position(at.span.start, message);
        }
        let line = self.lines.len();
        let start = self.lines.last().copied().unwrap_or_default();
        let column = self.sql.get(start..).unwrap_or_default().chars().count() + 1;
        format!("line {line}:{column}: {message}")
    }

    /// Turns sqlparser's error into ours.
    pub(super) fn parser_error(&self, err: ParserError) -> Error {
        match err {
            ParserError::ParserError(text) if text.contains("found: EOF") => {
                let message = text.split(" at Line:").next().unwrap_or_default();
                let message = reword(message).replace("EOF", "the end of the text");
                let eof = TokenWithSpan::wrap(Token::EOF);
                Error::new(ErrorCode::SyntaxError, self.positioned(&eof, &message))
            }
            other => from_parser_error(other),
        }
    }

    /// The text from one token to another, both included.
    pub(super) fn text_between(&self, first: Location, end: Location) -> String {
        let range = self.offset(first)..self.offset(end);
        self.sql.get(range).unwrap_or_default().trim().to_owned()
    }

    /// Where the statement that is being parsed begins.
    pub(super) fn statement_start(&self) -> Location {
        self.start
    }

    /// Where the next token begins.
    pub(super) fn here(&self) -> Location {
        self.parser.peek_token_ref().span.start
    }

    /// Where the last token that was taken ends.
    pub(super) fn last_end(&self) -> Location {
        // The parser may stand behind whitespace that it looked over.
        let mut taken = (0..self.parser.index()).rev().map(|index| self.parser.token_at(index));
        let last = taken.find(|at| !matches!(at.token, Token::Whitespace(_)));
        last.map_or(self.start, |at| at.span.end)
    }

    fn offset(&self, at: Location) -> usize {
        let line = usize::try_from(at.line).unwrap_or(usize::MAX).saturating_sub(1);
        let column = usize::try_from(at.column).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(start) = self.lines.get(line) else { return self.sql.len() };
        let rest = self.sql.get(*start..).unwrap_or_default();
        rest.char_indices().nth(column).map_or(self.sql.len(), |(offset, _)| start + offset)
    }
}

fn is_name(word: &Word) -> bool {
    match word.quote_style {
        Some(_) => !word.value.is_empty(),
        None => !is_reserved(&word.value),
    }
}

/// Tells whether a word cannot be a name without quotes.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&format!(" {} ", word.to_lowercase()))
}

/// Splits a text into tokens.
pub(super) fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>> {
    Tokenizer::new(&QuernDialect, sql)
        .tokenize_with_location()
        .map_err(|err| from_parser_error(err.into()))
}

/// A message with its place in the text, as Trino writes it.
pub(super) fn at_position(at: Location, message: &str) -> String {
    format!("line {}:{}: {message}", at.line, at.column)
}

fn from_parser_error(err: ParserError) -> Error {
    match err {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            Error::new(ErrorCode::SyntaxError, reword(&text))
        }
        ParserError::RecursionLimitExceeded => {
            Error::not_supported(format!("nesting deeper than {PARSER_RECURSION} levels"))
        }
    }
}

/// Moves sqlparser's position to the front and its message to our style.
fn reword(text: &str) -> String {
    let (message, position) = match text.rsplit_once(" at Line: ") {
        Some((message, position)) => (message, position.replace(", Column: ", ":")),
        None => (text, String::new()),
    };
    let message = message.replace("Expected: ", "expected ").replace("found: ", "found ");
    let mut chars = message.chars();
    let message: String = match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => message,
    };
    if position.is_empty() { message } else { format!("line {position}: {message}") }
}
