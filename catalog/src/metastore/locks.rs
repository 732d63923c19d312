//! Who has a lock and who waits.
//!
//! Requests are served in the order in which they came: one waits for every earlier one that is
//! held or waited for and does not bear it. So nobody waits for ever behind those who came
//! later.

use crate::model::{HeldLock, LockRequest, LockState, LockStatus};
use quern_common::{Error, ErrorCode, Result};

/// A request as a store has it, by its number.
#[derive(Debug, Clone)]
pub(super) struct StoredLock {
    pub(super) id: i64,
    pub(super) request: LockRequest,
    pub(super) acquired_ms: Option<i64>,
    pub(super) heartbeat_ms: i64,
}

/// The first of the locks that is in the way of `lock`. `locks` are by number.
pub(super) fn blocker(lock: &StoredLock, locks: &[StoredLock]) -> Option<i64> {
    let bears = |earlier: &StoredLock| {
        let all = &lock.request.components;
        earlier.request.components.iter().all(|theirs| all.iter().all(|ours| ours.bears(theirs)))
    };
    locks.iter().take_while(|l| l.id < lock.id).find(|earlier| !bears(earlier)).map(|l| l.id)
}

/// What is said of a lock.
pub(super) fn status(id: i64, blocker: Option<i64>) -> LockStatus {
    let state = match blocker {
        Some(_) => LockState::Waiting,
        None => LockState::Acquired,
    };
    LockStatus { id, state }
}

/// All locks with those that are in their way.
pub(super) fn held(locks: Vec<StoredLock>) -> Vec<HeldLock> {
    let blockers: Vec<_> = locks.iter().map(|lock| blocker(lock, &locks)).collect();
    let both = locks.into_iter().zip(blockers);
    both.map(|(lock, blocked_by)| HeldLock {
        id: lock.id,
        request: lock.request,
        acquired_ms: lock.acquired_ms,
        heartbeat_ms: lock.heartbeat_ms,
        blocked_by,
    })
    .collect()
}

pub(super) fn check_request(mut request: LockRequest) -> Result<LockRequest> {
    if request.components.is_empty() {
        return Err(Error::new(ErrorCode::HiveInvalidMetadata, "a lock on nothing was asked for"));
    }
    for component in &mut request.components {
        component.database = super::rules::fold(&component.database);
        component.table = component.table.as_deref().map(super::rules::fold);
    }
    Ok(request)
}

pub(super) fn not_found(id: i64) -> Error {
    Error::new(ErrorCode::NotFound, format!("lock {id} does not exist"))
}

pub(super) fn too_many(max: usize) -> Error {
    Error::new(
        ErrorCode::GenericInsufficientResources,
        format!("there are {max} locks, which is as many as there may be"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LockComponent, LockMode};

    fn lock(id: i64, mode: LockMode, name: &str) -> StoredLock {
        let mut parts = name.split('.').map(str::to_owned);
        let component = LockComponent {
            mode,
            database: parts.next().unwrap(),
            table: parts.next(),
            partition: parts.next(),
        };
        let request = LockRequest { components: vec![component], ..LockRequest::default() };
        StoredLock { id, request, acquired_ms: None, heartbeat_ms: 0 }
    }

    #[test]
    fn modes_bear_each_other_as_in_hive() {
        use LockMode::{Exclusive, ExclusiveWrite, SharedRead, SharedWrite};
        let all = [SharedRead, SharedWrite, ExclusiveWrite, Exclusive];
        let bears = [[1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]];
        for (a, row) in all.iter().zip(bears) {
            for (b, expected) in all.iter().zip(row) {
                assert_eq!(a.bears(*b), expected == 1, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn earlier_requests_for_the_same_thing_are_in_the_way() {
        use LockMode::{Exclusive, SharedRead};
        let locks = [
            lock(1, Exclusive, "d.t"),
            lock(2, SharedRead, "d.t"),
            lock(3, Exclusive, "d.u"),
            lock(4, SharedRead, "d"),
            lock(5, Exclusive, "e.t"),
            lock(6, SharedRead, "d.v.k=1"),
            lock(7, Exclusive, "d.v.k=2"),
            lock(8, Exclusive, "d.v"),
        ];
        let blockers = locks.iter().map(|l| blocker(l, &locks));
        let expected = [None, Some(1), None, Some(1), None, None, Some(4), Some(4)];
        assert_eq!(blockers.collect::<Vec<_>>(), expected);
    }
}
