//! What statements did, for `system.metadata.operations`.

use super::DdlExecutor;
use crate::catalogs::ResolvedTable;
use crate::session::Session;
use quern_catalog::model::{Dataset, Operation};

/// What is known of something that a statement did to a table.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The words of the statement.
    pub(super) operation: &'static str,
    /// Where the data came from, when it came from outside.
    pub(super) source_location: Option<String>,
    /// Partitions that were added or dropped.
    pub(super) partitions: Option<usize>,
}

impl DdlExecutor {
    /// Keeps what a statement did. It has succeeded: a failure here is logged.
    pub(super) async fn record(&self, session: &Session, target: &ResolvedTable, done: Done) {
        let operation = Operation {
            target: Dataset::table(&target.catalog, &target.schema, &target.name),
            operation: done.operation.to_owned(),
            query_id: self.query_id().to_owned(),
            user: session.user().to_owned(),
            time_ms: chrono::Utc::now().timestamp_millis(),
            source_location: done.source_location,
            partitions: done.partitions.and_then(|n| i64::try_from(n).ok()),
        };
        let recorded = self.catalogs.metadata().record_operation(operation, vec![]).await;
        if let Err(err) = recorded {
            tracing::warn!(%target, error = ?err, "an operation was not recorded");
        }
    }
}
