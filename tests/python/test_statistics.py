"""What ANALYZE measures of the flights against what DuckDB counts in the same files."""

import datetime
import math

import pytest

import quern_process
from conftest import connect
from sql_script import register_demo

TABLES = ["flights", "airlines", "airports", "planes", "weather"]
# Four times the standard error of the estimate (2^14 registers).
DISTINCT_ERROR = 4 * 1.04 / math.sqrt(2**14)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A server of its own: the others' tables have no statistics."""
    with quern_process.serve(tmp_path_factory.mktemp("statistics")) as process:
        with connect(process) as connection, connection.cursor() as cursor:
            register_demo(connection)
            cursor.execute("USE demo")
            for table in TABLES:
                cursor.execute(f"ANALYZE {table}")
                cursor.fetchall()
            yield cursor


def shown(cursor, what):
    cursor.execute(f"SHOW STATS FOR {what}")
    return cursor.fetchall()


def counted(database, source, column):
    """Rows, values, different values, bytes of text, least and greatest value."""
    kind = database.execute(f"SELECT typeof({column}) FROM {source} LIMIT 1").fetchone()[0]
    text = kind == "VARCHAR"
    size = f"sum(strlen({column}))" if text else "NULL"
    bounds = "NULL, NULL" if text else f"min({column}), max({column})"
    return database.execute(
        f"SELECT count(*), count({column}), count(DISTINCT {column}), {size}, {bounds} FROM {source}"
    ).fetchone()


def same_bound(found, expected):
    if expected is None:
        return found is None
    if isinstance(expected, float):
        return math.isclose(float(found), expected, rel_tol=1e-12)
    if isinstance(expected, datetime.datetime):
        return found == expected.replace(tzinfo=None).strftime("%Y-%m-%d %H:%M:%S")
    return found == str(expected)


def compare(cursor, database, what, source):
    *columns, (nothing, _, _, _, row_count, _, _) = shown(cursor, what)
    assert nothing is None
    assert len(columns) > 1
    for name, data_size, distinct, nulls, _, low, high in columns:
        rows, values, n_distinct, size, least, greatest = counted(database, source, name)
        where = f"{what}: {name}"
        assert row_count == rows, where
        assert nulls == pytest.approx((rows - values) / rows), where
        assert abs(distinct - n_distinct) <= max(1, DISTINCT_ERROR * n_distinct), where
        # The bytes are those of the mean, rounded.
        assert data_size == (None if size is None else pytest.approx(size, rel=1e-6)), where
        assert same_bound(low, least), (where, low, least)
        assert same_bound(high, greatest), (where, high, greatest)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_as_duckdb_counts_it(measured, duckdb_demo, table):
    compare(measured, duckdb_demo, table, table)


@pytest.mark.parametrize("condition", ["month = 2", "month >= 11", "month IN (1, 7)"])
def test_partitions_add_up(measured, duckdb_demo, condition):
    source = f"(SELECT * FROM flights WHERE {condition})"
    *columns, (_, _, _, _, row_count, _, _) = shown(measured, source)
    for name, data_size, distinct, nulls, _, low, high in columns:
        rows, values, n_distinct, size, least, greatest = counted(duckdb_demo, source, name)
        assert row_count == rows, name
        assert nulls == pytest.approx((rows - values) / rows), name
        # Of several partitions it lies between the most of one and the sum of all.
        assert n_distinct / 3 <= distinct <= 3 * n_distinct + 1, name
        assert data_size == (None if size is None else pytest.approx(size, rel=1e-6)), name
        assert same_bound(low, least), (name, low, least)
        assert same_bound(high, greatest), (name, high, greatest)


def test_nothing_is_wrong_with_the_tables_of_the_demo(measured):
    for table in TABLES:
        measured.execute(f"CHECK TABLE {table}")
        assert measured.fetchall() == [], table
