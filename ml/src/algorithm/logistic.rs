//! Binary logistic regression by Newton's method.
//!
//! The objective is `Σ log loss + l2 / 2 · Σ coefficient²` in the units of the table, the
//! intercept not penalised. A pass evaluates loss, gradient and Hessian at one point; the
//! step there is halved as long as the objective rises.

use super::{dot, wrong_width};
use crate::feature::{Design, FeatureBatch, Scaling};
use crate::linalg::{packed_len, solve, symmetric};
use crate::model::{Facts, ModelParameters};
use crate::options::TrainingOptions;
use crate::sum::{Sum, Sums};
use crate::trainer::{Fit, Step};
use quern_common::Result;
use serde::{Deserialize, Serialize};

/// A shorter step than this part of Newton's has no effect.
const SHORTEST_STEP: f64 = 1e-9;
/// A rise of the objective that may be rounding.
const ROUNDING: f64 = 1e-13;
/// So close to the optimum the last Newton step is taken without evaluating it.
const SURE_STEP: f64 = 1e-4;

#[derive(Debug)]
pub(super) struct LogisticFit {
    scaling: Scaling,
    intercept: bool,
    /// Penalty of each unknown in scaled units.
    penalty: Vec<f64>,
    /// What an unknown counts in the norm of a step.
    norm_weights: Vec<f64>,
    max_iterations: u32,
    tolerance: f64,
}

/// The point that a pass evaluates.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Search {
    trial: Vec<f64>,
    /// The part of the Newton step that leads from `accepted` to `trial`.
    step: f64,
    accepted: Option<Accepted>,
    /// Newton steps taken.
    iterations: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Accepted {
    point: Vec<f64>,
    direction: Vec<f64>,
    objective: f64,
    log_loss: f64,
    smallest_margin: f64,
}

/// Sums over rows at the trial point.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Evaluated {
    rows: u64,
    log_loss: Sum,
    gradient: Sums,
    hessian: Sums,
    /// The smallest `±(intercept + coefficients · features)`, positive on the side of the class.
    smallest_margin: f64,
}

impl LogisticFit {
    pub(super) fn new(options: &TrainingOptions, design: &Design) -> Self {
        let inverse = design.scaling.scale.iter().map(|scale| 1.0 / scale);
        let mut norm_weights: Vec<f64> = Vec::new();
        let mut penalty = Vec::new();
        if options.fit_intercept {
            norm_weights.push(1.0);
            penalty.push(0.0);
        }
        for weight in inverse {
            norm_weights.push(weight);
            penalty.push(options.l2 * weight * weight);
        }
        Self {
            scaling: design.scaling.clone(),
            intercept: options.fit_intercept,
            penalty,
            norm_weights,
            max_iterations: options.max_iterations,
            tolerance: options.tolerance,
        }
    }

    fn unknowns(&self) -> usize {
        self.penalty.len()
    }

    fn is_penalised(&self) -> bool {
        self.penalty.iter().any(|penalty| *penalty > 0.0)
    }

    /// Gradient of the objective and Newton's direction at the point.
    fn newton(&self, point: &[f64], state: &Evaluated) -> Result<(Vec<f64>, Vec<f64>)> {
        let penalties = self.penalty.iter().zip(point);
        let gradient: Vec<f64> = state
            .gradient
            .values()
            .iter()
            .zip(penalties)
            .map(|(gradient, (penalty, value))| gradient + penalty * value)
            .collect();
        let mut hessian = symmetric(self.unknowns(), &state.hessian.values());
        for (i, penalty) in self.penalty.iter().enumerate() {
            hessian[(i, i)] += penalty;
        }
        let downhill: Vec<f64> = gradient.iter().map(|value| -value).collect();
        let direction = solve(&hessian, &downhill, &self.norm_weights)?.values;
        Ok((gradient, direction))
    }

    fn done(
        &self,
        accepted: &Accepted,
        rows: u64,
        iterations: u32,
        converged: bool,
    ) -> Step<Search> {
        let (intercept, scaled) = match (self.intercept, accepted.point.split_first()) {
            (true, Some((intercept, scaled))) => (*intercept, scaled),
            _ => (0.0, accepted.point.as_slice()),
        };
        let coefficients: Vec<f64> =
            scaled.iter().zip(&self.scaling.scale).map(|(value, scale)| value / scale).collect();
        let intercept =
            if self.intercept { intercept - dot(&coefficients, &self.scaling.shift) } else { 0.0 };
        // Without penalty, a plane between the classes can always be made steeper.
        let separated = accepted.smallest_margin > 0.0 && !self.is_penalised();
        let mut facts = Facts::new();
        facts.insert("loss".to_owned(), (accepted.log_loss / rows as f64).to_string());
        facts.insert("iterations".to_owned(), iterations.to_string());
        facts.insert("converged".to_owned(), (converged && !separated).to_string());
        if separated {
            facts.insert(
                "separation".to_owned(),
                "the features separate the classes, so the coefficients have no finite optimum; use option l2".to_owned(),
            );
        }
        Step::Done(ModelParameters::LogisticRegression { intercept, coefficients }, facts)
    }

