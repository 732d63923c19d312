//! Planning the scan of a Hive table: prune partitions, list files, collect statistics, make
//! splits.

use super::hidden::HiddenColumn;
use super::hive_table::{HiveTable, ReadFormat};
use super::known::KnownStatistics;
use super::partition_pruning::{evaluate, index_filter, only_over_keys, typed_value};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{ColumnStatistics, DataFusionError, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use quern_catalog::model::{
    FileTotals, HivePartition, Parameters, PartitionFilter, Table, partition_name,
};
use quern_catalog::scan::text::TextSource;
use quern_catalog::scan::{
    ParquetScan, located, names_in_any_case, with_known_nulls, with_names_of_file,
};
use quern_common::{Error, ErrorCode};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// Files whose footers are read while planning; with more, the sizes alone are used.
const STATISTICS_FILES_MAX: usize = 2_000;
/// Entries of the statistics cache.
const STATISTICS_CACHE_ENTRIES: u64 = 100_000;

/// Either kind of error that planning a scan meets.
#[derive(Debug)]
pub(super) enum ScanError {
    Ours(Error),
    DataFusion(DataFusionError),
}

impl From<Error> for ScanError {
    fn from(err: Error) -> Self {
        Self::Ours(err)
    }
}

impl From<DataFusionError> for ScanError {
    fn from(err: DataFusionError) -> Self {
        Self::DataFusion(err)
    }
}

type ScanResult<T> = Result<T, ScanError>;

/// Statistics of Parquet files, by identity of the file and columns read.
#[derive(Debug)]
pub struct StatisticsCache {
    entries: moka::sync::Cache<StatisticsKey, Arc<Statistics>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StatisticsKey {
    store: String,
    path: String,
    size: u64,
    modified: i64,
    etag: Option<String>,
    schema: SchemaRef,
}

impl Default for StatisticsCache {
    fn default() -> Self {
        Self { entries: moka::sync::Cache::new(STATISTICS_CACHE_ENTRIES) }
    }
}

/// A partition (or a whole unpartitioned table) with its typed key values.
#[derive(Debug)]
pub(super) struct ScannedPartition {
    location: Url,
    name: String,
    pub(super) values: Vec<ScalarValue>,
    /// The values as the catalogue has them.
    pub(super) texts: Vec<String>,
    pub(super) parameters: Parameters,
}

/// What a scan reads of one object store: files, and the partitions that they lie in with what
/// is in each of them now.
#[derive(Debug, Default)]
struct StoreFiles {
    files: Vec<PartitionedFile>,
    partitions: Vec<(usize, FileTotals)>,
}

/// A scan of one object store.
struct StoreScan<'a> {
    store_url: String,
    files: Vec<PartitionedFile>,
    known: KnownStatistics,
    projection: Option<&'a Vec<usize>>,
    limit: Option<usize>,
    pruning: Option<(usize, usize)>,
}

impl HiveTable {
    pub(super) async fn plan_scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> ScanResult<Arc<dyn ExecutionPlan>> {
        let (partitions, total) = self.prune_partitions(state, filters).await?;
        let pruning = total.map(|total| (partitions.len(), total));
        let by_store = self.list_files(&partitions).await?;
        let mut scans = Vec::with_capacity(by_store.len());
        for (store_url, store) in by_store {
            if store.files.is_empty() {
                continue;
            }
            let known = match state.config().collect_statistics() {
                true => {
                    let parts = store.partitions.iter();
                    let parts = parts.filter_map(|(n, now)| Some((partitions.get(*n)?, *now)));
                    let parts: Vec<_> = parts.collect();
                    self.known_statistics(&parts, Some(parts.len()) == total.or(Some(1))).await?
                }
                false => KnownStatistics::default(),
            };
            let read =
                StoreScan { store_url, files: store.files, known, projection, limit, pruning };
            scans.push(self.plan_store_scan(state, read).await?);
        }
        match scans.len() {
            0 => {
                let schema = datafusion::common::project_schema(
                    self.table_schema.table_schema(),
                    projection,
                )?;
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(scans.swap_remove(0)),
            _ => Ok(UnionExec::try_new(scans)?),
        }
    }

    /// What is known of the partitions that satisfy `filters`, which are over keys alone.
    pub(super) async fn statistics_of(
        &self,
        state: &dyn Session,
        filters: &[Expr],
    ) -> ScanResult<KnownStatistics> {
        let (partitions, total) = self.prune_partitions(state, filters).await?;
        let by_store = self.list_files(&partitions).await?;
        let mut parts = vec![];
        for (n, now) in by_store.values().flat_map(|store| &store.partitions) {
            parts.extend(partitions.get(*n).map(|partition| (partition, *now)));
        }
        Ok(self.known_statistics(&parts, Some(parts.len()) == total.or(Some(1))).await?)
    }

    /// The partitions that satisfy every filter over keys alone, and how many there are in all.
    async fn prune_partitions(
        &self,
        state: &dyn Session,
        filters: &[Expr],
    ) -> ScanResult<(Vec<ScannedPartition>, Option<usize>)> {
        let table = &self.definition;
        if table.partition_keys.is_empty() {
            let location = self.context.storage.check_dir(&table.sd.location)?;
            let whole = ScannedPartition {
                location,
                name: String::new(),
                values: vec![],
                texts: vec![],
                parameters: table.parameters.clone(),
            };
            return Ok((vec![whole], None));
        }
        let keys = self.keys();
        let key_filters: Vec<Expr> =
            filters.iter().filter(|f| only_over_keys(f, &keys)).cloned().collect();
        let index = index_filter(&key_filters, &keys);
        let found =
            self.metastore.get_partitions(&table.database, &table.name, &index, None).await?;
        let total = match index {
            PartitionFilter::All => found.len(),
            _ => self.metastore.count_partitions(&table.database, &table.name).await?,
        };
        let mut scanned = Vec::with_capacity(found.len());
        for partition in found {
            scanned.push(self.scanned_partition(partition)?);
        }
        let keep = self.evaluate_key_filters(state, &key_filters, &scanned)?;
        let mut keep = keep.into_iter();
        scanned.retain(|_| keep.next().unwrap_or(false));
        Ok((scanned, Some(total)))
    }

    fn scanned_partition(&self, partition: HivePartition) -> ScanResult<ScannedPartition> {
        let keys = &self.definition.partition_keys;
        let name = partition_name(keys, &partition.values);
        let fields = self.table_schema.table_partition_cols();
        let mut values = Vec::with_capacity(keys.len());
        for (field, text) in fields.iter().zip(&partition.values) {
            let value = typed_value(text, field.data_type()).map_err(|_| {
                Error::new(
                    ErrorCode::HiveInvalidPartitionValue,
                    format!(
                        "partition \"{name}\" of table \"{}.{}\": \"{text}\" is no value of type {}",
                        self.definition.database,
                        self.definition.name,
                        field.data_type()
                    ),
                )
            })?;
            values.push(value);
        }
        let location = self.context.storage.check_dir(&partition.sd.location)?;
        let HivePartition { values: texts, parameters, .. } = partition;
        Ok(ScannedPartition { location, name, values, texts, parameters })
    }

    fn evaluate_key_filters(
        &self,
        state: &dyn Session,
        filters: &[Expr],
        partitions: &[ScannedPartition],
    ) -> ScanResult<Vec<bool>> {
        if filters.is_empty() || partitions.is_empty() {
            return Ok(vec![true; partitions.len()]);
        }
        let n_keys = self.definition.partition_keys.len();
        let fields: Vec<_> =
            self.table_schema.table_partition_cols().iter().take(n_keys).cloned().collect();
        let columns = (0..n_keys)
            .map(|key| {
                ScalarValue::iter_to_array(
                    partitions.iter().filter_map(|p| p.values.get(key).cloned()),
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(evaluate(state, filters, &fields, columns, partitions.len())?)
    }

    /// Lists the files of all partitions, by object store.
    async fn list_files(
        &self,
        partitions: &[ScannedPartition],
    ) -> ScanResult<BTreeMap<String, StoreFiles>> {
        let wanted: Vec<_> =
            partitions.iter().map(|p| self.context.listings.files(&p.location)).collect();
        let listings: Vec<_> =
            stream::iter(wanted).buffered(self.context.concurrency.max(1)).try_collect().await?;
        let mut by_store: BTreeMap<String, StoreFiles> = BTreeMap::new();
        for (n, (partition, files)) in partitions.iter().zip(listings).enumerate() {
            if files.is_empty() {
                self.check_directory(partition).await?;
            }
            let store = store_url(&partition.location);
            let group = by_store.entry(store.clone()).or_default();
            let mut totals = FileTotals::default();
            files.iter().for_each(|file| totals.add(file.size));
            group.partitions.push((n, totals));
            group.files.extend(files.iter().map(|meta| self.split(partition, &store, meta)));
        }
        Ok(by_store)
    }

    /// Fails when the directory of a table or partition is gone: its rows would be missing
    /// without a word.
    async fn check_directory(&self, partition: &ScannedPartition) -> ScanResult<()> {
        let checked = self.context.storage.check_dir_exists(&partition.location).await;
        checked.map_err(|err| {
            if err.code() != ErrorCode::HiveFileNotFound {
                return ScanError::Ours(err);
            }
            let Table { database, name, .. } = self.definition.as_ref();
            let (owner, hint) = match partition.name.as_str() {
                "" => (format!("table \"{database}.{name}\""), "correct its location or drop it"),
                key => (
                    format!("partition \"{key}\" of table \"{database}.{name}\""),
                    "drop the partition, or all that are gone with CALL \
                     system.sync_partition_metadata(schema, table, 'DROP')",
                ),
            };
            let text = format!("{owner}: {}", err.message());
            ScanError::Ours(Error::new(ErrorCode::HiveFileNotFound, text).with_hint(hint))
        })
    }

    fn split(
        &self,
        partition: &ScannedPartition,
        store: &str,
        meta: &ObjectMeta,
    ) -> PartitionedFile {
        let hidden =
            self.hidden.iter().map(|c: &HiddenColumn| c.value(meta, store, &partition.name));
        let values = partition.values.iter().cloned().chain(hidden).collect();
        PartitionedFile::new_from_meta(meta.clone()).with_partition_values(values)
    }

    async fn plan_store_scan(
        &self,
        state: &dyn Session,
        read: StoreScan<'_>,
    ) -> ScanResult<Arc<dyn ExecutionPlan>> {
        let StoreScan { store_url, files, known, projection, limit, pruning } = read;
        let store_url = ObjectStoreUrl::parse(store_url)?;
        let files = self.with_statistics(state, &store_url, files).await?;
        let measured = files.iter().all(|file| file.statistics.is_some());
        let n_groups = state.config().target_partitions();
        let groups = FileGroup::new(files).split_files(n_groups);
        let (groups, mut statistics) = datafusion_datasource::compute_all_files_statistics(
            groups,
            Arc::clone(self.table_schema.table_schema()),
            measured,
            false,
        )?;
        known.fill_in(&mut statistics);
        let source = self.file_source(state, &store_url, pruning)?;
        let config = FileScanConfigBuilder::new(store_url, source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(names_in_any_case()))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file_source(
        &self,
        state: &dyn Session,
        store_url: &ObjectStoreUrl,
        pruning: Option<(usize, usize)>,
    ) -> ScanResult<Arc<dyn FileSource>> {
        match &self.format {
            ReadFormat::Parquet => {
                let runtime = state.runtime_env();
                let store = runtime.object_store(store_url)?;
                let cache = runtime.cache_manager.get_file_metadata_cache();
                let mut options = state.default_table_options().parquet;
                // Nanoseconds, which they are read as by default, overflow in 1677 and 2262.
                options.global.coerce_int96 = Some("us".to_owned());
                let source = ParquetSource::new(self.table_schema.clone())
                    .with_table_parquet_options(options)
                    .with_parquet_file_reader_factory(Arc::new(
                        CachedParquetFileReaderFactory::new(store, cache),
                    ));
                Ok(Arc::new(ParquetScan::new(Arc::new(source)).with_pruning(pruning)))
            }
            ReadFormat::Text(options) => {
                Ok(Arc::new(TextSource::new(self.table_schema.clone(), options.clone())))
            }
        }
    }

    /// Adds what the footers say, unless there are too many files or the format has none.
    async fn with_statistics(
        &self,
        state: &dyn Session,
        store_url: &ObjectStoreUrl,
        files: Vec<PartitionedFile>,
    ) -> ScanResult<Vec<PartitionedFile>> {
        let wanted = matches!(self.format, ReadFormat::Parquet)
            && state.config().collect_statistics()
            && files.len() <= STATISTICS_FILES_MAX;
        if !wanted {
            return Ok(files);
        }
        let wanted: Vec<_> =
            files.iter().map(|f| self.file_statistics(state, store_url, &f.object_meta)).collect();
        let statistics: Vec<_> =
            stream::iter(wanted).buffered(self.context.concurrency.max(1)).try_collect().await?;
        Ok(files.into_iter().zip(statistics).map(|(f, known)| measured(f, known)).collect())
    }

    async fn file_statistics(
        &self,
        state: &dyn Session,
        store_url: &ObjectStoreUrl,
        meta: &ObjectMeta,
    ) -> ScanResult<Arc<Statistics>> {
        let schema = Arc::clone(self.table_schema.file_schema());
        let key = StatisticsKey {
            store: store_url.as_str().to_owned(),
            path: meta.location.to_string(),
            size: meta.size,
            modified: meta.last_modified.timestamp_nanos_opt().unwrap_or_default(),
            etag: meta.e_tag.clone(),
            schema: Arc::clone(&schema),
        };
        if let Some(found) = self.context.statistics.entries.get(&key) {
            return Ok(found);
        }
        let runtime = state.runtime_env();
        let store = runtime.object_store(store_url)?;
        let footer = DFParquetMetadata::new(&store, meta)
            .with_file_metadata_cache(Some(runtime.cache_manager.get_file_metadata_cache()));
        let reading = async {
            let metadata = with_known_nulls(footer.fetch_metadata().await?)?;
            let columns = metadata.file_metadata().schema_descr().root_schema().get_fields();
            let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
            let schema = with_names_of_file(&schema, &names)?;
            DFParquetMetadata::statistics_from_parquet_metadata(&metadata, &schema)
        };
        let statistics = located(reading, meta.location.as_ref(), 0, meta.size).await?;
        let statistics = Arc::new(statistics);
        self.context.statistics.entries.insert(key, Arc::clone(&statistics));
        Ok(statistics)
    }
}

/// A file with what its footer says. DataFusion takes it that no key is NULL, and would answer
/// `count(key)` from that.
fn measured(file: PartitionedFile, known: Arc<Statistics>) -> PartitionedFile {
    let rows = known.num_rows;
    let n_columns = known.column_statistics.len();
    let mut file = file.with_statistics(known);
    if file.partition_values.iter().any(ScalarValue::is_null)
        && let Some(statistics) = file.statistics.as_mut().map(Arc::make_mut)
    {
        let keys = statistics.column_statistics.iter_mut().skip(n_columns);
        for (column, value) in keys.zip(&file.partition_values) {
            if value.is_null() {
                *column = ColumnStatistics { null_count: rows, ..ColumnStatistics::new_unknown() };
            }
        }
    }
    file
}

/// `scheme://authority/` of a location.
fn store_url(location: &Url) -> String {
    format!("{}://{}/", location.scheme(), location.authority())
}
