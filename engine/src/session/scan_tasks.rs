//! Which part of a pipelined scan each task reads.
//!
//! datafusion-distributed deals the parts of the files out in turns. A file's row groups are few
//! and a part reads those that begin in it, so that every second part is often the larger one, and
//! one task gets all of these. A task that reads parts that follow each other reads as much as
//! any other, to one row group.

use datafusion::datasource::physical_plan::{FileGroup, FileGroupPartitioner, FileScanConfig};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion_distributed::{
    DistributedLeafExec, ScaleUpLeafNodeEvent, ScaleUpLeafNodeEventResponse,
};
use std::sync::Arc;

/// Divides a scan of files over tasks; none for other leaves, and for files whose order or
/// division means something.
pub(super) fn divide(ev: ScaleUpLeafNodeEvent<'_>) -> Option<Result<ScaleUpLeafNodeEventResponse>> {
    let scan = ev.plan.downcast_ref::<DataSourceExec>()?;
    let files = scan.data_source().downcast_ref::<FileScanConfig>()?;
    if files.output_partitioning.is_some() || !files.output_ordering.is_empty() {
        return None;
    }
    let n_partitions = ev.plan.output_partitioning().partition_count();
    let mut parts = FileGroupPartitioner::new()
        .with_target_partitions(n_partitions * ev.task_count)
        .with_repartition_file_min_size(0)
        .repartition_file_groups(&files.file_groups)?
        .into_iter();
    let tasks: Vec<_> = (0..ev.task_count).map(|_| task(files, n_partitions, &mut parts)).collect();
    let divided = DistributedLeafExec::try_new(Arc::clone(ev.plan), tasks);
    Some(divided.map(|leaf| ScaleUpLeafNodeEventResponse::new(Arc::new(leaf))))
}

/// The scan of the next `n_partitions` parts.
fn task(
    files: &FileScanConfig,
    n_partitions: usize,
    parts: &mut impl Iterator<Item = FileGroup>,
) -> Arc<dyn ExecutionPlan> {
    let mut scan = files.clone();
    // Partitions without files, when parts run out: all tasks must have as many.
    scan.file_groups =
        (0..n_partitions).map(|_| parts.next().unwrap_or_else(|| FileGroup::new(vec![]))).collect();
    DataSourceExec::from_data_source(scan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::listing::PartitionedFile;
    use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
    use datafusion::execution::object_store::ObjectStoreUrl;
    use datafusion::prelude::SessionConfig;

    fn scan(sizes: &[u64]) -> Arc<dyn ExecutionPlan> {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let source = Arc::new(ParquetSource::new(schema));
        let groups = sizes.iter().enumerate().map(|(file, size)| {
            FileGroup::new(vec![PartitionedFile::new(format!("f{file}"), *size)])
        });
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(groups.collect())
            .build();
        DataSourceExec::from_data_source(config)
    }

    /// The ranges that each task reads, as `file start-end`.
    fn ranges(plan: &Arc<dyn ExecutionPlan>, task_count: usize) -> Vec<Vec<String>> {
        let session_config = &SessionConfig::new();
        let divided = divide(ScaleUpLeafNodeEvent { plan, task_count, session_config });
        let divided = divided.unwrap().unwrap().plan;
        let leaf = divided.downcast_ref::<DistributedLeafExec>().unwrap();
        let text = |task: &Arc<dyn ExecutionPlan>| {
            let scan = task.downcast_ref::<DataSourceExec>().unwrap();
            let files = scan.data_source().downcast_ref::<FileScanConfig>().unwrap();
            let files = files.file_groups.iter().flat_map(FileGroup::iter);
            files
                .map(|file| format!("{} {:?}", file.path(), file.range().0..file.range().1))
                .collect()
        };
        leaf.variants().iter().map(text).collect()
    }

    #[test]
    fn a_task_reads_parts_that_follow_each_other() {
        let two = scan(&[40, 80]);
        assert_eq!(
            ranges(&two, 2),
            [vec!["f0 0..30", "f0 30..40", "f1 0..20"], vec!["f1 20..50", "f1 50..80"]]
        );
    }

    #[test]
    fn every_byte_is_read_once_and_tasks_have_as_many_partitions() {
        for (sizes, n_tasks) in [(&[3_u64][..], 5), (&[7, 1, 100], 3), (&[10; 9], 4)] {
            let tasks = ranges(&scan(sizes), n_tasks);
            assert_eq!(tasks.len(), n_tasks);
            let parts: Vec<_> = tasks.concat();
            let unique: std::collections::BTreeSet<_> = parts.iter().collect();
            assert_eq!(unique.len(), parts.len());
            let bytes = |part: &String| {
                let (start, end) = part.rsplit_once(' ').unwrap().1.split_once("..").unwrap();
                end.parse::<u64>().unwrap() - start.parse::<u64>().unwrap()
            };
            assert_eq!(parts.iter().map(bytes).sum::<u64>(), sizes.iter().sum::<u64>());
        }
    }
}
