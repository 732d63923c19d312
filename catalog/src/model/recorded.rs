//! What was measured of a table or partition, as parameters: Hive's and Spark's.
//!
//! Spark keeps statistics in parameters of its own, those of columns too, and believes them
//! before Hive's (`HiveExternalCatalog.statsToProperties`). It reads `totalSize` of them without
//! asking whether it is there, so that it is always written.

use super::stats::mark_basic_statistics;
use super::{ColumnStatistics, NUM_FILES, NUM_ROWS, Parameters, TOTAL_SIZE, TableStatistics};
use crate::hive_type::HiveType;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Hive's size of the rows in memory, which is not measured.
const RAW_DATA_SIZE: &str = "rawDataSize";
const SPARK: &str = "spark.sql.statistics.";
const SPARK_TOTAL_SIZE: &str = "spark.sql.statistics.totalSize";
const SPARK_NUM_ROWS: &str = "spark.sql.statistics.numRows";
const SPARK_COLUMNS: &str = "spark.sql.statistics.colStats.";
/// The version of Spark's column statistics since Spark 3.0: times are texts in UTC.
const SPARK_VERSION: &str = "2";
/// What is read of a column; there are histograms too.
const SPARK_FIELDS: [&str; 6] = ["distinctCount", "nullCount", "min", "max", "avgLen", "maxLen"];
const SPARK_SCHEMA: &str = "spark.sql.sources.schema";

/// Whether a parameter describes the files that a table has now.
pub fn is_statistics_parameter(key: &str) -> bool {
    [NUM_FILES, TOTAL_SIZE, RAW_DATA_SIZE, NUM_ROWS, super::COLUMN_STATS_ACCURATE].contains(&key)
        || key.starts_with(SPARK)
}

/// How many files there are, and how large they are together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileTotals {
    /// Number of files.
    pub files: u64,
    /// Number of bytes in them.
    pub bytes: u64,
}

