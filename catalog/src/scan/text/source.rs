//! What DataFusion sees of text files.

use super::opener::TextOpener;
use super::options::TextOptions;
use crate::scan::wire::scan_node;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{DataFusionError, Result};
use datafusion_datasource::TableSchema;
use datafusion_datasource::file::FileSource;
use datafusion_datasource::file_groups::FileGroupPartitioner;
use datafusion_datasource::file_scan_config::FileScanConfig;
use datafusion_datasource::file_stream::FileOpener;
use datafusion_datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion_datasource::source::DataSourceExec;
use datafusion_physical_expr::LexOrdering;
use datafusion_physical_expr::projection::ProjectionExprs;
use datafusion_physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder};
use datafusion_physical_plan::proto::{ExecutionPlanDecodeCtx, ExecutionPlanEncodeCtx};
use datafusion_physical_plan::{
    DisplayFormatType, ExecutionPlan, PhysicalExpr, apply_expression_roots,
};
use datafusion_proto_models::protobuf::{FileScanExecConf, PhysicalPlanNode};
use object_store::ObjectStore;
use prost::Message;
use std::fmt;
use std::sync::Arc;

/// First byte of the extension node that carries a [`TextSource`].
pub const TEXT_SCAN_TAG: u8 = b'T';

const DEFAULT_BATCH_SIZE: usize = 8_192;

/// The wire form behind [`TEXT_SCAN_TAG`].
#[derive(Clone, PartialEq, Message)]
struct TextScanMessage {
    /// [`TextOptions`] as JSON.
    #[prost(bytes = "vec", tag = "1")]
    options: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    base: Option<FileScanExecConf>,
}

/// Reads text files. Filters are not evaluated while reading; only the columns that are asked
/// for are made.
#[derive(Debug, Clone)]
pub struct TextSource {
    options: TextOptions,
    table_schema: TableSchema,
    projection: SplitProjection,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl TextSource {
    /// Makes a source of all columns.
    pub fn new(table_schema: impl Into<TableSchema>, options: TextOptions) -> Self {
        let table_schema = table_schema.into();
        Self {
            options,
            projection: SplitProjection::unprojected(&table_schema),
            table_schema,
            batch_size: DEFAULT_BATCH_SIZE,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Returns how lines are divided into fields.
    pub fn options(&self) -> &TextOptions {
        &self.options
    }

    /// Rebuilds the scan from the bytes that [`FileSource::try_to_proto`] put behind
    /// [`TEXT_SCAN_TAG`].
    ///
    /// # Errors
    /// When the bytes are no scan of text files.
    pub fn try_from_proto(
        bytes: &[u8],
        ctx: &ExecutionPlanDecodeCtx<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let message = TextScanMessage::decode(bytes).map_err(wire_error)?;
        let options: TextOptions = serde_json::from_slice(&message.options).map_err(wire_error)?;
        let base = message
            .base
            .ok_or_else(|| DataFusionError::Internal("a text scan without files".to_owned()))?;
        let table_schema = FileScanConfig::parse_table_schema_from_proto(&base)?;
        let source = Arc::new(Self::new(table_schema, options));
        let config = FileScanConfig::try_from_proto(&base, ctx, source)?;
        Ok(DataSourceExec::from_data_source(config))
    }
}

fn wire_error(err: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(err))
}

impl FileSource for TextSource {
    fn create_file_opener(
        &self,
        object_store: Arc<dyn ObjectStore>,
        base_config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let file_schema = self.table_schema.file_schema();
        let indices = self.projection.file_indices.clone();
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let opener = TextOpener {
            options: self.options.clone(),
            store: object_store,
            schema: Arc::new(file_schema.project(&indices)?),
            indices,
            batch_size: base_config.batch_size.unwrap_or(self.batch_size),
            bytes_scanned: MetricBuilder::new(&self.metrics).counter("bytes_scanned", partition),
            elapsed_compute: baseline.elapsed_compute().clone(),
        };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), file_schema)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self { batch_size, ..self.clone() })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        if self.options.quote.is_some() { "csv" } else { "text" }
    }

    fn fmt_extra(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match t {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let delimiter = char::from(self.options.field_delimiter);
                write!(f, ", field_delimiter={delimiter:?}")?;
                match self.options.skip_header_lines {
                    0 => Ok(()),
                    lines => write!(f, ", skip_header_lines={lines}"),
                }
            }
            DisplayFormatType::TreeRender => Ok(()),
        }
    }

    fn supports_repartitioning(&self) -> bool {
        self.options.quote.is_none() && self.options.skip_header_lines <= 1
    }

    fn repartitioned(
        &self,
        target_partitions: usize,
        repartition_file_min_size: usize,
        output_ordering: Option<LexOrdering>,
        config: &FileScanConfig,
    ) -> Result<Option<FileScanConfig>> {
        let mut files = config.file_groups.iter().flat_map(|group| group.iter());
        if !files.all(|file| self.options.can_split(file.path())) {
            return Ok(None);
        }
        let divided = FileGroupPartitioner::new()
            .with_target_partitions(target_partitions)
            .with_repartition_file_min_size(repartition_file_min_size)
            .with_preserve_order_within_groups(output_ordering.is_some())
            .repartition_file_groups(&config.file_groups);
        Ok(divided.map(|file_groups| {
            let mut config = config.clone();
            config.file_groups = file_groups;
            config
        }))
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table_schema.file_schema(), &merged);
        Ok(Some(Arc::new(Self { projection, ..self.clone() })))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter(), f)
    }

    fn try_to_proto(
        &self,
        base: &FileScanConfig,
        ctx: &ExecutionPlanEncodeCtx<'_>,
    ) -> Result<Option<PhysicalPlanNode>> {
        let message = TextScanMessage {
            options: serde_json::to_vec(&self.options).map_err(wire_error)?,
            base: Some(base.try_to_proto(ctx)?),
        };
        let mut node = vec![TEXT_SCAN_TAG];
        message.encode(&mut node).map_err(wire_error)?;
        Ok(Some(scan_node(node)))
    }
}
