//! What the statistics pass decides: encodings, and the shift and scale that the later passes
//! compute with.

use super::moments::Summary;
use super::statistics::{ColumnStatistics, Statistics, TargetStatistics, training_rows};
use super::{ClassValue, Decoded, Encoding, Feature, FeatureBatch, InputColumns, encode_rows};
use crate::options::{NullHandling, TrainingOptions};
use crate::row_hash::hash_row;
use arrow::array::{Array, ArrayRef};
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};

/// Most encoded columns.
pub(crate) const MAX_WIDTH: usize = 2_000;

/// The training table as the passes after the first see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// Rows that take part.
    pub rows: u64,
    /// Rows that do not, because of NULL.
    pub rows_skipped: u64,
    /// The features.
    pub features: Vec<Feature>,
    /// The two classes, in order; empty when the target is a number or there is none.
    pub classes: Vec<ClassValue>,
    /// How batches are shifted and scaled.
    pub scaling: Scaling,
    /// Mean of the variances of the encoded columns, after scaling.
    pub mean_variance: f64,
    /// Whether batches carry row hashes.
    pub hash_rows: bool,
}

/// Batches hold `(value - shift) / scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// One an encoded column.
    pub shift: Vec<f64>,
    /// One an encoded column; positive.
    pub scale: Vec<f64>,
    /// Shift of the target.
    pub label_shift: f64,
    /// Scale of the target.
    pub label_scale: f64,
}

/// How an algorithm wants its numbers. Sums of numbers around 0 of size 1 lose the least.
/// Shifts and scales are rounded, so that they do not depend on the order in which
/// statistics were merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalingPolicy {
    /// Near mean 0 and within a factor 2 of deviation 1.
    Standard,
    /// As `Standard` without shift, for models without intercept.
    ScaleOnly,
    /// Near mean 0, scale 1: distances stay as they are.
    CentreOnly,
    /// Near mean 0, deviation 1.
    UnitDeviation,
}

/// What an algorithm asks of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DesignRules {
    pub(crate) policy: ScalingPolicy,
    /// Whether one category of each string column is the reference.
    pub(crate) drop_first: bool,
    pub(crate) hash_rows: bool,
}

impl Design {
    /// Draws the conclusions of the statistics pass.
    pub(crate) fn new(
        options: &TrainingOptions,
        columns: &InputColumns,
        statistics: &Statistics,
        rules: DesignRules,
    ) -> Result<Self> {
        if statistics.rows == 0 {
            return Err(no_rows(statistics.rows_skipped));
        }
        let classes = two_classes(columns, statistics)?;
        let mut features = Vec::with_capacity(columns.features.len());
        let mut summaries = Vec::new();
        for (column, known) in columns.features.iter().zip(&statistics.columns) {
            let (encoding, mut encoded) =
                encoding_of(options, &column.name, known, rules.drop_first)?;
            features.push(Feature { column: column.clone(), encoding });
            summaries.append(&mut encoded);
        }
        if summaries.len() > MAX_WIDTH {
            return Err(invalid(format!(
                "the features have {} encoded columns, more than {MAX_WIDTH}",
                summaries.len()
            ))
            .with_hint("every category of a string column is one encoded column"));
        }
        let label = match &statistics.target {
            Some(TargetStatistics::Number(moments)) => {
                shift_and_scale(rules.policy, &moments.summary())
            }
            _ => (0.0, 1.0),
        };
        let (shift, scale): (Vec<f64>, Vec<f64>) =
            summaries.iter().map(|summary| shift_and_scale(rules.policy, summary)).unzip();
        let variances = summaries
            .iter()
            .zip(&scale)
            .map(|(summary, scale)| (summary.deviation / scale).powi(2));
        let mean_variance = variances.sum::<f64>() / summaries.len().max(1) as f64;
        Ok(Self {
            rows: statistics.rows,
            rows_skipped: statistics.rows_skipped,
            features,
            classes,
            scaling: Scaling { shift, scale, label_shift: label.0, label_scale: label.1 },
            mean_variance,
            hash_rows: rules.hash_rows,
        })
    }

    /// The number of encoded columns.
    pub fn width(&self) -> usize {
        self.scaling.shift.len()
    }
}

/// Encodes a batch for a pass after the first.
pub(crate) fn encode_batch(
    nulls: NullHandling,
    columns: &InputColumns,
    design: &Design,
    arrays: &[ArrayRef],
) -> Result<FeatureBatch> {
    let total = arrays.first().map_or(0, |array| array.len());
    let (features, target) = columns.read(arrays)?;
    let rows = training_rows(nulls, columns, &features, target.as_ref(), total)?;
    let mut encoded = encode_rows(&design.features, &features, &rows);
    if encoded.valid.contains(&false) {
        return Err(changed());
    }
    let row_hashes =
        if design.hash_rows { encoded.rows().map(hash_row).collect() } else { Vec::new() };
    let scaling = &design.scaling;
    if encoded.width > 0 {
        for row in encoded.values.chunks_exact_mut(encoded.width) {
            for ((value, shift), scale) in row.iter_mut().zip(&scaling.shift).zip(&scaling.scale) {
                *value = (*value - shift) / scale;
            }
        }
    }
    let labels = match &target {
        None => vec![0.0; rows.len()],
        Some(Decoded::Number(array)) => rows
            .iter()
            .map(|row| (array.value(*row) - scaling.label_shift) / scaling.label_scale)
            .collect(),
        Some(classes) => rows
            .iter()
            .map(|row| classes.class_index(*row, &design.classes).map(|index| index as f64))
            .collect::<Option<_>>()
            .ok_or_else(changed)?,
    };
    Ok(FeatureBatch { width: encoded.width, values: encoded.values, labels, row_hashes })
}

