"""Statements that are long, deep or hostile: an answer or a typed error, and a server that goes on."""

import time

import adbc_driver_flightsql.dbapi as adbc
import pytest

from conftest import connect
from flight_sql import FAILURES, FlightSql
from quern_cluster import MODES, Cluster, ask, cursor_in
from sql_script import register_demo
from test_adbc_queries import error_code

MB = 1_000_000
# A statement that is refused must not cost what a query costs.
REFUSAL_SECONDS = 10


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("statements"))
    try:
        with connect(cluster.scheduler) as connection:
            register_demo(connection)
        yield cluster
    finally:
        cluster.stop()


def nested(before, inner, after, n):
    return before * n + inner + after * n


def alternatives(n):
    return " OR ".join(f"flight = {i}" for i in range(n))


COUNT = "SELECT count(*) FROM flights WHERE "
FEW = "(SELECT count(*) FROM flights WHERE flight < {})"
NUMBERS = ", ".join(map(str, range(10_000)))
# Each answers with one row of the value that stands behind it, in every mode.
ANSWERED = {
    "a text of 1 MB": (f"SELECT length('{'x' * MB}')", MB),
    "a comment of 1 MB": (f"{COUNT} month = 2 -- {'x' * MB}", 24_951),
    "1 MB of spaces": (f"{COUNT}{' ' * MB}month = 2", 24_951),
    "IN with 10,000 terms": (f"{COUNT} flight IN ({NUMBERS})", 336_776),
    "1,000 alternatives": (
        f"SELECT count(*) = {FEW.format(1_000)} FROM flights WHERE {alternatives(1_000)}",
        True,
    ),
    "60 parentheses": (f"{COUNT}{nested('(', 'month = 2', ')', 60)}", 24_951),
    "40 subqueries": (nested("SELECT n FROM (", "SELECT count(*) AS n FROM flights", ") t", 40), 336_776),
    "60 functions": (f"SELECT {nested('abs(', '-7', ')', 60)} FROM flights LIMIT 1", 7),
    "40 CASE": (f"SELECT {nested('CASE WHEN month > 0 THEN ', '7', ' END', 40)} FROM flights LIMIT 1", 7),
    "100 queries in UNION ALL": (
        f"SELECT count(*) FROM ({' UNION ALL '.join(['SELECT 1 AS a'] * 100)})",
        100,
    ),
    "20 joins": (
        "SELECT count(*) FROM airlines a0 "
        + " ".join(f"JOIN airlines a{i} ON a{i}.carrier = a{i - 1}.carrier" for i in range(1, 21)),
        16,
    ),
}

# The parser's own limit is a syntax error.
TOO_DEEP = ("NOT_SUPPORTED", "SYNTAX_ERROR")
TOO_LONG = "NOT_SUPPORTED"
REFUSED = {
    "a statement of 5 MB": (f"SELECT '{'x' * 5 * MB}'", "QUERY_TEXT_TOO_LARGE"),
    "10,000 alternatives": (COUNT + alternatives(10_000), "NOT_SUPPORTED"),
    "1,000 parentheses": (COUNT + nested("(", "month = 2", ")", 1_000), "NOT_SUPPORTED"),
    "100,000 parentheses": (COUNT + nested("(", "month = 2", ")", 100_000), "NOT_SUPPORTED"),
    "1,000 subqueries": (nested("SELECT n FROM (", "SELECT 1 AS n", ") t", 1_000), "NOT_SUPPORTED"),
    "1,000 functions": ("SELECT " + nested("abs(", "-7", ")", 1_000), "NOT_SUPPORTED"),
    "1,000 CASE": ("SELECT " + nested("CASE WHEN true THEN ", "7", " END", 1_000), TOO_DEEP),
    "10,000 CASE": ("SELECT " + nested("CASE WHEN true THEN ", "7", " END", 10_000), TOO_DEEP),
    "10,000 minus signs": ("SELECT " + "- " * 10_000 + "1", "NOT_SUPPORTED"),
    "10,000 NOT": ("SELECT " + "NOT " * 10_000 + "true", TOO_DEEP),
    "10,000 UNION ALL": (" UNION ALL ".join(["SELECT 1"] * 10_000), "NOT_SUPPORTED"),
    "5,000 brackets": ("SELECT " + nested("ARRAY[", "1", "]", 5_000), "NOT_SUPPORTED"),
    "a type of 1,000 levels": (
        "SELECT CAST(NULL AS " + nested("ARRAY<", "INT", ">", 1_000) + ")",
        "NOT_SUPPORTED",
    ),
    "an unknown column of 1 MB": (f'SELECT "{"x" * MB}" FROM flights', TOO_LONG),
    "an unknown table of 1 MB": (f'SELECT * FROM "{"x" * MB}"', TOO_LONG),
    "an unknown function of 1 MB": (f"SELECT {'x' * MB}(1)", TOO_LONG),
    "quotes that do not end": ("SELECT '" + "x" * MB, "SYNTAX_ERROR"),
    "nothing but quotes": ("'" * MB, "SYNTAX_ERROR"),
}

