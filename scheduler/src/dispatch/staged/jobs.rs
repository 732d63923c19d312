//! The state of jobs: Ballista's, with a look at each job's books when it ends.

use super::accounting;
use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::JobStatus;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_scheduler::cluster::memory::InMemoryJobState;
use ballista_scheduler::cluster::{JobState, JobStateEventStream};
use ballista_scheduler::state::execution_graph::ExecutionGraphBox;
use dashmap::DashMap;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

/// Jobs in memory. What is wrong with a job's books is known before anyone hears of its end.
pub(super) struct CheckedJobs {
    inner: InMemoryJobState,
    wrong: DashMap<JobId, String>,
}

impl CheckedJobs {
    pub(super) fn new(inner: InMemoryJobState) -> Self {
        Self { inner, wrong: DashMap::new() }
    }

    /// What is wrong with a job that ended as successful; asked once.
    pub(super) fn take_fault(&self, job: &JobId) -> Option<String> {
        self.wrong.remove(job).map(|(_, fault)| fault)
    }
}

#[async_trait]
impl JobState for CheckedJobs {
    async fn save_job(&self, job_id: &JobId, graph: &ExecutionGraphBox) -> Result<()> {
        if matches!(graph.status().status, Some(Status::Successful(_)))
            && let Err(fault) = accounting::check(graph.as_ref())
        {
            self.wrong.insert(job_id.clone(), fault);
        }
        self.inner.save_job(job_id, graph).await
    }

    async fn remove_job(&self, job_id: &JobId) -> Result<()> {
        self.wrong.remove(job_id);
        self.inner.remove_job(job_id).await
    }

    fn accept_job(&self, job_id: &JobId, job_name: &str, queued_at: u64) -> Result<()> {
        self.inner.accept_job(job_id, job_name, queued_at)
    }

    fn pending_job_number(&self) -> usize {
        self.inner.pending_job_number()
    }

    async fn submit_job(
        &self,
        job_id: JobId,
        graph: &ExecutionGraphBox,
        subscriber: Option<Sender<JobStatus>>,
    ) -> Result<()> {
        self.inner.submit_job(job_id, graph, subscriber).await
    }

    async fn get_jobs(&self) -> Result<HashSet<JobId>> {
        self.inner.get_jobs().await
    }

    async fn get_all_jobs(&self) -> Result<HashSet<JobId>> {
        self.inner.get_all_jobs().await
    }

    async fn get_job_status(&self, job_id: &JobId) -> Result<Option<JobStatus>> {
        self.inner.get_job_status(job_id).await
    }

    async fn get_execution_graph(&self, job_id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.inner.get_execution_graph(job_id).await
    }

    async fn fail_unscheduled_job(&self, job_id: &JobId, reason: String) -> Result<()> {
        self.inner.fail_unscheduled_job(job_id, reason).await
    }

    async fn try_acquire_job(&self, job_id: &JobId) -> Result<Option<ExecutionGraphBox>> {
        self.inner.try_acquire_job(job_id).await
    }

    async fn job_state_events(&self) -> Result<JobStateEventStream> {
        self.inner.job_state_events().await
    }

    async fn create_or_update_session(
        &self,
        session_id: &str,
        config: &SessionConfig,
    ) -> Result<Arc<SessionContext>> {
        self.inner.create_or_update_session(session_id, config).await
    }

    async fn remove_session(&self, session_id: &str) -> Result<()> {
        self.inner.remove_session(session_id).await
    }

    fn produce_config(&self) -> SessionConfig {
        self.inner.produce_config()
    }
}
