//! What is known beside the definitions, in real processes: of tables that another process keeps,
//! of models, and of very many tables.

use quern_catalog::metastore::{EmbeddedMetastore, Metastore, RemoteMetastore, RemoteOptions};
use quern_catalog::model::{Column, Database, Table};
use quern_client::Connection;
use quern_tests::process::{Process, serve};
use quern_tests::rows::query;
use std::path::Path;
use std::time::{Duration, Instant};

/// A metastore in a process of its own, and a client of it that is not Quern's SQL.
fn metastore(dir: &Path) -> (Process, RemoteMetastore) {
    let data = dir.join("metastore");
    let process = Process::start(
        dir,
        &[
            "metastore",
            "--data-dir",
            data.to_str().unwrap(),
            "--log",
            "error",
            "--metastore-listen",
            "127.0.0.1:0",
        ],
    )
    .unwrap();
    let uri = format!("thrift://{}", process.address("metastore").unwrap());
    let client = RemoteMetastore::new(&uri, RemoteOptions::default()).unwrap();
    (process, client)
}

async fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let rows = query(connection, sql).await.unwrap_or_else(|err| panic!("{sql}: {err}"));
    rows.into_iter().map(|row| row.join(" ")).collect()
}

async fn ok(connection: &Connection, sql: &str) {
    connection.execute(sql).await.unwrap_or_else(|err| panic!("{sql}: {err}"));
}

fn table(name: &str) -> Table {
    let mut table =
        Table { database: "default".to_owned(), name: name.to_owned(), ..Table::default() };
    table.sd.columns = vec![Column::new("id", "bigint"), Column::new("mail", "string")];
    table
}

const TAGS: &str = "SELECT catalog_name, table_name, column_name, tag FROM system.metadata.tags \
                    ORDER BY table_name, tag";

#[tokio::test]
async fn tables_of_another_metastore_are_annotated_too() {
    let dir = tempfile::tempdir().unwrap();
    let (alone, hive) = metastore(dir.path());
    hive.create_table(table("of_others")).await.unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let uri = format!("thrift://{}", alone.address("metastore").unwrap());
    ok(&connection, &format!("CREATE CATALOG lake USING hive WITH (uri = '{uri}')")).await;

    ok(&connection, "ALTER TABLE lake.default.of_others SET TAGS ('gold')").await;
    ok(&connection, "ALTER TABLE lake.default.of_others ALTER COLUMN mail SET TAGS ('pii')").await;
    ok(&connection, "COMMENT ON TABLE lake.default.of_others IS 'wombats'").await;
    ok(&connection, "COMMENT ON COLUMN lake.default.of_others.mail IS 'where to'").await;
    ok(&connection, "ALTER TABLE lake.default.of_others SET OWNER USER ada").await;
    // What Hive has a place for is there, for everybody.
    let stored = hive.get_table("default", "of_others").await.unwrap();
    assert_eq!(stored.parameters["comment"], "wombats");
    assert_eq!(stored.sd.columns[1].comment.as_deref(), Some("where to"));
    assert_eq!(stored.owner.as_deref(), Some("ada"));
    assert_eq!(
        rows(&connection, TAGS).await,
        ["lake of_others NULL gold", "lake of_others mail pii"]
    );
    let one = "SELECT owner, comment, tags FROM system.metadata.tables \
               WHERE catalog_name = 'lake' AND schema_name = 'default' AND table_name = 'of_others'";
    assert_eq!(rows(&connection, one).await, ["ada wombats gold"]);
    let found = "SELECT kind, catalog_name, table_name, matched_field \
                 FROM TABLE(search_catalog('wombat'))";
    assert_eq!(rows(&connection, found).await, ["table lake of_others comment"]);

    ok(&connection, "ALTER TABLE lake.default.of_others RENAME TO lake.default.ours").await;
    assert_eq!(rows(&connection, TAGS).await, ["lake ours NULL gold", "lake ours mail pii"]);
    // Another client renames: what was said is of a table that is not there, and is not shown.
    hive.alter_table("default", "ours", None, table("theirs")).await.unwrap();
    ok(&connection, "CALL lake.system.flush_metadata_cache()").await;
    assert!(rows(&connection, TAGS).await.is_empty());
    // It comes back with the name.
    hive.alter_table("default", "theirs", None, table("ours")).await.unwrap();
    ok(&connection, "CALL lake.system.flush_metadata_cache(schema_name => 'default')").await;
    assert_eq!(rows(&connection, TAGS).await.len(), 2);
    ok(&connection, "DROP TABLE lake.default.ours").await;
    ok(&connection, "CREATE TABLE lake.default.ours (mail STRING) STORED AS PARQUET").await;
    assert!(rows(&connection, TAGS).await.is_empty());
}

