//! The SQL shell: statements and `\` commands in, rows out.
//!
//! Begin with [`run`]. A script is split by `splitter`, a statement run by `exec`, a shell
//! command by `commands`; `input` is the line editor with `highlight` and `completion`, which
//! takes names from `names`; `render` writes rows through `pager`.

mod commands;
mod completion;
mod describe;
mod exec;
mod highlight;
mod history;
mod input;
mod lexer;
mod names;
mod options;
mod pager;
mod progress;
mod render;
mod splitter;
mod text;
mod value;

pub use options::{ShellInput, ShellIo, ShellOptions, exit};
pub use render::OutputFormat;

use crate::connection::Connection;
use crate::error::{RemoteFailure, code_name};
use exec::{Stop, Watch};
use lexer::{TokenKind, tokens};
use names::Names;
use quern_common::Error;
use splitter::Piece;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use text::{escape_controls, escape_to_line};

/// Files that `\i` may open from within each other.
const MAX_INCLUDE_DEPTH: usize = 16;

/// A shell with a connection.
pub(crate) struct Shell {
    connection: Connection,
    io: ShellIo,
    settings: Settings,
    /// Where `\o` sends results.
    redirect: Option<Box<dyn Write + Send>>,
    interactive: bool,
    continue_on_error: bool,
    include_depth: usize,
    /// What completion knows, and the current catalog and schema.
    names: Arc<Names>,
    user: Option<String>,
}

/// What `\` commands change.
struct Settings {
    format: OutputFormat,
    /// The format that `\x` returns to.
    format_before_vertical: OutputFormat,
    null: Option<String>,
    header: bool,
    timing: bool,
    paging: bool,
    pager: Option<String>,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    Quit,
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ScriptEnd {
    code: i32,
    flow: Flow,
}

/// Runs a shell on the process's own terminal and returns the exit code (see [`exit`]).
pub async fn run(options: ShellOptions) -> i32 {
    run_with(options, ShellIo::standard()).await
}

/// Runs a shell that writes to `io` and returns the exit code (see [`exit`]).
pub async fn run_with(options: ShellOptions, mut io: ShellIo) -> i32 {
    let script = match script_text(&options.input) {
        Ok(script) => script,
        Err((name, err)) => {
            let name = escape_to_line(&name);
            let _ = writeln!(io.err, "Error: cannot read \"{name}\": {err}");
            return exit::USAGE;
        }
    };
    let connected = Watch::new(&mut io).step(Connection::connect(&options.connect)).await;
    let connection = match connected {
        Ok(connection) => connection,
        Err(Stop::Failed(error)) => {
            print_error(io.err.as_mut(), &error);
            return exit::NO_CONNECTION;
        }
        Err(_) => return exit::CANCELLED,
    };
    let mut shell = Shell::new(connection.clone(), io, &options);
    let code = match &script {
        Some(script) => shell.run_script(script).await.code,
        None => shell.interact(&options).await,
    };
    let flushed = shell.io.out.flush();
    // The server ends an idle session by itself.
    let _ = connection.close().await;
    match flushed {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => code.max(exit::FAILED),
        _ => code,
    }
}

/// Reads the whole script; there is none in an interactive shell.
fn script_text(input: &ShellInput) -> Result<Option<String>, (String, io::Error)> {
    match input {
        ShellInput::Interactive => Ok(None),
        ShellInput::Text(text) => Ok(Some(text.clone())),
        ShellInput::File(path) => {
            let read = std::fs::read_to_string(path);
            read.map(Some).map_err(|err| (path.display().to_string(), err))
        }
        ShellInput::Stdin => {
            let read = io::read_to_string(io::stdin());
            read.map(Some).map_err(|err| ("standard input".to_owned(), err))
        }
    }
}

impl Shell {
    fn new(connection: Connection, io: ShellIo, options: &ShellOptions) -> Self {
        let for_people = if io.out_is_terminal { OutputFormat::Aligned } else { OutputFormat::Csv };
        let format = options.format.unwrap_or(for_people);
        let settings = Settings {
            format,
            format_before_vertical: match format {
                OutputFormat::Vertical => for_people,
                other => other,
            },
            null: options.null.clone(),
            header: options.header,
            timing: options.timing,
            paging: true,
            pager: options.pager.clone(),
        };
        Self {
            names: Arc::new(Names::new(connection.clone())),
            connection,
            io,
            settings,
            redirect: None,
            interactive: options.input == ShellInput::Interactive,
            continue_on_error: options.continue_on_error,
            include_depth: 0,
            user: options.connect.user.clone(),
        }
    }