    /// The trial point is better: go on from there.
    fn accept(&self, search: Search, state: &Evaluated, objective: f64) -> Result<Step<Search>> {
        let (gradient, direction) = self.newton(&search.trial, state)?;
        let steepest = gradient.iter().fold(0.0_f64, |max, value| max.max(value.abs()));
        let converged = steepest <= self.tolerance * state.rows as f64;
        let mut accepted = Accepted {
            point: search.trial,
            direction,
            objective,
            log_loss: state.log_loss.value(),
            smallest_margin: state.smallest_margin,
        };
        if converged || search.iterations >= self.max_iterations {
            if converged && accepted.direction.iter().all(|step| step.abs() < SURE_STEP) {
                accepted.point = along(&accepted.point, &accepted.direction, 1.0);
            }
            return Ok(self.done(&accepted, state.rows, search.iterations, converged));
        }
        Ok(Step::Continue(Search {
            trial: along(&accepted.point, &accepted.direction, 1.0),
            step: 1.0,
            accepted: Some(accepted),
            iterations: search.iterations + 1,
        }))
    }
}

impl Fit for LogisticFit {
    type Parameters = Search;
    type State = Evaluated;

    fn start(&self) -> Result<Search> {
        let trial = vec![0.0; self.unknowns()];
        Ok(Search { trial, step: 1.0, accepted: None, iterations: 0 })
    }

    fn init(&self, _: &Search) -> Evaluated {
        Evaluated {
            rows: 0,
            log_loss: Sum::default(),
            gradient: Sums::zeros(self.unknowns()),
            hessian: Sums::zeros(packed_len(self.unknowns())),
            smallest_margin: f64::INFINITY,
        }
    }

    fn update(&self, search: &Search, state: &mut Evaluated, batch: &FeatureBatch) -> Result<()> {
        if batch.width + usize::from(self.intercept) != self.unknowns() {
            return Err(wrong_width());
        }
        let mut row = Vec::with_capacity(self.unknowns());
        for (features, label) in batch.rows() {
            row.clear();
            if self.intercept {
                row.push(1.0);
            }
            row.extend_from_slice(features);
            let score: f64 = row.iter().zip(&search.trial).map(|(x, w)| x * w).sum();
            let margin = if label > 0.5 { score } else { -score };
            let small = (-margin.abs()).exp();
            // ln(1 + e^-margin), without overflow.
            state.log_loss.add(small.ln_1p() + (-margin).max(0.0));
            let error = if label > 0.5 { -sigmoid(-score) } else { sigmoid(score) };
            state.gradient.add_at(0, row.iter().map(|x| error * x));
            state.hessian.add_outer_product(&row, small / (1.0 + small).powi(2));
            state.smallest_margin = state.smallest_margin.min(margin);
            state.rows += 1;
        }
        Ok(())
    }

    fn fits(&self, _: &Search, state: &Evaluated) -> bool {
        state.gradient.has_len(self.unknowns())
            && state.hessian.has_len(packed_len(self.unknowns()))
    }

    fn merge(&self, _: &Search, state: &mut Evaluated, other: Evaluated) {
        state.rows += other.rows;
        state.log_loss.merge(other.log_loss);
        state.gradient.merge(&other.gradient);
        state.hessian.merge(&other.hessian);
        state.smallest_margin = state.smallest_margin.min(other.smallest_margin);
    }

    fn size(&self, state: &Evaluated) -> usize {
        state.gradient.size() + state.hessian.size()
    }

    fn step(&self, search: Search, state: Evaluated) -> Result<Step<Search>> {
        let penalty: Vec<f64> =
            self.penalty.iter().zip(&search.trial).map(|(p, value)| p * value).collect();
        let objective = state.log_loss.value() + 0.5 * dot(&penalty, &search.trial);
        let Some(accepted) = search.accepted else {
            return self.accept(search, &state, objective);
        };
        if objective <= accepted.objective * (1.0 + ROUNDING) {
            return self.accept(Search { accepted: None, ..search }, &state, objective);
        }
        let step = search.step / 2.0;
        if step < SHORTEST_STEP {
            return Ok(self.done(&accepted, state.rows, search.iterations, false));
        }
        let trial = along(&accepted.point, &accepted.direction, step);
        Ok(Step::Continue(Search { trial, step, accepted: Some(accepted), ..search }))
    }
}

/// `1 / (1 + e^-score)`.
pub(crate) fn sigmoid(score: f64) -> f64 {
    if score >= 0.0 {
        1.0 / (1.0 + (-score).exp())
    } else {
        let small = score.exp();
        small / (1.0 + small)
    }
}

fn along(point: &[f64], direction: &[f64], step: f64) -> Vec<f64> {
    point.iter().zip(direction).map(|(value, towards)| value + step * towards).collect()
}
