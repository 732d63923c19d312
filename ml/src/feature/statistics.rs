//! The first pass of every training: counts, means, deviations, categories, classes.

use super::{ClassValue, Decoded, InputColumns, Moments};
use crate::options::{NullHandling, TrainingOptions};
use arrow::array::{Array, ArrayRef};
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Numbers beyond this cannot be squared and added without losing them.
const LARGEST_NUMBER: f64 = 1e100;
/// Bytes of all categories of one column.
const MAX_CATEGORY_BYTES: usize = 4 << 20;
/// Classes that are told apart before training gives up.
const MAX_CLASSES: usize = 2;

/// What one statistics pass has seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statistics {
    pub(crate) rows: u64,
    pub(crate) rows_skipped: u64,
    pub(crate) columns: Vec<ColumnStatistics>,
    pub(crate) target: Option<TargetStatistics>,
}

/// What is known of a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum ColumnStatistics {
    Number(Moments),
    /// How often each category occurs.
    Text(BTreeMap<String, u64>),
}

/// What is known of the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum TargetStatistics {
    Number(Moments),
    /// How often each class occurs.
    Classes(BTreeMap<ClassValue, u64>),
}

impl Statistics {
    /// Nothing seen yet.
    pub(crate) fn new(options: &TrainingOptions, columns: &InputColumns) -> Self {
        use super::ColumnKind;
        let columns_empty = columns.features.iter().map(|column| match column.kind {
            ColumnKind::Text => ColumnStatistics::Text(BTreeMap::new()),
            _ => ColumnStatistics::Number(Moments::default()),
        });
        let target = columns.target.as_ref().map(|_| {
            if options.algorithm.has_classes() {
                TargetStatistics::Classes(BTreeMap::new())
            } else {
                TargetStatistics::Number(Moments::default())
            }
        });
        Self { rows: 0, rows_skipped: 0, columns: columns_empty.collect(), target }
    }

    /// Takes in a batch.
    pub(crate) fn update(
        &mut self,
        options: &TrainingOptions,
        columns: &InputColumns,
        arrays: &[ArrayRef],
    ) -> Result<()> {
        let total = arrays.first().map_or(0, |array| array.len());
        let (features, target) = columns.read(arrays)?;
        let rows = training_rows(options.nulls, columns, &features, target.as_ref(), total)?;
        self.rows += rows.len() as u64;
        self.rows_skipped += (total - rows.len()) as u64;
        let known = columns.features.iter().zip(&features).zip(&mut self.columns);
        for ((column, decoded), statistics) in known {
            statistics.update(&column.name, decoded, &rows, options.max_categories)?;
        }
        if let (Some(statistics), Some(decoded), Some(column)) =
            (&mut self.target, &target, &columns.target)
        {
            statistics.update(&column.name, decoded, &rows)?;
        }
        Ok(())
    }

    /// Takes in another state of the same pass.
    pub(crate) fn merge(
        &mut self,
        options: &TrainingOptions,
        columns: &InputColumns,
        other: Self,
    ) -> Result<()> {
        if self.columns.len() != other.columns.len()
            || self.target.is_some() != other.target.is_some()
        {
            return Err(mixed_states());
        }
        self.rows += other.rows;
        self.rows_skipped += other.rows_skipped;
        let both = self.columns.iter_mut().zip(other.columns).zip(&columns.features);
        for ((mine, theirs), column) in both {
            match (mine, theirs) {
                (ColumnStatistics::Number(mine), ColumnStatistics::Number(theirs)) => {
                    mine.merge(&theirs);
                }
                (ColumnStatistics::Text(mine), ColumnStatistics::Text(theirs)) => {
                    add_counts(mine, theirs);
                    check_categories(&column.name, mine, options.max_categories)?;
                }
                _ => return Err(mixed_states()),
            }
        }
        match (&mut self.target, other.target) {
            (Some(TargetStatistics::Number(mine)), Some(TargetStatistics::Number(theirs))) => {
                mine.merge(&theirs);
            }
            (Some(TargetStatistics::Classes(mine)), Some(TargetStatistics::Classes(theirs))) => {
                add_counts(mine, theirs);
                let name = columns.target.as_ref().map_or("", |column| column.name.as_str());
                check_classes(name, mine)?;
            }
            (None, None) => {}
            _ => return Err(mixed_states()),
        }
        Ok(())
    }

    /// Bytes on the heap, roughly.
    pub(crate) fn size(&self) -> usize {
        let columns = self.columns.iter().map(|column| match column {
            ColumnStatistics::Number(_) => size_of::<ColumnStatistics>(),
            ColumnStatistics::Text(counts) => counts.keys().map(|key| key.len() + 64).sum(),
        });
        columns.sum()
    }
}

