//! Physical optimizer rules of ours, on top of DataFusion's.

mod broadcast_joins;
mod join_order;
mod yielding_joins;

pub use broadcast_joins::BroadcastJoins;
pub use join_order::{JoinOrder, SemiJoinsFirst};
pub use yielding_joins::YieldingJoins;
