//! What clients of a Hive metastore rely on, asked of our server by the protocol.

use crate::hive_served::{Served, external, field, partition, table, texts};
use quern_proto::hive_metastore::methods::{
    AddPartition, AddPartitionsReq, AlterDatabase, AlterTable, AlterTableWithEnvironmentContext,
    CheckLock, CreateDatabase, CreateTable, DropDatabase, DropPartition, DropTable, GetAllTables,
    GetConfigValue, GetDatabase, GetFields, GetPartition, GetPartitionByName, GetPartitionNames,
    GetPartitionNamesPs, GetPartitions, GetPartitionsByFilter, GetPartitionsByNames,
    GetPartitionsPs, GetPartitionsStatisticsReq, GetTable, GetTableColumnStatistics, GetTableMeta,
    GetTableObjectsByName, GetTableReq, GetTableStatisticsReq, GetTables, GetTablesByType, Lock,
    RenamePartition, Unlock, UpdatePartitionColumnStatistics,
};
use quern_proto::hive_metastore::types::{
    ColumnStatistics, ColumnStatisticsData, ColumnStatisticsDesc, ColumnStatisticsObj, Database,
    EnvironmentContext, GetTableRequest, LockComponent, LockRequest, LockState, LockType,
    LongColumnStatsData, PartitionsStatsRequest, Table, TableStatsRequest, UnlockRequest,
};
use quern_proto::hive_metastore::{ApplicationError, CallError, ExceptionKind};

fn get_table(name: &str) -> GetTable {
    GetTable { dbname: "default".to_owned(), tbl_name: name.to_owned() }
}

fn drop_table(name: &str) -> DropTable {
    DropTable { dbname: "default".to_owned(), name: name.to_owned(), delete_data: true }
}

fn rename_to(name: &str, mut table: Table) -> AlterTable {
    let tbl_name = table.table_name.replace(name.to_owned()).unwrap();
    AlterTable { dbname: "default".to_owned(), tbl_name, new_tbl: table }
}

#[test]
fn directories_are_made_moved_and_deleted_with_their_objects() {
    let mut served = Served::start();
    let database = Database { name: Some("D1".to_owned()), ..Database::default() };
    served.call(&CreateDatabase { database });
    assert!(served.is_dir("d1.db"));
    served.create_partitioned();
    assert!(served.is_dir("t"));
    let added = served.add(&["a/b", "1"]);
    assert_eq!(added.sd.unwrap().location.unwrap(), served.location("t/dt=a%2Fb/n=1"));
    assert!(served.is_dir("t/dt=a%2Fb/n=1"));
    served.write("t/dt=a%2Fb/n=1/file", 7);

    let t = served.call(&get_table("t"));
    served.call(&rename_to("u", t));
    assert!(served.is_dir("u/dt=a%2Fb/n=1") && !served.is_dir("t"));
    let all =
        GetPartitions { db_name: "default".to_owned(), tbl_name: "u".to_owned(), max_parts: -1 };
    let moved = served.call(&all).remove(0);
    assert_eq!(moved.sd.clone().unwrap().location.unwrap(), served.location("u/dt=a%2Fb/n=1"));

    let mut renamed = moved;
    renamed.values = Some(texts(&["x", "2"]));
    served.call(&RenamePartition {
        db_name: "default".to_owned(),
        tbl_name: "u".to_owned(),
        part_vals: texts(&["a/b", "1"]),
        new_part: renamed,
    });
    assert!(served.warehouse.join("u/dt=x/n=2/file").is_file());
    served.call(&DropPartition {
        db_name: "default".to_owned(),
        tbl_name: "u".to_owned(),
        part_vals: texts(&["x", "2"]),
        delete_data: true,
    });
    assert!(!served.is_dir("u/dt=x") && served.is_dir("u"));
    served.call(&drop_table("u"));
    assert!(!served.is_dir("u"));

    served.call(&CreateTable { tbl: external("e") });
    served.call(&drop_table("e"));
    assert!(served.is_dir("e"));
    served.call(&DropDatabase { name: "d1".to_owned(), delete_data: true, cascade: false });
    assert!(!served.is_dir("d1.db"));
}

#[test]
fn nothing_is_done_to_directories_outside_the_allowed_ones() {
    let mut served = Served::start();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("file"), "kept").unwrap();
    let mut tbl = table("t", &[]);
    tbl.sd.as_mut().unwrap().location = Some(format!("file:{}", outside.path().display()));
    served.call(&CreateTable { tbl });
    served.call(&drop_table("t"));
    assert!(outside.path().join("file").is_file());
    let mut tbl = table("h", &[]);
    tbl.sd.as_mut().unwrap().location = Some("hdfs://nn/warehouse/h".to_owned());
    served.call(&CreateTable { tbl });
    let read = served.call(&get_table("h"));
    assert_eq!(read.sd.unwrap().location.unwrap(), "hdfs://nn/warehouse/h");
    served.call(&drop_table("h"));
}

