//! ALTER of tables, and which other ALTER there is.

use super::Annotated;
use super::parser::StatementParser;
use super::types::{DropPartitions, PartitionAddition, PartitionSpec, Statement, TableName};
use quern_catalog::model::{CompareOp, Parameters};
use quern_common::{Error, Result};
use sqlparser::tokenizer::Token;

impl StatementParser<'_> {
    /// `ALTER …`.
    pub(super) fn alter(&mut self) -> Result<Statement> {
        self.expect("ALTER")?;
        if self.accept("SCHEMA") || self.accept("DATABASE") {
            return self.alter_schema();
        }
        if self.accept("VIEW") {
            return self.alter_view();
        }
        if !self.accept("TABLE") {
            return Err(self.unsupported_object("ALTER"));
        }
        let if_exists = self.if_exists();
        let table = self.table_name()?;
        if self.accept("RENAME TO") {
            let new_name = self.table_name()?;
            return Ok(Statement::AlterTableRename { table, if_exists, new_name });
        }
        if if_exists {
            return Err(Error::not_supported("ALTER TABLE IF EXISTS other than RENAME TO"));
        }
        match () {
            () if self.accept("ADD") => self.alter_add(table),
            () if self.accept("DROP") => self.alter_drop(table),
            () if self.accept("SET TBLPROPERTIES") => {
                let properties = self.hive_properties()?;
                Ok(Statement::AlterTableSetProperties { table, properties })
            }
            () if self.accept("SET PROPERTIES") => self.set_presto_properties(table),
            () if self.at_metadata() => self.alter_metadata(Annotated::Table(table)),
            () if self.accept("ALTER COLUMN") => self.alter_column(table),
            () => Err(self.unsupported_alter()),
        }
    }

    fn unsupported_alter(&mut self) -> Error {
        for words in [
            "RENAME COLUMN",
            "CHANGE",
            "REPLACE COLUMNS",
            "SET LOCATION",
            "SET FILEFORMAT",
            "SET SERDEPROPERTIES",
            "SET SERDE",
            "UNSET TBLPROPERTIES",
            "PARTITION",
            "EXECUTE",
            "RECOVER PARTITIONS",
            "TOUCH",
            "CONCATENATE",
        ] {
            if self.at(words) {
                return Error::not_supported(format!("ALTER TABLE … {words}"));
            }
        }
        for words in ["UNSET", "SET"] {
            if self.accept(words) {
                return self.unexpected(
                    "TBLPROPERTIES, PROPERTIES, TAGS, TERMS, SENSITIVITY, OWNER or AUTHORIZATION",
                );
            }
        }
        self.unexpected("ADD, DROP, RENAME TO, SET, UNSET or ALTER COLUMN")
    }

    fn alter_add(&mut self, table: TableName) -> Result<Statement> {
        if self.at("PARTITION") || self.at("IF NOT EXISTS PARTITION") {
            let if_not_exists = self.if_not_exists();
            return self.add_partitions(table, if_not_exists);
        }
        if self.accept("COLUMNS") {
            let columns = self.hive_columns()?;
            return Ok(Statement::AlterTableAddColumns { table, if_not_exists: false, columns });
        }
        if self.accept("COLUMN") {
            let if_not_exists = self.if_not_exists();
            let columns = vec![self.column()?];
            return Ok(Statement::AlterTableAddColumns { table, if_not_exists, columns });
        }
        Err(self.unexpected("PARTITION, COLUMN or COLUMNS"))
    }

    fn add_partitions(&mut self, table: TableName, if_not_exists: bool) -> Result<Statement> {
        let mut partitions = vec![];
        while self.accept("PARTITION") {
            let spec = self.partition_spec()?;
            let location = self.text_after("LOCATION")?;
            partitions.push(PartitionAddition { spec, location });
            let _ = self.parser.consume_token(&Token::Comma);
        }
        Ok(Statement::AlterTableAddPartitions { table, if_not_exists, partitions })
    }

    fn alter_drop(&mut self, table: TableName) -> Result<Statement> {
        let if_exists = self.if_exists();
        if !self.at("PARTITION") {
            return match () {
                () if self.at("COLUMN") => Err(Error::not_supported("ALTER TABLE … DROP COLUMN")),
                () => Err(self.unexpected("PARTITION")),
            };
        }
        let mut partitions = vec![];
        while self.accept("PARTITION") {
            partitions.push(DropPartitions { conditions: self.partition_conditions()? });
            let _ = self.parser.consume_token(&Token::Comma);
        }
        if self.at("PURGE") {
            return Err(Error::not_supported("ALTER TABLE … DROP PARTITION … PURGE"));
        }
        Ok(Statement::AlterTableDropPartitions { table, if_exists, partitions })
    }

    /// `(key = value, …)`.
    pub(super) fn partition_spec(&mut self) -> Result<PartitionSpec> {
        let start = self.syntax_error("a partition is given by \"=\"");
        self.partition_conditions()?
            .into_iter()
            .map(|(key, op, value)| match op {
                CompareOp::Eq => Ok((key, value)),
                _ => Err(start.clone()),
            })
            .collect()
    }

    fn partition_conditions(&mut self) -> Result<Vec<(String, CompareOp, String)>> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut conditions = vec![];
        loop {
            let key = self.identifier()?;
            let op = self.compare_op()?;
            conditions.push((key, op, self.literal()?.to_text()));
            if self.parser.consume_token(&Token::RParen) {
                return Ok(conditions);
            }
            self.token(&Token::Comma, "\",\" or \")\"")?;
        }
    }

    fn compare_op(&mut self) -> Result<CompareOp> {
        let op = match self.parser.peek_token_ref().token {
            Token::Eq => CompareOp::Eq,
            Token::Neq => CompareOp::NotEq,
            Token::Lt => CompareOp::Lt,
            Token::LtEq => CompareOp::LtEq,
            Token::Gt => CompareOp::Gt,
            Token::GtEq => CompareOp::GtEq,
            _ => return Err(self.unexpected("a comparison")),
        };
        self.parser.advance_token();
        Ok(op)
    }

    fn set_presto_properties(&mut self, table: TableName) -> Result<Statement> {
        let mut properties = Parameters::new();
        loop {
            let name = self.identifier()?;
            self.token(&Token::Eq, "\"=\"")?;
            let value = self.literal()?;
            properties.append(&mut super::table_properties::alterable(&name, &value)?);
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(Statement::AlterTableSetProperties { table, properties });
            }
        }
    }
}
