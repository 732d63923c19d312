//! K-means clustering: Lloyd's iterations from centroids that were given or sampled.

use super::kmeans_init::{self, Picked, keep_smallest};
use super::wrong_width;
use crate::feature::{Design, FeatureBatch, Scaling, rows_of};
use crate::model::{Facts, ModelParameters};
use crate::options::TrainingOptions;
use crate::row_hash::{mix, unit_interval};
use crate::sum::{Sum, Sums};
use crate::trainer::{Fit, Step};
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};

/// Numbers in all centroids.
const MAX_NUMBERS: usize = 4 << 20;
/// Rows far from their centroid that a pass remembers for clusters that become empty.
const MAX_FARTHEST: usize = 16;
/// Rounds of sampling before the first centroids are chosen.
const SAMPLING_ROUNDS: u32 = 3;

#[derive(Debug)]
pub(super) struct KmeansFit {
    k: usize,
    seed: u64,
    scaling: Scaling,
    /// Given centroids, scaled.
    first_centroids: Option<Vec<f64>>,
    max_iterations: u32,
    /// The squared movement below which iterations end.
    tolerance: f64,
}

/// What a pass does. Centroids and candidates are rows of a flat buffer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Finds the row with the smallest hash.
    FirstRow,
    /// Samples rows with a chance that grows with the distance to the candidates.
    Sample { candidates: Vec<f64>, round: u32 },
    /// Counts the rows near each candidate.
    Weigh { candidates: Vec<f64> },
    /// Moves each centroid to the mean of its rows.
    Move { centroids: Vec<f64>, iteration: u32 },
    /// Measures the final centroids.
    Measure { centroids: Vec<f64>, iterations: u32, converged: bool },
}

/// Sums over rows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Assigned {
    counts: Vec<u64>,
    sums: Sums,
    inertia: Sum,
    picked: Vec<Picked>,
}

impl KmeansFit {
    pub(super) fn new(options: &TrainingOptions, design: &Design) -> Result<Self> {
        let (k, width) = (options.k.unwrap_or(1), design.width());
        if k.saturating_mul(width) > MAX_NUMBERS {
            return Err(option(format!(
                "option \"k\" is {k}: with {width} encoded columns it can be at most {}",
                MAX_NUMBERS / width.max(1)
            )));
        }
        let scaling = design.scaling.clone();
        let given = options.init_centroids.as_ref();
        Ok(Self {
            k,
            seed: options.seed,
            first_centroids: given.map(|rows| scaled_centroids(rows, &scaling)).transpose()?,
            scaling,
            max_iterations: options.max_iterations,
            tolerance: options.tolerance * design.mean_variance,
        })
    }

    fn width(&self) -> usize {
        self.scaling.shift.len()
    }

    /// How many rows a pass of this stage remembers.
    fn remembered(&self, stage: &Stage) -> usize {
        match stage {
            Stage::FirstRow => 1,
            Stage::Sample { .. } => 2 * self.k,
            Stage::Move { .. } => self.k.min(MAX_FARTHEST),
            Stage::Weigh { .. } | Stage::Measure { .. } => 0,
        }
    }

    /// The order in which rows are remembered: smallest first, `None` for never.
    fn key(&self, stage: &Stage, hash: u64, distance: f64) -> Option<f64> {
        match stage {
            Stage::FirstRow => Some(unit_interval(mix(hash, self.seed))),
            // The smallest of `-ln(u) / weight` is a sample in proportion to the weights.
            Stage::Sample { round, .. } if distance > 0.0 => {
                let hash = mix(mix(hash, self.seed), u64::from(*round));
                Some(-unit_interval(hash).ln() / distance)
            }
            Stage::Move { .. } if distance > 0.0 => Some(-distance),
            _ => None,
        }
    }

    /// The stage after a sample: more samples, or the weights of the candidates.
    fn after_sample(&self, mut candidates: Vec<f64>, picked: &[Picked], round: u32) -> Stage {
        picked.iter().for_each(|picked| candidates.extend_from_slice(&picked.row));
        if round < SAMPLING_ROUNDS {
            Stage::Sample { candidates, round: round + 1 }
        } else {
            Stage::Weigh { candidates }
        }
    }

