//! Earlier input, kept in a file that only its owner reads: statements can hold secrets.

use reedline::FileBackedHistory;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// Entries that are kept.
const CAPACITY: usize = 10_000;

/// Opens the history in `file`, creating it and its folder.
pub(crate) fn open(file: &Path) -> io::Result<FileBackedHistory> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?;
    FileBackedHistory::with_file(CAPACITY, file.to_owned()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn only_the_owner_reads_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("history");
        open(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
