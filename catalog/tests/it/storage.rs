//! Which locations are allowed, what a store does with paths that are not, and listings.

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use quern_catalog::storage::{FileListCache, LocationPolicy, Storage};
use quern_common::config::{ByteSize, CatalogConfig, HumanDuration, StorageConfig};
use quern_common::{Error, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use url::Url;

/// A temporary directory with an allowed `data` beside a forbidden `database` and `secret`.
struct Fixture {
    dir: TempDir,
    root: String,
    storage: Arc<Storage>,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().to_str().unwrap().to_owned();
    for folder in ["data/t", "database", "secret"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("secret/key"), "hush").unwrap();
    std::fs::write(dir.path().join("data/t/part-0"), "rows").unwrap();
    let prefixes = vec![format!("{root}/data/"), "s3://lake/allowed".to_owned()];
    let storage =
        Storage::new(&StorageConfig::default(), LocationPolicy::Prefixes(prefixes)).unwrap();
    Fixture { dir, root, storage }
}

fn link(fixture: &Fixture, name: &str, target: &str) {
    let target = fixture.dir.path().join(target);
    std::os::unix::fs::symlink(target, fixture.dir.path().join("data").join(name)).unwrap();
}

fn store_path(path: &str) -> Path {
    Path::parse(path).unwrap()
}

#[test]
fn allowed_spellings_come_out_in_one_form() {
    let f = fixture();
    let root = &f.root;
    for (given, expected) in [
        (format!("{root}/data"), format!("file://{root}/data/")),
        (format!("{root}/data/t/"), format!("file://{root}/data/t/")),
        (format!("file:{root}/data//t/."), format!("file://{root}/data/t/")),
        (format!("file://localhost{root}/data/t/part-0"), format!("file://{root}/data/t/part-0")),
        (format!("FILE://{root}/data/x/../t"), format!("file://{root}/data/t/")),
        (format!("{root}/data/new/a b/ü"), format!("file://{root}/data/new/a%20b/%C3%BC")),
        ("s3a://lake/allowed/t/".into(), "s3://lake/allowed/t/".into()),
        ("s3n://lake//allowed/x/../t".into(), "s3://lake/allowed/t".into()),
        ("s3://lake/allowed/k=a%3Ab/".into(), "s3://lake/allowed/k=a%253Ab/".into()),
        ("s3://lake/allowed/a?b#c".into(), "s3://lake/allowed/a%3Fb%23c".into()),
    ] {
        assert_eq!(f.storage.check(&given).unwrap().as_str(), expected, "{given}");
    }
}

#[test]
fn a_url_reads_back_as_the_location_that_hive_writes() {
    let f = fixture();
    let url = f.storage.check_dir("s3a://lake/allowed/k=a%3Ab").unwrap();
    assert_eq!(Storage::location_of(&url).unwrap(), "s3://lake/allowed/k=a%3Ab/");
    assert_eq!(Storage::path_of(&url).unwrap().as_ref(), "allowed/k=a%3Ab");
    let url = f.storage.check(&format!("{}/data/a b", f.root)).unwrap();
    assert_eq!(Storage::location_of(&url).unwrap(), format!("file://{}/data/a b", f.root));
}

#[test]
fn hostile_spellings_are_refused() {
    let f = fixture();
    link(&f, "out", "secret");
    link(&f, "dangling", "secret/later");
    link(&f, "file", "secret/key");
    let root = &f.root;
    let denied = [
        "/etc/passwd".to_owned(),
        "file:///etc/passwd".into(),
        "file:/etc/passwd".into(),
        "/".into(),
        root.clone(),
        format!("{root}/database"),
        format!("{root}/dat"),
        format!("{root}/data/../secret/key"),
        format!("{root}/data/./../secret"),
        format!("file://{root}/data/t/../../secret"),
        format!("{root}/data/nowhere/../../secret"),
        format!("{root}/data/%2e%2e/secret"),
        format!("{root}/data/%2E./secret"),
        format!("{root}/data/..%2fsecret"),
        format!("{root}/data/%2e%2e%2fsecret"),
        format!("{root}/data/..%5csecret"),
        format!("{root}/data/out"),
        format!("{root}/data/out/key"),
        format!("{root}/data/out/new"),
        format!("{root}/data/out/../secret/key"),
        format!("{root}/data/file"),
        format!("{root}/data/dangling"),
        format!("{root}/data/dangling/x"),
        format!("{root}/DATA/t"),
        format!("{root}/data\u{2215}t"),
        "s3://lake".into(),
        "s3://lake/".into(),
        "s3://lake/allowedx".into(),
        "s3://lake/allowed/../other".into(),
        "s3://lake/allowed/%2e%2e/other".into(),
        "s3://lake/../other".into(),
        "s3://other/allowed".into(),
        "s3a://other-bucket/x".into(),
        "s3://LAKE/allowed".into(),
    ];
    for location in denied {
        let err = f.storage.check(&location).expect_err(&location);
        assert_eq!(err.code(), ErrorCode::PermissionDenied, "{location}: {err}");
        assert!(err.message().contains(&location), "{location}: {err}");
    }
    let malformed = [
        String::new(),
        "data/t".into(),
        format!("{root}/data/\0/../secret"),
        format!("{root}/data/a\nb"),
        format!("{root}/data\\..\\secret"),
        format!("{root}/data/{}", "x".repeat(5_000)),
        "file://host/data".into(),
        "file:data".into(),
        "s3:lake/allowed".into(),
        "s3:///allowed".into(),
        "s3://la ke/allowed".into(),
        "s3://lake:80/allowed".into(),
        "s3://user:pass@lake/allowed".into(),
    ];
    for location in malformed {
        let err = f.storage.check(&location).expect_err(&location);
        assert_eq!(err.code(), ErrorCode::InvalidTableProperty, "{location}: {err}");
        assert!(!err.to_string().contains("pass@"), "{err}");
    }
    for location in ["hdfs://nn/x", "http://host/x", "gs://b/x", "abfss://c@a/x", "data:x"] {
        let err = f.storage.check(location).expect_err(location);
        assert_eq!(err.code(), ErrorCode::NotSupported, "{location}: {err}");
        let scheme = location.split(':').next().unwrap();
        assert!(err.message().contains(&format!("\"{scheme}\"")), "{err}");
    }
}

#[test]
fn a_refusal_says_how_to_allow_the_location() {
    let f = fixture();
    let err = f.storage.check("s3://other/x/").unwrap_err();
    assert_eq!(err.message(), "location \"s3://other/x/\" is outside the allowed locations");
    assert!(err.hint().unwrap().contains("--allow-location \"s3://other/x/\""), "{err}");
}

#[test]
fn policies_differ_in_reach() {
    let config = StorageConfig::default();
    let open = Storage::new(&config, LocationPolicy::Unrestricted).unwrap();
    open.check("/etc/passwd").unwrap();
    open.check("s3://any/x").unwrap();
    let buckets = LocationPolicy::Prefixes(vec!["s3://".to_owned()]);
    let buckets = Storage::new(&config, buckets).unwrap();
    buckets.check("s3a://any/x").unwrap();
    assert!(buckets.check("/etc/passwd").is_err());
    let none = Storage::new(&config, LocationPolicy::Prefixes(vec![])).unwrap();
    assert!(none.check("/tmp").is_err());
    assert!(none.store_for(&Url::parse("s3://any/").unwrap()).is_err());
    assert!(Storage::new(&config, LocationPolicy::Prefixes(vec!["here".into()])).is_err());
}

#[tokio::test]
async fn the_local_store_checks_every_path_of_every_operation() {
    let f = fixture();
    link(&f, "out", "secret");
    let store = f.storage.store_for(&Url::parse("file:///").unwrap()).unwrap();
    let base = f.root.trim_start_matches('/');
    let good = store_path(&format!("{base}/data/t/part-0"));
    assert_eq!(store.get(&good).await.unwrap().bytes().await.unwrap(), "rows");
    for bad in ["secret/key", "data/out/key", "database/new"] {
        let bad = store_path(&format!("{base}/{bad}"));
        let put = store.put(&bad, PutPayload::from_static(b"x")).await.map(|_| ());
        let results = [
            store.get(&bad).await.map(|_| ()),
            store.head(&bad).await.map(|_| ()),
            store.get_ranges(&bad, &[0..1, 1..2]).await.map(|_| ()),
            put,
            store.put_multipart(&bad).await.map(|_| ()),
            store.delete(&bad).await,
            store.copy(&good, &bad).await,
            store.copy(&bad, &good).await,
            store.rename(&good, &bad).await,
            store.rename_if_not_exists(&bad, &good).await,
            store.list(Some(&bad)).try_collect::<Vec<_>>().await.map(|_| ()),
            store.list_with_offset(Some(&bad), &good).try_collect::<Vec<_>>().await.map(|_| ()),
            store.list_with_delimiter(Some(&bad)).await.map(|_| ()),
        ];
        for (nth, result) in results.into_iter().enumerate() {
            let err = result.expect_err("outside the policy");
            assert!(
                matches!(err, object_store::Error::PermissionDenied { .. }),
                "{bad}, operation {nth}: {err}"
            );
        }
    }
    assert!(store.list(None).try_next().await.is_err());
    assert_eq!(std::fs::read_to_string(f.dir.path().join("secret/key")).unwrap(), "hush");
    assert_eq!(std::fs::read_to_string(f.dir.path().join("data/t/part-0")).unwrap(), "rows");
}

#[tokio::test]
async fn a_listing_that_would_leave_through_a_link_is_an_error() {
    let f = fixture();
    let dir = f.storage.check_dir(&format!("{}/data", f.root)).unwrap();
    assert_eq!(f.storage.list_files(&dir, true).await.unwrap().len(), 1);
    link(&f, "inner", "data/t");
    assert_eq!(f.storage.list_files(&dir, true).await.unwrap().len(), 2);
    link(&f, "file", "secret/key");
    for recursive in [true, false] {
        let err = f.storage.list_files(&dir, recursive).await.unwrap_err();
        assert_eq!(err.code(), ErrorCode::PermissionDenied, "{err}");
        assert!(err.message().contains("/data/file\" (it leads to"), "{err}");
    }
    std::fs::remove_file(f.dir.path().join("data/file")).unwrap();
    link(&f, "out", "secret");
    assert!(f.storage.list_files(&dir, true).await.is_err());
    assert!(f.storage.list_dirs(&dir).await.is_err());
}

#[tokio::test]
async fn a_bucket_is_guarded_by_prefix() {
    let f = fixture();
    let inner = Arc::new(InMemory::new());
    f.storage.serve_bucket("lake", Arc::clone(&inner) as Arc<dyn ObjectStore>);
    for key in ["allowed/a", "allowedx/b", "other/c"] {
        inner.put(&store_path(key), PutPayload::from_static(b"x")).await.unwrap();
    }
    let store = f.storage.store_for(&Url::parse("s3://lake/").unwrap()).unwrap();
    store.get(&store_path("allowed/a")).await.unwrap();
    for key in ["allowedx/b", "other/c"] {
        assert!(store.get(&store_path(key)).await.is_err(), "{key}");
        assert!(store.delete(&store_path(key)).await.is_err(), "{key}");
    }
    assert!(store.list(None).try_next().await.is_err());
    let err = f.storage.store_for(&Url::parse("s3://other/").unwrap()).unwrap_err();
    assert_eq!(err.code(), ErrorCode::PermissionDenied);
}

#[tokio::test]
async fn the_registry_answers_from_the_storage_and_takes_no_stores() {
    let f = fixture();
    let registry = f.storage.registry();
    registry.get_store(&Url::parse("file:///").unwrap()).unwrap();
    let bucket = Url::parse("s3://other/").unwrap();
    assert!(registry.register_store(&bucket, Arc::new(InMemory::new())).is_none());
    let err = registry.get_store(&bucket).unwrap_err();
    let text = format!("{err:?}");
    assert_eq!(Error::from_tagged(&text).unwrap().code(), ErrorCode::PermissionDenied, "{text}");
}

async fn put_all(storage: &Storage, base: &Url, names: &[&str]) {
    for name in names {
        let bytes = if name.contains("empty") { "" } else { "x" };
        storage.put(&base.join(name).unwrap(), Bytes::from_static(bytes.as_bytes())).await.unwrap();
    }
}

#[tokio::test]
async fn listings_skip_what_hive_skips_on_disk_and_in_a_bucket() {
    let f = fixture();
    f.storage.serve_bucket("lake", Arc::new(InMemory::new()));
    let names =
        ["b", "a", "_SUCCESS", ".b.crc", "empty", "k=1/c", "k=2/d", "k=2/_tmp/e", "_tmp/f", ".g/h"];
    for location in [format!("{}/data/list", f.root), "s3://lake/allowed/list".to_owned()] {
        let dir = f.storage.check_dir(&location).unwrap();
        assert!(f.storage.list_files(&dir, true).await.unwrap().is_empty());
        assert!(f.storage.list_dirs(&dir).await.unwrap().is_empty());
        put_all(&f.storage, &dir, &names).await;
        let base = Storage::path_of(&dir).unwrap();
        let listed = async |recursive| -> Vec<String> {
            let files = f.storage.list_files(&dir, recursive).await.unwrap();
            let relative =
                |m: &ObjectMeta| m.location.as_ref()[base.as_ref().len() + 1..].to_owned();
            files.iter().map(relative).collect()
        };
        assert_eq!(listed(false).await, ["a", "b"], "{location}");
        assert_eq!(listed(true).await, ["a", "b", "k=1/c", "k=2/d"], "{location}");
        assert_eq!(f.storage.list_dirs(&dir).await.unwrap(), ["k=1", "k=2"], "{location}");
    }
}

#[tokio::test]
async fn files_are_written_read_and_deleted_and_errors_name_them() {
    let f = fixture();
    f.storage.serve_bucket("lake", Arc::new(InMemory::new()));
    for location in [format!("{}/data/w", f.root), "s3://lake/allowed/w".to_owned()] {
        let dir = f.storage.check_dir(&location).unwrap();
        f.storage.create_dir(&dir).await.unwrap();
        let file = dir.join("x/y").unwrap();
        f.storage.put(&file, Bytes::from_static(b"hello")).await.unwrap();
        assert_eq!(f.storage.get(&file).await.unwrap(), "hello");
        f.storage.delete(&file).await.unwrap();
        let err = f.storage.get(&file).await.unwrap_err();
        assert_eq!(err.code(), ErrorCode::HiveFileNotFound);
        assert!(err.message().contains(file.as_str()), "{err}");
        put_all(&f.storage, &dir, &["a", "_b", "c/d"]).await;
        f.storage.delete_prefix(&dir).await.unwrap();
        assert!(f.storage.list_files(&dir, true).await.unwrap().is_empty());
        assert!(f.storage.get(&dir.join("_b").unwrap()).await.is_err());
        f.storage.delete_prefix(&dir).await.unwrap();
    }
    assert!(!f.dir.path().join("data/w").exists());
}

#[tokio::test]
async fn deleting_a_directory_leaves_what_its_links_lead_to_and_never_takes_a_root() {
    let f = fixture();
    link(&f, "t/out", "secret");
    let dir = f.storage.check_dir(&format!("{}/data/t", f.root)).unwrap();
    f.storage.delete_prefix(&dir).await.unwrap();
    assert!(f.dir.path().join("secret/key").exists());
    let outside = Url::from_directory_path(f.dir.path().join("secret")).unwrap();
    let err = f.storage.delete_prefix(&outside).await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::PermissionDenied);
    let open = Storage::new(&StorageConfig::default(), LocationPolicy::Unrestricted).unwrap();
    open.serve_bucket("lake", Arc::new(InMemory::new()));
    assert!(open.delete_prefix(&Url::parse("s3://lake/").unwrap()).await.is_err());
}

