//! The calls by which the scheduler drives tasks.

use super::TaskRunner;
use ballista_core::serde::protobuf::executor_grpc_server::ExecutorGrpc;
use ballista_core::serde::protobuf::{
    CancelTasksParams, CancelTasksResult, LaunchMultiTaskParams, LaunchMultiTaskResult,
    LaunchTaskParams, LaunchTaskResult, RemoveJobDataParams, RemoveJobDataResult,
    StopExecutorParams, StopExecutorResult,
};
use ballista_core::serde::scheduler::TaskKey;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Ballista's executor service over our runner.
#[derive(Debug)]
pub(crate) struct TaskService {
    runner: Arc<TaskRunner>,
}

impl TaskService {
    pub(crate) fn new(runner: Arc<TaskRunner>) -> Self {
        Self { runner }
    }
}

#[tonic::async_trait]
impl ExecutorGrpc for TaskService {
    async fn launch_task(
        &self,
        _request: Request<LaunchTaskParams>,
    ) -> Result<Response<LaunchTaskResult>, Status> {
        Err(Status::unimplemented("schedulers launch tasks with launch_multi_task"))
    }

    async fn launch_multi_task(
        &self,
        request: Request<LaunchMultiTaskParams>,
    ) -> Result<Response<LaunchMultiTaskResult>, Status> {
        // The scheduler's own address in the request is not used: this executor reports to the
        // scheduler it is configured for. A plan that cannot be decoded fails its tasks.
        for tasks in &request.into_inner().multi_tasks {
            self.runner.launch(tasks);
        }
        Ok(Response::new(LaunchMultiTaskResult { failed_jobs: Vec::new() }))
    }

    async fn cancel_tasks(
        &self,
        request: Request<CancelTasksParams>,
    ) -> Result<Response<CancelTasksResult>, Status> {
        for task in request.into_inner().task_infos {
            self.runner.cancel(&TaskKey {
                job_id: task.job_id.into(),
                stage_id: task.stage_id as usize,
                task_id: task.task_id as usize,
            });
        }
        Ok(Response::new(CancelTasksResult { cancelled: true }))
    }

    /// The scheduler has given this executor up (its heartbeats were late). It stays: its next
    /// heartbeat registers it again, and what it was doing is done elsewhere by now.
    async fn stop_executor(
        &self,
        request: Request<StopExecutorParams>,
    ) -> Result<Response<StopExecutorResult>, Status> {
        tracing::warn!(reason = request.into_inner().reason, "given up by the scheduler");
        self.runner.cancel_all();
        Ok(Response::new(StopExecutorResult {}))
    }

    async fn remove_job_data(
        &self,
        request: Request<RemoveJobDataParams>,
    ) -> Result<Response<RemoveJobDataResult>, Status> {
        let params = request.into_inner();
        self.runner
            .remove_job_data(&params.job_id, &params.remove_stage_ids)
            .await
            .map_err(|err| Status::internal(err.to_string()))?;
        Ok(Response::new(RemoveJobDataResult {}))
    }
}
