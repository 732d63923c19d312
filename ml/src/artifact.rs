//! The stored form of a model: one JSON document, readable without Quern.
//!
//! ```json
//! {
//!   "format": "quern-model",
//!   "format_version": 1,
//!   "model": {
//!     "options": {"algorithm": "linear_regression", "target": "price", …},
//!     "target": {"column": {"name": "price", "data_type": "Float64", "kind": "number"}, "classes": []},
//!     "features": [
//!       {"column": {"name": "size", "data_type": "Int64", "kind": "number"},
//!        "encoding": {"number": {"mean": 93.5, …, "impute": null}}},
//!       {"column": {"name": "city", "data_type": "Utf8", "kind": "text"},
//!        "encoding": {"one_hot": {"categories": ["Bern", "Ulm"], "drop_first": true, "impute": null}}}
//!     ],
//!     "parameters": {"linear_regression": {"intercept": 1.5, "coefficients": [0.25, -3.0]}},
//!     "facts": {"rows": "1000", …}
//!   }
//! }
//! ```
//!
//! Coefficients are in the order of the features; a one-hot feature has one for each category,
//! without the first when `drop_first`. Numbers are the shortest text that reads back as the
//! same double. Data types are Arrow's.

use crate::model::Model;
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What `format` says.
const FORMAT: &str = "quern-model";
/// The version that is written and the only one that is read.
const FORMAT_VERSION: u32 = 1;
/// Larger artifacts are refused.
pub const MAX_ARTIFACT_BYTES: usize = 256 << 20;

/// The bytes of a stored model and their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The document.
    pub bytes: Vec<u8>,
    /// Lower-case hex SHA-256 of the bytes.
    pub sha256: String,
}

#[derive(Serialize)]
struct WrittenDocument<'a> {
    format: &'static str,
    format_version: u32,
    model: &'a Model,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadDocument {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "format_version")]
    _format_version: u32,
    model: Model,
}

/// The part that says whether the rest can be read.
#[derive(Deserialize)]
struct Header {
    format: String,
    format_version: u64,
}

impl Artifact {
    /// Writes a model. Equal models have equal bytes.
    ///
    /// # Errors
    /// When memory is short.
    pub fn write(model: &Model) -> Result<Self> {
        let document = WrittenDocument { format: FORMAT, format_version: FORMAT_VERSION, model };
        let bytes = serde_json::to_vec_pretty(&document)
            .map_err(|err| Error::internal(format!("a model cannot be written: {err}")))?;
        let sha256 = sha256_hex(&bytes);
        Ok(Self { bytes, sha256 })
    }

    /// Reads a model whose hash is known.
    ///
    /// # Errors
    /// `HIVE_BAD_DATA` when the hash differs, otherwise as [`Artifact::read`].
    pub fn read_verified(bytes: &[u8], sha256: &str) -> Result<Model> {
        if !sha256_hex(bytes).eq_ignore_ascii_case(sha256) {
            return Err(corrupt("its SHA-256 is not the one in the catalogue"));
        }
        Self::read(bytes)
    }

    /// Reads a model.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for another format version, `HIVE_BAD_DATA` for bytes that are no model.
    pub fn read(bytes: &[u8]) -> Result<Model> {
        if bytes.len() > MAX_ARTIFACT_BYTES {
            return Err(corrupt(format!(
                "it has {} bytes, more than {MAX_ARTIFACT_BYTES}",
                bytes.len()
            )));
        }
        let header: Header =
            serde_json::from_slice(bytes).map_err(|err| corrupt(err.to_string()))?;
        if header.format != FORMAT {
            return Err(corrupt(format!("its format is \"{}\"", header.format)));
        }
        if header.format_version != u64::from(FORMAT_VERSION) {
            return Err(Error::not_supported(format!(
                "model artifact of format version {} (this version reads {FORMAT_VERSION})",
                header.format_version
            )));
        }
        let document: ReadDocument =
            serde_json::from_slice(bytes).map_err(|err| corrupt(err.to_string()))?;
        document.model.check().map_err(|problem| corrupt(format!("it {problem}")))?;
        Ok(document.model)
    }
}

/// Lower-case hex SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn corrupt(problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::HiveBadData, format!("the model artifact is corrupt: {problem}"))
}
