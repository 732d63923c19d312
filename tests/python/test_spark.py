"""A real Spark and Quern over one metastore, that is Quern's own or Hive's: what Spark makes and
changes Quern reads, and what Quern makes Spark uses."""

import datetime
import decimal
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flight_sql import FAILURES
from spark_lake import Lake
from spark_process import SparkError

# Kinds of tables whose rows Quern reads, and how Spark makes them.
FORMATS = {
    "parquet": "STORED AS PARQUET",
    "source": "USING parquet",
    "text": "STORED AS TEXTFILE",
}

# A column of each type and its values: plain ones, the ends of the range, NULL.
TYPES = {
    "B BOOLEAN": ["true", "false", "NULL"],
    "Ti TINYINT": ["1Y", "-128Y", "NULL"],
    "Sm SMALLINT": ["1S", "-32768S", "NULL"],
    "I INT": ["1", "-2147483648", "NULL"],
    "L BIGINT": ["1L", "-9223372036854775808L", "NULL"],
    "F FLOAT": ["CAST(1.1 AS FLOAT)", "CAST('NaN' AS FLOAT)", "NULL"],
    "D DOUBLE": ["1.1D", "CAST('-Infinity' AS DOUBLE)", "NULL"],
    "Dec DECIMAL(9,2)": ["1.25BD", "-9999999.99BD", "NULL"],
    "DecLong DECIMAL(18,0)": ["1BD", "-999999999999999999BD", "NULL"],
    "DecWide DECIMAL(38,10)": ["1.5BD", "-9999999999999999999999999999.9999999999BD", "NULL"],
    "S STRING": ["'é😀 ,|\"'", "''", "NULL"],
    "V VARCHAR(7)": ["'varchar'", "''", "NULL"],
    "C CHAR(3)": ["'c'", "'cha'", "NULL"],
    "Bi BINARY": ["X'00FF41'", "X''", "NULL"],
    "Da DATE": ["DATE'2024-02-29'", "DATE'9999-12-31'", "NULL"],
    # The last moment of 2262 that nanoseconds can count is long before the second.
    "Ts TIMESTAMP": [
        "TIMESTAMP'1969-12-31 23:59:59.999999'",
        "TIMESTAMP'9999-12-31 23:59:59.999999'",
        "NULL",
    ],
}
NESTED = {
    "Arr ARRAY<INT>": ["ARRAY(1, NULL)", "ARRAY()", "NULL"],
    "M MAP<STRING,INT>": ["MAP('Key', 1)", "MAP('k', NULL)", "NULL"],
    "St STRUCT<Inner: INT, s: STRING>": [
        "NAMED_STRUCT('Inner', 1, 's', 'x')",
        "NAMED_STRUCT('Inner', NULL, 's', NULL)",
        "NULL",
    ],
}

# What a directory's name cannot hold as it is, and what looks like something else.
HOSTILE = ["a b", "a=b", "a/b", "100%", "%2F", "a:b", "it's", 'say "q"', "a\\b", "x#y?z*", "{}[]^"]
HOSTILE += ["..", ".", "_hidden", ".hidden", " ", " lead", "trail ", "tab\tx", "new\nline", "é😀"]


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    """One lake of each kind for the module, in whatever order its tests run."""
    started = {}

    def start(kind):
        if kind not in started:
            started[kind] = Lake(kind, tmp_path_factory.mktemp(f"lake-{kind}"))
        return started[kind]

    yield start
    for lake in started.values():
        lake.stop()


@pytest.fixture(params=["quern", "hive"])
def lake(request, lakes):
    return lakes(request.param)


# Every format with Quern's metastore, one of them with Hive's.
lakes_and_formats = pytest.mark.parametrize(
    ("lake", "kind"), [*(("quern", kind) for kind in FORMATS), ("hive", "source")], indirect=["lake"]
)
# Of what is in files, no metastore knows.
in_files = pytest.mark.parametrize("lake", ["quern"], indirect=True)


@pytest.fixture
def db(lake, request):
    """The name of a database of the test's own."""
    name = request.node.originalname.removeprefix("test_")[:60]
    lake.run(f"CREATE DATABASE {name}")
    return name


