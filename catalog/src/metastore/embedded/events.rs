//! The log of changes. Each is written in the transaction of its change.

use super::dialect::{Connection, QueryBuilder, query};
use crate::metastore::MetastoreOptions;
use crate::metastore::events::Change;
use crate::model::Event;
use quern_common::Result;

type Row = (i64, i64, String, Option<String>, Option<String>, String);

pub(super) async fn add(db: &mut Connection, changes: Vec<Change>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
    let sql = "UPDATE event_sequence SET last_id = last_id + $1 RETURNING last_id";
    let last: i64 = query(sql).bind(count).scalar(db).await?;
    let now = chrono::Utc::now().timestamp();
    let mut sql = QueryBuilder::new(
        db,
        "INSERT INTO events (id, event_time, kind, database_name, table_name, message) ",
    );
    sql.push_rows((last - count + 1..).zip(changes).map(|(id, change)| {
        let event = change.into_event(id, now);
        [
            event.id.into(),
            event.time.into(),
            event.kind.into(),
            event.database.into(),
            event.table.into(),
            event.message.into(),
        ]
    }));
    sql.build().execute(db).await?;
    Ok(())
}

/// Forgets what is too old or too much. Two lookups in indexes when there is nothing to do.
pub(super) async fn trim(tx: &mut Connection, options: &MetastoreOptions) -> Result<()> {
    let max_age = i64::try_from(options.event_max_age.as_secs()).unwrap_or(i64::MAX);
    let oldest = chrono::Utc::now().timestamp().saturating_sub(max_age);
    for (sql, bound) in [
        ("DELETE FROM events WHERE event_time < $1", oldest),
        (
            "DELETE FROM events WHERE id <= (SELECT last_id FROM event_sequence) - $1",
            i64::from(options.events_max),
        ),
    ] {
        query(sql).bind(bound).execute(tx).await?;
    }
    Ok(())
}

pub(super) async fn last_id(db: &mut Connection) -> Result<i64> {
    let sql = "SELECT last_id FROM event_sequence";
    query(sql).scalar(db).await
}

pub(super) async fn list(db: &mut Connection, after: i64, limit: usize) -> Result<Vec<Event>> {
    let sql = "SELECT id, event_time, kind, database_name, table_name, message FROM events
        WHERE id > $1 ORDER BY id LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = query(sql).bind(after).bind(limit).fetch_all(db).await?;
    let event = |(id, time, kind, database, table, message)| Event {
        id,
        time,
        kind,
        database,
        table,
        message,
    };
    Ok(rows.into_iter().map(event).collect())
}
