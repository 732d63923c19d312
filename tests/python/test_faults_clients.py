"""Clients that vanish or cancel: the work ends in every process, at once."""

import subprocess
import sys
import time

import pyarrow.flight as pf
import pytest

import flight_sql
from conftest import connect, wait_until
from flight_sql import FAILURES, FlightSql
from process_stat import IDLE, assert_idle_within, load
from quern_cluster import MODES, Cluster, ask
from sql_script import register_demo
from test_adbc_queries import ENDLESS, running

# The first rows come at once, the last one never.
ENDLESS_ROWS = (
    "SELECT a.tailnum, b.tailnum AS other, c.day FROM demo.flights a, demo.flights b, demo.flights c "
    "WHERE a.day + b.day > c.day"
)
CANCEL_SECONDS, IDLE_SECONDS = 0.1, 2

# Asks, says when the first rows are there, and reads on.
CLIENT = """
import sys
import adbc_driver_flightsql.dbapi as adbc
uri, mode, sql = sys.argv[1:]
with adbc.connect(uri, db_kwargs={"adbc.flight.sql.rpc.with_cookie_middleware": "true"},
                  autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute(f"SET SESSION execution_mode = '{mode}'")
    cursor.execute(sql)
    for batch in cursor.fetch_record_batch():
        if batch.num_rows:
            print("rows", flush=True)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("clients"))
    try:
        with connect(cluster.scheduler) as connection:
            register_demo(connection)
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(autouse=True)
def at_rest(cluster):
    """A cluster without work, so that a test is not blamed for the one before."""
    for n, executor in enumerate(cluster.executors):
        if load([executor]) >= IDLE:
            executor.kill()
            cluster.restart_executor(n)
    wait_until(lambda: load(cluster.processes()) < IDLE)
    cluster.wait_for_executors(2)


def wait_for_work(cluster, mode, mark):
    """Waits until a query is in the middle of its endless join."""
    wait_until(lambda: running(cluster.scheduler, mark))
    if mode == "staged":
        # The two inputs are read before the join, which one more stage follows.
        wait_until(lambda: stages_left(cluster) == 2)
    busy = [cluster.scheduler] if mode == "local" else cluster.executors
    wait_until(lambda: load(busy) > 0.3)


def stages_left(cluster):
    rows = ask(cluster, "SELECT max(stages - stages_done) FROM system.runtime.tasks", "local")
    return rows[0][0]


def start_client(cluster, mode, sql):
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, cluster.scheduler.uri, mode, sql],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


@pytest.mark.parametrize("mode", MODES)
def test_the_work_of_a_killed_client_ends(cluster, mode):
    mark = f"killed client, {mode}"
    with start_client(cluster, mode, f"{ENDLESS} AND '{mark}' <> ''") as client:
        try:
            wait_for_work(cluster, mode, mark)
        finally:
            client.kill()
        assert_idle_within(cluster.processes(), IDLE_SECONDS)
    assert not running(cluster.scheduler, mark)


@pytest.mark.parametrize("mode", ["local", "pipelined"])
def test_a_result_whose_reader_is_killed_ends(cluster, mode):
    mark = f"killed reader, {mode}"
    with start_client(cluster, mode, f"{ENDLESS_ROWS} AND '{mark}' <> ''") as client:
        try:
            assert client.stdout.readline() == b"rows\n"
        finally:
            client.kill()
        assert_idle_within(cluster.processes(), IDLE_SECONDS)
    assert not running(cluster.scheduler, mark)


@pytest.mark.parametrize("mode", MODES)
def test_a_cancellation_is_acknowledged_at_once(cluster, mode):
    mark = f"cancelled, {mode}"
    with FlightSql(cluster.scheduler.uri) as client:
        client.set_options(execution_mode=mode)
        info = client.info("CommandStatementQuery", query=f"{ENDLESS} AND '{mark}' <> ''")
        wait_for_work(cluster, mode, mark)
        start = time.monotonic()
        status = client.cancel(info)
        elapsed = time.monotonic() - start
        assert status in (
            flight_sql.CANCEL_STATUS_CANCELLED,
            flight_sql.CANCEL_STATUS_CANCELLING,
        )
        assert elapsed < CANCEL_SECONDS
        assert_idle_within(cluster.processes(), IDLE_SECONDS)
        assert not running(cluster.scheduler, mark)
        with pytest.raises(FAILURES):
            client.read(info)


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelled_reader_gets_the_error(cluster, mode):
    mark = f"cancelled reader, {mode}"
    with FlightSql(cluster.scheduler.uri) as client:
        client.set_options(execution_mode=mode)
        info = client.info("CommandStatementQuery", query=f"{ENDLESS} AND '{mark}' <> ''")
        reader = client.client.do_get(info.endpoints[0].ticket, client.options)
        wait_for_work(cluster, mode, mark)
        start = time.monotonic()
        client.cancel(info)
        assert time.monotonic() - start < CANCEL_SECONDS
        # Not read_all, which takes the status CANCELLED for a Control-C.
        with pytest.raises(pf.FlightCancelledError, match="query was cancelled"):
            reader.read_chunk()
        assert_idle_within(cluster.processes(), IDLE_SECONDS)
