//! Runs one statement: progress while it runs, rows when they come, a line when it is done.

use crate::connection::Connection;
use crate::shell::Shell;
use crate::shell::options::ShellIo;
use crate::shell::pager::Output;
use crate::shell::progress::ProgressLine;
use crate::shell::render::{RenderOptions, Renderer, renderer, write_batch};
use crate::statement::RowStream;
use arrow::array::RecordBatch;
use arrow_flight::FlightInfo;
use quern_common::Error;
use std::future::Future;
use std::io::{self, Write};
use std::time::{Duration, Instant};

const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);
const DEFAULT_SCREEN: (u16, u16) = (80, 24);

/// Why a statement or command came to no good end.
#[derive(Debug)]
pub(crate) enum Stop {
    Failed(Error),
    /// The shell command is unknown or its arguments are.
    Usage(String),
    Interrupted,
    /// Nobody reads the output any more.
    OutputClosed,
    Io(io::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for Stop {
    fn from(err: io::Error) -> Self {
        match err.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Io(err),
        }
    }
}

/// Awaits steps of a statement while it draws progress and listens for interrupts.
pub(crate) struct Watch<'a> {
    pub(crate) progress: ProgressLine,
    pub(crate) io: &'a mut ShellIo,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(io: &'a mut ShellIo) -> Self {
        Self { progress: ProgressLine::new(io.err_is_terminal), io }
    }

    pub(crate) async fn step<T>(
        &mut self,
        future: impl Future<Output = quern_common::Result<T>>,
    ) -> Result<T, Stop> {
        step(&mut self.progress, &self.io.interrupt, self.io.err.as_mut(), false, future).await
    }
}

/// `quiet` while a pager owns the screen.
async fn step<T>(
    progress: &mut ProgressLine,
    interrupt: &tokio::sync::Notify,
    err: &mut (dyn Write + Send),
    quiet: bool,
    future: impl Future<Output = quern_common::Result<T>>,
) -> Result<T, Stop> {
    let mut future = std::pin::pin!(future);
    let outcome = loop {
        tokio::select! {
            biased;
            () = interrupt.notified() => break Err(Stop::Interrupted),
            result = &mut future => break result.map_err(Stop::Failed),
            () = progress.tick() => {
                if !quiet {
                    progress.draw(screen().0, err)?;
                }
            }
        }
    };
    if outcome.is_err() {
        progress.erase(err)?;
    }
    outcome
}

/// Columns and rows of the terminal.
pub(crate) fn screen() -> (usize, usize) {
    let (columns, rows) = crossterm::terminal::size().unwrap_or(DEFAULT_SCREEN);
    (usize::from(columns.max(1)), usize::from(rows.max(1)))
}

impl Shell {
    /// Runs a statement and writes what it gives.
    pub(crate) async fn run_statement(&mut self, sql: &str) -> Result<(), Stop> {
        let started = Instant::now();
        let connection = self.connection.clone();
        let mut watch = Watch::new(&mut self.io);
        let statement = watch.step(connection.prepare(sql)).await?;
        if !statement.is_query() {
            let update = watch.step(statement.update()).await?;
            if let Some(query) = update.query_id() {
                watch.progress.follow(&connection, query);
            }
            let count = watch.step(update.finish()).await?;
            watch.progress.erase(watch.io.err.as_mut())?;
            drop(watch);
            return self.write_footer(&update_text(sql, count), started);
        }
        let rows = watch.step(statement.query()).await?;
        if let Some(query) = rows.query_id() {
            watch.progress.follow(&connection, query);
        }
        let progress = watch.progress;
        let count = self.write_stream(rows, progress, &connection).await?;
        self.write_footer(&rows_text(count), started)
    }

    /// Writes the rows of a query and returns their number.
    async fn write_stream(
        &mut self,
        mut rows: RowStream,
        mut progress: ProgressLine,
        connection: &Connection,
    ) -> Result<u64, Stop> {
        let info = rows.flight_info().clone();
        let written = self.write_batches(&mut rows, &mut progress).await;
        progress.erase(self.io.err.as_mut())?;
        if matches!(written, Err(Stop::Interrupted | Stop::OutputClosed)) {
            cancel(connection, info).await;
        }
        written
    }

