//! A store that checks every path of every operation.
//!
//! [`Storage::check`](super::Storage::check) judges what a statement names; this guards what a
//! plan names. An executor receives paths from its scheduler, and a path that was harmless
//! when it was planned may be a symbolic link by the time it is opened, so the check is made
//! again at the last moment.
//!
//! What remains are the microseconds between this check and the opening of the file: somebody
//! who may write into an allowed directory could put a link there just then, and would read
//! with the rights of this process. Run Quern as a user of its own that may read the data and
//! little else.

use super::location::{Location, Root, path_segments, resolve_error, resolve_path};
use super::policy::Policy;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result,
};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Listed files that are checked in one go.
const CHECK_CHUNK: usize = 1_024;

/// Judges paths relative to one root.
#[derive(Debug, Clone)]
struct Guard {
    root: Root,
    policy: Arc<Policy>,
}

impl Guard {
    async fn permit(&self, path: &Path) -> Result<()> {
        if self.policy.is_unrestricted() {
            return Ok(());
        }
        if !self.follows_links() {
            return self.permit_now(path);
        }
        let (guard, path) = (self.clone(), path.clone());
        tokio::task::spawn_blocking(move || guard.permit_now(&path)).await?
    }

    /// Whether a path may lead elsewhere than it says.
    fn follows_links(&self) -> bool {
        !self.policy.is_unrestricted() && self.root == Root::Local
    }

    /// Blocks on the file system for a local path.
    fn permit_now(&self, path: &Path) -> Result<()> {
        self.judge(path).map_err(|err| StoreError::PermissionDenied {
            path: path.to_string(),
            source: Box::new(err),
        })
    }

    fn judge(&self, path: &Path) -> quern_common::Result<()> {
        let segments = path.as_ref().split('/').filter(|s| !s.is_empty()).map(str::to_owned);
        let mut location =
            Location { root: self.root.clone(), segments: segments.collect(), directory: false };
        let spelled = location.to_string();
        if self.root == Root::Local {
            let resolved =
                resolve_path(&location.segments).map_err(|err| resolve_error(&err, &spelled))?;
            location.segments = path_segments(&resolved, &spelled)?;
        }
        self.policy.check(&location, &spelled)
    }

    /// Checks listed files. Only a symbolic link among a directory's entries can lead out of
    /// it, so each directory is resolved once and its files only when they are links.
    fn permit_listed(&self, items: Vec<Result<ObjectMeta>>) -> Vec<Result<ObjectMeta>> {
        let mut permitted: HashSet<Path> = HashSet::new();
        let mut check = |meta: &ObjectMeta| -> Result<()> {
            let parent = meta.location.parent().unwrap_or_default();
            if !permitted.contains(&parent) {
                self.permit_now(&parent)?;
                permitted.insert(parent);
            }
            if is_link(&meta.location) { self.permit_now(&meta.location) } else { Ok(()) }
        };
        items.into_iter().map(|item| item.and_then(|meta| check(&meta).map(|()| meta))).collect()
    }
}

fn is_link(path: &Path) -> bool {
    let path = std::path::Path::new("/").join(path.as_ref());
    path.symlink_metadata().is_ok_and(|found| found.is_symlink())
}

/// A store of one bucket, or of the local file system, that refuses paths outside the policy.
#[derive(Debug)]
pub(super) struct GuardedStore {
    inner: Arc<dyn ObjectStore>,
    guard: Guard,
}

impl GuardedStore {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, root: Root, policy: Arc<Policy>) -> Self {
        Self { inner, guard: Guard { root, policy } }
    }

    fn guard_listing(
        &self,
        prefix: Option<&Path>,
        items: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let guard = self.guard.clone();
        let prefix = prefix.cloned().unwrap_or_default();
        let listing = async move {
            guard.permit(&prefix).await?;
            if !guard.follows_links() {
                return Ok::<_, StoreError>(items);
            }
            let checked = items.ready_chunks(CHECK_CHUNK).then(move |chunk| {
                let guard = guard.clone();
                async move {
                    let checked =
                        tokio::task::spawn_blocking(move || guard.permit_listed(chunk)).await;
                    checked.unwrap_or_else(|err| vec![Err(err.into())])
                }
            });
            Ok(checked.flat_map(futures::stream::iter).boxed())
        };
        futures::stream::once(listing).try_flatten().boxed()
    }
}

impl fmt::Display for GuardedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for GuardedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.guard.permit(location).await?;
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.guard.permit(location).await?;
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.guard.permit(location).await?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.guard.permit(location).await?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let guard = self.guard.clone();
        let permitted = locations.and_then(move |path| {
            let guard = guard.clone();
            async move { guard.permit(&path).await.map(|()| path) }
        });
        self.inner.delete_stream(permitted.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.guard_listing(prefix, self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.guard_listing(prefix, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.guard.permit(prefix.unwrap_or(&Path::ROOT)).await?;
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        if !self.guard.follows_links() {
            return Ok(listed);
        }
        let guard = self.guard.clone();
        tokio::task::spawn_blocking(move || {
            for directory in listed.common_prefixes.iter().filter(|path| is_link(path)) {
                guard.permit_now(directory)?;
            }
            let items = listed.objects.into_iter().map(Ok).collect();
            listed.objects = guard.permit_listed(items).into_iter().collect::<Result<_>>()?;
            Ok(listed)
        })
        .await?
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.guard.permit(from).await?;
        self.guard.permit(to).await?;
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.guard.permit(from).await?;
        self.guard.permit(to).await?;
        self.inner.rename_opts(from, to, options).await
    }
}
