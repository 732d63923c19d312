//! Functions in Java.

use super::dialect::{Connection, query};
use super::record::{from_json, to_json};
use super::{databases, events};
use crate::metastore::events::of_function;
use crate::metastore::rules;
use crate::model::{EventKind, HiveFunction};
use quern_common::Result;

pub(super) async fn list(db: &mut Connection, database: &str) -> Result<Vec<HiveFunction>> {
    let (id, _) = databases::find(db, database).await?;
    let sql = "SELECT definition FROM functions WHERE database_id = $1 ORDER BY name";
    let found: Vec<String> = query(sql).bind(id).scalars(db).await?;
    found.iter().map(|text| from_json(text)).collect()
}

pub(super) async fn find(db: &mut Connection, database: &str, name: &str) -> Result<HiveFunction> {
    let (id, _) = databases::find(db, database).await?;
    let sql = "SELECT definition FROM functions WHERE database_id = $1 AND name = $2";
    let found: Option<String> = query(sql).bind(id).bind(name).optional_scalar(db).await?;
    match found {
        Some(text) => from_json(&text),
        None => Err(rules::function_not_found(database, name)),
    }
}

pub(super) async fn create(db: &mut Connection, function: HiveFunction) -> Result<()> {
    let function = rules::check_function(function)?;
    let (id, _) = databases::find(db, &function.database).await?;
    let sql = "INSERT INTO functions (database_id, name, definition) VALUES ($1, $2, $3)
        ON CONFLICT (database_id, name) DO NOTHING";
    let changed =
        query(sql).bind(id).bind(&function.name).bind(to_json(&function)?).execute(db).await?;
    match changed {
        0 => Err(rules::function_already_exists(&function)),
        _ => events::add(db, vec![of_function(EventKind::CreateFunction, &function)]).await,
    }
}

/// Hive has no event for it.
pub(super) async fn alter(db: &mut Connection, function: HiveFunction) -> Result<()> {
    let function = rules::check_function(function)?;
    let (id, _) = databases::find(db, &function.database).await?;
    let sql = "UPDATE functions SET definition = $3 WHERE database_id = $1 AND name = $2";
    let changed =
        query(sql).bind(id).bind(&function.name).bind(to_json(&function)?).execute(db).await?;
    match changed {
        0 => Err(rules::function_not_found(&function.database, &function.name)),
        _ => Ok(()),
    }
}

pub(super) async fn drop(db: &mut Connection, database: &str, name: &str) -> Result<()> {
    let function = find(db, database, name).await?;
    let (id, _) = databases::find(db, database).await?;
    let sql = "DELETE FROM functions WHERE database_id = $1 AND name = $2";
    query(sql).bind(id).bind(name).execute(db).await?;
    events::add(db, vec![of_function(EventKind::DropFunction, &function)]).await
}
