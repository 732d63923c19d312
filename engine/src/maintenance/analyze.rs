//! ANALYZE: measure, and record where Hive, Spark and Quern look.
//!
//! One query measures all columns, of all partitions at once. Files are listed before it runs, so
//! that one that comes meanwhile makes the statistics stale rather than wrong.

use super::measure::{MeasuredColumn, Row};
use super::{QueryRunner, TableMaintenance, schema};
use crate::catalogs::ResolvedTable;
use crate::ddl::describe::presto_type_of;
use crate::ddl::partitions::{need_keys, spec_filter};
use crate::session::Session;
use crate::statement::quoting::{literal, quoted};
use crate::statement::{AnalyzeTable, AnalyzedPartitions, Measures, query_of};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use quern_catalog::hive_type;
use quern_catalog::model::{
    Column, ColumnStatistics, FileTotals, HIVE_DEFAULT_PARTITION, HivePartition, Measured,
    PartitionFilter, Table, partition_name, record_for_hive, record_for_spark, spark_column_names,
};
use quern_common::{Error, ErrorCode, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Partitions whose statistics are recorded in one go.
const PARTITIONS_PER_CHANGE: usize = 500;
/// Times that a table's definition is read again because somebody else changed it meanwhile.
const ATTEMPTS: usize = 5;

/// The one row that ANALYZE answers with.
pub(super) fn schema_of_answer() -> SchemaRef {
    schema(&["partitions", "files", "bytes", "rows", "columns"].map(|name| (name, DataType::Int64)))
}

/// A partition that is measured.
struct Target {
    values: Vec<String>,
    totals: FileTotals,
}

/// A table, and what is measured of it.
struct Analysis {
    target: ResolvedTable,
    table: Table,
    columns: Vec<MeasuredColumn>,
    /// Partition keys of which Spark gets statistics.
    keys: Vec<Column>,
}

/// Sums over partitions.
#[derive(Default)]
struct Whole {
    partitions: u64,
    totals: FileTotals,
    rows: u64,
    columns: Vec<ColumnStatistics>,
    rows_of_keys: Vec<(Vec<String>, u64)>,
}

impl TableMaintenance {
    /// Measures a table and records what was found. A statement that fails or is cancelled
    /// leaves some partitions with their new statistics and the others with their old ones.
    ///
    /// # Errors
    /// Those of names, of the query, and of the metastore.
    pub async fn analyze(
        &self,
        session: &Session,
        analyze: &AnalyzeTable,
        runner: &dyn QueryRunner,
    ) -> Result<RecordBatch> {
        let settings = session.settings();
        let target = self.planner.registry().resolve_table(&analyze.table, &settings).await?;
        let table = target.base_table().await?;
        let (columns, keys) = columns_of(&table, &analyze.measures)?;
        let analysis = Analysis { target, table, columns, keys };
        let scans = analyze.measures != Measures::Files;
        let runner = scans.then_some(runner);
        match analysis.table.partition_keys.is_empty() {
            true => self.analyze_whole(&analysis, analyze, runner).await,
            false => self.analyze_partitions(&analysis, analyze, runner).await,
        }
    }

    async fn analyze_whole(
        &self,
        analysis: &Analysis,
        analyze: &AnalyzeTable,
        runner: Option<&dyn QueryRunner>,
    ) -> Result<RecordBatch> {
        if analyze.partitions != AnalyzedPartitions::All {
            need_keys(&analysis.table)?;
        }
        let totals = self.totals(&analysis.table.sd.location).await?;
        let mut measured = Measured { totals, ..Measured::default() };
        if let Some(runner) = runner {
            let mut rows = runner.run(query_of(&analysis.sql(None, ""))?).await?;
            while let Some(batch) = rows.try_next().await? {
                for row in 0..batch.num_rows() {
                    let mut row = Row::new(&batch, row);
                    analysis.read(&mut row, &mut measured)?;
                }
            }
        }
        analysis.record_table(&measured, true).await?;
        let target = &analysis.target;
        if !measured.columns.is_empty() {
            let columns = measured.columns.clone();
            target.metastore.set_column_statistics(&target.schema, &target.name, columns).await?;
        }
        answer(None, &measured, analysis.columns.len())
    }

    async fn analyze_partitions(
        &self,
        analysis: &Analysis,
        analyze: &AnalyzeTable,
        runner: Option<&dyn QueryRunner>,
    ) -> Result<RecordBatch> {
        let (filter, condition) = selection(&analysis.table, &analyze.partitions)?;
        let target = &analysis.target;
        let found = target.metastore.get_partitions(&target.schema, &target.name, &filter, None);
        let found = found.await?;
        let all = filter == PartitionFilter::All;
        if found.is_empty() && !all {
            return Err(Error::new(
                ErrorCode::NotFound,
                format!("table \"{target}\" has no such partition"),
            ));
        }
        let mut pending = self.targets(analysis, found).await?;
        let mut whole = Whole { partitions: pending.len() as u64, ..Whole::default() };
        if let Some(runner) = runner {
            // Numbers of distinct values do not add up: the whole is a group of its own.
            let group = match all && !analysis.columns.is_empty() {
                true => "GROUPING SETS ((\"$partition\"), ())",
                false => "\"$partition\"",
            };
            let mut rows = runner.run(query_of(&analysis.sql(Some(group), &condition))?).await?;
            while let Some(batch) = rows.try_next().await? {
                let chunk = analysis.read_groups(&batch, &mut pending, &mut whole)?;
                analysis.record_partitions(chunk, &mut whole).await?;
            }
        }
        // Partitions without rows are in no group.
        let counted = runner.is_some();
        let rest = pending.into_values().map(|target| {
            let measured = match counted {
                true => analysis.measured_nothing(target.totals),
                false => Measured { totals: target.totals, ..Measured::default() },
            };
            (target.values, measured)
        });
        let rest: Vec<_> = rest.collect();
        for chunk in rest.chunks(PARTITIONS_PER_CHANGE) {
            analysis.record_partitions(chunk.to_vec(), &mut whole).await?;
        }
        let mut measured = Measured {
            totals: whole.totals,
            rows: counted.then_some(whole.rows),
            columns: whole.columns,
        };
        let partitions = whole.partitions;
        let mut n_columns = analysis.columns.len();
        if all {
            n_columns += analysis.keys.len();
            for key in &analysis.keys {
                let index = analysis.table.partition_keys.iter().position(|k| k.name == key.name);
                measured.columns.push(key_statistics(key, index.unwrap_or(0), &whole.rows_of_keys));
            }
            analysis.record_table(&measured, false).await?;
        }
        answer(Some(partitions), &measured, n_columns)
    }

    /// The partitions by name, with what lies in their directories.
    async fn targets(
        &self,
        analysis: &Analysis,
        found: Vec<HivePartition>,
    ) -> Result<BTreeMap<String, Target>> {
        let keys = &analysis.table.partition_keys;
        stream::iter(found)
            .map(|partition| async move {
                let totals = self.totals(&partition.sd.location).await?;
                let name = partition_name(keys, &partition.values);
                Ok((name, Target { values: partition.values, totals }))
            })
            .buffer_unordered(self.planner.runtime().scan().concurrency.max(1))
            .try_collect()
            .await
    }

    /// Counts the files of a directory as the query will see them.
    async fn totals(&self, location: &str) -> Result<FileTotals> {
        let scan = self.planner.runtime().scan();
        let dir = scan.storage.check_dir(location)?;
        scan.listings.invalidate(&dir);
        let files = scan.listings.files(&dir).await?;
        let mut totals = FileTotals::default();
        files.iter().for_each(|file| totals.add(file.size));
        Ok(totals)
    }
}

impl Analysis {
    /// The query, over groups of rows that satisfy a condition.
    fn sql(&self, group: Option<&str>, condition: &str) -> String {
        let mut items: Vec<String> = vec![];
        if group.is_some() {
            items.push("\"$partition\"".to_owned());
        }
        items.push("count(*)".to_owned());
        items.extend(self.columns.iter().flat_map(MeasuredColumn::expressions));
        // Two columns of one name are an error.
        let items = items.iter().enumerate().map(|(n, item)| format!("{item} AS c{n}"));
        let items = items.collect::<Vec<_>>().join(", ");
        let group = group.map(|group| format!(" GROUP BY {group}")).unwrap_or_default();
        format!("SELECT {items} FROM {}{condition}{group}", self.target.quoted())
    }

    fn read(&self, row: &mut Row<'_>, measured: &mut Measured) -> Result<()> {
        let rows = row.number()?.unwrap_or(0);
        let columns = self.columns.iter().map(|column| column.read(row, rows));
        measured.columns = columns.collect::<Result<_>>()?;
        measured.rows = Some(rows);
        Ok(())
    }

    /// Takes the partitions of a batch from those that are pending.
    fn read_groups(
        &self,
        batch: &RecordBatch,
        pending: &mut BTreeMap<String, Target>,
        whole: &mut Whole,
    ) -> Result<Vec<(Vec<String>, Measured)>> {
        let mut chunk = vec![];
        for row in 0..batch.num_rows() {
            let mut row = Row::new(batch, row);
            let name = row.text()?;
            let mut measured = Measured::default();
            self.read(&mut row, &mut measured)?;
            match name.map(|name| pending.remove(&name)) {
                None => whole.columns = measured.columns,
                // It was added after the statement began.
                Some(None) => {}
                Some(Some(target)) => {
                    chunk.push((target.values, Measured { totals: target.totals, ..measured }));
                }
            }
        }
        Ok(chunk)
    }

    fn measured_nothing(&self, totals: FileTotals) -> Measured {
        let columns = self.columns.iter().map(MeasuredColumn::of_nothing).collect();
        Measured { totals, rows: Some(0), columns }
    }

    /// Records a table as a whole: for Spark, and for Hive unless it is partitioned.
    async fn record_table(&self, measured: &Measured, for_hive: bool) -> Result<()> {
        let ResolvedTable { schema, name, metastore, .. } = &self.target;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let mut table = metastore.get_table(schema, name).await?;
            let names = spark_column_names(&table.parameters);
            if for_hive {
                record_for_hive(&mut table.parameters, measured);
            }
            record_for_spark(&mut table.parameters, measured, &names);
            match metastore.alter_table(schema, name, Some(table.version), table).await {
                Err(err) if err.code() == ErrorCode::TransactionConflict => last = Some(err),
                done => return done,
            }
        }
        last.map_or(Ok(()), Err)
    }

    /// Records partitions, as far as they are still there, and adds them up.
    async fn record_partitions(
        &self,
        chunk: Vec<(Vec<String>, Measured)>,
        whole: &mut Whole,
    ) -> Result<()> {
        if chunk.is_empty() {
            return Ok(());
        }
        let ResolvedTable { schema, name, metastore, .. } = &self.target;
        let values = chunk.iter().map(|(values, _)| values.clone()).collect();
        let mut current = metastore.get_partitions_by_values(schema, name, values).await?;
        let measured: BTreeMap<Vec<String>, Measured> = chunk.into_iter().collect();
        for partition in &mut current {
            let Some(measured) = measured.get(&partition.values) else { continue };
            record_for_hive(&mut partition.parameters, measured);
            // Spark has no statistics of the columns of a partition.
            let of_spark = Measured { columns: vec![], ..measured.clone() };
            record_for_spark(&mut partition.parameters, &of_spark, &BTreeMap::new());
        }
        let found: BTreeSet<_> = current.iter().map(|p| p.values.clone()).collect();
        metastore.alter_partitions(schema, name, current).await?;
        let mut columns = vec![];
        for (values, measured) in measured.into_iter().filter(|(values, _)| found.contains(values))
        {
            whole.totals.add_all(measured.totals);
            let rows = measured.rows.unwrap_or(0);
            whole.rows = whole.rows.saturating_add(rows);
            if !self.keys.is_empty() {
                whole.rows_of_keys.push((values.clone(), rows));
            }
            if !measured.columns.is_empty() {
                columns.push((values, measured.columns));
            }
        }
        metastore.set_partitions_column_statistics(schema, name, columns).await
    }
}

