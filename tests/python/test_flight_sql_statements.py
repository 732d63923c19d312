"""Statements and prepared statements as different drivers send them, and what Flight adds."""

import threading
import time

import grpc
import pyarrow as pa
import pyarrow.flight as pf
import pytest

import flight_sql
from conftest import wait_until
from flight_sql import FAILURES, as_any, parse, read_schema
from test_adbc_queries import ENDLESS, running

SERVICE = "/arrow.flight.protocol.FlightService"


def call(server, method, request, timeout=30):
    """A unary call on the bare protocol; returns the reply's bytes."""
    with grpc.insecure_channel(server.addresses["flight_sql"]) as channel:
        return channel.unary_unary(f"{SERVICE}/{method}")(request, timeout=timeout)


def failure(server, method, request):
    with pytest.raises(grpc.RpcError) as error:
        call(server, method, request)
    return error.value


def descriptor(name, **fields):
    return pf.FlightDescriptor.for_command(as_any(name, **fields)).serialize()


def test_a_statement_query(flight):
    info = flight.info("CommandStatementQuery", query="SELECT 1 AS a, 'x' AS b")
    assert info.schema.names == ["a", "b"]
    assert info.schema.field("b").type == pa.string()
    (endpoint,) = info.endpoints
    assert endpoint.locations == []
    assert flight.read(info).to_pylist() == [{"a": 1, "b": "x"}]


def test_flight_info_returns_before_the_query_is_done(flight):
    start = time.monotonic()
    info = flight.info("CommandStatementQuery", query=ENDLESS)
    assert time.monotonic() - start < 5
    assert flight.cancel(info) in (
        flight_sql.CANCEL_STATUS_CANCELLED,
        flight_sql.CANCEL_STATUS_CANCELLING,
    )


def test_get_schema_runs_nothing(flight, server):
    schema = flight.schema("CommandStatementQuery", query=f"{ENDLESS} AND 'schema only' <> ''")
    assert len(schema) == 1
    assert not running(server, "schema only")


def test_get_schema_of_a_prepared_statement(flight):
    prepared = flight.prepare("SELECT carrier FROM demo.airlines")
    schema = flight.schema(
        "CommandPreparedStatementQuery",
        prepared_statement_handle=prepared.prepared_statement_handle,
    )
    assert schema.names == ["carrier"]


def test_a_definition_through_do_put_runs_once(flight):
    flight.update("CREATE SCHEMA through_do_put")
    with pytest.raises(FAILURES, match="through_do_put"):
        flight.update("CREATE SCHEMA through_do_put")
    flight.update("DROP SCHEMA through_do_put")


def test_a_definition_through_flight_info_runs_once(flight):
    # SQLAlchemy asks for the FlightInfo of a definition and does not always fetch it.
    info = flight.info("CommandStatementQuery", query="CREATE SCHEMA through_info")
    flight.read(info)
    names = flight.query("SHOW SCHEMAS LIKE 'through_info'").to_pydict()
    assert list(names.values()) == [["through_info"]]
    flight.update("DROP SCHEMA through_info")


def test_a_prepared_query(flight):
    prepared = flight.prepare("SELECT carrier, name FROM demo.airlines ORDER BY carrier")
    assert read_schema(prepared.dataset_schema).names == ["carrier", "name"]
    assert len(read_schema(prepared.parameter_schema)) == 0
    handle = prepared.prepared_statement_handle
    for _ in range(2):
        table = flight.fetch("CommandPreparedStatementQuery", prepared_statement_handle=handle)
        assert len(table) == 16
    flight.close_prepared(handle)
    with pytest.raises(FAILURES):
        flight.info("CommandPreparedStatementQuery", prepared_statement_handle=handle)


def test_a_prepared_query_with_parameters(flight):
    prepared = flight.prepare("SELECT count(*) AS n FROM demo.flights WHERE month = ? AND day = ?")
    assert len(read_schema(prepared.parameter_schema)) == 2
    handle = prepared.prepared_statement_handle
    counts = []
    for day in [1, 2]:
        # ADBC names bound columns by position.
        bound = flight.bind(handle, pa.table({"0": [1], "1": [day]}))
        table = flight.fetch("CommandPreparedStatementQuery", prepared_statement_handle=bound)
        counts += table["n"].to_pylist()
    assert counts == [842, 943]


def test_jdbc_tells_updates_from_queries_by_their_schema(flight):
    update = flight.prepare("CREATE SCHEMA jdbc_update")
    assert len(read_schema(update.dataset_schema)) == 0
    assert update.is_update
    for query in ["SELECT 1", "SHOW TABLES FROM demo", "EXPLAIN SELECT 1", "DESCRIBE demo.flights"]:
        prepared = flight.prepare(query)
        assert len(read_schema(prepared.dataset_schema)) > 0, query
        assert not prepared.is_update, query
    # Nothing has run yet.
    assert len(flight.query("SHOW SCHEMAS LIKE 'jdbc_update'")) == 0


def test_jdbc_runs_a_prepared_definition_through_do_put(flight):
    prepared = flight.prepare("CREATE SCHEMA jdbc_put")
    handle = prepared.prepared_statement_handle
    reply = flight.put("CommandPreparedStatementUpdate", prepared_statement_handle=handle)
    assert parse("DoPutUpdateResult", reply.to_pybytes()).record_count in (0, -1)
    assert len(flight.query("SHOW SCHEMAS LIKE 'jdbc_put'")) == 1
    flight.update("DROP SCHEMA jdbc_put")


def test_preparing_a_wrong_statement_fails_at_once(flight):
    with pytest.raises(FAILURES, match="nowhere"):
        flight.prepare("SELECT * FROM demo.nowhere")


