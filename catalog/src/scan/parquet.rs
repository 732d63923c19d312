//! Parquet: DataFusion's reader (row-group and page pruning, late materialisation, footer
//! cache) behind a `FileSource` of ours that names the file in every error and that travels to
//! executors under its own tag.

use super::column_names::names_in_any_case;
use super::footers::KnownNulls;
use super::located::LocatedMorselizer;
use super::wire::scan_node;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{DataFusionError, Result};
use datafusion_datasource::PartitionedFile;
use datafusion_datasource::TableSchema;
use datafusion_datasource::file::FileSource;
use datafusion_datasource::file_scan_config::{FileScanConfig, FileScanConfigBuilder};
use datafusion_datasource::file_stream::FileOpener;
use datafusion_datasource::morsel::Morselizer;
use datafusion_datasource::source::DataSourceExec;
use datafusion_datasource_parquet::DefaultParquetFileReaderFactory;
use datafusion_datasource_parquet::source::ParquetSource;
use datafusion_physical_plan::filter_pushdown::FilterPushdownPropagation;
use datafusion_physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_physical_plan::proto::ExecutionPlanEncodeCtx;
use datafusion_physical_plan::{
    DisplayFormatType, ExecutionPlan, PhysicalExpr, SortOrderPushdownResult,
};
use datafusion_proto_models::protobuf::PhysicalPlanNode;
use object_store::ObjectStore;
use prost::Message;
use std::fmt;
use std::sync::Arc;

use datafusion_physical_expr::projection::ProjectionExprs;
use datafusion_physical_expr::{EquivalenceProperties, PhysicalSortExpr};

/// First byte of the extension node that carries a [`ParquetScan`].
pub const PARQUET_SCAN_TAG: u8 = b'P';

/// Reads Parquet files. Everything but errors and the wire form is the inner source's.
#[derive(Clone)]
pub struct ParquetScan {
    inner: Arc<dyn FileSource>,
    /// Partitions that are read, of how many; for EXPLAIN.
    pruning: Option<(usize, usize)>,
}

impl fmt::Debug for ParquetScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetScan").field("file_type", &self.inner.file_type()).finish()
    }
}

impl ParquetScan {
    /// Wraps DataFusion's Parquet source.
    pub fn new(inner: Arc<dyn FileSource>) -> Self {
        Self { inner, pruning: None }
    }

    /// Lets EXPLAIN say how many partitions, of how many, are read.
    #[must_use]
    pub fn with_pruning(mut self, pruning: Option<(usize, usize)>) -> Self {
        self.pruning = pruning;
        self
    }

    fn wrap(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self { inner, pruning: self.pruning })
    }

    /// The source with readers that see footers as [`super::footers`] has them.
    fn readable(&self, store: &Arc<dyn ObjectStore>) -> Result<ParquetSource> {
        let source = self.inner.downcast_ref::<ParquetSource>().ok_or_else(|| {
            DataFusionError::Internal("a Parquet scan over another source".to_owned())
        })?;
        let inner = match source.parquet_file_reader_factory() {
            Some(factory) => Arc::clone(factory),
            None => Arc::new(DefaultParquetFileReaderFactory::new(Arc::clone(store))) as _,
        };
        Ok(source.clone().with_parquet_file_reader_factory(Arc::new(KnownNulls { inner })))
    }

    /// Rebuilds the scan from the plan node that [`FileSource::try_to_proto`] put behind
    /// [`PARQUET_SCAN_TAG`], once the codec has decoded it into DataFusion's own scan.
    ///
    /// # Errors
    /// When `plan` is no file scan.
    pub fn rewrap(plan: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let config = plan
            .downcast_ref::<DataSourceExec>()
            .and_then(|exec| exec.data_source().downcast_ref::<FileScanConfig>())
            .ok_or_else(|| {
                DataFusionError::Internal(
                    "a Parquet scan did not decode into a file scan".to_owned(),
                )
            })?;
        let source = Arc::new(Self::new(Arc::clone(config.file_source())));
        let config = FileScanConfigBuilder::from(config.clone())
            .with_source(source)
            .with_expr_adapter(Some(names_in_any_case()))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

impl FileSource for ParquetScan {
    fn create_file_opener(
        &self,
        object_store: Arc<dyn ObjectStore>,
        base_config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let source = self.readable(&object_store)?;
        source.create_file_opener(object_store, base_config, partition)
    }

    fn create_morselizer(
        &self,
        object_store: Arc<dyn ObjectStore>,
        base_config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        let source = self.readable(&object_store)?;
        let inner = source.create_morselizer(object_store, base_config, partition)?;
        Ok(Box::new(LocatedMorselizer { inner }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.wrap(self.inner.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.inner.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_extra(t, f)?;
        match self.pruning {
            Some((read, total)) => write!(f, ", partitions={read}/{total}"),
            None => Ok(()),
        }
    }

    fn supports_repartitioning(&self) -> bool {
        self.inner.supports_repartitioning()
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let mut pushed = self.inner.try_pushdown_filters(filters, config)?;
        pushed.updated_node = pushed.updated_node.map(|inner| self.wrap(inner));
        Ok(pushed)
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        eq_properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(self.inner.try_pushdown_sort(order, eq_properties)?.map(|inner| self.wrap(inner)))
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.inner.reorder_files(files)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        Ok(self.inner.try_pushdown_projection(projection)?.map(|inner| self.wrap(inner)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }

    fn try_to_proto(
        &self,
        base: &FileScanConfig,
        ctx: &ExecutionPlanEncodeCtx<'_>,
    ) -> Result<Option<PhysicalPlanNode>> {
        let node = self.inner.try_to_proto(base, ctx)?.ok_or_else(|| {
            DataFusionError::Internal("the Parquet source has no wire form".to_owned())
        })?;
        let mut bytes = vec![PARQUET_SCAN_TAG];
        node.encode(&mut bytes).map_err(|err| DataFusionError::External(Box::new(err)))?;
        Ok(Some(scan_node(bytes)))
    }
}
