//! The catalog `system`: in `runtime` the queries, tasks and nodes of this process, in `metadata`
//! what is known of the objects of all catalogs.

use crate::cluster::NodeInfo;
use crate::query::QueryManager;
use arrow::array::{
    ArrayRef, BooleanArray, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use quern_common::config::CatalogConfig;
use quern_common::{Error, Result};
use quern_engine::catalogs::CatalogRegistry;
use quern_engine::tables::metadata::{self, MetadataTables};
use quern_engine::tables::{SystemTables, table_of_rows};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

/// The tables of the catalog `system`.
#[derive(Debug)]
pub struct SystemCatalog {
    manager: OnceLock<Weak<QueryManager>>,
    metadata: MetadataTables,
}

impl SystemCatalog {
    /// The tables over all catalogs of `registry`; those about queries have to be attached.
    pub fn new(registry: Arc<CatalogRegistry>, config: &CatalogConfig) -> Self {
        Self { manager: OnceLock::new(), metadata: MetadataTables::new(registry, config) }
    }

    /// Tells where the queries are. The planner is made before the manager that it serves.
    pub fn attach(&self, manager: &Arc<QueryManager>) {
        // A second call is a defect without consequence: the first manager stays.
        let _ = self.manager.set(Arc::downgrade(manager));
    }

    fn manager(&self) -> Result<Arc<QueryManager>> {
        self.manager
            .get()
            .and_then(Weak::upgrade)
            .ok_or_else(|| Error::internal("system tables without a query manager"))
    }
}

impl SystemTables for SystemCatalog {
    fn tables(&self) -> BTreeMap<&'static str, Vec<&'static str>> {
        BTreeMap::from([
            (metadata::NAME, MetadataTables::names()),
            ("runtime", vec!["nodes", "queries", "tasks"]),
        ])
    }

    fn table(&self, schema: &str, table: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if schema == metadata::NAME {
            return Ok(self.metadata.table(table));
        }
        let rows = match (schema, table) {
            ("runtime", "queries") => queries(self.manager()?.as_ref())?,
            ("runtime", "nodes") => nodes(self.manager()?.as_ref())?,
            ("runtime", "tasks") => tasks(self.manager()?.as_ref())?,
            _ => return Ok(None),
        };
        table_of_rows(rows).map(Some)
    }
}

/// Builds a batch column by column.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn text<'a>(mut self, name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut builder = StringBuilder::new();
        values.for_each(|value| builder.append_option(value));
        self.fields.push(Field::new(name, DataType::Utf8, true));
        self.arrays.push(Arc::new(builder.finish()));
        self
    }

    fn number(mut self, name: &str, values: impl Iterator<Item = u64>) -> Self {
        let mut builder = Int64Builder::new();
        values.for_each(|value| builder.append_value(i64::try_from(value).unwrap_or(i64::MAX)));
        self.fields.push(Field::new(name, DataType::Int64, true));
        self.arrays.push(Arc::new(builder.finish()));
        self
    }

    fn flag(mut self, name: &str, values: impl Iterator<Item = bool>) -> Self {
        self.fields.push(Field::new(name, DataType::Boolean, true));
        self.arrays.push(Arc::new(values.map(Some).collect::<BooleanArray>()));
        self
    }

    fn time(mut self, name: &str, values: impl Iterator<Item = i64>) -> Self {
        let mut builder = TimestampMillisecondBuilder::new();
        values.for_each(|value| builder.append_value(value));
        let array = builder.finish().with_timezone("UTC");
        let data_type = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        self.fields.push(Field::new(name, data_type, true));
        self.arrays.push(Arc::new(array));
        self
    }

    fn finish(self) -> Result<RecordBatch> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
            .map_err(|err| Error::internal(format!("system table: {err}")))
    }
}

fn queries(manager: &QueryManager) -> Result<RecordBatch> {
    let records = manager.records();
    let errors: Vec<_> = records.iter().map(|r| r.error()).collect();
    let modes: Vec<_> = records.iter().map(|r| r.mode()).collect();
    let progress: Vec<_> = records.iter().map(|r| r.progress()).collect();
    Columns::default()
        .text("query_id", records.iter().map(|r| Some(r.id.as_str())))
        .text("state", records.iter().map(|r| Some(r.state().name())))
        .text("user", records.iter().map(|r| Some(r.user.as_str())))
        .text("query", records.iter().map(|r| Some(r.sql.as_str())))
        .text("execution_mode", modes.iter().map(|m| m.as_ref().map(|m| m.mode.name())))
        .text("execution_mode_reason", modes.iter().map(|m| m.as_ref().map(|m| m.reason.as_str())))
        .time("created", records.iter().map(|r| r.created.timestamp_millis()))
        .number("elapsed_ms", records.iter().map(|r| r.elapsed_ms()))
        .number("output_rows", records.iter().map(|r| r.rows()))
        .number("output_bytes", records.iter().map(|r| r.bytes()))
        .number("scanned_rows", progress.iter().map(|p| p.rows))
        .number("scanned_bytes", progress.iter().map(|p| p.bytes))
        .text("error_code", errors.iter().map(|e| e.as_ref().map(|e| e.code().name())))
        .text("error_message", errors.iter().map(|e| e.as_ref().map(Error::message)))
        .finish()
}

fn nodes(manager: &QueryManager) -> Result<RecordBatch> {
    let nodes: Vec<NodeInfo> = manager.executors().map_or_else(Vec::new, |e| e.cluster.nodes());
    let ids = std::iter::once("scheduler").chain(nodes.iter().map(|n| n.id.as_str()));
    let roles = std::iter::once("scheduler").chain(nodes.iter().map(|_| "executor"));
    let addresses = std::iter::once(None).chain(nodes.iter().map(|n| Some(n.address.as_str())));
    let states = std::iter::once("active")
        .chain(nodes.iter().map(|n| if n.live { "active" } else { "suspect" }));
    Columns::default()
        .text("node_id", ids.map(Some))
        .text("role", roles.map(Some))
        .text("address", addresses)
        .flag("coordinator", std::iter::once(true).chain(nodes.iter().map(|_| false)))
        .text("state", states.map(Some))
        .number("task_slots", std::iter::once(0).chain(nodes.iter().map(|n| n.task_slots as u64)))
        .finish()
}

fn tasks(manager: &QueryManager) -> Result<RecordBatch> {
    let running: Vec<_> = manager.records().into_iter().filter(|r| !r.state().is_final()).collect();
    let progress: Vec<_> = running.iter().map(|r| r.progress()).collect();
    Columns::default()
        .text("query_id", running.iter().map(|r| Some(r.id.as_str())))
        .number("stages", progress.iter().map(|p| p.stages as u64))
        .number("stages_done", progress.iter().map(|p| p.stages_done as u64))
        .number("tasks", progress.iter().map(|p| p.tasks as u64))
        .number("tasks_done", progress.iter().map(|p| p.tasks_done as u64))
        .finish()
}
