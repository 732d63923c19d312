//! Reading one split.

use super::chunks::{Compression, chunks, decompress, external};
use super::options::TextOptions;
use super::records::Records;
use super::rows::Rows;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion_common::Result;
use datafusion_datasource::PartitionedFile;
use datafusion_datasource::file_stream::{FileOpenFuture, FileOpener};
use datafusion_physical_plan::metrics::{Count, Time};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use quern_common::Error;
use std::sync::Arc;

/// Opens splits of text files. A line belongs to the split in which its first byte lies.
pub(super) struct TextOpener {
    pub(super) options: TextOptions,
    pub(super) store: Arc<dyn ObjectStore>,
    /// The columns that are read, and their numbers in the file.
    pub(super) schema: SchemaRef,
    pub(super) indices: Vec<usize>,
    pub(super) batch_size: usize,
    pub(super) bytes_scanned: Count,
    pub(super) elapsed_compute: Time,
}

impl FileOpener for TextOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let (start, end) = file.range();
        let meta = file.object_meta;
        let location = meta.location.clone();
        let rows = Rows::new(
            self.options.clone(),
            Arc::clone(&self.schema),
            &self.indices,
            self.batch_size,
        )
        .map_err(external)?;
        let whole = !self.options.can_split(&location);
        let compression = Compression::of(&location).map_err(external)?;
        if start >= end || start >= meta.size || (whole && start > 0) {
            // The split at the start of a file that cannot be divided reads all of it.
            return Ok(Box::pin(async { Ok(futures::stream::empty().boxed()) }));
        }
        // One byte more, to see whether a line begins exactly at the start.
        let from = start.saturating_sub(1);
        let to = if whole || end >= meta.size { u64::MAX } else { end };
        let counted = self.bytes_scanned.clone();
        let mut source = chunks(Arc::clone(&self.store), meta, from, to)
            .inspect_ok(move |chunk: &Bytes| counted.add(chunk.len()))
            .boxed();
        if compression != Compression::None {
            source = decompress(compression, source, &location);
        }
        let reader = SplitReader {
            source,
            records: Records::new(&self.options, from),
            rows,
            location,
            end: to,
            partial: start > 0,
            header: if start == 0 { self.options.skip_header_lines } else { 0 },
            elapsed_compute: self.elapsed_compute.clone(),
        };
        let batches = futures::stream::try_unfold(reader, SplitReader::next_batch);
        Ok(Box::pin(async move { Ok(batches.boxed()) }))
    }
}

struct SplitReader {
    source: BoxStream<'static, Result<Bytes>>,
    records: Records,
    rows: Rows,
    location: Path,
    /// The first offset that belongs to the next split.
    end: u64,
    /// Whether the first line began in the split before.
    partial: bool,
    /// Lines of the header still to come.
    header: usize,
    elapsed_compute: Time,
}

impl SplitReader {
    async fn next_batch(mut self) -> Result<Option<(RecordBatch, Self)>> {
        loop {
            let timer = self.elapsed_compute.clone();
            let timer = timer.timer();
            let at_end = self.take_lines().map_err(|err| locate(&err, &self.location))?;
            if self.rows.is_full() || at_end {
                if self.rows.is_empty() {
                    return Ok(None);
                }
                let batch = self.rows.finish()?;
                drop(timer);
                return Ok(Some((batch, self)));
            }
            drop(timer);
            match self.source.next().await {
                Some(chunk) => self.records.push(&chunk?),
                None => self.records.finish(),
            }
        }
    }

    /// Takes the lines that are there, until a batch is full. True when there are no more.
    fn take_lines(&mut self) -> quern_common::Result<bool> {
        while !self.rows.is_full() {
            let Some(record) = self.records.next()? else { return Ok(self.records.is_finished()) };
            if self.partial {
                self.partial = false;
            } else if record.offset >= self.end {
                return Ok(true);
            } else if self.header > 0 {
                self.header -= 1;
            } else {
                self.rows.append(&record)?;
            }
        }
        Ok(false)
    }
}

fn locate(err: &Error, location: &Path) -> datafusion_common::DataFusionError {
    let message = format!("file \"/{location}\", {}", err.message());
    external(Error::new(err.code(), message))
}
