//! Partition pruning: the part of a filter that the metastore's index answers, and the exact
//! evaluation of the rest over partition values.

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::Session;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use quern_catalog::model::{CompareOp, PartitionFilter, PartitionValue};
use std::collections::HashSet;
use std::sync::Arc;

/// Whether `expr` reads nothing but `keys` and gives the same answer each time.
pub(super) fn only_over_keys(expr: &Expr, keys: &HashSet<&str>) -> bool {
    if expr.is_volatile() || !expr.any_column_refs() {
        return false;
    }
    let subquery = |e: &Expr| {
        matches!(
            e,
            Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::ScalarSubquery(_)
                | Expr::OuterReferenceColumn(_, _)
                | Expr::SetComparison(_)
        )
    };
    let has_subquery = {
        use datafusion::common::tree_node::TreeNode;
        expr.exists(|e| Ok(subquery(e))).unwrap_or(true)
    };
    !has_subquery && expr.column_refs().iter().all(|column| keys.contains(column.name.as_str()))
}

/// The strongest filter that the metastore's index can answer and that `filters` imply.
pub(super) fn index_filter(filters: &[Expr], keys: &HashSet<&str>) -> PartitionFilter {
    let parts: Vec<_> = filters.iter().filter_map(|f| convert(f, keys)).collect();
    match parts.len() {
        0 => PartitionFilter::All,
        _ => PartitionFilter::And(parts),
    }
}

/// A filter that `expr` implies, or none. Under OR both sides must convert.
fn convert(expr: &Expr, keys: &HashSet<&str>) -> Option<PartitionFilter> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (convert(left, keys), convert(right, keys)) {
                (Some(l), Some(r)) => Some(PartitionFilter::And(vec![l, r])),
                (one, other) => one.or(other),
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(PartitionFilter::Or(vec![convert(left, keys)?, convert(right, keys)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (key, value, op) = match (key_of(left, keys), key_of(right, keys)) {
                (Some(key), None) => (key, literal(right)?, *op),
                (None, Some(key)) => (key, literal(left)?, op.swap()?),
                _ => return None,
            };
            Some(PartitionFilter::Compare { key, op: compare_op(op)?, value })
        }
        Expr::Between(between) if !between.negated => Some(PartitionFilter::Between {
            key: key_of(&between.expr, keys)?,
            low: literal(&between.low)?,
            high: literal(&between.high)?,
        }),
        Expr::InList(list) if !list.negated => Some(PartitionFilter::In {
            key: key_of(&list.expr, keys)?,
            values: list.list.iter().map(literal).collect::<Option<_>>()?,
        }),
        Expr::Like(like)
            if !like.negated && !like.case_insensitive && like.escape_char.is_none() =>
        {
            let key = key_of(&like.expr, keys)?;
            let PartitionValue::Text(pattern) = literal(&like.pattern)? else { return None };
            let prefix = pattern.strip_suffix('%')?;
            let plain = !prefix.contains(['%', '_', '\\']);
            plain.then(|| PartitionFilter::LikePrefix { key, prefix: prefix.to_owned() })
        }
        Expr::IsNull(inner) => Some(PartitionFilter::IsNull { key: key_of(inner, keys)? }),
        Expr::IsNotNull(inner) => Some(PartitionFilter::IsNotNull { key: key_of(inner, keys)? }),
        _ => None,
    }
}

fn key_of(expr: &Expr, keys: &HashSet<&str>) -> Option<String> {
    match expr {
        Expr::Column(Column { name, .. }) if keys.contains(name.as_str()) => Some(name.clone()),
        _ => None,
    }
}

fn compare_op(op: Operator) -> Option<CompareOp> {
    match op {
        Operator::Eq => Some(CompareOp::Eq),
        Operator::NotEq => Some(CompareOp::NotEq),
        Operator::Lt => Some(CompareOp::Lt),
        Operator::LtEq => Some(CompareOp::LtEq),
        Operator::Gt => Some(CompareOp::Gt),
        Operator::GtEq => Some(CompareOp::GtEq),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<PartitionValue> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::Int8(Some(n)) => Some(PartitionValue::Int(i64::from(*n))),
        ScalarValue::Int16(Some(n)) => Some(PartitionValue::Int(i64::from(*n))),
        ScalarValue::Int32(Some(n)) => Some(PartitionValue::Int(i64::from(*n))),
        ScalarValue::Int64(Some(n)) => Some(PartitionValue::Int(*n)),
        ScalarValue::Date32(Some(days)) => Some(PartitionValue::Date(*days)),
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(PartitionValue::Text(text.clone())),
        _ => None,
    }
}

/// Tells, for each partition, whether it satisfies all `filters`.
///
/// `values` holds one row a partition and one column a field of `fields`.
pub(super) fn evaluate(
    state: &dyn Session,
    filters: &[Expr],
    fields: &[FieldRef],
    values: Vec<ArrayRef>,
    n_partitions: usize,
) -> Result<Vec<bool>> {
    let Some(filter) = conjunction(filters.iter().map(unqualify)) else {
        return Ok(vec![true; n_partitions]);
    };
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let df_schema = DFSchema::try_from(Arc::clone(&schema))?;
    let predicate = state.create_physical_expr(filter, &df_schema)?;
    let options = RecordBatchOptions::new().with_row_count(Some(n_partitions));
    let batch = RecordBatch::try_new_with_options(schema, values, &options)?;
    let result = predicate.evaluate(&batch)?.into_array(n_partitions)?;
    let result = result
        .as_any()
        .downcast_ref::<BooleanArray>()
        .ok_or_else(|| DataFusionError::Internal("a partition filter is not boolean".to_owned()))?;
    Ok((0..result.len()).map(|i| result.is_valid(i) && result.value(i)).collect())
}

fn unqualify(expr: &Expr) -> Expr {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    expr.clone()
        .transform(|e| match e {
            Expr::Column(column) if column.relation.is_some() => {
                Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name))))
            }
            other => Ok(Transformed::no(other)),
        })
        .map_or_else(|_| expr.clone(), |t| t.data)
}

/// A partition's value of one key, typed. The default partition is NULL.
pub(super) fn typed_value(text: &str, data_type: &DataType) -> Result<ScalarValue> {
    if text == quern_catalog::model::HIVE_DEFAULT_PARTITION {
        return ScalarValue::try_from(data_type);
    }
    ScalarValue::try_from_string(text.to_owned(), data_type)
}
