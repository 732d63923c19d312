//! `current_user`, `current_catalog` and `current_schema`: the session's own, as constants.

use crate::session::SessionSettings;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, ObjectNamePart, Query, Value, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// Puts the session's values in the place of their names.
pub(super) fn replace(query: &mut Query, user: &str, settings: &SessionSettings) {
    let mut replace = Replace { user, settings };
    let _ = query.visit(&mut replace);
}

struct Replace<'a> {
    user: &'a str,
    settings: &'a SessionSettings,
}

impl Replace<'_> {
    fn value_of(&self, name: &str) -> Option<&str> {
        match name.to_ascii_lowercase().as_str() {
            "current_user" => Some(self.user),
            "current_catalog" => Some(&self.settings.catalog),
            "current_schema" => Some(&self.settings.schema),
            _ => None,
        }
    }
}

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let name = match expr {
            Expr::Identifier(ident) if ident.quote_style.is_none() => Some(&ident.value),
            Expr::Function(Function { name, .. }) => match name.0.as_slice() {
                [ObjectNamePart::Identifier(ident)] if ident.quote_style.is_none() => {
                    Some(&ident.value)
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(value) = name.and_then(|name| self.value_of(name)) {
            *expr = Expr::value(Value::SingleQuotedString(value.to_owned()));
        }
        ControlFlow::Continue(())
    }
}
