//! From text to a [`Statement`]: Presto's grammar, Hive's DDL beside it, and our own statements.
//!
//! Queries become sqlparser's AST and are planned by DataFusion; everything else is parsed here
//! into owned, normalised types, so that what runs it never looks at an AST. A clause that is
//! not carried by these types is an error that names it.
//! Read in this order: `types`, `parser`, `create_table`, `dialect`, `guard`.

mod alter;
mod create_table;
mod dialect;
mod guard;
mod like;
mod literal;
mod maintenance;
mod metadata;
mod metadata_types;
mod model;
mod parser;
mod placeholders;
mod query;
pub(crate) mod quoting;
mod schema;
mod show;
mod table_properties;
mod type_text;
mod types;
pub(crate) mod walk;

pub use dialect::QuernDialect;
pub use like::LikePattern;
pub use literal::Literal;
pub use maintenance::{AnalyzeTable, AnalyzedPartitions, Measures};
pub use metadata_types::{Annotated, ChangeMetadata, CreateTerm, MetadataChange};
pub use placeholders::rewrite_placeholders;
pub use types::{
    CallArgument, CreateCatalog, CreateModel, CreateSchema, CreateTable, CreateView,
    DropPartitions, ExplainFormat, ExplainOptions, ExplainType, PartitionAddition, PartitionSpec,
    SchemaName, Statement, SyncMode, TableName,
};

pub(crate) use maintenance::query_of;
pub(crate) use parser::is_reserved;

use parser::StatementParser;
use quern_common::{Error, ErrorCode, Result};

impl Statement {
    /// Parses statements that are separated by semicolons; empty ones are left out.
    ///
    /// # Errors
    /// `SYNTAX_ERROR` with line and column, `NOT_SUPPORTED` naming the clause, and the codes of
    /// properties and options that are wrong.
    pub fn parse(sql: &str) -> Result<Vec<Self>> {
        let mut parser = StatementParser::new(sql)?;
        let mut statements = vec![];
        while parser.skip_separators() {
            statements.push(parser.statement()?);
            parser.expect_end()?;
        }
        Ok(statements)
    }

    /// Parses a text that holds exactly one statement.
    ///
    /// # Errors
    /// As [`Statement::parse`]; none or several statements are a `SYNTAX_ERROR`.
    pub fn parse_one(sql: &str) -> Result<Self> {
        let mut statements = Self::parse(sql)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(statement), true) => Ok(statement),
            (Some(_), false) => {
                Err(Error::new(ErrorCode::SyntaxError, "several statements where one is expected")
                    .with_hint("send the statements one at a time"))
            }
            (None, _) => Err(Error::new(ErrorCode::SyntaxError, "the statement is empty")),
        }
    }
}
