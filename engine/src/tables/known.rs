//! What the catalogue knows of the rows that a scan reads: Hive's and Spark's statistics of the
//! partitions that remain, added up. What is stale is unknown.

use super::hive_scan::ScannedPartition;
use super::hive_table::HiveTable;
use super::partition_pruning::typed_value;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};
use quern_catalog::hive_type;
use quern_catalog::model::{
    ColumnStatistics, FileTotals, TableStatistics, has_column_statistics, partition_name,
    rows_recorded, spark_statistics,
};
use quern_common::Result;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

/// With more partitions, the statistics of each one's columns are not fetched: what is known of
/// the whole table has to do (Trino looks at as many, `partition_statistics_sample_size`).
const PARTITIONS_WITH_COLUMNS_MAX: usize = 100;

/// What is known of some partitions of a table, or of one without partitions.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownStatistics {
    /// Number of rows.
    pub(crate) rows: Option<u64>,
    /// Data columns, then partition keys, in the order of the table.
    pub(crate) columns: Vec<KnownColumn>,
}

/// What is known of a column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct KnownColumn {
    pub(crate) nulls: Option<u64>,
    pub(crate) distinct: Option<u64>,
    pub(crate) min: Option<ScalarValue>,
    pub(crate) max: Option<ScalarValue>,
    pub(crate) avg_length: Option<f64>,
}

impl KnownStatistics {
    /// Adds what a scan does not know of itself. Nothing that is added here is exact.
    pub(super) fn fill_in(&self, statistics: &mut Statistics) {
        let to_usize = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        fill(&mut statistics.num_rows, self.rows.map(to_usize));
        let rows = statistics.num_rows.get_value().copied();
        for (column, known) in statistics.column_statistics.iter_mut().zip(&self.columns) {
            fill(&mut column.null_count, known.nulls.map(to_usize));
            fill(&mut column.min_value, known.min.clone());
            fill(&mut column.max_value, known.max.clone());
            let distinct = known.distinct.map(to_usize);
            fill(&mut column.distinct_count, distinct.map(|n| rows.map_or(n, |rows| n.min(rows))));
        }
    }
}

fn fill<T>(precision: &mut Precision<T>, known: Option<T>)
where
    T: std::fmt::Debug + Clone + PartialEq + Eq + PartialOrd,
{
    if let (Precision::Absent, Some(known)) = (&*precision, known) {
        *precision = Precision::Inexact(known);
    }
}

impl HiveTable {
    /// Adds up what is known of `parts`, each with the files that are in it now. `complete` says
    /// that they are the whole table.
    pub(super) async fn known_statistics(
        &self,
        parts: &[(&ScannedPartition, FileTotals)],
        complete: bool,
    ) -> Result<KnownStatistics> {
        let rows: Vec<Option<u64>> =
            parts.iter().map(|(part, now)| rows_recorded(&part.parameters, *now)).collect();
        let sum = rows.iter().try_fold(0_u64, |sum, rows| sum.checked_add((*rows)?));
        let spark = spark_statistics(&self.definition.parameters);
        let of_table = table_rows(&spark, parts, complete);
        let mut known = KnownStatistics { rows: sum.or(of_table), columns: vec![] };
        let n_columns = self.definition.sd.columns.len();
        known.columns = match (known.rows, self.definition.partition_keys.is_empty()) {
            (None, _) => vec![KnownColumn::default(); n_columns],
            (Some(_), true) => self.columns_of_table(parts, &spark).await?,
            (Some(n), false) => {
                let of_table = scaled(&spark, n, of_table.is_some());
                match sum {
                    Some(_) => self.columns_of_partitions(parts, &rows, &of_table).await?,
                    None => self.typed(|name| of_table.get(name).cloned()),
                }
            }
        };
        known.columns.extend(self.key_columns(parts, &rows));
        Ok(known)
    }

