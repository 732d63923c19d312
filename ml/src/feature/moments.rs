//! Mean and variance of a column in one pass.
//!
//! Deviations are taken from the first value: columns that are far from 0 and close together
//! keep their digits.

use crate::sum::Sum;
use serde::{Deserialize, Serialize};

/// Count, mean, variance and range, mergeable (Welford's update, Chan's merge).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moments {
    count: u64,
    sum: Sum,
    /// The first value.
    origin: f64,
    /// Mean of the differences from the origin, running.
    mean: f64,
    squares: f64,
    minimum: f64,
    maximum: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0,
            sum: Sum::default(),
            origin: 0.0,
            mean: 0.0,
            squares: 0.0,
            minimum: f64::INFINITY,
            maximum: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    /// Takes in a value.
    pub(crate) fn add(&mut self, value: f64) {
        if self.count == 0 {
            self.origin = value;
        }
        self.count += 1;
        self.sum.add(value);
        let shifted = value - self.origin;
        let before = shifted - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (shifted - self.mean);
        self.minimum = self.minimum.min(value);
        self.maximum = self.maximum.max(value);
    }

    /// Takes in the values of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        let total = self.count + other.count;
        let difference = (other.origin - self.origin) + (other.mean - self.mean);
        let share = other.count as f64 / total as f64;
        self.squares += other.squares + difference * difference * share * self.count as f64;
        self.mean += difference * share;
        self.count = total;
        self.sum.merge(other.sum);
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
    }

    /// The number of values.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// What became of them.
    pub(crate) fn summary(&self) -> Summary {
        if self.count == 0 {
            return Summary::default();
        }
        if self.minimum == self.maximum {
            let mean = self.minimum;
            return Summary { mean, deviation: 0.0, minimum: mean, maximum: mean };
        }
        Summary {
            mean: self.sum.value() / self.count as f64,
            deviation: (self.squares / self.count as f64).sqrt(),
            minimum: self.minimum,
            maximum: self.maximum,
        }
    }
}

/// Mean, standard deviation (of the population) and range of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
    pub(crate) minimum: f64,
    pub(crate) maximum: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_moments_equal_those_of_one_pass() {
        let values: Vec<f64> = (0..1_000).map(|i| 1e9 + f64::from(i % 37)).collect();
        let mut whole = Moments::default();
        values.iter().for_each(|v| whole.add(*v));
        let mut merged = Moments::default();
        for chunk in values.chunks(7).rev() {
            let mut part = Moments::default();
            chunk.iter().for_each(|v| part.add(*v));
            merged.merge(&part);
        }
        merged.merge(&Moments::default());
        let (a, b) = (whole.summary(), merged.summary());
        assert_eq!((a.mean, a.minimum, a.maximum), (b.mean, b.minimum, b.maximum));
        assert!((a.deviation - b.deviation).abs() < 1e-9 && (a.deviation - 10.67).abs() < 0.1);
    }
}
