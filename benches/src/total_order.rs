//! ORDER BY with LIMIT leaves it to the engine which of several equal rows it returns. Ordering
//! by every column of the answer as well leaves nothing to it.

/// The query with all `n_columns` of its answer added to its last ORDER BY; none when it has no
/// ORDER BY with LIMIT at its outermost level.
pub(crate) fn with_total_order(sql: &str, n_columns: usize) -> Option<String> {
    let order_by = outermost(sql, "order by")?;
    let limit = outermost(sql, "limit")?;
    if limit < order_by {
        return None;
    }
    let ordinals: String = (1..=n_columns).map(|n| format!(", {n}")).collect();
    let (before, after) = sql.split_at(limit);
    Some(format!("{}{ordinals}\n{after}", before.trim_end()))
}

/// Where `phrase` stands last outside parentheses and quotes. Both are lower case; a blank in the
/// phrase stands for white space.
fn outermost(sql: &str, phrase: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut found = None;
    for (position, character) in sql.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 && starts_word(sql, position) => {
                if begins_with(&sql[position..], phrase) {
                    found = Some(position);
                }
            }
            (None, _) => {}
        }
    }
    found
}

fn starts_word(sql: &str, position: usize) -> bool {
    !sql[..position].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')
}

fn begins_with(text: &str, phrase: &str) -> bool {
    let words = text.split_whitespace().map(str::to_lowercase);
    let n_words = phrase.split(' ').count();
    words.take(n_words).eq(phrase.split(' ').map(str::to_owned))
        && text.starts_with(|c: char| !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_added_to_the_last_order_by() {
        let sql =
            "SELECT a, (SELECT b FROM u ORDER BY b LIMIT 1) FROM t\nORDER  BY a DESC\nLIMIT 100";
        let expected = "SELECT a, (SELECT b FROM u ORDER BY b LIMIT 1) FROM t\n\
                        ORDER  BY a DESC, 1, 2\nLIMIT 100";
        assert_eq!(with_total_order(sql, 2).unwrap(), expected);
    }

    #[test]
    fn a_query_that_leaves_nothing_open_is_not_changed() {
        for sql in [
            "SELECT a FROM t ORDER BY a",
            "SELECT a FROM t LIMIT 3",
            "SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 3)",
            "SELECT 'order by limit ' FROM t",
            "SELECT t.limit FROM t ORDER BY limits",
        ] {
            assert_eq!(with_total_order(sql, 1), None, "{sql}");
        }
    }
}
