//! The executors' task slots, counted from what runs.
//!
//! Ballista counts them by subtracting when a task is given out and adding when it ends, and
//! forgets to add for tasks of a stage that it rolled back: after an executor is lost, the
//! slots that the others had given to such tasks are gone for good, and the job waits for ever.
//! So nothing is added here when a task ends; before tasks are given out, each executor's free
//! slots are set to its slots less those of the tasks that the jobs say it runs.

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Ballista's cluster state with slots that cannot leak.
#[derive(Default)]
pub(super) struct CountedSlots {
    inner: InMemoryClusterState,
    executors: Mutex<HashMap<String, Slots>>,
}

#[derive(Debug, Clone, Copy)]
struct Slots {
    total: u32,
    /// What `inner` takes for free.
    free: u32,
}

impl CountedSlots {
    /// Gives back what ended tasks held.
    async fn recount(
        &self,
        executors: &mut HashMap<String, Slots>,
        jobs: &HashMap<JobId, JobInfoCache>,
    ) -> Result<()> {
        let mut used: HashMap<String, u32> = HashMap::new();
        for job in jobs.values() {
            let graph = job.execution_graph.read().await;
            for task in graph.running_tasks() {
                let slots = graph.task_vcores(task.stage_id, task.task_id).unwrap_or_default();
                *used.entry(task.executor_id).or_default() += slots;
            }
        }
        let mut freed: Vec<ExecutorSlot> = Vec::new();
        for (id, slots) in executors.iter_mut() {
            let free = slots.total.saturating_sub(used.get(id).copied().unwrap_or_default());
            if free > slots.free {
                freed.push((id.clone(), free - slots.free));
                slots.free = free;
            }
        }
        self.inner.unbind_tasks(freed).await
    }
}

#[async_trait]
impl ClusterState for CountedSlots {
    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        alive: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let mut executors = self.executors.lock().await;
        self.recount(&mut executors, &active_jobs).await?;
        let bound = self.inner.bind_schedulable_tasks(distribution, active_jobs, alive).await?;
        for (executor, task) in &bound {
            if let Some(slots) = executors.get_mut(executor) {
                slots.free = slots.free.saturating_sub(task.vcores_consumed);
            }
        }
        Ok(bound)
    }

    async fn unbind_tasks(&self, _executor_slots: Vec<ExecutorSlot>) -> Result<()> {
        Ok(())
    }

    async fn register_executor(
        &self,
        metadata: ExecutorMetadata,
        data: ExecutorData,
    ) -> Result<()> {
        let slots = Slots { total: data.total_vcores, free: data.available_vcores };
        let id = metadata.id.clone();
        self.inner.register_executor(metadata, data).await?;
        self.executors.lock().await.insert(id, slots);
        Ok(())
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.inner.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.inner.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.inner.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        self.executors.lock().await.remove(executor_id);
        self.inner.remove_executor(executor_id).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.inner.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.inner.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.inner.cluster_state_events().await
    }
}
