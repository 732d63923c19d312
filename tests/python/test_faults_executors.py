"""Executors that are killed in the middle of a query, and executors that come back.

Each process reads S3 through a proxy of its own. The proxy of an executor holds back one file, so
that the query is in its middle for as long as the test wants, and counts what the executor reads:
a task that runs again reads its file again.
"""

import threading
import time

import adbc_driver_flightsql.dbapi as adbc
import pytest

from quern_cluster import DISTRIBUTED, Cluster, ask, cursor_in
from comparison import assert_same_rows
from conftest import wait_until
from lake import N_FILES, answer_of_duckdb, create_table, file_name, put_table
from s3_proxy import Gate, S3Proxy, forward
from test_adbc_queries import error_code

LOST = ["REMOTE_HOST_GONE", "NO_NODES_AVAILABLE"]
TOTALS = "SELECT k, count(*), sum(v), min(name) FROM events GROUP BY k ORDER BY k"
ALL_ROWS = "SELECT id, k, v, name FROM events"
JOINED = (
    "SELECT a.k, count(*), sum(a.v), min(b.name) FROM events a JOIN others b "
    "ON a.k = b.k AND b.id < 400 GROUP BY a.k ORDER BY a.k"
)
# More than any buffer between an executor and the client holds.
LARGE_RESULT = "SELECT a.id, b.id, repeat(b.name, 10) FROM events a, events b WHERE a.id < 40"
HELD = file_name(N_FILES - 1)
END_SECONDS = 30


class Executors(Cluster):
    """Two executors, each behind a proxy that counts its reads."""

    def __init__(self, folder, s3):
        self.proxies = [S3Proxy(s3.environment["AWS_ENDPOINT_URL"]) for _ in range(2)]
        # The held file takes one slot, the others go through the other three.
        flags = [["--task-slots", "2", *proxy.flags] for proxy in self.proxies]
        super().__init__(folder, s3.flags, s3.environment, flags)

    def make_ready(self):
        """Two executors, and nothing counted or held."""
        for n, executor in enumerate(self.executors):
            self.proxies[n].rule = forward
            self.proxies[n].requests.clear()
            if executor.process.poll() is not None:
                self.restart_executor(n)
        self.wait_for_executors(2)

    def hold(self, name):
        gate = Gate(name)
        for proxy in self.proxies:
            proxy.rule = gate
        return gate

    def reads(self):
        """For each executor, the files that it has asked for and how often."""
        names = [file_name(n) for n in range(N_FILES)]
        return [{name: proxy.reads(name) for name in names} for proxy in self.proxies]

    def holder(self):
        """An executor that waits for the held file; two may, for parts of it."""
        return min(n for n, proxy in enumerate(self.proxies) if proxy.reads(f"executors/{HELD}"))

    def stop(self):
        super().stop()
        for proxy in self.proxies:
            proxy.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, s3):
    cluster = Executors(tmp_path_factory.mktemp("executors"), s3)
    try:
        with cursor_in(cluster.scheduler, "local") as cursor:
            create_table(cursor, "events", put_table(s3, "faults/executors"))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(shared):
    shared.make_ready()
    return shared


class Asked:
    """A query that runs in a thread of its own."""

    def __init__(self, cluster, sql, mode):
        self.rows = self.error = None
        self.first_row = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(cluster, sql, mode), daemon=True)
        self.thread.start()

    def _run(self, cluster, sql, mode):
        try:
            # A part for each file.
            with cursor_in(cluster.scheduler, mode) as cursor:
                cursor.execute(f"SET SESSION target_partitions = {N_FILES}")
                cursor.execute(sql)
                rows = []
                while row := cursor.fetchone():
                    rows.append(row)
                    self.first_row.set()
                self.rows = rows
        except adbc.Error as error:
            self.error = error

    def end(self, seconds=60):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), f"the query did not end within {seconds} s"
        return self


def progress(cluster):
    """Tasks and finished tasks of the query that runs on executors."""
    rows = ask(cluster, "SELECT tasks, tasks_done FROM system.runtime.tasks ORDER BY tasks DESC", "local")
    return rows[0]


def start_and_hold(cluster, sql, mode):
    """A query of which all is done that can be without the held file."""
    gate = cluster.hold(HELD)
    asked = Asked(cluster, sql, mode)
    assert gate.reached.wait(60), f"{HELD} is not read: {asked.error}"
    others = [file_name(n) for n in range(N_FILES - 1)]
    wait_until(lambda: all(any(r[name] for r in cluster.reads()) for name in others))
    if mode == "staged":
        wait_until(lambda: progress(cluster)[1] == N_FILES - 1)
    return gate, asked


