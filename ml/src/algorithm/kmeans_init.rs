//! The first centroids of k-means.
//!
//! As in k-means‖ (Bahmani et al., 2012), a few passes sample candidates far from each other,
//! a pass counts the rows near each, and k-means++ chooses among the weighted candidates.
//! Every random number is a hash of row and seed, so that any spread of the rows over nodes
//! gives the same centroids.

use super::kmeans::nearest;
use crate::feature::rows_of;
use crate::row_hash::{mix, unit_interval};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A row that a pass remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Picked {
    pub(super) key: f64,
    pub(super) row: Vec<f64>,
}

/// Keeps the `limit` rows with the smallest keys, in order, equal rows once.
pub(super) fn keep_smallest(kept: &mut Vec<Picked>, limit: usize, key: f64, row: &[f64]) {
    let last = kept.last().map_or(f64::INFINITY, |last| last.key);
    if limit == 0 || (kept.len() >= limit && key > last) {
        return;
    }
    let order = |other: &Picked| other.key.total_cmp(&key).then_with(|| compare(&other.row, row));
    if let Err(place) = kept.binary_search_by(order) {
        kept.insert(place, Picked { key, row: row.to_vec() });
        kept.truncate(limit);
    }
}

fn compare(a: &[f64], b: &[f64]) -> Ordering {
    let different = a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
    different.unwrap_or(Ordering::Equal)
}

/// Chooses `k` of the candidates by k-means++: each next one with a chance in proportion to
/// its weight and squared distance to those chosen; of a few tries the best.
pub(super) fn choose(
    candidates: &[f64],
    weights: &[u64],
    width: usize,
    k: usize,
    seed: u64,
) -> Vec<f64> {
    let mut random = Random { seed, drawn: 0 };
    let tries = 2 + (k as f64).ln() as usize;
    let mut costs: Vec<f64> = weights.iter().map(|weight| *weight as f64).collect();
    let mut chosen: Vec<f64> = Vec::with_capacity(k * width);
    let mut distances = vec![f64::INFINITY; weights.len()];
    for _ in 0..k {
        let best = (0..tries)
            .map(|_| {
                let index = draw(&costs, random.number());
                let row = row_at(candidates, index, width);
                let near = nearer(candidates, &distances, row, width);
                let cost: f64 = near.iter().zip(weights).map(|(d, w)| d * *w as f64).sum();
                (cost, row, near)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, row, near)) = best {
            chosen.extend_from_slice(row);
            costs = near.iter().zip(weights).map(|(d, w)| d * *w as f64).collect();
            distances = near;
        }
    }
    chosen
}

fn row_at(rows: &[f64], index: usize, width: usize) -> &[f64] {
    rows.get(index * width..(index + 1) * width).unwrap_or_default()
}

/// The squared distances to the chosen points, with one more.
fn nearer(candidates: &[f64], distances: &[f64], point: &[f64], width: usize) -> Vec<f64> {
    rows_of(candidates, width, distances.len())
        .zip(distances)
        .map(|(row, distance)| nearest(row, point, width).1.min(*distance))
        .collect()
}

/// The index at which the running sum of the costs passes `share` of the total. Never one that
/// costs nothing, unless all do.
fn draw(costs: &[f64], share: f64) -> usize {
    let goal = share * costs.iter().sum::<f64>();
    let mut sum = 0.0;
    let mut last = 0;
    for (index, cost) in costs.iter().enumerate().filter(|(_, cost)| **cost > 0.0) {
        sum += cost;
        last = index;
        if sum >= goal {
            break;
        }
    }
    last
}

struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    fn number(&mut self) -> f64 {
        self.drawn += 1;
        unit_interval(mix(mix(0, self.seed), self.drawn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_keys_are_kept_once_in_any_order() {
        let rows = [(3.0, 30.0), (1.0, 10.0), (2.0, 20.0), (1.0, 10.0), (2.0, 21.0)];
        let mut forward = Vec::new();
        rows.iter().for_each(|(key, value)| keep_smallest(&mut forward, 3, *key, &[*value]));
        let mut backward = Vec::new();
        rows.iter().rev().for_each(|(key, value)| keep_smallest(&mut backward, 3, *key, &[*value]));
        assert_eq!(forward, backward);
        let values: Vec<f64> = forward.iter().map(|picked| picked.row[0]).collect();
        assert_eq!(values, [10.0, 20.0, 21.0]);
    }

    #[test]
    fn chosen_candidates_are_distinct() {
        let candidates: Vec<f64> = (0..20).map(f64::from).collect();
        let mut chosen = choose(&candidates, &[5; 20], 1, 20, 3);
        chosen.sort_by(f64::total_cmp);
        assert_eq!(chosen, candidates);
    }
}
