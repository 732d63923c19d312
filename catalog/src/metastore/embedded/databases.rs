//! Databases.

use super::dialect::{Connection, query};
use super::events;
use super::record::{self, from_json, to_json};
use crate::metastore::events::of_database;
use crate::metastore::rules;
use crate::model::{Database, EventKind, OwnerType};
use quern_common::Result;

type Row = (i64, String, Option<String>, String, Option<String>, Option<String>, String);

const SELECT: &str = "SELECT id, name, description, location, owner, owner_type, parameters
    FROM databases WHERE name = $1";

/// A database and its key.
pub(super) async fn find(db: &mut Connection, name: &str) -> Result<(i64, Database)> {
    let row: Option<Row> = query(SELECT).bind(name).fetch_optional(db).await?;
    let Some((id, name, description, location, owner, owner_type, parameters)) = row else {
        return Err(rules::schema_not_found(name));
    };
    let parameters = from_json(&parameters)?;
    let owner_type = record::owner_type(owner_type)?;
    Ok((id, Database { name, description, location, owner, owner_type, parameters }))
}

pub(super) async fn list(db: &mut Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM databases ORDER BY name";
    query(sql).scalars(db).await
}

/// Adds a database and says whether it was missing.
pub(super) async fn insert(db: &mut Connection, database: &Database) -> Result<bool> {
    let sql = "INSERT INTO databases
            (name, description, location, owner, parameters, owner_type)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING";
    let changed = query(sql)
        .bind(&database.name)
        .bind(&database.description)
        .bind(&database.location)
        .bind(&database.owner)
        .bind(to_json(&database.parameters)?)
        .bind(database.owner_type.map(OwnerType::hive_name))
        .execute(db)
        .await?;
    Ok(changed == 1)
}

pub(super) async fn create(db: &mut Connection, database: &Database) -> Result<()> {
    match insert(db, database).await? {
        false => Err(rules::schema_already_exists(&database.name)),
        true => {
            let change = of_database(EventKind::CreateDatabase, &database.name);
            events::add(db, vec![change]).await
        }
    }
}

pub(super) async fn alter(db: &mut Connection, database: Database, warehouse: &str) -> Result<()> {
    find(db, &database.name).await?;
    let database = rules::check_database(database, warehouse)?;
    update(db, &database).await?;
    events::add(db, vec![of_database(EventKind::AlterDatabase, &database.name)]).await
}

async fn update(db: &mut Connection, database: &Database) -> Result<()> {
    let sql = "UPDATE databases SET description = $2, location = $3, owner = $4,
            parameters = $5, owner_type = $6
        WHERE name = $1";
    let changed = query(sql)
        .bind(&database.name)
        .bind(&database.description)
        .bind(&database.location)
        .bind(&database.owner)
        .bind(to_json(&database.parameters)?)
        .bind(database.owner_type.map(OwnerType::hive_name))
        .execute(db)
        .await?;
    match changed {
        0 => Err(rules::schema_not_found(&database.name)),
        _ => Ok(()),
    }
}

pub(super) async fn drop(db: &mut Connection, name: &str, cascade: bool) -> Result<()> {
    let (id, _) = find(db, name).await?;
    if !cascade {
        let sql = "SELECT EXISTS (SELECT 1 FROM tables WHERE database_id = $1)
            OR EXISTS (SELECT 1 FROM models WHERE database_id = $1)
            OR EXISTS (SELECT 1 FROM functions WHERE database_id = $1)";
        let used: bool = query(sql).bind(id).scalar(db).await?;
        if used {
            return Err(rules::schema_not_empty(name));
        }
    }
    let sql = "DELETE FROM databases WHERE id = $1";
    query(sql).bind(id).execute(db).await?;
    events::add(db, vec![of_database(EventKind::DropDatabase, name)]).await
}
