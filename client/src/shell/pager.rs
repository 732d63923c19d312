//! Results on their way out: straight, or through a pager when they fill the screen.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};

/// Held back at most, so that few very long lines do not fill the memory.
const HELD_BYTES: usize = 1 << 20;

/// A writer of one result.
pub(crate) struct Output<'a> {
    direct: &'a mut (dyn Write + Send),
    state: State,
    /// Lines that fit on the screen without a pager.
    screen_rows: usize,
    command: Option<&'a str>,
}

enum State {
    /// Not yet known whether it fits.
    Held {
        text: Vec<u8>,
        lines: usize,
    },
    Direct,
    Paged(Child),
}

impl<'a> Output<'a> {
    /// Writes to `direct`, or to the pager `command` once there are more than `screen_rows`.
    pub(crate) fn new(
        direct: &'a mut (dyn Write + Send),
        command: Option<&'a str>,
        screen_rows: usize,
    ) -> Self {
        let state = match command {
            Some(_) => State::Held { text: Vec::new(), lines: 0 },
            None => State::Direct,
        };
        Self { direct, state, screen_rows, command }
    }

    /// Whether a pager owns the screen.
    pub(crate) fn is_paged(&self) -> bool {
        matches!(self.state, State::Paged(_))
    }

    /// Writes what was held back and waits for the pager.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.state, State::Direct) {
            State::Held { text, .. } => self.direct.write_all(&text)?,
            State::Direct => {}
            State::Paged(mut child) => {
                drop(child.stdin.take());
                child.wait()?;
            }
        }
        self.direct.flush()
    }

    fn start_pager(&mut self, command: &str, held: &[u8]) -> io::Result<()> {
        self.direct.flush()?;
        let spawned = Command::new("sh").arg("-c").arg(command).stdin(Stdio::piped()).spawn();
        let Ok(mut child) = spawned else {
            self.state = State::Direct;
            return self.direct.write_all(held);
        };
        let written = match &mut child.stdin {
            Some(stdin) => stdin.write_all(held),
            None => Ok(()),
        };
        self.state = State::Paged(child);
        written
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Direct => self.direct.write_all(bytes)?,
            State::Paged(child) => match &mut child.stdin {
                Some(stdin) => stdin.write_all(bytes)?,
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            },
            State::Held { text, lines } => {
                text.extend_from_slice(bytes);
                *lines += bytes.iter().filter(|byte| **byte == b'\n').count();
                if *lines > self.screen_rows || text.len() > HELD_BYTES {
                    let held = std::mem::take(text);
                    let command = self.command.unwrap_or_default();
                    self.start_pager(command, &held)?;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Held { .. } => Ok(()),
            State::Direct => self.direct.flush(),
            State::Paged(child) => child.stdin.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(command: &str, rows: usize, lines: usize) -> (Vec<u8>, io::Result<()>) {
        let mut direct = Vec::new();
        let mut output = Output::new(&mut direct, Some(command), rows);
        let mut result = Ok(());
        for n in 0..lines {
            result = result.and_then(|()| writeln!(output, "line {n}"));
        }
        let result = output.finish().and(result);
        (direct, result)
    }

    #[test]
    fn what_fits_on_the_screen_is_not_paged() {
        let (direct, result) = page("exit 1", 3, 3);
        result.unwrap();
        assert_eq!(direct, b"line 0\nline 1\nline 2\n");
    }

    #[test]
    fn what_does_not_fit_goes_through_the_pager() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("paged");
        let (direct, result) = page(&format!("cat > '{}'", file.display()), 3, 1_000);
        result.unwrap();
        assert!(direct.is_empty());
        let paged = std::fs::read_to_string(file).unwrap();
        assert_eq!(paged.lines().count(), 1_000);
        assert!(paged.starts_with("line 0\n") && paged.ends_with("line 999\n"));
    }

    #[test]
    fn a_pager_that_was_left_is_a_broken_pipe() {
        let (_, result) = page("exit 0", 3, 1_000_000);
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
