//! The algorithms.

mod kmeans;
mod kmeans_init;
mod linear;
mod logistic;

pub(crate) use kmeans::nearest;
pub(crate) use logistic::sigmoid;

use crate::feature::{Design, DesignRules, ScalingPolicy};
use crate::options::{Algorithm, TrainingOptions};
use crate::sum::Sum;
use crate::trainer::{FitTrainer, Trainer};
use quern_common::Result;

/// Returns the trainer of an algorithm for a table whose statistics are known.
///
/// # Errors
/// `INVALID_MODEL_OPTION` when options do not fit the features.
pub fn trainer(options: &TrainingOptions, design: &Design) -> Result<Box<dyn Trainer>> {
    Ok(match options.algorithm {
        Algorithm::LinearRegression => FitTrainer::boxed(linear::LinearFit::new(options, design)),
        Algorithm::LogisticRegression => {
            FitTrainer::boxed(logistic::LogisticFit::new(options, design))
        }
        Algorithm::Kmeans => FitTrainer::boxed(kmeans::KmeansFit::new(options, design)?),
    })
}

/// How an algorithm wants its numbers.
pub(crate) fn design_rules(options: &TrainingOptions) -> DesignRules {
    match options.algorithm {
        Algorithm::LinearRegression | Algorithm::LogisticRegression => DesignRules {
            policy: if options.fit_intercept {
                ScalingPolicy::Standard
            } else {
                ScalingPolicy::ScaleOnly
            },
            // All categories together would repeat the intercept.
            drop_first: options.fit_intercept,
            hash_rows: false,
        },
        Algorithm::Kmeans => DesignRules {
            policy: if options.standardize {
                ScalingPolicy::UnitDeviation
            } else {
                ScalingPolicy::CentreOnly
            },
            drop_first: false,
            hash_rows: true,
        },
    }
}

/// A sum of products that does not lose small terms beside large ones.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = Sum::default();
    a.iter().zip(b).for_each(|(a, b)| sum.add(a * b));
    sum.value()
}

/// The refusal of a batch that was encoded for another training.
fn wrong_width() -> quern_common::Error {
    quern_common::Error::internal("a batch of another training was mixed in")
}
