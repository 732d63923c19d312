//! What a PostgreSQL database has to do beyond being a metastore: be shared by schedulers, and
//! stand what others do in it.

use crate::metastore_suite::{WAREHOUSE, assert_code, partition, table};
use crate::postgres::PostgresServer;
use quern_catalog::metastore::{EmbeddedMetastore, Metastore, MetastoreOptions};
use quern_catalog::model::Database;
use quern_common::ErrorCode;
use std::sync::Arc;

fn described(text: &str) -> Database {
    Database { name: "d".to_owned(), description: Some(text.to_owned()), ..Database::default() }
}

/// A server takes a second to start, so that all share one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_shared() {
    let server = PostgresServer::start().await;
    Box::pin(opened_by_many_at_once(&server)).await;
    changed_by_many_at_once(&server).await;
    tries_again_what_others_made_fail(&server).await;
    refuses_what_it_does_not_understand(&server).await;
    text_with_nul_is_an_error(&server).await;
}

async fn opened_by_many_at_once(server: &PostgresServer) {
    for _ in 0..3 {
        let name = server.create_database().await;
        let open = || server.open(&name, WAREHOUSE);
        let (a, b, c) = tokio::join!(open(), open(), open());
        for store in [a, b, c] {
            assert_eq!(store.list_databases().await.unwrap(), ["default"]);
        }
    }
}

async fn changed_by_many_at_once(server: &PostgresServer) {
    let name = server.create_database().await;
    let mut stores = Vec::new();
    for _ in 0..2 {
        stores.push(Arc::new(server.open(&name, WAREHOUSE).await));
    }
    stores[0].create_table(table("default", "shared", &[("n", "int")])).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(&stores[task % 2]);
            tokio::spawn(async move {
                for round in 0..5 {
                    let p = vec![partition(&[&(task * 10 + round).to_string()])];
                    store.add_partitions("default", "shared", p, false).await.unwrap();
                    crate::metastore_embedded::count_up(store.as_ref()).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(stores[1].count_partitions("default", "shared").await.unwrap(), 40);
    let shared = stores[0].get_table("default", "shared").await.unwrap();
    assert_eq!(shared.parameters["counter"], "40");
    let events = stores[0].list_events(0, 1_000).await.unwrap();
    assert_eq!(events.len(), 81);
    assert!(events.iter().zip(1..).all(|(event, id)| event.id == id), "{events:?}");
}

/// Somebody's transaction on the same row ends while ours waits for it.
async fn tries_again_what_others_made_fail(server: &PostgresServer) {
    let name = server.create_database().await;
    let store = Arc::new(server.open(&name, WAREHOUSE).await);
    store.create_database(described("a")).await.unwrap();
    let mut other = server.connect(&name).await.unwrap();
    let change = "BEGIN; UPDATE databases SET location = 'file:///moved' WHERE name = 'd'";
    sqlx::raw_sql(change).execute(&mut other).await.unwrap();
    let changing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.alter_database(described("b")).await })
    };
    let waits = "DO $$ BEGIN WHILE NOT EXISTS (SELECT 1 FROM pg_stat_activity
        WHERE wait_event = 'transactionid' AND query LIKE 'UPDATE databases%')
        LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$";
    server.execute_in(&name, waits).await.unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    changing.await.unwrap().unwrap();
    assert_eq!(store.get_database("d").await.unwrap().description.unwrap(), "b");
}

async fn refuses_what_it_does_not_understand(server: &PostgresServer) {
    let name = server.create_database().await;
    server.open(&name, WAREHOUSE).await;
    let newer = "UPDATE _sqlx_migrations SET version = version + 1000";
    server.execute_in(&name, newer).await.unwrap();
    let options = MetastoreOptions::default();
    let open = |url: String| {
        let options = options.clone();
        async move { EmbeddedMetastore::open_postgres(&url, WAREHOUSE, options).await }
    };
    let err = open(server.url(&name)).await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::HiveMetastoreError);
    assert!(err.hint().is_some_and(|hint| hint.contains("newer version")), "{err}");
    let err = open("postgres://user:secret@[/d".to_owned()).await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::ConfigurationInvalid);
    assert!(!format!("{err:?}").contains("secret"), "{err:?}");
}

async fn text_with_nul_is_an_error(server: &PostgresServer) {
    let name = server.create_database().await;
    let store = server.open(&name, WAREHOUSE).await;
    let created = store.create_database(described("a\0b")).await;
    assert_code(created, ErrorCode::HiveInvalidMetadata);
    assert_eq!(store.list_databases().await.unwrap(), ["default"]);
}