    async fn columns_of_table(
        &self,
        parts: &[(&ScannedPartition, FileTotals)],
        spark: &TableStatistics,
    ) -> Result<Vec<KnownColumn>> {
        let table = &self.definition;
        let mut columns: BTreeMap<String, ColumnStatistics> = BTreeMap::new();
        if parts.iter().any(|(part, _)| has_column_statistics(&part.parameters)) {
            let known = self.metastore.get_table_statistics(&table.database, &table.name).await?;
            columns = known.columns.into_iter().map(|c| (c.column.clone(), c)).collect();
        }
        for column in &spark.columns {
            columns.entry(column.column.clone()).or_insert_with(|| column.clone());
        }
        Ok(self.typed(|name| columns.get(name).cloned()))
    }

    async fn columns_of_partitions(
        &self,
        parts: &[(&ScannedPartition, FileTotals)],
        rows: &[Option<u64>],
        of_table: &BTreeMap<String, ColumnStatistics>,
    ) -> Result<Vec<KnownColumn>> {
        let table = &self.definition;
        let with_rows: Vec<(&ScannedPartition, u64)> = parts
            .iter()
            .zip(rows)
            .filter_map(|((part, _), rows)| Some((*part, (*rows).filter(|rows| *rows > 0)?)))
            .collect();
        let fetched = with_rows.len() <= PARTITIONS_WITH_COLUMNS_MAX
            && with_rows.iter().all(|(part, _)| has_column_statistics(&part.parameters));
        if !fetched {
            return Ok(self.typed(|name| of_table.get(name).cloned()));
        }
        let values = with_rows.iter().map(|(part, _)| part.texts.clone()).collect();
        let known = self
            .metastore
            .get_partition_column_statistics(&table.database, &table.name, values)
            .await?;
        let by_partition = with_rows.iter().map(|(part, rows)| {
            (known.get(&partition_name(&table.partition_keys, &part.texts)), *rows)
        });
        let by_partition: Vec<_> = by_partition.collect();
        let columns = self.definition.sd.columns.iter().map(|column| {
            let data_type = hive_type::data_type_of(&column.hive_type).ok()?;
            let mut merged = Merged::default();
            for (columns, rows) in &by_partition {
                let known = columns.and_then(|c| c.iter().find(|c| c.column == column.name))?;
                merged.add(&KnownColumn::of(known, &data_type), *rows);
            }
            Some(merged.finish(of_table.get(&column.name)))
        });
        Ok(columns.map(Option::unwrap_or_default).collect())
    }

    /// Data columns in order, as `find` knows them.
    fn typed(&self, find: impl Fn(&str) -> Option<ColumnStatistics>) -> Vec<KnownColumn> {
        let columns = self.definition.sd.columns.iter().map(|column| {
            let data_type = hive_type::data_type_of(&column.hive_type).ok()?;
            Some(KnownColumn::of(&find(&column.name)?, &data_type))
        });
        columns.map(Option::unwrap_or_default).collect()
    }

    /// Keys are known from the partitions themselves.
    fn key_columns(
        &self,
        parts: &[(&ScannedPartition, FileTotals)],
        rows: &[Option<u64>],
    ) -> Vec<KnownColumn> {
        let n_keys = self.definition.partition_keys.len();
        let filled: Vec<_> = parts.iter().zip(rows).filter(|((_, now), _)| now.bytes > 0).collect();
        let columns = (0..n_keys).map(|key| {
            let of = |part: &ScannedPartition| part.values.get(key).cloned();
            let values: HashSet<ScalarValue> = filled
                .iter()
                .filter_map(|((part, _), _)| of(part))
                .filter(|v| !v.is_null())
                .collect();
            let is_null = |part: &ScannedPartition| of(part).is_none_or(|value| value.is_null());
            let nulls = filled.iter().filter(|((part, _), _)| is_null(part));
            let mut bounds = KnownColumn {
                nulls: nulls
                    .into_iter()
                    .try_fold(0_u64, |sum, (_, rows)| sum.checked_add((**rows)?)),
                distinct: Some(values.len() as u64),
                ..KnownColumn::default()
            };
            for value in values.iter().filter(|value| has_bounds(&value.data_type())) {
                bounds.widen(Some(value), Some(value));
            }
            bounds
        });
        columns.collect()
    }
}

