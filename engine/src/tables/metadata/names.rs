//! Which names a condition of SQL admits.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use quern_catalog::model::NameFilter;

/// The columns that hold catalog, schema and table.
pub(super) type NameColumns = [&'static str; 3];

/// Names in one list; longer ones are left to the filter that follows.
const LIST_MAX: usize = 1_000;

/// The names that conditions on these columns, all of which hold, admit at most.
pub(crate) fn filter_of(conditions: &[Expr], columns: NameColumns) -> NameFilter {
    let [catalogs, schemas, tables] = columns.map(|column| {
        let lists = conditions.iter().filter_map(|condition| names_in(condition, column));
        lists.reduce(|mut all, list| {
            all.retain(|name| list.contains(name));
            all
        })
    });
    NameFilter { catalogs, schemas, tables }
}

/// The values that a condition admits for a column; none when it is another kind of condition.
pub(crate) fn names_in(condition: &Expr, column: &str) -> Option<Vec<String>> {
    let is_column = |expr: &Expr| matches!(expr, Expr::Column(found) if found.name == column);
    let values = match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (is_column(left), is_column(right)) {
                (true, false) => vec![text_of(right)?],
                (false, true) => vec![text_of(left)?],
                _ => return None,
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let names = [names_in(left, column)?, names_in(right, column)?].concat();
            names.into_iter().map(Some).collect()
        }
        Expr::InList(InList { expr, list, negated: false }) if is_column(expr) => {
            list.iter().map(text_of).collect::<Option<Vec<_>>>()?
        }
        _ => return None,
    };
    let values: Vec<String> = values.into_iter().flatten().collect();
    (values.len() <= LIST_MAX).then_some(values)
}

/// A constant text; within, none when nothing has that name.
fn text_of(expr: &Expr) -> Option<Option<String>> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => {
            // Stores differ in what they say to a NUL character, which no name has.
            Some(text.clone().filter(|text| !text.contains('\0')))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::{col, lit};

    fn list(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn equality_and_lists_are_names() {
        for (condition, names) in [
            (col("s").eq(lit("a")), list(&["a"])),
            (lit("a").eq(col("s")), list(&["a"])),
            (col("s").in_list(vec![lit("a"), lit("b")], false), list(&["a", "b"])),
            (col("s").eq(lit("a")).or(col("s").eq(lit("b"))), list(&["a", "b"])),
            (col("s").eq(lit("a\0")), list(&[])),
            (col("s").eq(lit(ScalarValue::Utf8(None))), list(&[])),
            (col("s").in_list(vec![lit("a")], true), None),
            (col("s").eq(lit("a")).or(col("t").eq(lit("b"))), None),
            (col("s").eq(col("t")), None),
            (col("s").gt(lit("a")), None),
            (col("t").eq(lit("a")), None),
        ] {
            assert_eq!(names_in(&condition, "s"), names, "{condition}");
        }
        let long = (0..1_001).map(|n| lit(n.to_string())).collect();
        assert_eq!(names_in(&col("s").in_list(long, false), "s"), None);
    }

    #[test]
    fn conditions_on_one_column_meet() {
        let either = col("s").in_list(vec![lit("a"), lit("b")], false);
        let filter = filter_of(&[either, col("s").eq(lit("b"))], ["c", "s", "t"]);
        assert_eq!((filter.catalogs, filter.schemas, filter.tables), (None, list(&["b"]), None));
    }
}
