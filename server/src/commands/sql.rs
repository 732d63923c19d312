//! `quern sql`: the shell, on a server elsewhere or on one of its own.

use super::serve::{self, Role, Server};
use crate::args::{OutputFormat, ServeArgs, SqlArgs};
use quern_client::ConnectOptions;
use quern_client::shell::{self, ShellInput, ShellOptions};
use quern_common::Result;
use quern_common::config::Secret;
use quern_engine::runtime::LocationPolicy;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) async fn run(args: SqlArgs) -> Result<ExitCode> {
    let (server, url) = match &args.server {
        Some(url) => (None, url.clone()),
        None => {
            let server = embedded(&args).await?;
            let url = server.running.flight_sql.to_string();
            (Some(server), url)
        }
    };
    let code = shell::run(shell_options(args, url)).await;
    drop(server);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// A server for this shell alone, on a free port; it reads what its user may read.
async fn embedded(args: &SqlArgs) -> Result<Server> {
    let serve = ServeArgs { config: args.config.clone(), ..ServeArgs::default() };
    let mut config = serve::serve_config(&serve)?;
    config.flight_sql.listen = "127.0.0.1:0".to_owned();
    config.http.listen = "127.0.0.1:0".to_owned();
    config.metastore.listen.clear();
    if args.config.log.is_none() {
        config.log = "error".to_owned();
    }
    serve::init_log(&config)?;
    let policy = match config.storage.allow_locations.is_empty() {
        true => LocationPolicy::Unrestricted,
        false => serve::default_policy(&config)?,
    };
    serve::start(config, Role::Alone, policy).await
}

fn shell_options(args: SqlArgs, url: String) -> ShellOptions {
    let mut connect = ConnectOptions::new(url);
    connect.user = args.user;
    connect.password = Secret::new(args.password.unwrap_or_default());
    let session = [("catalog", args.catalog), ("schema", args.schema)];
    connect.session = session
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
        .collect();
    let input = match (args.execute, args.file) {
        (Some(text), _) => ShellInput::Text(text),
        (None, Some(path)) if path.as_os_str() == "-" => ShellInput::Stdin,
        (None, Some(path)) => ShellInput::File(path),
        (None, None) if std::io::stdin().is_terminal() => ShellInput::Interactive,
        (None, None) => ShellInput::Stdin,
    };
    let variable = |name: &str| std::env::vars().find(|(n, _)| n == name).map(|(_, v)| v);
    ShellOptions {
        input,
        format: args.format.map(format),
        continue_on_error: args.continue_on_error,
        history_file: variable("HOME").map(|home| PathBuf::from(home).join(".quern_history")),
        pager: variable("PAGER"),
        editor: variable("EDITOR"),
        color: variable("NO_COLOR").is_none(),
        ..ShellOptions::new(connect)
    }
}

fn format(format: OutputFormat) -> shell::OutputFormat {
    match format {
        OutputFormat::Aligned => shell::OutputFormat::Aligned,
        OutputFormat::Vertical => shell::OutputFormat::Vertical,
        OutputFormat::Csv => shell::OutputFormat::Csv,
        OutputFormat::Tsv => shell::OutputFormat::Tsv,
        OutputFormat::Json => shell::OutputFormat::Json,
        OutputFormat::Markdown => shell::OutputFormat::Markdown,
    }
}
