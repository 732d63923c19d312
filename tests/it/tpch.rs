//! TPC-H, 22 of 22, equal to in-process DataFusion over the same files, in every mode.

use quern_tests::process::{Cluster, Process, serve};
use quern_tests::rows::{Row, of_batches, query};
use quern_tests::tpch;
use std::path::Path;

const SCALE: f64 = 0.01;

async fn expected(dir: &Path) -> Vec<Vec<Row>> {
    let oracle = tpch::oracle(dir, 2).await.unwrap();
    let mut answers = vec![];
    for n in 1..=22 {
        let rows = oracle.sql(&tpch::query(n)).await.unwrap().collect().await.unwrap();
        answers.push(of_batches(&rows).unwrap());
    }
    answers
}

async fn compare(server: &Process, mode: &str, data: &Path, expected: &[Vec<Row>]) {
    let connection = server.connect().await.unwrap();
    tpch::register(&connection, data).await.unwrap();
    let connection = server.connect_in(mode, "tpch").await.unwrap();
    let mut wrong = vec![];
    for (n, expected) in (1..).zip(expected) {
        match query(&connection, &tpch::query(n)).await {
            Ok(rows) if &rows == expected => {}
            Ok(rows) => wrong.push(format!(
                "q{n}: {} rows, {} expected; first difference {:?}",
                rows.len(),
                expected.len(),
                rows.iter().zip(expected).find(|(a, b)| a != b)
            )),
            Err(err) => wrong.push(format!("q{n}: {err:?}")),
        }
    }
    assert!(wrong.is_empty(), "{mode}: {wrong:#?}");
    // Equal answers say nothing of a mode that did not run them.
    let elsewhere = format!(
        "SELECT execution_mode, execution_mode_reason, query FROM system.runtime.queries \
         WHERE query LIKE '%lineitem%' AND query LIKE 'SELECT%' AND state = 'FINISHED' \
         AND execution_mode_reason LIKE 'not {mode}%'"
    );
    assert_eq!(query(&connection, &elsewhere).await.unwrap(), Vec::<Row>::new(), "{mode}");
    let n = format!(
        "SELECT count(*) >= 22 FROM system.runtime.queries \
         WHERE execution_mode = '{mode}' AND state = 'FINISHED'"
    );
    assert_eq!(query(&connection, &n).await.unwrap(), [["true".to_owned()]], "{mode}");
}

#[tokio::test]
async fn local_answers_as_datafusion_does() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("tpch");
    tpch::write(&data, SCALE, 2).unwrap();
    let expected = expected(&data).await;
    assert_eq!(expected[0].len(), 4, "the oracle itself");
    let server = serve(dir.path(), &[]).unwrap();
    compare(&server, "local", &data, &expected).await;
}

#[tokio::test]
async fn two_executors_answer_as_datafusion_does() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("tpch");
    tpch::write(&data, SCALE, 4).unwrap();
    let expected = expected(&data).await;
    let cluster = Cluster::start(dir.path(), 2, &[]).unwrap();
    cluster.wait_for_executors(2).await.unwrap();
    compare(&cluster.scheduler, "pipelined", &data, &expected).await;
    compare(&cluster.scheduler, "staged", &data, &expected).await;
}