impl ColumnStatistics {
    fn update(
        &mut self,
        name: &str,
        column: &Decoded,
        rows: &[usize],
        max_categories: usize,
    ) -> Result<()> {
        let present = rows.iter().copied().filter(|row| !column.is_null(*row));
        match (self, column) {
            (Self::Number(moments), Decoded::Number(array)) => {
                for row in present {
                    moments.add(checked(name, array.value(row))?);
                }
            }
            (Self::Text(counts), Decoded::Text(array)) => {
                for row in present {
                    let text = array.value(row);
                    if let Some(count) = counts.get_mut(text) {
                        *count += 1;
                    } else {
                        counts.insert(text.to_owned(), 1);
                        if counts.len() > max_categories {
                            break;
                        }
                    }
                }
                check_categories(name, counts, max_categories)?;
            }
            _ => return Err(mixed_states()),
        }
        Ok(())
    }
}

impl TargetStatistics {
    fn update(&mut self, name: &str, target: &Decoded, rows: &[usize]) -> Result<()> {
        match (self, target) {
            (Self::Number(moments), Decoded::Number(array)) => {
                for row in rows {
                    moments.add(checked(name, array.value(*row))?);
                }
            }
            (Self::Classes(counts), classes) => {
                for row in rows {
                    let class = classes.class(*row).ok_or_else(mixed_states)?;
                    *counts.entry(class).or_insert(0) += 1;
                    check_classes(name, counts)?;
                }
            }
            _ => return Err(mixed_states()),
        }
        Ok(())
    }
}

/// The numbers of the rows that take part in training.
pub(crate) fn training_rows(
    nulls: NullHandling,
    columns: &InputColumns,
    features: &[Decoded],
    target: Option<&Decoded>,
    total: usize,
) -> Result<Vec<usize>> {
    let names = columns.names();
    if nulls == NullHandling::Error
        && let Some((name, _)) =
            names.zip(features.iter().chain(target)).find(|(_, column)| column.null_count() > 0)
    {
        return Err(Error::new(
            ErrorCode::InvalidTrainingData,
            format!("column \"{name}\" has NULL, and option \"nulls\" is error"),
        ));
    }
    let required: Vec<_> = match nulls {
        NullHandling::Mean => target.into_iter().collect(),
        NullHandling::Skip | NullHandling::Error => features.iter().chain(target).collect(),
    };
    let with_nulls: Vec<_> = required.into_iter().filter(|c| c.null_count() > 0).collect();
    Ok((0..total).filter(|row| !with_nulls.iter().any(|column| column.is_null(*row))).collect())
}

fn checked(name: &str, value: f64) -> Result<f64> {
    let problem = if value.is_nan() {
        "NaN"
    } else if value.is_infinite() {
        "an infinite number"
    } else if value.abs() > LARGEST_NUMBER {
        "a number beyond 1e100"
    } else {
        return Ok(value);
    };
    Err(Error::new(ErrorCode::InvalidTrainingData, format!("column \"{name}\" has {problem}"))
        .with_hint("filter such rows in the training query, or turn the value into NULL"))
}

fn check_categories(name: &str, counts: &BTreeMap<String, u64>, limit: usize) -> Result<()> {
    let bytes: usize = counts.keys().map(String::len).sum();
    let problem = if counts.len() > limit {
        format!("more than {limit} distinct strings")
    } else if bytes > MAX_CATEGORY_BYTES {
        format!("distinct strings of more than {MAX_CATEGORY_BYTES} bytes in total")
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorCode::InvalidTrainingData, format!("column \"{name}\" has {problem}"))
        .with_hint("leave the column out, group rare values, or raise option max_categories"))
}

fn check_classes(name: &str, counts: &BTreeMap<ClassValue, u64>) -> Result<()> {
    if counts.len() <= MAX_CLASSES {
        return Ok(());
    }
    let classes: Vec<_> = counts.keys().map(|class| format!("\"{class}\"")).collect();
    Err(Error::new(
        ErrorCode::InvalidTrainingData,
        format!("target \"{name}\" has more than two classes: {} …", classes.join(", ")),
    ))
}

fn add_counts<K: Ord>(mine: &mut BTreeMap<K, u64>, theirs: BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *mine.entry(key).or_insert(0) += count;
    }
}

fn mixed_states() -> Error {
    Error::internal("statistics of another training were mixed in")
}
