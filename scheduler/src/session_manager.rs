//! Which sessions there are: opened for a login or a connection, found by token or connection,
//! closed by their client, with their connection, or when nobody used them for long.
//!
//! `S` is what a protocol keeps beside a session (prepared statements, results that were not
//! fetched); it is dropped with the session.

use parking_lot::Mutex;
use quern_common::ids::SessionId;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::session::Session;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// One client connection of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// Bounds and defaults of sessions.
#[derive(Debug, Clone)]
pub struct SessionLimits {
    /// Sessions that are kept at most.
    pub max_sessions: usize,
    /// A session that was not used for this long is closed.
    pub idle_timeout: Duration,
    /// Catalog of a new session.
    pub catalog: String,
    /// Schema of a new session.
    pub schema: String,
}

/// Tokens are found by digest, so that the time of a look-up tells nothing about them.
type TokenDigest = [u8; 32];

/// Every session of the process.
#[derive(Debug)]
pub struct SessionManager<S> {
    limits: SessionLimits,
    sessions: Mutex<Sessions<S>>,
}

#[derive(Debug)]
struct Sessions<S> {
    by_id: HashMap<SessionId, Arc<Entry<S>>>,
    by_token: HashMap<TokenDigest, SessionId>,
    by_connection: HashMap<(ConnectionId, String), SessionId>,
}

struct Entry<S> {
    session: Arc<Session>,
    token: String,
    connection: Option<ConnectionId>,
    /// Whether the client showed the token, and so can come back by another connection.
    token_was_used: AtomicBool,
    last_used: Mutex<Instant>,
    state: S,
}

impl<S> fmt::Debug for Entry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A session in use: while a lease is held, the session does not count as idle.
#[derive(Debug)]
pub struct SessionLease<S> {
    entry: Arc<Entry<S>>,
}

impl<S> SessionLease<S> {
    fn new(entry: &Arc<Entry<S>>) -> Self {
        *entry.last_used.lock() = Instant::now();
        Self { entry: Arc::clone(entry) }
    }

    /// The session.
    pub fn session(&self) -> &Arc<Session> {
        &self.entry.session
    }

    /// The secret by which the session's client names it.
    pub fn token(&self) -> &str {
        &self.entry.token
    }

    /// What the protocol keeps beside the session.
    pub fn state(&self) -> &S {
        &self.entry.state
    }
}

impl<S> Clone for SessionLease<S> {
    fn clone(&self) -> Self {
        Self::new(&self.entry)
    }
}

impl<S> Drop for SessionLease<S> {
    fn drop(&mut self) {
        *self.entry.last_used.lock() = Instant::now();
    }
}

impl<S: Default> SessionManager<S> {
    /// A manager without sessions.
    pub fn new(limits: SessionLimits) -> Self {
        let sessions = Sessions {
            by_id: HashMap::new(),
            by_token: HashMap::new(),
            by_connection: HashMap::new(),
        };
        Self { limits, sessions: Mutex::new(sessions) }
    }

    /// Opens a session that is found by its token.
    ///
    /// # Errors
    /// `GENERIC_INSUFFICIENT_RESOURCES` when there are too many sessions.
    pub fn open(&self, user: &str) -> Result<SessionLease<S>> {
        self.insert(&mut self.sessions.lock(), user, None)
    }

    /// Finds a user's session of a connection, or opens it; the second value is whether it is new.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of_connection(
        &self,
        connection: ConnectionId,
        user: &str,
    ) -> Result<(SessionLease<S>, bool)> {
        let mut sessions = self.sessions.lock();
        let key = (connection, user.to_owned());
        let found = sessions.by_connection.get(&key).and_then(|id| sessions.by_id.get(id));
        if let Some(entry) = found {
            return Ok((SessionLease::new(entry), false));
        }
        let lease = self.insert(&mut sessions, user, Some(connection))?;
        sessions.by_connection.insert(key, lease.session().id().clone());
        Ok((lease, true))
    }

    /// Finds a session by its token.
    pub fn by_token(&self, token: &str) -> Option<SessionLease<S>> {
        let sessions = self.sessions.lock();
        let entry = sessions.by_id.get(sessions.by_token.get(&digest(token))?)?;
        entry.token_was_used.store(true, Ordering::Relaxed);
        Some(SessionLease::new(entry))
    }

    /// Closes a session and returns whether there was one.
    pub fn close(&self, id: &SessionId) -> bool {
        let removed = self.sessions.lock().remove(id);
        removed.is_some()
    }

    /// Closes the sessions that can no longer be reached when their connection is gone.
    pub fn connection_closed(&self, connection: ConnectionId) {
        self.remove_where(|entry| {
            entry.connection == Some(connection) && !entry.token_was_used.load(Ordering::Relaxed)
        });
        self.sessions.lock().by_connection.retain(|(id, _), _| *id != connection);
    }

    /// Closes the sessions that nobody used for longer than the limit.
    pub fn close_idle(&self) {
        let limit = self.limits.idle_timeout;
        self.remove_where(|entry| {
            Arc::strong_count(entry) == 1 && entry.last_used.lock().elapsed() >= limit
        });
    }

    /// Calls `visit` with what is kept beside each session.
    pub fn for_each_state(&self, visit: impl Fn(&S)) {
        let entries: Vec<_> = self.sessions.lock().by_id.values().map(Arc::clone).collect();
        entries.iter().for_each(|entry| visit(&entry.state));
    }

    /// The number of sessions.
    pub fn len(&self) -> usize {
        self.sessions.lock().by_id.len()
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(
        &self,
        sessions: &mut Sessions<S>,
        user: &str,
        connection: Option<ConnectionId>,
    ) -> Result<SessionLease<S>> {
        if sessions.by_id.len() >= self.limits.max_sessions {
            let message = format!("there are {} sessions already", self.limits.max_sessions);
            return Err(Error::new(ErrorCode::GenericInsufficientResources, message)
                .with_hint("close sessions, or raise flight_sql.max_sessions"));
        }
        let session = Session::new(user, &*self.limits.catalog, &*self.limits.schema);
        let entry = Arc::new(Entry {
            session: Arc::new(session),
            token: new_token(),
            connection,
            token_was_used: AtomicBool::new(false),
            last_used: Mutex::new(Instant::now()),
            state: S::default(),
        });
        let id = entry.session.id().clone();
        sessions.by_token.insert(digest(&entry.token), id.clone());
        sessions.by_id.insert(id, Arc::clone(&entry));
        Ok(SessionLease { entry })
    }

    /// What is kept beside the sessions is dropped after the lock is released.
    fn remove_where(&self, condition: impl Fn(&Arc<Entry<S>>) -> bool) {
        let mut sessions = self.sessions.lock();
        let ids: Vec<_> = sessions
            .by_id
            .iter()
            .filter(|(_, entry)| condition(entry))
            .map(|(id, _)| id.clone())
            .collect();
        let removed: Vec<_> = ids.iter().filter_map(|id| sessions.remove(id)).collect();
        drop(sessions);
        drop(removed);
    }
}

