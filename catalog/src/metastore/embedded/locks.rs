//! Locks. Every call first forgets those whose holders were not heard of.

use super::dialect::{Connection, query};
use super::record::{from_json, to_json};
use crate::metastore::MetastoreOptions;
use crate::metastore::locks::{self, StoredLock};
use crate::model::{HeldLock, LockRequest, LockStatus};
use quern_common::Result;

type Row = (i64, String, String, String, Option<String>, Option<i64>, i64);

pub(super) async fn add(
    db: &mut Connection,
    request: LockRequest,
    options: &MetastoreOptions,
) -> Result<LockStatus> {
    let request = locks::check_request(request)?;
    let now = forget_dead(db, options).await?;
    let sql = "SELECT count(*) FROM locks";
    let count: i64 = query(sql).scalar(db).await?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= options.locks_max {
        return Err(locks::too_many(options.locks_max));
    }
    let sql = "INSERT INTO locks (components, user_name, host, agent, heartbeat_ms)
        VALUES ($1, $2, $3, $4, $5) RETURNING id";
    let id = query(sql)
        .bind(to_json(&request.components)?)
        .bind(&request.user)
        .bind(&request.host)
        .bind(&request.agent)
        .bind(now)
        .scalar(db)
        .await?;
    look_at(db, id, now).await
}

pub(super) async fn check(
    db: &mut Connection,
    id: i64,
    options: &MetastoreOptions,
) -> Result<LockStatus> {
    let now = forget_dead(db, options).await?;
    look_at(db, id, now).await
}

/// Says who is in the way of a lock, and that it is acquired if nobody is.
async fn look_at(db: &mut Connection, id: i64, now: i64) -> Result<LockStatus> {
    beat(db, id, now).await?;
    let all = all(db).await?;
    let lock = all.iter().find(|lock| lock.id == id).ok_or_else(|| locks::not_found(id))?;
    let blocker = locks::blocker(lock, &all);
    if blocker.is_none() && lock.acquired_ms.is_none() {
        let sql = "UPDATE locks SET acquired_ms = $2 WHERE id = $1";
        query(sql).bind(id).bind(now).execute(db).await?;
    }
    Ok(locks::status(id, blocker))
}

pub(super) async fn keep(db: &mut Connection, id: i64, options: &MetastoreOptions) -> Result<()> {
    let now = forget_dead(db, options).await?;
    beat(db, id, now).await
}

async fn beat(db: &mut Connection, id: i64, now: i64) -> Result<()> {
    let sql = "UPDATE locks SET heartbeat_ms = $2 WHERE id = $1";
    let changed = query(sql).bind(id).bind(now).execute(db).await?;
    match changed {
        0 => Err(locks::not_found(id)),
        _ => Ok(()),
    }
}

pub(super) async fn remove(db: &mut Connection, id: i64) -> Result<()> {
    let sql = "DELETE FROM locks WHERE id = $1";
    match query(sql).bind(id).execute(db).await? {
        0 => Err(locks::not_found(id)),
        _ => Ok(()),
    }
}

pub(super) async fn list(db: &mut Connection, options: &MetastoreOptions) -> Result<Vec<HeldLock>> {
    forget_dead(db, options).await?;
    Ok(locks::held(all(db).await?))
}

/// Returns what time it is.
async fn forget_dead(db: &mut Connection, options: &MetastoreOptions) -> Result<i64> {
    let now = chrono::Utc::now().timestamp_millis();
    let timeout = i64::try_from(options.lock_timeout.as_millis()).unwrap_or(i64::MAX);
    let sql = "DELETE FROM locks WHERE heartbeat_ms < $1";
    query(sql).bind(now.saturating_sub(timeout)).execute(db).await?;
    Ok(now)
}

async fn all(db: &mut Connection) -> Result<Vec<StoredLock>> {
    let sql = "SELECT id, components, user_name, host, agent, acquired_ms, heartbeat_ms
        FROM locks ORDER BY id";
    let rows: Vec<Row> = query(sql).fetch_all(db).await?;
    let lock = |(id, components, user, host, agent, acquired_ms, heartbeat_ms): Row| {
        let request = LockRequest { components: from_json(&components)?, user, host, agent };
        Ok(StoredLock { id, request, acquired_ms, heartbeat_ms })
    };
    rows.into_iter().map(lock).collect()
}
