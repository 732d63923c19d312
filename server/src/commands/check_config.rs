//! `quern check-config`: validates the configuration and prints the effective one.

use crate::args::ConfigArgs;
use crate::config;
use quern_common::{Error, Result};
use std::io::Write;
use std::process::ExitCode;

pub(crate) fn run(args: &ConfigArgs) -> Result<ExitCode> {
    let config = config::load(args)?;
    let text =
        toml::to_string(&config).map_err(|err| Error::internal(format!("configuration: {err}")))?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|err| Error::internal(format!("standard output: {err}")))?;
    Ok(ExitCode::SUCCESS)
}