NAMES = {
    "a quote": '"',
    "two quotes": '""',
    "a text's quote": "'",
    "a backtick": "`",
    "a semicolon": ";",
    "a comment": "--",
    "half a comment": "/*",
    "NUL": "a\0b",
    "an emoji": "💥",
    "an invisible character": "\u200b",
    "a parent folder": "../..",
    "a hidden column": "$path",
    "a format": "{} %s",
    "4,000 characters": "x" * 4_000,
}


@pytest.fixture(autouse=True)
def goes_on(cluster):
    yield
    assert all(process.process.poll() is None for process in cluster.processes())
    assert ask(cluster, "SELECT 1", "local") == [(1,)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ANSWERED)
def test_an_answer(cluster, name, mode):
    sql, expected = ANSWERED[name]
    assert ask(cluster, sql, mode, "demo") == [(expected,)]


@pytest.mark.parametrize("name", REFUSED)
def test_a_typed_error(cluster, name):
    sql, code = REFUSED[name]
    start = time.monotonic()
    with cursor_in(cluster.scheduler, "auto", "demo") as cursor:
        with pytest.raises(adbc.Error) as failure:
            cursor.execute(sql)
            cursor.fetchall()
    assert time.monotonic() - start < REFUSAL_SECONDS
    assert error_code(failure.value) in ([code] if isinstance(code, str) else code)
    assert len(str(failure.value)) < 20_000


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_of_a_column(cluster, name, mode):
    # Not by ADBC, whose statements end at NUL.
    with FlightSql(cluster.scheduler.uri) as client:
        client.set_options(execution_mode=mode, schema="demo")
        quoted = quote(NAMES[name])
        answer = client.query(f"SELECT {quoted} FROM (SELECT min(carrier) AS {quoted} FROM flights) t")
        assert answer.schema.names == [NAMES[name]]
        assert answer.column(0).to_pylist() == ["9E"]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_of_an_object(cluster, name):
    """Objects get such a name and lose it again, or are refused with the server's code."""
    with FlightSql(cluster.scheduler.uri) as client:
        quoted = quote(NAMES[name])
        with pytest.raises(FAILURES, match="(?i)schema|column|table|exist|name"):
            client.query(f"SELECT {quoted} FROM {quoted}.{quoted}")
        try:
            client.update(f"CREATE SCHEMA {quoted}")
        except FAILURES as failure:
            assert "quern-error-code" in str(failure) or "name" in str(failure)
        else:
            client.update(f"DROP SCHEMA {quoted}")
        names = client.query("SHOW SCHEMAS").column(0).to_pylist()
        assert NAMES[name] not in names


def test_NUL_between_words_is_a_syntax_error(cluster):
    with FlightSql(cluster.scheduler.uri) as client, pytest.raises(FAILURES, match="line 1:8"):
        client.query("SELECT \0 1")


def quote(name):
    return '"' + name.replace('"', '""') + '"'