@pytest.mark.parametrize("victim", ["the one that waits", "the one that is done"])
def test_staged_runs_only_lost_work_again(cluster, victim):
    gate, asked = start_and_hold(cluster, TOTALS, "staged")
    before = cluster.reads()
    assert all(any(reads.values()) for reads in before), f"one executor did it all: {before}"
    lost = cluster.holder() if victim == "the one that waits" else 1 - cluster.holder()
    cluster.executors[lost].kill()
    gate.opened.set()
    asked.end()
    assert asked.error is None
    assert_same_rows(asked.rows, answer_of_duckdb(TOTALS))
    survivor = 1 - lost
    after = cluster.reads()[survivor]
    for name in after:
        if before[survivor][name] and name != HELD:
            assert after[name] == before[survivor][name], f"{name} was read again: {before}, {after}"
        if before[lost][name]:
            assert after[name], f"{name} was lost and not read again: {before}, {after}"


def test_staged_counts_no_work_twice(cluster, s3):
    """A stage that is half done begins anew when its own input is lost, and what had been done on
    the other executor must not be read a second time."""
    with cursor_in(cluster.scheduler, "local") as cursor:
        create_table(cursor, "others", put_table(s3, "faults/others"))
    try:
        gate = cluster.hold(f"executors/{HELD}")
        asked = Asked(cluster, JOINED, "staged")
        assert gate.reached.wait(60), asked.error
        # All of the first stage, and all of the second but what waits.
        wait_until(lambda: progress(cluster)[1] >= 2 * N_FILES - 2)
        cluster.executors[cluster.holder()].kill()
        gate.opened.set()
        asked.end()
        assert asked.error is None
        expected = answer_of_duckdb(JOINED.replace("others", "events"))
        assert_same_rows(asked.rows, expected)
    finally:
        with cursor_in(cluster.scheduler, "local") as cursor:
            cursor.execute("DROP TABLE others")


@pytest.mark.parametrize("victim", ["the one that waits", "the one that is done"])
def test_pipelined_runs_the_whole_query_again(cluster, victim):
    gate, asked = start_and_hold(cluster, TOTALS, "pipelined")
    lost = cluster.holder() if victim == "the one that waits" else 1 - cluster.holder()
    cluster.executors[lost].kill()
    cluster.wait_for_executors(1)
    gate.opened.set()
    asked.end()
    assert asked.error is None
    assert_same_rows(asked.rows, answer_of_duckdb(TOTALS))


def test_pipelined_fails_when_rows_are_out(cluster):
    gate, asked = start_and_hold(cluster, ALL_ROWS, "pipelined")
    assert asked.first_row.wait(30)
    cluster.executors[cluster.holder()].kill()
    gate.opened.set()
    asked.end()
    assert asked.rows is None
    assert error_code(asked.error) == "REMOTE_HOST_GONE"


def test_a_staged_result_that_is_lost_while_it_is_read(cluster):
    asked = Asked(cluster, LARGE_RESULT, "staged")
    assert asked.first_row.wait(60)
    for executor in cluster.executors:
        executor.kill()
    asked.end()
    assert asked.rows is None
    assert error_code(asked.error) == "REMOTE_HOST_GONE"


def test_without_executors_queries_end_with_errors(cluster):
    gate = cluster.hold(HELD)
    queries = [Asked(cluster, TOTALS, mode) for mode in DISTRIBUTED]
    # A query may wait for two parts of it.
    wait_until(lambda: sum(reads[HELD] for reads in cluster.reads()) >= len(queries))
    start = time.monotonic()
    for executor in cluster.executors:
        executor.kill()
    for asked in queries:
        asked.end(END_SECONDS)
    gate.opened.set()
    assert time.monotonic() - start < END_SECONDS
    for asked in queries:
        assert asked.rows is None
        assert error_code(asked.error) in LOST
    assert ask(cluster, "SELECT 1", "local") == [(1,)]


@pytest.mark.parametrize("mode", DISTRIBUTED)
def test_an_executor_that_comes_back_works(cluster, mode):
    expected = answer_of_duckdb(TOTALS)
    cluster.executors[0].kill()
    cluster.wait_for_executors(1)
    cluster.restart_executor(0)
    cluster.wait_for_executors(2)
    before = sum(cluster.reads()[0].values())

    def it_takes_part():
        assert_same_rows(ask(cluster, TOTALS, mode), expected)
        return sum(cluster.reads()[0].values()) > before

    wait_until(it_takes_part)
