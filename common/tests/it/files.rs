use std::path::PathBuf;

/// A path below the root of the checkout.
pub(crate) fn project_file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
