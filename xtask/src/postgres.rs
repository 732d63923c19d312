//! PostgreSQL for the tests of the metastore, which start servers of their own.

use crate::workspace::{Workspace, say};
use anyhow::{Result, bail};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where Debian's packages put the programs, a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Installs PostgreSQL where it is missing. The tests fail without it.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    if Path::new(DEBIAN).is_dir() || answers("initdb") {
        return Ok(());
    }
    if !answers("apt-get") || !is_root() {
        bail!("PostgreSQL is needed for the tests: its programs on the path, or in {DEBIAN}");
    }
    say("installing postgresql");
    let environment = [
        ("DEBIAN_FRONTEND", OsStr::new("noninteractive")),
        // Keeps the package from starting a server.
        ("RUNLEVEL", OsStr::new("1")),
    ];
    workspace.run_with("apt-get", &["update", "-qq"], &environment)?;
    let install = ["install", "-y", "-qq", "--no-install-recommends", "postgresql"];
    workspace.run_with("apt-get", &install, &environment)
}

fn answers(program: &str) -> bool {
    let mut command = Command::new(program);
    let quiet = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}
