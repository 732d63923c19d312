//! What DDL does to files.

use async_trait::async_trait;
use quern_catalog::storage::Storage;
use quern_common::{ErrorCode, Result};
use std::fmt::Debug;

/// The few operations on directories that DDL needs.
///
/// It exists so that DDL can be tested without a file system. Locations are text as the
/// metastore has it (`s3://lake/t/k=a%3Ab`), not percent-encoded URLs.
#[async_trait]
pub trait LocationAccess: Debug + Send + Sync {
    /// Checks that a directory may hold tables and returns its location in canonical form,
    /// without a slash at the end.
    fn check(&self, location: &str) -> Result<String>;
    /// Returns the names of the directories directly in a directory, as they are stored.
    /// Hidden ones (`_x`, `.x`) are left out; a missing directory has none.
    async fn list_dirs(&self, location: &str) -> Result<Vec<String>>;
    /// Tells whether a directory is missing or has neither files nor directories that are data.
    async fn is_empty(&self, location: &str) -> Result<bool>;
    /// Creates a directory where the storage has directories.
    async fn create_dir(&self, location: &str) -> Result<()>;
    /// Deletes a directory with everything in it; a missing one is fine.
    async fn delete_dir(&self, location: &str) -> Result<()>;
    /// Deletes a file; a missing one is fine.
    async fn delete_file(&self, location: &str) -> Result<()>;
}

#[async_trait]
impl LocationAccess for Storage {
    fn check(&self, location: &str) -> Result<String> {
        let url = self.check_dir(location)?;
        let written = Self::location_of(&url)?;
        Ok(written.trim_end_matches('/').to_owned())
    }

    async fn list_dirs(&self, location: &str) -> Result<Vec<String>> {
        Self::list_dirs(self, &self.check_dir(location)?).await
    }

    async fn is_empty(&self, location: &str) -> Result<bool> {
        let dir = self.check_dir(location)?;
        if !Self::list_dirs(self, &dir).await?.is_empty() {
            return Ok(false);
        }
        Ok(self.list_files(&dir, false).await?.is_empty())
    }

    async fn create_dir(&self, location: &str) -> Result<()> {
        Self::create_dir(self, &self.check_dir(location)?).await
    }

    async fn delete_dir(&self, location: &str) -> Result<()> {
        self.delete_prefix(&self.check_dir(location)?).await
    }

    async fn delete_file(&self, location: &str) -> Result<()> {
        match self.delete(&Self::check(self, location)?).await {
            Err(err) if err.code() == ErrorCode::HiveFileNotFound => Ok(()),
            deleted => deleted,
        }
    }
}