#[tokio::test]
async fn a_flush_shows_what_others_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (alone, hive) = metastore(dir.path());
    hive.create_table(table("t")).await.unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let uri = format!("thrift://{}", alone.address("metastore").unwrap());
    let create = format!("CREATE CATALOG lake USING hive WITH (uri = '{uri}', cache_ttl = '1h')");
    ok(&connection, &create).await;
    let describe = "DESCRIBE lake.default.t";
    let columns = async || rows(&connection, describe).await.len();
    let search = "SELECT column_name FROM search_catalog('numbat', 'lake')";
    assert_eq!(columns().await, 2);
    assert!(rows(&connection, search).await.is_empty());
    let mut changed = table("t");
    changed.sd.columns.push(Column::new("numbat", "int"));
    hive.alter_table("default", "t", None, changed.clone()).await.unwrap();
    // The cache believes what it knows.
    assert_eq!(columns().await, 2);
    let flush =
        "CALL lake.system.flush_metadata_cache(schema_name => 'default', table_name => 'u')";
    ok(&connection, flush).await;
    assert_eq!(columns().await, 2);
    ok(&connection, &flush.replace("'u'", "'t'")).await;
    assert_eq!(columns().await, 3);
    assert_eq!(rows(&connection, search).await, ["numbat"]);
    changed.sd.columns.pop();
    hive.alter_table("default", "t", None, changed).await.unwrap();
    ok(&connection, "USE lake.default").await;
    ok(&connection, "CALL system.flush_metadata_cache()").await;
    assert_eq!(columns().await, 2);
    assert!(rows(&connection, search).await.is_empty());
}

#[tokio::test]
async fn a_model_knows_the_tables_and_the_query_it_was_made_by() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    for (name, lines) in [("xs", "1,1\n2,2\n3,3\n4,4\n"), ("ys", "1,3\n2,5\n3,7\n4,9\n")] {
        let files = dir.path().join(name);
        std::fs::create_dir(&files).unwrap();
        std::fs::write(files.join("1.csv"), lines).unwrap();
        let create = format!(
            "CREATE EXTERNAL TABLE {name} (id BIGINT, {}_value DOUBLE) ROW FORMAT DELIMITED \
             FIELDS TERMINATED BY ',' STORED AS TEXTFILE LOCATION 'file://{}'",
            &name[..1],
            files.display()
        );
        ok(&connection, &create).await;
    }
    let lineage = "SELECT source_table, target_kind, target_name, target_version \
                   FROM system.metadata.lineage \
                   WHERE target_catalog = 'hive' AND target_schema = 'default' \
                   ORDER BY target_version, source_table";
    let train = "CREATE OR REPLACE MODEL line OPTIONS (algorithm => 'linear_regression', \
                 target => 'y_value') AS SELECT x_value, y_value FROM xs JOIN ys ON xs.id = ys.id";
    // A statement that fails, and one that only reads, leave nothing.
    let wrong = train.replace("y_value'", "missing'");
    assert!(query(&connection, &wrong).await.is_err());
    rows(&connection, "SELECT count(*) FROM xs JOIN ys ON xs.id = ys.id").await;
    assert!(rows(&connection, lineage).await.is_empty());

    rows(&connection, train).await;
    assert_eq!(rows(&connection, lineage).await, ["xs model line 1", "ys model line 1"]);
    let by_query = "SELECT DISTINCT l.target_name, q.state, o.operation, l.executed_by \
                    FROM system.metadata.lineage l \
                    JOIN system.runtime.queries q ON q.query_id = l.query_id \
                    JOIN system.metadata.operations o ON o.query_id = l.query_id";
    assert_eq!(rows(&connection, by_query).await, ["line FINISHED CREATE MODEL anonymous"]);
    rows(&connection, train).await;
    ok(&connection, "ALTER TABLE xs RENAME TO points").await;
    let both = ["points model line 1", "ys model line 1", "points model line 2", "ys model line 2"];
    assert_eq!(rows(&connection, lineage).await, both);
    let from = "SELECT DISTINCT target_name FROM system.metadata.lineage \
                WHERE source_table = 'points'";
    assert_eq!(rows(&connection, from).await, ["line"]);
    // What the model was made of stays known when it is gone.
    ok(&connection, "DROP TABLE ys").await;
    assert_eq!(rows(&connection, lineage).await, both);
    let models = "SELECT model_name, version, algorithm FROM system.metadata.models";
    assert_eq!(rows(&connection, models).await, ["line 2 linear_regression"]);
    let found = "SELECT kind, table_name FROM search_catalog('line')";
    assert_eq!(rows(&connection, found).await, ["model line"]);
    ok(&connection, "DROP MODEL line").await;
    assert!(rows(&connection, lineage).await.is_empty());
}

