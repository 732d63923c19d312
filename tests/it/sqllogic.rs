//! Every `.slt` file under `tests/sql`, in each mode of execution.
//!
//! `${dir}` in a file is a directory of the test's own, in which tables may lie. A folder beside
//! the file that has its name is copied there first.

use async_trait::async_trait;
use quern_client::{Connection, QueryResult};
use quern_tests::process::{Cluster, Process, serve};
use quern_tests::rows::of_batches;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use std::path::{Path, PathBuf};

struct Database {
    connection: Connection,
    dir: PathBuf,
}

#[derive(Debug)]
struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// `[CODE] message`, so that a file can expect either.
fn failure(err: &quern_common::Error) -> Failure {
    Failure(format!("[{}] {err}", err.code()))
}

#[async_trait]
impl AsyncDB for Database {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let sql = sql.replace("${dir}", &self.dir.to_string_lossy());
        let result = self.connection.execute(&sql).await.map_err(|err| failure(&err))?;
        let rows = match result {
            QueryResult::Update(_) => return Ok(DBOutput::StatementComplete(0)),
            QueryResult::Rows(rows) => rows,
        };
        let types = vec![DefaultColumnType::Text; rows.schema().fields().len()];
        let batches = rows.collect().await.map_err(|err| failure(&err))?;
        let rows = of_batches(&batches).map_err(|err| Failure(err.to_string()))?;
        let shown = |text: String| if text.is_empty() { "(empty)".to_owned() } else { text };
        let rows = rows.into_iter().map(|row| row.into_iter().map(shown).collect()).collect();
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "quern"
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            found.push(path);
        }
    }
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &copy);
        } else {
            std::fs::copy(&path, &copy).unwrap();
        }
    }
}

async fn run_all(server: &Process, dir: &Path, mode: &str) {
    let mut scripts = vec![];
    files(Path::new("sql"), &mut scripts);
    scripts.sort();
    assert!(!scripts.is_empty(), "no .slt file");
    let mut failures = vec![];
    for script in scripts {
        let name = script.file_stem().unwrap().to_string_lossy().into_owned();
        let work = dir.join(format!("{mode}-{name}"));
        std::fs::create_dir_all(&work).unwrap();
        let files = script.with_extension("");
        if files.is_dir() {
            copy_dir(&files, &work);
        }
        let schema = format!("{mode}_{name}");
        let setup = server.connect().await.unwrap();
        setup.execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
        let mut runner = Runner::new(|| async {
            let connection =
                server.connect_in(mode, &schema).await.map_err(|err| Failure(err.to_string()))?;
            Ok(Database { connection, dir: work.clone() })
        });
        if let Err(err) = runner.run_file_async(&script).await {
            failures.push(format!("{mode}: {}", err.display(false)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test]
async fn every_script_passes_locally() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    run_all(&server, dir.path(), "local").await;
}

#[tokio::test]
async fn every_script_passes_over_two_executors() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(dir.path(), 2, &[]).unwrap();
    cluster.wait_for_executors(2).await.unwrap();
    run_all(&cluster.scheduler, dir.path(), "pipelined").await;
    run_all(&cluster.scheduler, dir.path(), "staged").await;
}
