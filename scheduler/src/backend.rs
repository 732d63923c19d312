//! The query manager as the Flight SQL service sees it.

use crate::flight_sql::{
    COMMENT, QueryBackend, SchemaInfo, Submitted, SubmittedUpdate, TableFilter, TableInfo,
    TableKind,
};
use crate::query::{PreparedStatement, QueryManager};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use quern_catalog::hive_type;
use quern_catalog::model::{Column, Table, TableType};
use quern_common::ids::QueryId;
use quern_common::{Error, Result};
use quern_engine::catalogs::SYSTEM_CATALOG;
use quern_engine::session::Session;
use quern_engine::session::properties::{SESSION_PROPERTIES, SessionProperties, find};
use quern_engine::tables::information_schema;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Option names for what USE sets.
const CATALOG: &str = "catalog";
const SCHEMA: &str = "schema";

/// Answers the Flight SQL service from a [`QueryManager`].
#[derive(Debug)]
pub(crate) struct ManagerBackend {
    manager: Arc<QueryManager>,
}

impl ManagerBackend {
    /// A backend over `manager`.
    pub(crate) fn new(manager: Arc<QueryManager>) -> Self {
        Self { manager }
    }

    async fn tables_of(
        &self,
        catalog: &str,
        filter: &TableFilter,
        include_schema: bool,
    ) -> Result<Vec<TableInfo>> {
        let metastore = self.manager.planner().registry().get(catalog).await?;
        let mut tables = vec![];
        for schema in metastore.list_databases().await? {
            if filter.schema_pattern.as_ref().is_some_and(|pattern| !may_match(pattern, &schema)) {
                continue;
            }
            for table in metastore.get_tables(&schema).await? {
                tables.push(table_info(catalog, &table, include_schema)?);
            }
        }
        Ok(tables)
    }
}

impl ManagerBackend {
    async fn information_schema_of(
        &self,
        catalog: &str,
        include_schema: bool,
    ) -> Result<Vec<TableInfo>> {
        let metastore = self.manager.planner().registry().get(catalog).await?;
        let mut tables = vec![];
        for name in information_schema::TABLES {
            let columns = match include_schema {
                false => None,
                true => information_schema::rows(catalog, metastore.as_ref(), name)
                    .await?
                    .map(|rows| rows.schema()),
            };
            tables.push(system_table(catalog, information_schema::NAME, name, columns));
        }
        Ok(tables)
    }

    fn system_tables(&self, include_schema: bool) -> Result<Vec<TableInfo>> {
        let system = self.manager.planner().system_tables();
        let mut tables = vec![];
        for (schema, names) in system.tables() {
            for name in names {
                let columns = match include_schema {
                    false => None,
                    true => system.table(schema, name)?.map(|table| table.schema()),
                };
                tables.push(system_table(SYSTEM_CATALOG, schema, name, columns));
            }
        }
        Ok(tables)
    }
}

fn system_table(catalog: &str, schema: &str, name: &str, columns: Option<SchemaRef>) -> TableInfo {
    TableInfo {
        catalog: catalog.to_owned(),
        schema: schema.to_owned(),
        name: name.to_owned(),
        kind: TableKind::System,
        columns,
    }
}

/// Whether a LIKE pattern may match; patterns with wildcards are left to the service.
fn may_match(pattern: &str, name: &str) -> bool {
    pattern.contains(['%', '_', '\\']) || pattern.eq_ignore_ascii_case(name)
}

fn table_info(catalog: &str, table: &Table, include_schema: bool) -> Result<TableInfo> {
    let kind = match table.table_type {
        TableType::View => TableKind::View,
        TableType::Managed | TableType::External => TableKind::Table,
    };
    // What cannot be read is listed as the metastore has it.
    let read = || table.clone().with_spark_definition().unwrap_or_else(|_| table.clone());
    let columns = include_schema.then(|| columns_of(&read())).transpose()?;
    Ok(TableInfo {
        catalog: catalog.to_owned(),
        schema: table.database.clone(),
        name: table.name.clone(),
        kind,
        columns,
    })
}

fn columns_of(table: &Table) -> Result<SchemaRef> {
    let columns = table.sd.columns.iter().chain(&table.partition_keys);
    let fields = columns.map(field_of).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

fn field_of(column: &Column) -> Result<Field> {
    let schema = hive_type::schema_of(std::slice::from_ref(column))?;
    let field = schema
        .fields()
        .first()
        .ok_or_else(|| Error::internal(format!("column \"{}\" has no type", column.name)))?;
    let field = field.as_ref().clone();
    Ok(match &column.comment {
        Some(comment) => {
            field.with_metadata(HashMap::from([(COMMENT.to_owned(), comment.clone())]))
        }
        None => field,
    })
}

/// The batches of bound rows as one-row batches.
fn single_rows(batches: &[RecordBatch]) -> Vec<Option<RecordBatch>> {
    if batches.is_empty() {
        return vec![None];
    }
    batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| Some(batch.slice(row, 1))))
        .collect()
}