#[tokio::test]
async fn hostile_texts_are_searched_for_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    ok(&connection, "CREATE TABLE t (a BIGINT) STORED AS PARQUET").await;
    ok(&connection, "ALTER TABLE t SET TAGS ('🦀 it''s 100%')").await;
    let search = async |text: &str| {
        let sql = format!("SELECT table_name FROM search_catalog('{text}')");
        query(&connection, &sql).await
    };
    assert_eq!(search("🦀").await.unwrap(), [["t"]]);
    assert_eq!(search("it''s").await.unwrap(), [["t"]]);
    assert_eq!(search("100%").await.unwrap(), [["t"]]);
    assert_eq!(search("''; DROP TABLE t; --").await.unwrap(), [["t"]]);
    for nothing in ["", "%", "_", "\"", "\\", "\0", "x\0y", "'' OR ''1''=''1"] {
        let found = search(nothing).await.unwrap_or_else(|err| panic!("{nothing:?}: {err}"));
        assert!(found.is_empty(), "{nothing:?}: {found:?}");
    }
    for refused in ["n".repeat(1 << 20), "🦀".repeat(300), "a b ".repeat(20) + &numbers(40)] {
        let err = search(&refused).await.unwrap_err().to_string();
        assert!(err.contains("search for has") && err.len() < 1_000, "{err}");
    }
    // A name of a table in a condition is as hostile.
    for name in ["''", "%", "\0", "🦀", &"n".repeat(1 << 20)] {
        let sql =
            format!("SELECT count(*) FROM system.metadata.tables WHERE table_name = '{name}'");
        assert_eq!(query(&connection, &sql).await.unwrap(), [["0"]]);
    }
    assert_eq!(rows(&connection, "SELECT count(*) FROM t WHERE a > 1").await, ["0"]);
}

/// As many words.
fn numbers(n: usize) -> String {
    (0..n).map(|n| format!("w{n} ")).collect()
}

const SCHEMAS: usize = 10;
const COLUMNS: usize = 20;
/// "Well under a second", and that without optimisation.
const WARM_MAX: Duration = Duration::from_secs(1);

/// Copies one table 10,000 times: as many statements would take most of a minute.
const COPIES: &str = "WITH RECURSIVE copies (n) AS
        (SELECT 0 UNION ALL SELECT n + 1 FROM copies WHERE n < 9999)
    INSERT INTO tables (database_id, name, table_type, create_time, version, storage,
        partition_keys, parameters)
    SELECT d.id, replace(t.name, 'nnn', n), t.table_type, t.create_time, t.version,
        replace(t.storage, 'nnn', n), t.partition_keys, replace(t.parameters, 'nnn', n)
    FROM copies JOIN databases d ON d.name = 's' || (n % 10) JOIN tables t
    WHERE t.name = 'facts_nnn'";

async fn fill(path: &Path, warehouse: &str) {
    let store = EmbeddedMetastore::open_sqlite(path, warehouse).await.unwrap();
    for schema in 0..SCHEMAS {
        let name = format!("s{schema}");
        store.create_database(Database { name, ..Database::default() }).await.unwrap();
    }
    let columns = (0..COLUMNS).map(|c| Column {
        comment: (c % 4 == 0).then(|| format!("the measure number {c} of the facts")),
        ..Column::new(format!("measure_{c}_nnn"), "bigint")
    });
    let mut facts = table("facts_nnn");
    facts.sd.columns = columns.collect();
    facts.parameters.insert("comment".to_owned(), "facts of department nnn".to_owned());
    store.create_table(facts).await.unwrap();
    let mut customers = table("customers");
    customers.database = "s7".to_owned();
    customers.sd.columns.push(Column::new("customer_churn", "bigint"));
    store.create_table(customers).await.unwrap();
    store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(COPIES).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn ten_thousand_tables_are_searched_in_well_under_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let warehouse = format!("file://{}", data.join("warehouse").display());
    fill(&data.join("metastore.sqlite"), &warehouse).await;
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let timed = async |sql: &str| {
        let started = Instant::now();
        let found = rows(&connection, sql).await;
        (started.elapsed(), found)
    };
    let churn = "SELECT table_name, column_name FROM TABLE(search_catalog('churn'))";
    let (cold, found) = timed(churn).await;
    assert_eq!(found, ["customers customer_churn"]);
    let (warm, found) = timed(churn).await;
    assert_eq!(found, ["customers customer_churn"]);
    // Every one of 210,000 names matches: the best are returned.
    let (all, found) = timed("SELECT count(*) FROM search_catalog('measure facts')").await;
    assert_eq!(found, ["1000"]);
    let one = "SELECT count(*) FROM system.metadata.columns WHERE catalog_name = 'hive' \
               AND schema_name = 's7' AND table_name = 'facts_7777'";
    let (of_one, found) = timed(one).await;
    assert_eq!(found, ["20"]);
    let (of_all, found) = timed("SELECT count(*) FROM system.metadata.columns").await;
    assert_eq!(found, ["200023"]);
    println!("cold {cold:?}, warm {warm:?}, all match {all:?}; columns {of_one:?} of {of_all:?}");
    assert!(warm < WARM_MAX, "{warm:?}");
    // It did not list the others.
    assert!(of_one * 10 < of_all, "{of_one:?} of {of_all:?}");
}
