//! What no client should send: names and values that mean something to a path, to SQL or to a
//! filter, and messages that were tampered with. Each comes back as it was sent, or is an
//! exception that the method declares; nothing is made outside of the warehouse.

use crate::hive_recorded::{RECORDED, RECORDED_WAREHOUSE, recorded};
use crate::hive_served::{Served, field, partition, table, texts};
use quern_proto::hive_metastore::methods::{
    AddPartition, CreateDatabase, CreateTable, DropPartition, DropTable, GetAllDatabases,
    GetAllTables, GetDatabase, GetPartition, GetPartitionByName, GetPartitionNames, GetPartitions,
    GetPartitionsByFilter, GetTable, GetTables,
};
use quern_proto::hive_metastore::types::{Database, Table};
use quern_proto::hive_metastore::{CallError, Method};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Values of partition keys, each no other's prefix.
const VALUES: &[&str] = &[
    "=",
    "/",
    "%",
    ":",
    " ",
    "\n",
    "..",
    ".",
    "a=b/c=d",
    "../../x",
    "%2F",
    "%",
    "\0",
    "\u{7f}",
    "\"",
    "'",
    "' OR 1=1 --",
    "\\",
    "*",
    "?",
    "[x]",
    "{x}",
    "^",
    "#",
    "é",
    "😀",
    "\u{FFFD}",
    "a\tb",
    "NULL",
    "null",
    "k=",
];
/// Names that no database and no table can have.
const NAMES: &[&str] = &[
    "", " ", "a b", "a\"b", "a'b", "%", "a%b", "a\0b", "😀", "é", "..", "../x", "/", "a/b", "a.b",
    "a;b", "a--b", "\n", "*", "`a`",
];

fn db() -> String {
    "default".to_owned()
}

/// Whether a call was answered, by a result or an exception that the method declares.
fn is_answered<M: Method>(served: &mut Served, call: &M) -> bool {
    matches!(served.client.call(call), Ok(_) | Err(CallError::Exception(_)))
}

/// The paths of everything beside the warehouse.
fn outside(served: &Served) -> Vec<String> {
    let parent = served.warehouse.parent().unwrap().read_dir().unwrap();
    let names = parent.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // The database's own files come and go.
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("metastore.db")).collect();
    names.sort();
    names
}

#[test]
fn partition_values_of_any_kind_come_back() {
    let mut served = Served::start();
    served.call(&CreateTable { tbl: table("t", &[("k", "string"), ("l", "string")]) });
    let mut seen = Vec::new();
    for value in VALUES {
        if seen.contains(value) {
            continue;
        }
        let values = [*value, "x"];
        served.add(&values);
        seen.push(*value);
        let (db_name, tbl_name) = (db(), "t".to_owned());
        let got = served.call(&GetPartition { db_name, tbl_name, part_vals: texts(&values) });
        assert_eq!(got.values.as_deref().unwrap(), values, "{value:?}");
        let location = got.sd.unwrap().location.unwrap();
        let directory = location.strip_prefix(&served.location("t/")).unwrap().to_owned();
        assert_eq!(directory.matches('/').count(), 1, "{directory}");
        // What might spell a way up once it is decoded is no location to us.
        let climbs = directory.contains("..%2F");
        assert!(climbs != served.is_dir(&format!("t/{directory}")), "{directory}");
        let (db_name, tbl_name) = (db(), "t".to_owned());
        let named =
            served.call(&GetPartitionByName { db_name, tbl_name, part_name: directory.clone() });
        assert_eq!(named.values.unwrap(), values, "{directory}");
    }
    let (db_name, tbl_name) = (db(), "t".to_owned());
    let names = served.call(&GetPartitionNames { db_name, tbl_name, max_parts: -1 });
    assert_eq!(names.len(), seen.len());
    assert_eq!(outside(&served), ["warehouse"]);
    for value in seen {
        let (db_name, tbl_name, part_vals) = (db(), "t".to_owned(), texts(&[value, "x"]));
        let dropped = DropPartition { db_name, tbl_name, part_vals, delete_data: true };
        assert!(served.call(&dropped), "{value:?}");
    }
    assert_eq!(served.warehouse.join("t").read_dir().unwrap().count(), 0);
}

