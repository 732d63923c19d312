"""ADBC, the driver behind Python, R, Go, polars and DuckDB: running statements."""

import datetime
import decimal
import threading
import time

import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager
import pyarrow as pa
import pytest

from conftest import connect, wait_until

# Runs for hours unless it is stopped.
ENDLESS = "SELECT count(*) FROM demo.flights a, demo.flights b, demo.flights c WHERE a.day + b.day > c.day"


def error_code(error):
    """The name that the server sends as metadata quern-error-code."""
    return dict(error.details).get(b"quern-error-code", b"").decode()


def test_connects_without_autocommit_with_a_warning_only(server):
    with pytest.warns(Warning, match="autocommit"):
        connection = adbc.connect(server.uri)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
        connection.commit()


def test_types_arrive_as_plain_arrow(cursor):
    cursor.execute(
        "SELECT 1 AS i, BIGINT '5000000000' AS l, 1.5E0 AS d, DECIMAL '12.34' AS dec, true AS b, "
        "'text' AS s, DATE '2013-02-01' AS dt, TIMESTAMP '2013-02-01 03:04:05' AS ts, "
        "CAST(NULL AS VARCHAR) AS n"
    )
    table = cursor.fetch_arrow_table()
    assert table.column("s").type == pa.string()
    assert table.column("n").type == pa.string()
    assert table.column("l").type == pa.int64()
    assert pa.types.is_decimal128(table.column("dec").type)
    (row,) = table.to_pylist()
    assert row == {
        "i": 1,
        "l": 5_000_000_000,
        "d": 1.5,
        "dec": decimal.Decimal("12.34"),
        "b": True,
        "s": "text",
        "dt": datetime.date(2013, 2, 1),
        "ts": datetime.datetime(2013, 2, 1, 3, 4, 5),
        "n": None,
    }


def test_a_partition_condition_answers_from_that_partition(cursor):
    cursor.execute("SELECT count(*), min(month), max(month) FROM demo.flights WHERE month = 2")
    assert cursor.fetchone() == (24_951, 2, 2)


def test_a_large_result_streams_in_batches(cursor):
    cursor.execute("SELECT month, day, carrier, flight FROM demo.flights")
    rows = [len(batch) for batch in cursor.fetch_record_batch()]
    assert sum(rows) == 336_776
    assert len(rows) > 10


def test_an_abandoned_result_leaves_the_connection_usable(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM demo.flights")
        cursor.fetchone()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


@pytest.mark.parametrize(
    "sql, parameters",
    [
        ("SELECT count(*) FROM demo.flights WHERE month = ? AND carrier = ?", (2, "UA")),
        ("SELECT count(*) FROM demo.flights WHERE month = $1 AND carrier = $2", (2, "UA")),
        ("SELECT count(*) FROM demo.flights WHERE carrier = $2 AND month = $1", (2, "UA")),
    ],
)
def test_parameters_are_bound_in_order(cursor, duckdb_demo, sql, parameters):
    cursor.execute(sql, parameters)
    expected = duckdb_demo.sql("SELECT count(*) FROM flights WHERE month = 2 AND carrier = 'UA'")
    assert cursor.fetchall() == expected.fetchall()


@pytest.mark.parametrize(
    "value",
    [7, 2.5, "it's ?", True, datetime.date(2013, 2, 1), decimal.Decimal("1.25"), None, b"\x00\xff"],
)
def test_a_parameter_keeps_its_value(cursor, value):
    cursor.execute("SELECT ? AS v, 1 AS one", (value,))
    assert cursor.fetchone() == (value, 1)


def test_question_marks_in_texts_names_and_comments_are_no_parameters(cursor):
    cursor.execute("SELECT '?' AS \"a?\", ? AS b -- really?\n /* ? */", (5,))
    assert cursor.description[0][0] == "a?"
    assert cursor.fetchone() == ("?", 5)


def test_a_prepared_statement_runs_again_with_other_parameters(cursor):
    sql = "SELECT count(*) FROM demo.flights WHERE month = ?"
    counts = []
    for month in [1, 2, 3]:
        cursor.execute(sql, (month,))
        counts += cursor.fetchone()
    assert counts == [27_004, 24_951, 28_834]


def test_prepare_tells_how_many_parameters_there_are(cursor):
    schema = cursor.adbc_prepare("SELECT carrier FROM demo.flights WHERE month = ? AND day < ?")
    assert len(schema) == 2
    assert cursor.adbc_prepare("SELECT 1") in (None, pa.schema([]))


def test_the_wrong_number_of_parameters_is_an_error(cursor):
    with pytest.raises(adbc.Error, match="parameter") as failure:
        cursor.execute("SELECT ? + ?", (1,))
    assert error_code(failure.value) == "INVALID_PARAMETER_USAGE"


def test_a_definition_runs_once(server):
    # A second run of CREATE SCHEMA in one call would fail: the schema exists then.
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA runs_once")
        with pytest.raises(adbc.Error, match="runs_once") as failure:
            cursor.execute("CREATE SCHEMA runs_once")
        assert error_code(failure.value) == "SCHEMA_ALREADY_EXISTS"
        cursor.execute("SHOW SCHEMAS LIKE 'runs_once'")
        assert cursor.fetchall() == [("runs_once",)]
        cursor.execute("DROP SCHEMA runs_once")
        cursor.execute("SHOW SCHEMAS LIKE 'runs_once'")
        assert cursor.fetchall() == []


def test_executemany_of_a_query_is_refused_or_runs_for_each_row(cursor):
    # DML comes later; until then this must be an error that names what is not supported.
    with pytest.raises(adbc.Error) as failure:
        cursor.executemany("INSERT INTO demo.airlines VALUES (?, ?)", [("X1", "a"), ("X2", "b")])
    assert error_code(failure.value) == "NOT_SUPPORTED"
    assert "INSERT" in str(failure.value).upper()


def test_ingest_is_refused_by_name(cursor):
    with pytest.raises(adbc.Error) as failure:
        cursor.adbc_ingest("ingested", pa.table({"a": [1]}), mode="create")
    assert error_code(failure.value) == "NOT_SUPPORTED"


def test_the_schema_is_known_without_running(cursor):
    schema = cursor.adbc_execute_schema("SELECT carrier, count(*) AS n FROM demo.flights GROUP BY 1")
    assert schema.names == ["carrier", "n"]
    assert schema.field("carrier").type == pa.string()
    assert schema.field("n").type == pa.int64()


def test_show_and_explain_have_rows(cursor):
    cursor.execute("SHOW TABLES FROM demo")
    assert [name for (name,) in cursor.fetchall()] == [
        "airlines", "airports", "flights", "planes", "weather",
    ]  # fmt: skip
    cursor.execute("EXPLAIN SELECT * FROM demo.flights WHERE month = 2")
    plan = "\n".join(str(row) for row in cursor.fetchall())
    assert "month=2" in plan
    assert "month=3" not in plan


def test_partitions_are_read_one_by_one(connection, cursor):
    partitions, schema = cursor.adbc_execute_partitions("SELECT day FROM demo.flights WHERE month = 1")
    assert schema.names == ["day"]
    assert len(partitions) >= 1
    n_rows = 0
    with connection.cursor() as reader:
        for partition in partitions:
            reader.adbc_read_partition(partition)
            n_rows += len(reader.fetch_arrow_table())
    assert n_rows == 27_004


def test_incremental_execution_polls_until_the_end(connection, cursor):
    cursor.adbc_statement.set_options(**{"adbc.statement.exec.incremental": "true"})
    n_rows = 0
    sql = "SELECT day FROM demo.flights WHERE month = 2"
    with connection.cursor() as reader:
        while True:
            partitions, _ = cursor.adbc_execute_partitions(sql)
            if not partitions:
                break
            for partition in partitions:
                reader.adbc_read_partition(partition)
                n_rows += len(reader.fetch_arrow_table())
    assert n_rows == 24_951


def test_cancel_ends_the_query(server):
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute(f"{ENDLESS} AND 'cancel by adbc' <> ''")
        timer = threading.Timer(0.5, cursor.adbc_cancel)
        timer.start()
        start = time.monotonic()
        with pytest.raises(adbc.Error):
            cursor.fetchone()
        timer.join()
        assert time.monotonic() - start < 5
    wait_until(lambda: not running(server, "cancel by adbc"), seconds=5)


def test_closing_the_connection_ends_the_query(server):
    connection = connect(server)
    cursor = connection.cursor()
    cursor.execute(f"{ENDLESS} AND 'client went away' <> ''")
    wait_until(lambda: running(server, "client went away"), seconds=5)
    cursor.close()
    connection.close()
    wait_until(lambda: not running(server, "client went away"), seconds=5)


def running(server, mark):
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM system.runtime.queries "
            f"WHERE query LIKE '%{mark}%' AND query NOT LIKE '%system.runtime%' "
            "AND state NOT IN ('FINISHED', 'FAILED')"
        )
        return cursor.fetchone()[0] > 0


