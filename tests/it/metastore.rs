//! The metastore as a service of real processes, and a metastore that another process serves.

use quern_catalog::metastore::{Metastore, RemoteMetastore, RemoteOptions};
use quern_catalog::model::{Column, Table};
use quern_tests::process::{Process, quern_binary, serve};
use quern_tests::rows::query;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

const LISTEN: [&str; 2] = ["--metastore-listen", "127.0.0.1:0"];

/// A client of the Hive metastore's protocol.
fn client(server: &Process) -> RemoteMetastore {
    let uri = format!("thrift://{}", server.address("metastore").unwrap());
    RemoteMetastore::new(&uri, RemoteOptions::default()).unwrap()
}

fn metastore(dir: &Path, more: &[&str]) -> Process {
    let data = dir.join("metastore");
    let mut args = vec!["metastore", "--data-dir", data.to_str().unwrap(), "--log", "error"];
    args.extend(LISTEN);
    args.extend(more);
    Process::start(dir, &args).unwrap()
}

fn table(name: &str) -> Table {
    let mut table =
        Table { database: "default".to_owned(), name: name.to_owned(), ..Table::default() };
    table.sd.columns = vec![Column::new("a", "bigint")];
    table
}

#[tokio::test]
async fn sql_and_clients_of_hive_see_the_same_tables() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &LISTEN).unwrap();
    let connection = server.connect().await.unwrap();
    let hive = client(&server);
    connection.execute("CREATE TABLE of_sql (a BIGINT) STORED AS PARQUET").await.unwrap();
    assert_eq!(hive.list_tables("default").await.unwrap(), ["of_sql"]);
    let of_sql = hive.get_table("default", "of_sql").await.unwrap();
    assert_eq!(of_sql.sd.columns, [Column::new("a", "bigint")]);

    hive.create_table(Table { name: "of_hive".to_owned(), ..of_sql }).await.unwrap();
    let rows = query(&connection, "SELECT count(*) FROM of_hive").await.unwrap();
    assert_eq!(rows, [["0"]]);
    hive.drop_table("default", "of_sql").await.unwrap();
    assert!(query(&connection, "SELECT * FROM of_sql").await.is_err());
}

#[tokio::test]
async fn a_metastore_of_another_process_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let alone = metastore(dir.path(), &[]);
    let hive = client(&alone);
    let url = format!("metastore.url=thrift://{}", alone.address("metastore").unwrap());
    let server = serve(dir.path(), &["--set", &url]).unwrap();
    let connection = server.connect().await.unwrap();
    connection.execute("CREATE TABLE t (a BIGINT) STORED AS PARQUET").await.unwrap();
    assert_eq!(hive.list_tables("default").await.unwrap(), ["t"]);
    assert_eq!(query(&connection, "SELECT count(*) FROM t").await.unwrap(), [["0"]]);
    connection.execute("DROP TABLE t").await.unwrap();
    assert!(hive.list_tables("default").await.unwrap().is_empty());
}

#[tokio::test]
async fn catalogs_of_other_processes_meet_in_one_query() {
    let dir = tempfile::tempdir().unwrap();
    let (north, south) = (dir.path().join("north"), dir.path().join("south"));
    let stores = [&north, &south].map(|dir| {
        std::fs::create_dir(dir).unwrap();
        metastore(dir, &[])
    });
    let allowed = dir.path().to_str().unwrap();
    let server = serve(dir.path(), &["--allow-location", allowed]).unwrap();
    let connection = server.connect().await.unwrap();
    for (name, store) in ["north", "south"].iter().zip(&stores) {
        let uri = format!("thrift://{}", store.address("metastore").unwrap());
        let create = format!("CREATE CATALOG {name} USING hive WITH (uri = '{uri}')");
        connection.execute(&create).await.unwrap();
        let files = dir.path().join(name).join("files");
        std::fs::create_dir(&files).unwrap();
        std::fs::write(files.join("1.csv"), format!("{name}\n")).unwrap();
        let table = format!(
            "CREATE EXTERNAL TABLE {name}.default.t (a STRING) STORED AS TEXTFILE LOCATION 'file://{}'",
            files.display()
        );
        connection.execute(&table).await.unwrap();
        assert_eq!(client(store).list_tables("default").await.unwrap(), ["t"]);
    }
    let both = "SELECT n.a, s.a FROM north.default.t n CROSS JOIN south.default.t s";
    assert_eq!(query(&connection, both).await.unwrap(), [["north", "south"]]);
    let catalogs = query(&connection, "SHOW CATALOGS").await.unwrap();
    assert_eq!(catalogs.concat(), ["hive", "north", "south", "system"]);

    connection.execute("DROP CATALOG north").await.unwrap();
    let gone = query(&connection, both).await.unwrap_err().to_string();
    assert!(gone.contains("CATALOG_NOT_FOUND") || gone.contains("\"north\""), "{gone}");
    assert_eq!(client(&stores[0]).list_tables("default").await.unwrap(), ["t"]);
}

