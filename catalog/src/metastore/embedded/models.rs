//! Models of machine learning.

use super::databases;
use super::dialect::{Connection, query};
use super::record::{from_json, to_json};
use crate::metastore::rules;
use crate::model::{ModelVersion, NewModelVersion};
use quern_common::Result;

type Row = (
    i64,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    i64,
);

macro_rules! select_versions {
    ($rest:literal) => {
        concat!(
            "SELECT v.version, d.name, m.name, v.algorithm, v.artifact_location,
                v.artifact_sha256, v.options, v.facts, v.statement, v.source_tables, v.owner,
                v.create_time
            FROM databases d JOIN models m ON m.database_id = d.id
                JOIN model_versions v ON v.model_id = m.id ",
            $rest
        )
    };
}

pub(super) async fn publish(
    db: &mut Connection,
    model: NewModelVersion,
    or_replace: bool,
) -> Result<ModelVersion> {
    let model = rules::check_model(model)?;
    let (database_id, _) = databases::find(db, &model.database).await?;
    let sql = "INSERT INTO models (database_id, name) VALUES ($1, $2)
        ON CONFLICT (database_id, name) DO NOTHING";
    let created = query(sql).bind(database_id).bind(&model.name).execute(db).await;
    if created? == 0 && !or_replace {
        return Err(rules::model_already_exists(&model));
    }
    let sql = "INSERT INTO model_versions (model_id, version, algorithm, artifact_location,
            artifact_sha256, options, facts, statement, source_tables, owner, create_time)
        SELECT m.id, 1 + coalesce((SELECT max(version) FROM model_versions
            WHERE model_id = m.id), 0), $3, $4, $5, $6, $7, $8, $9, $10, $11
        FROM models m WHERE m.database_id = $1 AND m.name = $2
        RETURNING version";
    let version = query(sql)
        .bind(database_id)
        .bind(&model.name)
        .bind(&model.algorithm)
        .bind(&model.artifact_location)
        .bind(&model.artifact_sha256)
        .bind(to_json(&model.options)?)
        .bind(to_json(&model.facts)?)
        .bind(&model.statement)
        .bind(to_json(&model.source_tables)?)
        .bind(&model.owner)
        .bind(model.create_time)
        .scalar(db)
        .await?;
    Ok(ModelVersion { version, model })
}

pub(super) async fn find(
    db: &mut Connection,
    database: &str,
    name: &str,
    version: Option<i64>,
) -> Result<ModelVersion> {
    let versions = versions(db, database, name).await?;
    let found = match version {
        Some(version) => versions.into_iter().find(|v| v.version == version),
        None => versions.into_iter().next_back(),
    };
    found.ok_or_else(|| rules::model_not_found(database, name, version))
}

/// All versions of a model, of which there is one at least.
async fn versions(db: &mut Connection, database: &str, name: &str) -> Result<Vec<ModelVersion>> {
    let sql = select_versions!("WHERE d.name = $1 AND m.name = $2 ORDER BY v.version");
    let rows: Vec<Row> = query(sql).bind(database).bind(name).fetch_all(db).await?;
    if rows.is_empty() {
        databases::find(db, database).await?;
        return Err(rules::model_not_found(database, name, None));
    }
    rows.into_iter().map(from_row).collect()
}

pub(super) async fn list(db: &mut Connection, database: &str) -> Result<Vec<ModelVersion>> {
    databases::find(db, database).await?;
    let sql = select_versions!(
        "WHERE d.name = $1
            AND v.version = (SELECT max(version) FROM model_versions WHERE model_id = m.id)
        ORDER BY m.name"
    );
    let rows: Vec<Row> = query(sql).bind(database).fetch_all(db).await?;
    rows.into_iter().map(from_row).collect()
}

pub(super) async fn drop(
    db: &mut Connection,
    database: &str,
    name: &str,
) -> Result<Vec<ModelVersion>> {
    let dropped = versions(db, database, name).await?;
    let (database_id, _) = databases::find(db, database).await?;
    let sql = "DELETE FROM models WHERE database_id = $1 AND name = $2";
    query(sql).bind(database_id).bind(name).execute(db).await?;
    Ok(dropped)
}

fn from_row(row: Row) -> Result<ModelVersion> {
    let (version, database, name, algorithm, artifact_location, artifact_sha256, ..) = row;
    let model = NewModelVersion {
        database,
        name,
        algorithm,
        artifact_location,
        artifact_sha256,
        options: from_json(&row.6)?,
        facts: from_json(&row.7)?,
        statement: row.8,
        source_tables: from_json(&row.9)?,
        owner: row.10,
        create_time: row.11,
    };
    Ok(ModelVersion { version, model })
}