impl FileTotals {
    /// Counts a file in.
    pub fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts the files of another directory in.
    pub fn add_all(&mut self, other: Self) {
        self.files += other.files;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What was measured of a table or partition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Its files.
    pub totals: FileTotals,
    /// Its rows, when they were counted.
    pub rows: Option<u64>,
    /// Columns that were looked at.
    pub columns: Vec<ColumnStatistics>,
}

/// Whether what is recorded of the files is what they are now. Nothing recorded is not stale.
pub fn is_stale(parameters: &Parameters, now: FileTotals) -> bool {
    let recorded = TableStatistics::from_parameters(parameters);
    match (recorded.total_bytes, recorded.file_count) {
        // Others count empty files too, so that the sizes tell more than the numbers.
        (Some(bytes), _) => bytes != now.bytes,
        (None, Some(files)) => files != now.files,
        (None, None) => spark_number(parameters, SPARK_TOTAL_SIZE).is_some_and(|n| n != now.bytes),
    }
}

/// The rows that a table or partition has, unless its files changed since they were counted.
pub fn rows_recorded(parameters: &Parameters, now: FileTotals) -> Option<u64> {
    if now.bytes == 0 {
        return Some(0);
    }
    let hive = TableStatistics::from_parameters(parameters);
    // Hive's metastore records files as they come and leaves the rows at 0.
    let counted = hive.row_count.filter(|rows| *rows > 0 || is_accurate(parameters));
    let hive_rows = counted.filter(|_| !is_stale(parameters, now));
    hive_rows.or_else(|| {
        let bytes = spark_number(parameters, SPARK_TOTAL_SIZE)?;
        spark_number(parameters, SPARK_NUM_ROWS).filter(|_| bytes == now.bytes)
    })
}

fn is_accurate(parameters: &Parameters) -> bool {
    parameters.get(super::COLUMN_STATS_ACCURATE).is_some_and(|text| text.contains("BASIC_STATS"))
}

/// Whether a table or partition is said to have statistics of columns beside its parameters.
pub fn has_column_statistics(parameters: &Parameters) -> bool {
    parameters.get(super::COLUMN_STATS_ACCURATE).is_some_and(|text| text.contains("\"COLUMN_STATS"))
}

/// What Spark recorded of a whole table: bytes, rows and columns.
pub fn spark_statistics(parameters: &Parameters) -> TableStatistics {
    let mut columns: BTreeMap<String, ColumnStatistics> = BTreeMap::new();
    for (key, value) in parameters {
        let Some((name, field)) =
            key.strip_prefix(SPARK_COLUMNS).and_then(|rest| rest.rsplit_once('.'))
        else {
            continue;
        };
        if SPARK_FIELDS.contains(&field) {
            read_field(columns.entry(name.to_lowercase()).or_default(), field, value);
        }
    }
    let columns = columns.into_iter().map(|(column, known)| ColumnStatistics { column, ..known });
    TableStatistics {
        row_count: spark_number(parameters, SPARK_NUM_ROWS),
        total_bytes: spark_number(parameters, SPARK_TOTAL_SIZE),
        file_count: None,
        columns: columns.collect(),
    }
}

fn spark_number(parameters: &Parameters, key: &str) -> Option<u64> {
    parameters.get(key)?.parse().ok()
}

fn read_field(column: &mut ColumnStatistics, field: &str, value: &str) {
    match field {
        "distinctCount" => column.distinct_count = value.parse().ok(),
        "nullCount" => column.null_count = value.parse().ok(),
        "min" => column.min = Some(value.to_owned()),
        "max" => column.max = Some(value.to_owned()),
        "avgLen" => column.avg_length = value.parse().ok(),
        "maxLen" => column.max_length = value.parse().ok(),
        _ => {}
    }
}

/// Records what was measured of a table without partitions, or of a partition, where Hive looks
/// for it. What is not measured stays unless the files changed. Statistics of columns are no
/// parameters of Hive's.
pub fn record_for_hive(parameters: &mut Parameters, measured: &Measured) {
    let now = measured.totals;
    if is_stale(parameters, now) {
        parameters.remove(super::COLUMN_STATS_ACCURATE);
        parameters.remove(NUM_ROWS);
    }
    parameters.remove(RAW_DATA_SIZE);
    parameters.insert(NUM_FILES.to_owned(), now.files.to_string());
    parameters.insert(TOTAL_SIZE.to_owned(), now.bytes.to_string());
    if let Some(rows) = measured.rows {
        parameters.insert(NUM_ROWS.to_owned(), rows.to_string());
        mark_basic_statistics(parameters);
    }
}

/// Records what was measured where Spark looks for it. `names` has the columns' names as Spark
/// writes them, by those that Hive has.
pub fn record_for_spark(
    parameters: &mut Parameters,
    measured: &Measured,
    names: &BTreeMap<String, String>,
) {
    let bytes = measured.totals.bytes;
    if spark_number(parameters, SPARK_TOTAL_SIZE).is_some_and(|before| before != bytes) {
        parameters.retain(|key, _| !key.starts_with(SPARK));
    }
    parameters.insert(SPARK_TOTAL_SIZE.to_owned(), bytes.to_string());
    if let Some(rows) = measured.rows {
        parameters.insert(SPARK_NUM_ROWS.to_owned(), rows.to_string());
    }
    for column in &measured.columns {
        let name = names.get(&column.column).unwrap_or(&column.column);
        write_column(parameters, name, column);
    }
}

fn write_column(parameters: &mut Parameters, name: &str, column: &ColumnStatistics) {
    let prefix = format!("{SPARK_COLUMNS}{name}.");
    // What has a dot is of another column, whose name has one.
    let is_ours = |field: &str| field.starts_with("histogram") || !field.contains('.');
    parameters.retain(|key, _| !key.strip_prefix(&prefix).is_some_and(is_ours));
    let length = |n: f64| format!("{:.0}", n.ceil());
    let (min, max) = spark_bounds(column);
    let fields = [
        ("version", Some(SPARK_VERSION.to_owned())),
        ("distinctCount", column.distinct_count.map(|n| n.to_string())),
        ("nullCount", column.null_count.map(|n| n.to_string())),
        ("min", min),
        ("max", max),
        ("avgLen", column.avg_length.map(length)),
        ("maxLen", column.max_length.map(|n| n.to_string())),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            parameters.insert(format!("{prefix}{field}"), value);
        }
    }
}

/// Least and greatest value as Spark reads them.
fn spark_bounds(column: &ColumnStatistics) -> (Option<String>, Option<String>) {
    match HiveType::parse(&column.hive_type) {
        Ok(HiveType::Boolean) => {
            let (falses, trues) = (column.num_falses.unwrap_or(0), column.num_trues.unwrap_or(0));
            let bound = |is_true: bool| (falses + trues > 0).then(|| is_true.to_string());
            (bound(falses == 0), bound(trues > 0))
        }
        Ok(HiveType::Timestamp | HiveType::TimestampLocal) => {
            let six_digits = |text: &String| {
                let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
                format!("{seconds}.{fraction:0<6}")
            };
            (column.min.as_ref().map(six_digits), column.max.as_ref().map(six_digits))
        }
        _ => (column.min.clone(), column.max.clone()),
    }
}

/// The part of Spark's schema that is needed.
#[derive(Deserialize)]
struct SparkSchema {
    fields: Vec<SparkField>,
}

#[derive(Deserialize)]
struct SparkField {
    name: String,
}