#[tokio::test]
async fn a_password_in_a_statement_is_not_told_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let connection = server.connect().await.unwrap();
    let create = "CREATE CATALOG c USING quern \
                  WITH (uri = 'postgres://u:hush@127.0.0.1:1/d', warehouse = 'file:///w')";
    connection.execute(create).await.unwrap();
    let failed = query(&connection, "SHOW SCHEMAS FROM c").await.unwrap_err();
    assert!(!format!("{failed:?}").contains("hush"), "{failed:?}");
    let texts = query(&connection, "SELECT query FROM system.runtime.queries").await.unwrap();
    let texts = texts.concat().concat();
    assert!(texts.contains("postgres://***@127.0.0.1") && !texts.contains("hush"), "{texts}");
}

#[test]
fn a_listener_that_others_reach_has_to_be_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().to_str().unwrap();
    let mut args = vec!["metastore", "--data-dir", data_dir, "--metastore-listen", "0.0.0.0:0"];
    let refused = Command::new(quern_binary().unwrap()).args(&args).output().unwrap();
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(errors.contains("CONFIGURATION_INVALID") && errors.contains("loopback"), "{errors}");
    args.extend(["--set", "metastore.allow_remote=true"]);
    let asked = Process::start(dir.path(), &args).unwrap();
    assert!(asked.address("metastore").unwrap().starts_with("0.0.0.0:"));
}

/// Kilobytes of memory that a process holds.
fn resident_kb(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Claims two gibibytes, in each place where a length can stand, and hangs up.
fn claim(address: &str) {
    let huge = [0x7f, 0xff, 0xff, 0xff];
    let call = [&[0x80, 1, 0, 1, 0, 0, 0, 9][..], b"get_table", &[0, 0, 0, 1]].concat();
    let in_call = |field: &[u8]| [&call[..], field, &huge].concat();
    for bytes in [
        huge.to_vec(),
        [&[0x80, 1, 0, 1][..], &huge].concat(),
        in_call(&[11, 0, 1]),
        in_call(&[15, 0, 99, 12]),
        in_call(&[13, 0, 99, 11, 11]),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        // The server may hang up first.
        let _ = stream.write_all(&bytes).and_then(|()| stream.write_all(&[b'x'; 1 << 16]));
    }
}

#[tokio::test]
async fn claims_and_long_names_leave_no_memory_behind() {
    let dir = tempfile::tempdir().unwrap();
    let server = metastore(dir.path(), &[]);
    let hive = client(&server);
    let storm = async || {
        for _ in 0..100 {
            claim(server.address("metastore").unwrap());
        }
        let megabyte = "n".repeat(1 << 20);
        for _ in 0..20 {
            assert!(hive.create_table(table(&megabyte)).await.is_err());
            assert!(hive.get_table("default", &megabyte).await.is_err());
        }
        assert_eq!(hive.list_databases().await.unwrap(), ["default"]);
    };
    storm().await;
    let before = resident_kb(&server);
    for _ in 0..5 {
        storm().await;
    }
    let after = resident_kb(&server);
    // What the allocator keeps for later is less; what each claim left behind would be more.
    assert!(after < before + (64 << 10), "{before} kB grew to {after} kB");
}
