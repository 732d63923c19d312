//! The cluster as the query manager sees it.

use crate::cluster::Cluster;
use crate::dispatch::pipelined::PipelinedDispatcher;
use crate::dispatch::staged::StagedDispatcher;
use std::sync::Arc;

/// The executors of a cluster and the two ways to use them.
#[derive(Debug)]
pub struct Executors {
    /// Which executors there are.
    pub cluster: Arc<Cluster>,
    /// Exchanges stream.
    pub pipelined: PipelinedDispatcher,
    /// Exchanges materialise.
    pub staged: StagedDispatcher,
}
