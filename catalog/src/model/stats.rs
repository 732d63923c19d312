//! Statistics of tables and columns.
//!
//! Numbers of a table as a whole live where Hive keeps them: in the parameters `numRows`,
//! `totalSize` and `numFiles` of the table or, of a partitioned table, of its partitions.

use super::Parameters;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The parameter that holds the number of rows.
pub const NUM_ROWS: &str = "numRows";
/// The parameter that holds the number of bytes in the files.
pub const TOTAL_SIZE: &str = "totalSize";
/// The parameter that holds the number of files.
pub const NUM_FILES: &str = "numFiles";

/// The parameter that holds the id of the query that wrote a partition.
pub const QUERY_ID: &str = "quern_query_id";

/// What is known of a column's values. Everything is optional but the name and the type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnStatistics {
    /// Lower-case column name.
    pub column: String,
    /// Hive type text of the column when the statistics were made.
    pub hive_type: String,
    /// Number of NULLs.
    pub null_count: Option<u64>,
    /// Number of distinct values, NULL not counted; an estimate.
    pub distinct_count: Option<u64>,
    /// Smallest value, as text that casts to the column's type.
    pub min: Option<String>,
    /// Largest value, as text that casts to the column's type.
    pub max: Option<String>,
    /// Mean length in bytes of a text or binary column.
    pub avg_length: Option<f64>,
    /// Greatest length in bytes of a text or binary column.
    pub max_length: Option<u64>,
    /// Number of `true` in a boolean column.
    pub num_trues: Option<u64>,
    /// Number of `false` in a boolean column.
    pub num_falses: Option<u64>,
    /// Hive's sketch of the distinct values, from which it estimates those of several
    /// partitions. Opaque to us.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "sketch")]
    pub sketch: Option<Vec<u8>>,
    /// When the statistics were made, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_analyzed: Option<i64>,
}

/// A sketch as text: JSON has no bytes.
mod sketch {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        sketch: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        sketch.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map_err(D::Error::custom)).transpose()
    }
}

/// The parameter in which Hive says which statistics can be relied on.
pub const COLUMN_STATS_ACCURATE: &str = "COLUMN_STATS_ACCURATE";

/// Says in the parameters of a table or partition that these columns have statistics, or that
/// they have none any more. What else the parameter says is left alone.
pub(crate) fn mark_column_statistics(
    parameters: &mut Parameters,
    columns: &[&str],
    accurate: bool,
) {
    let text = parameters.get(COLUMN_STATS_ACCURATE).map_or("{}", String::as_str);
    // Old versions of Hive wrote TRUE or FALSE here.
    let state = serde_json::from_str(text).ok();
    let mut state: BTreeMap<String, serde_json::Value> = state.unwrap_or_default();
    let marked = state.get("COLUMN_STATS").cloned().and_then(|v| serde_json::from_value(v).ok());
    let mut marked: BTreeMap<String, String> = marked.unwrap_or_default();
    for column in columns {
        match accurate {
            true => marked.insert((*column).to_owned(), "true".to_owned()),
            false => marked.remove(*column),
        };
    }
    if marked.is_empty() {
        state.remove("COLUMN_STATS");
    } else {
        state.insert("COLUMN_STATS".to_owned(), serde_json::json!(marked));
    }
    if state.is_empty() {
        parameters.remove(COLUMN_STATS_ACCURATE);
    } else {
        let text = serde_json::json!(state).to_string();
        parameters.insert(COLUMN_STATS_ACCURATE.to_owned(), text);
    }
}

/// Says in the parameters of a table or partition that its rows were counted.
pub(crate) fn mark_basic_statistics(parameters: &mut Parameters) {
    let text = parameters.get(COLUMN_STATS_ACCURATE).map_or("{}", String::as_str);
    let state = serde_json::from_str(text).ok();
    let mut state: BTreeMap<String, serde_json::Value> = state.unwrap_or_default();
    state.insert("BASIC_STATS".to_owned(), serde_json::json!("true"));
    let text = serde_json::json!(state).to_string();
    parameters.insert(COLUMN_STATS_ACCURATE.to_owned(), text);
}