    fn move_centroids(
        &self,
        centroids: &[f64],
        iteration: u32,
        state: &Assigned,
    ) -> Result<Step<Stage>> {
        let moved = self.means(centroids, state)?;
        let movement: f64 = moved.iter().zip(centroids).map(|(a, b)| (a - b) * (a - b)).sum();
        let converged = movement <= self.tolerance;
        if movement == 0.0 {
            return Ok(self.done(centroids, iteration, true, state));
        }
        Ok(Step::Continue(if converged || iteration >= self.max_iterations {
            Stage::Measure { centroids: moved, iterations: iteration, converged }
        } else {
            Stage::Move { centroids: moved, iteration: iteration + 1 }
        }))
    }

    /// The mean of each cluster's rows. An empty cluster takes the row that is farthest from its
    /// centroid, away from the cluster that has it.
    fn means(&self, centroids: &[f64], state: &Assigned) -> Result<Vec<f64>> {
        let width = self.width();
        let mut sums = state.sums.values();
        let mut counts = state.counts.clone();
        let mut farthest = state.picked.iter();
        for empty in 0..counts.len() {
            if counts.get(empty) != Some(&0) {
                continue;
            }
            let Some(picked) = farthest.next() else {
                // More than the remembered ones: the next iteration places the rest.
                if state.picked.len() >= MAX_FARTHEST {
                    break;
                }
                return Err(too_few_rows(self.k, self.k - 1));
            };
            let (donor, _) = nearest(&picked.row, centroids, width);
            add_row(&mut sums, donor * width, &picked.row, -1.0);
            add_row(&mut sums, empty * width, &picked.row, 1.0);
            if let Some(count) = counts.get_mut(donor) {
                *count = count.saturating_sub(1);
            }
            if let Some(count) = counts.get_mut(empty) {
                *count = 1;
            }
        }
        let old = rows_of(centroids, width, counts.len());
        let sums = rows_of(&sums, width, counts.len());
        let means = sums.zip(&counts).zip(old).flat_map(|((sums, count), old)| {
            let count = *count;
            sums.iter()
                .zip(old)
                .map(move |(sum, old)| if count == 0 { *old } else { sum / count as f64 })
        });
        Ok(means.collect())
    }

    fn done(
        &self,
        centroids: &[f64],
        iterations: u32,
        converged: bool,
        state: &Assigned,
    ) -> Step<Stage> {
        let scaling = &self.scaling;
        let centroids = rows_of(centroids, self.width(), self.k).map(|row| {
            let columns = row.iter().zip(&scaling.shift).zip(&scaling.scale);
            columns.map(|((value, shift), scale)| value * scale + shift).collect()
        });
        let mut facts = Facts::new();
        let inertia = state.inertia.value().to_string();
        facts.insert("loss".to_owned(), inertia.clone());
        facts.insert("inertia".to_owned(), inertia);
        facts.insert("iterations".to_owned(), iterations.to_string());
        facts.insert("converged".to_owned(), converged.to_string());
        let centroids = centroids.collect();
        Step::Done(ModelParameters::Kmeans { centroids, scale: scaling.scale.clone() }, facts)
    }
}

impl Stage {
    /// The centroids or candidates that rows are compared with.
    fn points(&self) -> &[f64] {
        match self {
            Self::FirstRow => &[],
            Self::Sample { candidates, .. } | Self::Weigh { candidates } => candidates,
            Self::Move { centroids, .. } | Self::Measure { centroids, .. } => centroids,
        }
    }
}

impl Fit for KmeansFit {
    type Parameters = Stage;
    type State = Assigned;

    fn start(&self) -> Result<Stage> {
        Ok(match &self.first_centroids {
            Some(centroids) => Stage::Move { centroids: centroids.clone(), iteration: 1 },
            None => Stage::FirstRow,
        })
    }

    fn init(&self, stage: &Stage) -> Assigned {
        let points = stage.points().len();
        let sums = if matches!(stage, Stage::Move { .. }) { points } else { 0 };
        Assigned {
            counts: vec![0; points / self.width().max(1)],
            sums: Sums::zeros(sums),
            inertia: Sum::default(),
            picked: Vec::new(),
        }
    }

