//! The protocol tests: real clients from PyPI against the `quern` program.

use crate::workspace::{Workspace, say};
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// Runs pytest on tests/python against the program in the target folder.
pub(crate) fn test(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let quern = workspace.target.join("debug").join("quern");
    if !quern.is_file() {
        bail!("{} is not there: build it first", quern.display());
    }
    let python = environment(workspace)?;
    let mut command = vec!["-m", "pytest", "tests/python"];
    command.extend(arguments.iter().map(String::as_str));
    workspace.run_with(
        python.to_str().context("the target folder's name is not UTF-8")?,
        &command,
        &[("QUERN_BIN", quern.as_os_str()), ("PYTHONDONTWRITEBYTECODE", OsStr::new("1"))],
    )
}

/// Makes the virtual environment in the target folder, or finds it, and returns its Python.
pub(crate) fn environment(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("python-tests");
    let python = folder.join("bin").join("python");
    // Written last, so that an environment whose installation broke off is made again.
    let stamp = folder.join("requirements.txt");
    let wanted = workspace.read(REQUIREMENTS)?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    say(&format!("installing {REQUIREMENTS}"));
    workspace.run(
        "python3",
        &["-m".as_ref(), "venv".as_ref(), "--clear".as_ref(), folder.as_os_str()],
    )?;
    let program = python.to_str().context("the target folder's name is not UTF-8")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    workspace.run(program, &[&pip[..], &["--requirement", REQUIREMENTS]].concat())?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}
