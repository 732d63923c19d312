//! The order of inner joins, chosen by estimated row counts.
//!
//! DataFusion joins tables in the order of the statement's text and only chooses the sides of
//! each join. A fact table that meets another fact table first makes many times the rows that
//! the answer needs (TPC-DS q72), and every one of them crosses the network when the query is
//! distributed. This rule takes a tree of inner hash joins apart and joins first what is
//! estimated to give the fewest rows (greedy operator ordering: L. Fegaras, "A New Heuristic
//! for Optimizing Large Queries", DEXA 1998). The statement's own order stays unless the new one
//! is estimated to be clearly cheaper.

mod build;
mod estimate;
mod graph;
mod semi_joins;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use estimate::Estimator;
use graph::{JoinGraph, is_join_tree};
use std::sync::Arc;

pub use semi_joins::SemiJoinsFirst;

/// Fewer relations have one order.
const RELATIONS_MIN: usize = 3;
/// Sets of relations are bits of a word.
const RELATIONS_MAX: usize = 64;
/// What a new order may cost, as a part of the old one's cost: estimates are rough, and who wrote
/// the statement may have known better.
const COST_RATIO_MAX: f64 = 0.7;

/// Orders inner joins. It goes before DataFusion's choice of join sides.
#[derive(Debug)]
pub struct JoinOrder {
    cost_ratio_max: f64,
}

impl Default for JoinOrder {
    fn default() -> Self {
        Self::new(COST_RATIO_MAX)
    }
}

impl JoinOrder {
    /// A rule that takes a new order when it is estimated to cost at most `cost_ratio_max` times
    /// the statement's own.
    pub const fn new(cost_ratio_max: f64) -> Self {
        Self { cost_ratio_max }
    }
}

impl PhysicalOptimizerRule for JoinOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match config.optimizer.join_reordering {
            true => Ok(self.rewrite(plan)?.data),
            false => Ok(plan),
        }
    }

    fn name(&self) -> &str {
        "join_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl JoinOrder {
    fn rewrite(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        if !is_join_tree(&plan) {
            return plan.map_children(|child| self.rewrite(child));
        }
        let mut graph = JoinGraph::of(&plan)?;
        let mut inner = Vec::with_capacity(graph.relations.len());
        for relation in &graph.relations {
            inner.push(self.rewrite(Arc::clone(relation))?);
        }
        let old = graph.relations.clone();
        let changed = inner.iter().any(|relation| relation.transformed);
        graph.relations = inner.into_iter().map(|relation| relation.data).collect();
        if let Some(ordered) = self.reorder(&plan, &graph)? {
            return Ok(Transformed::yes(ordered));
        }
        match changed {
            true => replace(plan, &old, &graph.relations),
            false => Ok(Transformed::no(plan)),
        }
    }

    fn reorder(
        &self,
        root: &Arc<dyn ExecutionPlan>,
        graph: &JoinGraph,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if !(RELATIONS_MIN..=RELATIONS_MAX).contains(&graph.relations.len()) {
            return Ok(None);
        }
        // A condition on one relation has no join at which it would be asked.
        if graph.conditions.iter().any(|condition| condition.set().count_ones() < 2) {
            return Ok(None);
        }
        let Some(estimator) = Estimator::new(graph)? else { return Ok(None) };
        let Some(best) = estimator.greedy() else { return Ok(None) };
        if best.cost > estimator.cost(&graph.tree) * self.cost_ratio_max {
            return Ok(None);
        }
        let ordered = build::plan(graph, &estimator, &best.tree, root)?;
        Ok((ordered.schema() == root.schema()).then_some(ordered))
    }
}

/// Puts rewritten relations in the place of the old ones and leaves the joins above as they are.
fn replace(
    plan: Arc<dyn ExecutionPlan>,
    old: &[Arc<dyn ExecutionPlan>],
    new: &[Arc<dyn ExecutionPlan>],
) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    plan.transform_down(|node| {
        Ok(match old.iter().position(|relation| Arc::ptr_eq(relation, &node)) {
            Some(n) => Transformed::new(Arc::clone(&new[n]), true, TreeNodeRecursion::Jump),
            None => Transformed::no(node),
        })
    })
}
