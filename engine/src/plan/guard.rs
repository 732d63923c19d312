//! Which plans a distributed engine carries right.
//!
//! Both engines were seen to give wrong answers silently, so a plan is looked at before it is
//! submitted and, when a shape is known or likely to go wrong, it runs in process instead.

use super::window_order;
use crate::codec::QuernPhysicalCodec;
use crate::session::ExecutionMode;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion_distributed::{DistributedCodec, DistributedExec, DistributedLeafExec};
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_from_bytes_with_proto_converter,
    physical_plan_to_bytes_with_extension_codec, physical_plan_to_bytes_with_proto_converter,
};
use datafusion_proto::physical_plan::DeduplicatingProtoConverter;
use std::sync::Arc;

/// Operators that an engine puts above the parts of a plan, at most.
const WRAPPERS_MAX: usize = 4;

/// Why `plan`, planned for `mode`, must not be given to that mode's engine; none when it may.
pub fn refuse(
    plan: &Arc<dyn ExecutionPlan>,
    mode: ExecutionMode,
    ctx: &TaskContext,
) -> Option<String> {
    match mode {
        ExecutionMode::Local => None,
        ExecutionMode::Staged => unsafe_leaf(plan).or_else(|| does_not_travel(plan, ctx)),
        ExecutionMode::Pipelined => does_not_travel_to_workers(plan, ctx),
    }
}

/// A leaf that Ballista would run whole in every task (it restricts only those it knows).
fn unsafe_leaf(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let children = plan.children();
    if !children.is_empty() {
        return children.into_iter().find_map(unsafe_leaf);
    }
    let safe = plan.is::<EmptyExec>()
        || plan.is::<PlaceholderRowExec>()
        || plan.downcast_ref::<DataSourceExec>().is_some_and(|exec| {
            exec.data_source().is::<FileScanConfig>()
                || exec.data_source().is::<MemorySourceConfig>()
        });
    (!safe).then(|| format!("{} cannot be divided over tasks", plan.name()))
}

/// A plan that does not survive being encoded and decoded: operators without a wire form, and
/// windows that are rebuilt differently from their serialised form.
pub(crate) fn does_not_travel(plan: &Arc<dyn ExecutionPlan>, ctx: &TaskContext) -> Option<String> {
    let codec = QuernPhysicalCodec::default();
    // Ballista puts it below operators of its own, and protobuf limits how deep a message is.
    let below = (0..WRAPPERS_MAX)
        .fold(Arc::clone(plan), |plan, _| Arc::new(CoalescePartitionsExec::new(plan)) as _);
    let there_and_back = window_order::check(plan)
        .and_then(|()| physical_plan_to_bytes_with_extension_codec(below, &codec))
        .and_then(|bytes| physical_plan_from_bytes_with_extension_codec(&bytes, ctx, &codec));
    there_and_back.err().map(|err| cannot_travel(&err))
}

/// Whether datafusion-distributed has cut a plan into stages. One that it found too small for
/// the executors there are is a plan like those of `local`.
pub fn is_divided(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<DistributedExec>()
}

/// The same for a plan that datafusion-distributed has cut into stages, by the way in which it
/// sends them: models do not travel through its codec, nor do some windows.
fn does_not_travel_to_workers(plan: &Arc<dyn ExecutionPlan>, ctx: &TaskContext) -> Option<String> {
    let codec = DistributedCodec::new_combined_with_user(ctx.session_config());
    let there_and_back = plan.children().into_iter().try_for_each(|stages| {
        window_order::check(stages)?;
        // A leaf is sent as the part of it that a task reads; all parts are alike.
        let stages = Arc::clone(stages).transform_down(|node| {
            Ok(match node.downcast_ref::<DistributedLeafExec>() {
                None => Transformed::no(node),
                Some(leaf) => Transformed::yes(Arc::clone(leaf.original())),
            })
        })?;
        let there = DeduplicatingProtoConverter::default();
        let bytes = physical_plan_to_bytes_with_proto_converter(stages.data, &codec, &there)?;
        let back = DeduplicatingProtoConverter::default();
        physical_plan_from_bytes_with_proto_converter(&bytes, ctx, &codec, &back).map(|_| ())
    });
    there_and_back.err().map(|err| cannot_travel(&err))
}

fn cannot_travel(err: &DataFusionError) -> String {
    let text = err.strip_backtrace();
    let line = text.lines().next().unwrap_or_default();
    format!("the plan cannot travel to executors: {line}")
}
