//! `cargo xtask`: the project's checks, in plain Rust so that every machine runs the same ones.
//!
//! Read in this order: [`steps`] (what `ci` runs), [`tidy`] (the project's own rules),
//! [`python`] (the protocol tests), [`packages`] (programs that tests need), [`workspace`] (where things are).

mod steps;
mod tidy;

mod packages;
mod python;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;
use workspace::{Workspace, say};

const USAGE: &str = "usage: cargo xtask COMMAND

  ci              everything that must pass before a change lands
  test [FILTER]   the Rust tests, all or those whose name contains FILTER
  python [ARG..]  the protocol tests of tests/python; arguments go to pytest
  tidy            the project's own rules: layering, licences, file sizes, links
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            say(&format!("xtask: {err:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else { bail!("{USAGE}") };
    let workspace = Workspace::find()?;
    match (command.as_str(), rest) {
        ("ci", []) => steps::ci(&workspace),
        ("test", []) => steps::test(&workspace, None),
        ("test", [filter]) => steps::test(&workspace, Some(filter)),
        ("python", rest) => {
            steps::build(&workspace)?;
            python::test(&workspace, rest)
        }
        ("tidy", []) => tidy::tidy(&workspace),
        _ => bail!("{USAGE}"),
    }
}
