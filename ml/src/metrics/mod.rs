//! How good a model's predictions are: mergeable sums over rows.

mod binary;
mod clustering;
mod regression;

use crate::feature::{Decoded, Moments};
use crate::model::{Model, Scores};
use crate::pass::select;
use crate::wire;
use arrow::array::{Array, ArrayRef, RecordBatch};
use binary::BinaryMetrics;
use clustering::ClusteringMetrics;
use quern_common::{Error, ErrorCode, Result};
use regression::RegressionMetrics;
use serde::{Deserialize, Serialize};

/// Sums for the metrics of one model, from the rows seen so far.
///
/// | algorithm | metrics |
/// |---|---|
/// | linear_regression | `rmse`, `mae`, `mse`, `r2` |
/// | logistic_regression | `accuracy`, `precision`, `recall`, `f1`, `log_loss`, `roc_auc` |
/// | kmeans | `inertia`, `davies_bouldin` |
///
/// and `rows`, `rows_skipped` (NULL target or NULL prediction) of all. Precision, recall and F1
/// are those of the second class and 0 where nothing is positive. A metric that is not defined on the rows is left out: `r2` of
/// a constant target, `roc_auc` of one class, `davies_bouldin` of one cluster, all of no rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    rows_skipped: u64,
    sums: MetricSums,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum MetricSums {
    Regression(RegressionMetrics),
    Binary(BinaryMetrics),
    Clustering(ClusteringMetrics),
}

/// A metric's name and value.
pub type Metric = (String, f64);

impl Evaluation {
    /// No rows yet.
    pub fn new(model: &Model) -> Self {
        use crate::model::ModelParameters;
        let sums = match model.parameters() {
            ModelParameters::LinearRegression { .. } => {
                MetricSums::Regression(RegressionMetrics::default())
            }
            ModelParameters::LogisticRegression { .. } => {
                MetricSums::Binary(BinaryMetrics::default())
            }
            ModelParameters::Kmeans { centroids, .. } => {
                MetricSums::Clustering(ClusteringMetrics::new(centroids.len()))
            }
        };
        Self { rows_skipped: 0, sums }
    }

    /// Takes in rows: the feature columns in the order of [`Model::feature_names`], and the
    /// target of a model that has one.
    ///
    /// # Errors
    /// `TYPE_MISMATCH` naming a column of the wrong kind, `INVALID_ARGUMENTS` naming a class that
    /// training did not see, or when the target is missing.
    pub fn update(
        &mut self,
        model: &Model,
        features: &[ArrayRef],
        target: Option<&ArrayRef>,
    ) -> Result<()> {
        let encoded = model.encode(features)?;
        let actual = actual_values(model, target, encoded.valid.len())?;
        let is_used = |row: usize| {
            encoded.valid.get(row) == Some(&true)
                && !actual.as_ref().is_some_and(|a| a.is_null(row))
        };
        let rows: Vec<usize> = (0..encoded.valid.len()).filter(|row| is_used(*row)).collect();
        self.rows_skipped += (encoded.valid.len() - rows.len()) as u64;
        match (&mut self.sums, model.score(&encoded), &actual) {
            (
                MetricSums::Regression(sums),
                Scores::Number(values),
                Some(Decoded::Number(array)),
            ) => {
                rows.iter().for_each(|row| sums.add(array.value(*row), at(&values, *row)));
                Ok(())
            }
            (MetricSums::Binary(sums), Scores::LogOdds(odds), Some(actual)) => {
                let classes = model.target().map_or(&[][..], |target| target.classes.as_slice());
                for row in rows {
                    let class = actual
                        .class_index(row, classes)
                        .ok_or_else(|| unknown_class(actual.class(row)))?;
                    sums.add(class == 1, at(&odds, row));
                }
                sums.compact();
                Ok(())
            }
            (MetricSums::Clustering(sums), Scores::Cluster(nearest), None) => {
                for row in rows {
                    if let Some((cluster, square)) = nearest.get(row) {
                        sums.add(*cluster, *square);
                    }
                }
                Ok(())
            }
            _ => Err(mixed()),
        }
    }

    /// Adds the rows of another evaluation of the same model.
    ///
    /// # Errors
    /// When it is one of another model.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.rows_skipped += other.rows_skipped;
        match (&mut self.sums, other.sums) {
            (MetricSums::Regression(mine), MetricSums::Regression(theirs)) => mine.merge(&theirs),
            (MetricSums::Binary(mine), MetricSums::Binary(theirs)) => mine.merge(theirs),
            (MetricSums::Clustering(mine), MetricSums::Clustering(theirs)) => {
                return if mine.merge(&theirs) { Ok(()) } else { Err(mixed()) };
            }
            _ => return Err(mixed()),
        }
        Ok(())
    }

    /// Returns the metrics.
    pub fn finish(&self, model: &Model) -> Vec<Metric> {
        let (mut metrics, rows) = match &self.sums {
            MetricSums::Regression(sums) => (sums.finish(), sums.rows()),
            MetricSums::Binary(sums) => (sums.finish(), sums.rows()),
            MetricSums::Clustering(sums) => (sums.finish(model), sums.rows()),
        };
        metrics.push(("rows", rows as f64));
        metrics.push(("rows_skipped", self.rows_skipped as f64));
        metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Writes the sums for another node.
    ///
    /// # Errors
    /// When memory is short.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        wire::to_bytes("evaluation", self)
    }

    /// Reads sums.
    ///
    /// # Errors
    /// When the bytes are corrupt.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        wire::from_bytes("evaluation", bytes)
    }

    /// Bytes on the heap, for memory accounting.
    pub fn size(&self) -> usize {
        match &self.sums {
            MetricSums::Regression(_) => 0,
            MetricSums::Binary(sums) => sums.size(),
            MetricSums::Clustering(sums) => sums.size(),
        }
    }
}

/// Evaluates a model on batches in memory; columns are found by name.
///
/// # Errors
/// `COLUMN_NOT_FOUND`, otherwise as [`Evaluation::update`].
pub fn evaluate(model: &Model, batches: &[RecordBatch]) -> Result<Vec<Metric>> {
    let mut evaluation = Evaluation::new(model);
    for batch in batches {
        let features = select(batch, model.feature_names())?;
        let name = model.target().map(|target| target.column.name.as_str());
        let target = select(batch, name.into_iter())?;
        evaluation.update(model, &features, target.first())?;
    }
    Ok(evaluation.finish(model))
}

fn actual_values(model: &Model, column: Option<&ArrayRef>, rows: usize) -> Result<Option<Decoded>> {
    match (model.target(), column) {
        (None, _) => Ok(None),
        (Some(target), None) => Err(Error::new(
            ErrorCode::InvalidArguments,
            format!("evaluation needs the target column \"{}\"", target.column.name),
        )),
        (Some(_), Some(column)) if column.len() != rows => {
            Err(Error::internal("the columns of a batch have different lengths"))
        }
        (Some(target), Some(column)) => {
            Decoded::read(&target.column.name, target.column.kind, column).map(Some)
        }
    }
}

fn at(values: &[f64], index: usize) -> f64 {
    values.get(index).copied().unwrap_or(f64::NAN)
}

fn unknown_class(class: Option<crate::feature::ClassValue>) -> Error {
    let class = class.map_or_else(String::new, |class| class.to_string());
    Error::new(
        ErrorCode::InvalidArguments,
        format!("the target has the class \"{class}\", which the model was not trained with"),
    )
}

fn mixed() -> Error {
    Error::internal("an evaluation of another model was mixed in")
}
