//! What the caller decides about a shell.

use crate::ConnectOptions;
use crate::shell::render::OutputFormat;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

/// Where statements come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellInput {
    /// A person at a terminal.
    Interactive,
    /// A script as text (`-e`).
    Text(String),
    /// A script in a file (`-f FILE`).
    File(PathBuf),
    /// A script on standard input (`-f -`, or standard input is no terminal).
    Stdin,
}

/// What a shell is and does.
#[derive(Debug, Clone)]
pub struct ShellOptions {
    /// The server, the user, and the session to begin with.
    pub connect: ConnectOptions,
    /// Where statements come from.
    pub input: ShellInput,
    /// How rows are written; [`OutputFormat::Aligned`] on a terminal and
    /// [`OutputFormat::Csv`] elsewhere when absent.
    pub format: Option<OutputFormat>,
    /// How NULL is written, when not in the format's own way (`NULL` for people, empty in CSV
    /// and TSV).
    pub null: Option<String>,
    /// Whether CSV and TSV begin with the column names.
    pub header: bool,
    /// Whether a script goes on after a statement that failed. It still ends with exit code 1.
    pub continue_on_error: bool,
    /// Whether the time that a statement took is shown (on a terminal).
    pub timing: bool,
    /// The file of earlier input in an interactive shell; none is kept when absent.
    pub history_file: Option<PathBuf>,
    /// A command line that long output on a terminal is piped into, such as `less -S`; run by
    /// `sh -c`. No paging when absent.
    pub pager: Option<String>,
    /// A program that edits the input (Ctrl-O in an interactive shell), such as `vi`.
    pub editor: Option<String>,
    /// Whether input is coloured (`NO_COLOR` is the caller's to look at).
    pub color: bool,
}

impl ShellOptions {
    /// An interactive shell with defaults.
    pub fn new(connect: ConnectOptions) -> Self {
        Self {
            connect,
            input: ShellInput::Interactive,
            format: None,
            null: None,
            header: true,
            continue_on_error: false,
            timing: true,
            history_file: None,
            pager: None,
            editor: None,
            color: true,
        }
    }
}

/// Where a shell writes to, and what interrupts it.
pub struct ShellIo {
    /// Results.
    pub out: Box<dyn Write + Send>,
    /// Errors, progress, row counts.
    pub err: Box<dyn Write + Send>,
    /// Whether `out` is a terminal.
    pub out_is_terminal: bool,
    /// Whether `err` is a terminal. Progress and row counts are only written to one.
    pub err_is_terminal: bool,
    /// Notified when the running statement is to be cancelled.
    pub interrupt: Arc<Notify>,
}

impl fmt::Debug for ShellIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellIo")
            .field("out_is_terminal", &self.out_is_terminal)
            .field("err_is_terminal", &self.err_is_terminal)
            .finish_non_exhaustive()
    }
}

impl ShellIo {
    /// The process's standard output and standard error, interrupted by Ctrl-C. Must be called
    /// in a tokio runtime.
    pub fn standard() -> Self {
        use std::io::IsTerminal;
        let interrupt = Arc::new(Notify::new());
        let notify = Arc::clone(&interrupt);
        // One listener for the whole life: a signal between two listeners would be lost.
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                notify.notify_one();
            }
        });
        let (out, err) = (std::io::stdout(), std::io::stderr());
        Self {
            out_is_terminal: out.is_terminal(),
            err_is_terminal: err.is_terminal(),
            out: Box::new(std::io::BufWriter::new(out)),
            err: Box::new(err),
            interrupt,
        }
    }
}

/// Codes that [`run`](super::run) returns.
pub mod exit {
    /// Everything succeeded.
    pub const OK: i32 = 0;
    /// A statement failed.
    pub const FAILED: i32 = 1;
    /// The shell was used wrongly: a script that cannot be read, an unknown shell command.
    pub const USAGE: i32 = 2;
    /// The server cannot be reached, or does not let the user in.
    pub const NO_CONNECTION: i32 = 3;
    /// Ctrl-C.
    pub const CANCELLED: i32 = 130;
}
