//! What Parquet footers say, and no more than that.
//!
//! Writers may leave out how many values of a column are NULL. Arrow takes that for none, so that
//! `IS NULL` would skip a row group and `count(column)` count its NULLs: statistics without that
//! number are taken for missing.

use bytes::Bytes;
use datafusion_common::Result;
use datafusion_datasource::PartitionedFile;
use datafusion_datasource_parquet::ParquetFileReaderFactory;
use datafusion_physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use std::ops::Range;
use std::sync::Arc;

/// A footer without the statistics of column chunks that may have NULLs and do not say how many.
///
/// # Errors
/// When the footer's parts do not fit together.
pub fn with_known_nulls(
    footer: Arc<ParquetMetaData>,
) -> parquet::errors::Result<Arc<ParquetMetaData>> {
    let mut chunks = footer.row_groups().iter().flat_map(RowGroupMetaData::columns);
    if !chunks.any(has_unknown_nulls) {
        return Ok(footer);
    }
    let row_groups = footer.row_groups().iter().map(row_group).collect::<Result<_, _>>()?;
    let builder = ParquetMetaData::clone(&footer).into_builder();
    Ok(Arc::new(builder.set_row_groups(row_groups).build()))
}

fn has_unknown_nulls(chunk: &ColumnChunkMetaData) -> bool {
    let said = chunk.statistics().is_none_or(|known| known.null_count_opt().is_some());
    !said && chunk.column_descr().max_def_level() > 0
}

fn row_group(group: &RowGroupMetaData) -> parquet::errors::Result<RowGroupMetaData> {
    let chunk = |chunk: &ColumnChunkMetaData| match has_unknown_nulls(chunk) {
        true => chunk.clone().into_builder().clear_statistics().build(),
        false => Ok(chunk.clone()),
    };
    let chunks = group.columns().iter().map(chunk).collect::<Result<_, _>>()?;
    group.clone().into_builder().set_column_metadata(chunks).build()
}

/// Readers that see footers so.
#[derive(Debug)]
pub(super) struct KnownNulls {
    pub(super) inner: Arc<dyn ParquetFileReaderFactory>,
}

impl ParquetFileReaderFactory for KnownNulls {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let inner = self.inner.create_reader(partition_index, file, metadata_size_hint, metrics)?;
        Ok(Box::new(Reader { inner }))
    }
}

struct Reader {
    inner: Box<dyn AsyncFileReader + Send>,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.inner.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        self.inner.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let footer = self.inner.get_metadata(options);
        async move { with_known_nulls(footer.await?) }.boxed()
    }
}
