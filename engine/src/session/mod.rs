//! A client's session: who it is and what it has set.

mod limits;
pub mod properties;
mod scan_tasks;
pub mod state;

pub use limits::QueryLimits;
pub use state::{
    BATCH_SIZE_DEFAULT, ExecutionMode, StateOptions, Workers, build_session_state, session_config,
};

use parking_lot::RwLock;
use quern_common::ids::SessionId;
use std::collections::BTreeMap;

/// A client's identity and settings. Shared by all statements of one client; a statement takes
/// a copy of the settings when it is planned.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    user: String,
    settings: RwLock<SessionSettings>,
}

/// What a client can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// Catalog of names without catalog.
    pub catalog: String,
    /// Schema of names without schema.
    pub schema: String,
    /// Session properties that were set, by lower-case name; see [`super::session::properties`].
    pub properties: BTreeMap<String, String>,
}

impl Session {
    /// Opens a session.
    pub fn new(
        user: impl Into<String>,
        catalog: impl Into<String>,
        schema: impl Into<String>,
    ) -> Self {
        Self {
            id: SessionId::random(),
            user: user.into(),
            settings: RwLock::new(SessionSettings {
                catalog: catalog.into(),
                schema: schema.into(),
                properties: BTreeMap::new(),
            }),
        }
    }

    /// The session's id.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The authenticated user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A copy of the settings.
    pub fn settings(&self) -> SessionSettings {
        self.settings.read().clone()
    }

    /// Changes the settings.
    pub fn update(&self, change: impl FnOnce(&mut SessionSettings)) {
        change(&mut self.settings.write());
    }
}
