//! Admission: how many queries run, how many wait.

use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets `max_running` queries run and `max_queued` wait, first come first served.
#[derive(Debug)]
pub(super) struct Admission {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_queued: usize,
}

impl Admission {
    pub(super) fn new(max_running: usize, max_queued: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(max_running.max(1))),
            waiting: AtomicUsize::new(0),
            max_queued,
        }
    }

    /// Waits until the query may run. Dropping the permit lets the next one in.
    pub(super) async fn admit(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.take_place()?;
        Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| Error::new(ErrorCode::ServerShuttingDown, "the server is shutting down"))
    }

    fn take_place(&self) -> Result<Place<'_>> {
        let place = Place(&self.waiting);
        match self.waiting.fetch_add(1, Ordering::AcqRel) {
            before if before < self.max_queued => Ok(place),
            _ => Err(Error::new(
                ErrorCode::QueryQueueFull,
                format!("{} queries are queued already", self.max_queued),
            )),
        }
    }
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_freed_place_admits() {
        let admission = Arc::new(Admission::new(1, 1));
        let running = admission.admit().await.unwrap();
        let waiter = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.admit().await.map(drop) }
        });
        while admission.waiting.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        let refused = admission.admit().await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::QueryQueueFull);
        drop(running);
        waiter.await.unwrap().unwrap();
        assert!(admission.admit().await.is_ok());
    }
}