/// Counts listings and makes each take a moment.
#[derive(Debug)]
struct SlowStore {
    inner: InMemory,
    listings: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
}

impl std::fmt::Display for SlowStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("slow")
    }
}

#[async_trait::async_trait]
impl ObjectStore for SlowStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        locations: futures::stream::BoxStream<'static, object_store::Result<Path>>,
    ) -> futures::stream::BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(
        &self,
        prefix: Option<&Path>,
    ) -> futures::stream::BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.listings.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        let listed = self.inner.list_with_delimiter(prefix).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        listed
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

async fn cached(config: CatalogConfig) -> (Arc<SlowStore>, Arc<Storage>, Arc<FileListCache>, Url) {
    let store = Arc::new(SlowStore {
        inner: InMemory::new(),
        listings: AtomicUsize::new(0),
        running: AtomicUsize::new(0),
        most_running: AtomicUsize::new(0),
    });
    let storage = Storage::new(&StorageConfig::default(), LocationPolicy::Unrestricted).unwrap();
    storage.serve_bucket("lake", Arc::clone(&store) as Arc<dyn ObjectStore>);
    let dir = storage.check_dir("s3://lake/t").unwrap();
    storage.put(&dir.join("a").unwrap(), Bytes::from_static(b"x")).await.unwrap();
    let cache = Arc::new(FileListCache::new(Arc::clone(&storage), &config));
    (store, storage, cache, dir)
}

