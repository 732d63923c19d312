//! The line that tells how far the running query is.

use crate::connection::Connection;
use crate::progress::QueryProgress;
use crate::shell::text::{escape_to_line, truncate};
use quern_common::ids::QueryId;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// A query that is done by then shows no line.
const QUIET: Duration = Duration::from_millis(500);
const ERASE: &str = "\r\x1b[K";

/// The line, of one statement.
pub(crate) struct ProgressLine {
    enabled: bool,
    drawn: bool,
    started: Instant,
    ticks: tokio::time::Interval,
    latest: Option<watch::Receiver<Option<QueryProgress>>>,
    poller: Option<JoinHandle<()>>,
}

impl ProgressLine {
    /// A line that is drawn if `enabled`. Must be called in a tokio runtime.
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            drawn: false,
            started: Instant::now(),
            ticks: tokio::time::interval(POLL_INTERVAL),
            latest: None,
            poller: None,
        }
    }

    /// Asks the server about `query` from now on.
    pub(crate) fn follow(&mut self, connection: &Connection, query: &QueryId) {
        if !self.enabled || self.poller.is_some() {
            return;
        }
        let (sender, receiver) = watch::channel(None);
        let (connection, query) = (connection.clone(), query.clone());
        self.latest = Some(receiver);
        self.poller = Some(tokio::spawn(async move {
            // A server that does not tell, or no longer knows the query, is not asked again.
            while let Ok(Some(progress)) = connection.query_progress(&query).await {
                if sender.send(Some(progress)).is_err() {
                    return;
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }));
    }

    /// Waits until the line is to be drawn again.
    pub(crate) async fn tick(&mut self) {
        if !self.enabled {
            return std::future::pending().await;
        }
        self.ticks.tick().await;
    }

    pub(crate) fn draw(&mut self, columns: usize, err: &mut dyn Write) -> io::Result<()> {
        let elapsed = self.started.elapsed();
        if !self.enabled || elapsed < QUIET {
            return Ok(());
        }
        let progress = self.latest.as_ref().and_then(|latest| latest.borrow().clone());
        let line = line(progress.as_ref(), elapsed);
        self.drawn = true;
        write!(err, "{ERASE}{}", truncate(&line, columns.saturating_sub(1)))?;
        err.flush()
    }

    /// Removes the line from the screen.
    pub(crate) fn erase(&mut self, err: &mut dyn Write) -> io::Result<()> {
        if std::mem::take(&mut self.drawn) {
            err.write_all(ERASE.as_bytes())?;
            err.flush()?;
        }
        Ok(())
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(poller) = &self.poller {
            poller.abort();
        }
    }
}

fn line(progress: Option<&QueryProgress>, elapsed: Duration) -> String {
    let mut parts = Vec::new();
    if let Some(progress) = progress {
        parts.push(escape_to_line(&progress.state).to_ascii_lowercase());
        if progress.stages > 0 {
            parts.push(format!("stage {}/{}", progress.stage, progress.stages));
        }
        if progress.splits > 0 {
            parts.push(format!("splits {}/{}", progress.splits_done, progress.splits));
        }
        if progress.rows > 0 {
            parts.push(format!("{} rows", count(progress.rows)));
        }
        if progress.bytes > 0 {
            parts.push(bytes(progress.bytes));
        }
    }
    parts.push(format!("{:.1} s", elapsed.as_secs_f64()));
    parts.join("  ")
}

fn count(n: u64) -> String {
    scaled(n, 1_000.0, &["", "k", "M", "G", "T"])
}

fn bytes(n: u64) -> String {
    scaled(n, 1_024.0, &[" B", " KiB", " MiB", " GiB", " TiB"])
}

fn scaled(n: u64, step: f64, units: &[&str]) -> String {
    let mut value = n as f64;
    let mut units = units.iter().copied();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if value < step {
            break;
        }
        value /= step;
        unit = next;
    }
    if value.fract() == 0.0 { format!("{value:.0}{unit}") } else { format!("{value:.1}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_what_is_known() {
        let elapsed = Duration::from_millis(1_250);
        assert_eq!(line(None, elapsed), "1.2 s");
        let progress = QueryProgress {
            state: "RUNNING".to_owned(),
            stage: 1,
            stages: 3,
            splits_done: 10,
            splits: 20,
            rows: 1_234,
            bytes: 5 << 20,
            elapsed_ms: 800,
        };
        assert_eq!(
            line(Some(&progress), elapsed),
            "running  stage 1/3  splits 10/20  1.2k rows  5 MiB  1.2 s"
        );
    }

    #[tokio::test]
    async fn the_line_is_erased_only_when_it_is_there() {
        let mut progress = ProgressLine::new(true);
        let mut err = Vec::new();
        progress.draw(80, &mut err).unwrap();
        progress.erase(&mut err).unwrap();
        assert!(err.is_empty(), "a short query shows nothing");
        progress.started = Instant::now().checked_sub(QUIET * 2).unwrap();
        progress.draw(80, &mut err).unwrap();
        progress.erase(&mut err).unwrap();
        progress.erase(&mut err).unwrap();
        assert_eq!(String::from_utf8(err).unwrap(), "\r\x1b[K1.0 s\r\x1b[K");
    }
}
