//! CREATE, DROP and SHOW CREATE of catalogs.

use super::show_create::comment_clause;
use super::{DdlExecutor, DdlOutcome, unless};
use crate::session::Session;
use crate::statement::CreateCatalog;
use crate::statement::quoting::{literal, quoted};
use quern_catalog::connector::{CONNECTOR, shown_properties};
use quern_catalog::model::CatalogDefinition;
use quern_common::{ErrorCode, Result};

impl DdlExecutor {
    pub(super) async fn create_catalog(
        &self,
        session: &Session,
        create: &CreateCatalog,
    ) -> Result<DdlOutcome> {
        let catalog = CatalogDefinition {
            name: create.name.clone(),
            comment: create.comment.clone(),
            owner: session.user().to_owned(),
            properties: create.properties.clone(),
            ..CatalogDefinition::default()
        };
        let created = self.catalogs.create(catalog).await;
        unless(created, &[ErrorCode::AlreadyExists], create.if_not_exists)?;
        Ok(DdlOutcome::DONE)
    }

    pub(super) async fn drop_catalog(&self, name: &str, if_exists: bool) -> Result<DdlOutcome> {
        let removed = self.catalogs.remove(name).await;
        unless(removed, &[ErrorCode::CatalogNotFound], if_exists)?;
        Ok(DdlOutcome::DONE)
    }

    /// The statement that makes the catalog, with passwords masked.
    pub(super) async fn show_create_catalog(&self, name: &str) -> Result<String> {
        let catalog = self.catalogs.definition(name).await?;
        let mut properties = shown_properties(&catalog.properties);
        let connector = properties.remove(CONNECTOR).unwrap_or_default();
        let properties: Vec<_> = properties
            .iter()
            .map(|(name, value)| format!("   {} = {}", quoted(name), literal(value)))
            .collect();
        Ok(format!(
            "CREATE CATALOG {} USING {}{}\nWITH (\n{}\n)",
            quoted(&catalog.name),
            quoted(&connector),
            comment_clause(catalog.comment.as_ref()),
            properties.join(",\n")
        ))
    }
}
