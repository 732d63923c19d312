//! Compensated sums: the result hardly depends on the order of the terms, so that any number
//! of nodes arrives at the same model.

use serde::{Deserialize, Serialize};

/// A sum with the rounding error that it has lost so far (Knuth's two-sum).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    /// Adds a term.
    pub(crate) fn add(&mut self, term: f64) {
        let (sum, lost) = two_sum(self.sum, term);
        self.sum = sum;
        self.lost += lost;
    }

    /// Adds another sum.
    pub(crate) fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.lost += other.lost;
    }

    /// Returns the value.
    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// Many compensated sums, laid out so that the compiler can add them in vectors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    sums: Vec<f64>,
    lost: Vec<f64>,
}

impl Sums {
    /// `len` sums of nothing.
    pub(crate) fn zeros(len: usize) -> Self {
        Self { sums: vec![0.0; len], lost: vec![0.0; len] }
    }

    /// The number of sums.
    pub(crate) fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether a state that came from elsewhere has the shape that this one needs.
    pub(crate) fn has_len(&self, len: usize) -> bool {
        self.sums.len() == len && self.lost.len() == len
    }

    /// Adds one term to each of the sums from `start` on.
    pub(crate) fn add_at(&mut self, start: usize, terms: impl Iterator<Item = f64>) {
        let sums = self.sums.iter_mut().skip(start);
        let lost = self.lost.iter_mut().skip(start);
        for ((sum, lost), term) in sums.zip(lost).zip(terms) {
            let (total, error) = two_sum(*sum, term);
            *sum = total;
            *lost += error;
        }
    }

    /// Adds `factor * row[i] * row[j]` for `i <= j` to the packed upper triangle (row by row).
    pub(crate) fn add_outer_product(&mut self, row: &[f64], factor: f64) {
        let mut sums = self.sums.as_mut_slice();
        let mut lost = self.lost.as_mut_slice();
        for (i, value) in row.iter().enumerate() {
            let tail = row.get(i..).unwrap_or_default();
            let scaled = factor * value;
            let (sums_row, sums_rest) = sums.split_at_mut(tail.len().min(sums.len()));
            let (lost_row, lost_rest) = lost.split_at_mut(tail.len().min(lost.len()));
            for ((sum, lost), other) in sums_row.iter_mut().zip(lost_row).zip(tail) {
                let (total, error) = two_sum(*sum, scaled * other);
                *sum = total;
                *lost += error;
            }
            sums = sums_rest;
            lost = lost_rest;
        }
    }

    /// Adds the sums of another state of the same shape.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.add_at(0, other.sums.iter().copied());
        for (lost, more) in self.lost.iter_mut().zip(&other.lost) {
            *lost += more;
        }
    }

    /// Returns the values.
    pub(crate) fn values(&self) -> Vec<f64> {
        self.sums.iter().zip(&self.lost).map(|(sum, lost)| sum + lost).collect()
    }

    /// Bytes on the heap.
    pub(crate) fn size(&self) -> usize {
        (self.sums.capacity() + self.lost.capacity()) * size_of::<f64>()
    }
}

/// The rounded sum and its rounding error; exact for finite numbers.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    let error = (a - (sum - b_part)) + (b - b_part);
    (sum, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_beside_large_ones_are_kept() {
        let mut sum = Sum::default();
        for term in [1e16, 1.0, -1e16, 1.0] {
            sum.add(term);
        }
        assert_eq!(sum.value(), 2.0);
        let mut halves = [Sum::default(); 2];
        halves[0].add(1e16);
        halves[0].add(1.0);
        halves[1].add(-1e16);
        halves[1].add(1.0);
        let [mut first, second] = halves;
        first.merge(second);
        assert_eq!(first.value(), 2.0);
    }

    #[test]
    fn the_outer_product_fills_the_upper_triangle() {
        let mut sums = Sums::zeros(6);
        sums.add_outer_product(&[1.0, 2.0, 3.0], 2.0);
        assert_eq!(sums.values(), [2.0, 4.0, 6.0, 8.0, 12.0, 18.0]);
    }
}
