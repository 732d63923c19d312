//! Locks, and the log of changes.

use super::Backend;
use super::answer::{Answer, from_store, or_throw, thrown};
use super::convert::{lock_component_from_hive, lock_mode_to_hive, seconds};
use super::names::database_name;
use crate::metastore::rules::fold;
use crate::model::{HeldLock, LockRequest, LockState, LockStatus};
use quern_common::ErrorCode;
use quern_proto::hive_metastore::types as hive;
use quern_proto::hive_metastore::{ExceptionKind, ServiceError};

/// What our messages are. Those of Hive carry whole objects in a JSON of Thrift's.
const MESSAGE_FORMAT: &str = "quern-json-1";

fn no_such_lock(id: i64) -> ServiceError {
    thrown(ExceptionKind::NoSuchLock, format!("No such lock lockid:{id}"))
}

/// There are no transactions, so that none has this number.
fn refuse_transaction(id: Option<i64>) -> Answer<()> {
    match id.filter(|id| *id > 0) {
        Some(id) => {
            Err(thrown(ExceptionKind::NoSuchTxn, format!("No such transaction txnid:{id}")))
        }
        None => Ok(()),
    }
}

fn answer(status: LockStatus) -> hive::LockResponse {
    hive::LockResponse { lockid: status.id, state: state(status.state), error_message: None }
}

fn state(state: LockState) -> hive::LockState {
    match state {
        LockState::Acquired => hive::LockState::Acquired,
        LockState::Waiting => hive::LockState::Waiting,
    }
}

impl Backend {
    pub(super) async fn lock(&self, request: hive::LockRequest) -> Answer<hive::LockResponse> {
        refuse_transaction(request.txnid)?;
        let mut components = Vec::with_capacity(request.component.len());
        for component in request.component {
            let mut component = lock_component_from_hive(component);
            component.database = database_name(&component.database)?;
            components.push(component);
        }
        let request = LockRequest {
            components,
            user: request.user,
            host: request.hostname,
            agent: request.agent_info,
        };
        self.store.lock(request).await.map(answer).map_err(from_store)
    }

    pub(super) async fn check_lock(
        &self,
        request: hive::CheckLockRequest,
    ) -> Answer<hive::LockResponse> {
        let id = request.lockid;
        let found = self.store.check_lock(id).await;
        or_throw(found, &[ErrorCode::NotFound], || no_such_lock(id)).map(answer)
    }

    /// A lock that is gone already is no error.
    pub(super) async fn unlock(&self, request: hive::UnlockRequest) -> Answer<()> {
        match self.store.unlock(request.lockid).await {
            Err(err) if err.code() == ErrorCode::NotFound => Ok(()),
            unlocked => unlocked.map_err(from_store),
        }
    }

    pub(super) async fn heartbeat(&self, request: hive::HeartbeatRequest) -> Answer<()> {
        refuse_transaction(request.txnid)?;
        let Some(id) = request.lockid.filter(|id| *id > 0) else { return Ok(()) };
        let kept = self.store.keep_lock(id).await;
        or_throw(kept, &[ErrorCode::NotFound], || no_such_lock(id))
    }

    pub(super) async fn show_locks(
        &self,
        request: hive::ShowLocksRequest,
    ) -> Answer<hive::ShowLocksResponse> {
        let database = request.dbname.as_deref().map(database_name).transpose()?;
        let table = request.tablename.as_deref().map(fold);
        let mut locks = Vec::new();
        for lock in self.store.list_locks().await.map_err(from_store)? {
            locks.extend(elements(&lock));
        }
        locks.retain(|lock| {
            let is = |wanted: &Option<String>, found: Option<&String>| {
                wanted.as_ref().is_none_or(|wanted| Some(wanted) == found)
            };
            is(&database, Some(&lock.dbname))
                && is(&table, lock.tablename.as_ref())
                && is(&request.partname, lock.partname.as_ref())
        });
        Ok(hive::ShowLocksResponse { locks: Some(locks) })
    }

    pub(super) async fn last_event(&self) -> Answer<hive::CurrentNotificationEventId> {
        let event_id = self.store.last_event_id().await.map_err(from_store)?;
        Ok(hive::CurrentNotificationEventId { event_id })
    }

    pub(super) async fn events(
        &self,
        request: hive::NotificationEventRequest,
    ) -> Answer<hive::NotificationEventResponse> {
        let max = request.max_events.and_then(|max| usize::try_from(max).ok());
        let limit = max.filter(|max| *max > 0).unwrap_or(usize::MAX);
        let events = self.store.list_events(request.last_event, limit).await;
        let skipped = request.event_type_skip_list.unwrap_or_default();
        let mut listed = Vec::new();
        for event in events.map_err(from_store)? {
            if skipped.contains(&event.kind) {
                continue;
            }
            listed.push(hive::NotificationEvent {
                event_id: event.id,
                event_time: seconds(event.time),
                event_type: event.kind,
                db_name: event.database,
                table_name: event.table,
                message: event.message,
                message_format: Some(MESSAGE_FORMAT.to_owned()),
                cat_name: None,
            });
        }
        Ok(hive::NotificationEventResponse { events: listed })
    }
}

/// One element for each thing that is locked.
fn elements(lock: &HeldLock) -> Vec<hive::ShowLocksResponseElement> {
    let held = match lock.blocked_by {
        Some(_) => LockState::Waiting,
        None => LockState::Acquired,
    };
    let components = (1..).zip(&lock.request.components);
    let element =
        |(number, component): (i64, &crate::model::LockComponent)| hive::ShowLocksResponseElement {
            lockid: lock.id,
            dbname: component.database.clone(),
            tablename: component.table.clone(),
            partname: component.partition.clone(),
            state: state(held),
            lock_type: lock_mode_to_hive(component.mode),
            txnid: Some(0),
            lastheartbeat: lock.heartbeat_ms,
            acquiredat: lock.acquired_ms,
            user: lock.request.user.clone(),
            hostname: lock.request.host.clone(),
            heartbeat_count: None,
            agent_info: lock.request.agent.clone(),
            blocked_by_ext_id: lock.blocked_by,
            blocked_by_int_id: lock.blocked_by.map(|_| 1),
            lock_id_internal: Some(number),
        };
    components.map(element).collect()
}
