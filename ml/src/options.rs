//! What OPTIONS of CREATE MODEL may say.

use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Algorithm {
    /// Ordinary least squares, or ridge regression with `l2`.
    LinearRegression,
    /// Binary logistic regression.
    LogisticRegression,
    /// K-means clustering.
    Kmeans,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] =
        &[Self::LinearRegression, Self::LogisticRegression, Self::Kmeans];

    /// The name in option `algorithm`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinearRegression => "linear_regression",
            Self::LogisticRegression => "logistic_regression",
            Self::Kmeans => "kmeans",
        }
    }

    /// Whether training needs a target column.
    pub const fn is_supervised(self) -> bool {
        match self {
            Self::LinearRegression | Self::LogisticRegression => true,
            Self::Kmeans => false,
        }
    }

    /// Whether the target is a class rather than a number.
    pub const fn has_classes(self) -> bool {
        matches!(self, Self::LogisticRegression)
    }

    /// The options that it takes, with their defaults as text.
    fn known_options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::LinearRegression => &[
                ("target", ""),
                ("nulls", "skip"),
                ("max_categories", "1000"),
                ("l2", "0"),
                ("fit_intercept", "true"),
            ],
            Self::LogisticRegression => &[
                ("target", ""),
                ("nulls", "skip"),
                ("max_categories", "1000"),
                ("l2", "0"),
                ("fit_intercept", "true"),
                ("max_iterations", "100"),
                ("tolerance", "1e-8"),
            ],
            Self::Kmeans => &[
                ("nulls", "skip"),
                ("max_categories", "1000"),
                ("k", ""),
                ("standardize", "true"),
                ("seed", "0"),
                ("max_iterations", "300"),
                ("tolerance", "1e-4"),
                ("init_centroids", ""),
            ],
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let name = text.trim().to_ascii_lowercase();
        let name = match name.as_str() {
            "linear_reg" => "linear_regression",
            "logistic_reg" => "logistic_regression",
            "k_means" => "kmeans",
            other => other,
        };
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|algorithm| algorithm.name()).collect();
            invalid(format!("unknown algorithm \"{text}\"; known are {}", known.join(", ")))
        })
    }
}

/// What happens to a training row with a NULL feature. A row whose target is NULL is skipped,
/// or an error with `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullHandling {
    /// The row takes no part in training. Predicting on such a row gives NULL.
    Skip,
    /// Training fails and names the column. Predicting on such a row gives NULL.
    Error,
    /// A number becomes the mean of its column, a string its most frequent value; when
    /// predicting too.
    Mean,
}

impl NullHandling {
    const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Error => "error",
            Self::Mean => "mean",
        }
    }
}

/// The options of a training, checked, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingOptions {
    /// `algorithm` (or `model_type`).
    pub algorithm: Algorithm,
    /// `target` (or `input_label_cols`): the column to predict.
    pub target: Option<String>,
    /// `nulls`: `skip`, `error` or `mean`.
    pub nulls: NullHandling,
    /// `max_categories`: distinct values that a string column may have.
    pub max_categories: usize,
    /// `l2` (or `l2_reg`): weight of the squared coefficients; 0 is no penalty. It is scikit-learn's
    /// `alpha` of `Ridge` and `1 / C` of `LogisticRegression`. The intercept is not penalised.
    pub l2: f64,
    /// `fit_intercept`.
    pub fit_intercept: bool,
    /// `max_iterations`.
    pub max_iterations: u32,
    /// `tolerance`: when iterations end. Logistic regression: largest component of the mean
    /// gradient over standardised columns. K-means: squared movement of the centroids in units
    /// of the mean variance of the columns (scikit-learn's `tol`).
    pub tolerance: f64,
    /// `k` (or `num_clusters`): number of clusters.
    pub k: Option<usize>,
    /// `standardize` (or `standardize_features`): whether distances are measured in units of the
    /// columns' standard deviations.
    pub standardize: bool,
    /// `seed` of samples.
    pub seed: u64,
    /// `init_centroids`: the first centroids, a JSON array of `k` arrays with one number an
    /// encoded column.
    pub init_centroids: Option<Vec<Vec<f64>>>,
}

/// Most clusters.
pub(crate) const MAX_K: usize = 10_000;
const MAX_ITERATIONS: u32 = 100_000;
const MAX_CATEGORIES: usize = 10_000;

