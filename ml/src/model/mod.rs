//! A trained model: what it learned and how it predicts.

mod check;

use crate::algorithm::{nearest, sigmoid};
use crate::feature::{
    ClassValue, Design, EncodedRows, Feature, InputColumn, InputColumns, check_lengths,
    encode_rows, read_columns,
};
use crate::options::TrainingOptions;
use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field};
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Facts of a training for people: `rows`, `rows_skipped`, `iterations`, `converged`, `loss`, ….
pub type Facts = BTreeMap<String, String>;

/// What an algorithm learned, in the units of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelParameters {
    /// `intercept + coefficients · features`.
    LinearRegression {
        /// The intercept; 0 without one.
        intercept: f64,
        /// One an encoded column.
        coefficients: Vec<f64>,
    },
    /// Probability of the second class: `1 / (1 + e^-(intercept + coefficients · features))`.
    LogisticRegression {
        /// The intercept; 0 without one.
        intercept: f64,
        /// One an encoded column.
        coefficients: Vec<f64>,
    },
    /// Each row belongs to the centroid with the smallest `Σ ((feature - centroid) / scale)²`.
    Kmeans {
        /// One a cluster, each with one number an encoded column.
        centroids: Vec<Vec<f64>>,
        /// One an encoded column.
        scale: Vec<f64>,
    },
}

/// The column that a model predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The column of the training query.
    pub column: InputColumn,
    /// The two classes, in order; the second is the positive one. Empty for a number.
    pub classes: Vec<ClassValue>,
}

/// A trained model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    options: TrainingOptions,
    target: Option<Target>,
    features: Vec<Feature>,
    parameters: ModelParameters,
    facts: Facts,
}

/// What a model says of each row before it is dressed as columns.
#[derive(Debug)]
pub(crate) enum Scores {
    /// The number predicted.
    Number(Vec<f64>),
    /// The log odds of the second class.
    LogOdds(Vec<f64>),
    /// Cluster and squared distance.
    Cluster(Vec<(usize, f64)>),
}

impl Model {
    pub(crate) fn new(
        options: TrainingOptions,
        columns: &InputColumns,
        design: &Design,
        parameters: ModelParameters,
        facts: Facts,
    ) -> Result<Self> {
        let target =
            columns.target.clone().map(|column| Target { column, classes: design.classes.clone() });
        let features = design.features.clone();
        let model = Self { options, target, features, parameters, facts };
        model.check().map_err(|problem| {
            Error::internal(format!("training ended with a model that {problem}"))
        })?;
        Ok(model)
    }

    /// The options it was trained with, defaults filled in.
    pub fn options(&self) -> &TrainingOptions {
        &self.options
    }

    /// What was learned.
    pub fn parameters(&self) -> &ModelParameters {
        &self.parameters
    }