/// The columns to measure, and the partition keys among those that were asked for.
fn columns_of(table: &Table, measures: &Measures) -> Result<(Vec<MeasuredColumn>, Vec<Column>)> {
    match measures {
        Measures::Files | Measures::Rows => Ok((vec![], vec![])),
        Measures::AllColumns => {
            let columns = table.sd.columns.iter().map(MeasuredColumn::of);
            let columns: Vec<_> = columns.collect::<Result<_>>()?;
            Ok((columns.into_iter().flatten().collect(), table.partition_keys.clone()))
        }
        Measures::Columns(names) => {
            let names: BTreeSet<_> = names.iter().map(String::as_str).collect();
            let (mut columns, mut keys) = (vec![], vec![]);
            for name in names {
                let find = |columns: &[Column]| columns.iter().find(|c| c.name == name).cloned();
                match (find(&table.sd.columns), find(&table.partition_keys)) {
                    (Some(column), _) => columns.push(MeasuredColumn::named(&column)?),
                    (None, Some(key)) => keys.push(key),
                    (None, None) => return Err(no_column(table, name)),
                }
            }
            Ok((columns, keys))
        }
    }
}

fn no_column(table: &Table, name: &str) -> Error {
    let known: Vec<_> =
        table.sd.columns.iter().chain(&table.partition_keys).map(|c| c.name.as_str()).collect();
    let err = Error::new(
        ErrorCode::ColumnNotFound,
        format!("table \"{}.{}\" has no column \"{name}\"", table.database, table.name),
    );
    match crate::missing::hint(name, &known) {
        Some(hint) => err.with_hint(hint),
        None => err,
    }
}