@pytest.mark.parametrize(
    "sql, code, text",
    [
        ("SELEC 1", "SYNTAX_ERROR", "SELEC"),
        ("SELECT * FROM demo.nowhere", "TABLE_NOT_FOUND", "nowhere"),
        ("SELECT * FROM nowhere.flights", "SCHEMA_NOT_FOUND", "nowhere"),
        ("SELECT nothing FROM demo.flights", "COLUMN_NOT_FOUND", "nothing"),
        ("SELECT no_such_function(1)", "FUNCTION_NOT_FOUND", "no_such_function"),
        ("CREATE TABLE demo.t (a INT) STORED AS SEQUENCEFILE", None, "(?i)sequencefile"),
        ("DROP TABLE demo.nowhere", "TABLE_NOT_FOUND", "nowhere"),
    ],
)
def test_an_error_has_a_message_and_a_code(cursor, sql, code, text):
    with pytest.raises(adbc.Error, match=text) as failure:
        cursor.execute(sql)
        cursor.fetchall()
    found = error_code(failure.value)
    assert found == code if code else found in ("NOT_SUPPORTED", "HIVE_UNSUPPORTED_FORMAT")


def test_a_failed_statement_leaves_the_session_usable(cursor):
    with pytest.raises(adbc.Error):
        cursor.execute("SELECT * FROM demo.nowhere")
    cursor.execute("SELECT 3")
    assert cursor.fetchone() == (3,)


def test_a_failure_in_the_middle_of_a_result_reaches_the_client(cursor):
    with pytest.raises(adbc.Error) as failure:
        cursor.execute("SELECT 1 / (month - 12) FROM demo.flights ORDER BY 1")
        cursor.fetchall()
    assert error_code(failure.value) == "DIVISION_BY_ZERO"


def test_many_threads_with_a_connection_each(server):
    answers, errors = [], []

    def ask(month):
        try:
            with connect(server) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT max(month) FROM demo.flights WHERE month = ?", (month,))
                answers.append(cursor.fetchone()[0])
        except Exception as error:  # Reported in the test's own thread.
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(month,)) for month in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert sorted(answers) == list(range(1, 13))


def test_an_unreachable_server_is_an_error():
    with pytest.raises((adbc.Error, adbc_driver_manager.Error)):
        with adbc.connect("grpc://127.0.0.1:1", autocommit=True) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
