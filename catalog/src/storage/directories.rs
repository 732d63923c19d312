//! What a metastore does to directories. An S3 bucket has none: there a directory is what the
//! names of objects begin with.

use super::{Storage, io_error, storage_error};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use quern_common::{Error, Result};
use std::io::ErrorKind;
use url::Url;

/// Objects that are copied at one time.
const COPIES: usize = 8;

impl Storage {
    /// Tells whether a directory exists; in S3, whether there is an object in it.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn dir_exists(&self, dir: &Url) -> Result<bool> {
        if dir.scheme() == "file" {
            let path = self.local_path(dir)?;
            return match tokio::fs::metadata(&path).await {
                Ok(found) => Ok(found.is_dir()),
                Err(err) if err.kind() == ErrorKind::NotFound => Ok(false),
                Err(err) => Err(io_error(&err, dir)),
            };
        }
        let (store, prefix) = self.open(dir)?;
        let first = store.list(Some(&prefix)).next().await.transpose();
        Ok(first.map_err(|err| storage_error(err, dir))?.is_some())
    }

    /// Moves a directory with everything in it to a place where there is nothing. In S3 every
    /// object is copied, then the old ones are deleted: whoever looks meanwhile sees both.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, `NOT_SUPPORTED` from one bucket or file system to another, or
    /// `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn move_dir(&self, from: &Url, to: &Url) -> Result<()> {
        if (from.scheme(), from.host_str()) != (to.scheme(), to.host_str()) {
            return Err(Error::not_supported(format_args!("moving \"{from}\" to \"{to}\"")));
        }
        if from.scheme() == "file" {
            let (from_path, to_path) = (self.local_path(from)?, self.local_path(to)?);
            if let Some(parent) = to_path.parent() {
                tokio::fs::create_dir_all(parent).await.map_err(|err| io_error(&err, to))?;
            }
            return tokio::fs::rename(from_path, to_path).await.map_err(|err| io_error(&err, from));
        }
        let (store, from_prefix) = self.open(from)?;
        let (_, to_prefix) = self.open(to)?;
        let copied = store.list(Some(&from_prefix)).map_ok(|meta| {
            let target = moved(&meta.location, &from_prefix, &to_prefix);
            let store = &store;
            async move { store.copy(&meta.location, &target).await }
        });
        let copied = copied.try_buffer_unordered(COPIES);
        let copied: object_store::Result<()> = copied.try_collect().await;
        copied.map_err(|err| storage_error(err, to))?;
        self.delete_prefix(from).await
    }

    /// Removes a directory if nothing is in it, and says whether it is gone. In S3 it is when
    /// its last object is.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn remove_empty_dir(&self, dir: &Url) -> Result<bool> {
        if dir.scheme() != "file" {
            return Ok(!self.dir_exists(dir).await?);
        }
        match tokio::fs::remove_dir(self.local_path(dir)?).await {
            Ok(()) => Ok(true),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(true),
            Err(err) if err.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(err) => Err(io_error(&err, dir)),
        }
    }
}

fn moved(object: &Path, from: &Path, to: &Path) -> Path {
    let rest = object.prefix_match(from).into_iter().flatten();
    to.parts().chain(rest).collect()
}