/// The partitions that are meant, for the metastore and as the condition of a query.
fn selection(table: &Table, partitions: &AnalyzedPartitions) -> Result<(PartitionFilter, String)> {
    let groups: Vec<Vec<(String, String)>> = match partitions {
        AnalyzedPartitions::All => return Ok((PartitionFilter::All, String::new())),
        AnalyzedPartitions::Spec(spec) => {
            let named: Vec<(String, String)> = spec
                .iter()
                .map(|(key, value)| (key.clone(), value.clone().unwrap_or_default()))
                .collect();
            // A key without value restricts nothing, but it has to be one.
            spec_filter(table, &named)?;
            let given = spec.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
            vec![given.collect()]
        }
        AnalyzedPartitions::Values(rows) => {
            rows.iter().map(|values| with_keys(table, values)).collect::<Result<_>>()?
        }
    };
    if groups.iter().any(Vec::is_empty) {
        return Ok((PartitionFilter::All, String::new()));
    }
    let filters = groups.iter().map(|group| spec_filter(table, group));
    let filter = PartitionFilter::Or(filters.collect::<Result<_>>()?);
    let conditions = groups.iter().map(|group| condition(table, group));
    let conditions = conditions.collect::<Result<Vec<_>>>()?.join(" OR ");
    Ok((filter, format!(" WHERE {conditions}")))
}

