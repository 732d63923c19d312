//! CREATE and DROP of catalogs, schemas, views, tables and models.

use super::parser::StatementParser;
use super::types::{CreateCatalog, CreateSchema, CreateView, Statement};
use super::{Literal, query};
use quern_catalog::connector::CONNECTOR;
use quern_catalog::model::Parameters;
use quern_common::{Error, ErrorCode, Result};
use sqlparser::tokenizer::Token;

impl StatementParser<'_> {
    /// `CREATE SCHEMA`, after CREATE.
    pub(super) fn create_schema(&mut self) -> Result<Statement> {
        if !self.accept("SCHEMA") {
            self.expect("DATABASE")?;
        }
        let if_not_exists = self.if_not_exists();
        let mut schema = CreateSchema {
            name: self.schema_name()?,
            if_not_exists,
            comment: None,
            location: None,
            properties: Parameters::new(),
        };
        loop {
            if self.at("COMMENT") && schema.comment.is_none() {
                schema.comment = self.text_after("COMMENT")?;
            } else if self.at("LOCATION") && schema.location.is_none() {
                schema.location = self.text_after("LOCATION")?;
            } else if self.accept("WITH DBPROPERTIES") {
                schema.properties.append(&mut self.hive_properties()?);
            } else if self.accept("WITH") {
                self.schema_properties(&mut schema)?;
            } else if self.at("AUTHORIZATION") || self.at("MANAGEDLOCATION") {
                let clause =
                    if self.at("AUTHORIZATION") { "AUTHORIZATION" } else { "MANAGEDLOCATION" };
                return Err(Error::not_supported(format!("CREATE SCHEMA … {clause}")));
            } else {
                return Ok(Statement::CreateSchema(schema));
            }
        }
    }

    /// `CREATE CATALOG [IF NOT EXISTS] name [USING connector] [COMMENT …] [WITH (…)]`, after
    /// CATALOG.
    pub(super) fn create_catalog(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        let name = self.identifier()?;
        let mut properties = Parameters::new();
        if self.accept("USING") {
            properties.insert(CONNECTOR.to_owned(), self.identifier()?);
        }
        let comment = self.text_after("COMMENT")?;
        if self.at("AUTHORIZATION") {
            return Err(Error::not_supported("CREATE CATALOG … AUTHORIZATION"));
        }
        if self.accept("WITH") {
            for (name, value) in self.presto_properties()? {
                if properties.insert(name.clone(), value.to_text()).is_some() {
                    return Err(Error::new(
                        ErrorCode::InvalidCatalogProperty,
                        format!("property \"{name}\" is given twice"),
                    ));
                }
            }
        }
        Ok(Statement::CreateCatalog(CreateCatalog { name, if_not_exists, comment, properties }))
    }

    fn schema_properties(&mut self, schema: &mut CreateSchema) -> Result<()> {
        for (name, value) in self.presto_properties()? {
            match (name.as_str(), value) {
                ("location", Literal::Text(location)) => schema.location = Some(location),
                ("location", _) => {
                    return Err(Error::new(
                        ErrorCode::InvalidTableProperty,
                        "schema property \"location\" takes a text",
                    ));
                }
                _ => {
                    return Err(Error::new(
                        ErrorCode::InvalidTableProperty,
                        format!("unknown schema property \"{name}\""),
                    )
                    .with_hint("there is \"location\""));
                }
            }
        }
        Ok(())
    }

    /// `CREATE [OR REPLACE] VIEW`, after VIEW.
    pub(super) fn create_view(&mut self, or_replace: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists();
        if or_replace && if_not_exists {
            return Err(self.syntax_error("OR REPLACE and IF NOT EXISTS exclude each other"));
        }
        let name = self.table_name()?;
        let columns = if self.at_token(&Token::LParen) { self.column_names()? } else { vec![] };
        let comment = self.text_after("COMMENT")?;
        for clause in ["SECURITY", "TBLPROPERTIES", "WITH", "PARTITIONED ON"] {
            if self.at(clause) {
                return Err(Error::not_supported(format!("CREATE VIEW … {clause}")));
            }
        }
        self.expect("AS")?;
        let start = self.here();
        let query = query::query(self)?;
        let query_text = self.text_between(start, self.last_end());
        Ok(Statement::CreateView(Box::new(CreateView {
            name,
            or_replace,
            if_not_exists,
            columns,
            comment,
            query_text,
            query,
        })))
    }

    /// `(a, b)`.
    pub(super) fn column_names(&mut self) -> Result<Vec<String>> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut names = vec![self.identifier()?];
        while self.parser.consume_token(&Token::Comma) {
            names.push(self.identifier()?);
        }
        self.token(&Token::RParen, "\",\" or \")\"")?;
        Ok(names)
    }

    /// `DROP …`.
    pub(super) fn drop_statement(&mut self) -> Result<Statement> {
        self.expect("DROP")?;
        if self.accept("CATALOG") {
            let if_exists = self.if_exists();
            return Ok(Statement::DropCatalog { name: self.identifier()?, if_exists });
        }
        if self.accept("SCHEMA") || self.accept("DATABASE") {
            let if_exists = self.if_exists();
            let name = self.schema_name()?;
            let cascade = self.accept("CASCADE");
            if !cascade {
                self.accept("RESTRICT");
            }
            return Ok(Statement::DropSchema { name, if_exists, cascade });
        }
        if self.accept("TABLE") {
            let if_exists = self.if_exists();
            let name = self.table_name()?;
            if self.at("PURGE") {
                return Err(Error::not_supported("DROP TABLE … PURGE"));
            }
            return Ok(Statement::DropTable { name, if_exists });
        }
        if self.accept("VIEW") {
            let if_exists = self.if_exists();
            return Ok(Statement::DropView { name: self.table_name()?, if_exists });
        }
        if self.accept("MODEL") {
            return self.drop_model();
        }
        if self.accept("GLOSSARY TERM") {
            return self.drop_term();
        }
        Err(self.unsupported_object("DROP"))
    }
}
