//! Statistics that are missing, or are of files that are not there any more.

use super::{Check, Finding, Part, Problem};
use quern_catalog::model::{
    FileTotals, TableFormat, TableStatistics, is_stale, rows_recorded, spark_statistics,
};

const ALL_COLUMNS: &str = " FOR ALL COLUMNS";
/// Of files that Quern does not read, there is nothing to count.
const NO_SCAN: &str = " NOSCAN";

impl Check {
    /// Compares what is recorded with the files. When no partition has statistics, that is one
    /// finding.
    pub(super) fn statistics(&self, parts: &[(Part, FileTotals)]) -> Vec<Finding> {
        let readable =
            !matches!(TableFormat::of(&self.table), Ok(TableFormat::Unsupported(_)) | Err(_));
        let how = if readable { ALL_COLUMNS } else { NO_SCAN };
        let mut findings = vec![];
        let mut n_missing = 0;
        for (part, now) in parts {
            let values = part.name.is_some().then_some(part.values.as_slice());
            let (problem, detail) = if is_stale(&part.parameters, *now) {
                (
                    Problem::StatisticsStale,
                    stale(&TableStatistics::from_parameters(&part.parameters), *now),
                )
            } else if readable && rows_recorded(&part.parameters, *now).is_none() {
                n_missing += 1;
                (Problem::StatisticsMissing, "the rows were never counted".to_owned())
            } else {
                continue;
            };
            let fix = Some(self.fixes().analyze(values, how));
            findings.push(Finding { partition: part.name.clone(), problem, detail, fix });
        }
        if n_missing > 1 && n_missing == parts.len() {
            return vec![Finding {
                partition: None,
                problem: Problem::StatisticsMissing,
                detail: format!("the rows of none of {n_missing} partitions were ever counted"),
                fix: Some(self.fixes().analyze(None, how)),
            }];
        }
        findings.extend(self.stale_for_spark(parts, how));
        findings
    }

    /// Spark has numbers of a partitioned table as a whole.
    fn stale_for_spark(&self, parts: &[(Part, FileTotals)], how: &str) -> Option<Finding> {
        if self.table.partition_keys.is_empty() {
            return None;
        }
        let recorded = spark_statistics(&self.table.parameters);
        let mut now = FileTotals::default();
        parts.iter().for_each(|(_, totals)| now.add_all(*totals));
        let bytes = recorded.total_bytes.filter(|bytes| *bytes != now.bytes)?;
        Some(Finding {
            partition: None,
            problem: Problem::StatisticsStale,
            detail: format!("Spark's statistics are of {bytes} bytes, there are {}", now.bytes),
            fix: Some(self.fixes().analyze(None, how)),
        })
    }
}

fn stale(recorded: &TableStatistics, now: FileTotals) -> String {
    let number = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!(
        "recorded are {} bytes in {} files, there are {} bytes in {} files",
        number(recorded.total_bytes),
        number(recorded.file_count),
        now.bytes,
        now.files
    )
}
