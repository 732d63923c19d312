//! Walks over the syntax tree of a query.
//!
//! sqlparser compiles its walk, some 5,000 functions, once for every type of visitor. These two
//! visitors call what they are given, so that it is compiled twice and not six times.

use quern_common::{Error, Result};
use sqlparser::ast::{Expr, Query, Select, TableFactor, Visit, VisitMut, Visitor, VisitorMut};
use std::ops::ControlFlow;

/// What [`walk`] comes upon. Each comes before its parts.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// The query itself, one in parentheses or one of a WITH clause.
    Query(&'a Query),
    Select(&'a Select),
    TableFactor(&'a TableFactor),
    Expr(&'a Expr),
}

/// What [`walk_mut`] comes upon.
#[derive(Debug)]
pub(crate) enum NodeMut<'a> {
    /// Before its parts.
    Query(&'a mut Query),
    /// After its parts.
    Expr(&'a mut Expr),
}

/// Shows every node of a query to `see`, until it returns an error.
///
/// # Errors
/// That of `see`.
pub(crate) fn walk(query: &Query, see: &mut dyn FnMut(Node<'_>) -> Result<()>) -> Result<()> {
    ended(query.visit(&mut Walk(see)))
}

/// Gives every node of a query to `change`, until it returns an error.
///
/// # Errors
/// That of `change`.
pub(crate) fn walk_mut(
    query: &mut Query,
    change: &mut dyn FnMut(NodeMut<'_>) -> Result<()>,
) -> Result<()> {
    ended(query.visit(&mut WalkMut(change)))
}

fn ended(flow: ControlFlow<Error>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(err) => Err(err),
    }
}

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(err) => ControlFlow::Break(err),
    }
}

struct Walk<'a>(&'a mut dyn FnMut(Node<'_>) -> Result<()>);

impl Visitor for Walk<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        flow((self.0)(Node::Query(query)))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        flow((self.0)(Node::Select(select)))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        flow((self.0)(Node::TableFactor(factor)))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        flow((self.0)(Node::Expr(expr)))
    }
}

struct WalkMut<'a>(&'a mut dyn FnMut(NodeMut<'_>) -> Result<()>);

impl VisitorMut for WalkMut<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        flow((self.0)(NodeMut::Query(query)))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        flow((self.0)(NodeMut::Expr(expr)))
    }
}
