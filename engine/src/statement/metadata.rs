//! What people say of catalogue objects: COMMENT ON, tags, terms, sensitivity and owners.

use super::metadata_types::{Annotated, ChangeMetadata, CreateTerm, MetadataChange};
use super::parser::StatementParser;
use super::types::{SchemaName, Statement, TableName};
use quern_catalog::model::{OwnerType, SENSITIVITIES};
use quern_common::{Error, ErrorCode, Result};
use sqlparser::tokenizer::Token;

/// Tags or terms in one statement; more are a mistake.
const NAMES_MAX: usize = 1_000;

impl StatementParser<'_> {
    /// `COMMENT ON kind name IS 'text' | NULL`.
    pub(super) fn comment(&mut self) -> Result<Statement> {
        self.expect("COMMENT ON")?;
        let object = match () {
            () if self.accept("SCHEMA") || self.accept("DATABASE") => {
                Annotated::Schema(self.schema_name()?)
            }
            () if self.accept("TABLE") || self.accept("VIEW") => {
                Annotated::Table(self.table_name()?)
            }
            () if self.accept("COLUMN") => self.column_name()?,
            () => return Err(self.unsupported_object("COMMENT ON")),
        };
        self.expect("IS")?;
        let text = if self.accept("NULL") { None } else { Some(self.text()?) };
        Ok(changed(object, MetadataChange::Comment(text)))
    }

    /// `[[catalog.]schema.]table.column`.
    fn column_name(&mut self) -> Result<Annotated> {
        let mut parts = self.dotted_name()?;
        let column = parts.pop().unwrap_or_default();
        let Some(name) = parts.pop() else {
            return Err(self.syntax_error("a column is named with its table, as in table.column"));
        };
        let (schema, catalog) = (parts.pop(), parts.pop());
        if !parts.is_empty() {
            return Err(self.syntax_error("a column's name has at most four parts"));
        }
        Ok(Annotated::Column(TableName { catalog, schema, name }, column))
    }

    /// `ALTER SCHEMA`, after SCHEMA.
    pub(super) fn alter_schema(&mut self) -> Result<Statement> {
        let name: SchemaName = self.schema_name()?;
        for words in ["RENAME TO", "SET LOCATION", "SET DBPROPERTIES", "SET PROPERTIES"] {
            if self.at(words) {
                return Err(Error::not_supported(format!("ALTER SCHEMA … {words}")));
            }
        }
        self.alter_metadata(Annotated::Schema(name))
    }

    /// `ALTER VIEW`, after VIEW.
    pub(super) fn alter_view(&mut self) -> Result<Statement> {
        let name = self.table_name()?;
        if !self.at_metadata() {
            return Err(Error::not_supported("ALTER VIEW other than of its metadata")
                .with_hint("use CREATE OR REPLACE VIEW"));
        }
        self.alter_metadata(Annotated::Table(name))
    }

    /// `ALTER TABLE … ALTER COLUMN`, after COLUMN.
    pub(super) fn alter_column(&mut self, table: TableName) -> Result<Statement> {
        let column = self.identifier()?;
        if !self.at_metadata() {
            return Err(Error::not_supported(
                "ALTER TABLE … ALTER COLUMN other than of its metadata",
            ));
        }
        self.alter_metadata(Annotated::Column(table, column))
    }

    /// Whether a change of metadata follows.
    pub(super) fn at_metadata(&self) -> bool {
        ["TAGS", "TERMS", "SENSITIVITY"]
            .iter()
            .any(|what| self.at(&format!("SET {what}")) || self.at(&format!("UNSET {what}")))
            || self.at("SET OWNER")
            || self.at("OWNER TO")
            || self.at("SET AUTHORIZATION")
    }

    /// `SET …` or `UNSET …`.
    pub(super) fn alter_metadata(&mut self, object: Annotated) -> Result<Statement> {
        let change = match () {
            () if self.accept("SET TAGS") => MetadataChange::SetTags(self.tags()?),
            () if self.accept("UNSET TAGS") => MetadataChange::UnsetTags(self.names()?),
            () if self.accept("SET TERMS") => MetadataChange::SetTerms(self.names()?),
            () if self.accept("UNSET TERMS") => MetadataChange::UnsetTerms(self.names()?),
            () if self.accept("SET SENSITIVITY") => {
                MetadataChange::Sensitivity(Some(self.sensitivity()?))
            }
            () if self.accept("UNSET SENSITIVITY") => MetadataChange::Sensitivity(None),
            () if self.accept("SET OWNER TO") || self.accept("OWNER TO") => self.owner()?,
            () if self.accept("SET OWNER") || self.accept("SET AUTHORIZATION") => self.owner()?,
            () => {
                return Err(self.unexpected(
                    "SET or UNSET of TAGS, TERMS or SENSITIVITY, SET OWNER or SET AUTHORIZATION",
                ));
            }
        };
        match (&object, &change) {
            (Annotated::Column(..), MetadataChange::Owner { .. }) => {
                Err(Error::not_supported("an owner of a column"))
            }
            _ => Ok(changed(object, change)),
        }
    }

    /// `('name' [= 'value'], …)`.
    fn tags(&mut self) -> Result<Vec<(String, Option<String>)>> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut tags = vec![];
        loop {
            let name = self.text()?;
            let has_value = self.parser.consume_token(&Token::Eq);
            let value = if has_value { Some(self.text()?) } else { None };
            tags.push((name, value));
            if self.end_of_names(tags.len())? {
                return Ok(tags);
            }
        }
    }

    /// `('name', …)`.
    fn names(&mut self) -> Result<Vec<String>> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut names = vec![];
        loop {
            names.push(self.text()?);
            if self.end_of_names(names.len())? {
                return Ok(names);
            }
        }
    }

    fn end_of_names(&mut self, n_names: usize) -> Result<bool> {
        if self.parser.consume_token(&Token::RParen) {
            return Ok(true);
        }
        self.token(&Token::Comma, "\",\" or \")\"")?;
        match n_names < NAMES_MAX {
            true => Ok(false),
            false => Err(Error::not_supported(format!("more than {NAMES_MAX} names"))),
        }
    }

    fn sensitivity(&mut self) -> Result<String> {
        let level = self.text()?.to_lowercase();
        match SENSITIVITIES.contains(&level.as_str()) {
            true => Ok(level),
            false => {
                let level: String = level.chars().take(100).collect();
                Err(Error::new(
                    ErrorCode::InvalidLiteral,
                    format!("\"{level}\" is no level of sensitivity"),
                )
                .with_hint(format!("the levels are {}", SENSITIVITIES.join(", "))))
            }
        }
    }

    /// `[USER | ROLE] name`. A user's name keeps its case.
    fn owner(&mut self) -> Result<MetadataChange> {
        let named = |parser: &Self| {
            let next = &parser.parser.peek_nth_token_ref(1).token;
            matches!(next, Token::Word(_) | Token::SingleQuotedString(_))
        };
        let owner_type = match () {
            () if self.at("USER") && named(self) => OwnerType::User,
            () if self.at("ROLE") && named(self) => OwnerType::Role,
            () if self.at("GROUP") && named(self) => {
                return Err(Error::not_supported("a group as owner"));
            }
            () => return Ok(MetadataChange::Owner(self.principal()?, OwnerType::User)),
        };
        self.parser.advance_token();
        Ok(MetadataChange::Owner(self.principal()?, owner_type))
    }

    fn principal(&mut self) -> Result<String> {
        let name = match &self.parser.peek_token_ref().token {
            Token::Word(word) if !word.value.is_empty() => word.value.clone(),
            Token::SingleQuotedString(text) if !text.is_empty() => text.clone(),
            _ => return Err(self.unexpected("the name of a user or role")),
        };
        self.parser.advance_token();
        Ok(name)
    }

    /// `CREATE [OR REPLACE] GLOSSARY TERM [IF NOT EXISTS] name AS 'text'`, after TERM.
    pub(super) fn create_term(&mut self, or_replace: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        if or_replace && if_not_exists {
            return Err(self.syntax_error("OR REPLACE and IF NOT EXISTS exclude each other"));
        }
        let name = self.term_name()?;
        self.expect("AS")?;
        let definition = self.text()?;
        Ok(Statement::CreateTerm(CreateTerm { name, definition, or_replace, if_not_exists }))
    }

    /// `DROP GLOSSARY TERM [IF EXISTS] name`, after TERM.
    pub(super) fn drop_term(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists();
        Ok(Statement::DropTerm { name: self.term_name()?, if_exists })
    }

    /// A name, or a text when it is several words.
    fn term_name(&mut self) -> Result<String> {
        match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(_) => Ok(self.text()?.to_lowercase()),
            _ => self.identifier(),
        }
    }
}

fn changed(object: Annotated, change: MetadataChange) -> Statement {
    Statement::ChangeMetadata(Box::new(ChangeMetadata { object, change }))
}
