//! A catalogue in memory, and directories that are only names.

use arrow::array::{Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use parking_lot::Mutex;
use quern_catalog::metastore::{MemoryMetastore, MetadataStore, Metastore};
use quern_common::config::MetastoreConfig;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::catalogs::CatalogRegistry;
use quern_engine::ddl::{DdlExecutor, DdlOutcome, LocationAccess};
use quern_engine::session::Session;
use quern_engine::statement::Statement;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Directories below `s3://lake/`; everything else is denied.
#[derive(Debug, Default)]
pub(crate) struct FakeStorage {
    pub(crate) dirs: Mutex<BTreeSet<String>>,
    pub(crate) deleted: Mutex<Vec<String>>,
}

impl FakeStorage {
    pub(crate) fn make(&self, dirs: &[&str]) {
        self.dirs.lock().extend(dirs.iter().map(|dir| (*dir).to_owned()));
    }
}

#[async_trait]
impl LocationAccess for FakeStorage {
    fn check(&self, location: &str) -> Result<String> {
        let location = location.replace("s3a://", "s3://");
        match location.starts_with("s3://lake/") {
            true => Ok(location.trim_end_matches('/').to_owned()),
            false => Err(Error::new(ErrorCode::PermissionDenied, format!("\"{location}\""))),
        }
    }

    async fn list_dirs(&self, location: &str) -> Result<Vec<String>> {
        let prefix = format!("{location}/");
        let dirs = self.dirs.lock();
        let names = dirs.iter().filter_map(|dir| dir.strip_prefix(&prefix)?.split('/').next());
        let names: BTreeSet<String> = names.map(str::to_owned).collect();
        Ok(names.into_iter().collect())
    }

    async fn is_empty(&self, location: &str) -> Result<bool> {
        Ok(self.list_dirs(location).await?.is_empty())
    }

    async fn create_dir(&self, location: &str) -> Result<()> {
        self.dirs.lock().insert(location.to_owned());
        Ok(())
    }

    async fn delete_file(&self, location: &str) -> Result<()> {
        self.deleted.lock().push(format!("file {location}"));
        Ok(())
    }

    async fn delete_dir(&self, location: &str) -> Result<()> {
        self.deleted.lock().push(location.to_owned());
        self.dirs.lock().retain(|dir| dir != location && !dir.starts_with(&format!("{location}/")));
        Ok(())
    }
}

/// A session over an empty catalogue.
pub(crate) struct Fixture {
    pub(crate) metastore: Arc<MemoryMetastore>,
    pub(crate) storage: Arc<FakeStorage>,
    pub(crate) session: Session,
    pub(crate) ddl: DdlExecutor,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let metastore = Arc::new(MemoryMetastore::new("s3://lake/warehouse"));
        let storage = Arc::new(FakeStorage::default());
        let registry = CatalogRegistry::new(
            "hive",
            Arc::clone(&metastore) as Arc<dyn Metastore>,
            Arc::clone(&metastore) as Arc<dyn MetadataStore>,
            MetastoreConfig::default(),
        );
        let access = Arc::clone(&storage) as Arc<dyn LocationAccess>;
        let ddl = DdlExecutor::new(Arc::new(registry), access);
        Self { metastore, storage, session: Session::new("ada", "hive", "default"), ddl }
    }

    pub(crate) async fn run(&self, sql: &str) -> Result<DdlOutcome> {
        let statement = Statement::parse_one(sql)?;
        let outcome = self.ddl.execute(&self.session, &statement).await?;
        // What a client was told at prepare time is what it gets.
        match &outcome {
            DdlOutcome::Rows(batch) => {
                assert_eq!(self.ddl.schema_of(&statement), Some(batch.schema()), "{sql}");
            }
            DdlOutcome::Done { .. } => assert_eq!(self.ddl.schema_of(&statement), None, "{sql}"),
        }
        Ok(outcome)
    }

    pub(crate) async fn ok(&self, sql: &str) {
        self.run(sql).await.unwrap_or_else(|err| panic!("{sql}: {err:?}"));
    }

    pub(crate) async fn err(&self, sql: &str) -> Error {
        match self.run(sql).await {
            Ok(outcome) => panic!("{sql}: {outcome:?}"),
            Err(err) => err,
        }
    }

    /// The rows of a statement, cells as text, joined by `|`.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        match self.run(sql).await.unwrap_or_else(|err| panic!("{sql}: {err:?}")) {
            DdlOutcome::Rows(batch) => text_rows(&batch),
            DdlOutcome::Done { .. } => panic!("{sql}: no rows"),
        }
    }
}

fn text_rows(batch: &RecordBatch) -> Vec<String> {
    (0..batch.num_rows())
        .map(|row| {
            let cells = batch.columns().iter().map(|column| cell(column.as_ref(), row));
            cells.collect::<Vec<_>>().join("|")
        })
        .collect()
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_owned();
    }
    match column.as_any().downcast_ref::<StringArray>() {
        Some(texts) => texts.value(row).to_owned(),
        None => column.as_any().downcast_ref::<Int64Array>().unwrap().value(row).to_string(),
    }
}
