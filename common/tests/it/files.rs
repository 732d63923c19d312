use std::path::PathBuf;

/// A path below the root of the checkout. Tests run in the folder of their package; a path that
/// was compiled in would be that of the checkout that was compiled first into a shared target folder.
pub(crate) fn project_file(path: &str) -> PathBuf {
    PathBuf::from("..").join(path)
}
