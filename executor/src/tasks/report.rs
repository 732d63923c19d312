//! Tells the scheduler how tasks ended, until it knows.

use crate::membership::{SchedulerLink, from_status};
use ballista_core::serde::protobuf::{TaskStatus, UpdateTaskStatusParams};
use quern_common::ids::NodeId;
use std::time::Duration;
use tokio::sync::mpsc;

/// Ended tasks that wait to be reported; a task that finds no room waits.
const UNREPORTED_MAX: usize = 1_024;
/// Tasks in one report.
const BATCH_MAX: usize = 256;
const RETRY_WAIT_MIN: Duration = Duration::from_millis(100);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);

/// Takes the ends of tasks.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    ended: mpsc::Sender<TaskStatus>,
}

impl Reporter {
    /// Starts to report to `scheduler`.
    pub(crate) fn start(executor: NodeId, scheduler: SchedulerLink) -> Self {
        let (ended, rx) = mpsc::channel(UNREPORTED_MAX);
        tokio::spawn(report_all(executor, scheduler, rx));
        Self { ended }
    }

    /// Reports the end of a task.
    pub(crate) async fn report(&self, status: TaskStatus) {
        if self.ended.send(status).await.is_err() {
            tracing::debug!("a task ended after the reporter");
        }
    }
}

async fn report_all(
    executor: NodeId,
    scheduler: SchedulerLink,
    mut ended: mpsc::Receiver<TaskStatus>,
) {
    let mut batch = Vec::new();
    while ended.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let params = UpdateTaskStatusParams {
            executor_id: executor.to_string(),
            task_status: std::mem::take(&mut batch),
        };
        deliver(&scheduler, params).await;
    }
}

/// Repeats a report until the scheduler takes it. A scheduler that does not know the job takes
/// it too, so the end of a job ends this.
async fn deliver(scheduler: &SchedulerLink, params: UpdateTaskStatusParams) {
    let mut wait = RETRY_WAIT_MIN;
    loop {
        let sent = async {
            let mut client = scheduler.client().await?;
            client.update_task_status(params.clone()).await.map_err(from_status)
        };
        match sent.await {
            Ok(_) => return,
            Err(err) => {
                let n_tasks = params.task_status.len();
                tracing::warn!(error = %err, n_tasks, "report of tasks will be repeated");
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_WAIT_MAX);
    }
}