def test_dropping_the_stream_cancels_the_query(flight, server):
    sql = "SELECT a.flight FROM demo.flights a, demo.flights b WHERE 'dropped stream' <> ''"
    info = flight.info("CommandStatementQuery", query=sql)
    reader = flight.client.do_get(info.endpoints[0].ticket, flight.options)
    reader.read_chunk()
    assert running(server, "dropped stream")
    reader.cancel()
    wait_until(lambda: not running(server, "dropped stream"), seconds=5)


def test_cancel_ends_a_query_that_is_being_read(flight, server):
    info = flight.info("CommandStatementQuery", query=f"{ENDLESS} AND 'cancel flight info' <> ''")
    errors = []

    def read():
        try:
            flight.read(info)
        except FAILURES as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    wait_until(lambda: running(server, "cancel flight info"), seconds=5)
    start = time.monotonic()
    status = flight.cancel(info)
    assert time.monotonic() - start < 1
    assert status in (flight_sql.CANCEL_STATUS_CANCELLED, flight_sql.CANCEL_STATUS_CANCELLING)
    thread.join(10)
    assert not thread.is_alive()
    assert len(errors) == 1
    assert isinstance(errors[0], (pf.FlightCancelledError, pa.ArrowCancelled))


def test_a_finished_query_cannot_be_cancelled(flight):
    info = flight.info("CommandStatementQuery", query="SELECT 1")
    flight.read(info)
    try:
        status = flight.cancel(info)
    except FAILURES as error:
        assert "ticket" in str(error).lower() or "query" in str(error).lower()
    else:
        assert status == flight_sql.CANCEL_STATUS_NOT_CANCELLABLE


def test_poll_gives_the_whole_result_and_then_no_descriptor(flight, server):
    request = descriptor("CommandStatementQuery", query="SELECT 41 + 1 AS answer")
    for _ in range(100):
        poll = parse("PollInfo", call(server, "PollFlightInfo", request))
        assert poll.HasField("info")
        if not poll.HasField("flight_descriptor"):
            break
        request = poll.flight_descriptor
    else:
        raise AssertionError("the query never ended")
    assert poll.progress in (0.0, 1.0)
    info = pf.FlightInfo.deserialize(poll.info)
    assert info.schema.names == ["answer"]


@pytest.mark.parametrize(
    "sql, code, status",
    [
        ("SELEC 1", "SYNTAX_ERROR", grpc.StatusCode.INVALID_ARGUMENT),
        ("SELECT * FROM demo.nowhere", "TABLE_NOT_FOUND", grpc.StatusCode.INVALID_ARGUMENT),
        ("SELECT * FROM nowhere.t", "SCHEMA_NOT_FOUND", grpc.StatusCode.INVALID_ARGUMENT),
        ("GRANT SELECT ON demo.flights TO u", "NOT_SUPPORTED", grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_an_error_is_a_status_a_message_and_a_code(server, sql, code, status):
    error = failure(server, "GetFlightInfo", descriptor("CommandStatementQuery", query=sql))
    assert error.code() == status
    assert error.details()
    assert not error.details().endswith(".")
    metadata = {**dict(error.initial_metadata() or ()), **dict(error.trailing_metadata() or ())}
    assert metadata["quern-error-code"] == code
    assert int(metadata["quern-error-number"]) >= 0


def test_a_location_outside_the_allow_list_is_refused(server):
    sql = "CREATE EXTERNAL TABLE demo.passwd (line STRING) STORED AS TEXTFILE LOCATION "
    for location in ["file:///etc", "/etc", "file:///tmp/../etc", "file:///%65tc"]:
        request = descriptor("CommandStatementQuery", query=f"{sql}'{location}'")
        error = failure(server, "GetFlightInfo", request)
        metadata = dict(error.trailing_metadata() or ())
        assert metadata["quern-error-code"] == "PERMISSION_DENIED", location


@pytest.mark.parametrize(
    "name, fields",
    [
        ("CommandStatementSubstraitPlan", {}),
        ("CommandStatementIngest", {"table": "t"}),
    ],
)
def test_commands_that_are_not_served_say_so(flight, name, fields):
    with pytest.raises(FAILURES):
        if name == "CommandStatementIngest":
            flight.put(name, batches=pa.table({"a": [1]}), **fields)
        else:
            flight.info(name, **fields)


def test_transactions_are_refused(flight):
    with pytest.raises(FAILURES):
        flight.action("BeginTransaction", as_any("ActionBeginTransactionRequest"))


@pytest.mark.parametrize("body", [b"", b"\x00", b"nonsense", b"\x0a\xff\xff\xff\xff\x0f"])
def test_garbage_is_an_error_and_not_a_crash(server, flight, body):
    error = failure(server, "GetFlightInfo", pf.FlightDescriptor.for_command(body).serialize())
    assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED)
    assert flight.query("SELECT 1 AS a").to_pylist() == [{"a": 1}]


def test_a_long_statement_is_answered_or_refused(flight):
    terms = ", ".join(str(n) for n in range(10_000))
    table = flight.query(f"SELECT count(*) AS n FROM demo.flights WHERE flight IN ({terms})")
    assert table["n"].to_pylist() == [336_776]
    with pytest.raises(FAILURES, match="(?i)text|long|large|limit|exceed"):
        flight.query(f"SELECT '{'x' * (5 << 20)}'")


def test_a_deep_statement_is_answered_or_refused(flight):
    sql = f"SELECT {'(' * 1_000}1{')' * 1_000} AS a"
    try:
        assert flight.query(sql).to_pylist() == [{"a": 1}]
    except FAILURES as error:
        assert "nest" in str(error).lower() or "depth" in str(error).lower() or "recursion" in str(error).lower()
    assert flight.query("SELECT 2 AS a").to_pylist() == [{"a": 2}]
