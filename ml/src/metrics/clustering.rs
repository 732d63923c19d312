//! Metrics of clusters.

use crate::model::{Model, ModelParameters};
use crate::sum::Sum;
use serde::{Deserialize, Serialize};

/// Sums of distances to the model's centroids, one a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ClusteringMetrics {
    inertia: Sum,
    clusters: Vec<(u64, Sum)>,
}

impl ClusteringMetrics {
    pub(super) fn new(k: usize) -> Self {
        Self { inertia: Sum::default(), clusters: vec![(0, Sum::default()); k] }
    }

    pub(super) fn add(&mut self, cluster: usize, square: f64) {
        self.inertia.add(square);
        if let Some((rows, distances)) = self.clusters.get_mut(cluster) {
            *rows += 1;
            distances.add(square.sqrt());
        }
    }

    /// Returns whether the other is of a model of the same shape.
    #[must_use]
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        if self.clusters.len() != other.clusters.len() {
            return false;
        }
        self.inertia.merge(other.inertia);
        for ((rows, distances), (more, further)) in self.clusters.iter_mut().zip(&other.clusters) {
            *rows += more;
            distances.merge(*further);
        }
        true
    }

    pub(super) fn rows(&self) -> u64 {
        self.clusters.iter().map(|(rows, _)| rows).sum()
    }

    pub(super) fn size(&self) -> usize {
        self.clusters.capacity() * size_of::<(u64, Sum)>()
    }

    pub(super) fn finish(&self, model: &Model) -> Vec<(&'static str, f64)> {
        if self.rows() == 0 {
            return Vec::new();
        }
        let mut metrics = vec![("inertia", self.inertia.value())];
        if let ModelParameters::Kmeans { centroids, scale } = model.parameters()
            && let Some(index) = self.davies_bouldin(centroids, scale)
        {
            metrics.push(("davies_bouldin", index));
        }
        metrics
    }

    /// The mean over clusters of the worst ratio of spread to separation; smaller is better. It
    /// measures around the centroids of the model.
    fn davies_bouldin(&self, centroids: &[Vec<f64>], scale: &[f64]) -> Option<f64> {
        let used: Vec<_> = self
            .clusters
            .iter()
            .zip(centroids)
            .filter(|((rows, _), _)| *rows > 0)
            .map(|((rows, distances), centroid)| (distances.value() / *rows as f64, centroid))
            .collect();
        if used.len() < 2 {
            return None;
        }
        let separation = |a: &[f64], b: &[f64]| {
            let columns = a.iter().zip(b).zip(scale);
            columns.map(|((a, b), scale)| ((a - b) / scale).powi(2)).sum::<f64>().sqrt()
        };
        let worst = used.iter().enumerate().map(|(i, (spread, centroid))| {
            let others = used.iter().enumerate().filter(|(j, _)| *j != i);
            others
                .map(|(_, (other, point))| (spread + other) / separation(centroid, point))
                .fold(0.0_f64, f64::max)
        });
        let index = worst.sum::<f64>() / used.len() as f64;
        index.is_finite().then_some(index)
    }
}