fn two_classes(columns: &InputColumns, statistics: &Statistics) -> Result<Vec<ClassValue>> {
    let Some(TargetStatistics::Classes(counts)) = &statistics.target else {
        return Ok(Vec::new());
    };
    let classes: Vec<ClassValue> = counts.keys().cloned().collect();
    if let [only] = classes.as_slice() {
        let name = columns.target.as_ref().map_or("", |column| column.name.as_str());
        return Err(invalid(format!("target \"{name}\" has only the class \"{only}\"")));
    }
    Ok(classes)
}

/// How a column is encoded, and the statistics of its encoded columns.
fn encoding_of(
    options: &TrainingOptions,
    name: &str,
    known: &ColumnStatistics,
    drop_first: bool,
) -> Result<(Encoding, Vec<Summary>)> {
    let imputes = options.nulls == NullHandling::Mean;
    let only_nulls = || invalid(format!("column \"{name}\" has nothing but NULL"));
    match known {
        ColumnStatistics::Number(moments) => {
            if moments.count() == 0 {
                return Err(only_nulls());
            }
            let summary = moments.summary();
            let encoding = Encoding::Number {
                mean: summary.mean,
                deviation: summary.deviation,
                minimum: summary.minimum,
                maximum: summary.maximum,
                impute: imputes.then_some(summary.mean),
            };
            Ok((encoding, vec![summary]))
        }
        ColumnStatistics::Text(counts) => {
            // Of equally frequent categories the first.
            let most_frequent =
                counts.iter().rev().max_by_key(|(_, count)| **count).ok_or_else(only_nulls)?.0;
            let total = counts.values().sum::<u64>() as f64;
            let summaries = counts.values().skip(usize::from(drop_first)).map(|count| {
                let mean = *count as f64 / total;
                Summary {
                    mean,
                    deviation: (mean * (1.0 - mean)).sqrt(),
                    minimum: 0.0,
                    maximum: 1.0,
                }
            });
            let summaries = summaries.collect();
            let encoding = Encoding::OneHot {
                categories: counts.keys().cloned().collect(),
                drop_first,
                impute: imputes.then(|| most_frequent.clone()),
            };
            Ok((encoding, summaries))
        }
    }
}

fn shift_and_scale(policy: ScalingPolicy, summary: &Summary) -> (f64, f64) {
    let Summary { mean, deviation, .. } = *summary;
    let unit = power_of_two(deviation);
    // A constant column becomes exactly 0.
    let shift = if deviation > 0.0 { round_to(mean, unit / 1024.0) } else { mean };
    match policy {
        ScalingPolicy::Standard => (shift, unit),
        ScalingPolicy::ScaleOnly => (0.0, power_of_two(mean.hypot(deviation))),
        ScalingPolicy::CentreOnly => (shift, 1.0),
        ScalingPolicy::UnitDeviation if unit == 1.0 && !is_usable(deviation) => (shift, 1.0),
        ScalingPolicy::UnitDeviation => (shift, round_to(deviation, unit * 2f64.powi(-40))),
    }
}

/// Whether a deviation can be divided by.
fn is_usable(deviation: f64) -> bool {
    deviation > 1e-100
}

/// The largest power of two that is not larger, 1 for (nearly) nothing. Dividing by it is exact.
fn power_of_two(deviation: f64) -> f64 {
    if is_usable(deviation) { deviation.log2().floor().exp2() } else { 1.0 }
}

fn round_to(value: f64, step: f64) -> f64 {
    (value / step).round() * step
}

fn no_rows(skipped: u64) -> Error {
    if skipped == 0 {
        return invalid("the training query returns no rows");
    }
    invalid(format!("all {skipped} rows of the training query have a NULL"))
        .with_hint("option nulls = 'mean' replaces NULL features")
}

fn changed() -> Error {
    invalid("the rows of the training query changed while the model was trained")
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidTrainingData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_powers_of_two_and_shifts_lie_on_their_grid() {
        let summary = Summary { mean: 1_000.123_456, deviation: 3.7, minimum: 0.0, maximum: 9.0 };
        assert_eq!(shift_and_scale(ScalingPolicy::ScaleOnly, &summary), (0.0, 512.0));
        let (shift, scale) = shift_and_scale(ScalingPolicy::Standard, &summary);
        assert_eq!(scale, 2.0);
        assert!((shift - 1_000.123_456).abs() <= 1.0 / 1024.0 && (shift * 512.0).fract() == 0.0);
        let constant = Summary { mean: 0.1, deviation: 0.0, minimum: 0.1, maximum: 0.1 };
        assert_eq!(shift_and_scale(ScalingPolicy::UnitDeviation, &constant), (0.1, 1.0));
    }
}
