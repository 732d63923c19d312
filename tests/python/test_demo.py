"""demo/tour.sql: every step runs, and the queries answer as DuckDB does over the same files."""

import subprocess
import urllib.request

import pytest

from comparison import assert_same_rows
from conftest import connect
from quern_process import PROJECT, quern_binary
from sql_script import DEMO, statements

TOUR = statements((DEMO / "tour.sql").read_text())


@pytest.fixture(scope="module")
def tour(server):
    with connect(server) as connection:
        connection.adbc_current_db_schema = "demo"
        yield connection


def run(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def step(word):
    (statement,) = [statement for statement in TOUR if word in statement]
    return statement


def test_the_tour_has_ten_steps():
    assert len(TOUR) == 10


def test_the_tables_are_shown_and_described(tour):
    assert ("flights",) in run(tour, step("SHOW TABLES"))
    rows = run(tour, step("DESCRIBE"))
    assert [row[0] for row in rows][-1] == "month"
    assert len(rows) == 19


def test_explain_shows_one_file_of_twelve(tour):
    plan = "\n".join(str(row) for row in run(tour, step("EXPLAIN")))
    assert "month=2/" in plan
    assert all(f"month={month}/" not in plan for month in [1, 3, 11, 12])
    assert "dep_delay" in plan


def test_rows_know_their_file(tour):
    rows = run(tour, step('"$path"'))
    assert [(row[0], row[3]) for row in rows] == [
        ("month=1", 27_004),
        ("month=2", 24_951),
        ("month=3", 28_834),
    ]
    for partition, path, size, _ in rows:
        file = DEMO / "data" / "flights" / partition / "part-0.parquet"
        assert path.endswith(f"flights/{partition}/part-0.parquet")
        assert size == file.stat().st_size


@pytest.mark.parametrize("word", ["percent_cancelled", "OVER (PARTITION BY", "heavy rain"])
def test_queries_answer_as_duckdb(tour, duckdb_demo, word):
    statement = step(word)
    assert_same_rows(run(tour, statement), duckdb_demo.sql(statement).fetchall())


def test_the_model_of_the_tour(tour):
    assert run(tour, step("CREATE OR REPLACE MODEL"))
    metrics = dict(run(tour, step("ml_evaluate")))
    assert 0.87 < metrics["r2"] < 0.88
    predictions = run(tour, step("ml_predict"))
    assert len(predictions) == 10
    run(tour, "DROP MODEL arrival_delay")


def test_the_server_is_alive_and_counts(server):
    address = f"http://{server.addresses['http']}"
    for path in ["/healthz", "/readyz"]:
        with urllib.request.urlopen(address + path, timeout=10) as reply:
            assert reply.status == 200
    with urllib.request.urlopen(address + "/metrics", timeout=10) as reply:
        assert b"quern_" in reply.read()


def test_the_demo_command_walks_through_once(tmp_path):
    command = [quern_binary(), "demo", "--once", "--data-dir", tmp_path / "data"]
    command += ["--flight-sql-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]
    done = subprocess.run(
        command, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "United Air Lines Inc." in done.stdout
    assert "predicted" in done.stdout


def test_the_shell_answers_as_csv_with_exit_codes(server):
    def shell(sql):
        command = [quern_binary(), "sql", "--server", server.addresses["flight_sql"]]
        command += ["--format", "csv", "-e", sql]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )

    good = shell("SELECT carrier, name FROM demo.airlines WHERE carrier = 'UA'")
    assert good.returncode == 0, good.stderr
    assert good.stdout.splitlines() == ["carrier,name", "UA,United Air Lines Inc."]
    bad = shell("SELECT * FROM demo.nowhere")
    assert bad.returncode != 0
    assert bad.stdout == ""
    assert "nowhere" in bad.stderr
