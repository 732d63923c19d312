//! Metrics of two classes.

use crate::sum::Sum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Scores that are kept as they are; with more, the area under the ROC curve comes from bins.
const MAX_EXACT_SCORES: usize = 4_000_000;
/// Bins of one unit of log odds.
const BINS_PER_UNIT: f64 = 1_000.0;
/// Log odds beyond this fall into the last bin.
const LARGEST_BINNED: f64 = 700.0;

/// Counts of right and wrong decisions, log loss, and the scores for the ROC curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct BinaryMetrics {
    true_positives: u64,
    false_positives: u64,
    true_negatives: u64,
    false_negatives: u64,
    log_loss: Sum,
    /// Log odds of the rows of the first and of the second class.
    negatives: Vec<f64>,
    positives: Vec<f64>,
    /// Rows of the first and second class by bin of log odds; in use once there are too many
    /// scores.
    bins: BTreeMap<i64, (u64, u64)>,
}

impl BinaryMetrics {
    pub(super) fn add(&mut self, actual: bool, log_odds: f64) {
        let decided = log_odds > 0.0;
        *match (actual, decided) {
            (true, true) => &mut self.true_positives,
            (false, true) => &mut self.false_positives,
            (false, false) => &mut self.true_negatives,
            (true, false) => &mut self.false_negatives,
        } += 1;
        let margin = if actual { log_odds } else { -log_odds };
        self.log_loss.add((-margin.abs()).exp().ln_1p() + (-margin).max(0.0));
        if actual { self.positives.push(log_odds) } else { self.negatives.push(log_odds) }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.true_negatives += other.true_negatives;
        self.false_negatives += other.false_negatives;
        self.log_loss.merge(other.log_loss);
        self.negatives.extend(other.negatives);
        self.positives.extend(other.positives);
        for (bin, (negatives, positives)) in other.bins {
            let counts = self.bins.entry(bin).or_default();
            counts.0 += negatives;
            counts.1 += positives;
        }
        self.compact();
    }

    /// Keeps the state bounded: counts scores in bins when there are too many of them.
    pub(super) fn compact(&mut self) {
        if self.bins.is_empty() && self.negatives.len() + self.positives.len() <= MAX_EXACT_SCORES {
            return;
        }
        self.count_in_bins();
    }

    fn count_in_bins(&mut self) {
        for score in self.negatives.drain(..) {
            self.bins.entry(bin(score)).or_default().0 += 1;
        }
        for score in self.positives.drain(..) {
            self.bins.entry(bin(score)).or_default().1 += 1;
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.true_positives + self.false_positives + self.true_negatives + self.false_negatives
    }

    pub(super) fn size(&self) -> usize {
        (self.negatives.capacity() + self.positives.capacity()) * size_of::<f64>()
            + self.bins.len() * 48
    }

    pub(super) fn finish(&self) -> Vec<(&'static str, f64)> {
        let rows = self.rows();
        if rows == 0 {
            return Vec::new();
        }
        let right = self.true_positives + self.true_negatives;
        let precision = ratio(self.true_positives, self.true_positives + self.false_positives);
        let recall = ratio(self.true_positives, self.true_positives + self.false_negatives);
        let wrong = self.false_positives + self.false_negatives;
        let mut metrics = vec![
            ("accuracy", ratio(right, rows)),
            ("precision", precision),
            ("recall", recall),
            ("f1", ratio(2 * self.true_positives, 2 * self.true_positives + wrong)),
            ("log_loss", self.log_loss.value() / rows as f64),
        ];
        metrics.extend(self.roc_auc());
        metrics
    }

    /// The area under the ROC curve: the chance that a row of the second class scores above one
    /// of the first, ties counting half. `roc_auc_binned` is within the share of pairs that fall
    /// into one bin of 0.001 log odds.
    fn roc_auc(&self) -> Option<(&'static str, f64)> {
        if self.bins.is_empty() {
            let mut scores: Vec<(f64, bool)> = self.negatives.iter().map(|s| (*s, false)).collect();
            scores.extend(self.positives.iter().map(|s| (*s, true)));
            scores.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let ties = scores.chunk_by(|a, b| a.0 == b.0).map(|tie| {
                let positives = tie.iter().filter(|(_, positive)| *positive).count() as u64;
                (tie.len() as u64 - positives, positives)
            });
            return area(ties).map(|area| ("roc_auc", area));
        }
        let mut all = self.clone();
        all.count_in_bins();
        area(all.bins.values().copied()).map(|area| ("roc_auc_binned", area))
    }
}

fn bin(log_odds: f64) -> i64 {
    (log_odds.clamp(-LARGEST_BINNED, LARGEST_BINNED) * BINS_PER_UNIT).floor() as i64
}

/// The area from the numbers of negatives and positives at rising scores.
fn area(ties: impl Iterator<Item = (u64, u64)>) -> Option<f64> {
    let (mut negatives, mut positives, mut pairs) = (0.0, 0.0, 0.0);
    for (below, above) in ties {
        let (below, above) = (below as f64, above as f64);
        pairs += above * (negatives + 0.5 * below);
        negatives += below;
        positives += above;
    }
    let all = negatives * positives;
    (all > 0.0).then(|| pairs / all)
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half_and_bins_come_close() {
        let mut metrics = BinaryMetrics::default();
        for (actual, score) in [(false, -1.0), (false, 0.5), (true, 0.5), (true, 2.0), (true, -3.0)]
        {
            metrics.add(actual, score);
        }
        // Pairs: 2.0 above both, 0.5 above one and tied with one, -3.0 above none.
        assert_eq!(metrics.roc_auc(), Some(("roc_auc", 3.5 / 6.0)));
        metrics.count_in_bins();
        assert_eq!(metrics.roc_auc(), Some(("roc_auc_binned", 3.5 / 6.0)));
        metrics.add(true, 5.0);
        assert_eq!(metrics.roc_auc(), Some(("roc_auc_binned", 5.5 / 8.0)));
    }

    #[test]
    fn one_class_has_no_curve() {
        let mut metrics = BinaryMetrics::default();
        metrics.add(true, 1.0);
        let names: Vec<_> = metrics.finish().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["accuracy", "precision", "recall", "f1", "log_loss"]);
    }
}