impl TrainingOptions {
    /// Reads options as they were written. Names are matched without case; BigQuery's names
    /// are understood.
    ///
    /// # Errors
    /// `INVALID_MODEL_OPTION` names the option that is unknown, missing, given twice or outside
    /// its domain.
    pub fn parse(options: &BTreeMap<String, String>) -> Result<Self> {
        let mut given = canonical(options)?;
        let algorithm: Algorithm = given
            .remove("algorithm")
            .ok_or_else(|| {
                invalid("option \"algorithm\" is missing")
                    .with_hint("for example algorithm = 'linear_regression'")
            })?
            .parse()?;
        let known = algorithm.known_options();
        if let Some(name) = given.keys().find(|name| !known.iter().any(|(known, _)| known == name))
        {
            let mut names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            names.push("algorithm");
            names.sort_unstable();
            return Err(invalid(format!(
                "unknown option \"{name}\" of {algorithm}; known are {}",
                names.join(", ")
            )));
        }
        let values = Values { given, known };
        let parsed = Self {
            algorithm,
            target: values.text("target").map(|text| single_column(&text)).transpose()?,
            nulls: values.nulls()?,
            max_categories: values.number("max_categories", 1, MAX_CATEGORIES)?.unwrap_or(1_000),
            l2: values.number("l2", 0.0, 1e30)?.unwrap_or(0.0),
            fit_intercept: values.boolean("fit_intercept")?.unwrap_or(true),
            max_iterations: values.number("max_iterations", 1, MAX_ITERATIONS)?.unwrap_or(1),
            tolerance: values.number("tolerance", 0.0, 1.0)?.unwrap_or(0.0),
            k: values.number("k", 1, MAX_K)?,
            standardize: values.boolean("standardize")?.unwrap_or(false),
            seed: values.number("seed", 0, u64::MAX)?.unwrap_or(0),
            init_centroids: values.centroids()?,
        };
        parsed.with_consistent_k()?.with_target()
    }

    fn with_consistent_k(mut self) -> Result<Self> {
        if self.algorithm != Algorithm::Kmeans {
            return Ok(self);
        }
        match (self.k, &self.init_centroids) {
            (None, None) => Err(invalid("option \"k\" is missing").with_hint("for example k = 8")),
            (Some(k), Some(centroids)) if k != centroids.len() => Err(invalid(format!(
                "option \"init_centroids\" has {} centroids and option \"k\" is {k}",
                centroids.len()
            ))),
            (None, Some(centroids)) => {
                self.k = Some(centroids.len());
                Ok(self)
            }
            _ => Ok(self),
        }
    }

    fn with_target(self) -> Result<Self> {
        if self.algorithm.is_supervised() && self.target.is_none() {
            return Err(invalid("option \"target\" is missing")
                .with_hint("name the column to predict, for example target = 'price'"));
        }
        Ok(self)
    }

    /// Returns the options that the algorithm takes as text, for the catalogue.
    pub fn to_parameters(&self) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::new();
        parameters.insert("algorithm".to_owned(), self.algorithm.name().to_owned());
        for (name, _) in self.algorithm.known_options() {
            if let Some(value) = self.value_text(name) {
                parameters.insert((*name).to_owned(), value);
            }
        }
        parameters
    }

    fn value_text(&self, name: &str) -> Option<String> {
        match name {
            "target" => self.target.clone(),
            "nulls" => Some(self.nulls.name().to_owned()),
            "max_categories" => Some(self.max_categories.to_string()),
            "l2" => Some(self.l2.to_string()),
            "fit_intercept" => Some(self.fit_intercept.to_string()),
            "max_iterations" => Some(self.max_iterations.to_string()),
            "tolerance" => Some(self.tolerance.to_string()),
            "k" => self.k.map(|k| k.to_string()),
            "standardize" => Some(self.standardize.to_string()),
            "seed" => Some(self.seed.to_string()),
            "init_centroids" => self.init_centroids.as_ref().map(|rows| format!("{rows:?}")),
            _ => None,
        }
    }
}

/// Lower-cases names and replaces aliases.
fn canonical(options: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut given = BTreeMap::new();
    for (name, value) in options {
        let lower = name.trim().to_ascii_lowercase();
        let canonical = match lower.as_str() {
            "model_type" => "algorithm",
            "input_label_cols" => "target",
            "l2_reg" => "l2",
            "num_clusters" => "k",
            "standardize_features" => "standardize",
            other => other,
        };
        if given.insert(canonical.to_owned(), value.clone()).is_some() {
            return Err(invalid(format!("option \"{canonical}\" is given twice")));
        }
    }
    Ok(given)
}

/// `y`, `['y']` or `["y"]`; BigQuery writes an array.
fn single_column(text: &str) -> Result<String> {
    let text = text.trim();
    let name = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        None => text,
        Some(inner) => {
            let inner = inner.trim();
            let quoted = |quote: char| inner.strip_prefix(quote)?.strip_suffix(quote);
            quoted('\'')
                .or_else(|| quoted('"'))
                .filter(|name| !name.contains(['\'', '"']))
                .ok_or_else(|| {
                    invalid(format!("option \"target\" must name one column, not {text}"))
                })?
        }
    };
    if name.is_empty() {
        return Err(invalid("option \"target\" is empty"));
    }
    Ok(name.to_owned())
}

struct Values {
    given: BTreeMap<String, String>,
    known: &'static [(&'static str, &'static str)],
}

