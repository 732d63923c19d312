"""A scheduler and two executors: same answers in every mode, over files and over S3."""

import datetime

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pytest

import quern_process
from comparison import assert_same_rows
from conftest import connect, wait_until
from lake import parquet
from quern_cluster import Cluster
from sql_script import DEMO, register_demo, statements

MODES = ["local", "pipelined", "staged"]
WORDS = ["percent_cancelled", "OVER (PARTITION BY", "heavy rain"]
QUERIES = [
    statement
    for statement in statements((DEMO / "tour.sql").read_text())
    if any(word in statement for word in WORDS)
] + [
    "SELECT count(*), sum(distance), avg(air_time) FROM flights",
    "SELECT month, count(DISTINCT tailnum) AS planes FROM flights GROUP BY month ORDER BY month",
    "SELECT carrier, flight, tailnum, arr_delay FROM flights ORDER BY arr_delay DESC NULLS LAST, "
    "carrier, flight, tailnum LIMIT 20",
    "SELECT origin, dest, count(*) AS n FROM flights GROUP BY GROUPING SETS ((origin), (dest), ()) "
    "ORDER BY n DESC, origin, dest LIMIT 30",
    "SELECT p.manufacturer, count(*) AS n FROM flights f LEFT JOIN planes p ON p.tailnum = f.tailnum "
    "GROUP BY p.manufacturer ORDER BY n DESC, p.manufacturer LIMIT 10",
    # As TPC-DS q47: the year is one, which only the stage with the filter knows.
    "WITH monthly AS (SELECT carrier, origin, year, month, sum(distance) AS miles, "
    "avg(sum(distance)) OVER (PARTITION BY carrier, origin, year) AS mean_miles, "
    "rank() OVER (PARTITION BY carrier, origin ORDER BY year, month) AS n FROM flights "
    "WHERE year = 2013 GROUP BY carrier, origin, year, month) "
    "SELECT a.carrier, a.origin, a.month, a.miles, a.mean_miles, b.miles AS before FROM monthly a "
    "JOIN monthly b ON a.carrier = b.carrier AND a.origin = b.origin AND a.n = b.n + 1 "
    "WHERE a.miles > a.mean_miles ORDER BY a.carrier, a.origin, a.month LIMIT 50",
]
QUERY_IDS = [" ".join(query.split())[:50] for query in QUERIES]


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        with connect(cluster.scheduler) as connection:
            register_demo(connection)
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def on_s3(tmp_path_factory, s3):
    cluster = Cluster(tmp_path_factory.mktemp("cluster-s3"), s3.flags, s3.environment)
    try:
        with connect(cluster.scheduler) as connection:
            register_demo(connection, s3.demo)
        yield cluster
    finally:
        cluster.stop()


def ask(cluster, sql, mode):
    with connect(cluster.scheduler) as connection, connection.cursor() as cursor:
        connection.adbc_current_db_schema = "demo"
        cursor.execute(f"SET SESSION execution_mode = '{mode}'")
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sql", QUERIES, ids=QUERY_IDS)
def test_answers_are_those_of_duckdb(on_disk, duckdb_demo, sql, mode):
    assert_same_rows(ask(on_disk, sql, mode), duckdb_demo.sql(sql).fetchall())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sql", QUERIES[:4], ids=QUERY_IDS[:4])
def test_answers_over_s3_are_those_of_duckdb(on_s3, duckdb_demo, sql, mode):
    assert_same_rows(ask(on_s3, sql, mode), duckdb_demo.sql(sql).fetchall())


@pytest.mark.parametrize("mode", MODES)
def test_explain_says_the_mode(on_disk, mode):
    rows = ask(on_disk, "EXPLAIN SELECT carrier, count(*) FROM flights GROUP BY carrier", mode)
    assert f"Execution mode: {mode} (" in rows[0][0]


def test_a_missing_bucket_and_a_missing_object_are_typed_errors(on_s3, s3):
    with connect(on_s3.scheduler) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"CREATE EXTERNAL TABLE demo.gone (a INT) STORED AS PARQUET LOCATION 's3://{s3.bucket}-none/x'"
        )
        with pytest.raises(adbc.Error) as failure:
            cursor.execute("SELECT * FROM demo.gone")
            cursor.fetchall()
        assert f"{s3.bucket}-none" in str(failure.value)
        cursor.execute("DROP TABLE demo.gone")


@pytest.mark.parametrize("mode", MODES)
def test_files_as_spark_writes_them_are_read(on_s3, s3, mode):
    """Names of columns in another case; timestamps that count more than 64 bits of nanoseconds."""
    moments = [datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), None, datetime.datetime(1900, 1, 1)]
    rows = pa.table({"Id": pa.array([1, 2, 3], pa.int64()), "aMoment": moments})
    body = parquet(rows, use_deprecated_int96_timestamps=True)
    s3.client.put_object(Bucket=s3.bucket, Key="spark/part.parquet", Body=body)
    with connect(on_s3.scheduler) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE EXTERNAL TABLE IF NOT EXISTS demo.of_spark (id BIGINT, amoment TIMESTAMP) "
            f"STORED AS PARQUET LOCATION 's3://{s3.bucket}/spark'"
        )
    query = "SELECT id, amoment FROM of_spark WHERE id > 0 ORDER BY id"
    assert ask(on_s3, query, mode) == [(1, moments[0]), (2, None), (3, moments[2])]
    ends = "SELECT count(id), count(amoment), min(amoment), max(amoment), min(id) FROM of_spark"
    assert ask(on_s3, ends, mode) == [(3, 2, moments[2], moments[0], 1)]


@pytest.mark.parametrize("mode", ["pipelined", "staged"])
def test_an_executor_that_is_killed_is_replaced(tmp_path, duckdb_demo, mode):
    cluster = Cluster(tmp_path)
    try:
        with connect(cluster.scheduler) as connection:
            register_demo(connection)
        expected = duckdb_demo.sql(QUERIES[0]).fetchall()
        assert_same_rows(ask(cluster, QUERIES[0], mode), expected)
        cluster.executors[0].kill()
        wait_until(lambda: cluster.n_executors() == 1, seconds=20)
        assert_same_rows(ask(cluster, QUERIES[0], mode), expected)
        cluster.add_executor()
        wait_until(lambda: cluster.n_executors() == 2, seconds=20)
        assert_same_rows(ask(cluster, QUERIES[0], mode), expected)
    finally:
        cluster.stop()


def test_an_executor_with_another_secret_does_not_join(tmp_path):
    scheduler = quern_process.scheduler(tmp_path / "scheduler", "--set", "internal.secret=right")
    try:
        internal = scheduler.addresses["internal"]
        stranger = start_or_none(tmp_path / "stranger", internal, "--set", "internal.secret=wrong")
        with connect(scheduler) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM system.runtime.nodes WHERE NOT coordinator")
            assert cursor.fetchone() == (0,)
        if stranger:
            stranger.kill()
    finally:
        scheduler.kill()


def start_or_none(folder, internal, *arguments):
    """An executor, or None when it refused to start."""
    try:
        return quern_process.executor(folder, internal, *arguments)
    except RuntimeError:
        return None
