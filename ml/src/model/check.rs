//! Whether a model's parts fit together; for models that come from a file.

use super::{Model, ModelParameters, Target, parse_type};
use crate::feature::{ClassValue, ColumnKind, Encoding, Feature, MAX_WIDTH};
use crate::options::{Algorithm, MAX_K};
use std::collections::HashSet;

/// Text as in "the model …".
type Problem = String;

impl Model {
    /// Checks everything that prediction relies on.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.features.is_empty() {
            return Err("has no features".to_owned());
        }
        self.features.iter().try_for_each(check_feature)?;
        let names: HashSet<_> =
            self.feature_names().chain(self.target().map(|t| t.column.name.as_str())).collect();
        if names.len() != self.features.len() + usize::from(self.target.is_some()) {
            return Err("has two columns of one name".to_owned());
        }
        let width: usize = self.features.iter().map(Feature::width).sum();
        if width > MAX_WIDTH {
            return Err(format!("has {width} encoded columns, more than {MAX_WIDTH}"));
        }
        self.check_target()?;
        self.check_parameters(width)
    }

    fn check_target(&self) -> Result<(), Problem> {
        let algorithm = self.options.algorithm;
        match &self.target {
            None if algorithm.is_supervised() => Err("has no target".to_owned()),
            Some(_) if !algorithm.is_supervised() => Err("has a target".to_owned()),
            Some(target) => check_target(target, algorithm),
            None => Ok(()),
        }
    }

    fn check_parameters(&self, width: usize) -> Result<(), Problem> {
        match (&self.parameters, self.options.algorithm) {
            (
                ModelParameters::LinearRegression { intercept, coefficients },
                Algorithm::LinearRegression,
            )
            | (
                ModelParameters::LogisticRegression { intercept, coefficients },
                Algorithm::LogisticRegression,
            ) => {
                check_numbers("coefficients", coefficients, width)?;
                check_numbers("intercept", &[*intercept], 1)
            }
            (ModelParameters::Kmeans { centroids, scale }, Algorithm::Kmeans) => {
                if centroids.is_empty() || centroids.len() > MAX_K {
                    return Err(format!("has {} centroids", centroids.len()));
                }
                check_numbers("scale", scale, width)?;
                if scale.iter().any(|scale| *scale <= 0.0) {
                    return Err("has a scale that is not positive".to_owned());
                }
                centroids.iter().try_for_each(|row| check_numbers("a centroid", row, width))
            }
            (_, algorithm) => Err(format!("has not the parameters of {algorithm}")),
        }
    }
}

fn check_feature(feature: &Feature) -> Result<(), Problem> {
    let name = &feature.column.name;
    let data_type = parse_type(&feature.column.data_type)
        .map_err(|_| format!("has a feature \"{name}\" of an unknown type"))?;
    let kind = ColumnKind::of_feature(name, &data_type)
        .map_err(|_| format!("has a feature \"{name}\" of type {data_type}"))?;
    let encoded = match &feature.encoding {
        Encoding::Number { mean, deviation, minimum, maximum, impute } => {
            let numbers = [*mean, *deviation, *minimum, *maximum, impute.unwrap_or(0.0)];
            check_numbers(&format!("statistics of feature \"{name}\""), &numbers, 5)?;
            ColumnKind::Number
        }
        Encoding::OneHot { categories, impute, .. } => {
            if !categories.iter().zip(categories.iter().skip(1)).all(|(a, b)| a < b) {
                return Err(format!("has categories of feature \"{name}\" out of order"));
            }
            if impute.as_ref().is_some_and(|value| !categories.contains(value)) {
                return Err(format!("imputes an unknown category for feature \"{name}\""));
            }
            ColumnKind::Text
        }
    };
    if kind != encoded || feature.column.kind != encoded {
        return Err(format!("has an encoding of feature \"{name}\" that does not fit its type"));
    }
    Ok(())
}

fn check_target(target: &Target, algorithm: Algorithm) -> Result<(), Problem> {
    let name = &target.column.name;
    let data_type = parse_type(&target.column.data_type)
        .map_err(|_| format!("has a target \"{name}\" of an unknown type"))?;
    let kind = if algorithm.has_classes() {
        ColumnKind::of_class(name, &data_type)
    } else {
        ColumnKind::of_number(name, &data_type)
    };
    if kind.ok() != Some(target.column.kind) {
        return Err(format!("has a target \"{name}\" of type {data_type}"));
    }
    let kinds_fit = target.classes.iter().all(|class| {
        matches!(
            (class, target.column.kind),
            (ClassValue::Boolean(_), ColumnKind::Boolean)
                | (ClassValue::Integer(_), ColumnKind::Integer)
                | (ClassValue::Text(_), ColumnKind::Text)
        )
    });
    match (algorithm.has_classes(), target.classes.as_slice()) {
        (false, []) => Ok(()),
        (true, [first, second]) if first < second && kinds_fit => Ok(()),
        _ => Err(format!("has the wrong classes of target \"{name}\"")),
    }
}

fn check_numbers(what: &str, numbers: &[f64], expected: usize) -> Result<(), Problem> {
    if numbers.len() != expected {
        return Err(format!("has {} numbers of {what} instead of {expected}", numbers.len()));
    }
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err(format!("has a number of {what} that is not finite"));
    }
    Ok(())
}