    async fn write_batches(
        &mut self,
        rows: &mut RowStream,
        progress: &mut ProgressLine,
    ) -> Result<u64, Stop> {
        let options = self.render_options();
        let mut renderer = renderer(rows.schema(), &options);
        let pager = self.pager_command();
        let to_terminal = self.writes_to_terminal();
        let out = self.redirect.as_deref_mut().unwrap_or_else(|| self.io.out.as_mut());
        let mut output = Output::new(out, pager.as_deref(), screen().1.saturating_sub(2));
        let err = self.io.err.as_mut();
        let mut count = 0;
        let ended = loop {
            let quiet = output.is_paged();
            let next = step(progress, &self.io.interrupt, err, quiet, rows.next_batch()).await;
            match next {
                Ok(Some(batch)) => {
                    count += batch.num_rows() as u64;
                    if to_terminal {
                        progress.erase(err)?;
                    }
                    if let Err(stop) = write_some(renderer.as_mut(), &batch, &mut output) {
                        break Err(stop);
                    }
                }
                Ok(None) => break Ok(count),
                Err(stop) => break Err(stop),
            }
        };
        progress.erase(err)?;
        // Rows that arrived before a failure are shown, but no header without rows; a closed
        // output cannot show more.
        let flushed = match &ended {
            Err(Stop::OutputClosed) => Ok(()),
            Err(_) if count == 0 => Ok(()),
            _ => renderer.finish(&mut output),
        };
        let finished = output.finish();
        ended.and_then(|count| {
            flushed?;
            finished?;
            Ok(count)
        })
    }

    /// Writes rows that the shell made itself.
    pub(crate) fn write_table(&mut self, batch: &RecordBatch) -> Result<(), Stop> {
        let options = self.render_options();
        let mut renderer = renderer(&batch.schema(), &options);
        let pager = self.pager_command();
        let out = self.redirect.as_deref_mut().unwrap_or_else(|| self.io.out.as_mut());
        let mut output = Output::new(out, pager.as_deref(), screen().1.saturating_sub(2));
        let written = write_some(renderer.as_mut(), batch, &mut output)
            .and_then(|()| renderer.finish(&mut output).map_err(Stop::from));
        let finished = output.finish();
        written?;
        Ok(finished?)
    }

    fn render_options(&self) -> RenderOptions {
        RenderOptions {
            format: self.settings.format,
            null: self.settings.null.clone(),
            header: self.settings.header,
            terminal: self.writes_to_terminal(),
        }
    }

    fn writes_to_terminal(&self) -> bool {
        self.redirect.is_none() && self.io.out_is_terminal
    }

    fn pager_command(&self) -> Option<String> {
        let paged = self.settings.paging && self.interactive && self.writes_to_terminal();
        self.settings.pager.clone().filter(|_| paged)
    }

    /// Says on a terminal how a statement ended.
    fn write_footer(&mut self, text: &str, started: Instant) -> Result<(), Stop> {
        if !self.io.err_is_terminal {
            return Ok(());
        }
        if self.settings.timing {
            writeln!(self.io.err, "({text} in {})", duration_text(started.elapsed()))?;
        } else {
            writeln!(self.io.err, "({text})")?;
        }
        Ok(self.io.err.flush()?)
    }
}

fn write_some(
    renderer: &mut dyn Renderer,
    batch: &RecordBatch,
    output: &mut Output<'_>,
) -> Result<(), Stop> {
    write_batch(renderer, batch, output)?;
    Ok(output.flush()?)
}

/// Tells the server, which would otherwise notice only when it sends the next rows.
async fn cancel(connection: &Connection, info: FlightInfo) {
    // Dropping the stream cancels, too; whether the answer arrives changes nothing.
    let _ = tokio::time::timeout(CANCEL_TIMEOUT, connection.cancel(info)).await;
}

fn rows_text(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn update_text(sql: &str, count: Option<u64>) -> String {
    let word = crate::shell::first_word(sql);
    let writes_rows = ["INSERT", "DELETE", "UPDATE", "MERGE"].contains(&word.as_str());
    match count {
        Some(count) if count > 0 || writes_rows => format!("{} written", rows_text(count)),
        _ => "OK".to_owned(),
    }
}

fn duration_text(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 60.0 {
        return format!("{seconds:.2} s");
    }
    format!("{} min {:02} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn footers_read_well() {
        assert_eq!(rows_text(1), "1 row");
        assert_eq!(rows_text(0), "0 rows");
        assert_eq!(update_text("insert into t values 1", Some(0)), "0 rows written");
        assert_eq!(update_text("CREATE TABLE t AS SELECT 1", Some(1)), "1 row written");
        assert_eq!(update_text("CREATE TABLE t (a int)", Some(0)), "OK");
        assert_eq!(update_text("DROP TABLE t", None), "OK");
        assert_eq!(duration_text(Duration::from_millis(124)), "0.12 s");
        assert_eq!(duration_text(Duration::from_secs(125)), "2 min 05 s");
    }
}
