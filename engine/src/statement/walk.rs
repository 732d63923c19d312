//! Walks over the syntax tree of a query.
//!
//! sqlparser compiles its walk, some 5,000 functions, once for every type of visitor. There is one
//! visitor, so that it is compiled once.

use quern_common::{Error, Result};
use sqlparser::ast::{Expr, Query, Select, TableFactor, VisitMut, VisitorMut};
use std::ops::ControlFlow;

/// What a walk comes upon.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// The query itself, one in parentheses or one of a WITH clause, before its parts.
    Query(&'a mut Query),
    /// Before its parts.
    Select(&'a mut Select),
    /// Before its parts.
    TableFactor(&'a mut TableFactor),
    /// After its parts.
    Expr(&'a mut Expr),
}

/// Gives every node of a query to `visit`, which may change it, until it returns an error.
///
/// # Errors
/// That of `visit`.
pub(crate) fn walk(query: &mut Query, visit: &mut dyn FnMut(Node<'_>) -> Result<()>) -> Result<()> {
    match query.visit(&mut Walk(visit)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(err) => Err(err),
    }
}

struct Walk<'a>(&'a mut dyn FnMut(Node<'_>) -> Result<()>);

impl Walk<'_> {
    fn at(&mut self, node: Node<'_>) -> ControlFlow<Error> {
        match (self.0)(node) {
            Ok(()) => ControlFlow::Continue(()),
            Err(err) => ControlFlow::Break(err),
        }
    }
}

impl VisitorMut for Walk<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.at(Node::Query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        self.at(Node::Select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        self.at(Node::TableFactor(factor))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        self.at(Node::Expr(expr))
    }
}
