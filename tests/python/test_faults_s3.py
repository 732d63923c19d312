"""An S3 server that is busy, breaks off or is not there: the right answer or a typed error, in
bounded time, in every mode."""

import random
import time

import adbc_driver_flightsql.dbapi as adbc
import pytest

from comparison import assert_same_rows
from conftest import free_ports, wait_until
from lake import N_FILES, answer_of_duckdb, create_table, file_name, put_table
from quern_cluster import MODES, Cluster, cursor_in
from s3_proxy import Gate, S3Proxy, busy, cut, forward
from test_adbc_queries import error_code, running
from test_faults_clients import start_client

TOTALS = "SELECT k, count(*), sum(v), min(name) FROM events GROUP BY k ORDER BY k"
# With two repetitions that begin after 0.1 s; the rest is for a busy machine.
BOUND_SECONDS = 30
FEW_REPETITIONS = ["--set", "storage.s3.max_retries=2", "--set", "storage.s3.retry_timeout=5s"]
FAILED = ["HIVE_FILESYSTEM_ERROR", "HIVE_CANNOT_OPEN_SPLIT"]


class Busy:
    """Turns a share of the requests away."""

    def __init__(self, seed, share=1 / 3):
        self.random, self.share, self.n = random.Random(seed), share, 0

    def __call__(self, handler, send):
        if self.random.random() < self.share:
            self.n += 1
            busy(handler, send)
        else:
            send()


class CutOnce:
    """Breaks off the first answer for each file."""

    def __init__(self):
        self.seen = set()

    def __call__(self, handler, send):
        is_file = handler.command == "GET" and handler.path.endswith(".parquet")
        first = is_file and handler.path not in self.seen
        self.seen.add(handler.path)
        cut(handler, send) if first else send()



def of_files_only(rule):
    """Listings go through, so that the fault is met where files are read."""
    return lambda handler, send: (rule if handler.path.endswith(".parquet") else forward)(handler, send)


def start(tmp_path_factory, s3, proxy, *flags):
    flags = [*s3.flags, *proxy.flags, *flags]
    return Cluster(tmp_path_factory.mktemp("s3-faults"), flags, s3.environment)


@pytest.fixture(scope="module")
def proxy(s3):
    with S3Proxy(s3.environment["AWS_ENDPOINT_URL"]) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def patient(tmp_path_factory, s3, proxy):
    """A cluster that repeats a request as often as it does by default."""
    cluster = start(tmp_path_factory, s3, proxy)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory, s3, proxy):
    cluster = start(tmp_path_factory, s3, proxy, *FEW_REPETITIONS)
    yield cluster
    cluster.stop()


@pytest.fixture
def location(request, s3):
    """A table that no cache knows."""
    return put_table(s3, f"faults/{request.node.name}")


@pytest.fixture(autouse=True)
def healthy(proxy):
    yield
    proxy.rule = forward


def ask(cluster, location, mode):
    with cursor_in(cluster.scheduler, mode) as cursor:
        if mode != "local":
            cursor.execute("SET SESSION collect_statistics = false")
        create_table(cursor, "events", location)
        try:
            cursor.execute(TOTALS)
            return cursor.fetchall()
        finally:
            cursor.execute("DROP TABLE events")


def fail(cluster, location, mode):
    begin = time.monotonic()
    with pytest.raises(adbc.Error) as failure:
        ask(cluster, location, mode)
    assert time.monotonic() - begin < BOUND_SECONDS
    assert error_code(failure.value) in FAILED
    return str(failure.value)


@pytest.mark.parametrize("mode", MODES)
def test_a_third_of_the_requests_is_turned_away(patient, proxy, location, mode):
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    proxy.rule = rule = Busy(seed)
    assert_same_rows(ask(patient, location, mode), answer_of_duckdb(TOTALS))
    assert rule.n > 0


@pytest.mark.parametrize("mode", MODES)
def test_each_file_is_cut_off_once(patient, proxy, location, mode):
    proxy.rule = rule = CutOnce()
    assert_same_rows(ask(patient, location, mode), answer_of_duckdb(TOTALS))
    assert all(any(path.endswith(file_name(n)) for path in rule.seen) for n in range(N_FILES))


@pytest.mark.parametrize("mode", MODES)
def test_a_server_that_is_always_busy(hasty, proxy, location, mode):
    proxy.rule = busy
    assert location.removeprefix("s3://") in fail(hasty, location, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rule", [busy, cut], ids=["busy", "cut"])
def test_files_that_cannot_be_read(hasty, proxy, location, mode, rule):
    proxy.rule = of_files_only(rule)
    assert "part-" in fail(hasty, location, mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_server_that_is_not_there(tmp_path, s3, proxy, location, mode):
    (port,) = free_ports(1)
    nowhere = ["--set", f"storage.s3.endpoint=http://127.0.0.1:{port}"]
    # A scheduler that lists, and executors that cannot read; or nobody who can.
    flags = [*s3.flags, *FEW_REPETITIONS, *(nowhere if mode == "local" else proxy.flags)]
    executors = [] if mode == "local" else [nowhere, nowhere]
    cluster = Cluster(tmp_path, flags, s3.environment, executors)
    try:
        fail(cluster, location, mode)
    finally:
        cluster.stop()


def test_a_query_whose_client_goes_while_files_are_listed(patient, proxy, location):
    with cursor_in(patient.scheduler, "local") as cursor:
        create_table(cursor, "listed", location)
    mark = "gone while files are listed"
    proxy.rule = gate = Gate(f"/{location.split('/')[2]}")
    try:
        sql = f"SELECT count(*) FROM listed WHERE '{mark}' <> ''"
        with start_client(patient, "local", sql) as client:
            try:
                assert gate.reached.wait(30)
                assert running(patient.scheduler, mark)
            finally:
                client.kill()
        wait_until(lambda: not running(patient.scheduler, mark), seconds=5)
    finally:
        gate.opened.set()
