//! Access to data files, on disk and in S3: one place per process that knows which locations
//! are allowed, how S3 is reached, and what a failure of either is called.
//!
//! A *location* is text as a statement or a metastore has it (`/data/t`, `file:/data/t`,
//! `s3a://lake/t/k=a%3Ab`); like Hadoop's paths it is not percent-encoded. [`Storage::check`]
//! turns it into the [`Url`] that the rest of Quern passes around, which is percent-encoded;
//! [`Storage::location_of`] turns that back into a location.
//!
//! The policy is enforced twice: by `check`, with a message for the author of a statement, and
//! by every store that [`Storage::store_for`] returns, for each path of each operation.

mod directories;
mod error;
mod guard;
mod listing;
mod location;
mod policy;
mod profile;
mod registry;
mod s3;

pub(crate) use error::storage_error;
pub use listing::FileListCache;
pub use policy::LocationPolicy;
pub use profile::ProfileFiles;

use bytes::Bytes;
use datafusion_execution::object_store::ObjectStoreRegistry;
use futures::{StreamExt, TryStreamExt};
use guard::GuardedStore;
use location::{Location, Root, denied};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use parking_lot::Mutex;
use policy::Policy;
use quern_common::config::StorageConfig;
use quern_common::{Error, ErrorCode, Result};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// Clients that one process keeps at most, one a bucket.
const MAX_BUCKETS: usize = 1_000;

