//! A model as a statement uses it: pinned to a version when the statement is planned, so that
//! every task applies the same one.

use quern_common::{Error, ErrorCode, Result};
use quern_ml::{Artifact, Model};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Models travel inside the plan. Larger ones would not fit the messages between nodes.
pub(super) const MODEL_BYTES_MAX: usize = 16 << 20;

/// A model and the bytes that it travels as. Equal when the bytes are.
#[derive(Clone)]
pub(super) struct LoadedModel {
    /// `name@version`, for EXPLAIN.
    pub(super) label: Arc<str>,
    pub(super) model: Arc<Model>,
    bytes: Arc<[u8]>,
    sha256: Arc<str>,
}

impl LoadedModel {
    /// Reads an artifact of the catalogue.
    pub(super) fn verified(label: &str, bytes: &[u8], sha256: &str) -> Result<Self> {
        if bytes.len() > MODEL_BYTES_MAX {
            return Err(Error::new(
                ErrorCode::NotSupported,
                format!(
                    "not supported: model \"{label}\" of {} bytes; the limit is {MODEL_BYTES_MAX}",
                    bytes.len()
                ),
            ));
        }
        let model = Artifact::read_verified(bytes, sha256)?;
        Ok(Self {
            label: label.into(),
            model: Arc::new(model),
            bytes: bytes.into(),
            sha256: sha256.into(),
        })
    }

    /// Label and artifact, as a plan carries them.
    pub(super) fn to_wire(&self, buf: &mut Vec<u8>) {
        let label = self.label.as_bytes();
        buf.extend(u32::try_from(label.len()).unwrap_or_default().to_le_bytes());
        buf.extend(label);
        buf.extend(self.bytes.iter());
    }

    /// Reads what [`LoadedModel::to_wire`] wrote.
    pub(super) fn from_wire(buf: &[u8]) -> Result<Self> {
        let cut = || Error::internal("a model in a plan is cut off");
        let (length, rest) = buf.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
        let (label, bytes) = rest.split_at_checked(length).ok_or_else(cut)?;
        let label = std::str::from_utf8(label).map_err(|_| cut())?;
        Self::verified(label, bytes, &quern_ml::sha256_hex(bytes))
    }
}

impl fmt::Debug for LoadedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoadedModel").field(&self.label).finish()
    }
}

impl PartialEq for LoadedModel {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256 && self.label == other.label
    }
}

impl Eq for LoadedModel {}

impl Hash for LoadedModel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sha256.hash(state);
    }
}
