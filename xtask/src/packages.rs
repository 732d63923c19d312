//! Programs that the tests start: PostgreSQL and Java, from Debian's packages where they are
//! missing.

use crate::workspace::{Workspace, say};
use anyhow::{Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Installs what is missing. The tests fail without it.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    if !Path::new("/usr/lib/postgresql").is_dir() && !answers("initdb") {
        install_package(workspace, "postgresql")?;
    }
    if std::env::var_os("JAVA_HOME").is_none() && !has_jdk_17() {
        install_package(workspace, "openjdk-17-jdk-headless")?;
    }
    Ok(())
}

fn has_jdk_17() -> bool {
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let mut of_17 = installed.filter(|jvm| jvm.file_name().to_string_lossy().contains("17"));
    of_17.any(|jvm| jvm.path().join("bin").join("javac").is_file())
}

fn install_package(workspace: &Workspace, package: &str) -> Result<()> {
    if !answers("apt-get") || !is_root() {
        bail!("{package} is needed for the tests, and can be installed by root on Debian only");
    }
    say(&format!("installing {package}"));
    let environment = [
        ("DEBIAN_FRONTEND", OsStr::new("noninteractive")),
        // Keeps the package from starting a server.
        ("RUNLEVEL", OsStr::new("1")),
    ];
    workspace.run_with("apt-get", &["update", "-qq"], &environment)?;
    let install = ["install", "-y", "-qq", "--no-install-recommends", package];
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
