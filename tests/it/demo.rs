//! `quern demo` and `quern sql`, as a person runs them.

use quern_tests::process::quern_binary;
use std::path::Path;
use std::process::{Command, Output};

fn quern(dir: &Path, args: &[&str]) -> Output {
    Command::new(quern_binary().unwrap()).args(args).current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_demo_walks_through_the_main_job() {
    let dir = tempfile::tempdir().unwrap();
    let demo = std::path::absolute("../demo").unwrap();
    let listen = ["--flight-sql-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
    let mut args = vec!["demo", "--once", "--demo-dir", demo.to_str().unwrap()];
    args.extend(listen);
    let output = quern(dir.path(), &args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("partitions=1/12"), "pruning is shown\n{out}");
    assert!(out.contains("United Air Lines Inc."), "the join\n{out}");
    assert!(out.contains("predicted"), "the model\n{out}");
    assert!(out.contains("quern sql --server"), "how to connect\n{out}");
    assert!(err.is_empty(), "{err}");
}

#[test]
fn the_shell_runs_statements_and_exits_with_their_success() {
    let dir = tempfile::tempdir().unwrap();
    let good = quern(dir.path(), &["sql", "-e", "SELECT 1 AS x, 'a,b' AS y"]);
    assert_eq!(text(&good.stdout), "x,y\n1,\"a,b\"\n", "{}", text(&good.stderr));
    assert_eq!(good.status.code(), Some(0));

    let bad = quern(dir.path(), &["sql", "-e", "SELECT * FROM nowhere"]);
    assert_eq!(bad.status.code(), Some(1));
    let err = text(&bad.stderr);
    assert!(err.contains("TABLE_NOT_FOUND") && err.contains("hive.default.nowhere"), "{err}");

    let unreachable = quern(dir.path(), &["sql", "--server", "127.0.0.1:1", "-e", "SELECT 1"]);
    assert_eq!(unreachable.status.code(), Some(3), "{}", text(&unreachable.stderr));
}

#[test]
fn an_unusable_configuration_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let output = quern(dir.path(), &["check-config", "--set", "query.max_runing=1"]);
    assert!(!output.status.success());
    let err = text(&output.stderr);
    assert!(err.contains("CONFIGURATION_INVALID") && err.contains("max_runing"), "{err}");
}
