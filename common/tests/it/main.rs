//! Keeps the documents that describe this crate equal to it.

mod config_example;
mod error_codes_document;

use std::path::PathBuf;

/// A path below the root of the checkout.
fn project_file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
