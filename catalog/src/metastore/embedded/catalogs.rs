//! Catalogs that statements made.

use super::dialect::{Connection, query};
use super::record::{from_json, to_json};
use crate::metastore::rules;
use crate::model::CatalogDefinition;
use quern_common::Result;

pub(super) async fn list(db: &mut Connection) -> Result<Vec<CatalogDefinition>> {
    let sql = "SELECT definition FROM catalogs ORDER BY name";
    let found: Vec<String> = query(sql).scalars(db).await?;
    found.iter().map(|text| from_json(text)).collect()
}

pub(super) async fn find(db: &mut Connection, name: &str) -> Result<CatalogDefinition> {
    let sql = "SELECT definition FROM catalogs WHERE name = $1";
    let found: Option<String> = query(sql).bind(name).optional_scalar(db).await?;
    match found {
        Some(text) => from_json(&text),
        None => Err(rules::catalog_not_found(name)),
    }
}

pub(super) async fn create(db: &mut Connection, catalog: &CatalogDefinition) -> Result<()> {
    let sql = "INSERT INTO catalogs (name, definition) VALUES ($1, $2)
        ON CONFLICT (name) DO NOTHING";
    match query(sql).bind(&catalog.name).bind(to_json(catalog)?).execute(db).await? {
        0 => Err(rules::catalog_already_exists(&catalog.name)),
        _ => Ok(()),
    }
}

pub(super) async fn drop(db: &mut Connection, name: &str) -> Result<()> {
    match query("DELETE FROM catalogs WHERE name = $1").bind(name).execute(db).await? {
        0 => Err(rules::catalog_not_found(name)),
        _ => Ok(()),
    }
}
