//! `quern demo`: a server with real data, and a walk through the main job.

use super::serve::{self, Role, Server};
use crate::args::DemoArgs;
use quern_client::ConnectOptions;
use quern_client::shell::{self, ShellInput, ShellOptions};
use quern_common::{Error, ErrorCode, Result};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) async fn run(args: DemoArgs) -> Result<ExitCode> {
    let demo = find_demo(args.demo_dir.as_deref())?;
    let data = demo.join("data");
    let mut config = serve::serve_config(&args.serve)?;
    if args.serve.config.log.is_none() {
        config.log = "error".to_owned();
    }
    if args.serve.config.data_dir.is_none() && args.serve.config.config.is_none() {
        config.data_dir = PathBuf::from("quern-data").join("demo");
    }
    config.storage.allow_locations.push(data.to_string_lossy().into_owned());
    config.storage.allow_locations.push(
        std::path::absolute(&config.data_dir)
            .map_err(|err| Error::internal(format!("data directory: {err}")))?
            .to_string_lossy()
            .into_owned(),
    );
    serve::init_log(&config)?;
    let policy = serve::default_policy(&config)?;
    let mut server = serve::start(config, Role::Alone, policy).await?;

    say(&intro(&server))?;
    let register = read(&demo.join("register.sql"))?.replace("${demo}", &data.to_string_lossy());
    script(&server, register, None).await?;
    for step in steps(&read(&demo.join("tour.sql"))?) {
        say(&format!("\n{}\n\n{}\n\n", step.comment, step.statement))?;
        script(&server, step.statement, Some("demo")).await?;
    }
    say(&outro(&server))?;
    if args.once || !std::io::stdout().is_terminal() {
        return Ok(ExitCode::SUCCESS);
    }
    tokio::select! {
        ended = server.running.wait() => ended?,
        () = serve::shutdown_signal() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// One step of the tour.
struct Step {
    comment: String,
    statement: String,
}

/// Cuts the tour into steps: comment lines, then a statement up to its semicolon.
fn steps(tour: &str) -> Vec<Step> {
    let mut steps = vec![];
    let mut comment = String::new();
    let mut statement = String::new();
    for line in tour.lines() {
        match line.strip_prefix("--") {
            Some(text) if statement.is_empty() => {
                comment.push_str(text.strip_prefix(' ').unwrap_or(text));
                comment.push('\n');
            }
            _ => {
                if line.trim().is_empty() && statement.is_empty() {
                    // A blank line ends the head comment of the file.
                    comment.clear();
                    continue;
                }
                statement.push_str(line);
                statement.push('\n');
                if line.trim_end().ends_with(';') {
                    steps.push(Step {
                        comment: std::mem::take(&mut comment).trim_end().to_owned(),
                        statement: std::mem::take(&mut statement).trim_end().to_owned(),
                    });
                }
            }
        }
    }
    steps
}

/// Runs a script through the shell, as a person would.
async fn script(server: &Server, text: String, schema: Option<&str>) -> Result<()> {
    let mut connect = ConnectOptions::new(server.running.flight_sql.to_string());
    connect.session.extend(schema.map(|name| ("schema".to_owned(), name.to_owned())));
    let options = ShellOptions {
        input: ShellInput::Text(text),
        format: Some(shell::OutputFormat::Aligned),
        ..ShellOptions::new(connect)
    };
    match shell::run(options).await {
        shell::exit::OK => Ok(()),
        code => Err(Error::internal(format!("the demo's script failed with code {code}"))),
    }
}

fn intro(server: &Server) -> String {
    format!(
        "Quern serves Flight SQL on {}. The tables are the flights that left New York in 2013:\n\
         336,776 rows of Parquet in twelve partitions.\n",
        server.running.flight_sql
    )
}

fn outro(server: &Server) -> String {
    let address = server.running.flight_sql;
    format!(
        "\nConnect while this runs:\n\
         \x20 shell   quern sql --server {address} --schema demo\n\
         \x20 JDBC    jdbc:arrow-flight-sql://{address}?useEncryption=false\n\
         \x20 Python  adbc_driver_flightsql.dbapi.connect(\"grpc://{address}\")\n\
         \x20 health  http://{}/healthz, metrics on /metrics\n\
         Ctrl-C ends it.\n",
        server.running.http
    )
}

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|err| Error::internal(format!("standard output: {err}")))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|err| Error::new(ErrorCode::NotFound, format!("\"{}\": {err}", path.display())))
}

/// The demo's directory: as given, in the working directory, beside the sources that
/// `cargo run` names, or where a package puts it.
fn find_demo(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(dir) = given {
        return canonical(dir);
    }
    let manifest = std::env::vars_os()
        .find(|(name, _)| name == "CARGO_MANIFEST_DIR")
        .map(|(_, dir)| PathBuf::from(dir).join("../demo"));
    let program = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(|dir| dir.join("../share/quern/demo")));
    let places = [Some(PathBuf::from("demo")), manifest, program];
    places
        .into_iter()
        .flatten()
        .find(|dir| dir.join("register.sql").is_file())
        .map(|dir| canonical(&dir))
        .unwrap_or_else(|| {
            Err(Error::new(ErrorCode::NotFound, "the demo's data are not here")
                .with_hint("run in the repository, or give --demo-dir"))
        })
}

fn canonical(dir: &Path) -> Result<PathBuf> {
    dir.canonicalize().map_err(|err| {
        Error::new(ErrorCode::NotFound, format!("directory \"{}\": {err}", dir.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tour_is_cut_into_comment_and_statement() {
        let steps =
            steps("-- head\n\n-- 1. one\n--    more\nSELECT 1\n  + 1;\n\n-- 2.\nSHOW TABLES;\n");
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].comment, "1. one\n   more");
        assert_eq!(steps[0].statement, "SELECT 1\n  + 1;");
        assert_eq!(steps[1].statement, "SHOW TABLES;");
    }
}