fn with_keys(table: &Table, values: &[String]) -> Result<Vec<(String, String)>> {
    let keys = &table.partition_keys;
    if keys.len() != values.len() {
        let names: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
        return Err(Error::new(
            ErrorCode::InvalidTableProperty,
            format!("a partition is given by {} values, not {}", keys.len(), values.len()),
        )
        .with_hint(format!("the keys are {}", names.join(", "))));
    }
    Ok(keys.iter().zip(values).map(|(key, value)| (key.name.clone(), value.clone())).collect())
}

/// `(a = 1 AND b = 'x')`. The keys were looked up before.
fn condition(table: &Table, group: &[(String, String)]) -> Result<String> {
    let mut parts = vec![];
    for (name, value) in group {
        let Some(key) = table.partition_keys.iter().find(|key| key.name == *name) else { continue };
        let column = quoted(name);
        parts.push(match value.as_str() {
            "" | HIVE_DEFAULT_PARTITION => format!("{column} IS NULL"),
            value => format!("{column} = {}", typed(key, value)?),
        });
    }
    Ok(format!("({})", parts.join(" AND ")))
}

fn typed(key: &Column, value: &str) -> Result<String> {
    match hive_type::data_type_of(&key.hive_type)? {
        DataType::Utf8 => Ok(literal(value)),
        _ => Ok(format!("CAST({} AS {})", literal(value), presto_type_of(key)?)),
    }
}

/// What the partitions tell of a key: exact, and without reading anything.
fn key_statistics(key: &Column, index: usize, rows: &[(Vec<String>, u64)]) -> ColumnStatistics {
    let of = |values: &Vec<String>| values.get(index).cloned().unwrap_or_default();
    let is_null = |value: &str| value.is_empty() || value == HIVE_DEFAULT_PARTITION;
    let nulls = rows.iter().filter(|(values, _)| is_null(&of(values))).map(|(_, rows)| rows).sum();
    let values: BTreeSet<String> = rows.iter().map(|(values, _)| of(values)).collect();
    let values: Vec<String> = values.into_iter().filter(|value| !is_null(value)).collect();
    let (min, max) = crate::tables::bounds_of_texts(&values, &key.hive_type);
    let lengths = values.iter().map(String::len);
    let is_text = hive_type::data_type_of(&key.hive_type).is_ok_and(|t| t == DataType::Utf8);
    let average = lengths.clone().sum::<usize>() as f64 / values.len().max(1) as f64;
    ColumnStatistics {
        column: key.name.clone(),
        hive_type: key.hive_type.clone(),
        null_count: Some(nulls),
        distinct_count: Some(values.len() as u64),
        min,
        max,
        avg_length: is_text.then_some(average),
        max_length: is_text.then(|| lengths.max().unwrap_or(0) as u64),
        ..ColumnStatistics::default()
    }
}

fn answer(partitions: Option<u64>, measured: &Measured, n_columns: usize) -> Result<RecordBatch> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let columns = [
        partitions.map(number),
        Some(number(measured.totals.files)),
        Some(number(measured.totals.bytes)),
        measured.rows.map(number),
        Some(number(n_columns as u64)),
    ];
    let columns = columns.map(|n| Arc::new(Int64Array::from(vec![n])) as ArrayRef);
    RecordBatch::try_new(schema_of_answer(), columns.to_vec())
        .map_err(|err| Error::internal(format!("ANALYZE: {err}")))
}
