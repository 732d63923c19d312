//! Which joins of a pipelined query send one side to every executor.
//!
//! Between threads, dealing out both sides of a join by their keys is cheap, and DataFusion lets
//! every thread have the whole build side only when that is small. Between executors the rows
//! travel: a build side that goes to all of them spares the probe side the way.

use datafusion::common::JoinType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use std::sync::Arc;

/// A row of a build side is sent and put into a hash table by every executor; one of a probe
/// side is only sent.
const BUILD_COST: f64 = 2.0;
/// Larger build sides are dealt out, so that each executor's hash table stays a part of the whole.
const BUILD_ROWS_MAX: f64 = 4_000_000.0;

/// Makes partitioned hash joins collect their build side where that sends fewer rows.
#[derive(Debug)]
pub struct BroadcastJoins {
    /// Executors that the query may use.
    pub n_executors: usize,
}

impl PhysicalOptimizerRule for BroadcastJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match self.broadcast(&node)? {
            Some(join) => Ok(Transformed::yes(join)),
            None => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "broadcast_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl BroadcastJoins {
    fn broadcast(&self, node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(join) = node.downcast_ref::<HashJoinExec>() else { return Ok(None) };
        if join.partition_mode() != &PartitionMode::Partitioned || !is_safe(*join.join_type()) {
            return Ok(None);
        }
        let (Some(build), Some(probe)) = (rows_of(join.left())?, rows_of(join.right())?) else {
            return Ok(None);
        };
        if !self.is_cheaper(build, probe) {
            return Ok(None);
        }
        let collecting = join.builder().with_partition_mode(PartitionMode::CollectLeft).build()?;
        Ok(Some(Arc::new(collecting)))
    }

    fn is_cheaper(&self, build: f64, probe: f64) -> bool {
        let n_others = self.n_executors.saturating_sub(1) as f64;
        build <= BUILD_ROWS_MAX && build * n_others * BUILD_COST < probe
    }
}

/// Whether no row of the build side is given out for not having been matched: every executor
/// would give it out.
fn is_safe(join_type: JoinType) -> bool {
    matches!(
        join_type,
        JoinType::Inner
            | JoinType::Right
            | JoinType::RightSemi
            | JoinType::RightAnti
            | JoinType::RightMark
    )
}

fn rows_of(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<f64>> {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())?;
    Ok(statistics.num_rows.get_value().map(|n| *n as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheaper_way_depends_on_both_sides_and_on_the_executors() {
        let two = BroadcastJoins { n_executors: 2 };
        assert!(two.is_cheaper(200_000.0, 6_000_000.0));
        assert!(!two.is_cheaper(800_000.0, 320_000.0));
        assert!(!two.is_cheaper(5_000_000.0, 1e9));
        let ten = BroadcastJoins { n_executors: 10 };
        assert!(!ten.is_cheaper(400_000.0, 6_000_000.0));
    }
}
