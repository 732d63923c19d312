"""Memory: a query that wants too much fails alone, and a slow reader holds the query back."""

import threading
import time

import adbc_driver_flightsql.dbapi as adbc
import pytest

import quern_process
from conftest import connect
from flight_sql import FlightSql
from process_stat import rss_bytes
from quern_cluster import DISTRIBUTED, MODES, Cluster, cursor_in
from sql_script import register_demo
from test_adbc_queries import error_code

MIB = 1 << 20
LIMIT = ["--set", "query.memory_limit=24MiB"]
# One text of more than 100 MB in each of the parallel parts, which cannot be written to disk.
GREEDY = "SELECT length(string_agg(repeat(tailnum, 100), ',')) FROM demo.flights"
MODEST = "SELECT month, count(*) FROM demo.flights WHERE origin = 'EWR' GROUP BY month"

# More than 600 MB, whose making costs little.
LARGE = f"SELECT '{'x' * 2_000}' AS t, tailnum FROM demo.flights"
READ_BYTES_PER_SECOND = 1 * MIB
GROWTH_BYTES_MAX = 300 * MIB


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    with quern_process.serve(tmp_path_factory.mktemp("limited"), *LIMIT) as server:
        with connect(server) as connection:
            register_demo(connection)
        yield server


@pytest.fixture(scope="module")
def limited_executors(tmp_path_factory):
    yield from demo_cluster(tmp_path_factory, [LIMIT, LIMIT])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    yield from demo_cluster(tmp_path_factory, [(), ()])


def demo_cluster(tmp_path_factory, executor_flags):
    cluster = Cluster(tmp_path_factory.mktemp("memory"), executor_flags=executor_flags)
    try:
        with connect(cluster.scheduler) as connection:
            register_demo(connection)
        yield cluster
    finally:
        cluster.stop()


class Neighbour:
    """Asks a modest query again and again, until it is told to stop."""

    def __init__(self, server, mode):
        self.server, self.mode = server, mode
        self.n_answers, self.errors, self.stopped = 0, [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            with cursor_in(self.server, self.mode) as cursor:
                while not self.stopped.is_set():
                    cursor.execute(MODEST)
                    assert len(cursor.fetchall()) == 12
                    self.n_answers += 1
        except Exception as error:  # Reported in the test's own thread.
            self.errors.append(error)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(60)


def fails_alone(server, mode):
    with Neighbour(server, mode) as neighbour:
        with cursor_in(server, mode) as cursor:
            with pytest.raises(adbc.Error) as failure:
                cursor.execute(GREEDY)
                cursor.fetchall()
            assert error_code(failure.value) == "EXCEEDED_LOCAL_MEMORY_LIMIT"
            assert "memory limit" in str(failure.value)
            cursor.execute(MODEST)
            assert len(cursor.fetchall()) == 12
    assert not neighbour.errors
    assert neighbour.n_answers > 0


def test_a_query_over_its_limit_fails_alone(limited):
    fails_alone(limited, "local")
    assert limited.process.poll() is None


@pytest.mark.parametrize("mode", DISTRIBUTED)
def test_a_query_over_the_limit_of_executors_fails_alone(limited_executors, mode):
    fails_alone(limited_executors.scheduler, mode)
    assert all(process.process.poll() is None for process in limited_executors.processes())


@pytest.mark.parametrize("mode", MODES)
def test_a_session_limits_its_own_queries(cluster, mode):
    with cursor_in(cluster.scheduler, mode) as cursor:
        cursor.execute("SET SESSION memory_limit = '24MiB'")
        with pytest.raises(adbc.Error) as failure:
            cursor.execute(GREEDY)
            cursor.fetchall()
        assert error_code(failure.value) == "EXCEEDED_LOCAL_MEMORY_LIMIT"
        cursor.execute("RESET SESSION memory_limit")
        cursor.execute(GREEDY)
        assert cursor.fetchall()[0][0] > 100 * MIB


@pytest.mark.parametrize("mode", MODES)
def test_a_slow_reader_holds_the_query_back(cluster, mode):
    pids = [process.process.pid for process in cluster.processes()]
    idle = [rss_bytes(pid) for pid in pids]
    growth = [0] * len(pids)

    with FlightSql(cluster.scheduler.uri) as client:
        client.set_options(execution_mode=mode)
        # What a fast reader gets in this time, a server could keep for a slow one.
        start = time.monotonic()
        for n_bytes in sizes_read(client):
            if n_bytes > GROWTH_BYTES_MAX:
                break
        enough = time.monotonic() - start

        start = time.monotonic()
        for n_bytes in sizes_read(client):
            elapsed = time.monotonic() - start
            for n, pid in enumerate(pids):
                growth[n] = max(growth[n], rss_bytes(pid) - idle[n])
            if elapsed > enough:
                break
            # The reader's pace.
            time.sleep(max(0, n_bytes / READ_BYTES_PER_SECOND - elapsed))
    assert max(growth) < GROWTH_BYTES_MAX, [f"{grown // MIB} MiB" for grown in growth]


def sizes_read(client):
    """Reads the large result, and says after each batch how many bytes have come."""
    info = client.info("CommandStatementQuery", query=LARGE)
    reader = client.client.do_get(info.endpoints[0].ticket, client.options)
    n_bytes = 0
    try:
        for chunk in reader:
            n_bytes += chunk.data.nbytes
            yield n_bytes
    finally:
        reader.cancel()