impl QueryBackend for ManagerBackend {
    fn prepare<'a>(
        &'a self,
        session: &'a Arc<Session>,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<PreparedStatement>> {
        self.manager.prepare(session, sql).boxed()
    }

    fn parse(&self, _session: &Arc<Session>, sql: &str) -> Result<PreparedStatement> {
        self.manager.parse_only(sql)
    }

    fn submit<'a>(
        &'a self,
        session: &'a Arc<Session>,
        statement: &'a PreparedStatement,
        parameters: Option<RecordBatch>,
    ) -> BoxFuture<'a, Result<Submitted>> {
        async move {
            let submitted =
                self.manager.submit(session, &statement.sql, parameters.as_ref()).await?;
            Ok(Submitted { query_id: submitted.id, schema: submitted.schema, rows: submitted.rows })
        }
        .boxed()
    }

    fn submit_update<'a>(
        &'a self,
        session: &'a Arc<Session>,
        statement: &'a PreparedStatement,
        parameters: Vec<RecordBatch>,
    ) -> BoxFuture<'a, Result<SubmittedUpdate>> {
        async move {
            let mut rows = single_rows(&parameters).into_iter();
            let Some(first) = rows.next() else {
                let rows = async { Ok(0) }.boxed();
                return Ok(SubmittedUpdate { query_id: QueryId::random(), rows });
            };
            let submitted = self.manager.submit(session, &statement.sql, first.as_ref()).await?;
            let query_id = submitted.id.clone();
            let (manager, session) = (Arc::clone(&self.manager), Arc::clone(session));
            let sql = statement.sql.clone();
            let rows = async move {
                // An update's statement answers no rows; draining it runs it to its end.
                submitted.rows.try_for_each(|_| async { Ok(()) }).await?;
                for row in rows {
                    manager.run_update(&session, &sql, row.as_ref()).await?;
                }
                Ok(-1)
            };
            Ok(SubmittedUpdate { query_id, rows: rows.boxed() })
        }
        .boxed()
    }

    fn cancel(&self, session: &Arc<Session>, id: &QueryId) -> Result<bool> {
        self.manager.cancel(session, id)
    }

    fn progress(&self, session: &Arc<Session>, id: &QueryId) -> Option<serde_json::Value> {
        let record = self.manager.record(id).filter(|record| record.user == session.user())?;
        let progress = record.progress();
        Some(json!({
            "state": record.state().name(),
            "stage": progress.stages_done,
            "stages": progress.stages,
            "splits_done": progress.tasks_done,
            "splits": progress.tasks,
            "rows": progress.rows,
            "bytes": progress.bytes,
            "elapsed_ms": record.elapsed_ms(),
        }))
    }

    fn list_catalogs<'a>(
        &'a self,
        _session: &'a Arc<Session>,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        async move {
            let mut names = self.manager.planner().registry().names().await?;
            names.push(SYSTEM_CATALOG.to_owned());
            Ok(names)
        }
        .boxed()
    }

    fn list_schemas<'a>(
        &'a self,
        _session: &'a Arc<Session>,
        catalog: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<SchemaInfo>>> {
        async move {
            let registry = self.manager.planner().registry();
            let mut schemas = vec![];
            for name in registry.names().await? {
                if catalog.is_some_and(|wanted| wanted != name) {
                    continue;
                }
                let mut names = registry.get(&name).await?.list_databases().await?;
                names.push(information_schema::NAME.to_owned());
                schemas.extend(
                    names.into_iter().map(|schema| SchemaInfo { catalog: name.clone(), schema }),
                );
            }
            if catalog.is_none_or(|wanted| wanted == SYSTEM_CATALOG) {
                let names = self.manager.planner().system_tables().tables().into_keys();
                schemas.extend(names.map(|schema| SchemaInfo {
                    catalog: SYSTEM_CATALOG.to_owned(),
                    schema: schema.to_owned(),
                }));
            }
            Ok(schemas)
        }
        .boxed()
    }

    fn list_tables<'a>(
        &'a self,
        _session: &'a Arc<Session>,
        filter: &'a TableFilter,
        include_schema: bool,
    ) -> BoxFuture<'a, Result<Vec<TableInfo>>> {
        async move {
            let mut tables = vec![];
            for catalog in self.manager.planner().registry().names().await? {
                if filter.catalog.as_ref().is_none_or(|wanted| *wanted == catalog) {
                    tables.extend(self.tables_of(&catalog, filter, include_schema).await?);
                    tables.extend(self.information_schema_of(&catalog, include_schema).await?);
                }
            }
            if filter.catalog.as_ref().is_none_or(|wanted| wanted == SYSTEM_CATALOG) {
                tables.extend(self.system_tables(include_schema)?);
            }
            Ok(tables)
        }
        .boxed()
    }

    fn session_options(&self, session: &Arc<Session>) -> BTreeMap<String, String> {
        let settings = session.settings();
        let mut options: BTreeMap<String, String> = SESSION_PROPERTIES
            .iter()
            .map(|property| {
                let value = settings.properties.get(property.name).cloned();
                (property.name.to_owned(), value.unwrap_or_else(|| property.default.to_owned()))
            })
            .collect();
        options.insert(CATALOG.to_owned(), settings.catalog);
        options.insert(SCHEMA.to_owned(), settings.schema);
        options
    }

    fn set_session_option<'a>(
        &'a self,
        session: &'a Arc<Session>,
        name: &'a str,
        value: Option<&'a str>,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let registry = self.manager.planner().registry();
            match name {
                CATALOG => {
                    let catalog = value.unwrap_or_else(|| registry.default_name()).to_lowercase();
                    if catalog != SYSTEM_CATALOG {
                        registry.get(&catalog).await?;
                    }
                    session.update(|settings| settings.catalog = catalog);
                }
                SCHEMA => {
                    let schema = value.unwrap_or("default").to_lowercase();
                    let catalog = session.settings().catalog;
                    if catalog != SYSTEM_CATALOG {
                        registry.get(&catalog).await?.get_database(&schema).await?;
                    }
                    session.update(|settings| settings.schema = schema);
                }
                property => {
                    let property = property.to_lowercase();
                    match value {
                        Some(value) => {
                            SessionProperties::check(&property, value)?;
                            let value = value.to_owned();
                            session.update(|s| drop(s.properties.insert(property, value)));
                        }
                        None => {
                            find(&property)?;
                            session.update(|s| drop(s.properties.remove(&property)));
                        }
                    }
                }
            }
            Ok(())
        }
        .boxed()
    }
}
