//! SHOW of names: catalogs, schemas, tables, partitions.

use super::DdlExecutor;
use super::partitions::{need_keys, spec_filter};
use super::rows::{columns_of, one_column};
use super::schemas::INFORMATION_SCHEMA;
use crate::catalogs::{ResolvedSchema, SYSTEM_CATALOG};
use crate::missing;
use crate::session::Session;
use crate::statement::{LikePattern, PartitionSpec, SchemaName, Statement, TableName};
use crate::tables::INFORMATION_SCHEMA_TABLES;
use datafusion::arrow::record_batch::RecordBatch;
use quern_common::{Error, Result};

impl DdlExecutor {
    /// Runs a statement that shows something of the catalogue.
    pub(super) async fn show(
        &self,
        session: &Session,
        statement: &Statement,
    ) -> Result<RecordBatch> {
        let names = match statement {
            Statement::ShowCatalogs { like } => {
                matching(self.catalog_names().await?, like.as_ref())
            }
            Statement::ShowSchemas { from, like } => {
                let catalog = from.clone().unwrap_or_else(|| session.settings().catalog);
                matching(self.schema_names(&catalog).await?, like.as_ref())
            }
            Statement::ShowTables { from, like } => {
                matching(self.table_names(session, from.as_ref()).await?, like.as_ref())
            }
            Statement::ShowPartitions { table, spec } => {
                self.partition_names(session, table, spec).await?
            }
            Statement::ShowCreateTable { table } => {
                vec![self.show_create_table(session, table).await?]
            }
            Statement::ShowCreateView { view } => vec![self.show_create_view(session, view).await?],
            Statement::ShowCreateSchema { schema } => {
                vec![self.show_create_schema(session, schema).await?]
            }
            Statement::ShowCreateCatalog { catalog } => {
                vec![self.show_create_catalog(catalog).await?]
            }
            Statement::ShowColumns { table, like } => {
                return self.describe(session, table, like.as_ref()).await;
            }
            Statement::Describe { table } => return self.describe(session, table, None).await,
            Statement::ShowModels { from, like } => {
                return self.show_models(session, from.as_ref(), like.as_ref()).await;
            }
            Statement::DescribeModel { name, version } => {
                return self.describe_model(session, name, *version).await;
            }
            Statement::ShowFunctions { like } => return self.show_functions(like.as_ref()),
            other => return Err(Error::internal(format!("{} shows nothing", other.kind()))),
        };
        one_column(columns_of(statement).unwrap_or_default(), names)
    }

    async fn catalog_names(&self) -> Result<Vec<String>> {
        let mut names = self.catalogs.names().await?;
        if self.system.is_some() {
            names.push(SYSTEM_CATALOG.to_owned());
        }
        names.sort();
        Ok(names)
    }

    async fn schema_names(&self, catalog: &str) -> Result<Vec<String>> {
        if let Some(system) = self.system.as_ref().filter(|_| catalog == SYSTEM_CATALOG) {
            return Ok(system.tables().into_keys().map(str::to_owned).collect());
        }
        let mut names = self.catalogs.get(catalog).await?.list_databases().await?;
        names.push(INFORMATION_SCHEMA.to_owned());
        names.sort();
        Ok(names)
    }

    async fn table_names(
        &self,
        session: &Session,
        from: Option<&SchemaName>,
    ) -> Result<Vec<String>> {
        let settings = session.settings();
        let catalog = from.and_then(|name| name.catalog.clone()).unwrap_or(settings.catalog);
        let schema = from.map_or(settings.schema, |name| name.name.clone());
        if let Some(system) = self.system.as_ref().filter(|_| catalog == SYSTEM_CATALOG) {
            let tables = system.tables().remove(schema.as_str());
            let tables = tables.ok_or_else(|| missing::schema_not_found(&catalog, &schema))?;
            return Ok(tables.into_iter().map(str::to_owned).collect());
        }
        let metastore = self.catalogs.get(&catalog).await?;
        if schema == INFORMATION_SCHEMA {
            return Ok(INFORMATION_SCHEMA_TABLES.map(str::to_owned).to_vec());
        }
        metastore.list_tables(&schema).await
    }

    /// The schema that a SHOW statement names, or the session's.
    pub(super) async fn schema_or_default(
        &self,
        session: &Session,
        from: Option<&SchemaName>,
    ) -> Result<ResolvedSchema> {
        let settings = session.settings();
        let name = from
            .cloned()
            .unwrap_or_else(|| SchemaName { catalog: None, name: settings.schema.clone() });
        self.catalogs.resolve_schema(&name, &settings).await
    }

    async fn partition_names(
        &self,
        session: &Session,
        name: &TableName,
        spec: &PartitionSpec,
    ) -> Result<Vec<String>> {
        let target = self.resolve(session, name).await?;
        let table = self.base_table(&target).await?;
        need_keys(&table)?;
        let filter = spec_filter(&table, spec)?;
        target.metastore.get_partition_names(&target.schema, &target.name, &filter, None).await
    }
}

fn matching(names: Vec<String>, like: Option<&LikePattern>) -> Vec<String> {
    names.into_iter().filter(|name| like.is_none_or(|like| like.matches(name))).collect()
}
