//! Semi-joins before the inner joins that make more rows.
//!
//! `WHERE a.k IN (subquery)` over joined tables is planned as a semi-join of their joined rows
//! (TPC-H q18: six million rows, of which a few hundred are wanted). It asks for nothing but a
//! column of one table, so that it may as well come before the joins.

use super::estimate::Estimator;
use super::graph::{ColumnRef, JoinGraph, column, is_join_tree};
use super::replace;
use datafusion::common::NullEquality;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::JoinType;
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, HashJoinExecBuilder};
use std::sync::Arc;

/// Moves a semi-join down to the relation whose columns it asks for, unless the inner joins above
/// that are estimated to give fewer rows than it has. It goes before [`super::JoinOrder`].
#[derive(Debug, Default)]
pub struct SemiJoinsFirst;

impl PhysicalOptimizerRule for SemiJoinsFirst {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !config.optimizer.join_reordering {
            return Ok(plan);
        }
        let moved = |node| match moved_down(&node)? {
            Some(moved) => Ok(Transformed::yes(moved)),
            None => Ok(Transformed::no(node)),
        };
        plan.transform_up(moved).data()
    }

    fn name(&self) -> &str {
        "semi_joins_first"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn moved_down(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(join) = node.downcast_ref::<HashJoinExec>().filter(|join| is_plain(join)) else {
        return Ok(None);
    };
    if !is_join_tree(join.left()) {
        return Ok(None);
    }
    let graph = JoinGraph::of(join.left())?;
    let keys: Option<Vec<ColumnRef>> =
        join.on().iter().map(|(key, _)| graph.output.get(column(key)?).copied()).collect();
    let Some(keys) = keys else { return Ok(None) };
    let Some(relation) = keys.first().map(|key| key.relation) else { return Ok(None) };
    if keys.iter().any(|key| key.relation != relation) {
        return Ok(None);
    }
    let Some(estimator) = Estimator::new(&graph)? else { return Ok(None) };
    if estimator.relation(relation).rows > estimator.joined(&graph.tree).rows {
        return Ok(None);
    }
    let old = Arc::clone(&graph.relations[relation]);
    let new = semi_join(join, &old, &keys)?;
    replace(Arc::clone(join.left()), &[old], &[new]).data().map(Some)
}

/// A semi-join that asks for nothing but equal columns.
fn is_plain(join: &HashJoinExec) -> bool {
    *join.join_type() == JoinType::LeftSemi
        && join.null_equality() == NullEquality::NullEqualsNothing
        && join.filter().is_none()
        && !join.contains_projection()
        && join.fetch().is_none()
}

fn semi_join(
    join: &HashJoinExec,
    relation: &Arc<dyn ExecutionPlan>,
    keys: &[ColumnRef],
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = relation.schema();
    let on = keys
        .iter()
        .zip(join.on())
        .map(|(key, (_, right))| {
            let name = schema.field(key.column).name();
            let left: PhysicalExprRef = Arc::new(Column::new(name, key.column));
            (left, Arc::clone(right))
        })
        .collect();
    HashJoinExecBuilder::new(Arc::clone(relation), Arc::clone(join.right()), on, JoinType::LeftSemi)
        .with_partition_mode(*join.partition_mode())
        .build_exec()
}
