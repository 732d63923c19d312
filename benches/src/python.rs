//! Python environments with DuckDB, made once and kept beside the data.

use crate::bench::{Bench, note};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program that runs in them.
pub(crate) const SCRIPT: &str = include_str!("../duckdb_side.py");

const FOR_QUERIES: &str = include_str!("../requirements.txt");
const FOR_TPCDS: &str = include_str!("../requirements-tpcds.txt");

/// A Python with the DuckDB that is measured: the one that was given, or our own.
pub(crate) fn with_duckdb(bench: &Bench) -> Result<PathBuf> {
    match &bench.python {
        Some(python) => Ok(python.clone()),
        None => environment(&bench.data_dir.join("python"), FOR_QUERIES),
    }
}

/// Generates the data and queries of TPC-DS.
pub(crate) fn generate_tpcds(bench: &Bench, scale: f64, out: &Path) -> Result<()> {
    let python = environment(&bench.data_dir.join("python-tpcds"), FOR_TPCDS)?;
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT, "generate-tpcds", "--scale", &scale.to_string(), "--out"]).arg(out);
    run(&mut command)
}

/// Makes the virtual environment, unless it is there with the same requirements.
fn environment(dir: &Path, wanted: &str) -> Result<PathBuf> {
    let python = dir.join("bin").join("python");
    // Written last, so that an environment whose installation broke off is made again.
    let stamp = dir.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    note(&format!("installing {}", wanted.trim().replace('\n', ", ")));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(dir))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    let unstamped = dir.join("wanted.txt");
    std::fs::write(&unstamped, wanted).with_context(|| format!("\"{}\"", unstamped.display()))?;
    run(Command::new(&python).args(pip).arg(&unstamped))?;
    std::fs::rename(&unstamped, &stamp)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
