//! What all commands share: where things are, and where results go.

use crate::args::CommonArgs;
use crate::figure::Figure;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Prints a line. A closed standard output is no reason to stop.
pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Prints a line about what is being done, apart from the results.
pub(crate) fn note(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// One call of this program.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) quern: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) python: Option<PathBuf>,
    pub(crate) threads: usize,
    pub(crate) memory_mib: u64,
    pub(crate) settings: Vec<String>,
    json: Option<PathBuf>,
    figures: Vec<Figure>,
    results: Vec<Value>,
}

impl Bench {
    pub(crate) fn new(args: CommonArgs) -> Result<Self> {
        let program = std::env::current_exe().context("this program's own path")?;
        let folder = program.parent().context("this program's own folder")?;
        let quern = args.quern.unwrap_or_else(|| folder.join("quern"));
        let quern = std::path::absolute(&quern)?;
        anyhow::ensure!(quern.is_file(), "no program \"{}\"; build it first", quern.display());
        let data_dir = args.data_dir.unwrap_or_else(|| folder.join("../bench-data"));
        std::fs::create_dir_all(&data_dir)
            .with_context(|| format!("data directory \"{}\"", data_dir.display()))?;
        Ok(Self {
            quern,
            data_dir: data_dir.canonicalize()?,
            python: args.python,
            threads: args.threads.max(1),
            memory_mib: args.memory_mib,
            settings: args.settings,
            json: args.json,
            figures: Vec::new(),
            results: Vec::new(),
        })
    }

    /// Says on what the figures were made.
    pub(crate) fn say_machine(&self) {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("unknown").to_owned();
        say(&format!(
            "DataFusion {}, {} threads an engine, {cores} cores, load {load} at the start",
            datafusion::DATAFUSION_VERSION,
            self.threads
        ));
        if cfg!(debug_assertions) {
            say("This is a debug build: its times mean nothing.");
        }
    }

    /// Prints a figure and keeps it for the JSON file.
    pub(crate) fn figure(&mut self, figure: Figure) {
        say(&figure.to_string());
        self.figures.push(figure);
    }

    /// Keeps a result for the JSON file.
    pub(crate) fn keep(&mut self, result: Value) {
        self.results.push(result);
    }

    /// Writes the JSON file.
    pub(crate) fn finish(&self) -> Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let figures: Vec<_> = self.figures.iter().map(Figure::to_json).collect();
        let text = serde_json::to_string_pretty(&json!({
            "datafusion": datafusion::DATAFUSION_VERSION,
            "threads": self.threads,
            "memory_mib": self.memory_mib,
            "settings": self.settings,
            "debug_build": cfg!(debug_assertions),
            "figures": figures,
            "results": self.results,
        }))?;
        write_file(path, &text)
    }
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write \"{}\"", path.display()))
}
