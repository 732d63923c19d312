//! SHOW, DESCRIBE, USE, SET and RESET.

use super::parser::StatementParser;
use super::types::{SchemaName, Statement};
use super::{LikePattern, Literal};
use quern_common::{Error, Result};
use sqlparser::tokenizer::Token;

impl StatementParser<'_> {
    /// `SHOW …`.
    pub(super) fn show(&mut self) -> Result<Statement> {
        self.expect("SHOW")?;
        match () {
            () if self.accept("CATALOGS") => Ok(Statement::ShowCatalogs { like: self.like()? }),
            () if self.accept("SCHEMAS") || self.accept("DATABASES") => {
                let from = if self.from() { Some(self.identifier()?) } else { None };
                Ok(Statement::ShowSchemas { from, like: self.show_like("SHOW SCHEMAS")? })
            }
            () if self.accept("TABLES") => {
                let from = self.schema_after_from()?;
                Ok(Statement::ShowTables { from, like: self.show_like("SHOW TABLES")? })
            }
            () if self.accept("MODELS") => {
                let from = self.schema_after_from()?;
                Ok(Statement::ShowModels { from, like: self.show_like("SHOW MODELS")? })
            }
            () if self.accept("COLUMNS") => {
                if !self.from() {
                    return Err(self.unexpected("FROM"));
                }
                let table = self.table_name()?;
                Ok(Statement::ShowColumns { table, like: self.show_like("SHOW COLUMNS")? })
            }
            () if self.accept("PARTITIONS") => self.show_partitions(),
            () if self.accept("CREATE") => self.show_create(),
            () if self.accept("STATS") => self.show_stats(),
            () if self.accept("SESSION") => {
                Ok(Statement::ShowSession { like: self.show_like("SHOW SESSION")? })
            }
            () if self.accept("FUNCTIONS") => {
                if self.from() {
                    return Err(Error::not_supported("SHOW FUNCTIONS FROM"));
                }
                Ok(Statement::ShowFunctions { like: self.show_like("SHOW FUNCTIONS")? })
            }
            () => Err(self.unsupported_object("SHOW")),
        }
    }

    fn from(&mut self) -> bool {
        self.accept("FROM") || self.accept("IN")
    }

    fn schema_after_from(&mut self) -> Result<Option<SchemaName>> {
        if self.from() { self.schema_name().map(Some) } else { Ok(None) }
    }

    fn show_like(&mut self, statement: &str) -> Result<Option<LikePattern>> {
        let like = self.like()?;
        for clause in ["WHERE", "ORDER", "LIMIT"] {
            if self.at(clause) {
                return Err(Error::not_supported(format!("{statement} … {clause}"))
                    .with_hint("select from information_schema instead"));
            }
        }
        Ok(like)
    }

    fn show_partitions(&mut self) -> Result<Statement> {
        self.from();
        let table = self.table_name()?;
        let spec = if self.accept("PARTITION") { self.partition_spec()? } else { vec![] };
        self.show_like("SHOW PARTITIONS")?;
        Ok(Statement::ShowPartitions { table, spec })
    }

    fn show_create(&mut self) -> Result<Statement> {
        match () {
            () if self.accept("TABLE") => {
                Ok(Statement::ShowCreateTable { table: self.table_name()? })
            }
            () if self.accept("VIEW") => Ok(Statement::ShowCreateView { view: self.table_name()? }),
            () if self.accept("SCHEMA") || self.accept("DATABASE") => {
                Ok(Statement::ShowCreateSchema { schema: self.schema_name()? })
            }
            () if self.accept("CATALOG") => {
                Ok(Statement::ShowCreateCatalog { catalog: self.identifier()? })
            }
            () => Err(self.unsupported_object("SHOW CREATE")),
        }
    }

    /// `DESCRIBE table`, `DESC table`, `DESCRIBE MODEL name [VERSION n]`.
    pub(super) fn describe(&mut self) -> Result<Statement> {
        if !self.accept("DESCRIBE") {
            self.expect("DESC")?;
        }
        let name_follows = matches!(self.parser.peek_nth_token_ref(1).token, Token::Word(_));
        for word in ["EXTENDED", "FORMATTED", "INPUT", "OUTPUT", "SCHEMA", "DATABASE", "FUNCTION"] {
            if name_follows && self.at(word) {
                return Err(Error::not_supported(format!("DESCRIBE {word}")));
            }
        }
        if name_follows && self.accept("MODEL") {
            let name = self.table_name()?;
            let version = if self.accept("VERSION") { Some(self.version()?) } else { None };
            return Ok(Statement::DescribeModel { name, version });
        }
        if name_follows {
            self.accept("TABLE");
        }
        let table = self.table_name()?;
        if self.at("PARTITION") {
            return Err(Error::not_supported("DESCRIBE … PARTITION"));
        }
        Ok(Statement::Describe { table })
    }

    fn version(&mut self) -> Result<i64> {
        let at = self.syntax_error("VERSION takes a number from 1");
        match self.literal()? {
            Literal::Number(digits) => digits.parse().ok().filter(|n| *n > 0).ok_or(at),
            _ => Err(at),
        }
    }

    /// `USE schema`, `USE catalog.schema`.
    pub(super) fn use_statement(&mut self) -> Result<Statement> {
        self.expect("USE")?;
        let name = self.schema_name()?;
        Ok(Statement::Use { catalog: name.catalog, schema: name.name })
    }

    /// `SET SESSION name = value`, `SET name = value`, `SET TIME ZONE value`.
    pub(super) fn set(&mut self) -> Result<Statement> {
        self.expect("SET")?;
        if self.accept("TIME ZONE") {
            let value = if self.accept("LOCAL") { "UTC".to_owned() } else { self.setting()? };
            return Ok(Statement::SetSession { name: "time_zone".to_owned(), value });
        }
        for words in ["SESSION AUTHORIZATION", "ROLE", "PATH", "TRANSACTION"] {
            if self.at(words) && self.parser.peek_nth_token_ref(1).token != Token::Eq {
                return Err(Error::not_supported(format!("SET {words}")));
            }
        }
        self.accept("SESSION");
        let name = self.dotted_name()?.join(".");
        if !self.accept("TO") {
            self.token(&Token::Eq, "\"=\"")?;
        }
        Ok(Statement::SetSession { name, value: self.setting()? })
    }

    /// A constant, or a bare word such as `pipelined`.
    fn setting(&mut self) -> Result<String> {
        let bare = match &self.parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
            _ => None,
        };
        match bare {
            Some(word) => {
                self.parser.advance_token();
                Ok(word)
            }
            None => Ok(self.literal()?.to_text()),
        }
    }

    /// `RESET SESSION name`, `RESET name`.
    pub(super) fn reset(&mut self) -> Result<Statement> {
        self.expect("RESET")?;
        if self.at("SESSION AUTHORIZATION") {
            return Err(Error::not_supported("RESET SESSION AUTHORIZATION"));
        }
        self.accept("SESSION");
        Ok(Statement::ResetSession { name: self.dotted_name()?.join(".") })
    }
}
