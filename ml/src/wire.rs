//! The binary form of pass descriptions and states between the nodes of one cluster.
//!
//! It is not stored: both ends run the same build. What is stored is the artifact's JSON.

use quern_common::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes a value.
pub(crate) fn to_bytes<T: Serialize>(what: &str, value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value)
        .map_err(|err| Error::internal(format!("{what} cannot be written: {err}")))
}

/// Reads a value; the bytes must hold it and nothing else.
pub(crate) fn from_bytes<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(Error::internal(format!("{what} has {} bytes too many", rest.len()))),
        Err(err) => Err(Error::internal(format!("{what} cannot be read: {err}"))),
    }
}