#[test]
fn nothing_and_the_default_partition_are_one() {
    let mut served = Served::start();
    served.create_partitioned();
    served.add(&["", "1"]);
    let again = AddPartition { new_part: partition(&["__HIVE_DEFAULT_PARTITION__", "1"]) };
    assert!(matches!(served.client.call(&again), Err(CallError::Exception(_))));
    let long = "x".repeat(1 << 20);
    assert!(is_answered(&mut served, &AddPartition { new_part: partition(&[&long, "1"]) }));
    let (db_name, tbl_name) = (db(), "t".to_owned());
    let all = served.call(&GetPartitions { db_name, tbl_name, max_parts: -1 });
    assert_eq!(all.len(), 1);
}

#[test]
fn values_in_filters_are_values() {
    let mut served = Served::start();
    served.call(&CreateTable { tbl: table("t", &[("k", "string"), ("l", "string")]) });
    for value in VALUES.iter().chain(&["plain"]) {
        let _ = served.client.call(&AddPartition { new_part: partition(&[value, "x"]) });
    }
    for value in VALUES {
        for quote in ['"', '\''] {
            // A quote inside of quotes ends them, and a backslash takes the quote with it.
            let inside = value.replace([quote, '\\'], "");
            let filter = format!("k = {quote}{inside}{quote}");
            let (db_name, tbl_name) = (db(), "t".to_owned());
            let call = GetPartitionsByFilter { db_name, tbl_name, filter, max_parts: -1 };
            let found = served.call(&call);
            assert!(found.len() <= 1, "{inside:?} found {}", found.len());
            assert!(found.iter().all(|p| p.values.as_ref().unwrap()[0] == inside));
        }
        for filter in [(*value).to_owned(), format!("k = {value}"), format!("k = \"{value}' or ")] {
            let (db_name, tbl_name) = (db(), "t".to_owned());
            let call = GetPartitionsByFilter { db_name, tbl_name, filter, max_parts: -1 };
            assert!(is_answered(&mut served, &call), "{value:?}");
        }
    }
    for filter in ["(".repeat(100_000), "k = \"x\" and ".repeat(50_000), "x".repeat(1 << 20)] {
        let (db_name, tbl_name) = (db(), "t".to_owned());
        let call = GetPartitionsByFilter { db_name, tbl_name, filter, max_parts: -1 };
        assert!(is_answered(&mut served, &call));
    }
}

#[test]
fn names_that_cannot_be_are_refused_wherever_they_stand() {
    let mut served = Served::start();
    let megabyte = "n".repeat(1 << 20);
    for name in NAMES.iter().copied().chain([megabyte.as_str()]) {
        let name = name.to_owned();
        let shown = name.chars().take(20).collect::<String>();
        let database = Database { name: Some(name.clone()), ..Database::default() };
        let created = served.client.call(&CreateDatabase { database });
        assert!(matches!(created, Err(CallError::Exception(_))), "{shown:?}: {created:?}");
        let tbl = table(&name, &[]);
        let created = served.client.call(&CreateTable { tbl: tbl.clone() });
        assert!(matches!(created, Err(CallError::Exception(_))), "{shown:?}: {created:?}");
        let elsewhere =
            Table { db_name: Some(name.clone()), table_name: Some("t".to_owned()), ..tbl };
        let created = served.client.call(&CreateTable { tbl: elsewhere });
        assert!(matches!(created, Err(CallError::Exception(_))), "{shown:?}: {created:?}");
        let get = GetTable { dbname: name.clone(), tbl_name: name.clone() };
        assert!(is_answered(&mut served, &get), "{shown:?}");
        assert!(is_answered(&mut served, &GetDatabase { name: name.clone() }), "{shown:?}");
        assert!(is_answered(&mut served, &GetAllTables { db_name: name.clone() }), "{shown:?}");
        let tables = GetTables { db_name: db(), pattern: name.clone() };
        assert!(is_answered(&mut served, &tables), "{shown:?}");
        let drop = DropTable { dbname: db(), name: name.clone(), delete_data: true };
        assert!(is_answered(&mut served, &drop), "{shown:?}");
    }
    assert_eq!(served.call(&GetAllDatabases {}), ["default"]);
    assert!(served.call(&GetAllTables { db_name: db() }).is_empty());
    assert_eq!(outside(&served), ["warehouse"]);
    assert_eq!(served.warehouse.read_dir().unwrap().count(), 0);
}

