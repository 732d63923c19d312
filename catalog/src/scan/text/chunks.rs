//! The bytes of a split, in pieces of bounded size.

use crate::scan::locate_error;
use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, ZstdDecoder};
use bytes::Bytes;
use datafusion_common::{DataFusionError, Result};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use quern_common::{Error, ErrorCode};
use std::ops::Range;
use std::sync::Arc;
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

/// One request. A new request a chunk, rather than one long response, because a slow query
/// must not run into the time limit of a response.
const CHUNK: u64 = 4 << 20;
/// One request for the line that continues past the end of a split.
const TAIL: u64 = 64 << 10;
/// Requests under way at once: the next chunk is fetched while one is read.
const AHEAD: usize = 2;
/// One piece of decompressed data.
const DECOMPRESSED: usize = 256 << 10;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Bzip2,
    Zstd,
}

impl Compression {
    /// Judges by the extension of the name, as Hadoop does.
    pub(super) fn of(location: &Path) -> quern_common::Result<Self> {
        let extension = location.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "gz" | "gzip" => Ok(Self::Gzip),
            "bz2" => Ok(Self::Bzip2),
            "zst" | "zstd" => Ok(Self::Zstd),
            "deflate" | "snappy" | "lz4" | "lzo" | "lzo_deflate" | "br" | "xz" | "z" | "zip" => {
                Err(Error::new(
                    ErrorCode::HiveUnsupportedFormat,
                    format!("file \"/{location}\": text compressed as \"{extension}\""),
                ))
            }
            _ => Ok(Self::None),
        }
    }
}

/// Bytes from `start` on, in chunks of which none crosses `end`; then the rest of the file in
/// smaller ones, for a reader that stops when it has its last line.
pub(super) fn chunks(
    store: Arc<dyn ObjectStore>,
    meta: ObjectMeta,
    start: u64,
    end: u64,
) -> BoxStream<'static, Result<Bytes>> {
    let (size, meta) = (meta.size, Arc::new(meta));
    futures::stream::iter(ranges(start, end.min(size), size))
        .map(move |range| fetch(Arc::clone(&store), Arc::clone(&meta), range))
        .buffered(AHEAD)
        .boxed()
}

fn ranges(start: u64, end: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
    let mut position = start;
    std::iter::from_fn(move || {
        let next = if position < end {
            end.min(position.saturating_add(CHUNK))
        } else {
            size.min(position.saturating_add(TAIL))
        };
        let range = position..next;
        position = next;
        (!range.is_empty()).then_some(range)
    })
}

async fn fetch(
    store: Arc<dyn ObjectStore>,
    meta: Arc<ObjectMeta>,
    range: Range<u64>,
) -> Result<Bytes> {
    // With the tag, a file that is replaced while it is read is an error, not a mixture.
    let options = GetOptions {
        range: Some(GetRange::Bounded(range.clone())),
        if_match: meta.e_tag.clone(),
        ..GetOptions::default()
    };
    let fetched = match store.get_opts(&meta.location, options).await {
        Ok(found) => found.bytes().await,
        Err(err) => Err(err),
    };
    let bytes = fetched.map_err(|err| {
        locate_error(DataFusionError::from(err), meta.location.as_ref(), range.start, range.end)
    })?;
    if bytes.len() as u64 == range.end - range.start {
        Ok(bytes)
    } else {
        let message = format!(
            "file \"/{}\" is shorter than its {} bytes when it was listed",
            meta.location, meta.size
        );
        Err(external(Error::new(ErrorCode::HiveFilesystemError, message)))
    }
}

/// The decompressed bytes of a whole file.
pub(super) fn decompress(
    compression: Compression,
    chunks: BoxStream<'static, Result<Bytes>>,
    location: &Path,
) -> BoxStream<'static, Result<Bytes>> {
    let reader = StreamReader::new(chunks.map_err(std::io::Error::other));
    // Several compressed streams in one file, one after the other, are one file.
    let decoder: Box<dyn AsyncRead + Send + Unpin> = match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Compression::Bzip2 => {
            let mut decoder = BzDecoder::new(reader);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Compression::Zstd => {
            let mut decoder = ZstdDecoder::new(reader);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
    };
    let location = location.clone();
    ReaderStream::with_capacity(decoder, DECOMPRESSED)
        .map_err(move |err| decompress_error(err, &location))
        .boxed()
}

fn decompress_error(err: std::io::Error, location: &Path) -> DataFusionError {
    let text = err.to_string();
    match err.into_inner().map(|inner| inner.downcast::<DataFusionError>()) {
        Some(Ok(fetching)) => *fetching,
        _ => external(Error::new(
            ErrorCode::HiveBadData,
            format!("file \"/{location}\" cannot be decompressed: {text}"),
        )),
    }
}

pub(super) fn external(err: Error) -> DataFusionError {
    DataFusionError::External(Box::new(err))
}
