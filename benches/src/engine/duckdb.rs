//! DuckDB in a Python process of its own: benches/duckdb_side.py. Times are taken there, so that
//! handing the answer over is not counted.

use crate::answer::Answer;
use crate::bench::Bench;
use crate::dataset::Dataset;
use crate::python;
use anyhow::{Context, Result, bail};
use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use serde_json::{Value, json};
use std::fs::File;
use std::io::BufReader as FileReader;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A DuckDB process. It is killed with this value.
#[derive(Debug)]
pub(super) struct DuckDb {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    version: String,
    answer_file: PathBuf,
    n_requests: u64,
}

impl DuckDb {
    pub(super) async fn start(bench: &Bench, dataset: &Dataset, dir: &Path) -> Result<Self> {
        let python = python::with_duckdb(bench)?;
        let mut child = Command::new(python)
            .args(["-c", python::SCRIPT])
            .args(["serve", "--threads", &bench.threads.to_string()])
            .args(["--memory-mib", &bench.memory_mib.to_string()])
            .arg("--tables")
            .arg(&dataset.tables_dir)
            .arg("--scratch")
            .arg(dir.join("duckdb"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("DuckDB does not start")?;
        let input = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        let mut output = BufReader::new(output).lines();
        let line = output.next_line().await?.context("DuckDB ended before it was ready")?;
        let ready: Value = serde_json::from_str(&line)?;
        let version = ready["version"].as_str().context("no version")?.to_owned();
        let answer_file = dir.join("duckdb-answer.arrows");
        Ok(Self { _child: child, input, output, version, answer_file, n_requests: 0 })
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<Answer> {
        self.n_requests += 1;
        let request = json!({ "id": self.n_requests, "sql": sql, "answer": self.answer_file });
        self.input.write_all(format!("{request}\n").as_bytes()).await?;
        let reply = self.reply().await?;
        if let Some(error) = reply["error"].as_str() {
            bail!("{error}");
        }
        let seconds = reply["seconds"].as_f64().context("a reply without time")?;
        let file = FileReader::new(File::open(&self.answer_file)?);
        let batches =
            StreamReader::try_new(file, None)?.collect::<Result<Vec<RecordBatch>, _>>()?;
        Ok(Answer { batches, elapsed: Duration::from_secs_f64(seconds), query_id: None })
    }

    /// The reply to the last request. One that took too long may still be answered before.
    async fn reply(&mut self) -> Result<Value> {
        loop {
            let line = self.output.next_line().await?.context("DuckDB has ended")?;
            let reply: Value = serde_json::from_str(&line)?;
            if reply["id"].as_u64() == Some(self.n_requests) {
                return Ok(reply);
            }
        }
    }
}
