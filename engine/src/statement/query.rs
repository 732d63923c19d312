//! Queries, and EXPLAIN around a statement.

use super::parser::StatementParser;
use super::types::{ExplainFormat, ExplainOptions, ExplainType, Statement};
use super::walk::{Node, walk};
use quern_common::{Error, Result};
use sqlparser::ast::{Query, Select, SetExpr, TableFactor};
use sqlparser::tokenizer::Token;

/// Parses a query and refuses the clauses that a planner would pass over in silence.
pub(super) fn query(parser: &mut StatementParser<'_>) -> Result<Box<Query>> {
    let mut parsed = match parser.parser.parse_query() {
        Ok(parsed) => parsed,
        Err(_) if parser.at("VERSION AS OF") || parser.at("TIMESTAMP AS OF") => {
            return Err(Error::not_supported("FOR VERSION and FOR TIMESTAMP AS OF"));
        }
        Err(err) => return Err(parser.parser_error(err)),
    };
    walk(&mut parsed, &mut |node| match unsupported_clause(&node) {
        None => Ok(()),
        Some(clause) => Err(Error::not_supported(clause)),
    })?;
    Ok(parsed)
}

/// Finds a clause that sqlparser reads and DataFusion's planner ignores.
fn unsupported_clause(node: &Node<'_>) -> Option<&'static str> {
    match node {
        Node::Query(query) => in_query(query),
        Node::Select(select) => in_select(select),
        Node::TableFactor(factor) => in_table_factor(factor),
        Node::Expr(_) => None,
    }
}

fn first_present(clauses: &[(bool, &'static str)]) -> Option<&'static str> {
    clauses.iter().find(|(present, _)| *present).map(|(_, clause)| *clause)
}

fn in_query(query: &Query) -> Option<&'static str> {
    first_present(&[
        (!query.locks.is_empty(), "FOR UPDATE and FOR SHARE"),
        (query.for_clause.is_some(), "FOR XML and FOR JSON"),
        (query.settings.is_some(), "SETTINGS"),
        (query.format_clause.is_some(), "FORMAT"),
        (query.fetch.as_ref().is_some_and(|f| f.with_ties), "FETCH FIRST … WITH TIES"),
        (query.fetch.as_ref().is_some_and(|f| f.percent), "FETCH FIRST … PERCENT"),
        (matches!(*query.body, SetExpr::Insert(_)), "INSERT within a query"),
        (matches!(*query.body, SetExpr::Update(_)), "UPDATE within a query"),
        (matches!(*query.body, SetExpr::Delete(_)), "DELETE within a query"),
        (matches!(*query.body, SetExpr::Merge(_)), "MERGE within a query"),
    ])
}

fn in_select(select: &Select) -> Option<&'static str> {
    first_present(&[
        (select.into.is_some(), "SELECT … INTO"),
        (select.top.is_some(), "TOP"),
        (select.prewhere.is_some(), "PREWHERE"),
        (select.select_modifiers.is_some(), "MySQL's SELECT modifiers"),
        (select.value_table_mode.is_some(), "SELECT AS VALUE and AS STRUCT"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
    ])
}

fn in_table_factor(factor: &TableFactor) -> Option<&'static str> {
    match factor {
        TableFactor::Table { with_hints, version, partitions, sample, index_hints, .. } => {
            first_present(&[
                (sample.is_some(), "TABLESAMPLE"),
                (version.is_some(), "FOR VERSION and FOR TIMESTAMP AS OF"),
                (!with_hints.is_empty() || !index_hints.is_empty(), "table hints"),
                (!partitions.is_empty(), "PARTITION after a table name"),
            ])
        }
        TableFactor::Derived { sample, .. } => sample.as_ref().map(|_| "TABLESAMPLE"),
        _ => None,
    }
}

/// EXPLAIN.
pub(super) fn explain(parser: &mut StatementParser<'_>) -> Result<Statement> {
    parser.expect("EXPLAIN")?;
    let mut options =
        ExplainOptions { analyze: parser.accept("ANALYZE"), ..ExplainOptions::default() };
    options.verbose = parser.accept("VERBOSE");
    if parser.accept("FORMAT") {
        options.format = explain_format(parser)?;
    }
    // `EXPLAIN (SELECT …)` is a query in parentheses, not a list of options.
    if parser.at_token(&Token::LParen) && option_follows(parser) {
        explain_options(parser, &mut options)?;
    }
    if parser.at("EXPLAIN") {
        return Err(Error::not_supported("EXPLAIN of EXPLAIN"));
    }
    let inner = Box::new(parser.statement()?);
    Ok(Statement::Explain { options, inner })
}

fn option_follows(parser: &StatementParser<'_>) -> bool {
    matches!(&parser.parser.peek_nth_token_ref(1).token, Token::Word(word)
        if ["type", "format"].iter().any(|name| word.value.eq_ignore_ascii_case(name)))
}

fn explain_options(parser: &mut StatementParser<'_>, options: &mut ExplainOptions) -> Result<()> {
    parser.token(&Token::LParen, "\"(\"")?;
    loop {
        if parser.accept("FORMAT") {
            options.format = explain_format(parser)?;
        } else if parser.accept("TYPE") {
            options.explain_type = explain_type(parser)?;
        } else {
            return Err(parser.unexpected("FORMAT or TYPE"));
        }
        if parser.parser.consume_token(&Token::RParen) {
            return Ok(());
        }
        parser.token(&Token::Comma, "\",\" or \")\"")?;
    }
}

fn explain_format(parser: &mut StatementParser<'_>) -> Result<ExplainFormat> {
    for (word, format) in [
        ("TEXT", ExplainFormat::Text),
        ("INDENT", ExplainFormat::Text),
        ("TREE", ExplainFormat::Tree),
        ("JSON", ExplainFormat::Json),
        ("PGJSON", ExplainFormat::Json),
        ("GRAPHVIZ", ExplainFormat::Graphviz),
    ] {
        if parser.accept(word) {
            return Ok(format);
        }
    }
    Err(parser.unexpected("TEXT, TREE, JSON or GRAPHVIZ"))
}

fn explain_type(parser: &mut StatementParser<'_>) -> Result<ExplainType> {
    for (word, explain_type) in [
        ("LOGICAL", ExplainType::Logical),
        ("DISTRIBUTED", ExplainType::Distributed),
        ("VALIDATE", ExplainType::Validate),
        ("IO", ExplainType::Io),
    ] {
        if parser.accept(word) {
            return Ok(explain_type);
        }
    }
    Err(parser.unexpected("LOGICAL, DISTRIBUTED, VALIDATE or IO"))
}