    /// The features, in the order in which [`Model::predict`] takes them.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The names of the features.
    pub fn feature_names(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|feature| feature.column.name.as_str())
    }

    /// The Arrow types that the features had in training. Prediction takes any type of the
    /// same kind.
    ///
    /// # Errors
    /// When a type's text cannot be read.
    pub fn feature_types(&self) -> Result<Vec<DataType>> {
        self.features.iter().map(|feature| parse_type(&feature.column.data_type)).collect()
    }

    /// The names of the encoded columns, which coefficients and centroids refer to.
    pub fn encoded_names(&self) -> Vec<String> {
        self.features.iter().flat_map(Feature::encoded_names).collect()
    }

    /// The column that it predicts; none for clustering.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Facts of the training.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The columns that [`Model::predict`] returns:
    ///
    /// | algorithm | columns |
    /// |---|---|
    /// | linear_regression | `predicted_<target>` double |
    /// | logistic_regression | `predicted_<target>` of the target's type, `probability` double: of the predicted class |
    /// | kmeans | `cluster_id` bigint from 0, `distance` double: to the centroid, in units of the deviations with `standardize` |
    ///
    /// # Errors
    /// When the target's type cannot be read.
    pub fn output_fields(&self) -> Result<Vec<Field>> {
        let number = |name: &str| Field::new(name, DataType::Float64, true);
        let Some(target) = &self.target else {
            return Ok(vec![Field::new("cluster_id", DataType::Int64, true), number("distance")]);
        };
        let name = format!("predicted_{}", target.column.name);
        if target.classes.is_empty() {
            return Ok(vec![number(&name)]);
        }
        let class = Field::new(name, parse_type(&target.column.data_type)?, true);
        Ok(vec![class, number("probability")])
    }

    /// Predicts for the rows of feature columns, given in the order of
    /// [`Model::feature_names`]. A row has NULL predictions when a feature is NULL (unless
    /// `nulls` is `mean`), NaN, infinite, or a string that training did not see.
    ///
    /// # Errors
    /// `TYPE_MISMATCH` naming a column of the wrong kind; `INVALID_ARGUMENTS` for the wrong number
    /// of columns.
    pub fn predict(&self, columns: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        let encoded = self.encode(columns)?;
        match self.score(&encoded) {
            Scores::Number(values) => Ok(vec![numbers(&encoded.valid, &values)]),
            Scores::LogOdds(odds) => {
                let probabilities: Vec<f64> = odds.iter().map(|odds| sigmoid(odds.abs())).collect();
                let second = odds.iter().map(|odds| u32::from(*odds > 0.0));
                let indices: UInt32Array = second
                    .zip(&encoded.valid)
                    .map(|(index, valid)| valid.then_some(index))
                    .collect();
                let classes = take(&self.class_array()?, &indices, None)
                    .map_err(|err| Error::internal(format!("predicted classes: {err}")))?;
                Ok(vec![classes, numbers(&encoded.valid, &probabilities)])
            }
            Scores::Cluster(nearest) => {
                let ids: Int64Array = nearest
                    .iter()
                    .zip(&encoded.valid)
                    .map(|((id, _), valid)| valid.then(|| i64::try_from(*id).unwrap_or(i64::MAX)))
                    .collect();
                let distances: Vec<f64> = nearest.iter().map(|(_, square)| square.sqrt()).collect();
                Ok(vec![Arc::new(ids), numbers(&encoded.valid, &distances)])
            }
        }
    }

    /// Reads and encodes feature columns.
    pub(crate) fn encode(&self, columns: &[ArrayRef]) -> Result<EncodedRows> {
        if columns.len() != self.features.len() {
            return Err(Error::new(
                ErrorCode::InvalidArguments,
                format!(
                    "the model has {} features, {} columns were given",
                    self.features.len(),
                    columns.len()
                ),
            ));
        }
        check_lengths(columns)?;
        let decoded = read_columns(self.features.iter().map(|feature| &feature.column), columns)?;
        let rows: Vec<usize> = (0..columns.first().map_or(0, |column| column.len())).collect();
        let mut encoded = encode_rows(&self.features, &decoded, &rows);
        if let ModelParameters::Kmeans { scale, .. } = &self.parameters
            && encoded.width > 0
        {
            for row in encoded.values.chunks_exact_mut(encoded.width) {
                row.iter_mut().zip(scale).for_each(|(value, scale)| *value /= scale);
            }
        }
        Ok(encoded)
    }

    /// Scores encoded rows.
    pub(crate) fn score(&self, encoded: &EncodedRows) -> Scores {
        let linear = |intercept: f64, coefficients: &[f64]| {
            let score = |row: &[f64]| {
                intercept + row.iter().zip(coefficients).map(|(x, w)| x * w).sum::<f64>()
            };
            encoded.rows().map(score).collect()
        };
        match &self.parameters {
            ModelParameters::LinearRegression { intercept, coefficients } => {
                Scores::Number(linear(*intercept, coefficients))
            }
            ModelParameters::LogisticRegression { intercept, coefficients } => {
                Scores::LogOdds(linear(*intercept, coefficients))
            }
            ModelParameters::Kmeans { centroids, scale } => {
                let scaled = centroids.iter().flat_map(|row| row.iter().zip(scale));
                let points: Vec<f64> = scaled.map(|(value, scale)| value / scale).collect();
                Scores::Cluster(
                    encoded.rows().map(|row| nearest(row, &points, encoded.width)).collect(),
                )
            }
        }
    }

    /// The classes as an array of the target's type.
    fn class_array(&self) -> Result<ArrayRef> {
        let target = self.target.as_ref().ok_or_else(|| Error::internal("no target"))?;
        let classes = target.classes.iter();
        let array: ArrayRef = match target.classes.first() {
            Some(ClassValue::Boolean(_)) => Arc::new(BooleanArray::from_iter(
                classes.map(|c| if let ClassValue::Boolean(b) = c { Some(*b) } else { None }),
            )),
            Some(ClassValue::Integer(_)) => Arc::new(Int64Array::from_iter(
                classes.map(|c| if let ClassValue::Integer(n) = c { Some(*n) } else { None }),
            )),
            _ => Arc::new(StringArray::from_iter(
                classes.map(|c| if let ClassValue::Text(text) = c { Some(text) } else { None }),
            )),
        };
        cast(&array, &parse_type(&target.column.data_type)?)
            .map_err(|err| Error::internal(format!("the classes have another type: {err}")))
    }
}

fn numbers(valid: &[bool], values: &[f64]) -> ArrayRef {
    let array: Float64Array = values
        .iter()
        .zip(valid)
        .map(|(value, valid)| (*valid && value.is_finite()).then_some(*value))
        .collect();
    Arc::new(array)
}

/// Reads an Arrow type from its text.
pub(crate) fn parse_type(text: &str) -> Result<DataType> {
    text.parse().map_err(|err| Error::internal(format!("type \"{text}\": {err}")))
}
