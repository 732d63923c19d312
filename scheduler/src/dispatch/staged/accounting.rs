//! Whether a finished job's result counts every task once.
//!
//! When a stage loses its input while it runs, Ballista 55 makes all its tasks run again, and
//! leaves the files of those that had finished in the inputs of the stages after it (and in the
//! result): their rows would count twice. So nothing of a job is believed before its files have
//! been compared with the tasks that made them.

use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::task_status::Status;
use ballista_core::serde::scheduler::PartitionLocation;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use std::collections::HashSet;

/// Compares every input that a stage of a finished job has read, and the result, with the tasks
/// of the stage that made it.
///
/// # Errors
/// The first difference, in words.
pub(super) fn check(graph: &(dyn ExecutionGraph + Send + Sync)) -> Result<(), String> {
    for (id, stage) in graph.stages() {
        let ExecutionStage::Successful(stage) = stage else {
            return Err(format!("stage {id} did not finish"));
        };
        for (input, output) in &stage.inputs {
            for files in output.partition_locations.values() {
                check_files(files, tasks_of(graph, *input)?)
                    .map_err(|what| format!("stage {id}, input from stage {input}: {what}"))?;
            }
        }
    }
    let result = graph.output_locations();
    let Some(last) = result.first().map(|file| file.partition_id.stage_id) else { return Ok(()) };
    let tasks = tasks_of(graph, last)?;
    for partition in partitions(&result) {
        let files: Vec<_> = result
            .iter()
            .filter(|file| file.partition_id.partition_id == partition)
            .cloned()
            .collect();
        check_files(&files, tasks).map_err(|what| format!("result: {what}"))?;
    }
    Ok(())
}

fn partitions(files: &[PartitionLocation]) -> HashSet<usize> {
    files.iter().map(|file| file.partition_id.partition_id).collect()
}

fn tasks_of(
    graph: &(dyn ExecutionGraph + Send + Sync),
    stage: usize,
) -> Result<&[TaskInfo], String> {
    match graph.stages().get(&stage) {
        Some(ExecutionStage::Successful(stage)) => Ok(&stage.task_infos),
        _ => Err(format!("stage {stage} has no finished tasks")),
    }
}

/// The files of one partition: one for each task that wrote to it, where that task ran.
fn check_files(files: &[PartitionLocation], tasks: &[TaskInfo]) -> Result<(), String> {
    let mut seen = HashSet::new();
    let mut covered = HashSet::new();
    for file in files {
        let task = file.map_partition_id;
        let executor = file.executor_meta.id.as_str();
        if !seen.insert((task, file.file_id)) {
            return Err(format!("the rows of task {task} twice"));
        }
        let Some(info) = tasks.get(task) else {
            return Err(format!("rows of a task {task} that is not counted"));
        };
        if !is_by(info, executor) {
            return Err(format!(
                "rows of task {task} from executor {executor}, which did not do it"
            ));
        }
        for part in &info.global_input_partition_ids {
            if !covered.insert((*part, file.file_id)) {
                return Err(format!("the rows of part {part} of its input twice"));
            }
        }
    }
    Ok(())
}

/// Whether a task was done by an executor, as far as is known: whose result was lost after it
/// had been read is not kept.
fn is_by(task: &TaskInfo, executor: &str) -> bool {
    match &task.task_status {
        Status::Successful(done) => done.executor_id == executor,
        Status::Failed(failed) => matches!(failed.failed_reason, Some(FailedReason::ResultLost(_))),
        Status::Running(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ballista_core::JobId;
    use ballista_core::serde::protobuf::{FailedTask, ResultLost, SuccessfulTask};
    use ballista_core::serde::scheduler::{
        ExecutorMetadata, ExecutorOperatingSystemSpecification, ExecutorSpecification, PartitionId,
        PartitionStats,
    };

    fn task(id: usize, status: Status) -> TaskInfo {
        TaskInfo {
            task_id: id,
            scheduled_time: 0,
            launch_time: 0,
            start_exec_time: 0,
            end_exec_time: 0,
            finish_time: 0,
            task_status: status,
            global_input_partition_ids: vec![id],
            vcores_consumed: 1,
        }
    }

    fn done(id: usize, executor: &str) -> TaskInfo {
        let done = SuccessfulTask { executor_id: executor.to_owned(), ..Default::default() };
        task(id, Status::Successful(done))
    }

    fn lost(id: usize) -> TaskInfo {
        let failed_reason = Some(FailedReason::ResultLost(ResultLost {}));
        task(id, Status::Failed(FailedTask { failed_reason, ..Default::default() }))
    }

    fn file(task: usize, executor: &str) -> PartitionLocation {
        PartitionLocation {
            map_partition_id: task,
            partition_id: PartitionId::new(&JobId::new("j"), 1, 0),
            executor_meta: ExecutorMetadata {
                id: executor.to_owned(),
                host: "h".to_owned(),
                port: 1,
                grpc_port: 2,
                specification: ExecutorSpecification::default(),
                os_info: ExecutorOperatingSystemSpecification::default(),
            },
            partition_stats: PartitionStats::default(),
            file_id: None,
            is_sort_shuffle: false,
        }
    }

    #[test]
    fn each_task_once_where_it_ran_is_right() {
        let tasks = [done(0, "a"), done(1, "b")];
        check_files(&[file(0, "a"), file(1, "b")], &tasks).unwrap();
        // A task that wrote nothing to this partition has no file.
        check_files(&[file(1, "b")], &tasks).unwrap();
    }

    #[test]
    fn what_was_read_before_its_executor_was_lost_counts() {
        check_files(&[file(0, "a"), file(1, "b")], &[lost(0), done(1, "b"), done(2, "b")]).unwrap();
    }

    #[test]
    fn files_of_an_attempt_that_was_rolled_back_are_found() {
        let tasks = [done(0, "a"), done(1, "b")];
        let twice = [file(0, "a"), file(1, "b"), file(1, "b")];
        assert!(check_files(&twice, &tasks).unwrap_err().contains("twice"));
        let elsewhere = [file(0, "b"), file(1, "b")];
        assert!(check_files(&elsewhere, &tasks).unwrap_err().contains("did not do it"));
        let unknown = [file(0, "a"), file(7, "b")];
        assert!(check_files(&unknown, &tasks).unwrap_err().contains("not counted"));
        let mut same_part = done(1, "b");
        same_part.global_input_partition_ids = vec![0];
        let both = [file(0, "a"), file(1, "b")];
        assert!(check_files(&both, &[done(0, "a"), same_part]).unwrap_err().contains("twice"));
    }
}
