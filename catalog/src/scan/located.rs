//! Errors that say which file, and which part of it, could not be read.

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion_common::{DataFusionError, Result};
use datafusion_datasource::PartitionedFile;
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::Error as StoreError;
use quern_common::{Error, ErrorCode};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// The file and byte range that a reader was working on.
#[derive(Debug, Clone)]
struct FileRegion {
    path: Arc<str>,
    start: u64,
    end: u64,
}

impl FileRegion {
    fn of(file: &PartitionedFile) -> Self {
        let (start, end) = file.range();
        Self { path: file.path().as_ref().into(), start, end }
    }
}

impl fmt::Display for FileRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"/{}\", bytes {} to {}", self.path, self.start, self.end)
    }
}

/// Gives an error of a file reader its code and the file's name, bytes `start` to `end`.
///
/// An error that already carries one of Quern's codes, and errors that are not the file's
/// fault (memory, cancellation), pass unchanged.
pub fn locate_error(err: DataFusionError, path: &str, start: u64, end: u64) -> DataFusionError {
    locate(err, &FileRegion { path: path.into(), start, end })
}

/// Awaits a reader whose errors are those of [`locate_error`].
///
/// A reader that panics has met a corrupt file: the lengths in a footer are not checked before
/// they are subtracted (a footer that is longer than its file).
///
/// # Errors
/// Those of the reader, located.
pub async fn located<T>(
    reading: impl Future<Output = Result<T>>,
    path: &str,
    start: u64,
    end: u64,
) -> Result<T> {
    read(reading, &FileRegion { path: path.into(), start, end }).await
}

async fn read<T>(reading: impl Future<Output = Result<T>>, region: &FileRegion) -> Result<T> {
    match AssertUnwindSafe(reading).catch_unwind().await {
        Ok(read) => read.map_err(|err| locate(err, region)),
        Err(_) => {
            let text = format!("file {region}: the reader broke down");
            Err(DataFusionError::External(Box::new(Error::new(ErrorCode::HiveBadData, text))))
        }
    }
}

fn locate(err: DataFusionError, region: &FileRegion) -> DataFusionError {
    if carries_ours(&err) {
        return err;
    }
    let Some(code) = code_of(err.find_root()) else { return err };
    let text = err.to_string();
    DataFusionError::External(Box::new(
        Error::new(code, format!("file {region}: {text}")).with_source(err),
    ))
}

/// The code of an error that is the file's fault. Expressions run inside the scan too, and their
/// errors (a division by zero, a cast) are the statement's.
fn code_of(root: &DataFusionError) -> Option<ErrorCode> {
    match root {
        DataFusionError::ObjectStore(source) => Some(code_of_store_error(source)),
        DataFusionError::ParquetError(source) => Some(code_of_parquet_error(source)),
        DataFusionError::IoError(_) => Some(ErrorCode::HiveBadData),
        DataFusionError::ArrowError(source, _) => match source.as_ref() {
            ArrowError::SchemaError(_) => Some(ErrorCode::HivePartitionSchemaMismatch),
            ArrowError::ParquetError(_)
            | ArrowError::IoError(_, _)
            | ArrowError::IpcError(_)
            | ArrowError::ExternalError(_) => Some(ErrorCode::HiveBadData),
            _ => None,
        },
        DataFusionError::Plan(_) | DataFusionError::SchemaError(_, _) => {
            Some(ErrorCode::HivePartitionSchemaMismatch)
        }
        _ => None,
    }
}

fn code_of_store_error(err: &StoreError) -> ErrorCode {
    match err {
        StoreError::NotFound { .. } => ErrorCode::HiveFileNotFound,
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            ErrorCode::PermissionDenied
        }
        _ => ErrorCode::HiveFilesystemError,
    }
}

/// Whether one of Quern's errors is in the chain. `find_root` would walk past it to its cause.
fn carries_ours(err: &DataFusionError) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(err);
    while let Some(current) = next {
        if current.downcast_ref::<Error>().is_some() {
            return true;
        }
        next = current.source();
    }
    false
}

