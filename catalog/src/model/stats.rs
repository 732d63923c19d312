//! Statistics of tables and columns.
//!
//! Numbers of a table as a whole live where Hive keeps them: in the parameters `numRows`,
//! `totalSize` and `numFiles` of the table or, of a partitioned table, of its partitions.

use super::Parameters;
use serde::{Deserialize, Serialize};

/// The parameter that holds the number of rows.
pub const NUM_ROWS: &str = "numRows";
/// The parameter that holds the number of bytes in the files.
pub const TOTAL_SIZE: &str = "totalSize";
/// The parameter that holds the number of files.
pub const NUM_FILES: &str = "numFiles";

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
}
