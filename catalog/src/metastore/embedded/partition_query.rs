//! A partition filter as SQL over the partition index.
//!
//! Each key that the filter names is one join with `partition_key_values`; a condition on the
//! key is a comparison of its `sort_value`. The joins run in the order written (`CROSS JOIN`
//! fixes it), so that the key that leaves the fewest partitions comes first; which that is, is
//! asked of the index.

use super::dialect::{Connection, MAX_BINDS, QueryBuilder};
use super::sort_value::{self, sort_value};
use crate::model::{CheckedFilter, CompareOp, Condition};
use quern_common::Result;
use std::collections::BTreeSet;

/// A key that leaves more partitions than this counts as leaving all.
const SAMPLE: i64 = 2_000;

/// Says whether the index can answer the filter in one statement. One that binds too many
/// values is evaluated over the names of all partitions instead.
pub(super) fn fits(filter: &CheckedFilter) -> bool {
    binds(filter) < MAX_BINDS
}

fn binds(filter: &CheckedFilter) -> usize {
    match filter {
        CheckedFilter::And(parts) | CheckedFilter::Or(parts) => parts.iter().map(binds).sum(),
        CheckedFilter::Leaf(_, Condition::In(values)) => values.len(),
        CheckedFilter::Leaf(_, _) => 2,
    }
}

/// Writes `SELECT columns FROM … WHERE … ORDER BY name LIMIT …` over the partitions of a table.
pub(super) async fn select(
    db: &mut Connection,
    columns: &str,
    table_id: i64,
    filter: &CheckedFilter,
    limit: Option<i64>,
) -> Result<QueryBuilder> {
    let keys = join_order(db, table_id, filter).await?;
    let mut sql = QueryBuilder::new(db, format!("SELECT {columns} FROM "));
    for key in &keys {
        sql.push(format_args!("partition_key_values k{key} CROSS JOIN "));
    }
    sql.push("partitions p WHERE p.table_id = ").push_bind(table_id);
    for (i, key) in keys.iter().enumerate() {
        sql.push(format_args!(" AND k{key}.key_index = ")).push_bind(key_index(*key));
        match keys.get(i.wrapping_sub(1)) {
            None => sql.push(format_args!(" AND k{key}.table_id = ")).push_bind(table_id),
            Some(before) => {
                sql.push(format_args!(" AND k{key}.partition_id = k{before}.partition_id"))
            }
        };
    }
    if let Some(last) = keys.last() {
        sql.push(format_args!(" AND p.id = k{last}.partition_id"));
    }
    sql.push(" AND ");
    push_filter(&mut sql, filter);
    sql.push(" ORDER BY p.name");
    if let Some(limit) = limit {
        sql.push(" LIMIT ").push_bind(limit);
    }
    Ok(sql)
}

/// The keys of a filter, the most selective first.
async fn join_order(
    db: &mut Connection,
    table_id: i64,
    filter: &CheckedFilter,
) -> Result<Vec<usize>> {
    let mut keys = BTreeSet::new();
    collect_keys(filter, &mut keys);
    let mut counted = Vec::new();
    for key in &keys {
        let conditions = conditions_on(filter, *key);
        let count = match keys.len() {
            1 => 0,
            _ => count(db, table_id, *key, &conditions).await?,
        };
        counted.push((count, *key));
    }
    counted.sort_unstable();
    Ok(counted.into_iter().map(|(_, key)| key).collect())
}

fn collect_keys(filter: &CheckedFilter, keys: &mut BTreeSet<usize>) {
    match filter {
        CheckedFilter::And(parts) | CheckedFilter::Or(parts) => {
            parts.iter().for_each(|part| collect_keys(part, keys));
        }
        CheckedFilter::Leaf(key, _) => {
            keys.insert(*key);
        }
    }
}

/// The conditions on `key` that every selected partition satisfies.
fn conditions_on(filter: &CheckedFilter, key: usize) -> Vec<&Condition> {
    let parts = match filter {
        CheckedFilter::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    parts
        .iter()
        .filter_map(|part| match part {
            CheckedFilter::Leaf(k, condition) if *k == key => Some(condition),
            _ => None,
        })
        .collect()
}

/// How many partitions satisfy conditions on one key, up to [`SAMPLE`].
async fn count(
    db: &mut Connection,
    table_id: i64,
    key: usize,
    conditions: &[&Condition],
) -> Result<i64> {
    if conditions.is_empty() {
        return Ok(SAMPLE);
    }
    let mut sql =
        QueryBuilder::new(db, "SELECT count(*) FROM (SELECT 1 FROM partition_key_values k");
    sql.push(format_args!("{key} WHERE table_id = ")).push_bind(table_id);
    sql.push(" AND key_index = ").push_bind(key_index(key));
    for condition in conditions {
        sql.push(" AND ");
        push_condition(&mut sql, key, condition);
    }
    sql.push(" LIMIT ").push_bind(SAMPLE).push(") AS sample");
    sql.build().scalar(db).await
}

fn push_filter(sql: &mut QueryBuilder, filter: &CheckedFilter) {
    match filter {
        CheckedFilter::And(parts) => push_all(sql, parts, " AND ", "1 = 1"),
        CheckedFilter::Or(parts) => push_all(sql, parts, " OR ", "1 = 0"),
        CheckedFilter::Leaf(key, condition) => push_condition(sql, *key, condition),
    }
}

/// Writes a chain as a balanced tree: a chain of a thousand would be too deep for SQLite.
fn push_all(sql: &mut QueryBuilder, parts: &[CheckedFilter], connective: &str, empty: &str) {
    match parts {
        [] => {
            sql.push(empty);
        }
        [one] => push_filter(sql, one),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            sql.push("(");
            push_all(sql, left, connective, empty);
            sql.push(connective);
            push_all(sql, right, connective, empty);
            sql.push(")");
        }
    }
}

