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
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use text::{escape_controls, escape_to_line};

/// Files that `\i` may open from within each other.
const MAX_INCLUDE_DEPTH: usize = 16;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A shell with a connection.
pub(crate) struct Shell {
    connection: Connection,
    io: ShellIo,
    settings: Settings,
    /// Where `\o` sends results.
    redirect: Option<Box<dyn Write + Send>>,
    interactive: bool,
    continue_on_error: bool,
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
#[derive(Debug, Clone, PartialEq, Eq)]
enum Flow {
    Continue,
    /// This script comes next.
    Include(String),
    Quit,
}

/// What a script consists of.
enum Work {
    Statement(String),
    Command(String),
    /// The end of a file that `\i` opened.
    EndOfFile,
}

/// How a script ended.
#[derive(Debug, PartialEq, Eq)]
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
    let connected = Watch::new(&mut io).step(Box::pin(Connection::connect(&options.connect))).await;
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
        Some(script) => Box::pin(shell.run_script(script)).await.code,
        None => Box::pin(shell.interact(&options)).await,
    };
    let flushed = shell.io.out.flush();
    // The server ends by itself a session that could not be closed.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection.close()).await;
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
            user: options.connect.user.clone(),
        }
    }

    /// Runs statements and commands in turn, until one fails.
    async fn run_script(&mut self, script: &str) -> ScriptEnd {
        let mut work = VecDeque::from(works(script));
        let mut depth = 0;
        let mut end = ScriptEnd { code: exit::OK, flow: Flow::Continue };
        while let Some(next) = work.pop_front() {
            let outcome = match next {
                Work::Statement(sql) => self.run_and_note(&sql).await.map(|()| Flow::Continue),
                Work::Command(line) => self.run_command(&line).await,
                Work::EndOfFile => {
                    depth -= 1;
                    Ok(Flow::Continue)
                }
            };
            // A file's statements come before what follows its \i; no recursion, no deep stack.
            let outcome = match outcome {
                Ok(Flow::Include(_)) if depth >= MAX_INCLUDE_DEPTH => {
                    Err(Stop::Usage("files include each other too deeply".to_owned()))
                }
                Ok(Flow::Include(text)) => {
                    depth += 1;
                    work.push_front(Work::EndOfFile);
                    works(&text).into_iter().rev().for_each(|item| work.push_front(item));
                    continue;
                }
                other => other,
            };
            match outcome {
                Ok(Flow::Quit) => return ScriptEnd { flow: Flow::Quit, ..end },
                Ok(_) => {}
                Err(stop) => {
                    end.code = self.report(&stop);
                    let may_go_on = matches!(end.code, exit::FAILED | exit::USAGE);
                    if !may_go_on || !self.continue_on_error {
                        return end;
                    }
                    end.code = exit::FAILED;
                }
            }
        }
        end
    }

    /// Runs a statement and notes what it changed for the shell itself.
    async fn run_and_note(&mut self, sql: &str) -> Result<(), Stop> {
        let outcome = Box::pin(self.run_statement(sql)).await;
        if self.interactive {
            match first_word(sql).as_str() {
                "USE" | "SET" | "RESET" => self.names.forget_session(),
                "CREATE" | "DROP" | "ALTER" | "CALL" | "MSCK" => self.names.forget_tables(),
                _ => {}
            }
        }
        outcome
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
        }
    }
}

/// The statements and commands of a script, one without `;` at the end included.
fn works(script: &str) -> Vec<Work> {
    let split = splitter::split(script);
    let rest = Some(split.rest).filter(|rest| !rest.is_empty()).map(Piece::Statement);
    let owned = |piece| match piece {
        Piece::Statement(sql) => Work::Statement(sql.to_owned()),
        Piece::Command(line) => Work::Command(line.to_owned()),
    };
    split.pieces.into_iter().chain(rest).map(owned).collect()
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
