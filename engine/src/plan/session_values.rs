//! `current_user`, `current_catalog` and `current_schema`: the session's own, as constants.

use crate::session::SessionSettings;
use crate::statement::walk::{Node, walk};
use datafusion::sql::sqlparser::ast::{Expr, Function, ObjectNamePart, Query, Value};
use quern_common::Result;

/// Puts the session's values in the place of their names.
pub(super) fn replace(query: &mut Query, user: &str, settings: &SessionSettings) -> Result<()> {
    let value_of = |name: &str| match name.to_ascii_lowercase().as_str() {
        "current_user" => Some(user),
        "current_catalog" => Some(settings.catalog.as_str()),
        "current_schema" => Some(settings.schema.as_str()),
        _ => None,
    };
    walk(query, &mut |node| {
        if let Node::Expr(expr) = node
            && let Some(value) = unquoted_name(expr).and_then(value_of)
        {
            *expr = Expr::value(Value::SingleQuotedString(value.to_owned()));
        }
        Ok(())
    })
}

/// The name that an expression is, or calls.
fn unquoted_name(expr: &Expr) -> Option<&str> {
    let ident = match expr {
        Expr::Identifier(ident) => ident,
        Expr::Function(Function { name, .. }) => match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => ident,
            _ => return None,
        },
        _ => return None,
    };
    ident.quote_style.is_none().then_some(ident.value.as_str())
}
