//! The steps of `cargo xtask ci`, cheap ones first. All use the debug profile: an optimised
//! build of DataFusion takes longer than all the tests.

use crate::tidy::tidy;
use crate::workspace::{Workspace, say};
use crate::{packages, python};
use anyhow::{Context, Result};
use std::process::{Command, Stdio};
use std::time::Instant;

type Step = (&'static str, fn(&Workspace) -> Result<()>);

const STEPS: &[Step] = &[
    ("fmt", |w| w.run("cargo", &["fmt", "--all", "--check"])),
    ("tidy", tidy),
    ("clippy", clippy),
    // Broken links within the documentation are errors by the workspace's lints.
    ("doc", |w| {
        w.run("cargo", &["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"])
    }),
    ("build", build),
    ("test", |w| test(w, None)),
    ("python", |w| python::test(w, &[])),
];

/// Runs every step and stops at the first that fails.
pub(crate) fn ci(workspace: &Workspace) -> Result<()> {
    let start = Instant::now();
    let mut times = Vec::new();
    for (name, step) in STEPS {
        say(&format!("== {name}"));
        let step_start = Instant::now();
        step(workspace).with_context(|| format!("step \"{name}\" failed"))?;
        let line = format!("{name:<8} {:>6.1} s", step_start.elapsed().as_secs_f64());
        say(&format!("== {line}"));
        times.push(line);
    }
    say("");
    for line in &times {
        say(line);
    }
    say(&format!("ci passed: {} steps in {} s", STEPS.len(), start.elapsed().as_secs()));
    Ok(())
}

/// Builds every program of the workspace.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    workspace.run("cargo", &["build", "--workspace"])
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    workspace.run("cargo", &arguments)
}

/// Runs the Rust tests, with nextest where it is installed.
pub(crate) fn test(workspace: &Workspace, filter: Option<&str>) -> Result<()> {
    packages::install(workspace)?;
    // Hive's metastore is in one of its packages.
    python::environment(workspace)?;
    // Always the whole workspace: a single package would unify features anew and rebuild
    // DataFusion.
    let mut arguments = if nextest_is_installed() {
        vec!["nextest", "run", "--workspace", "--no-fail-fast"]
    } else {
        vec!["test", "--workspace", "--no-fail-fast"]
    };
    arguments.extend(filter);
    workspace.run("cargo", &arguments)
}

fn nextest_is_installed() -> bool {
    Command::new("cargo")
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
