//! `execution_mode = auto`: where a query runs, and why.

use crate::session::ExecutionMode;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use quern_common::config::ByteSize;
use std::fmt;
use std::sync::Arc;

/// A mode and the reason for it, which EXPLAIN prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeChoice {
    /// Where the query runs.
    pub mode: ExecutionMode,
    /// Why.
    pub reason: String,
}

impl fmt::Display for ModeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.mode.name(), self.reason)
    }
}

/// Chooses by the bytes that the scans read and the executors there are.
pub fn choose_mode(
    scan_bytes: u64,
    n_executors: usize,
    distribute_above: ByteSize,
    stage_above: ByteSize,
) -> ModeChoice {
    let read = ByteSize(scan_bytes);
    let (mode, reason) = if n_executors == 0 {
        (ExecutionMode::Local, "no executors".to_owned())
    } else if read < distribute_above {
        (ExecutionMode::Local, format!("scans {read}, less than {distribute_above}"))
    } else if read < stage_above {
        (ExecutionMode::Pipelined, format!("scans {read}, less than {stage_above}"))
    } else {
        (ExecutionMode::Staged, format!("scans {read}, at least {stage_above}"))
    };
    ModeChoice { mode, reason }
}

/// The bytes of all files, or parts of files, that a plan's scans name.
pub fn scan_bytes(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = plan
        .downcast_ref::<DataSourceExec>()
        .and_then(|exec| exec.data_source().downcast_ref::<FileScanConfig>())
        .map_or(0, |scan| {
            scan.file_groups.iter().flat_map(|group| group.iter()).map(|f| f.effective_size()).sum()
        });
    own + plan.children().into_iter().map(scan_bytes).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_by_size_and_executors() {
        let choose = |bytes, n| choose_mode(bytes, n, ByteSize(100), ByteSize(1_000)).mode;
        assert_eq!(choose(5_000, 0), ExecutionMode::Local);
        assert_eq!(choose(99, 2), ExecutionMode::Local);
        assert_eq!(choose(100, 2), ExecutionMode::Pipelined);
        assert_eq!(choose(1_000, 2), ExecutionMode::Staged);
    }
}
