//! Executors that vanish, come back, or never were. Dropping a [`RunningExecutor`] closes its
//! connections and ends its tasks at once, as the end of a process does.

use super::fixture::{N_EVENTS, TestCluster, collect, first};
use quern_common::ErrorCode;
use quern_engine::session::ExecutionMode;
use quern_scheduler::cluster::Cluster;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Long enough to be interrupted: each event meets 800 others.
const SLOW: &str = "SELECT a.k, count(*), sum(a.v * b.v) FROM events a JOIN events b ON a.k = b.k \
                    GROUP BY a.k ORDER BY a.k";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_staged_query_survives_the_loss_of_an_executor() {
    one_of_two_is_lost(ExecutionMode::Staged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipelined_query_survives_the_loss_of_an_executor() {
    one_of_two_is_lost(ExecutionMode::Pipelined).await;
}

async fn one_of_two_is_lost(mode: ExecutionMode) {
    let mut cluster = TestCluster::start(2).await;
    let expected = cluster.rows(SLOW, ExecutionMode::Local).await.unwrap();
    let dispatched = cluster.submit(SLOW, mode).await.unwrap();
    let rows = tokio::spawn(collect(dispatched));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!rows.is_finished(), "too fast to be interrupted");
    drop(cluster.executors.remove(0));
    let answer = tokio::time::timeout(Duration::from_secs(60), rows).await.unwrap().unwrap();
    assert_eq!(answer.as_ref().ok(), Some(&expected), "{answer:?}");
    assert_eq!(cluster.cluster.n_live(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_executors_a_query_ends_with_an_error() {
    for mode in [ExecutionMode::Staged, ExecutionMode::Pipelined] {
        let mut cluster = TestCluster::start(2).await;
        let dispatched = cluster.submit(SLOW, mode).await.unwrap();
        let rows = tokio::spawn(collect(dispatched));
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.executors.clear();
        let answer = tokio::time::timeout(Duration::from_secs(20), rows).await.unwrap().unwrap();
        match answer {
            Err(err) => assert!(
                matches!(err.code(), ErrorCode::RemoteHostGone | ErrorCode::NoNodesAvailable),
                "{mode:?}: {err:?}"
            ),
            // When one loss is seen before the other, the query is planned for one executor,
            // which is to run it in the scheduler.
            Ok(rows) => {
                assert_eq!(mode, ExecutionMode::Pipelined);
                assert_eq!(rows, cluster.rows(SLOW, ExecutionMode::Local).await.unwrap());
            }
        }
        let sql = "SELECT count(*) FROM events";
        let err = cluster.rows_when_there_are_executors(sql, mode).await.unwrap_err();
        assert_eq!(err.code(), ErrorCode::NoNodesAvailable, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executors_come_and_go() {
    let mut cluster = TestCluster::start(2).await;
    assert_eq!(cluster.cluster.n_slots(), 4);
    let started = Instant::now();
    drop(cluster.executors.remove(0));
    cluster.until("the loss is noticed", || cluster.cluster.n_live() == 1).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    cluster.add_executor().await;
    cluster.executors.remove(0).shutdown().await;
    cluster.until("the farewell is heard", || cluster.cluster.n_live() == 1).await;
    cluster.add_executor().await;
    for mode in [ExecutionMode::Staged, ExecutionMode::Pipelined] {
        let rows =
            cluster.rows("SELECT count(name) FROM events WHERE id >= 0", mode).await.unwrap();
        assert_eq!(rows, [N_EVENTS.to_string()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_rows_cancel_the_query() {
    let cluster = TestCluster::start(2).await;
    for mode in [ExecutionMode::Staged, ExecutionMode::Pipelined] {
        let mut dispatched = cluster.submit(SLOW, mode).await.unwrap();
        let rows = tokio::time::timeout(Duration::from_millis(300), first(&mut dispatched));
        assert!(rows.await.is_err(), "too fast to be cancelled");
        let asked = Instant::now();
        drop(dispatched);
        assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
        let n_running =
            || cluster.cluster.nodes().iter().map(|node| node.running_tasks).sum::<usize>();
        cluster.until("tasks stop", || n_running() == 0).await;
        cluster.until("files are removed", || cluster.n_job_dirs() == 0).await;
        // Two seconds on a machine that does nothing else.
        assert!(asked.elapsed() < Duration::from_secs(5), "{mode:?}: {:?}", asked.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_is_lost_before_it_is_fetched_is_made_again() {
    let mut cluster = TestCluster::start(1).await;
    let sql = "SELECT id FROM events ORDER BY id";
    let mut dispatched = cluster.submit(sql, ExecutionMode::Staged).await.unwrap();
    let progress = std::sync::Arc::clone(&dispatched.progress);
    cluster.until("the job is done", || cluster.n_job_dirs() > 0 && progress().stages == 0).await;
    // The result is on the first executor only.
    cluster.add_executor().await;
    drop(cluster.executors.remove(0));
    assert!(first(&mut dispatched).await.unwrap().num_rows() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executors_wait_for_a_scheduler_and_find_it_again() {
    let cluster = TestCluster::start(0).await;
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let _executor = cluster.start_executor(0, address).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..2 {
        let shutdown = CancellationToken::new();
        let listener = loop {
            // The one before may take a moment to let the port go.
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let scheduler = Cluster::start(&cluster.config.internal, listener, shutdown.clone());
        let scheduler = scheduler.await.unwrap();
        cluster.until("the executor joins", || scheduler.n_live() == 1).await;
        shutdown.cancel();
    }
}
