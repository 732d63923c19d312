//! Log set-up and the names of span fields.
//!
//! Spans nest `query{query_id,user}`, `stage{stage_id}`, `task{task_id,attempt}`.

use crate::{Error, ErrorCode, Result};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the process-wide subscriber, writing to standard error.
///
/// # Errors
/// `CONFIGURATION_INVALID` when `filter` is not a filter directive such as `info,quern=debug`.
pub fn init(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|err| {
        Error::new(ErrorCode::ConfigurationInvalid, format!("log filter \"{filter}\": {err}"))
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    installed.map_err(|err| Error::internal(format!("log set-up: {err}")))
}
