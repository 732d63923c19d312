//! Same SQL, same answer in every mode.

use super::fixture::{N_EVENTS, TestCluster, collect};
use quern_common::ErrorCode;
use quern_engine::session::ExecutionMode;

const DISTRIBUTED: [ExecutionMode; 2] = [ExecutionMode::Staged, ExecutionMode::Pipelined];

const QUERIES: &[&str] = &[
    "SELECT count(*), sum(id), avg(v), min(name), max(name) FROM events",
    "SELECT k, count(*), sum(v) FROM events GROUP BY k ORDER BY k",
    "SELECT d.label, count(*), sum(e.v) FROM events e JOIN dims d ON e.k = d.k \
     GROUP BY d.label ORDER BY d.label DESC",
    "SELECT id, name FROM events WHERE id % 1000 = 7 ORDER BY id",
    "SELECT id, v FROM events ORDER BY v DESC, id LIMIT 5",
    "SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY id) AS n FROM events \
     WHERE id < 40 ORDER BY k, id",
    "SELECT count(*) FROM events a JOIN events b ON a.id = b.id WHERE a.k < 5",
    "SELECT k FROM events WHERE id < 3 UNION ALL SELECT k FROM dims WHERE k > 7 ORDER BY k",
    "SELECT count(DISTINCT name) FROM events",
    "SELECT label FROM dims WHERE k IN (SELECT k FROM events WHERE v > 1990) ORDER BY label",
    "SELECT id FROM events WHERE v > (SELECT avg(v) * 1.999 FROM events) ORDER BY id",
    "SELECT k, count(*) FROM events GROUP BY ROLLUP (k) ORDER BY k LIMIT 4",
    "SELECT id FROM events WHERE id < 0",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_gives_the_local_answer() {
    let cluster = TestCluster::start(2).await;
    for sql in QUERIES {
        let expected = cluster.rows(sql, ExecutionMode::Local).await.unwrap();
        for mode in DISTRIBUTED {
            let answer = cluster.rows(sql, mode).await;
            assert_eq!(answer.as_ref().ok(), Some(&expected), "{mode:?}: {sql}: {answer:?}");
        }
    }
    cluster.until("results are removed", || cluster.n_job_dirs() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_keep_their_code_and_message() {
    let cluster = TestCluster::start(2).await;
    let sql = "SELECT k, sum(id / (k - k)) FROM events GROUP BY k";
    let expected = cluster.rows(sql, ExecutionMode::Local).await.unwrap_err();
    assert_eq!(expected.code(), ErrorCode::DivisionByZero);
    for mode in DISTRIBUTED {
        let err = cluster.rows(sql, mode).await.unwrap_err();
        assert_eq!(err.code(), expected.code(), "{mode:?}: {err:?}");
        assert_eq!(err.message(), expected.message(), "{mode:?}");
    }

    // An error of our own, from reading a file.
    let file = cluster.dir.path().join("events/3.parquet");
    let mut bytes = std::fs::read(&file).unwrap();
    let n = bytes.len();
    bytes[4..n / 2].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let sql = "SELECT k, max(name) FROM events GROUP BY k";
    for mode in DISTRIBUTED {
        let err = cluster.rows(sql, mode).await.unwrap_err();
        assert_eq!(err.code(), ErrorCode::HiveBadData, "{mode:?}: {err:?}");
        assert!(err.message().contains("3.parquet"), "{mode:?}: {err:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_told() {
    let cluster = TestCluster::start(2).await;
    for mode in DISTRIBUTED {
        let dispatched = cluster.submit("SELECT id FROM events ORDER BY id", mode).await.unwrap();
        let progress = std::sync::Arc::clone(&dispatched.progress);
        assert_eq!(collect(dispatched).await.unwrap().len() as i64, N_EVENTS);
        if mode == ExecutionMode::Pipelined {
            assert!(progress().stages > 1 && progress().stages == progress().stages_done);
        }
    }
}