/// Process-wide access to files.
#[derive(Debug)]
pub struct Storage {
    config: StorageConfig,
    policy: Arc<Policy>,
    profiles: Option<ProfileFiles>,
    local: Arc<dyn ObjectStore>,
    buckets: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Storage {
    /// Opens storage under a policy. AWS profiles are those of the process's user.
    ///
    /// # Errors
    /// When a prefix of the policy is not a location.
    pub fn new(config: &StorageConfig, policy: LocationPolicy) -> Result<Arc<Self>> {
        Self::with_profiles(config, policy, ProfileFiles::of_user())
    }

    /// Opens storage as [`Storage::new`], with the files of AWS profiles named.
    ///
    /// # Errors
    /// When a prefix of the policy is not a location.
    pub fn with_profiles(
        config: &StorageConfig,
        policy: LocationPolicy,
        profiles: Option<ProfileFiles>,
    ) -> Result<Arc<Self>> {
        let policy = Arc::new(Policy::new(policy)?);
        let local =
            GuardedStore::new(Arc::new(LocalFileSystem::new()), Root::Local, Arc::clone(&policy));
        Ok(Arc::new(Self {
            config: config.clone(),
            policy,
            profiles,
            local: Arc::new(local),
            buckets: Mutex::default(),
        }))
    }

    /// Serves a bucket from a store of the caller's, under the policy of this storage. For
    /// tests and benchmarks, with a store in memory.
    pub fn serve_bucket(&self, bucket: &str, store: Arc<dyn ObjectStore>) {
        let guarded = self.guarded(store, bucket);
        self.buckets.lock().insert(bucket.to_owned(), guarded);
    }

    /// Reads a location and returns its URL: `s3a` and `s3n` become `s3`, `.`, `..`, double
    /// slashes and symbolic links are resolved. It ends with `/` when it was written so or is
    /// a local directory. Blocks on the local file system.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` outside the policy, `NOT_SUPPORTED` for another scheme,
    /// `INVALID_TABLE_PROPERTY` for what is no location.
    pub fn check(&self, location: &str) -> Result<Url> {
        let parsed = Location::parse(location)?;
        self.policy.check(&parsed, location)?;
        parsed.to_url()
    }

    /// Reads the location of a directory as [`Storage::check`]; the URL ends with `/`.
    ///
    /// # Errors
    /// Those of [`Storage::check`].
    pub fn check_dir(&self, location: &str) -> Result<Url> {
        let mut parsed = Location::parse(location)?;
        parsed.directory = true;
        self.policy.check(&parsed, location)?;
        parsed.to_url()
    }

    /// Writes a URL of [`Storage::check`] as the location that a metastore stores.
    ///
    /// # Errors
    /// When the URL is none of [`Storage::check`].
    pub fn location_of(url: &Url) -> Result<String> {
        let written = Location::from_url(url)?;
        Ok(written.to_string())
    }

    /// Returns the path of a URL within the store that [`Storage::store_for`] returns for it.
    ///
    /// # Errors
    /// `INVALID_TABLE_PROPERTY` when the URL's path is not one.
    pub fn path_of(url: &Url) -> Result<Path> {
        Path::from_url_path(url.path()).map_err(|err| {
            Error::new(ErrorCode::InvalidTableProperty, format!("location \"{url}\": {err}"))
        })
    }

    /// Returns the store of a URL's bucket, or of the local file system. Each bucket has one
    /// client, made at its first use.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` when the policy allows nothing in the bucket, `NOT_SUPPORTED` for
    /// another scheme, `CONFIGURATION_INVALID` when the client cannot be made.
    pub fn store_for(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match url.scheme() {
            "file" => Ok(Arc::clone(&self.local)),
            "s3" => self.bucket(url.host_str().unwrap_or_default()),
            other => Err(Error::not_supported(format_args!("location scheme \"{other}\""))),
        }
    }

    /// Returns the registry through which DataFusion finds stores.
    pub fn registry(self: &Arc<Self>) -> Arc<dyn ObjectStoreRegistry> {
        Arc::new(registry::StorageRegistry { storage: Arc::clone(self) })
    }

    fn bucket(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
        if !self.policy.reaches_bucket(bucket) {
            let location = Location {
                root: Root::Bucket(bucket.to_owned()),
                segments: vec![],
                directory: true,
            };
            self.policy.check(&location, &location.to_string())?;
        }
        let mut buckets = self.buckets.lock();
        if let Some(store) = buckets.get(bucket) {
            return Ok(Arc::clone(store));
        }
        if buckets.len() >= MAX_BUCKETS {
            return Err(Error::new(
                ErrorCode::GenericInsufficientResources,
                format!(
                    "bucket \"{bucket}\" is one more than the {MAX_BUCKETS} that a process opens"
                ),
            ));
        }
        let client = s3::build(&self.config.s3, bucket, self.profiles.as_ref())?;
        let store = self.guarded(Arc::new(client), bucket);
        buckets.insert(bucket.to_owned(), Arc::clone(&store));
        Ok(store)
    }

    fn guarded(&self, store: Arc<dyn ObjectStore>, bucket: &str) -> Arc<dyn ObjectStore> {
        let root = Root::Bucket(bucket.to_owned());
        Arc::new(GuardedStore::new(store, root, Arc::clone(&self.policy)))
    }

    /// Returns the data files in a directory, by path in byte order; with `recursive`, those
    /// of its subdirectories too.
    ///
    /// Hive's rules: files and directories whose names begin with `_` or `.` are no data
    /// (`_SUCCESS`, `.part-0.crc`, `_temporary/`), nor are files of zero bytes (markers of
    /// directories). A directory that does not exist has no files, as in S3.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn list_files(&self, dir: &Url, recursive: bool) -> Result<Vec<ObjectMeta>> {
        let (store, prefix) = self.open(dir)?;
        let listed = if recursive {
            let is_data = |meta: &ObjectMeta| is_data_file(meta, &prefix);
            store
                .list(Some(&prefix))
                .try_filter(|meta| std::future::ready(is_data(meta)))
                .try_collect()
                .await
        } else {
            store.list_with_delimiter(Some(&prefix)).await.map(|listed| {
                listed.objects.into_iter().filter(|meta| is_data_file(meta, &prefix)).collect()
            })
        };
        let mut files: Vec<ObjectMeta> = listed.map_err(|err| storage_error(err, dir))?;
        files.sort_by(|a, b| a.location.as_ref().cmp(b.location.as_ref()));
        Ok(files)
    }

