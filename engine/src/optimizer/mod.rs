//! Physical optimizer rules of ours, on top of DataFusion's.

mod yielding_joins;

pub use yielding_joins::YieldingJoins;
