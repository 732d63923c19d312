//! Metrics of predicted numbers.

use super::Moments;
use crate::sum::Sum;
use serde::{Deserialize, Serialize};

/// Sums of errors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RegressionMetrics {
    rows: u64,
    absolute: Sum,
    squared: Sum,
    actual: Moments,
}

impl RegressionMetrics {
    pub(super) fn add(&mut self, actual: f64, predicted: f64) {
        let error = actual - predicted;
        self.rows += 1;
        self.absolute.add(error.abs());
        self.squared.add(error * error);
        self.actual.add(actual);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.absolute.merge(other.absolute);
        self.squared.merge(other.squared);
        self.actual.merge(&other.actual);
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn finish(&self) -> Vec<(&'static str, f64)> {
        if self.rows == 0 {
            return Vec::new();
        }
        let mse = self.squared.value() / self.rows as f64;
        let variance = self.actual.summary().deviation.powi(2);
        let mut metrics = vec![
            ("rmse", mse.sqrt()),
            ("mae", self.absolute.value() / self.rows as f64),
            ("mse", mse),
        ];
        if variance > 0.0 {
            metrics.push(("r2", 1.0 - mse / variance));
        }
        metrics
    }
}
