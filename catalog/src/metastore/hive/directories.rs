//! The directories of databases, tables and partitions.
//!
//! A location outside the allow-list, or of a kind that we do not reach, is the client's own
//! affair: nothing is done there and nothing is an error.

use super::answer::{Answer, meta};
use crate::metastore::rules;
use crate::model::{NUM_FILES, Parameters, TOTAL_SIZE};
use crate::storage::Storage;
use quern_common::{Error, ErrorCode};
use quern_proto::hive_metastore::ServiceError;
use std::sync::Arc;
use url::Url;

#[derive(Debug)]
pub(super) struct Directories {
    storage: Arc<Storage>,
}

impl Directories {
    pub(super) fn new(storage: Arc<Storage>) -> Self {
        Self { storage }
    }

    /// The directory of a location that is ours to touch.
    fn ours(&self, location: &str) -> Option<Url> {
        if location.is_empty() {
            return None;
        }
        match self.storage.check_dir(location) {
            Ok(url) => Some(url),
            Err(err) => {
                tracing::debug!(location, error = ?err, "a directory is left to the client");
                None
            }
        }
    }

    /// Makes a directory and says whether it is new.
    pub(super) async fn make(&self, location: &str) -> Answer<bool> {
        let Some(url) = self.ours(location) else { return Ok(false) };
        if self.storage.dir_exists(&url).await.map_err(|err| failed(&err))? {
            return Ok(false);
        }
        self.storage.create_dir(&url).await.map_err(|err| {
            tracing::warn!(location, error = ?err, "a directory cannot be made");
            meta(format!("{location} is not a directory or unable to create one"))
        })?;
        Ok(true)
    }

    /// Deletes a directory with everything in it. A failure leaves files that nobody reads; it is
    /// logged, because the object itself is gone.
    pub(super) async fn delete(&self, location: &str) {
        let Some(url) = self.ours(location) else { return };
        if let Err(err) = self.storage.delete_prefix(&url).await {
            tracing::warn!(location, error = ?err, "files of a dropped object remain");
        }
    }

    /// Deletes the file of a model that was dropped, as [`Self::delete`].
    pub(super) async fn delete_file(&self, location: &str) {
        let deleted = match self.storage.check(location) {
            Ok(url) => self.storage.delete(&url).await,
            Err(err) => Err(err),
        };
        if let Err(err) = deleted {
            tracing::warn!(location, error = ?err, "the artifact of a dropped model remains");
        }
    }

    /// Removes a directory and up to `levels` of those above it, as long as they are empty.
    pub(super) async fn remove_empty(&self, location: &str, levels: usize) {
        let mut location = location.trim_end_matches('/');
        for _ in 0..=levels {
            let Some(url) = self.ours(location) else { return };
            if !matches!(self.storage.remove_empty_dir(&url).await, Ok(true)) {
                return;
            }
            let Some((parent, _)) = location.rsplit_once('/') else { return };
            location = parent;
        }
    }

    pub(super) async fn exists(&self, location: &str) -> Answer<bool> {
        match self.ours(location) {
            Some(url) => self.storage.dir_exists(&url).await.map_err(|err| failed(&err)),
            None => Ok(false),
        }
    }

    /// Moves a directory that exists and says whether it did.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Answer<bool> {
        let (Some(source), Some(target)) = (self.ours(from), self.ours(to)) else {
            return Ok(false);
        };
        if !self.storage.dir_exists(&source).await.map_err(|err| failed(&err))? {
            return Ok(false);
        }
        self.storage.move_dir(&source, &target).await.map_err(|err| failed(&err))?;
        Ok(true)
    }

    /// Moves a directory back after the change failed that it was moved for.
    pub(super) async fn rename_back(&self, from: &str, to: &str) {
        if let Err(error) = self.rename(from, to).await {
            tracing::error!(from, to, ?error, "a directory cannot be moved back");
        }
    }

    /// Says in the parameters how many files and bytes are in a directory, if they do not say
    /// already. What cannot be listed stays unsaid.
    pub(super) async fn count_files(&self, location: &str, parameters: &mut Parameters) {
        if parameters.contains_key(NUM_FILES) && parameters.contains_key(TOTAL_SIZE) {
            return;
        }
        let Some(url) = self.ours(location) else { return };
        match self.storage.list_files(&url, true).await {
            Ok(files) => {
                let bytes: u64 = files.iter().map(|file| file.size).sum();
                parameters.insert(NUM_FILES.to_owned(), files.len().to_string());
                parameters.insert(TOTAL_SIZE.to_owned(), bytes.to_string());
            }
            Err(err) => tracing::debug!(location, error = ?err, "files are not counted"),
        }
    }
}

fn failed(err: &Error) -> ServiceError {
    if err.code() != ErrorCode::PermissionDenied {
        tracing::warn!(error = ?err, "storage failed for a metastore client");
    }
    meta(err.to_string())
}

/// Where an object is that was not given a location.
pub(super) fn below(base: &str, name: &str) -> String {
    match base.is_empty() {
        true => String::new(),
        false => rules::join(base, name),
    }
}
