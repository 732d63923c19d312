//! Files: their format by their first bytes, and whether they are too small.

use super::{Check, Contents, Finding, Part, Problem};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use quern_catalog::model::StorageFormat;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;

/// Fewer files are not too many, however small.
const SMALL_FILES_MIN: usize = 10;
/// Files whose mean is below cost more to open than to read (a Parquet row group is 128 MiB in
/// Hive and Spark).
const SMALL_FILE_BYTES: u64 = 16 << 20;
/// Bytes that tell a format.
const MAGIC_BYTES: u64 = 4;

/// How files of a format begin, and end.
struct Magic {
    format: StorageFormat,
    head: &'static [u8],
    tail: Option<&'static [u8]>,
}

const MAGICS: [Magic; 5] = [
    Magic { format: StorageFormat::Parquet, head: b"PAR1", tail: Some(b"PAR1") },
    Magic { format: StorageFormat::Orc, head: b"ORC", tail: Some(b"ORC") },
    Magic { format: StorageFormat::Avro, head: b"Obj\x01", tail: None },
    Magic { format: StorageFormat::SequenceFile, head: b"SEQ\x06", tail: None },
    Magic { format: StorageFormat::RcFile, head: b"RCF\x01", tail: None },
];

/// What a file's first bytes are of.
fn magic_of(head: &[u8]) -> Option<&'static Magic> {
    MAGICS.iter().find(|magic| head.starts_with(magic.head))
}

impl Check {
    /// Files of another format than the table's, and a partition that is said to be of another.
    pub(super) async fn formats(&self, part: &Part, contents: &Contents) -> Result<Vec<Finding>> {
        let Some(expected) = self.format else { return Ok(vec![]) };
        let finding = |detail, fix| Finding {
            partition: part.name.clone(),
            problem: Problem::FormatMismatch,
            detail,
            fix,
        };
        let store = self.storage.store_for(&contents.dir)?;
        let store = &store;
        let wanted = contents.files.iter().map(|file| other_format(store, file, expected));
        let wanted: Vec<_> = wanted.collect();
        let others: Vec<Option<(String, String)>> =
            stream::iter(wanted).buffered(self.concurrency).try_collect().await?;
        let others: Vec<_> = others.into_iter().flatten().collect();
        if let Some((name, format)) = others.first() {
            let detail = format!(
                "{} of {} files are no {}, such as \"{name}\", which is {format}",
                others.len(),
                contents.files.len(),
                expected.name(),
            );
            return Ok(vec![finding(detail, None)]);
        }
        let declared = StorageFormat::of_descriptor(&part.sd);
        if declared == Some(expected) {
            return Ok(vec![]);
        }
        let detail = format!(
            "the partition is declared as {}, the table is {}",
            declared
                .map_or_else(|| part.sd.input_format.clone(), |format| format.name().to_owned()),
            expected.name()
        );
        let fix = self.fixes().register_again(&part.values, &part.sd.location).await?;
        Ok(vec![finding(detail, fix)])
    }

    pub(super) fn small_files(&self, part: &Part, contents: &Contents) -> Option<Finding> {
        let totals = contents.totals();
        let mean = totals.bytes / totals.files.max(1);
        if contents.files.len() < SMALL_FILES_MIN || mean >= SMALL_FILE_BYTES {
            return None;
        }
        let values = part.name.is_some().then_some(part.values.as_slice());
        Some(Finding {
            partition: part.name.clone(),
            problem: Problem::SmallFiles,
            detail: format!("{} files of {mean} bytes on average", totals.files),
            fix: Some(self.fixes().rewrite(values)),
        })
    }
}

/// The name of a file that is not of the expected format, and the format that it is of.
async fn other_format(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    expected: StorageFormat,
) -> Result<Option<(String, String)>> {
    let head = range(store, file, 0..file.size.min(MAGIC_BYTES)).await?;
    let name = || file.location.filename().unwrap_or_default().to_owned();
    let found = magic_of(&head);
    if expected.is_text() {
        let Some(magic) = found else { return Ok(None) };
        // A line of text may begin so; it does not end so as well.
        let is_binary = match magic.tail {
            None => true,
            Some(tail) => ends_with(store, file, magic.format, tail).await?,
        };
        return Ok(is_binary.then(|| (name(), magic.format.name().to_owned())));
    }
    Ok(match found.map(|magic| magic.format) {
        Some(format) if format == expected => None,
        Some(format) => Some((name(), format.name().to_owned())),
        None => Some((name(), "of no known format".to_owned())),
    })
}

async fn ends_with(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    format: StorageFormat,
    tail: &[u8],
) -> Result<bool> {
    // ORC has the length of what is before behind it.
    let behind = u64::from(format == StorageFormat::Orc);
    let length = tail.len() as u64 + behind;
    let Some(start) = file.size.checked_sub(length) else { return Ok(false) };
    let end = range(store, file, start..file.size).await?;
    Ok(end.starts_with(tail))
}

async fn range(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    range: std::ops::Range<u64>,
) -> Result<bytes::Bytes> {
    store.get_range(&file.location, range).await.map_err(|err| {
        Error::new(ErrorCode::HiveFilesystemError, format!("file \"{}\": {err}", file.location))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        for (head, expected) in [
            (&b"PAR1"[..], Some(StorageFormat::Parquet)),
            (b"ORC\n", Some(StorageFormat::Orc)),
            (b"Obj\x01", Some(StorageFormat::Avro)),
            (b"SEQ\x06", Some(StorageFormat::SequenceFile)),
            (b"SEQU", None),
            (b"1,a\n", None),
            (b"P", None),
            (b"", None),
        ] {
            assert_eq!(magic_of(head).map(|magic| magic.format), expected, "{head:?}");
        }
    }
}