#[test]
fn files_that_are_there_are_counted() {
    let mut served = Served::start();
    std::fs::create_dir_all(served.warehouse.join("t/dt=a/n=1")).unwrap();
    served.write("t/dt=a/n=1/x", 677);
    served.create_partitioned();
    let parameters = served.add(&["a", "1"]).parameters.unwrap();
    assert_eq!((parameters["numFiles"].as_str(), parameters["totalSize"].as_str()), ("1", "677"));
    assert!(parameters.contains_key("transient_lastDdlTime"));
    let parameters = served.add(&["a", "2"]).parameters.unwrap();
    assert!(!parameters.contains_key("numFiles"));
}

#[test]
fn exceptions_are_those_of_hive() {
    use ExceptionKind::{
        AlreadyExists, ConfigValSecurity, InvalidObject, InvalidOperation, Meta, NoSuchLock,
        NoSuchObject, UnknownDB, UnknownTable,
    };
    let mut served = Served::start();
    served.create_partitioned();
    served.add(&["a", "1"]);
    let db = || "default".to_owned();
    let name = |name: &str| name.to_owned();
    let database = |name: &str| Database { name: Some(name.to_owned()), ..Database::default() };

    let thrown = served.thrown(&GetTable { dbname: name("Nope"), tbl_name: name("T") });
    assert_eq!(thrown, (NoSuchObject, name("nope.t table not found")));
    let thrown = served.thrown(&GetDatabase { name: name("nope") });
    assert_eq!(thrown, (NoSuchObject, name("nope")));
    assert!(served.call(&GetAllTables { db_name: name("nope") }).is_empty());
    let mut elsewhere = table("x", &[]);
    elsewhere.db_name = Some(name("nope"));
    assert_eq!(served.thrown(&CreateTable { tbl: elsewhere }), (InvalidObject, name("nope")));
    let again = CreateTable { tbl: table("T", &[]) };
    assert_eq!(served.thrown(&again), (AlreadyExists, name("Table t already exists")));
    let again = CreateDatabase { database: database("Default") };
    assert_eq!(served.thrown(&again), (AlreadyExists, name("Database default already exists")));
    let bad = CreateDatabase { database: database("bad-name") };
    assert_eq!(served.thrown(&bad), (InvalidObject, name("bad-name is not a valid database name")));
    let bad = CreateTable { tbl: table("", &[]) };
    assert_eq!(served.thrown(&bad), (InvalidObject, name(" is not a valid object name")));
    for wrong in ["INT", "integer"] {
        let mut tbl = table("x", &[]);
        tbl.sd.as_mut().unwrap().cols = Some(vec![field("a", wrong)]);
        let message = format!("Invalid column type: {wrong}");
        assert_eq!(served.thrown(&CreateTable { tbl }), (InvalidObject, message));
    }

    let (kind, message) = served.thrown(&AddPartition { new_part: partition(&["a", "1"]) });
    assert_eq!(kind, AlreadyExists);
    assert!(message.starts_with("Partition already exists: "), "{message}");
    assert_eq!(served.thrown(&AddPartition { new_part: partition(&["a"]) }).0, Meta);
    let values = |values: &[&str]| GetPartition {
        db_name: name("default"),
        tbl_name: name("t"),
        part_vals: texts(values),
    };
    let missing = (NoSuchObject, name("partition values=[x, 1]"));
    assert_eq!(served.thrown(&values(&["x", "1"])), missing);
    assert_eq!(served.thrown(&values(&["x"])).0, Meta);
    for wrong in ["DT=a/n=1", "dt=a", "x"] {
        let call =
            GetPartitionByName { db_name: db(), tbl_name: name("t"), part_name: name(wrong) };
        assert_eq!(served.thrown(&call).0, NoSuchObject, "{wrong}");
    }

    let t = served.call(&get_table("t"));
    served.call(&CreateTable { tbl: table("other", &[]) });
    let gone = AlterTable { dbname: db(), tbl_name: name("nope"), new_tbl: t.clone() };
    assert_eq!(served.thrown(&gone).0, InvalidOperation);
    assert_eq!(served.thrown(&rename_to("other", t.clone())).0, InvalidOperation);
    assert_eq!(served.thrown(&rename_to("bad-name", t.clone())).0, InvalidOperation);
    let mut keys = t.clone();
    keys.partition_keys = Some(vec![]);
    assert_eq!(served.thrown(&rename_to("t", keys)).0, InvalidOperation);
    let mut narrowed = t;
    narrowed.sd.as_mut().unwrap().cols.as_mut().unwrap()[1].type_name = Some(name("int"));
    assert_eq!(served.thrown(&rename_to("t", narrowed)).0, InvalidOperation);
    // None of that has moved anything.
    assert!(served.is_dir("t/dt=a/n=1"));

    served.call(&CreateDatabase { database: database("d") });
    let mut in_d = table("x", &[]);
    in_d.db_name = Some(name("d"));
    served.call(&CreateTable { tbl: in_d });
    let drop =
        |name: &str| DropDatabase { name: name.to_owned(), delete_data: true, cascade: false };
    let message = name("Database d is not empty. One or more tables exist.");
    assert_eq!(served.thrown(&drop("d")), (InvalidOperation, message));
    assert_eq!(served.thrown(&drop("nope")), (NoSuchObject, name("nope")));
    assert_eq!(served.thrown(&drop("default")), (Meta, name("Can not drop default database")));
    let alter = AlterDatabase { dbname: name("nope"), db: database("nope") };
    assert_eq!(served.thrown(&alter).0, NoSuchObject);

    let fields = GetFields { db_name: db(), table_name: name("nope") };
    let message = name("default.nope table not found");
    assert_eq!(served.thrown(&fields), (UnknownTable, message));
    let objects = GetTableObjectsByName { dbname: name("nope"), tbl_names: texts(&["t"]) };
    assert_eq!(served.thrown(&objects).0, UnknownDB);
    let mut unknown = CheckLock::default();
    unknown.rqst.lockid = 99;
    assert_eq!(served.thrown(&unknown), (NoSuchLock, name("No such lock lockid:99")));
    served.call(&Unlock { rqst: UnlockRequest { lockid: 99 } });
    let secret = GetConfigValue { name: name("javax.x"), default_value: name("d") };
    assert_eq!(served.thrown(&secret).0, ConfigValSecurity);
    let none =
        GetTableColumnStatistics { db_name: db(), tbl_name: name("t"), col_name: name("id") };
    match served.client.call(&none) {
        Err(CallError::Application(error)) => {
            assert_eq!(error.kind, ApplicationError::MISSING_RESULT);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn partitions_are_listed_by_name_by_part_and_by_filter() {
    let mut served = Served::start();
    served.create_partitioned();
    for values in [["b", "1"], ["a", "10"], ["a", "9"], ["a", "07"], ["", "7"], ["é d", "1"]] {
        served.add(&values);
    }
    let (db_name, tbl_name) = ("default".to_owned(), "T".to_owned());
    let names = |max_parts| GetPartitionNames {
        db_name: "default".to_owned(),
        tbl_name: "T".to_owned(),
        max_parts,
    };
    let all = [
        "dt=__HIVE_DEFAULT_PARTITION__/n=7",
        "dt=a/n=07",
        "dt=a/n=10",
        "dt=a/n=9",
        "dt=b/n=1",
        "dt=é d/n=1",
    ];
    assert_eq!(served.call(&names(-1)), all);
    // Zero means all here, and none elsewhere.
    assert_eq!(served.call(&names(0)), all);
    assert_eq!(served.call(&names(2)), all[..2]);
    let some = |max_parts| GetPartitions {
        db_name: "default".to_owned(),
        tbl_name: "t".to_owned(),
        max_parts,
    };
    assert!(served.call(&some(0)).is_empty());
    assert_eq!(served.call(&some(2)).len(), 2);

    for (values, max_parts, expected) in [
        (&["a"][..], -1, &all[1..4]),
        (&["a", ""], -1, &all[1..4]),
        (&["a"], 2, &all[1..3]),
        (&["", "1"], -1, &all[4..]),
        (&["", "7"], -1, &all[..1]),
        (&["", "07"], -1, &all[1..2]),
        (&["__HIVE_DEFAULT_PARTITION__"], -1, &all[..1]),
        (&["", "x"], -1, &[]),
        (&[], -1, &all),
    ] {
        let part_vals = texts(values);
        let (db_name, tbl_name) = (db_name.clone(), tbl_name.clone());
        let call = GetPartitionNamesPs { db_name, tbl_name, part_vals, max_parts };
        assert_eq!(served.call(&call.clone()), expected, "{values:?}");
        let GetPartitionNamesPs { db_name, tbl_name, part_vals, max_parts } = call;
        let call = GetPartitionsPs { db_name, tbl_name, part_vals, max_parts };
        assert_eq!(served.call(&call).len(), expected.len());
    }
    let long = GetPartitionNamesPs {
        db_name: db_name.clone(),
        tbl_name: tbl_name.clone(),
        part_vals: texts(&["a", "1", "x"]),
        max_parts: -1,
    };
    assert_eq!(served.thrown(&long).0, ExceptionKind::Meta);

    for (filter, max_parts, expected) in [
        ("", -1, 6),
        ("n = 7", -1, 2),
        ("n >= 9 and dt = \"a\"", -1, 2),
        ("n >= 9 and dt = \"a\"", 1, 1),
        ("dt like \"a.*\"", -1, 3),
        ("dt like \".*\"", 2, 2),
        ("(dt) in (\"b\", \"é d\")", -1, 2),
        ("dt != \"a\"", -1, 2),
    ] {
        let call = GetPartitionsByFilter {
            db_name: db_name.clone(),
            tbl_name: tbl_name.clone(),
            filter: filter.to_owned(),
            max_parts,
        };
        assert_eq!(served.call(&call).len(), expected, "{filter}");
    }
}

#[test]
fn names_are_folded_and_a_table_is_external_by_its_parameter() {
    let mut served = Served::start();
    let mut tbl = table("MiXed", &[("DT", "string")]);
    tbl.table_type = Some("EXTERNAL_TABLE".to_owned());
    tbl.sd.as_mut().unwrap().cols = Some(vec![field("Id", "bigint")]);
    served.call(&CreateTable { tbl });
    let read = served.call(&get_table("mixed"));
    assert_eq!(read.table_type.unwrap(), "MANAGED_TABLE");
    assert_eq!(read.sd.unwrap().cols.unwrap()[0].name.as_deref(), Some("id"));
    assert_eq!(read.partition_keys.unwrap()[0].name.as_deref(), Some("dt"));
    served.call(&CreateTable { tbl: external("e") });
    let by_type = |table_type: &str| GetTablesByType {
        db_name: "@hive#DEFAULT".to_owned(),
        pattern: ".*".to_owned(),
        table_type: table_type.to_owned(),
    };
    assert_eq!(served.call(&by_type("EXTERNAL_TABLE")), ["e"]);
    assert_eq!(served.call(&by_type("MANAGED_TABLE")), ["mixed"]);
    let tables = GetTables { db_name: "default".to_owned(), pattern: "M*|x".to_owned() };
    assert_eq!(served.call(&tables), ["mixed"]);
}

/// As pyiceberg and Iceberg's own catalogue commit: under a lock, or by comparing the location
/// of the metadata.
#[test]
fn an_iceberg_commit_is_lost_once_and_seen() {
    let mut served = Served::start();
    let mut tbl = external("ice");
    tbl.parameters.as_mut().unwrap().insert("metadata_location".to_owned(), "v1".to_owned());
    served.call(&CreateTable { tbl });
    let lock = |user: &str| Lock {
        rqst: LockRequest {
            component: vec![LockComponent {
                lock_type: LockType::Exclusive,
                dbname: "default".to_owned(),
                tablename: Some("ice".to_owned()),
                ..LockComponent::default()
            }],
            user: user.to_owned(),
            hostname: "here".to_owned(),
            ..LockRequest::default()
        },
    };
    let first = served.call(&lock("ann"));
    let second = served.call(&lock("bob"));
    assert_eq!((first.state, second.state), (LockState::Acquired, LockState::Waiting));
    served.call(&Unlock { rqst: UnlockRequest { lockid: first.lockid } });
    let mut check = CheckLock::default();
    check.rqst.lockid = second.lockid;
    assert_eq!(served.call(&check).state, LockState::Acquired);
    served.call(&Unlock { rqst: UnlockRequest { lockid: second.lockid } });

    let mut new_tbl = served.call(&get_table("ice"));
    new_tbl.parameters.as_mut().unwrap().insert("metadata_location".to_owned(), "v2".to_owned());
    let properties = [
        ("expected_parameter_key".to_owned(), "metadata_location".to_owned()),
        ("expected_parameter_value".to_owned(), "v1".to_owned()),
    ];
    let commit = AlterTableWithEnvironmentContext {
        dbname: "default".to_owned(),
        tbl_name: "ice".to_owned(),
        new_tbl,
        environment_context: Some(EnvironmentContext { properties: Some(properties.into()) }),
    };
    served.call(&commit.clone());
    let (kind, message) = served.thrown(&commit);
    assert_eq!(kind, ExceptionKind::Meta);
    let expected = "The table has been modified. The parameter value for key \
                    'metadata_location' is 'v2'. The expected was value was 'v1'";
    assert_eq!(message, expected);
}

/// What Trino asks when it plans a query.
#[test]
fn trino_finds_tables_partitions_and_statistics() {
    let mut served = Served::start();
    served.create_partitioned();
    let request = quern_proto::hive_metastore::types::AddPartitionsRequest {
        db_name: "default".to_owned(),
        tbl_name: "t".to_owned(),
        parts: vec![partition(&["a", "1"]), partition(&["a", "2"])],
        if_not_exists: true,
        need_result: false,
        cat_name: None,
    };
    assert!(served.call(&AddPartitionsReq { request }).partitions.is_none());
    let metas = served.call(&GetTableMeta {
        db_patterns: "default".to_owned(),
        tbl_patterns: "*".to_owned(),
        tbl_types: vec![],
    });
    assert_eq!(
        (metas[0].table_name.as_str(), metas[0].table_type.as_str()),
        ("t", "MANAGED_TABLE")
    );
    let req = GetTableRequest {
        db_name: "default".to_owned(),
        tbl_name: "t".to_owned(),
        ..GetTableRequest::default()
    };
    assert_eq!(served.call(&GetTableReq { req }).table.table_name.as_deref(), Some("t"));
    let named = GetPartitionsByNames {
        db_name: "default".to_owned(),
        tbl_name: "t".to_owned(),
        names: texts(&["dt=a/n=2", "dt=zz/n=1", "dt=a/n=1"]),
    };
    assert_eq!(served.call(&named).len(), 2);

    let data = LongColumnStatsData {
        low_value: Some(1),
        high_value: Some(9),
        num_nulls: 0,
        num_dvs: 9,
        bit_vectors: None,
    };
    let stats_obj = ColumnStatistics {
        stats_desc: ColumnStatisticsDesc {
            is_tbl_level: false,
            db_name: "default".to_owned(),
            table_name: "t".to_owned(),
            part_name: Some("dt=a/n=1".to_owned()),
            ..ColumnStatisticsDesc::default()
        },
        stats_obj: vec![ColumnStatisticsObj {
            col_name: "id".to_owned(),
            col_type: "bigint".to_owned(),
            stats_data: ColumnStatisticsData::Long(data.clone()),
        }],
        ..ColumnStatistics::default()
    };
    assert!(served.call(&UpdatePartitionColumnStatistics { stats_obj }));
    let request = PartitionsStatsRequest {
        db_name: "default".to_owned(),
        tbl_name: "t".to_owned(),
        col_names: texts(&["id", "s"]),
        part_names: texts(&["dt=a/n=1", "dt=a/n=2"]),
        ..PartitionsStatsRequest::default()
    };
    let known = served.call(&GetPartitionsStatisticsReq { request }).part_stats;
    assert_eq!(known.keys().map(String::as_str).collect::<Vec<_>>(), ["dt=a/n=1"]);
    assert_eq!(known["dt=a/n=1"][0].stats_data, ColumnStatisticsData::Long(data));
    let request = TableStatsRequest {
        db_name: "default".to_owned(),
        tbl_name: "t".to_owned(),
        col_names: texts(&["id", "zz"]),
        ..TableStatsRequest::default()
    };
    assert!(served.call(&GetTableStatisticsReq { request }).table_stats.is_empty());
}

#[test]
fn columns_reach_the_partitions_when_the_client_wants_it() {
    let mut served = Served::start();
    served.create_partitioned();
    served.add(&["a", "1"]);
    let mut new_tbl = served.call(&get_table("t"));
    new_tbl.sd.as_mut().unwrap().cols.as_mut().unwrap().push(field("x", "double"));
    for (cascade, columns) in [("false", 2), ("true", 3)] {
        let properties = [("CASCADE".to_owned(), cascade.to_owned())].into();
        served.call(&AlterTableWithEnvironmentContext {
            dbname: "default".to_owned(),
            tbl_name: "t".to_owned(),
            new_tbl: new_tbl.clone(),
            environment_context: Some(EnvironmentContext { properties: Some(properties) }),
        });
        let found = served.call(&GetPartition {
            db_name: "default".to_owned(),
            tbl_name: "t".to_owned(),
            part_vals: texts(&["a", "1"]),
        });
        assert_eq!(found.sd.unwrap().cols.unwrap().len(), columns);
    }
    let version = served.runtime.block_on(served.store.get_table("default", "t")).unwrap().version;
    // Creating, adding and twice altering were four changes.
    assert_eq!(version, 4);
}
