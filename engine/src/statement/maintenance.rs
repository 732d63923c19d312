//! ANALYZE, SHOW STATS and CHECK TABLE.

use super::parser::StatementParser;
use super::types::{Statement, TableName};
use super::{Literal, query};
use quern_common::{Error, ErrorCode, Result};
use sqlparser::ast;
use sqlparser::tokenizer::Token;

/// ANALYZE, in Hive's or in Trino's spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyzeTable {
    /// Table.
    pub table: TableName,
    /// What of a partitioned table is measured.
    pub partitions: AnalyzedPartitions,
    /// What is measured.
    pub measures: Measures,
}

/// The partitions that ANALYZE measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnalyzedPartitions {
    /// All of them.
    All,
    /// Those that have these values of these keys; a key without value may have any.
    Spec(Vec<(String, Option<String>)>),
    /// Those with these values, one a key.
    Values(Vec<Vec<String>>),
}

/// What ANALYZE measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measures {
    /// The files, without reading them.
    Files,
    /// Files and rows.
    Rows,
    /// Files, rows, and every column of which statistics are kept.
    AllColumns,
    /// Files, rows, and these columns.
    Columns(Vec<String>),
}

const PARTITIONS: &str = "partitions";
const COLUMNS: &str = "columns";

impl StatementParser<'_> {
    /// `ANALYZE TABLE t [PARTITION (…)] COMPUTE STATISTICS …`, or `ANALYZE t [WITH (…)]`.
    pub(super) fn analyze(&mut self) -> Result<Statement> {
        self.expect("ANALYZE")?;
        for words in ["TABLES IN", "TABLES FROM", "TABLES COMPUTE"] {
            if self.at(words) {
                return Err(Error::not_supported("ANALYZE TABLES"));
            }
        }
        let analyze = match self.accept("TABLE") {
            true => self.hive_analyze()?,
            false => self.trino_analyze()?,
        };
        Ok(Statement::Analyze(Box::new(analyze)))
    }

    fn hive_analyze(&mut self) -> Result<AnalyzeTable> {
        let table = self.table_name()?;
        let partitions = match self.accept("PARTITION") {
            true => AnalyzedPartitions::Spec(self.open_partition_spec()?),
            false => AnalyzedPartitions::All,
        };
        self.expect("COMPUTE STATISTICS")?;
        let measures = match () {
            () if self.accept("NOSCAN") => Measures::Files,
            () if self.accept("FOR ALL COLUMNS") => Measures::AllColumns,
            () if self.accept("FOR COLUMNS") => match self.parser.peek_token_ref().token {
                // Hive's way to say all columns.
                Token::EOF | Token::SemiColon => Measures::AllColumns,
                _ => Measures::Columns(self.name_list()?),
            },
            () => Measures::Rows,
        };
        for clause in ["NOSCAN", "PARTIALSCAN", "CACHE METADATA", "FOR"] {
            if self.at(clause) {
                return Err(Error::not_supported(format!("ANALYZE TABLE … {clause} here")));
            }
        }
        Ok(AnalyzeTable { table, partitions, measures })
    }

    /// `(key = value, key, …)`.
    fn open_partition_spec(&mut self) -> Result<Vec<(String, Option<String>)>> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut spec = vec![];
        loop {
            let key = self.identifier()?;
            let given = self.parser.consume_token(&Token::Eq);
            let value = if given { Some(self.literal()?.to_text()) } else { None };
            spec.push((key, value));
            if self.parser.consume_token(&Token::RParen) {
                return Ok(spec);
            }
            self.token(&Token::Comma, "\",\" or \")\"")?;
        }
    }

    /// `a, b`, or `(a, b)`.
    fn name_list(&mut self) -> Result<Vec<String>> {
        if self.at_token(&Token::LParen) {
            return self.column_names();
        }
        let mut names = vec![self.identifier()?];
        while self.parser.consume_token(&Token::Comma) {
            names.push(self.identifier()?);
        }
        Ok(names)
    }

    fn trino_analyze(&mut self) -> Result<AnalyzeTable> {
        let table = self.table_name()?;
        let mut analyze = AnalyzeTable {
            table,
            partitions: AnalyzedPartitions::All,
            measures: Measures::AllColumns,
        };
        if !self.accept("WITH") {
            return Ok(analyze);
        }
        for (name, value) in self.presto_properties()? {
            match (name.as_str(), value) {
                (PARTITIONS, Literal::Array(rows)) => {
                    let rows = rows.into_iter().map(texts_of_row).collect::<Result<_>>()?;
                    analyze.partitions = AnalyzedPartitions::Values(rows);
                }
                (COLUMNS, Literal::Array(names)) => {
                    analyze.measures = Measures::Columns(names_of(names)?);
                }
                (PARTITIONS | COLUMNS, _) => return Err(wrong_property(&name)),
                _ => {
                    return Err(Error::new(
                        ErrorCode::InvalidTableProperty,
                        format!("unknown property \"{name}\" of ANALYZE"),
                    )
                    .with_hint(format!("there are \"{PARTITIONS}\" and \"{COLUMNS}\"")));
                }
            }
        }
        Ok(analyze)
    }

    /// `SHOW STATS FOR table`, or `SHOW STATS FOR (query)`, after STATS.
    pub(super) fn show_stats(&mut self) -> Result<Statement> {
        self.expect("FOR")?;
        if self.at_token(&Token::LParen) {
            self.token(&Token::LParen, "\"(\"")?;
            let query = query::query(self)?;
            self.token(&Token::RParen, "\")\"")?;
            return Ok(Statement::ShowStats { query });
        }
        let table = self.table_name()?;
        Ok(Statement::ShowStats {
            query: query_of(&format!("SELECT * FROM {}", super::quoting::table(&table)))?,
        })
    }

    /// `CHECK TABLE table`.
    pub(super) fn check_table(&mut self) -> Result<Statement> {
        self.expect("CHECK")?;
        if !self.accept("TABLE") {
            return Err(self.unsupported_object("CHECK"));
        }
        Ok(Statement::CheckTable { table: self.table_name()? })
    }
}

/// Parses a query that was put together here.
pub(crate) fn query_of(sql: &str) -> Result<Box<ast::Query>> {
    match Statement::parse_one(sql)? {
        Statement::Query(query) => Ok(query),
        other => Err(Error::internal(format!("{} is no query", other.kind()))),
    }
}

fn wrong_property(name: &str) -> Error {
    let example = match name {
        PARTITIONS => "ARRAY[ARRAY['2024', '01']]",
        _ => "ARRAY['name']",
    };
    Error::new(
        ErrorCode::InvalidTableProperty,
        format!("property \"{name}\" of ANALYZE is an array such as {example}"),
    )
}

fn texts_of_row(row: Literal) -> Result<Vec<String>> {
    match row {
        Literal::Array(values) if values.iter().all(is_scalar) => {
            Ok(values.iter().map(Literal::to_text).collect())
        }
        _ => Err(wrong_property(PARTITIONS)),
    }
}

fn names_of(names: Vec<Literal>) -> Result<Vec<String>> {
    let names = names.into_iter().map(|name| match name {
        Literal::Text(name) => Ok(name.to_lowercase()),
        _ => Err(wrong_property(COLUMNS)),
    });
    names.collect()
}

fn is_scalar(value: &Literal) -> bool {
    !matches!(value, Literal::Array(_) | Literal::Map(_))
}