    /// Runs statements and commands in turn, until one fails.
    async fn run_script(&mut self, script: &str) -> ScriptEnd {
        let split = splitter::split(script);
        let rest = Some(split.rest).filter(|rest| !rest.is_empty()).map(Piece::Statement);
        let mut end = ScriptEnd { code: exit::OK, flow: Flow::Continue };
        for piece in split.pieces.into_iter().chain(rest) {
            let outcome = match piece {
                Piece::Statement(sql) => self.run_and_note(sql).await.map(|()| Flow::Continue),
                Piece::Command(line) => Box::pin(self.run_command(line)).await,
            };
            match outcome {
                Ok(Flow::Continue) => {}
                Ok(Flow::Quit) => return ScriptEnd { flow: Flow::Quit, ..end },
                Err(stop) => {
                    let code = self.report(&stop);
                    let ends_all = !matches!(code, exit::FAILED | exit::USAGE);
                    if ends_all || !self.continue_on_error {
                        return ScriptEnd { code, ..end };
                    }
                    end.code = exit::FAILED;
                }
            }
        }
        end
    }

    /// Runs a statement and notes what it changed for the shell itself.
    async fn run_and_note(&mut self, sql: &str) -> Result<(), Stop> {
        let outcome = self.run_statement(sql).await;
        if self.interactive {
            match first_word(sql).as_str() {
                "USE" | "SET" | "RESET" => self.names.forget_session(),
                "CREATE" | "DROP" | "ALTER" | "CALL" | "MSCK" => self.names.forget_tables(),
                _ => {}
            }
        }
        outcome
    }

    /// Runs the script in a file.
    async fn run_file(&mut self, path: &Path) -> Result<Flow, Stop> {
        if self.include_depth >= MAX_INCLUDE_DEPTH {
            return Err(Stop::Usage("files include each other too deeply".to_owned()));
        }
        let script = std::fs::read_to_string(path)
            .map_err(|err| Stop::Usage(format!("cannot read \"{}\": {err}", path.display())))?;
        self.include_depth += 1;
        let end = Box::pin(self.run_script(&script)).await;
        self.include_depth -= 1;
        match end.code {
            exit::OK => Ok(end.flow),
            code => Err(Stop::Reported(code)),
        }
    }

    /// Tells the user why something stopped and returns the exit code for it.
    fn report(&mut self, stop: &Stop) -> i32 {
        let _ = self.io.out.flush();
        let err = self.io.err.as_mut();
        match stop {
            Stop::Failed(error) => {
                print_error(err, error);
                let lost = RemoteFailure::of(error).is_some_and(RemoteFailure::is_connection_lost);
                if lost { exit::NO_CONNECTION } else { exit::FAILED }
            }
            Stop::Usage(message) => {
                let _ = writeln!(err, "Error: {}", escape_controls(message));
                exit::USAGE
            }
            Stop::Interrupted => {
                let _ = writeln!(err, "Query cancelled");
                exit::CANCELLED
            }
            Stop::OutputClosed => exit::OK,
            Stop::Io(io_error) => {
                let _ = writeln!(err, "Error: cannot write the result: {io_error}");
                exit::FAILED
            }
            Stop::Reported(code) => *code,
        }
    }
}

/// Writes an error with its code, hint and query.
fn print_error(err: &mut dyn Write, error: &Error) {
    let message = escape_controls(error.message());
    let mut text = format!("Error: [{}] {message}\n", escape_to_line(code_name(error)));
    if let Some(hint) = error.hint() {
        text.push_str(&format!("Hint: {}\n", escape_controls(hint)));
    }
    if let Some(query) = RemoteFailure::of(error).and_then(RemoteFailure::query_id) {
        text.push_str(&format!("Query: {}\n", escape_to_line(query.as_str())));
    }
    // There is no other place to tell that standard error cannot be written.
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}

/// The first word of a statement in upper case.
fn first_word(sql: &str) -> String {
    let word = tokens(sql).find(|token| token.kind == TokenKind::Word);
    word.map(|token| token.text.to_ascii_uppercase()).unwrap_or_default()
}