#[test]
fn texts_of_any_kind_come_back() {
    let mut served = Served::start();
    let megabyte = "é%'\"\\😀".repeat(80_000);
    for text in VALUES.iter().copied().chain([megabyte.as_str()]) {
        let mut tbl = table("t", &[]);
        tbl.owner = Some(text.to_owned());
        tbl.view_original_text = Some(text.to_owned());
        tbl.parameters.get_or_insert_default().insert(text.to_owned(), text.to_owned());
        let columns = tbl.sd.as_mut().unwrap().cols.as_mut().unwrap();
        columns[0].comment = Some(text.to_owned());
        served.call(&CreateTable { tbl: tbl.clone() });
        let get = GetTable { dbname: db(), tbl_name: "t".to_owned() };
        let got = served.call(&get);
        assert_eq!(got.owner, tbl.owner);
        assert_eq!(got.view_original_text, tbl.view_original_text);
        assert_eq!(got.parameters.unwrap()[text], text);
        assert_eq!(got.sd.unwrap().cols.unwrap()[0].comment.as_deref(), Some(text));
        served.call(&DropTable { dbname: db(), name: "t".to_owned(), delete_data: true });
    }
}

#[test]
fn columns_may_have_names_that_tables_cannot() {
    let mut served = Served::start();
    for name in VALUES {
        let mut tbl = table("t", &[]);
        tbl.sd.as_mut().unwrap().cols = Some(vec![field(name, "int")]);
        match served.client.call(&CreateTable { tbl }) {
            Err(CallError::Exception(_)) => continue,
            created => created.unwrap(),
        }
        let got = served.call(&GetTable { dbname: db(), tbl_name: "t".to_owned() });
        let columns = got.sd.unwrap().cols.unwrap();
        assert_eq!(columns[0].name.as_deref().unwrap(), name.to_lowercase());
        served.call(&DropTable { dbname: db(), name: "t".to_owned(), delete_data: true });
    }
}

#[test]
fn locations_that_climb_out_are_left_alone() {
    let mut served = Served::start();
    for location in [
        served.location("../escaped"),
        served.location("%2e%2e/escaped"),
        served.location("x/../../escaped"),
        "file:///proc/escaped".to_owned(),
        "file://host/escaped".to_owned(),
        "nowhere://x/escaped".to_owned(),
        "\0".to_owned(),
    ] {
        let mut tbl = table("t", &[]);
        tbl.sd.as_mut().unwrap().location = Some(location.clone());
        assert!(is_answered(&mut served, &CreateTable { tbl }), "{location:?}");
        let drop = DropTable { dbname: db(), name: "t".to_owned(), delete_data: true };
        assert!(is_answered(&mut served, &drop), "{location:?}");
        assert_eq!(outside(&served), ["warehouse"], "{location:?}");
    }
}

/// Sends bytes and nothing after them, and reads what comes until the server hangs up.
fn throw(served: &Served, bytes: &[u8]) {
    let mut stream = TcpStream::connect(served.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // The server may hang up before it has everything.
    if stream.write_all(bytes).is_ok() && stream.shutdown(Shutdown::Write).is_ok() {
        match stream.read_to_end(&mut Vec::new()) {
            Err(err) if err.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("no answer to {bytes:?}")
            }
            _ => {}
        }
    }
}

/// Calls of real clients with some bytes changed: wrong types, lengths, numbers of fields.
#[test]
fn calls_that_were_tampered_with_harm_nobody() {
    let mut served = Served::start();
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let calls = RECORDED.lines().filter(|line| line.starts_with("> "));
    for call in calls.map(|line| recorded(line, Path::new(RECORDED_WAREHOUSE))) {
        for _ in 0..6 {
            let mut bytes = call.clone();
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = match random.random_range(0..3) {
                    0 => random.random(),
                    // Mostly a type, or a small length.
                    1 => random.random_range(0..17),
                    _ => bytes[at] ^ (1 << random.random_range(0..8)),
                };
            }
            throw(&served, &bytes);
        }
    }
    assert!(served.call(&GetAllDatabases {}).contains(&db()));
    served.wait_until_idle(1);
}
