//! Columns as features: what a model remembers of its input, and how rows become numbers.
//!
//! A number is one encoded column. A string is one-hot: one encoded column (0 or 1) for each
//! category that the statistics pass found, in byte order; algorithms with an intercept drop
//! the first category, which becomes the reference. A string that training did not see is
//! no category: its row has NULL predictions.

mod batch;
mod class;
mod column;
mod design;
mod moments;
mod statistics;

pub use batch::FeatureBatch;
pub(crate) use batch::{EncodedRows, encode_rows, rows_of};
pub use class::ClassValue;
pub use column::ColumnKind;
pub(crate) use column::Decoded;
pub use design::{Design, Scaling};
pub(crate) use design::{DesignRules, MAX_WIDTH, ScalingPolicy, encode_batch};
pub(crate) use moments::Moments;
pub(crate) use statistics::Statistics;

use crate::options::TrainingOptions;
use arrow::array::ArrayRef;
use arrow::datatypes::Schema;
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};

/// A column of the training query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputColumn {
    /// The name.
    pub name: String,
    /// The Arrow type as text.
    pub data_type: String,
    /// How it is read.
    pub kind: ColumnKind,
}

/// The columns of the training query by their part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputColumns {
    /// The features, in the order of the query.
    pub features: Vec<InputColumn>,
    /// The column to predict.
    pub target: Option<InputColumn>,
}

/// A feature of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// The column.
    pub column: InputColumn,
    /// How its values become numbers.
    pub encoding: Encoding,
}

/// How values become numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Encoding {
    /// The number itself.
    Number {
        /// Mean of the training rows.
        mean: f64,
        /// Standard deviation of the training rows.
        deviation: f64,
        /// Smallest value of the training rows.
        minimum: f64,
        /// Largest value of the training rows.
        maximum: f64,
        /// What NULL becomes; without it, NULL predicts NULL.
        impute: Option<f64>,
    },
    /// One number for each category.
    OneHot {
        /// The categories, in byte order.
        categories: Vec<String>,
        /// Whether the first category is the reference, which has no number of its own.
        drop_first: bool,
        /// What NULL becomes; without it, NULL predicts NULL.
        impute: Option<String>,
    },
}

impl Feature {
    /// The number of encoded columns.
    pub fn width(&self) -> usize {
        match &self.encoding {
            Encoding::Number { .. } => 1,
            Encoding::OneHot { categories, drop_first, .. } => {
                categories.len().saturating_sub(usize::from(*drop_first))
            }
        }
    }

    /// The names of the encoded columns: the column's name, or `name=category`.
    pub fn encoded_names(&self) -> Vec<String> {
        let name = &self.column.name;
        match &self.encoding {
            Encoding::Number { .. } => vec![name.clone()],
            Encoding::OneHot { categories, drop_first, .. } => categories
                .iter()
                .skip(usize::from(*drop_first))
                .map(|category| format!("{name}={category}"))
                .collect(),
        }
    }
}

impl InputColumns {
    /// Sorts the columns of a query into target and features.
    pub(crate) fn plan(options: &TrainingOptions, schema: &Schema) -> Result<Self> {
        let mut features: Vec<InputColumn> = Vec::new();
        let mut target: Option<InputColumn> = None;
        for field in schema.fields() {
            let (name, data_type) = (field.name(), field.data_type());
            let is_target = options.target.as_ref().is_some_and(|t| t.eq_ignore_ascii_case(name));
            let kind = match (is_target, options.algorithm.has_classes()) {
                (false, _) => ColumnKind::of_feature(name, data_type)?,
                (true, false) => ColumnKind::of_number(name, data_type)?,
                (true, true) => ColumnKind::of_class(name, data_type)?,
            };
            let same = |other: &InputColumn| other.name.eq_ignore_ascii_case(name);
            if features.iter().chain(&target).any(same) {
                return Err(Error::new(
                    ErrorCode::DuplicateColumnName,
                    format!("the training query has two columns \"{name}\""),
                ));
            }
            let column = InputColumn { name: name.clone(), data_type: data_type.to_string(), kind };
            if is_target {
                target = Some(column);
            } else {
                features.push(column);
            }
        }
        if let (Some(name), None) = (&options.target, &target) {
            return Err(Error::new(
                ErrorCode::ColumnNotFound,
                format!("the training query has no column \"{name}\" (option \"target\")"),
            ));
        }
        if features.is_empty() {
            return Err(Error::new(
                ErrorCode::InvalidTrainingData,
                "the training query has no feature column",
            ));
        }
        Ok(Self { features, target })
    }

    /// The names, features first, target last.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.features.iter().chain(&self.target).map(|column| column.name.as_str())
    }

    /// Reads the features and the target of a batch.
    pub(crate) fn read(&self, columns: &[ArrayRef]) -> Result<(Vec<Decoded>, Option<Decoded>)> {
        let expected = self.names().count();
        if columns.len() != expected {
            return Err(Error::internal(format!(
                "a training batch has {} columns instead of {expected}",
                columns.len()
            )));
        }
        check_lengths(columns)?;
        let mut decoded = read_columns(self.features.iter().chain(&self.target), columns)?;
        let target = if self.target.is_some() { decoded.pop() } else { None };
        Ok((decoded, target))
    }
}

/// Reads columns in order.
pub(crate) fn read_columns<'a>(
    expected: impl Iterator<Item = &'a InputColumn>,
    columns: &[ArrayRef],
) -> Result<Vec<Decoded>> {
    expected
        .zip(columns)
        .map(|(column, array)| Decoded::read(&column.name, column.kind, array))
        .collect()
}

/// Refuses columns of different lengths.
pub(crate) fn check_lengths(columns: &[ArrayRef]) -> Result<()> {
    let rows = columns.first().map_or(0, |column| column.len());
    if columns.iter().all(|column| column.len() == rows) {
        Ok(())
    } else {
        Err(Error::internal("the columns of a batch have different lengths"))
    }
}
