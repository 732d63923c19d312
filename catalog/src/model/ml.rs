//! Models of machine learning as catalogue objects.

use super::Parameters;

/// What CREATE MODEL publishes, before the store gives it a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModelVersion {
    /// Lower-case database name.
    pub database: String,
    /// Lower-case model name.
    pub name: String,
    /// `linear_regression`, `logistic_regression`, `kmeans`, …
    pub algorithm: String,
    /// URL of the artifact.
    pub artifact_location: String,
    /// Lower-case hex SHA-256 of the artifact's bytes.
    pub artifact_sha256: String,
    /// Options as given, defaults filled in.
    pub options: Parameters,
    /// Facts of the training for people: rows, iterations, metrics.
    pub facts: Parameters,
    /// The training statement as written.
    pub statement: String,
    /// Lineage: the tables that the training query read, as `catalog.schema.table`.
    pub source_tables: Vec<String>,
    /// Who trained it.
    pub owner: Option<String>,
    /// Seconds since 1970.
    pub create_time: i64,
}

/// A published model version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelVersion {
    /// The number, from 1.
    pub version: i64,
    /// What was published.
    pub model: NewModelVersion,
}
