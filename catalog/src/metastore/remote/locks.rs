//! Locks and events of a remote metastore.

use super::{RemoteMetastore, errors};
use crate::metastore::hive::convert::{lock_component_from_hive, lock_component_to_hive};
use crate::metastore::locks::{check_request, not_found};
use crate::model::{Event, HeldLock, LockRequest, LockState, LockStatus};
use quern_common::{Error, ErrorCode, Result};
use quern_proto::hive_metastore::methods::{
    CheckLock, GetCurrentNotificationEventId, GetNextNotification, Heartbeat, Lock, ShowLocks,
    Unlock,
};
use quern_proto::hive_metastore::types as hive;
use quern_proto::hive_metastore::{CallError, ExceptionKind};
use std::collections::BTreeMap;

fn status(response: &hive::LockResponse) -> Result<LockStatus> {
    let state = match response.state {
        hive::LockState::Acquired => LockState::Acquired,
        hive::LockState::Waiting => LockState::Waiting,
        other => {
            return Err(Error::new(
                ErrorCode::HiveMetastoreError,
                format!("the remote metastore gave lock {} up: {other:?}", response.lockid),
            ));
        }
    };
    Ok(LockStatus { id: response.lockid, state })
}

/// Gives the failure of a call about a lock its name.
fn of_lock(id: i64, err: CallError) -> Error {
    match errors::is(&err, ExceptionKind::NoSuchLock) {
        true => not_found(id),
        false => errors::of_store(err),
    }
}

impl RemoteMetastore {
    pub(super) async fn ask_lock(&self, request: LockRequest) -> Result<LockStatus> {
        let request = check_request(request)?;
        let rqst = hive::LockRequest {
            component: request.components.into_iter().map(lock_component_to_hive).collect(),
            user: request.user,
            hostname: request.host,
            agent_info: request.agent,
            ..hive::LockRequest::default()
        };
        status(&self.call(Lock { rqst }).await?)
    }

    pub(super) async fn look_at_lock(&self, id: i64) -> Result<LockStatus> {
        let rqst = hive::CheckLockRequest { lockid: id, ..hive::CheckLockRequest::default() };
        let found = self.try_call(CheckLock { rqst }).await?;
        status(&found.map_err(|err| of_lock(id, err))?)
    }

    pub(super) async fn give_back(&self, id: i64) -> Result<()> {
        let rqst = hive::UnlockRequest { lockid: id };
        self.try_call(Unlock { rqst }).await?.map_err(|err| of_lock(id, err))
    }

    pub(super) async fn beat(&self, id: i64) -> Result<()> {
        let ids = hive::HeartbeatRequest { lockid: Some(id), txnid: None };
        self.try_call(Heartbeat { ids }).await?.map_err(|err| of_lock(id, err))
    }

    pub(super) async fn locks(&self) -> Result<Vec<HeldLock>> {
        let rqst = hive::ShowLocksRequest::default();
        let elements = self.call(ShowLocks { rqst }).await?.locks.unwrap_or_default();
        let mut locks: BTreeMap<i64, HeldLock> = BTreeMap::new();
        for element in elements {
            let component = lock_component_from_hive(hive::LockComponent {
                lock_type: element.lock_type,
                dbname: element.dbname,
                tablename: element.tablename,
                partitionname: element.partname,
                ..hive::LockComponent::default()
            });
            let lock = locks.entry(element.lockid).or_insert_with(|| HeldLock {
                id: element.lockid,
                request: LockRequest {
                    components: vec![],
                    user: element.user,
                    host: element.hostname,
                    agent: element.agent_info,
                },
                acquired_ms: element.acquiredat,
                heartbeat_ms: element.lastheartbeat,
                blocked_by: element.blocked_by_ext_id.filter(|id| *id > 0),
            });
            lock.request.components.push(component);
        }
        Ok(locks.into_values().collect())
    }

    pub(super) async fn last_event(&self) -> Result<i64> {
        Ok(self.call(GetCurrentNotificationEventId {}).await?.event_id)
    }

    pub(super) async fn events(&self, after: i64, limit: usize) -> Result<Vec<Event>> {
        let rqst = hive::NotificationEventRequest {
            last_event: after,
            max_events: i32::try_from(limit).ok(),
            event_type_skip_list: None,
        };
        let events = self.call(GetNextNotification { rqst }).await?.events.into_iter();
        let event = |event: hive::NotificationEvent| Event {
            id: event.event_id,
            time: event.event_time.into(),
            kind: event.event_type,
            database: event.db_name,
            table: event.table_name,
            message: event.message,
        };
        Ok(events.map(event).take(limit).collect())
    }
}
