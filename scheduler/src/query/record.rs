//! What is known of a query, from its submission until it leaves the history.

use crate::dispatch::{Progress, ProgressFn};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use quern_catalog::connector::without_passwords;
use quern_common::Error;
use quern_common::ids::QueryId;
use quern_engine::plan::ModeChoice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Where a query is in its life (Trino's states).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryState {
    /// Waits for admission.
    Queued,
    /// Is parsed, resolved, planned.
    Planning,
    /// Was given to a dispatcher; no row yet.
    Starting,
    /// Rows are produced.
    Running,
    /// All rows are produced and not all fetched.
    Finishing,
    /// Ended well.
    Finished,
    /// Ended with an error, cancellation among them.
    Failed,
}

impl QueryState {
    /// Trino's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Planning => "PLANNING",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Finishing => "FINISHING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
        }
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed)
    }
}

/// A query's record.
pub struct QueryRecord {
    /// Its id.
    pub id: QueryId,
    /// Who asked.
    pub user: String,
    /// The statement's text, without passwords.
    pub sql: String,
    /// When it was submitted.
    pub created: DateTime<Utc>,
    /// Ends the query when cancelled.
    pub cancel: CancellationToken,
    submitted: Instant,
    rows: AtomicU64,
    bytes: AtomicU64,
    live: Mutex<Live>,
}

struct Live {
    state: QueryState,
    ended: Option<Instant>,
    error: Option<Error>,
    mode: Option<ModeChoice>,
    progress: Option<ProgressFn>,
    last_progress: Progress,
}

impl std::fmt::Debug for QueryRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryRecord").field("id", &self.id).field("state", &self.state()).finish()
    }
}

impl QueryRecord {
    /// A record of a query that was just submitted.
    pub fn new(user: &str, sql: &str) -> Self {
        Self {
            id: QueryId::random(),
            user: user.to_owned(),
            sql: without_passwords(sql),
            created: Utc::now(),
            cancel: CancellationToken::new(),
            submitted: Instant::now(),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            live: Mutex::new(Live {
                state: QueryState::Queued,
                ended: None,
                error: None,
                mode: None,
                progress: None,
                last_progress: Progress::default(),
            }),
        }
    }

    /// The state.
    pub fn state(&self) -> QueryState {
        self.live.lock().state
    }

    /// Moves on to `state`; a query that ended stays ended.
    pub fn enter(&self, state: QueryState) {
        let mut live = self.live.lock();
        if live.state.is_final() {
            return;
        }
        live.state = state;
        if state.is_final() {
            live.end();
        }
    }

    /// Ends the query with an error, unless it ended before.
    pub fn fail(&self, err: &Error) {
        let mut live = self.live.lock();
        if live.state.is_final() {
            return;
        }
        live.state = QueryState::Failed;
        live.error = Some(err.clone());
        live.end();
    }

    /// Notes where the query runs and why.
    pub fn set_mode(&self, mode: ModeChoice) {
        self.live.lock().mode = Some(mode);
    }

    /// Where the query runs and why.
    pub fn mode(&self) -> Option<ModeChoice> {
        self.live.lock().mode.clone()
    }

    /// The error that it ended with.
    pub fn error(&self) -> Option<Error> {
        self.live.lock().error.clone()
    }

    /// Notes how to tell the progress.
    pub fn set_progress(&self, progress: ProgressFn) {
        self.live.lock().progress = Some(progress);
    }

    /// How far it is, or was at its end.
    pub fn progress(&self) -> Progress {
        let (current, last) = {
            let live = self.live.lock();
            (live.progress.clone(), live.last_progress)
        };
        current.map_or(last, |progress| progress())
    }

    /// Counts rows that were given to the client.
    pub fn add_output(&self, rows: usize, bytes: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Rows given to the client.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes given to the client, in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Milliseconds from submission to the end, or to now.
    pub fn elapsed_ms(&self) -> u64 {
        let ended = self.live.lock().ended.unwrap_or_else(Instant::now);
        u64::try_from(ended.duration_since(self.submitted).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Live {
    fn end(&mut self) {
        self.ended = Some(Instant::now());
        if let Some(progress) = self.progress.take() {
            self.last_progress = progress();
        }
    }
}
