//! A table of `system.metadata` as DataFusion sees it.

use super::listing::Listing;
use super::names::{NameColumns, filter_of, names_in};
use super::rows::{ColumnKind, Columns, RowLimits, schema_of};
use super::{definitions, knowledge};
use crate::error::to_datafusion;
use crate::tables::scan_of_rows;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use quern_catalog::model::NameFilter;
use std::sync::Arc;

use ColumnKind::{Number, Text, Time};

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    Columns,
    Glossary,
    Lineage,
    Models,
    Operations,
    Partitions,
    Schemas,
    Tables,
    Tags,
    Terms,
}

impl TableKind {
    /// Sorted by name.
    pub(super) const ALL: [Self; 10] = [
        Self::Columns,
        Self::Glossary,
        Self::Lineage,
        Self::Models,
        Self::Operations,
        Self::Partitions,
        Self::Schemas,
        Self::Tables,
        Self::Tags,
        Self::Terms,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Glossary => "glossary",
            Self::Lineage => "lineage",
            Self::Models => "models",
            Self::Operations => "operations",
            Self::Partitions => "partitions",
            Self::Schemas => "schemas",
            Self::Tables => "tables",
            Self::Tags => "tags",
            Self::Terms => "terms",
        }
    }

    pub(super) const fn columns(self) -> Columns {
        match self {
            Self::Columns => definitions::COLUMNS,
            Self::Glossary => GLOSSARY,
            Self::Lineage => LINEAGE,
            Self::Models => MODELS,
            Self::Operations => OPERATIONS,
            Self::Partitions => definitions::PARTITIONS,
            Self::Schemas => definitions::SCHEMAS,
            Self::Tables => definitions::TABLES,
            Self::Tags => TAGS,
            Self::Terms => TERMS,
        }
    }

    /// The columns whose conditions reach the metastore.
    const fn name_columns(self) -> NameColumns {
        match self {
            Self::Lineage => ["target_catalog", "target_schema", "target_name"],
            Self::Models => ["catalog_name", "schema_name", "model_name"],
            Self::Operations => ["catalog_name", "schema_name", "object_name"],
            _ => ["catalog_name", "schema_name", "table_name"],
        }
    }
}

/// The columns that name the sources of lineage.
const SOURCE_COLUMNS: NameColumns = ["source_catalog", "source_schema", "source_table"];

const GLOSSARY: Columns =
    &[("term", Text), ("definition", Text), ("owner", Text), ("created_at", Time)];

const LINEAGE: Columns = &[
    ("target_catalog", Text),
    ("target_schema", Text),
    ("target_kind", Text),
    ("target_name", Text),
    ("target_version", Number),
    ("source_catalog", Text),
    ("source_schema", Text),
    ("source_table", Text),
    ("query_id", Text),
    ("executed_by", Text),
    ("executed_at", Time),
];

const MODELS: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("model_name", Text),
    ("version", Number),
    ("algorithm", Text),
    ("owner", Text),
    ("created_at", Time),
    ("location", Text),
    ("statement", Text),
];

const OPERATIONS: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("object_kind", Text),
    ("object_name", Text),
    ("operation", Text),
    ("query_id", Text),
    ("executed_by", Text),
    ("executed_at", Time),
    ("source_location", Text),
    ("partitions", Number),
];

const TAGS: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("table_name", Text),
    ("column_name", Text),
    ("tag", Text),
    ("value", Text),
    ("set_by", Text),
    ("set_at", Time),
];

const TERMS: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("table_name", Text),
    ("column_name", Text),
    ("term", Text),
    ("definition", Text),
    ("set_by", Text),
    ("set_at", Time),
];

/// What a scan asks for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) names: NameFilter,
    /// Of lineage: the sources.
    pub(super) sources: NameFilter,
    /// Of partitions: their names.
    pub(super) partitions: Option<Vec<String>>,
    pub(super) limits: RowLimits,
    /// Names of the columns that are selected.
    selected: Vec<&'static str>,
}

impl Request {
    /// Whether one of these columns is selected.
    pub(super) fn selects(&self, columns: &[&str]) -> bool {
        self.selected.iter().any(|name| columns.contains(name))
    }
}

/// One table.
#[derive(Debug)]
pub(super) struct MetadataTable {
    kind: TableKind,
    schema: SchemaRef,
    listing: Arc<Listing>,
}

impl MetadataTable {
    pub(super) fn new(kind: TableKind, listing: Arc<Listing>) -> Self {
        Self { kind, schema: schema_of(kind.columns()), listing }
    }

    fn request(
        &self,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Request {
        let columns = self.kind.columns();
        let selected = match projection {
            None => columns.iter().map(|(name, _)| *name).collect(),
            Some(indices) => {
                indices.iter().filter_map(|i| columns.get(*i)).map(|(name, _)| *name).collect()
            }
        };
        let partitions = filters.iter().find_map(|condition| names_in(condition, "partition_name"));
        // What is filtered afterwards may need more rows than are wanted.
        let wanted = limit.filter(|_| filters.is_empty());
        Request {
            names: filter_of(filters, self.kind.name_columns()),
            sources: filter_of(filters, SOURCE_COLUMNS),
            partitions,
            limits: RowLimits { max: self.listing.rows_max, wanted },
            selected,
        }
    }

    async fn rows(&self, request: &Request) -> quern_common::Result<RecordBatch> {
        let listing = self.listing.as_ref();
        match self.kind {
            TableKind::Schemas => definitions::schemas(listing, request).await,
            TableKind::Tables => definitions::tables(listing, request).await,
            TableKind::Columns => definitions::columns(listing, request).await,
            TableKind::Partitions => definitions::partitions(listing, request).await,
            TableKind::Models => knowledge::models(listing, request).await,
            TableKind::Tags => knowledge::tags(listing, request).await,
            TableKind::Terms => knowledge::terms(listing, request).await,
            TableKind::Glossary => knowledge::glossary(listing, request).await,
            TableKind::Operations => knowledge::operations(listing, request).await,
            TableKind::Lineage => knowledge::lineage(listing, request).await,
        }
    }
}

#[async_trait]
impl TableProvider for MetadataTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let columns = self.kind.columns();
        let is_pushed =
            |filter: &Expr| columns.iter().any(|(column, _)| names_in(filter, column).is_some());
        let pushed = filters.iter().map(|filter| match is_pushed(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        });
        Ok(pushed.collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let request = self.request(projection, filters, limit);
        let rows = self.rows(&request).await.map_err(to_datafusion)?;
        scan_of_rows(rows, projection)
    }
}
