//! Where shuffle files are: a directory for each process, locked while the process lives.

use quern_common::config::Config;
use quern_common::{Error, ErrorCode, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Ends the name of a lock file.
const LOCK_SUFFIX: &str = ".lock";

/// A directory of this process's own. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct WorkDir {
    path: PathBuf,
    lock_path: PathBuf,
    // Locked as long as it is open; the kernel unlocks it when the process dies.
    _lock: File,
}

impl WorkDir {
    /// Makes the directory of the executor `id`, and removes those that dead processes left.
    pub(crate) fn create(config: &Config, id: &str) -> Result<Self> {
        let base = match config.executor.work_dir.as_str() {
            "" => config.data_dir.join("shuffle"),
            configured => PathBuf::from(configured),
        };
        let unusable = |err: io::Error| {
            Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("work directory \"{}\": {err}", base.display()),
            )
        };
        fs::create_dir_all(&base).map_err(unusable)?;
        remove_stale(&base);
        let lock_path = base.join(format!("{id}{LOCK_SUFFIX}"));
        let lock = File::create_new(&lock_path).map_err(unusable)?;
        lock.try_lock().map_err(|err| unusable(err.into()))?;
        let path = base.join(id);
        fs::create_dir(&path).map_err(unusable)?;
        Ok(Self { path, lock_path, _lock: lock })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        remove(&self.path, &self.lock_path);
    }
}

/// Removes the directories whose lock nobody holds.
fn remove_stale(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let lock_path = entry.path();
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_suffix(LOCK_SUFFIX)) else {
            continue;
        };
        let is_stale = File::open(&lock_path).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_stale {
            tracing::info!(executor = id, "removing the shuffle files of a dead executor");
            remove(&base.join(id), &lock_path);
        }
    }
}

fn remove(path: &Path, lock_path: &Path) {
    if let Err(err) = fs::remove_dir_all(path)
        && err.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), error = %err, "shuffle files were not removed");
        return;
    }
    if let Err(err) = fs::remove_file(lock_path) {
        tracing::warn!(path = %lock_path.display(), error = %err, "lock was not removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_the_dead_are_removed_and_those_of_the_living_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.executor.work_dir = dir.path().display().to_string();
        let living = WorkDir::create(&config, "living").unwrap();
        fs::write(living.path().join("data"), "x").unwrap();
        fs::create_dir(dir.path().join("dead")).unwrap();
        fs::write(dir.path().join("dead.lock"), "").unwrap();

        let other = WorkDir::create(&config, "other").unwrap();
        assert!(living.path().join("data").exists());
        assert!(!dir.path().join("dead").exists());
        assert!(!dir.path().join("dead.lock").exists());

        drop(living);
        drop(other);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
