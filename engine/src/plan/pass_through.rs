//! Queries that give rows as they lie in a table.

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, TableFactor,
};

/// Whether the rows of the answer are all rows of one table, perhaps without some columns. They
/// leave as plain text (`Utf8`) anyway, so that reading them as views would copy every value
/// twice. (With a condition views are better: values that are not selected are not copied at all.)
pub(super) fn passes_rows_through(query: &Query) -> bool {
    let Query { with: None, body, order_by: None, .. } = query else { return false };
    let SetExpr::Select(select) = body.as_ref() else { return false };
    is_of_one_table(select) && is_whole(select) && select.projection.iter().all(is_column)
}

fn is_of_one_table(select: &Select) -> bool {
    let [from] = select.from.as_slice() else { return false };
    from.joins.is_empty() && matches!(from.relation, TableFactor::Table { args: None, .. })
}

fn is_whole(select: &Select) -> bool {
    let is_grouped = match &select.group_by {
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
        GroupByExpr::All(_) => true,
    };
    let is_filtered = select.selection.is_some() || select.having.is_some();
    !is_grouped && !is_filtered && select.distinct.is_none()
}

fn is_column(item: &SelectItem) -> bool {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        }
        SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    fn passes(sql: &str) -> bool {
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(sql).unwrap();
        passes_rows_through(&parser.parse_query().unwrap())
    }

    #[test]
    fn rows_of_one_table_pass_through() {
        for sql in
            ["SELECT * FROM t", "SELECT t.*, a FROM s.t", "SELECT a, t.b AS c FROM t LIMIT 3"]
        {
            assert!(passes(sql), "{sql}");
        }
    }

    #[test]
    fn rows_that_are_made_do_not() {
        for sql in [
            "SELECT 1",
            "SELECT upper(a) FROM t",
            "SELECT a FROM t WHERE a LIKE '%x%'",
            "SELECT max(a) FROM t",
            "SELECT DISTINCT a FROM t",
            "SELECT a FROM t GROUP BY a",
            "SELECT a FROM t GROUP BY ALL",
            "SELECT a FROM t ORDER BY a",
            "SELECT a FROM t, u",
            "SELECT a FROM t JOIN u USING (a)",
            "SELECT a FROM (SELECT a FROM t)",
            "SELECT a FROM f(1)",
            "SELECT a FROM t UNION SELECT a FROM u",
            "WITH u AS (SELECT 1 AS a) SELECT a FROM u",
        ] {
            assert!(!passes(sql), "{sql}");
        }
    }
}
