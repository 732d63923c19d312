//! Models as catalogue objects: DROP, SHOW and DESCRIBE.

use super::rows::{MODEL, MODELS, TextRows};
use super::{DdlExecutor, DdlOutcome, unless};
use crate::session::Session;
use crate::statement::{LikePattern, SchemaName, TableName};
use chrono::DateTime;
use datafusion::arrow::record_batch::RecordBatch;
use quern_catalog::model::{Dataset, Forgotten};
use quern_common::{ErrorCode, Result};

impl DdlExecutor {
    pub(super) async fn drop_model(
        &self,
        session: &Session,
        name: &TableName,
        if_exists: bool,
    ) -> Result<DdlOutcome> {
        let target = self.resolve(session, name).await?;
        let dropped = target.metastore.drop_model(&target.schema, &target.name).await;
        let Some(versions) = unless(dropped, &[ErrorCode::ModelNotFound], if_exists)? else {
            return Ok(DdlOutcome::DONE);
        };
        let model = Dataset::model(&target.catalog, &target.schema, &target.name);
        self.forget_metadata(Forgotten::Dataset(model)).await;
        for version in versions {
            self.delete_artifact(&version.model.artifact_location).await;
        }
        Ok(DdlOutcome::DONE)
    }

    pub(super) async fn show_models(
        &self,
        session: &Session,
        from: Option<&SchemaName>,
        like: Option<&LikePattern>,
    ) -> Result<RecordBatch> {
        let target = self.schema_or_default(session, from).await?;
        target.metastore.get_database(&target.schema).await?;
        let mut rows = TextRows::new(MODELS);
        for found in target.metastore.list_models(&target.schema).await? {
            let model = found.model;
            if like.is_none_or(|like| like.matches(&model.name)) {
                rows.push([
                    Some(model.name),
                    Some(found.version.to_string()),
                    Some(model.algorithm),
                    model.owner,
                    Some(time_text(model.create_time)),
                ]);
            }
        }
        rows.finish()
    }

    pub(super) async fn describe_model(
        &self,
        session: &Session,
        name: &TableName,
        version: Option<i64>,
    ) -> Result<RecordBatch> {
        let target = self.resolve(session, name).await?;
        let found = target.metastore.get_model(&target.schema, &target.name, version).await?;
        let model = found.model;
        let mut rows = TextRows::new(MODEL);
        let mut push = |name: String, value: String| rows.push([Some(name), Some(value)]);
        push("model".to_owned(), target.to_string());
        push("version".to_owned(), found.version.to_string());
        push("algorithm".to_owned(), model.algorithm);
        push("owner".to_owned(), model.owner.unwrap_or_default());
        push("created".to_owned(), time_text(model.create_time));
        push("source tables".to_owned(), model.source_tables.join(", "));
        push("artifact".to_owned(), model.artifact_location);
        push("sha256".to_owned(), model.artifact_sha256);
        for (prefix, parameters) in [("option", model.options), ("fact", model.facts)] {
            for (name, value) in parameters {
                push(format!("{prefix} {name}"), value);
            }
        }
        push("statement".to_owned(), model.statement);
        rows.finish()
    }
}

fn time_text(seconds: i64) -> String {
    match DateTime::from_timestamp(seconds, 0) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => String::new(),
    }
}
