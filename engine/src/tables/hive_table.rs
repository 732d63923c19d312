//! A Hive table as DataFusion sees it.

use super::hidden::HiddenColumn;
use super::hive_scan::ScanError;
use super::known::KnownStatistics;
use super::partition_pruning::only_over_keys;
use crate::error::{from_datafusion, to_datafusion};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use quern_catalog::hive_type;
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{Table, TableFormat};
use quern_catalog::scan::text::TextOptions;
use quern_catalog::storage::{FileListCache, Storage};
use quern_common::{Error, ErrorCode};
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

/// What a scan needs from the process: storage, listings, and what is known of files.
#[derive(Clone)]
pub struct ScanContext {
    /// Reaches files.
    pub storage: Arc<Storage>,
    /// Listings of directories.
    pub listings: Arc<FileListCache>,
    /// Statistics of files that were read once.
    pub statistics: Arc<super::hive_scan::StatisticsCache>,
    /// Files and directories that are looked at, at once.
    pub concurrency: usize,
}

impl fmt::Debug for ScanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanContext").field("concurrency", &self.concurrency).finish()
    }
}

/// How a table's files are read.
#[derive(Debug, Clone)]
pub(super) enum ReadFormat {
    Parquet,
    Text(TextOptions),
}

/// A table of a metastore, planned for one statement.
#[derive(Debug)]
pub struct HiveTable {
    pub(super) definition: Arc<Table>,
    pub(super) metastore: Arc<dyn Metastore>,
    pub(super) context: ScanContext,
    pub(super) format: ReadFormat,
    pub(super) table_schema: TableSchema,
    pub(super) hidden: Vec<HiddenColumn>,
}

/// Whether strings are read as Arrow's view types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringLayout {
    /// `Utf8View`, `BinaryView`: fastest within a process.
    Views,
    /// `Utf8`, `Binary`: smaller when shuffled through files.
    Offsets,
}

impl HiveTable {
    /// Plans a table, offering `hidden` columns beside the declared ones.
    ///
    /// # Errors
    /// `HIVE_UNSUPPORTED_FORMAT` for a format that is not read yet, `TYPE_NOT_FOUND`,
    /// `HIVE_INVALID_METADATA`.
    pub fn try_new(
        definition: Arc<Table>,
        metastore: Arc<dyn Metastore>,
        context: ScanContext,
        layout: StringLayout,
        hidden: &BTreeSet<HiddenColumn>,
    ) -> quern_common::Result<Self> {
        let format = read_format(&definition)?;
        let declared = hive_type::schema_of(&definition.sd.columns)?;
        let file_schema = Arc::new(with_layout(&declared, layout));
        let keys = hive_type::schema_of(&definition.partition_keys)?;
        let hidden: Vec<_> = hidden.iter().copied().collect();
        let partition_columns = keys
            .fields()
            .iter()
            .cloned()
            .chain(hidden.iter().map(|column| column.field()))
            .collect::<Vec<_>>();
        let table_schema =
            TableSchema::builder(file_schema).with_table_partition_cols(partition_columns).build();
        Ok(Self { definition, metastore, context, format, table_schema, hidden })
    }

    fn boxed_scan<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        let scan = self.plan_scan(state, projection, filters, limit);
        scan.map_err(|err| match err {
            ScanError::Ours(err) => to_datafusion(err),
            ScanError::DataFusion(err) => err,
        })
        .boxed()
    }

    /// What the catalogue knows of the partitions that satisfy `filters`, which are on partition
    /// keys alone; none stands for no partition.
    pub(crate) async fn known(
        &self,
        state: &dyn Session,
        filters: Option<&[Expr]>,
    ) -> quern_common::Result<KnownStatistics> {
        let Some(filters) = filters else { return self.known_statistics(&[], false).await };
        self.statistics_of(state, filters).await.map_err(|err| match err {
            ScanError::Ours(err) => err,
            ScanError::DataFusion(err) => from_datafusion(err),
        })
    }

    /// Names of data columns and partition keys.
    pub(crate) fn column_names(&self) -> Vec<&str> {
        let columns = self.definition.sd.columns.iter().chain(&self.definition.partition_keys);
        columns.map(|column| column.name.as_str()).collect()
    }

    /// Names of the partition keys.
    pub(super) fn keys(&self) -> HashSet<&str> {
        self.definition.partition_keys.iter().map(|key| key.name.as_str()).collect()
    }
}

fn read_format(table: &Table) -> quern_common::Result<ReadFormat> {
    match TableFormat::of(table)? {
        TableFormat::Parquet => Ok(ReadFormat::Parquet),
        TableFormat::Text(options) => Ok(ReadFormat::Text(options)),
        TableFormat::Unsupported(name) => Err(Error::new(
            ErrorCode::HiveUnsupportedFormat,
            format!(
                "table \"{}.{}\" is stored as {name}, which Quern does not read yet",
                table.database, table.name
            ),
        )),
    }
}

fn with_layout(schema: &Schema, layout: StringLayout) -> Schema {
    match layout {
        StringLayout::Offsets => schema.clone(),
        StringLayout::Views => {
            let fields: Vec<_> = schema
                .fields()
                .iter()
                .map(|field| match field.data_type() {
                    DataType::Utf8 => retyped(field, DataType::Utf8View),
                    DataType::Binary => retyped(field, DataType::BinaryView),
                    _ => field.as_ref().clone(),
                })
                .collect();
            Schema::new(fields)
        }
    }
}

fn retyped(field: &Field, data_type: DataType) -> Field {
    field.clone().with_data_type(data_type)
}

impl TableProvider for HiveTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.table_schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let keys = self.keys();
        Ok(filters
            .iter()
            .map(|filter| match only_over_keys(filter, &keys) {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Inexact,
            })
            .collect())
    }

    /// Written as `async_trait` would expand it, but with the block in a function of its own:
    /// within the bounds below, rustc 1.95 takes seconds to prove that expressions are `Send`.
    fn scan<'table, 'state, 'columns, 'filters, 'scan>(
        &'table self,
        state: &'state dyn Session,
        projection: Option<&'columns Vec<usize>>,
        filters: &'filters [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'scan, Result<Arc<dyn ExecutionPlan>>>
    where
        Self: 'scan,
        'table: 'scan,
        'state: 'scan,
        'columns: 'scan,
        'filters: 'scan,
    {
        self.boxed_scan(state, projection, filters, limit)
    }
}