/// The Parquet reader wraps errors of the store; those are not corruption.
fn code_of_parquet_error(err: &parquet::errors::ParquetError) -> ErrorCode {
    use std::error::Error as _;
    match err.source().and_then(|source| source.downcast_ref::<StoreError>()) {
        Some(store_error) => code_of_store_error(store_error),
        None => code_of_text(&err.to_string()),
    }
}

/// What DataFusion's reader says when a footer cannot be read, it says as text.
fn code_of_text(text: &str) -> ErrorCode {
    match text.split_once("Object Store error: ") {
        None => ErrorCode::HiveBadData,
        Some((_, cause)) if cause.contains(" not found: ") => ErrorCode::HiveFileNotFound,
        Some((_, cause)) if cause.contains("lacked the necessary privileges") => {
            ErrorCode::PermissionDenied
        }
        Some(_) => ErrorCode::HiveFilesystemError,
    }
}

/// Adds the file to the errors of another [`Morselizer`].
#[derive(Debug)]
pub(crate) struct LocatedMorselizer {
    pub(crate) inner: Box<dyn Morselizer>,
}

impl Morselizer for LocatedMorselizer {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let region = FileRegion::of(&file);
        let inner = self.inner.plan_file(file).map_err(|err| locate(err, &region))?;
        Ok(Box::new(LocatedPlanner { inner, region }))
    }
}

#[derive(Debug)]
struct LocatedPlanner {
    inner: Box<dyn MorselPlanner>,
    region: FileRegion,
}

impl MorselPlanner for LocatedPlanner {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let Self { inner, region } = *self;
        let Some(mut plan) = inner.plan().map_err(|err| locate(err, &region))? else {
            return Ok(None);
        };
        let morsels = plan
            .take_morsels()
            .into_iter()
            .map(|inner| -> Box<dyn Morsel> {
                Box::new(LocatedMorsel { inner, region: region.clone() })
            })
            .collect();
        let planners = plan
            .take_ready_planners()
            .into_iter()
            .map(|inner| -> Box<dyn MorselPlanner> {
                Box::new(Self { inner, region: region.clone() })
            })
            .collect();
        let mut located = MorselPlan::new().with_morsels(morsels).with_planners(planners);
        if let Some(pending) = plan.take_pending_planner() {
            located.set_pending_planner(async move {
                let inner = read(pending, &region).await?;
                Ok(Box::new(Self { inner, region }) as Box<dyn MorselPlanner>)
            });
        }
        Ok(Some(located))
    }
}

#[derive(Debug)]
struct LocatedMorsel {
    inner: Box<dyn Morsel>,
    region: FileRegion,
}

impl Morsel for LocatedMorsel {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        let Self { inner, region } = *self;
        inner.into_stream().map(move |item| item.map_err(|err| locate(err, &region))).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::errors::ParquetError;

    fn code(cause: &str) -> ErrorCode {
        let text = format!("Failed to fetch metadata for file t/a.parquet: {cause}");
        code_of_parquet_error(&ParquetError::General(text))
    }

    #[tokio::test]
    async fn a_reader_that_panics_has_met_a_corrupt_file() {
        let reading = async { panic!("attempt to subtract with overflow") };
        let err = located::<()>(reading, "t/a.parquet", 0, 9).await.unwrap_err().to_string();
        assert!(err.contains("file \"/t/a.parquet\", bytes 0 to 9"), "{err}");
    }

    #[test]
    fn a_footer_that_cannot_be_fetched_is_no_corrupt_file() {
        let not_found = "Object Store error: Object at location /t/a.parquet not found: os error 2";
        assert_eq!(code(not_found), ErrorCode::HiveFileNotFound);
        let busy = "Object Store error: Generic S3 error: status code: 503 Service Unavailable";
        assert_eq!(code(busy), ErrorCode::HiveFilesystemError);
        assert_eq!(code("Parquet error: Invalid Parquet file"), ErrorCode::HiveBadData);
    }
}
