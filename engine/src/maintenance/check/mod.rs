//! CHECK TABLE: what is wrong with a table's directories, files and statistics, and the statement
//! that mends it.
//!
//! Nothing is changed, and no row is read: directories are listed, the first bytes of each file
//! and one footer a partition are looked at.

mod files;
mod fixes;
mod schemas;
mod statistics;

use super::{TableMaintenance, schema};
use crate::catalogs::ResolvedTable;
use crate::ddl::sync::{FoundDirectories, find_directories};
use crate::session::Session;
use crate::statement::TableName;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use fixes::Fixes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use quern_catalog::model::{
    FileTotals, HivePartition, Parameters, PartitionFilter, StorageDescriptor, StorageFormat,
    Table, partition_name,
};
use quern_catalog::storage::Storage;
use quern_common::{Error, ErrorCode, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Problem {
    DirectoryMissing,
    DirectoryNotRegistered,
    FormatMismatch,
    SchemaMismatch,
    SmallFiles,
    StatisticsMissing,
    StatisticsStale,
}

impl Problem {
    const fn name(self) -> &'static str {
        match self {
            Self::DirectoryMissing => "DIRECTORY_MISSING",
            Self::DirectoryNotRegistered => "DIRECTORY_NOT_REGISTERED",
            Self::FormatMismatch => "FORMAT_MISMATCH",
            Self::SchemaMismatch => "SCHEMA_MISMATCH",
            Self::SmallFiles => "SMALL_FILES",
            Self::StatisticsMissing => "STATISTICS_MISSING",
            Self::StatisticsStale => "STATISTICS_STALE",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone)]
struct Finding {
    /// None for the table as a whole.
    partition: Option<String>,
    problem: Problem,
    detail: String,
    /// None when no statement mends it.
    fix: Option<String>,
}

pub(super) fn schema_of_answer() -> SchemaRef {
    schema(&["partition", "problem", "detail", "fix"].map(|name| (name, DataType::Utf8)))
}

/// A partition, or a table without partitions, that is looked at.
#[derive(Debug)]
struct Part {
    /// None for a table without partitions.
    name: Option<String>,
    values: Vec<String>,
    sd: StorageDescriptor,
    parameters: Parameters,
}

/// What lies in the directory of a part.
#[derive(Debug)]
struct Contents {
    dir: Url,
    files: Vec<ObjectMeta>,
}

impl Contents {
    fn totals(&self) -> FileTotals {
        let mut totals = FileTotals::default();
        self.files.iter().for_each(|file| totals.add(file.size));
        totals
    }
}

/// A part, its files unless its directory is missing, and what is wrong with it.
type Inspected = (Part, Option<FileTotals>, Vec<Finding>);

/// A table that is being checked.
struct Check {
    target: ResolvedTable,
    table: Table,
    format: Option<StorageFormat>,
    storage: Arc<Storage>,
    concurrency: usize,
}

impl TableMaintenance {
    /// Looks for what is wrong with a table.
    ///
    /// # Errors
    /// Those of names, storage and metastore; `PERMISSION_DENIED` for a location that is not
    /// allowed.
    pub async fn check(&self, session: &Session, name: &TableName) -> Result<RecordBatch> {
        let target = self.planner.registry().resolve_table(name, &session.settings()).await?;
        let table = target.base_table().await?;
        let scan = self.planner.runtime().scan();
        let check = Check {
            format: StorageFormat::of_descriptor(&table.sd),
            target,
            table,
            storage: Arc::clone(&scan.storage),
            concurrency: scan.concurrency.max(1),
        };
        let mut findings = check.run().await?;
        findings.sort_by(|a, b| (&a.partition, a.problem).cmp(&(&b.partition, b.problem)));
        batch(&findings)
    }
}

impl Check {
    async fn run(&self) -> Result<Vec<Finding>> {
        let mut findings = vec![];
        let mut found = FoundDirectories::default();
        let parts = match self.table.partition_keys.is_empty() {
            true => vec![self.whole()],
            false => {
                found = find_directories(self.storage.as_ref(), &self.table).await?;
                let target = &self.target;
                let all = PartitionFilter::All;
                let known =
                    target.metastore.get_partitions(&target.schema, &target.name, &all, None);
                let parts: Vec<_> = known.await?.into_iter().map(|p| self.part(p)).collect();
                findings.extend(self.unregistered(&found, &parts));
                parts
            }
        };
        let found = &found;
        let looked_at: Vec<Inspected> = stream::iter(parts)
            .map(|part| self.inspected(part, found))
            .buffered(self.concurrency)
            .try_collect()
            .await?;
        let mut measured = vec![];
        for (part, totals, found) in looked_at {
            findings.extend(found);
            measured.extend(totals.map(|totals| (part, totals)));
        }
        findings.extend(self.statistics(&measured));
        Ok(findings)
    }

    fn whole(&self) -> Part {
        let (sd, parameters) = (self.table.sd.clone(), self.table.parameters.clone());
        Part { name: None, values: vec![], sd, parameters }
    }

    fn part(&self, partition: HivePartition) -> Part {
        Part {
            name: Some(partition_name(&self.table.partition_keys, &partition.values)),
            values: partition.values,
            sd: partition.sd,
            parameters: partition.parameters,
        }
    }

    const fn fixes(&self) -> Fixes<'_> {
        Fixes { target: &self.target, table: &self.table }
    }

    /// Directories of partitions that the catalogue does not have.
    fn unregistered(&self, found: &FoundDirectories, parts: &[Part]) -> Vec<Finding> {
        let keys = &self.table.partition_keys;
        let known: BTreeMap<&[String], &Part> =
            parts.iter().map(|part| (part.values.as_slice(), part)).collect();
        let finding = |values: &[String], detail: String, fix: Option<String>| Finding {
            partition: Some(partition_name(keys, values)),
            problem: Problem::DirectoryNotRegistered,
            detail,
            fix,
        };
        let mut findings = vec![];
        for (values, location) in &found.locations {
            if known.contains_key(values.as_slice()) {
                continue;
            }
            let detail = format!("directory \"{location}\" is no partition of the table");
            findings.push(match self.fixes().add_partition(values, location) {
                Ok(fix) => finding(values, detail, Some(fix)),
                Err(err) => finding(values, format!("{detail}, and cannot be: {err}"), None),
            });
        }
        for (values, location) in &found.doubles {
            let other = found.locations.get(values).map_or("", String::as_str);
            let detail = format!("directory \"{location}\" has the values of \"{other}\"");
            findings.push(finding(values, detail, None));
        }
        findings
    }

    fn inspected<'a>(
        &'a self,
        part: Part,
        found: &'a FoundDirectories,
    ) -> BoxFuture<'a, Result<Inspected>> {
        Box::pin(async move {
            let (totals, findings) = self.inspect(&part, found).await?;
            Ok((part, totals, findings))
        })
    }

    /// Looks into a directory. Without it there are no totals.
    async fn inspect(
        &self,
        part: &Part,
        found: &FoundDirectories,
    ) -> Result<(Option<FileTotals>, Vec<Finding>)> {
        let dir = self.storage.check_dir(&part.sd.location)?;
        let files = self.storage.list_files(&dir, false).await?;
        if files.is_empty() && self.is_missing(part, &dir, found).await? {
            return Ok((None, vec![self.directory_missing(part).await?]));
        }
        let contents = Contents { dir, files };
        let mut findings = self.formats(part, &contents).await?;
        let readable = findings.is_empty();
        findings.extend(self.declared_columns(part).await?);
        if readable {
            findings.extend(self.file_columns(part, &contents).await?);
        }
        findings.extend(self.small_files(part, &contents));
        Ok((Some(contents.totals()), findings))
    }

    /// A directory of the file system is there or not. In S3 there are only files: there, one
    /// that MSCK REPAIR would not find is missing.
    async fn is_missing(&self, part: &Part, dir: &Url, found: &FoundDirectories) -> Result<bool> {
        match self.storage.check_dir_exists(dir).await {
            Err(err) if err.code() == ErrorCode::HiveFileNotFound => Ok(true),
            Err(err) => Err(err),
            Ok(()) => Ok(dir.scheme() != "file"
                && part.name.is_some()
                && crate::ddl::partitions::lies_in(&self.table, &part.sd.location)
                && !found.locations.contains_key(&part.values)),
        }
    }

    async fn directory_missing(&self, part: &Part) -> Result<Finding> {
        let mut detail = format!("directory \"{}\" does not exist", part.sd.location);
        let mut fix = None;
        if part.name.is_some() {
            fix = self.fixes().drop_partition(&part.values).await?;
            if fix.is_none() {
                detail += "; DROP PARTITION would drop others with it, whose values are equal";
            }
        }
        let partition = part.name.clone();
        Ok(Finding { partition, problem: Problem::DirectoryMissing, detail, fix })
    }
}

fn batch(findings: &[Finding]) -> Result<RecordBatch> {
    let texts = |of: fn(&Finding) -> Option<&str>| {
        Arc::new(findings.iter().map(of).collect::<StringArray>()) as ArrayRef
    };
    let columns = vec![
        texts(|finding| finding.partition.as_deref()),
        texts(|finding| Some(finding.problem.name())),
        texts(|finding| Some(&finding.detail)),
        texts(|finding| finding.fix.as_deref()),
    ];
    RecordBatch::try_new(schema_of_answer(), columns)
        .map_err(|err| Error::internal(format!("CHECK TABLE: {err}")))
}