/// What Spark recorded of the whole table says of the rows of some of its partitions: their part
/// by bytes. Files that came since make it unknown.
fn table_rows(
    spark: &TableStatistics,
    parts: &[(&ScannedPartition, FileTotals)],
    complete: bool,
) -> Option<u64> {
    let (rows, bytes) = (spark.row_count?, spark.total_bytes?);
    let now: u64 = parts.iter().map(|(_, now)| now.bytes).sum();
    match complete {
        true => (bytes == now).then_some(rows),
        false if now <= bytes && bytes > 0 => {
            Some((rows as f64 * now as f64 / bytes as f64) as u64)
        }
        false => None,
    }
}

/// Spark's columns of the whole table, as those of `rows` of its rows; none when they are stale.
fn scaled(spark: &TableStatistics, rows: u64, fresh: bool) -> BTreeMap<String, ColumnStatistics> {
    let Some(all) = spark.row_count.filter(|_| fresh) else { return BTreeMap::new() };
    let part = |n: u64| (n as f64 * rows as f64 / all.max(1) as f64) as u64;
    let columns = spark.columns.iter().map(|column| {
        let known = ColumnStatistics {
            null_count: column.null_count.map(part),
            distinct_count: column.distinct_count.map(|n| n.min(rows)),
            ..column.clone()
        };
        (column.column.clone(), known)
    });
    columns.collect()
}

impl KnownColumn {
    fn of(column: &ColumnStatistics, data_type: &DataType) -> Self {
        let bound = |text: &Option<String>| {
            let text = text.as_ref().filter(|_| has_bounds(data_type))?;
            typed_value(text, data_type).ok().filter(|value| !value.is_null())
        };
        // Hive counts those of a boolean column instead of its distinct values.
        let booleans =
            || Some(u64::from(column.num_trues? > 0) + u64::from(column.num_falses? > 0));
        Self {
            nulls: column.null_count,
            distinct: column.distinct_count.or_else(booleans),
            min: bound(&column.min),
            max: bound(&column.max),
            avg_length: column.avg_length,
        }
    }

    fn widen(&mut self, min: Option<&ScalarValue>, max: Option<&ScalarValue>) {
        if let Some(min) = min
            && self.min.as_ref().is_none_or(|known| min.partial_cmp(known) == Some(Ordering::Less))
        {
            self.min = Some(min.clone());
        }
        if let Some(max) = max
            && self
                .max
                .as_ref()
                .is_none_or(|known| max.partial_cmp(known) == Some(Ordering::Greater))
        {
            self.max = Some(max.clone());
        }
    }
}

/// A column of several partitions.
#[derive(Default)]
struct Merged {
    partitions: usize,
    nulls: Option<u64>,
    distinct_max: Option<u64>,
    distinct_sum: Option<u64>,
    bounds: KnownColumn,
    /// Partitions that have values and bounds for them, or no values.
    bounded: usize,
    lengths: Option<f64>,
    values: u64,
}

impl Merged {
    fn add(&mut self, column: &KnownColumn, rows: u64) {
        let first = self.partitions == 0;
        let sum = |sum: Option<u64>, n: Option<u64>| match first {
            true => n,
            false => Some(sum?.saturating_add(n?)),
        };
        let values = rows.saturating_sub(column.nulls.unwrap_or(0));
        self.nulls = sum(self.nulls, column.nulls);
        self.distinct_sum = sum(self.distinct_sum, column.distinct);
        self.distinct_max = match first {
            true => column.distinct,
            false => self.distinct_max.zip(column.distinct).map(|(a, b)| a.max(b)),
        };
        let length = column.avg_length.map(|length| length * values as f64);
        self.lengths = match first {
            true => length,
            false => self.lengths.zip(length).map(|(a, b)| a + b),
        };
        self.bounds.widen(column.min.as_ref(), column.max.as_ref());
        self.bounded += usize::from(values == 0 || (column.min.is_some() && column.max.is_some()));
        self.values = self.values.saturating_add(values);
        self.partitions += 1;
    }