fn push_condition(sql: &mut QueryBuilder, key: usize, condition: &Condition) {
    let value = format!("k{key}.sort_value");
    match condition {
        Condition::Compare(op, right) => {
            let right = sort_value(Some(right));
            match op {
                CompareOp::Eq => push_compare(sql, &value, "=", right),
                CompareOp::Gt => push_compare(sql, &value, ">", right),
                CompareOp::GtEq => push_compare(sql, &value, ">=", right),
                // NULL sorts below every value.
                CompareOp::Lt => push_above_null(sql, &value, "<", right),
                CompareOp::LtEq => push_above_null(sql, &value, "<=", right),
                CompareOp::NotEq => push_above_null(sql, &value, "<>", right),
            }
        }
        Condition::Between(low, high) => {
            push_range(sql, &value, (sort_value(Some(low)), "<=", sort_value(Some(high))));
        }
        Condition::Prefix(prefix) => {
            let (low, high) = sort_value::prefix_range(prefix);
            push_range(sql, &value, (low, "<", high));
        }
        Condition::In(values) if values.is_empty() => {
            sql.push("1 = 0");
        }
        Condition::In(values) => {
            sql.push(format_args!("{value} IN ("));
            sql.push_list(values.iter().map(|value| sort_value(Some(value))));
            sql.push(")");
        }
        Condition::IsNull => push_compare(sql, &value, "=", sort_value::NULL.to_vec()),
        Condition::IsNotNull => push_compare(sql, &value, ">", sort_value::NULL.to_vec()),
    }
}

fn push_compare(sql: &mut QueryBuilder, value: &str, op: &str, right: Vec<u8>) {
    sql.push(format_args!("{value} {op} ")).push_bind(right);
}

fn push_above_null(sql: &mut QueryBuilder, value: &str, op: &str, right: Vec<u8>) {
    sql.push("(");
    push_compare(sql, value, ">", sort_value::NULL.to_vec());
    sql.push(" AND ");
    push_compare(sql, value, op, right);
    sql.push(")");
}

fn push_range(sql: &mut QueryBuilder, value: &str, range: (Vec<u8>, &str, Vec<u8>)) {
    let (low, op, high) = range;
    sql.push("(");
    push_compare(sql, value, ">=", low);
    sql.push(" AND ");
    push_compare(sql, value, op, high);
    sql.push(")");
}

/// A key's place as it is stored; a table has few keys.
fn key_index(key: usize) -> i64 {
    i64::try_from(key).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metastore::embedded::dialect::Connections;
    use crate::model::KeyValue;

    async fn plan_of(filter: CheckedFilter) -> String {
        let dir = tempfile::tempdir().unwrap();
        let connections = Connections::open_sqlite(&dir.path().join("m.db")).await.unwrap();
        let mut db = connections.read().await.unwrap();
        let mut sql = select(&mut db, "p.name", 1, &filter, Some(10)).await.unwrap();
        sql.prepend("EXPLAIN QUERY PLAN ");
        let steps: Vec<(i64, i64, i64, String)> = sql.build().fetch_all(&mut db).await.unwrap();
        steps.into_iter().map(|step| step.3 + "\n").collect()
    }

    fn compare(key: usize, op: CompareOp) -> CheckedFilter {
        CheckedFilter::Leaf(key, Condition::Compare(op, KeyValue::Int(1)))
    }

    #[tokio::test]
    async fn conditions_on_keys_search_the_index() {
        let index = "SEARCH k0 USING COVERING INDEX partitions_by_value";
        let many = Condition::In((0..100).map(KeyValue::Int).collect());
        let chain = (0..2_000).map(|_| compare(0, CompareOp::Eq)).collect();
        let start = Condition::Prefix("a".to_owned());
        for (filter, terms) in [
            (compare(0, CompareOp::Eq), "sort_value=?"),
            (compare(0, CompareOp::GtEq), "sort_value>?"),
            (compare(0, CompareOp::Lt), "sort_value>? AND sort_value<?"),
            (CheckedFilter::Leaf(0, start), "sort_value>? AND sort_value<?"),
            (CheckedFilter::Leaf(0, many), "sort_value=?"),
            (CheckedFilter::Or(chain), "sort_value=?"),
        ] {
            let plan = plan_of(filter).await;
            let search = format!("{index} (table_id=? AND key_index=? AND {terms})");
            assert!(plan.contains(&search), "{plan}");
            assert!(plan.contains("SEARCH p USING INTEGER PRIMARY KEY"), "{plan}");
            assert!(!plan.contains("SCAN"), "{plan}");
        }
    }

    #[tokio::test]
    async fn further_keys_are_looked_up_and_all_is_read_in_order() {
        let both = vec![compare(0, CompareOp::Eq), compare(1, CompareOp::Gt)];
        let plan = plan_of(CheckedFilter::And(both)).await;
        assert!(plan.contains("SEARCH k1 USING PRIMARY KEY (partition_id=? AND key_index=?)"));
        let plan = plan_of(CheckedFilter::And(Vec::new())).await;
        assert!(plan.starts_with("SEARCH p USING"), "{plan}");
        assert!(!plan.contains("ORDER BY"), "{plan}");
    }
}
