//! CALL: which procedures there are, and their arguments.

use super::rows::{Columns, SYNC};
use super::{DdlExecutor, DdlOutcome};
use crate::session::Session;
use crate::statement::{CallArgument, Literal, SyncMode, TableName};
use quern_catalog::metastore::CachePart;
use quern_common::{Error, ErrorCode, Result};
use std::collections::BTreeMap;

const FLUSH: &str = "flush_metadata_cache";
pub(super) const SYNC_PROCEDURE: &str = "sync_partition_metadata";

/// What a procedure answers with.
pub(super) fn columns_of(procedure: &[String]) -> Option<Columns> {
    procedure.last().is_some_and(|name| name == SYNC_PROCEDURE).then_some(SYNC)
}

impl DdlExecutor {
    /// Runs a procedure.
    pub(super) async fn call(
        &self,
        session: &Session,
        procedure: &[String],
        arguments: &[CallArgument],
    ) -> Result<DdlOutcome> {
        let (catalog, name) = match procedure {
            [schema, name] if schema == "system" => (None, name),
            [catalog, schema, name] if schema == "system" => (Some(catalog.clone()), name),
            _ => return Err(no_procedure(procedure)),
        };
        match name.as_str() {
            SYNC_PROCEDURE => self.call_sync(session, catalog, arguments).await,
            FLUSH => self.flush_cache(session, catalog, arguments).await,
            _ => Err(no_procedure(procedure)),
        }
    }

    async fn call_sync(
        &self,
        session: &Session,
        catalog: Option<String>,
        arguments: &[CallArgument],
    ) -> Result<DdlOutcome> {
        let mut values = bind(arguments, &["schema_name", "table_name", "mode"], &[])?;
        let mut take = |name: &str| values.remove(name).unwrap_or_default();
        let table = TableName {
            catalog,
            schema: Some(take("schema_name").to_lowercase()),
            name: take("table_name").to_lowercase(),
        };
        let mode = take("mode");
        let mode = SyncMode::from_name(&mode)
            .ok_or_else(|| invalid(format!("mode is ADD, DROP or FULL, not \"{mode}\"")))?;
        self.sync_partitions(session, &table, mode, SYNC_PROCEDURE).await
    }

    /// Forgets what is remembered of a metastore that others change too: of a table, of a schema
    /// or of all of the catalog.
    async fn flush_cache(
        &self,
        session: &Session,
        catalog: Option<String>,
        arguments: &[CallArgument],
    ) -> Result<DdlOutcome> {
        for argument in arguments {
            // Trino's names for one partition.
            if let Some(name @ ("partition_columns" | "partition_values")) =
                argument.name.as_deref()
            {
                return Err(Error::not_supported(format!("argument \"{name}\" of {FLUSH}"))
                    .with_hint("without it, all partitions of the table are flushed"));
            }
        }
        let values = bind(arguments, &[], &["schema_name", "table_name"])?;
        let part = match (values.get("schema_name"), values.get("table_name")) {
            (None, None) => CachePart::Everything,
            (Some(schema), None) => CachePart::schema(schema),
            (Some(schema), Some(table)) => CachePart::table(schema, table),
            (None, Some(_)) => return Err(invalid("table_name needs schema_name".to_owned())),
        };
        let catalog = catalog.unwrap_or_else(|| session.settings().catalog);
        let metastore = self.catalogs.get(&catalog).await?;
        metastore.flush_cache(&part);
        match values.get("schema_name") {
            Some(schema) => self.catalogs.touch(&catalog, &schema.to_lowercase()),
            None => {
                for schema in metastore.list_databases().await? {
                    self.catalogs.touch(&catalog, &schema);
                }
            }
        }
        Ok(DdlOutcome::DONE)
    }
}

fn no_procedure(name: &[String]) -> Error {
    Error::new(
        ErrorCode::ProcedureNotFound,
        format!("procedure \"{}\" does not exist", name.join(".")),
    )
    .with_hint(format!(
        "there are system.{SYNC_PROCEDURE}(schema_name, table_name, mode) and \
         system.{FLUSH}(schema_name, table_name)"
    ))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::InvalidProcedureArgument, message)
}

/// Assigns the arguments of a call to names, those that are needed first. All are texts.
fn bind(
    arguments: &[CallArgument],
    needed: &[&str],
    optional: &[&str],
) -> Result<BTreeMap<String, String>> {
    let names: Vec<&str> = needed.iter().chain(optional).copied().collect();
    let mut bound = BTreeMap::new();
    for (position, argument) in arguments.iter().enumerate() {
        let name = match &argument.name {
            Some(name) => name.as_str(),
            None if arguments.iter().take(position).any(|a| a.name.is_some()) => {
                return Err(invalid("positional arguments come before named ones".to_owned()));
            }
            None => names.get(position).copied().ok_or_else(|| {
                invalid(format!("there are {} arguments: {}", names.len(), names.join(", ")))
            })?,
        };
        if !names.contains(&name) {
            return Err(invalid(format!("there is no argument \"{name}\""))
                .with_hint(format!("there are {}", names.join(", "))));
        }
        let Literal::Text(text) = &argument.value else {
            return Err(invalid(format!("argument \"{name}\" is a text")));
        };
        if bound.insert(name.to_owned(), text.clone()).is_some() {
            return Err(invalid(format!("argument \"{name}\" is given twice")));
        }
    }
    match needed.iter().find(|name| !bound.contains_key(**name)) {
        Some(missing) => Err(invalid(format!("argument \"{missing}\" is missing"))),
        None => Ok(bound),
    }
}