    fn update(&self, stage: &Stage, state: &mut Assigned, batch: &FeatureBatch) -> Result<()> {
        let width = self.width();
        if batch.width != width || batch.row_hashes.len() != batch.labels.len() {
            return Err(wrong_width());
        }
        let (points, remembered) = (stage.points(), self.remembered(stage));
        for ((row, _), hash) in batch.rows().zip(&batch.row_hashes) {
            let (index, distance) = nearest(row, points, width);
            if let Some(count) = state.counts.get_mut(index) {
                *count += 1;
            }
            if state.sums.len() > 0 {
                state.sums.add_at(index * width, row.iter().copied());
            }
            state.inertia.add(distance);
            if let Some(key) = self.key(stage, *hash, distance) {
                keep_smallest(&mut state.picked, remembered, key, row);
            }
        }
        Ok(())
    }

    fn fits(&self, stage: &Stage, state: &Assigned) -> bool {
        let expected = self.init(stage);
        state.counts.len() == expected.counts.len()
            && state.sums.has_len(expected.sums.len())
            && state.picked.iter().all(|picked| picked.row.len() == self.width())
    }

    fn merge(&self, stage: &Stage, state: &mut Assigned, other: Assigned) {
        for (count, more) in state.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        state.sums.merge(&other.sums);
        state.inertia.merge(other.inertia);
        let remembered = self.remembered(stage);
        for picked in &other.picked {
            keep_smallest(&mut state.picked, remembered, picked.key, &picked.row);
        }
    }

    fn size(&self, state: &Assigned) -> usize {
        let picked = state.picked.len() * (self.width() + 4) * size_of::<f64>();
        state.sums.size() + picked + state.counts.capacity() * size_of::<u64>()
    }

    fn step(&self, stage: Stage, state: Assigned) -> Result<Step<Stage>> {
        match stage {
            Stage::FirstRow => Ok(Step::Continue(self.after_sample(Vec::new(), &state.picked, 0))),
            Stage::Sample { candidates, round } => {
                Ok(Step::Continue(self.after_sample(candidates, &state.picked, round)))
            }
            Stage::Weigh { candidates } => {
                let found = state.counts.len();
                if found < self.k {
                    return Err(too_few_rows(self.k, found));
                }
                let centroids = kmeans_init::choose(
                    &candidates,
                    &state.counts,
                    self.width(),
                    self.k,
                    self.seed,
                );
                Ok(Step::Continue(Stage::Move { centroids, iteration: 1 }))
            }
            Stage::Move { centroids, iteration } => {
                self.move_centroids(&centroids, iteration, &state)
            }
            Stage::Measure { centroids, iterations, converged } => {
                Ok(self.done(&centroids, iterations, converged, &state))
            }
        }
    }
}

/// The nearest of some points and the squared distance; of equally near ones the first. Index 0
/// and distance 0 without points.
pub(crate) fn nearest(row: &[f64], points: &[f64], width: usize) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (index, point) in rows_of(points, width, points.len() / width.max(1)).enumerate() {
        let distance: f64 = row.iter().zip(point).map(|(a, b)| (a - b) * (a - b)).sum();
        if distance < best.1 {
            best = (index, distance);
        }
    }
    if best.1.is_finite() { best } else { (0, 0.0) }
}

fn add_row(sums: &mut [f64], start: usize, row: &[f64], factor: f64) {
    for (sum, value) in sums.iter_mut().skip(start).zip(row) {
        *sum += factor * value;
    }
}

/// Given centroids in the units of the batches.
fn scaled_centroids(rows: &[Vec<f64>], scaling: &Scaling) -> Result<Vec<f64>> {
    let width = scaling.shift.len();
    let mut scaled = Vec::with_capacity(rows.len() * width);
    for row in rows {
        if row.len() != width {
            return Err(option(format!(
                "a centroid of option \"init_centroids\" has {} numbers, the features have {width} encoded columns",
                row.len()
            )));
        }
        let columns = row.iter().zip(&scaling.shift).zip(&scaling.scale);
        scaled.extend(columns.map(|((value, shift), scale)| (value - shift) / scale));
    }
    Ok(scaled)
}

fn option(message: String) -> Error {
    Error::new(ErrorCode::InvalidModelOption, message)
}

fn too_few_rows(k: usize, distinct: usize) -> Error {
    Error::new(
        ErrorCode::InvalidTrainingData,
        format!("option \"k\" is {k}, but the rows have at most {distinct} distinct points"),
    )
}
