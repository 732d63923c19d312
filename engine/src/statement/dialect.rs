//! Presto's lexical rules and grammar switches for sqlparser.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName,
};
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;
use std::any::TypeId;

/// SQL as Presto and Trino read it, with Hive's backtick identifiers.
///
/// It answers as sqlparser's generic dialect where sqlparser asks for a dialect by type, because
/// some of Presto's grammar (`MAP(k, v)` types) is tied to that.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuernDialect;

/// Dialect switches that differ from sqlparser's defaults.
macro_rules! switched_on {
    ($($name:ident),* $(,)?) => { $(fn $name(&self) -> bool { true })* };
}

impl Dialect for QuernDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('"')
    }

    switched_on!(
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_dollar_placeholder,
        supports_filter_during_aggregation,
        supports_group_by_expr,
        supports_lambda_functions,
        supports_match_recognize,
        supports_numeric_literal_underscores,
        supports_order_by_all,
        supports_parens_around_table_factor,
        supports_pipe_operator,
        supports_select_wildcard_except,
        supports_select_wildcard_exclude,
        supports_select_wildcard_replace,
        supports_struct_literal,
        supports_subquery_as_function_arg,
        supports_table_versioning,
        supports_unicode_string_literal,
        supports_window_clause_named_window_reference,
        supports_window_function_null_treatment_arg,
    );

    /// Reads the arguments `TABLE a.b` and `MODEL a.b` as `TABLE(a.b)` and `MODEL(a.b)`: the
    /// spelling of table functions. Only where a comma or a closing parenthesis follows, so that
    /// a column may be called `model`.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let length = bare_argument_length(parser)?;
        Some(parse_bare_argument(parser, length))
    }
}

/// Counts the parts of the dotted name in `TABLE a.b ,`; none when the tokens are not that.
fn bare_argument_length(parser: &Parser<'_>) -> Option<usize> {
    let Token::Word(first) = &parser.peek_token_ref().token else { return None };
    let named = ["table", "model"].iter().any(|name| first.value.eq_ignore_ascii_case(name));
    if !named || first.quote_style.is_some() {
        return None;
    }
    for parts in 1..=3 {
        let position = parts * 2 - 1;
        if !matches!(parser.peek_nth_token_ref(position).token, Token::Word(_)) {
            return None;
        }
        match parser.peek_nth_token_ref(position + 1).token {
            Token::Comma | Token::RParen => return Some(parts),
            Token::Period => {}
            _ => return None,
        }
    }
    None
}

fn parse_bare_argument(parser: &mut Parser<'_>, parts: usize) -> Result<Expr, ParserError> {
    let function = parser.parse_identifier()?;
    let mut idents: Vec<Ident> = vec![];
    for part in 0..parts {
        if part > 0 {
            parser.expect_token(&Token::Period)?;
        }
        idents.push(parser.parse_identifier()?);
    }
    let argument = match <[Ident; 1]>::try_from(idents) {
        Ok([single]) => Expr::Identifier(single),
        Err(several) => Expr::CompoundIdentifier(several),
    };
    Ok(Expr::Function(Function {
        name: ObjectName::from(vec![function]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))],
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    }))
}
