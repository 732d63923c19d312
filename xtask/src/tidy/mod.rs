//! `cargo xtask tidy`: the rules of ARCHITECTURE.md and STYLE.md that a program can check.

mod dependencies;
mod documents;
mod licences;
mod source;

use crate::workspace::{Workspace, say};
use anyhow::{Result, bail};

/// Checks every rule and prints every violation.
pub(crate) fn tidy(workspace: &Workspace) -> Result<()> {
    let files = workspace.files()?;
    let mut problems = Vec::new();
    dependencies::check(workspace, &mut problems)?;
    licences::check(workspace, &mut problems);
    source::check(workspace, &files, &mut problems)?;
    documents::check(workspace, &files, &mut problems)?;
    for problem in &problems {
        say(problem);
    }
    if !problems.is_empty() {
        bail!("tidy found {} problems", problems.len());
    }
    say(&format!("tidy: {} files", files.len()));
    Ok(())
}