    /// The number of distinct values lies between the greatest and the sum of those of the
    /// partitions; what is known of the whole table narrows it.
    fn finish(self, of_table: Option<&ColumnStatistics>) -> KnownColumn {
        let of_table = of_table.and_then(|column| column.distinct_count);
        let distinct = match (self.distinct_max, self.distinct_sum, of_table) {
            (Some(least), Some(most), Some(n)) => Some(n.clamp(least, most)),
            (least, _, _) => least,
        };
        let bounds = match self.bounded == self.partitions {
            true => self.bounds,
            false => KnownColumn::default(),
        };
        KnownColumn {
            nulls: self.nulls,
            distinct,
            avg_length: self.lengths.map(|sum| sum / self.values.max(1) as f64),
            ..bounds
        }
    }
}

/// The least and the greatest of some texts of a type, as they are written. None for types whose
/// values nobody keeps bounds of: texts, mostly.
pub(crate) fn bounds_of_texts(
    texts: &[String],
    hive_type: &str,
) -> (Option<String>, Option<String>) {
    let Some(data_type) = hive_type::data_type_of(hive_type).ok().filter(has_bounds) else {
        return (None, None);
    };
    let values = texts.iter().filter_map(|text| {
        let value = typed_value(text, &data_type).ok().filter(|value| !value.is_null())?;
        Some((value, text))
    });
    let values: Vec<(ScalarValue, &String)> = values.collect();
    let order = |(a, _): &&(ScalarValue, &String), (b, _): &&(ScalarValue, &String)| {
        a.partial_cmp(b).unwrap_or(Ordering::Equal)
    };
    let text = |(_, text): &(ScalarValue, &String)| (*text).clone();
    (values.iter().min_by(order).map(text), values.iter().max_by(order).map(text))
}

fn has_bounds(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_temporal()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{Field, Schema};

    fn column(nulls: u64, distinct: u64, bounds: Option<(i32, i32)>) -> KnownColumn {
        let value = |n: i32| ScalarValue::Int32(Some(n));
        KnownColumn {
            nulls: Some(nulls),
            distinct: Some(distinct),
            min: bounds.map(|(min, _)| value(min)),
            max: bounds.map(|(_, max)| value(max)),
            avg_length: None,
        }
    }

    #[test]
    fn partitions_add_up() {
        let mut merged = Merged::default();
        merged.add(&column(1, 5, Some((3, 9))), 10);
        merged.add(&column(0, 7, Some((-2, 4))), 10);
        // Nothing but NULL has no bounds, and takes none away.
        merged.add(&column(4, 0, None), 4);
        let known = merged.finish(None);
        assert_eq!(known, column(5, 7, Some((-2, 9))));
    }

    #[test]
    fn an_unknown_part_is_unknown() {
        let mut merged = Merged::default();
        merged.add(&column(1, 5, Some((3, 9))), 10);
        merged.add(&KnownColumn::default(), 10);
        assert_eq!(merged.finish(None), KnownColumn::default());
    }

    #[test]
    fn the_whole_tables_distinct_values_narrow_those_of_some_partitions() {
        for (of_table, expected) in [(8, 8), (3, 7), (90, 12)] {
            let mut merged = Merged::default();
            merged.add(&column(0, 5, None), 10);
            merged.add(&column(0, 7, None), 10);
            let table =
                ColumnStatistics { distinct_count: Some(of_table), ..ColumnStatistics::default() };
            assert_eq!(merged.finish(Some(&table)).distinct, Some(expected));
        }
    }

    #[test]
    fn nothing_that_is_filled_in_is_exact_or_replaces_what_is_known() {
        let schema = Schema::new(vec![Field::new("a", DataType::Int32, true)]);
        let known = KnownStatistics { rows: Some(10), columns: vec![column(1, 20, Some((3, 9)))] };
        let mut statistics = Statistics::new_unknown(&schema);
        known.fill_in(&mut statistics);
        assert_eq!(statistics.num_rows, Precision::Inexact(10));
        let filled = &statistics.column_statistics[0];
        assert_eq!(filled.distinct_count, Precision::Inexact(10));
        assert_eq!(filled.max_value, Precision::Inexact(ScalarValue::Int32(Some(9))));
        statistics.num_rows = Precision::Exact(4);
        known.fill_in(&mut statistics);
        assert_eq!(statistics.num_rows, Precision::Exact(4));
    }
}
