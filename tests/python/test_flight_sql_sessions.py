"""Sessions, and tickets that are not one's own."""

import pyarrow.flight as pf
import pytest

import flight_sql
from flight_sql import FAILURES, FlightSql


@pytest.fixture
def other(server):
    with FlightSql(server.uri) as client:
        yield client


def test_options_have_defaults(flight):
    options = flight.get_options()
    assert options["catalog"] == "hive"
    assert options["schema"] == "default"
    assert options["execution_mode"] == "auto"


def test_options_are_set_and_read(flight):
    assert flight.set_options(schema="demo", execution_mode="local") == {}
    options = flight.get_options()
    assert options["schema"] == "demo"
    assert options["execution_mode"] == "local"
    assert flight.query("SELECT count(*) AS n FROM airlines")["n"].to_pylist() == [16]


def test_an_option_without_value_is_reset(flight):
    flight.set_options(execution_mode="local")
    assert flight.set_options(execution_mode=None) == {}
    assert flight.get_options()["execution_mode"] == "auto"


def test_an_unknown_option_and_a_wrong_value_are_reported(flight):
    errors = flight.set_options(no_such_option="x", execution_mode="sideways")
    assert errors == {
        "no_such_option": flight_sql.SET_ERROR_INVALID_NAME,
        "execution_mode": flight_sql.SET_ERROR_INVALID_VALUE,
    }


def test_set_session_is_seen_as_an_option(flight):
    flight.update("SET SESSION execution_mode = 'local'")
    assert flight.get_options()["execution_mode"] == "local"
    flight.update("RESET SESSION execution_mode")
    assert flight.get_options()["execution_mode"] == "auto"


def test_sessions_are_apart(flight, other):
    flight.set_options(schema="demo")
    assert other.get_options()["schema"] == "default"


def test_a_session_is_kept_by_its_cookie(flight, server):
    flight.set_options(schema="demo")
    assert flight.cookies.cookies
    with FlightSql(server.uri) as again:
        again.cookies.cookies.update(flight.cookies.cookies)
        assert again.get_options()["schema"] == "demo"


def test_a_made_up_cookie_is_no_session(flight, server):
    flight.set_options(schema="demo")
    with FlightSql(server.uri) as forger:
        forger.cookies.cookies.update({name: "x" * 40 for name in flight.cookies.cookies})
        try:
            options = forger.get_options()
        except FAILURES:
            return
        assert options["schema"] == "default"


def test_a_closed_session_is_gone(flight):
    flight.set_options(schema="demo")
    prepared = flight.prepare("SELECT 1")
    assert flight.close_session() == flight_sql.CLOSE_STATUS_CLOSED
    handle = prepared.prepared_statement_handle
    with pytest.raises(FAILURES):
        flight.info("CommandPreparedStatementQuery", prepared_statement_handle=handle)


def test_a_prepared_statement_of_another_session_is_refused(flight, other):
    flight.get_options()
    other.get_options()
    handle = flight.prepare("SELECT 1").prepared_statement_handle
    with pytest.raises(FAILURES):
        other.info("CommandPreparedStatementQuery", prepared_statement_handle=handle)


def test_a_ticket_of_another_session_is_refused(flight, other):
    flight.get_options()
    other.get_options()
    info = flight.info("CommandStatementQuery", query="SELECT 1 AS a")
    with pytest.raises(FAILURES):
        other.read(info)
    assert flight.read(info).to_pylist() == [{"a": 1}]


def test_a_query_of_another_session_cannot_be_cancelled(flight, other):
    flight.get_options()
    other.get_options()
    info = flight.info("CommandStatementQuery", query="SELECT 1 AS a")
    try:
        status = other.cancel(info)
    except FAILURES:
        pass
    else:
        assert status == flight_sql.CANCEL_STATUS_NOT_CANCELLABLE
    assert flight.read(info).to_pylist() == [{"a": 1}]


@pytest.mark.parametrize("change", ["flip", "truncate", "extend", "empty", "nonsense"])
def test_a_forged_ticket_is_refused(flight, change):
    info = flight.info("CommandStatementQuery", query="SELECT 1 AS a")
    ticket = info.endpoints[0].ticket.ticket
    forged = {
        "flip": ticket[:-3] + bytes([ticket[-3] ^ 1]) + ticket[-2:],
        "truncate": ticket[:-5],
        "extend": ticket + b"\x00",
        "empty": b"",
        "nonsense": b"{'path': '/etc/passwd'}",
    }[change]
    with pytest.raises(FAILURES):
        flight.client.do_get(pf.Ticket(forged), flight.options).read_all()


def test_a_ticket_is_opaque(flight):
    info = flight.info("CommandStatementQuery", query="SELECT 'seen in the ticket' AS a")
    assert b"seen in the ticket" not in info.endpoints[0].ticket.ticket
    flight.read(info)


def test_actions_are_listed(flight):
    kinds = {action.type for action in flight.client.list_actions(flight.options)}
    assert {
        "CreatePreparedStatement", "ClosePreparedStatement", "CancelFlightInfo",
        "SetSessionOptions", "GetSessionOptions", "CloseSession",
    } <= kinds  # fmt: skip


def test_an_unknown_action_is_an_error(flight):
    with pytest.raises(Exception, match="(?i)NoSuchAction|unimplemented|unknown"):
        flight.action("NoSuchAction", b"")