impl<S> Sessions<S> {
    fn remove(&mut self, id: &SessionId) -> Option<Arc<Entry<S>>> {
        let entry = self.by_id.remove(id)?;
        self.by_token.remove(&digest(&entry.token));
        if let Some(connection) = entry.connection {
            self.by_connection.remove(&(connection, entry.session.user().to_owned()));
        }
        Some(entry)
    }
}

fn new_token() -> String {
    let bytes: [u8; 32] = rand::random();
    base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes)
}

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(max_sessions: usize, idle: Duration) -> SessionManager<()> {
        SessionManager::new(SessionLimits {
            max_sessions,
            idle_timeout: idle,
            catalog: "hive".to_owned(),
            schema: "default".to_owned(),
        })
    }

    #[test]
    fn a_session_is_found_by_its_token_until_it_is_closed() {
        let manager = manager(10, Duration::from_secs(60));
        let lease = manager.open("ada").unwrap();
        let found = manager.by_token(lease.token()).unwrap();
        assert_eq!(found.session().id(), lease.session().id());
        assert_eq!(found.session().user(), "ada");
        assert!(manager.by_token("nonsense").is_none());
        assert!(manager.close(lease.session().id()));
        assert!(!manager.close(lease.session().id()));
        assert!(manager.by_token(lease.token()).is_none());
    }

    #[test]
    fn a_connection_has_one_session_a_user_and_takes_it_along() {
        let manager = manager(10, Duration::from_secs(60));
        let (first, is_new) = manager.of_connection(ConnectionId(1), "ada").unwrap();
        assert!(is_new);
        let (again, is_new) = manager.of_connection(ConnectionId(1), "ada").unwrap();
        assert!(!is_new);
        assert_eq!(first.session().id(), again.session().id());
        let (other, _) = manager.of_connection(ConnectionId(2), "ada").unwrap();
        let (bob, _) = manager.of_connection(ConnectionId(1), "bob").unwrap();
        assert_ne!(other.session().id(), first.session().id());
        assert_ne!(bob.session().id(), first.session().id());
        manager.connection_closed(ConnectionId(1));
        assert_eq!(manager.len(), 1);
    }

    #[test]
    fn a_session_whose_token_was_used_outlives_its_connection() {
        let manager = manager(10, Duration::from_secs(60));
        let (lease, _) = manager.of_connection(ConnectionId(1), "ada").unwrap();
        assert!(manager.by_token(lease.token()).is_some());
        manager.connection_closed(ConnectionId(1));
        assert!(manager.by_token(lease.token()).is_some());
        let (other, is_new) = manager.of_connection(ConnectionId(1), "ada").unwrap();
        assert!(is_new, "the connection's number must not lead to the old session");
        assert_ne!(other.session().id(), lease.session().id());
    }

    #[test]
    fn idle_sessions_are_closed_and_used_ones_kept() {
        let manager = manager(10, Duration::ZERO);
        let kept = manager.open("ada").unwrap();
        drop(manager.open("bob").unwrap());
        manager.close_idle();
        assert_eq!(manager.len(), 1);
        assert!(manager.by_token(kept.token()).is_some());
    }

    #[test]
    fn one_session_too_many_is_refused() {
        let manager = manager(1, Duration::from_secs(60));
        let _held = manager.open("ada").unwrap();
        let err = manager.open("bob").unwrap_err();
        assert_eq!(err.code(), ErrorCode::GenericInsufficientResources);
    }
}