def create(lake, table, columns, keys, how):
    """Makes a partitioned table in Spark, whose spelling depends on the kind of table."""
    if how.startswith("USING"):
        names = ", ".join(key.split()[0] for key in keys)
        columns, partitioned = [*columns, *keys], f"{how} PARTITIONED BY ({names})"
    else:
        partitioned = f"PARTITIONED BY ({', '.join(keys)}) {how}"
    lake.run(f"CREATE TABLE {table} ({', '.join(columns)}) {partitioned}")


def values(columns):
    """The rows of a table that has these columns."""
    return ", ".join(f"({', '.join(row)})" for row in zip(*columns.values()))


def quoted(text):
    """A text as Quern's SQL writes it, and as Spark's does."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + text.replace("'", "''") + "'", f"'{escaped}'"


def directory(lake, db, *names):
    return lake.warehouse.joinpath(f"{db}.db", *names)


@in_files
@pytest.mark.parametrize("kind", [*FORMATS, "hive parquet", "delimited"])
def test_values_of_every_type_are_read(lake, kind):
    how, columns = FORMATS.get(kind, "STORED AS PARQUET"), {**TYPES, **NESTED}
    if kind in ("text", "delimited"):
        columns = dict(TYPES)
    if kind == "delimited":
        how = r"ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' ESCAPED BY '\\' NULL DEFINED AS '-'"
    if kind == "hive parquet":
        # Hive writes CHAR without the blanks that fill it up, see "known differences" in README.md.
        del columns["C CHAR(3)"]
    table = f"types_{kind.replace(' ', '_')}"
    lake.run(
        f"CREATE TABLE {table} ({', '.join(columns)}) {how}",
        f"SET spark.sql.hive.convertMetastoreParquet={kind != 'hive parquet'}",
        f"INSERT INTO {table} VALUES {values(columns)}",
        "SET spark.sql.hive.convertMetastoreParquet=true",
    )
    lake.assert_same(f"SELECT * FROM {table}")
    names = [column.split()[0] for column in columns]
    counts = ", ".join(f"count({name}) AS {name}" for name in names)
    lake.assert_same(f"SELECT count(*) AS n, {counts} FROM {table}")
    ends = [name for name in names if name not in ("Arr", "M", "St", "F")]
    ends = ", ".join(f"min({name}) AS lo_{name}, max({name}) AS hi_{name}" for name in ends)
    lake.assert_same(f"SELECT {ends} FROM {table}")
    for condition in ["s = ''", "i < 0", "ts > TIMESTAMP '2200-01-01 00:00:00'", "dec IS NULL"]:
        assert lake.assert_same(f"SELECT l FROM {table} WHERE {condition}")


@lakes_and_formats
def test_partitions_are_overwritten_added_renamed_and_dropped(lake, kind):
    table, elsewhere = f"parts_{kind}", lake.warehouse / f"elsewhere {kind}"
    # Columns and keys in the case that Spark keeps.
    create(lake, table, ["Id INT", "`a Name` STRING"], ["N INT", "k STRING"], FORMATS[kind])
    steps = [
        f"INSERT INTO {table} VALUES (1, 'a', 1, 'x'), (2, NULL, 1, 'y'), (3, 'c', 2, 'x')",
        f"INSERT INTO {table} VALUES (4, 'd', 1, 'x')",
        # Of all partitions, those that get rows are overwritten.
        f"INSERT OVERWRITE {table} VALUES (10, 'aa', 1, 'x'), (11, 'new', 3, 'z')",
        f"INSERT OVERWRITE {table} PARTITION (n = 2, k) VALUES (30, 'cc', 'x'), (31, 'cd', 'w')",
        f"ALTER TABLE {table} ADD PARTITION (n = 7, k = 'added')",
        f"ALTER TABLE {table} ADD IF NOT EXISTS PARTITION (n = 8, k = 'l') LOCATION '{elsewhere}'",
        f"INSERT INTO {table} PARTITION (n = 8, k = 'l') VALUES (80, 'elsewhere')",
        f"ALTER TABLE {table} PARTITION (n = 1, k = 'y') RENAME TO PARTITION (n = 5, k = 'r/n')",
        f"ALTER TABLE {table} DROP PARTITION (n = 2, k = 'x'), PARTITION (n = 7, k = 'added')",
        f"TRUNCATE TABLE {table} PARTITION (n = 3, k = 'z')",
    ]
    counts = []
    for step in steps:
        lake.run(step)
        counts.append(len(lake.assert_same_table(table)))
    assert counts == [3, 4, 4, 5, 5, 5, 6, 6, 5, 4]
    assert ("n=5/k=r%2Fn",) in lake.query(f"SHOW PARTITIONS {table}")
    assert lake.assert_same(f"SELECT id FROM {table} WHERE n = 5 AND k = 'r/n'") == [(2,)]


@lakes_and_formats
def test_columns_are_added_and_commented_on(lake, kind):
    table = f"columns_{kind}"
    create(lake, table, ["Id INT", "Name STRING"], ["k INT"], FORMATS[kind])
    lake.run(
        f"INSERT INTO {table} VALUES (1, 'a', 1)",
        f"ALTER TABLE {table} ADD COLUMNS (Extra BIGINT COMMENT 'more', Last STRING)",
    )
    # The partition that there is has the columns of its time.
    assert lake.assert_same_table(table) == [(1, "a", None, None, 1)]
    lake.run(
        f"INSERT INTO {table} VALUES (2, 'b', 5, 'last', 2)",
        f"ALTER TABLE {table} CHANGE COLUMN Id Id INT COMMENT 'the id'",
        f"ALTER TABLE {table} SET TBLPROPERTIES ('comment' = 'a table')",
    )
    lake.assert_same_table(table)
    lake.assert_same(f"SELECT last FROM {table} WHERE extra = 5")
    described = [(name, comment) for name, _, _, comment in lake.query(f"DESCRIBE {table}")]
    assert described == [("id", "the id"), ("name", ""), ("extra", "more"), ("last", ""), ("k", "")]
    with pytest.raises(SparkError, match="NOT_SUPPORTED_CHANGE_COLUMN"):
        lake.run(f"ALTER TABLE {table} CHANGE COLUMN Id Id BIGINT")
    lake.assert_same_table(table)


def test_statistics_of_spark_outlive_changes_by_quern(lake, db):
    table = f"{db}.t"
    create(lake, table, ["id INT", "name STRING"], ["k INT"], "STORED AS PARQUET")
    lake.run(
        f"INSERT INTO {table} VALUES (1, 'a', 1), (2, NULL, 1), (7, 'c', 2)",
        f"ANALYZE TABLE {table} COMPUTE STATISTICS",
        f"ANALYZE TABLE {table} PARTITION (k = 1) COMPUTE STATISTICS",
        f"ANALYZE TABLE {table} COMPUTE STATISTICS FOR COLUMNS id, name",
    )
    lake.update(f"ALTER TABLE {table} SET TBLPROPERTIES ('by' = 'quern')")
    lake.run(f"REFRESH TABLE {table}")
    lake.assert_same_table(table)
    assert lake.description(table)["Statistics"].endswith(" bytes, 3 rows")
    column = dict(row[:2] for row in lake.spark_rows(f"DESCRIBE EXTENDED {table} id"))
    assert (column["min"], column["max"], column["distinct_count"]) == ("1", "7", "3")
    partition = lake.spark_rows(f"DESCRIBE EXTENDED {table} PARTITION (k = 1)")
    (statistics,) = [row[1] for row in partition if row[0] == "Partition Statistics"]
    assert statistics.endswith(" bytes, 2 rows")
    assert ("by", "quern") in lake.spark_rows(f"SHOW TBLPROPERTIES {table}")


def test_msck_of_either_finds_directories(lake, db):
    table = f"{db}.t"
    create(lake, table, ["id INT"], ["k STRING"], "USING parquet")
    lake.run(f"INSERT INTO {table} VALUES (1, 'a')")
    made = directory(lake, db, "t", "k=a")
    shutil.copytree(made, made.with_name("k=spark %2F"))
    lake.run(f"MSCK REPAIR TABLE {table}")
    assert sorted(lake.assert_same_table(table)) == [(1, "a"), (1, "spark /")]
    shutil.copytree(made, made.with_name("k=quern%3D1"))
    assert lake.query(f"MSCK REPAIR TABLE {table}") == [(1, 0, 0)]
    lake.run(f"REFRESH TABLE {table}")
    assert (1, "quern=1") in lake.assert_same_table(table)
    shutil.rmtree(made.with_name("k=spark %2F"))
    sync = f"CALL system.sync_partition_metadata('{db}', 't', 'FULL')"
    assert lake.query(sync) == [(0, 1, 0)]
    lake.run(f"REFRESH TABLE {table}")
    assert sorted(lake.assert_same_table(table)) == [(1, "a"), (1, "quern=1")]
    shutil.rmtree(made.with_name("k=quern%3D1"))
    lake.run(f"MSCK REPAIR TABLE {table} SYNC PARTITIONS")
    assert lake.assert_same_table(table) == [(1, "a")]


@pytest.mark.parametrize("kind", ["source", "text"])
def test_partition_values_of_any_text_are_kept(lake, kind):
    table = f"hostile_{kind}"
    create(lake, table, ["i INT"], ["p STRING"], FORMATS[kind])
    rows = [f"({number}, {quoted(text)[1]})" for number, text in enumerate(HOSTILE)]
    lake.run(f"INSERT INTO {table} VALUES {', '.join(rows)}, (-1, NULL), (-2, '')")
    partitions = lake.query(f"SHOW PARTITIONS {table}")
    assert sorted(partitions) == sorted(lake.spark_rows(f"SHOW PARTITIONS {table}"))
    # Neither has the empty text as a value of a key: it is NULL.
    expected = [*enumerate(HOSTILE), (-1, None), (-2, None)]
    rows = lake.query(f"SELECT * FROM {table}")
    assert sorted(rows, key=repr) == sorted(expected, key=repr)
    if kind == "text":
        # With Hive's reader, Spark shows the name of the directory for NULL.
        expected = [(i, p or "__HIVE_DEFAULT_PARTITION__") for i, p in expected]
    rows = lake.spark_rows(f"SELECT * FROM {table}")
    assert sorted(rows, key=repr) == sorted(expected, key=repr)
    for number, text in enumerate(HOSTILE):
        rows = lake.query(f"SELECT i FROM {table} WHERE p = {quoted(text)[0]}")
        assert rows == [(number,)], text
    for condition in ["p > 'a'", "p <> 'a b'", "p LIKE 'a%'", "p IN ('a=b', '..')"]:
        if kind != "text" or "<>" not in condition:
            lake.assert_same(f"SELECT i FROM {table} WHERE {condition}")


def test_partition_keys_of_every_type(lake, db):
    keys = ["da DATE", "ts TIMESTAMP", "de DECIMAL(10,2)", "b BOOLEAN", "ti TINYINT", "d DOUBLE"]
    create(lake, f"{db}.t", ["i INT"], keys, "STORED AS PARQUET")
    lake.run(
        f"INSERT INTO {db}.t VALUES "
        "(1, DATE'2024-02-29', TIMESTAMP'2024-02-29 12:34:56.789', 1.5, true, 1Y, 1.5), "
        "(2, NULL, NULL, NULL, NULL, NULL, NULL), "
        "(3, DATE'0001-01-01', TIMESTAMP'2024-02-29 00:00:00', -0.01, false, -128Y, 1e300)"
    )
    assert len(lake.assert_same_table(f"{db}.t")) == 3
    for condition in [
        "da = DATE '2024-02-29'",
        "ts = TIMESTAMP '2024-02-29 12:34:56.789'",
        "de = 1.5",
        "b",
        "ti = 1",
        "d < 2",
        "de IS NOT NULL AND d < 1e100",
    ]:
        assert lake.assert_same(f"SELECT i FROM {db}.t WHERE {condition}") == [(1,)], condition


UNREAD = {
    "orc": ("STORED AS ORC", "ORC"),
    "orc_source": ("USING orc", "ORC"),
    "avro": ("STORED AS AVRO", "AVRO"),
    "sequence": ("STORED AS SEQUENCEFILE", "SEQUENCEFILE"),
    "rc": ("STORED AS RCFILE", "RCFILE"),
    "json": ("USING json", "json"),
    "csv": ("USING csv", "csv"),
    "line": ("USING text", "text"),
}


def test_formats_that_are_not_read_are_listed_and_named(lake, db):
    for table, (how, name) in UNREAD.items():
        create(lake, f"{db}.{table}", ["s STRING"], ["k INT"], how)
        lake.run(f"INSERT INTO {db}.{table} VALUES ('a', 1)")
        with pytest.raises(FAILURES, match=f'stored as .*{name}.*which Quern does not read'):
            lake.query(f"SELECT * FROM {db}.{table}")
        assert lake.query(f"SHOW PARTITIONS {db}.{table}") == [("k=1",)]
    listed = [table for (table,) in lake.query(f"SHOW TABLES FROM {db}")]
    assert listed == sorted(UNREAD)
    lake.run(f"CREATE VIEW {db}.v AS SELECT 1 AS one")
    with pytest.raises(FAILURES, match="reading view"):
        lake.query(f"SELECT * FROM {db}.v")
    # Neither reads them, and both rename and drop them.
    lake.update(f"ALTER TABLE {db}.orc RENAME TO {db}.orc2", f"DROP TABLE {db}.avro")
    assert lake.spark_rows(f"SELECT * FROM {db}.orc2") == [("a", 1)]
    assert not directory(lake, db, "avro").exists()


@in_files
def test_csv_of_hive_is_read(lake, db):
    serde = "'org.apache.hadoop.hive.serde2.OpenCSVSerde'"
    lake.run(
        f"CREATE TABLE {db}.t (a STRING, b STRING) ROW FORMAT SERDE {serde}",
        f"CREATE TABLE {db}.semicolon (a STRING, b STRING) ROW FORMAT SERDE {serde} "
        "WITH SERDEPROPERTIES ('separatorChar' = ';', 'quoteChar' = \"'\")",
    )
    for table in [f"{db}.t", f"{db}.semicolon"]:
        lake.run(f"INSERT INTO {table} VALUES ('a,b;c', 'é😀'), ('two  blanks ', ''), (NULL, 'z')")
        assert len(lake.assert_same(f"SELECT * FROM {table}")) == 3


def test_tables_of_spark_are_renamed_and_dropped(lake, db):
    outside = lake.warehouse / f"{db}_outside"
    lake.run(
        f"CREATE TABLE {db}.t (id INT) STORED AS PARQUET",
        f"INSERT INTO {db}.t VALUES (1)",
        f"ALTER TABLE {db}.t RENAME TO {db}.renamed",
        f"CREATE TABLE {db}.ext (id INT) USING parquet LOCATION '{outside}'",
        f"INSERT INTO {db}.ext VALUES (2)",
    )
    assert lake.query(f"SHOW TABLES FROM {db}") == [("ext",), ("renamed",)]
    assert lake.assert_same(f"SELECT * FROM {db}.renamed") == [(1,)]
    assert lake.assert_same(f"SELECT * FROM {db}.ext") == [(2,)]
    assert not directory(lake, db, "t").exists()
    lake.update(f"DROP TABLE {db}.renamed", f"DROP TABLE {db}.ext")
    assert lake.spark_rows(f"SHOW TABLES IN {db}") == []
    # Of the table whose files are its own nothing is left, of the other everything.
    assert not directory(lake, db, "renamed").exists()
    assert list(outside.glob("*.parquet"))


@pytest.mark.parametrize("how", ["STORED AS PARQUET", "STORED AS TEXTFILE"])
def test_tables_of_quern_are_read_altered_and_dropped_by_spark(lake, how):
    db = f"of_quern_{how.split()[-1].lower()}"
    table = f"{db}.t"
    lake.update(
        f"CREATE SCHEMA {db} COMMENT 'made by Quern'",
        f"CREATE TABLE {table} (id INT COMMENT 'the id', name STRING, d DECIMAL(10,2), ts TIMESTAMP) "
        f"COMMENT 'a table' PARTITIONED BY (p STRING, n INT) {how}",
        f"ALTER TABLE {table} ADD PARTITION (p = 'a b/c', n = 1) PARTITION (p = 'x', n = 2)",
    )
    assert ("Comment", "made by Quern") in lake.spark_rows(f"DESCRIBE DATABASE {db}")
    assert lake.spark_rows(f"DESCRIBE {table}")[:6] == [
        ("id", "int", "the id"),
        ("name", "string", None),
        ("d", "decimal(10,2)", None),
        ("ts", "timestamp", None),
        ("p", "string", None),
        ("n", "int", None),
    ]
    described = lake.description(table)
    assert (described["Type"], described["Comment"]) == ("MANAGED", "a table")
    lake.run(
        f"INSERT INTO {table} PARTITION (p = 'a b/c', n = 1) "
        "VALUES (1, 'one', 1.5, TIMESTAMP'2024-01-01 10:00:00')",
        f"INSERT INTO {table} VALUES (2, NULL, NULL, NULL, 'y', 3)",
        f"ALTER TABLE {table} ADD COLUMNS (extra STRING)",
        f"ALTER TABLE {table} PARTITION (p = 'y', n = 3) RENAME TO PARTITION (p = 'z', n = 4)",
        f"ANALYZE TABLE {table} COMPUTE STATISTICS FOR ALL COLUMNS",
    )
    assert len(lake.assert_same_table(table)) == 2
    lake.update(
        f"ALTER TABLE {table} ADD COLUMNS (more BIGINT COMMENT 'by Quern')",
        f"ALTER TABLE {table} DROP PARTITION (p = 'x', n = 2)",
    )
    lake.run(
        f"REFRESH TABLE {table}",
        f"INSERT INTO {table} VALUES (3, '3', 2.5, NULL, 'extra', 7, 'z', 4)",
        f"ALTER TABLE {table} RENAME TO {db}.spark",
    )
    rows = lake.assert_same_table(f"{db}.spark")
    assert sorted(row[0] for row in rows) == [1, 2, 3]
    lake.update(f"ALTER TABLE {db}.spark RENAME TO {table}")
    assert len(lake.assert_same_table(table)) == 3
    lake.run(f"ALTER TABLE {table} DROP PARTITION (p = 'z', n = 4)", f"DROP TABLE {table}")
    assert lake.query(f"SHOW TABLES FROM {db}") == []
    assert not list(directory(lake, db).glob("*"))
    lake.run(f"DROP DATABASE {db}")
    assert (db,) not in lake.query("SHOW SCHEMAS")


def test_databases_of_either_are_seen_and_dropped_by_the_other(lake):
    lake.run("CREATE DATABASE made_by_spark COMMENT 'of Spark'")
    assert ("made_by_spark",) in lake.query("SHOW SCHEMAS")
    ((shown,),) = lake.query("SHOW CREATE SCHEMA made_by_spark")
    assert "COMMENT 'of Spark'" in shown and "/made_by_spark.db'" in shown
    lake.update("CREATE TABLE made_by_spark.t (i INT)", "CREATE SCHEMA made_by_quern")
    lake.run("CREATE TABLE made_by_quern.t (i INT) USING parquet")
    with pytest.raises(SparkError, match="SCHEMA_NOT_EMPTY"):
        lake.run("DROP DATABASE made_by_quern")
    with pytest.raises(FAILURES, match="not empty"):
        lake.update("DROP SCHEMA made_by_spark")
    lake.run("DROP DATABASE made_by_quern CASCADE")
    lake.update("DROP SCHEMA made_by_spark CASCADE")
    left = {name for (name,) in [*lake.spark_rows("SHOW DATABASES"), *lake.query("SHOW SCHEMAS")]}
    assert left.isdisjoint({"made_by_spark", "made_by_quern"})
    assert not list(lake.warehouse.glob("made_by_*/*"))


def test_external_tables_of_quern_over_files(lake, db):
    folder = lake.warehouse / f"{db}_files"
    rows = pa.table({"Id": pa.array([1, 2], pa.int32()), "s": ["x", None]})
    for partition in ["k=1", "k=__HIVE_DEFAULT_PARTITION__"]:
        (folder / partition).mkdir(parents=True)
        pq.write_table(rows, folder / partition / "part.parquet")
    make = (
        f"CREATE EXTERNAL TABLE {db}.t (id INT, s STRING) PARTITIONED BY (k INT) "
        f"STORED AS PARQUET LOCATION '{folder.as_uri()}'"
    )
    lake.update(make)
    assert lake.query(f"MSCK REPAIR TABLE {db}.t") == [(2, 0, 0)]
    assert len(lake.assert_same_table(f"{db}.t")) == 4
    (folder / "other").mkdir()
    pq.write_table(rows, folder / "other" / "part.parquet")
    lake.update(f"ALTER TABLE {db}.t ADD PARTITION (k = 3) LOCATION '{folder.as_uri()}/other'")
    lake.run(f"REFRESH TABLE {db}.t")
    assert len(lake.assert_same_table(f"{db}.t")) == 6
    assert lake.description(f"{db}.t")["Type"] == "EXTERNAL"
    lake.run(f"DROP TABLE {db}.t")
    lake.update(make)
    lake.run(f"MSCK REPAIR TABLE {db}.t")
    assert len(lake.assert_same_table(f"{db}.t")) == 4
    lake.update(f"DROP TABLE {db}.t")
    assert len(list(folder.glob("k=*/part.parquet"))) == 2
    assert lake.spark_rows(f"SHOW TABLES IN {db}") == []


# Spellings of values that nobody wrote with Hive.
SPELLINGS = ["1", "+1", "-1", "007", "1.0", "1.9", ".5", "1.", "1e2", "1E+2", "1d", "1_0", "0x1"]
SPELLINGS += ["", " ", "\\N", "NULL", "null", "NaN", "nan", "inf", "Infinity", "-Infinity", "-", "."]
SPELLINGS += ["true", "TRUE", "True", "t", "yes", "0", "128", "-129", "32768", "12345678901", "1,5"]
SPELLINGS += ["99999999999999999999", "99999999.99", "99999999.995", "1.005", "-0.005", "1e400"]
SPELLINGS += ["2024-02-29", "2024-2-9", "2024-13-01", "24-01-01", "10000-01-01", "2024-02-29x", "é"]
SPELLINGS += ["2024-02-29 10:11:12", "2024-02-29 10:11:12.123456", "2024-02-29 10:11:12.1234567"]
SPELLINGS += ["2024-02-29 1:2:3", "2024-02-29T10:11:12", "2024-02-29 10:11:12+01:00", "2024-02-30"]
SPELLINGS += ["2024-02-29 24:00:00", " 1", " true", "QQ==", "QQ", "not base64!"]

DAY, MOMENT = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 10, 11, 12)
MICROS = MOMENT.replace(microsecond=123456)
# Where the Hive 2.3 within Spark and Quern, which reads what newer versions of Hive read, differ.
DIFFERENT = {
    "INT": {" 1": (None, 1)},
    "BIGINT": {" 1": (None, 1)},
    "TINYINT": {" 1": (None, 1)},
    "DECIMAL(10,2)": {" 1": (None, decimal.Decimal("1.00"))},
    "BOOLEAN": {" true": (None, True)},
    "DATE": {
        "2024-02-29 10:11:12": (None, DAY),
        "2024-02-29 10:11:12.123456": (None, DAY),
        "2024-02-29 10:11:12.1234567": (None, DAY),
        "2024-02-29 1:2:3": (None, DAY),
        "2024-02-29T10:11:12": (None, DAY),
        "2024-02-29 10:11:12+01:00": (None, DAY),
        "2024-02-29 24:00:00": (None, DAY),
        # Java goes on counting.
        "2024-02-30": (datetime.date(2024, 3, 1), None),
    },
    "TIMESTAMP": {
        "2024-02-29": (None, datetime.datetime(2024, 2, 29)),
        "2024-2-9": (None, datetime.datetime(2024, 2, 9)),
        "2024-02-29T10:11:12": (None, MOMENT),
        "2024-02-29 24:00:00": (datetime.datetime(2024, 3, 1), None),
    },
}


@in_files
@pytest.mark.parametrize(
    "hive_type", "STRING INT BIGINT TINYINT DOUBLE FLOAT DECIMAL(10,2) BOOLEAN BINARY DATE TIMESTAMP".split()
)
def test_spellings_of_values_in_text(lake, hive_type):
    table = "spellings_" + hive_type.split("(")[0].lower()
    files = lake.warehouse / f"{table}_files"
    files.mkdir()
    lines = [f"{number}|{text}\n" for number, text in enumerate(SPELLINGS)]
    (files / "part").write_text("".join(lines), encoding="utf-8")
    lake.run(
        f"CREATE EXTERNAL TABLE {table} (n INT, v {hive_type}) ROW FORMAT DELIMITED "
        f"FIELDS TERMINATED BY '|' LOCATION '{files}'"
    )
    spark = dict(lake.spark_rows(f"SELECT n, v FROM {table}"))
    quern = dict(lake.query(f"SELECT n, v FROM {table}"))
    pairs = {text: (spark[number], quern[number]) for number, text in enumerate(SPELLINGS)}
    different = {text: pair for text, pair in pairs.items() if repr(pair[0]) != repr(pair[1])}
    assert different == DIFFERENT.get(hive_type, {})


def test_definitions_of_data_sources_are_those_of_spark(lake, db):
    outside = lake.warehouse / f"{db} outside"
    lake.run(
        # Of these tables, Hive's part of the definition is made up.
        f"CREATE TABLE {db}.csv (Id INT, `a Name` VARCHAR(9) COMMENT 'c', K INT) USING csv "
        "PARTITIONED BY (K)",
        f"CREATE TABLE {db}.ntz (Id INT, T TIMESTAMP_NTZ, M MAP<STRING, STRUCT<A: INT>>) "
        f"USING parquet LOCATION '{outside}'",
        f"INSERT INTO {db}.ntz VALUES (1, TIMESTAMP_NTZ'2024-01-01 00:00:00', NULL)",
        f"INSERT INTO {db}.ntz VALUES (2, NULL, MAP('k', NAMED_STRUCT('A', 1)))",
        f"ALTER TABLE {db}.ntz ADD COLUMNS (New STRING)",
        f"CREATE TABLE {db}.long ({', '.join(f'a_column_with_a_long_name_{i} INT' for i in range(99))})"
        " USING json",
    )
    assert [row[:2] for row in lake.query(f"DESCRIBE {db}.csv")] == [
        ("id", "integer"),
        ("a name", "varchar(9)"),
        ("k", "integer"),
    ]
    assert len(lake.query(f"DESCRIBE {db}.long")) == 99
    assert len(lake.assert_same(f"SELECT * FROM {db}.ntz")) == 2
    # Spark would not see the column, and would write the copy's rows among those of the source.
    for statement in [
        f"ALTER TABLE {db}.ntz ADD COLUMNS (x INT)",
        f"CREATE TABLE {db}.copy LIKE {db}.csv",
    ]:
        with pytest.raises(FAILURES, match="not supported: .* Spark's data source"):
            lake.update(statement)


def test_partitions_that_only_spark_finds_are_no_missing_rows(lake, db):
    lake.run("SET spark.sql.hive.manageFilesourcePartitions=false")
    create(lake, f"{db}.t", ["i INT"], ["k INT"], "USING parquet")
    lake.run(
        f"INSERT INTO {db}.t VALUES (1, 2)",
        "SET spark.sql.hive.manageFilesourcePartitions=true",
    )
    with pytest.raises(FAILURES, match="partitions are not in the metastore"):
        lake.query(f"SELECT * FROM {db}.t")
    lake.run(f"MSCK REPAIR TABLE {db}.t")
    assert lake.assert_same_table(f"{db}.t") == [(1, 2)]


def test_a_copy_of_a_spark_table_has_files_of_its_own(lake, db):
    lake.run(
        f"CREATE TABLE {db}.t (Id INT) USING parquet",
        f"INSERT INTO {db}.t VALUES (1)",
        f"ANALYZE TABLE {db}.t COMPUTE STATISTICS",
    )
    lake.update(f"CREATE TABLE {db}.copy LIKE {db}.t")
    assert "Statistics" not in lake.description(f"{db}.copy")
    lake.run(f"INSERT INTO {db}.copy VALUES (2)")
    assert lake.assert_same(f"SELECT * FROM {db}.copy") == [(2,)]
    lake.run(f"DROP TABLE {db}.copy")
    assert lake.assert_same(f"SELECT * FROM {db}.t") == [(1,)]


@in_files
def test_nested_fields_in_another_case_are_no_nulls(lake, db):
    files = lake.warehouse / f"{db}_files"
    lake.run(
        f"CREATE TABLE {db}.t USING parquet LOCATION '{files}' "
        "AS SELECT 7 AS Id, NAMED_STRUCT('FieldOne', 1, 'two', 2) AS S",
        f"CREATE EXTERNAL TABLE {db}.lower (id INT, s STRUCT<fieldone: INT, two: INT>) "
        f"STORED AS PARQUET LOCATION '{files}'",
    )
    assert lake.assert_same(f"SELECT * FROM {db}.t") == [(7, (1, 2))]
    assert lake.assert_same(f"SELECT id FROM {db}.lower") == [(7,)]
    with pytest.raises(FAILURES, match='field "fieldone" is called "FieldOne" in the file'):
        lake.query(f"SELECT s FROM {db}.lower")
