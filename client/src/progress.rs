//! What the server tells about a running query.

use serde::Deserialize;

/// How far a query is. Fields that the server does not send are zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct QueryProgress {
    /// State, such as `RUNNING`.
    pub state: String,
    /// The stage that runs, from 1.
    pub stage: u64,
    /// Number of stages.
    pub stages: u64,
    /// Splits that were read.
    pub splits_done: u64,
    /// Number of splits.
    pub splits: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Time since the query was submitted.
    pub elapsed_ms: u64,
}
