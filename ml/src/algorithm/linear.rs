//! Linear regression: ordinary least squares, or ridge regression with `l2`.
//!
//! One pass sums the products of all pairs of columns (the Gram matrix) of the shifted and
//! scaled rows. Where columns are collinear, the answer is the one with the smallest
//! coefficients, as a singular value decomposition of the rows would give.

use super::{dot, wrong_width};
use crate::feature::{Design, FeatureBatch, Scaling};
use crate::linalg::{packed_len, solve, symmetric};
use crate::model::{Facts, ModelParameters};
use crate::options::TrainingOptions;
use crate::sum::{Sum, Sums};
use crate::trainer::{Fit, Step};
use nalgebra::DMatrix;
use quern_common::Result;
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub(super) struct LinearFit {
    l2: f64,
    fit_intercept: bool,
    scaling: Scaling,
}

/// Sums of products over rows `[1, features…, target]`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Products(Sums);

impl LinearFit {
    pub(super) fn new(options: &TrainingOptions, design: &Design) -> Self {
        Self {
            l2: options.l2,
            fit_intercept: options.fit_intercept,
            scaling: design.scaling.clone(),
        }
    }

    fn width(&self) -> usize {
        self.scaling.shift.len()
    }

    /// The products around the means when there is an intercept, else as they are.
    fn centred(&self, products: DMatrix<f64>) -> DMatrix<f64> {
        if !self.fit_intercept {
            return products;
        }
        let sums = products.column(0).clone_owned();
        let rows = sums[0];
        products - &sums * sums.transpose() / rows
    }

    /// The intercept in the units of the table.
    fn intercept(&self, sums: &[f64], solution: &[f64], coefficients: &[f64]) -> f64 {
        if !self.fit_intercept {
            return 0.0;
        }
        let (rows, label_sum) = (sums.first(), sums.last());
        let rows = rows.copied().unwrap_or(1.0);
        let features = sums.get(1..=self.width()).unwrap_or_default();
        let label_mean = label_sum.copied().unwrap_or_default() / rows;
        let mut intercept = Sum::default();
        intercept.add(self.scaling.label_shift);
        intercept.add(self.scaling.label_scale * label_mean);
        intercept.add(-self.scaling.label_scale * dot(solution, features) / rows);
        intercept.add(-dot(coefficients, &self.scaling.shift));
        intercept.value()
    }

    fn facts(&self, rows: f64, rank: usize, total: f64, residual: f64) -> Facts {
        let unit = self.scaling.label_scale;
        let mse = residual * unit * unit / rows;
        let mut facts = Facts::new();
        facts.insert("loss".to_owned(), mse.to_string());
        facts.insert("rmse".to_owned(), mse.sqrt().to_string());
        if self.fit_intercept && total > 0.0 {
            facts.insert("r2".to_owned(), (1.0 - residual / total).to_string());
        }
        facts.insert("rank".to_owned(), rank.to_string());
        facts.insert("iterations".to_owned(), "1".to_owned());
        facts.insert("converged".to_owned(), "true".to_owned());
        facts
    }
}

impl Fit for LinearFit {
    type Parameters = ();
    type State = Products;

    fn start(&self) -> Result<()> {
        Ok(())
    }

    fn init(&self, (): &()) -> Products {
        Products(Sums::zeros(packed_len(self.width() + 2)))
    }

    fn update(&self, (): &(), state: &mut Products, batch: &FeatureBatch) -> Result<()> {
        if batch.width != self.width() {
            return Err(wrong_width());
        }
        let mut row = Vec::with_capacity(batch.width + 2);
        for (features, label) in batch.rows() {
            row.clear();
            row.push(1.0);
            row.extend_from_slice(features);
            row.push(label);
            state.0.add_outer_product(&row, 1.0);
        }
        Ok(())
    }

    fn fits(&self, (): &(), state: &Products) -> bool {
        state.0.has_len(packed_len(self.width() + 2))
    }

    fn merge(&self, (): &(), state: &mut Products, other: Products) {
        state.0.merge(&other.0);
    }

    fn size(&self, state: &Products) -> usize {
        state.0.size()
    }

    fn step(&self, (): (), state: Products) -> Result<Step<()>> {
        let width = self.width();
        let products = symmetric(width + 2, &state.0.values());
        let sums: Vec<f64> = products.column(0).iter().copied().collect();
        let rows = sums.first().copied().unwrap_or_default();
        let centred = self.centred(products);
        let gram = centred.view((1, 1), (width, width)).clone_owned();
        let moments = centred.view((1, width + 1), (width, 1)).clone_owned();
        let total = centred[(width + 1, width + 1)];

        // In units of the table a coefficient is `solution * label_scale / scale`.
        let inverse: Vec<f64> = self.scaling.scale.iter().map(|scale| 1.0 / scale).collect();
        let mut penalised = gram.clone();
        for (i, inverse) in inverse.iter().enumerate() {
            penalised[(i, i)] += self.l2 * inverse * inverse;
        }
        let solved = solve(&penalised, moments.as_slice(), &inverse)?;
        let coefficients: Vec<f64> = solved
            .values
            .iter()
            .zip(&inverse)
            .map(|(value, inverse)| value * self.scaling.label_scale * inverse)
            .collect();
        let intercept = self.intercept(&sums, &solved.values, &coefficients);

        let image = &gram * nalgebra::DVector::from_column_slice(&solved.values);
        let explained =
            2.0 * dot(&solved.values, moments.as_slice()) - dot(&solved.values, image.as_slice());
        let facts = self.facts(rows, solved.rank, total, (total - explained).max(0.0));
        Ok(Step::Done(ModelParameters::LinearRegression { intercept, coefficients }, facts))
    }
}