/// Names of columns as Spark writes them, by lower-case name: Hive keeps no case.
pub fn spark_column_names(parameters: &Parameters) -> BTreeMap<String, String> {
    let text = match parameters.get(SPARK_SCHEMA) {
        Some(text) => text.clone(),
        None => {
            let count = spark_number(parameters, "spark.sql.sources.schema.numParts").unwrap_or(0);
            // Each part is a parameter, so that there are no more parts than those.
            let count = count.min(parameters.len() as u64);
            let parts =
                (0..count).filter_map(|n| parameters.get(&format!("{SPARK_SCHEMA}.part.{n}")));
            parts.map(String::as_str).collect()
        }
    };
    let schema = serde_json::from_str::<SparkSchema>(&text);
    let fields = schema.map(|schema| schema.fields).unwrap_or_default();
    fields.into_iter().map(|field| (field.name.to_lowercase(), field.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(entries: &[(&str, &str)]) -> Parameters {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn totals(files: u64, bytes: u64) -> FileTotals {
        FileTotals { files, bytes }
    }

    fn column(name: &str, hive_type: &str) -> ColumnStatistics {
        ColumnStatistics {
            column: name.to_owned(),
            hive_type: hive_type.to_owned(),
            null_count: Some(1),
            distinct_count: Some(2),
            ..ColumnStatistics::default()
        }
    }

    #[test]
    fn what_is_recorded_is_read_back_until_the_files_change() {
        let mut recorded = parameters(&[("rawDataSize", "9"), ("owner", "ada")]);
        let columns = vec![ColumnStatistics {
            min: Some("3".to_owned()),
            max: Some("9".to_owned()),
            ..column("a", "int")
        }];
        let measured = Measured { totals: totals(2, 100), rows: Some(7), columns };
        record_for_hive(&mut recorded, &measured);
        record_for_spark(&mut recorded, &measured, &BTreeMap::new());
        assert_eq!(rows_recorded(&recorded, totals(2, 100)), Some(7));
        assert_eq!(rows_recorded(&recorded, totals(3, 120)), None);
        assert_eq!(rows_recorded(&recorded, totals(0, 0)), Some(0));
        assert_eq!(recorded["owner"], "ada");
        assert!(!recorded.contains_key("rawDataSize"));
        let spark = spark_statistics(&recorded);
        assert_eq!((spark.row_count, spark.total_bytes), (Some(7), Some(100)));
        let known = spark.columns.first().unwrap();
        assert_eq!((known.min.as_deref(), known.distinct_count), (Some("3"), Some(2)));

        // Without scan: nothing is known any more but the files.
        let listed = Measured { totals: totals(3, 120), ..Measured::default() };
        record_for_hive(&mut recorded, &listed);
        record_for_spark(&mut recorded, &listed, &BTreeMap::new());
        let expected = parameters(&[
            ("numFiles", "3"),
            ("totalSize", "120"),
            ("spark.sql.statistics.totalSize", "120"),
            ("owner", "ada"),
        ]);
        assert_eq!(recorded, expected);
    }

    #[test]
    fn hives_zero_rows_of_files_are_not_believed() {
        let hive = [("numRows", "0"), ("numFiles", "1"), ("totalSize", "10")];
        assert_eq!(rows_recorded(&parameters(&hive), totals(1, 10)), None);
        let mut counted = parameters(&hive);
        mark_basic_statistics(&mut counted);
        assert_eq!(rows_recorded(&counted, totals(1, 10)), Some(0));
        let spark =
            [("spark.sql.statistics.numRows", "4"), ("spark.sql.statistics.totalSize", "10")];
        let both: Vec<_> = hive.into_iter().chain(spark).collect();
        assert_eq!(rows_recorded(&parameters(&both), totals(1, 10)), Some(4));
        assert_eq!(rows_recorded(&parameters(&both), totals(1, 11)), None);
    }

    #[test]
    fn spark_gets_its_own_names_and_texts() {
        let schema =
            r#"{"type":"struct","fields":[{"name":"At","type":"timestamp"},{"name":"b"}]}"#;
        let (first, second) = schema.split_at(20);
        let mut split = parameters(&[
            ("spark.sql.sources.schema.numParts", "2"),
            ("spark.sql.sources.schema.part.0", first),
            ("spark.sql.sources.schema.part.1", second),
            ("spark.sql.statistics.colStats.At.histogram", "old"),
            ("spark.sql.statistics.colStats.At.b.version", "2"),
        ]);
        let names = spark_column_names(&split);
        assert_eq!(names["at"], "At");
        let at = ColumnStatistics {
            min: Some("2024-01-01 00:00:00".to_owned()),
            max: Some("2024-01-01 00:00:00.5".to_owned()),
            ..column("at", "timestamp")
        };
        let flag =
            ColumnStatistics { num_trues: Some(3), num_falses: Some(0), ..column("b", "boolean") };
        let measured = Measured { totals: totals(1, 1), rows: Some(3), columns: vec![at, flag] };
        record_for_spark(&mut split, &measured, &names);
        let of = |key: &str| split.get(&format!("spark.sql.statistics.colStats.{key}")).cloned();
        assert_eq!(of("At.min").unwrap(), "2024-01-01 00:00:00.000000");
        assert_eq!(of("At.max").unwrap(), "2024-01-01 00:00:00.500000");
        assert_eq!(of("At.version").unwrap(), "2");
        assert_eq!((of("b.min"), of("b.max")), (Some("true".into()), Some("true".into())));
        assert_eq!(of("At.histogram"), None);
        assert!(of("At.b.version").is_some());
    }
}