#[tokio::test]
async fn a_listing_is_shared_kept_and_forgotten() {
    let ttl = HumanDuration(Duration::from_millis(400));
    let config = CatalogConfig { file_list_ttl: ttl, ..CatalogConfig::default() };
    let (store, storage, cache, dir) = cached(config).await;
    let at_once = futures::future::join_all((0..20).map(|_| cache.files(&dir))).await;
    assert!(at_once.iter().all(|files| files.as_ref().unwrap().len() == 1));
    assert_eq!(store.listings.load(Ordering::SeqCst), 1);
    storage.put(&dir.join("b").unwrap(), Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(cache.files(&dir).await.unwrap().len(), 1);
    cache.invalidate(&Url::parse("s3://lake/t").unwrap());
    assert_eq!(cache.files(&dir).await.unwrap().len(), 2);
    storage.put(&dir.join("c").unwrap(), Bytes::from_static(b"x")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(cache.files(&dir).await.unwrap().len(), 3);
    assert_eq!(store.listings.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_listing_begun_before_an_invalidation_is_not_kept() {
    let (_store, storage, cache, dir) = cached(CatalogConfig::default()).await;
    let before = tokio::spawn({
        let (cache, dir) = (Arc::clone(&cache), dir.clone());
        async move { cache.files(&dir).await.unwrap().len() }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    storage.put(&dir.join("b").unwrap(), Bytes::from_static(b"x")).await.unwrap();
    cache.invalidate(&dir);
    assert_eq!(before.await.unwrap(), 1);
    assert_eq!(cache.files(&dir).await.unwrap().len(), 2);
}

#[tokio::test]
async fn listings_at_once_and_memory_are_bounded() {
    let config = CatalogConfig {
        listing_concurrency: 30,
        file_list_cache_size: ByteSize(1),
        ..CatalogConfig::default()
    };
    let (store, _storage, cache, dir) = cached(config).await;
    let dirs: Vec<Url> = (0..90).map(|n| dir.join(&format!("{n}/")).unwrap()).collect();
    for _ in 0..2 {
        futures::future::try_join_all(dirs.iter().map(|dir| cache.files(dir))).await.unwrap();
    }
    assert_eq!(store.most_running.load(Ordering::SeqCst), 30);
    // Hardly any listing can be kept in one byte; eviction lags a little behind.
    let listings = store.listings.load(Ordering::SeqCst);
    assert!(listings > 150, "{listings}");
}

#[tokio::test]
async fn an_error_is_not_cached() {
    let f = fixture();
    let cache = FileListCache::new(Arc::clone(&f.storage), &CatalogConfig::default());
    let dir = Url::parse("s3://lake/other/").unwrap();
    f.storage.serve_bucket("lake", Arc::new(InMemory::new()));
    for _ in 0..2 {
        let err = cache.files(&dir).await.unwrap_err();
        assert_eq!(err.code(), ErrorCode::PermissionDenied, "{err}");
    }
}

#[tokio::test]
async fn a_new_local_file_is_seen_at_once() {
    let f = fixture();
    let cache = FileListCache::new(Arc::clone(&f.storage), &CatalogConfig::default());
    let dir = f.storage.check_dir(&format!("{}/data/t", f.root)).unwrap();
    assert_eq!(cache.files(&dir).await.unwrap().len(), 1);
    std::fs::write(f.dir.path().join("data/t/part-1"), "more").unwrap();
    std::fs::write(f.dir.path().join("data/t/part-0"), "rows and rows").unwrap();
    let files = cache.files(&dir).await.unwrap();
    assert_eq!(files.iter().map(|m| m.size).collect::<Vec<_>>(), [13, 4]);
}
