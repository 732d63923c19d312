//! The cache of file listings.

use super::Storage;
use futures::future::BoxFuture;
use moka::future::Cache;
use object_store::ObjectMeta;
use quern_common::config::CatalogConfig;
use quern_common::{Error, Result};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;
use url::Url;

/// Counters of invalidations; directories share them by hash.
const GENERATIONS: usize = 1_024;

/// A directory and the generation in which its listing was begun. After an invalidation the
/// generation is another one, so a listing that was under way then is never found again.
type Key = (String, u64);

/// Remembers the files of S3 directories.
///
/// A listing is used for `catalog.file_list_ttl`, the cache holds at most
/// `catalog.file_list_cache_size`, at most `catalog.listing_concurrency` listings run at once,
/// and callers that want the same directory share one. Local directories are listed anew every
/// time: that costs no more than finding out whether anything changed, and a file that was
/// just written or appended to is seen at once.
#[derive(Debug)]
pub struct FileListCache {
    storage: Arc<Storage>,
    listings: Cache<Key, Arc<Vec<ObjectMeta>>>,
    generations: Vec<AtomicU64>,
    hasher: RandomState,
    permits: Semaphore,
}

impl FileListCache {
    /// Makes an empty cache.
    pub fn new(storage: Arc<Storage>, config: &CatalogConfig) -> Self {
        let listings = Cache::builder()
            .weigher(|key: &Key, files: &Arc<Vec<ObjectMeta>>| weight(key, files))
            .max_capacity(config.file_list_cache_size.0)
            .time_to_live(config.file_list_ttl.0)
            .build();
        Self {
            storage,
            listings,
            generations: (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            permits: Semaphore::new(config.listing_concurrency.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    /// Returns the data files that lie directly in `dir`, as [`Storage::list_files`].
    ///
    /// # Errors
    /// Those of [`Storage::list_files`].
    // Boxed here, or the code of the cache is compiled again in every crate that waits for it.
    pub fn files<'a>(&'a self, dir: &'a Url) -> BoxFuture<'a, Result<Arc<Vec<ObjectMeta>>>> {
        Box::pin(async move {
            if dir.scheme() == "file" {
                return self.list(dir).await;
            }
            let key = self.key(dir);
            let listing = self.listings.try_get_with(key, self.list(dir)).await;
            listing.map_err(|err: Arc<Error>| err.as_ref().clone())
        })
    }

    /// Forgets the listing of `dir`, the one that is being made too.
    pub fn invalidate(&self, dir: &Url) {
        if let Some(generation) = self.generation(dir.as_str().trim_end_matches('/')) {
            generation.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn list(&self, dir: &Url) -> Result<Arc<Vec<ObjectMeta>>> {
        let closed = |_| Error::internal("the listing semaphore is closed");
        let _permit = self.permits.acquire().await.map_err(closed)?;
        self.storage.list_files(dir, false).await.map(Arc::new)
    }

    fn key(&self, dir: &Url) -> Key {
        let name = dir.as_str().trim_end_matches('/');
        let generation = self.generation(name).map_or(0, |g| g.load(Ordering::SeqCst));
        (name.to_owned(), generation)
    }

    fn generation(&self, name: &str) -> Option<&AtomicU64> {
        let hash = usize::try_from(self.hasher.hash_one(name) % GENERATIONS as u64).unwrap_or(0);
        self.generations.get(hash)
    }
}

fn weight(key: &Key, files: &[ObjectMeta]) -> u32 {
    let texts: usize = files
        .iter()
        .map(|file| {
            file.location.as_ref().len()
                + file.e_tag.as_ref().map_or(0, String::len)
                + file.version.as_ref().map_or(0, String::len)
        })
        .sum();
    let bytes = key.0.len() + texts + size_of_val(files) + size_of::<Key>();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
