//! What a session holds for its client: prepared statements, and results not fetched yet.

use super::encode::Answer;
use super::ticket::invalid;
use crate::query::PreparedStatement;
use arrow::array::RecordBatch;
use parking_lot::Mutex;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A session's prepared statements and results, empty at first.
#[derive(Default)]
pub(crate) struct ClientState {
    prepared: Mutex<HashMap<String, Prepared>>,
    results: Mutex<HashMap<QueryId, Waiting>>,
}

impl fmt::Debug for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientState")
            .field("prepared", &self.prepared.lock().len())
            .field("results", &self.results.lock().len())
            .finish()
    }
}

/// A prepared statement and the parameters bound to it last.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) statement: Arc<PreparedStatement>,
    pub(crate) parameters: Option<Vec<RecordBatch>>,
}

struct Waiting {
    answer: Answer,
    since: Instant,
}

impl ClientState {
    /// Keeps a prepared statement and returns its id.
    pub(crate) fn prepare(&self, statement: PreparedStatement, limit: usize) -> Result<String> {
        let mut prepared = self.prepared.lock();
        if prepared.len() >= limit {
            return Err(too_many("prepared statements", limit));
        }
        let id = QueryId::random().to_string();
        let entry = Prepared { statement: Arc::new(statement), parameters: None };
        prepared.insert(id.clone(), entry);
        Ok(id)
    }

    /// Finds a prepared statement.
    pub(crate) fn prepared(&self, id: &str) -> Result<Prepared> {
        self.prepared.lock().get(id).cloned().ok_or_else(closed)
    }

    /// Binds parameters to a prepared statement.
    pub(crate) fn bind(&self, id: &str, parameters: Vec<RecordBatch>) -> Result<()> {
        self.prepared.lock().get_mut(id).ok_or_else(closed)?.parameters = Some(parameters);
        Ok(())
    }

    /// Forgets a prepared statement.
    pub(crate) fn close_prepared(&self, id: &str) {
        self.prepared.lock().remove(id);
    }

    /// Fails when there is no room for one more result.
    pub(crate) fn check_room(&self, limit: usize) -> Result<()> {
        let waiting = self.results.lock().len();
        if waiting >= limit {
            return Err(too_many("results that were not fetched", limit));
        }
        Ok(())
    }

    /// Keeps a result until it is fetched.
    pub(crate) fn keep_result(&self, answer: Answer) {
        let waiting = Waiting { answer, since: Instant::now() };
        self.results.lock().insert(waiting.answer.query_id.clone(), waiting);
    }

    /// Hands a result out, once.
    pub(crate) fn take_result(&self, id: &QueryId) -> Result<Answer> {
        let taken = self.results.lock().remove(id);
        taken.map(|waiting| waiting.answer).ok_or_else(|| {
            invalid(format!("the result of query \"{id}\" was fetched already, or has expired"))
        })
    }

    /// Starts a result's waiting time anew; whether it is still there.
    pub(crate) fn renew_result(&self, id: &QueryId) -> bool {
        match self.results.lock().get_mut(id) {
            Some(waiting) => {
                waiting.since = Instant::now();
                true
            }
            None => false,
        }
    }

    /// Drops results that nobody fetched for so long, which cancels their queries.
    pub(crate) fn drop_unfetched(&self, timeout: Duration) {
        let expired: Vec<_> = self
            .results
            .lock()
            .extract_if(|_, waiting| waiting.since.elapsed() >= timeout)
            .collect();
        for (id, _) in expired {
            tracing::info!(query_id = id.as_str(), "nobody fetched the result; query cancelled");
        }
    }

    /// Drops everything, as the session ends.
    pub(crate) fn clear(&self) {
        self.prepared.lock().clear();
        let results = std::mem::take(&mut *self.results.lock());
        drop(results);
    }
}

fn closed() -> Error {
    invalid("the prepared statement was closed")
}

fn too_many(what: &str, limit: usize) -> Error {
    let message = format!("the session holds {limit} {what}");
    Error::new(ErrorCode::GenericInsufficientResources, message)
        .with_hint("close or fetch some, or raise flight_sql.max_prepared_statements")
}