/// What is known of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableStatistics {
    /// Number of rows.
    pub row_count: Option<u64>,
    /// Number of bytes in the files.
    pub total_bytes: Option<u64>,
    /// Number of files.
    pub file_count: Option<u64>,
    /// Columns that have statistics, by name.
    pub columns: Vec<ColumnStatistics>,
}

impl TableStatistics {
    /// Reads the numbers of the table or partition that has these parameters. A number that is
    /// missing or no number (Hive writes -1 for "unknown") is unknown.
    pub fn from_parameters(parameters: &Parameters) -> Self {
        let number = |key: &str| {
            let number: i64 = parameters.get(key)?.parse().ok()?;
            u64::try_from(number).ok()
        };
        Self {
            row_count: number(NUM_ROWS),
            total_bytes: number(TOTAL_SIZE),
            file_count: number(NUM_FILES),
            columns: Vec::new(),
        }
    }

    /// Adds the numbers of a partition. A sum with an unknown part is unknown.
    pub fn add(&mut self, part: &Self) {
        let sum = |a: Option<u64>, b: Option<u64>| a?.checked_add(b?);
        self.row_count = sum(self.row_count, part.row_count);
        self.total_bytes = sum(self.total_bytes, part.total_bytes);
        self.file_count = sum(self.file_count, part.file_count);
    }

    /// These numbers, the unknown ones taken from `other`.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        self.row_count = self.row_count.or(other.row_count);
        self.total_bytes = self.total_bytes.or(other.total_bytes);
        self.file_count = self.file_count.or(other.file_count);
        self
    }

    /// Statistics of nothing: the start of a sum over partitions.
    pub fn zero() -> Self {
        Self { row_count: Some(0), total_bytes: Some(0), file_count: Some(0), columns: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_from_parameters_and_unknown_is_contagious() {
        let parameters = |rows: &str| Parameters::from([(NUM_ROWS.to_owned(), rows.to_owned())]);
        let mut sum = TableStatistics::zero();
        sum.add(&TableStatistics::from_parameters(&parameters("7")));
        assert_eq!((sum.row_count, sum.total_bytes), (Some(7), None));
        sum.add(&TableStatistics::from_parameters(&parameters("-1")));
        assert_eq!(sum.row_count, None);
    }

    #[test]
    fn columns_are_marked_as_hive_does() {
        let mut parameters = Parameters::new();
        mark_column_statistics(&mut parameters, &["id", "a"], true);
        let text = "{\"COLUMN_STATS\":{\"a\":\"true\",\"id\":\"true\"}}";
        assert_eq!(parameters[COLUMN_STATS_ACCURATE], text);
        mark_column_statistics(&mut parameters, &["id", "a", "b"], false);
        assert!(parameters.is_empty());
        for before in ["{\"BASIC_STATS\":\"true\"}", "TRUE"] {
            parameters.insert(COLUMN_STATS_ACCURATE.to_owned(), before.to_owned());
            mark_column_statistics(&mut parameters, &["a"], true);
            let after = &parameters[COLUMN_STATS_ACCURATE];
            assert_eq!(after.contains("BASIC_STATS"), before.contains("BASIC_STATS"));
            assert!(after.contains("\"COLUMN_STATS\":{\"a\":\"true\"}"), "{after}");
        }
    }

    #[test]
    fn a_sketch_survives_as_json() {
        let given = ColumnStatistics { sketch: Some(vec![0, 255, 7]), ..Default::default() };
        let text = serde_json::to_string(&given).unwrap();
        assert_eq!(serde_json::from_str::<ColumnStatistics>(&text).unwrap(), given);
        let before = "{\"column\":\"a\",\"hive_type\":\"int\"}";
        assert_eq!(serde_json::from_str::<ColumnStatistics>(before).unwrap().sketch, None);
    }
}
