//! Locks that clients of the metastore hold on databases, tables and partitions.
//!
//! They keep clients apart that ask for them (Iceberg's commits do); Quern's own changes are
//! transactions and need none.

use serde::{Deserialize, Serialize};

/// What others may do beside the holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Reads; bears everything but an exclusive lock.
    SharedRead,
    /// Writes; bears readers.
    SharedWrite,
    /// Overwrites: bears readers, but no writers that came before.
    ExclusiveWrite,
    /// Bears nobody.
    Exclusive,
}

impl LockMode {
    /// Whether two locks on one thing can be held at once.
    pub const fn bears(self, other: Self) -> bool {
        match (self, other) {
            (Self::Exclusive, _) | (_, Self::Exclusive) => false,
            (Self::SharedRead, _) | (_, Self::SharedRead) => true,
            _ => false,
        }
    }
}

/// One thing that is locked. Without a table it is the whole database, without a partition the
/// whole table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockComponent {
    /// How.
    pub mode: LockMode,
    /// Lower-case database name.
    pub database: String,
    /// Lower-case table name.
    pub table: Option<String>,
    /// Partition name, `k=v/k=v`.
    pub partition: Option<String>,
}

impl LockComponent {
    /// Whether the two can be held by two holders at once.
    pub fn bears(&self, other: &Self) -> bool {
        let apart =
            |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        self.database != other.database
            || apart(&self.table, &other.table)
            || apart(&self.partition, &other.partition)
            || self.mode.bears(other.mode)
    }
}

/// Asks for locks on things, all or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockRequest {
    /// The things.
    pub components: Vec<LockComponent>,
    /// Who asks.
    pub user: String,
    /// The host of who asks.
    pub host: String,
    /// The program that asks.
    pub agent: Option<String>,
}

/// Whether a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// It is.
    Acquired,
    /// Somebody who asked before is in the way.
    Waiting,
}

/// A lock and whether it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockStatus {
    /// The lock's number.
    pub id: i64,
    /// Whether it is held.
    pub state: LockState,
}

/// A lock that is held or waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLock {
    /// The lock's number; who asks later has a greater one.
    pub id: i64,
    /// What was asked for.
    pub request: LockRequest,
    /// When it was acquired, in milliseconds since 1970; none while it is waited for.
    pub acquired_ms: Option<i64>,
    /// When its holder was last heard of, in milliseconds since 1970.
    pub heartbeat_ms: i64,
    /// The lock that is in the way.
    pub blocked_by: Option<i64>,
}
