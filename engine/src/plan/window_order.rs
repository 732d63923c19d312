//! Windows that lose the order of their input when a plan is cut into stages.
//!
//! `WindowAggExec` wants its input sorted by all that it partitions by, and finds out by what it
//! is sorted when it is made: anew on every executor. There the input is a leaf that reads what
//! another stage wrote, and of what the stages below know (a column is constant after a filter,
//! two are equal after a join) nothing is left, so that fewer columns count as sorted and the
//! operator fails (TPC-DS q47 and q57).

use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::windows::{WindowAggExec, get_ordered_partition_by_indices};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
};
use std::sync::Arc;

/// Makes every stage of a plan anew over leaves that know nothing, as executors do.
///
/// # Errors
/// When a window would not work.
pub(super) fn check(plan: &Arc<dyn ExecutionPlan>) -> Result<()> {
    alone(plan).map(|_| ())
}

fn alone(plan: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let children = plan.children();
    if children.is_empty() {
        return Ok(Arc::clone(plan));
    }
    let below = children.into_iter().map(alone).collect::<Result<Vec<_>>>()?;
    if is_network(plan) {
        return Ok(leaf_like(plan));
    }
    let below = match is_exchange(plan) {
        true => below.iter().map(leaf_like).collect(),
        false => below,
    };
    let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    let made = Arc::clone(plan).replace_children(below, anew)?;
    if let Some(window) = made.downcast_ref::<WindowAggExec>() {
        check_window(window)?;
    }
    Ok(made)
}

fn check_window(window: &WindowAggExec) -> Result<()> {
    let Some(first) = window.window_expr().first() else { return Ok(()) };
    let sorted = get_ordered_partition_by_indices(first.partition_by(), window.input())?;
    if sorted.len() == first.partition_by().len() {
        return Ok(());
    }
    plan_err!("the window \"{}\" would lose the order of its input", first.name())
}

/// Operators at which Ballista ends a stage.
fn is_exchange(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<RepartitionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<SortPreservingMergeExec>()
}

/// The readers of datafusion-distributed's stages, which share no trait that could be asked.
fn is_network(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.name().starts_with("Network")
}

fn leaf_like(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let n = plan.output_partitioning().partition_count();
    Arc::new(EmptyExec::new(plan.schema()).with_partitions(n))
}
