//! Where the project's files are, what cargo says about them, and how commands are run.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

/// The checkout and the folder that cargo builds into.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// What `cargo metadata` printed: packages, dependencies, licences.
    pub(crate) metadata: Value,
}

impl Workspace {
    /// Finds the workspace of the working directory. (Where this program was built from may be
    /// another checkout, that shared the target folder.)
    pub(crate) fn find() -> Result<Self> {
        let output = Command::new("cargo")
            .args(["metadata", "--format-version", "1"])
            .output()
            .context("cannot run cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let root = metadata["workspace_root"].as_str().context("no workspace")?.into();
        let target = metadata["target_directory"].as_str().context("no target folder")?.into();
        Ok(Self { root, target, metadata })
    }

    /// Returns the paths, relative to the root, of the files that are or could be committed.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .context("cannot run git ls-files")?;
        if !output.status.success() {
            bail!("git ls-files failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let listing = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
        let mut files: Vec<String> = listing
            .split('\0')
            .filter(|path| !path.is_empty() && self.root.join(path).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Reads a file below the root.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("cannot read {path}"))
    }

    /// The packages that cargo resolved, the workspace's own among them.
    pub(crate) fn packages(&self) -> &[Value] {
        self.metadata["packages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Runs a command in the root and fails when it does. Its output is the user's to see.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, program: &str, arguments: &[S]) -> Result<()> {
        self.run_with(program, arguments, &[])
    }

    /// [`Workspace::run`] with variables added to the environment.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: &[S],
        variables: &[(&str, &OsStr)],
    ) -> Result<()> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root).envs(variables.iter().copied());
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_package(name)) {
            command.env_remove(name);
        }
        let status = command.status().with_context(|| format!("cannot run {program}"))?;
        if !status.success() {
            bail!("{program} ended with {status}");
        }
        Ok(())
    }
}

/// What cargo tells a program about its package. Build scripts of dependencies (ring's) are run
/// again when it changes, and then DataFusion is compiled again: with the name of another
/// checkout's folder, or between `cargo build` and `cargo xtask`.
fn is_of_this_package(variable: &OsStr) -> bool {
    let name = variable.to_string_lossy();
    name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"]
            .contains(&name.as_ref())
}

/// Prints a line. A closed standard output is no reason to stop.
pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