    /// Returns the names of the directories directly in a directory, in byte order, without
    /// those that begin with `_` or `.`.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn list_dirs(&self, dir: &Url) -> Result<Vec<String>> {
        let (store, prefix) = self.open(dir)?;
        let listed = store.list_with_delimiter(Some(&prefix)).await;
        let listed = listed.map_err(|err| storage_error(err, dir))?;
        let names = listed.common_prefixes.iter().filter_map(Path::filename);
        let mut names: Vec<String> =
            names.filter(|name| !is_hidden(name)).map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    /// Deletes a directory with everything in it; one that does not exist is no error.
    /// Symbolic links in it are deleted, what they lead to is not.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` (the root of a bucket or of the file system too), or
    /// `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn delete_prefix(&self, dir: &Url) -> Result<()> {
        let (store, prefix) = self.open(dir)?;
        if prefix.is_root() {
            return Err(denied(format!("\"{dir}\" is a root, which is never deleted")));
        }
        if dir.scheme() == "file" {
            let path = self.local_path(dir)?;
            return match tokio::fs::remove_dir_all(&path).await {
                Err(err) if err.kind() != std::io::ErrorKind::NotFound => Err(io_error(&err, dir)),
                _ => Ok(()),
            };
        }
        let listed = store.list(Some(&prefix)).map_ok(|meta| meta.location).boxed();
        let deleted =
            store.delete_stream(listed).try_for_each(|_| std::future::ready(Ok(()))).await;
        deleted.map_err(|err| storage_error(err, dir))
    }

    /// Creates a directory and those above it. S3 has no directories: nothing happens there.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn create_dir(&self, dir: &Url) -> Result<()> {
        if dir.scheme() != "file" {
            return self.open(dir).map(|_| ());
        }
        let path = self.local_path(dir)?;
        tokio::fs::create_dir_all(&path).await.map_err(|err| io_error(&err, dir))
    }

    /// Fails when a directory of the file system is missing. S3 has no directories: there,
    /// none is.
    ///
    /// # Errors
    /// `HIVE_FILE_NOT_FOUND`, `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn check_dir_exists(&self, dir: &Url) -> Result<()> {
        if dir.scheme() != "file" {
            return self.open(dir).map(|_| ());
        }
        let path = self.local_path(dir)?;
        match tokio::fs::metadata(&path).await {
            Ok(_) => Ok(()),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Err(Error::new(
                ErrorCode::HiveFileNotFound,
                format!("directory \"{dir}\" does not exist"),
            )),
            Err(err) => Err(io_error(&err, dir)),
        }
    }

    /// Writes a whole file; readers see all of it or nothing.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn put(&self, url: &Url, bytes: Bytes) -> Result<()> {
        let (store, path) = self.open(url)?;
        let written = store.put(&path, PutPayload::from_bytes(bytes)).await;
        written.map(|_| ()).map_err(|err| storage_error(err, url))
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// `HIVE_FILE_NOT_FOUND`, `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn get(&self, url: &Url) -> Result<Bytes> {
        let (store, path) = self.open(url)?;
        let found = store.get(&path).await.map_err(|err| storage_error(err, url))?;
        found.bytes().await.map_err(|err| storage_error(err, url))
    }

    /// Deletes a file. Whether one that does not exist is an error is up to the store: it is
    /// `HIVE_FILE_NOT_FOUND` on disk and none in S3.
    ///
    /// # Errors
    /// `HIVE_FILE_NOT_FOUND`, `PERMISSION_DENIED`, or `HIVE_FILESYSTEM_ERROR` with the URL.
    pub async fn delete(&self, url: &Url) -> Result<()> {
        let (store, path) = self.open(url)?;
        store.delete(&path).await.map_err(|err| storage_error(err, url))
    }

    fn open(&self, url: &Url) -> Result<(Arc<dyn ObjectStore>, Path)> {
        Ok((self.store_for(url)?, Self::path_of(url)?))
    }

    /// The checked path of a local URL, for what `object_store` cannot do.
    fn local_path(&self, url: &Url) -> Result<PathBuf> {
        let location = Location::from_url(url)?;
        self.policy.check(&location, url.as_str())?;
        Ok(std::iter::once("/").chain(location.segments.iter().map(String::as_str)).collect())
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

fn is_data_file(meta: &ObjectMeta, dir: &Path) -> bool {
    let visible = meta
        .location
        .prefix_match(dir)
        .is_some_and(|mut parts| !parts.any(|part| is_hidden(part.as_ref())));
    visible && meta.size > 0
}

fn io_error(err: &std::io::Error, url: &Url) -> Error {
    let code = match err.kind() {
        std::io::ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
        _ => ErrorCode::HiveFilesystemError,
    };
    Error::new(code, format!("storage failed for \"{url}\": {err}"))
}