impl Values {
    /// The text given, or the default; nothing for an option without default that is not given
    /// or that the algorithm does not take.
    fn text(&self, name: &str) -> Option<String> {
        if let Some(given) = self.given.get(name) {
            return Some(given.trim().to_owned());
        }
        let (_, default) = self.known.iter().find(|(known, _)| *known == name)?;
        (!default.is_empty()).then(|| (*default).to_owned())
    }

    fn number<N>(&self, name: &str, low: N, high: N) -> Result<Option<N>>
    where
        N: FromStr + PartialOrd + fmt::Display + Copy,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        // NaN is in no range.
        match text.parse::<N>() {
            Ok(number) if number >= low && number <= high => Ok(Some(number)),
            _ => Err(invalid(format!(
                "option \"{name}\" must be a number from {low} to {high}, not \"{text}\""
            ))),
        }
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(invalid(format!("option \"{name}\" must be true or false, not \"{text}\""))),
        }
    }

    fn nulls(&self) -> Result<NullHandling> {
        let text = self.text("nulls").unwrap_or_default();
        [NullHandling::Skip, NullHandling::Error, NullHandling::Mean]
            .into_iter()
            .find(|handling| handling.name().eq_ignore_ascii_case(&text))
            .ok_or_else(|| {
                invalid(format!("option \"nulls\" must be skip, error or mean, not \"{text}\""))
            })
    }

    fn centroids(&self) -> Result<Option<Vec<Vec<f64>>>> {
        let Some(text) = self.text("init_centroids") else { return Ok(None) };
        let rows: Vec<Vec<f64>> = serde_json::from_str(&text).map_err(|err| {
            invalid(format!(
                "option \"init_centroids\" must be a JSON array of arrays of numbers: {err}"
            ))
        })?;
        if rows.is_empty() || rows.len() > MAX_K {
            return Err(invalid(format!(
                "option \"init_centroids\" must have from 1 to {MAX_K} centroids, not {}",
                rows.len()
            )));
        }
        Ok(Some(rows))
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidModelOption, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[(&str, &str)]) -> Result<TrainingOptions> {
        let map = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        TrainingOptions::parse(&map)
    }

    #[test]
    fn names_of_bigquery_are_understood_and_defaults_filled_in() {
        let options = parse(&[
            ("MODEL_TYPE", "LOGISTIC_REG"),
            ("input_label_cols", "['churn']"),
            ("l2_reg", "1"),
        ])
        .unwrap();
        assert_eq!(options.algorithm, Algorithm::LogisticRegression);
        assert_eq!(options.target.as_deref(), Some("churn"));
        assert_eq!((options.l2, options.max_iterations, options.tolerance), (1.0, 100, 1e-8));
        let parameters = options.to_parameters();
        assert_eq!(parameters["nulls"], "skip");
        assert!(!parameters.contains_key("k"));
        assert_eq!(TrainingOptions::parse(&parameters).unwrap(), options);
    }

    #[test]
    fn a_wrong_option_is_named() {
        for (options, named) in [
            (
                &[("algorithm", "kmeans"), ("k", "3"), ("l2", "1")][..],
                "unknown option \"l2\" of kmeans; known are algorithm, init_centroids, k,",
            ),
            (
                &[("algorithm", "svm")][..],
                "unknown algorithm \"svm\"; known are linear_regression,",
            ),
            (&[("target", "y")][..], "option \"algorithm\" is missing"),
            (&[("algorithm", "linear_regression")][..], "option \"target\" is missing"),
            (&[("algorithm", "kmeans")][..], "option \"k\" is missing"),
            (
                &[("algorithm", "kmeans"), ("k", "0")][..],
                "option \"k\" must be a number from 1 to 10000, not \"0\"",
            ),
            (
                &[("algorithm", "kmeans"), ("K", "2"), ("num_clusters", "2")][..],
                "option \"k\" is given twice",
            ),
            (
                &[("algorithm", "kmeans"), ("k", "2"), ("init_centroids", "[[1]]")][..],
                "has 1 centroids",
            ),
            (&[("algorithm", "kmeans"), ("init_centroids", "[[NaN]]")][..], "must be a JSON array"),
            (
                &[("algorithm", "linear_regression"), ("target", "y"), ("l2", "NaN")][..],
                "option \"l2\"",
            ),
            (
                &[("algorithm", "linear_regression"), ("target", "y"), ("l2", "-1")][..],
                "option \"l2\"",
            ),
            (
                &[("algorithm", "linear_regression"), ("target", "y"), ("nulls", "zero")][..],
                "option \"nulls\"",
            ),
            (
                &[("algorithm", "linear_regression"), ("target", "['a','b']")][..],
                "must name one column",
            ),
        ] {
            let error = parse(options).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidModelOption);
            assert!(error.message().contains(named), "{error} should contain {named}");
        }
    }
}
