"""A server with users: handshake, basic and bearer."""

import base64

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.flight as pf
import pytest
from adbc_driver_flightsql import DatabaseOptions

import quern_process
from flight_sql import FAILURES, FlightSql

USERS = {"alice": "correct horse", "bob": "battery: staple"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    config = folder / "quern.toml"
    lines = [f'{user} = "{password}"' for user, password in USERS.items()]
    config.write_text("[auth.users]\n" + "\n".join(lines) + "\n")
    with quern_process.serve(folder, "--config", config) as process:
        yield process


def basic(user, password):
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return ("authorization", f"Basic {encoded}")


def token_of(guarded, user):
    client = pf.FlightClient(guarded.uri)
    key, value = client.authenticate_basic_token(user, USERS[user])
    client.close()
    assert key == b"authorization"
    return value.decode()


def whoami(client):
    (row,) = client.query("SELECT current_user AS u").to_pylist()
    return row["u"]


def test_the_handshake_gives_a_bearer_token(guarded):
    token = token_of(guarded, "alice")
    assert token.startswith("Bearer ")
    assert USERS["alice"] not in token
    with FlightSql(guarded.uri, headers=[("authorization", token)], cookies=False) as client:
        assert whoami(client) == "alice"


def test_basic_is_accepted_with_each_call(guarded):
    with FlightSql(guarded.uri, headers=[basic("bob", USERS["bob"])]) as client:
        assert whoami(client) == "bob"


@pytest.mark.parametrize(
    "header",
    [
        None,
        basic("alice", "wrong"),
        basic("nobody", USERS["alice"]),
        basic("alice", ""),
        ("authorization", "Bearer made.up"),
        ("authorization", "Bearer "),
        ("authorization", "Basic !!!"),
        ("authorization", "Negotiate abc"),
    ],
)
def test_anything_else_is_unauthenticated(guarded, header):
    with FlightSql(guarded.uri, headers=[header] if header else []) as client:
        with pytest.raises(pf.FlightUnauthenticatedError):
            client.query("SELECT 1")
        with pytest.raises(pf.FlightUnauthenticatedError):
            client.fetch("CommandGetCatalogs")
        with pytest.raises(pf.FlightUnauthenticatedError):
            client.prepare("SELECT 1")


def test_a_wrong_password_fails_the_handshake(guarded):
    client = pf.FlightClient(guarded.uri)
    with pytest.raises(pf.FlightUnauthenticatedError):
        client.authenticate_basic_token("alice", "wrong")
    client.close()


def test_a_token_is_a_session(guarded):
    headers = [("authorization", token_of(guarded, "alice"))]
    with FlightSql(guarded.uri, headers=headers, cookies=False) as client:
        client.set_options(execution_mode="local")
        assert client.get_options()["execution_mode"] == "local"
    with FlightSql(guarded.uri, headers=headers, cookies=False) as client:
        assert client.get_options()["execution_mode"] == "local"


def test_a_closed_session_ends_its_token(guarded):
    headers = [("authorization", token_of(guarded, "alice"))]
    with FlightSql(guarded.uri, headers=headers, cookies=False) as client:
        client.query("SELECT 1")
        client.close_session()
        with pytest.raises(pf.FlightUnauthenticatedError):
            client.query("SELECT 1")


def test_a_ticket_of_another_user_is_refused(guarded):
    alice = FlightSql(guarded.uri, headers=[("authorization", token_of(guarded, "alice"))])
    bob = FlightSql(guarded.uri, headers=[("authorization", token_of(guarded, "bob"))])
    with alice, bob:
        info = alice.info("CommandStatementQuery", query="SELECT 1 AS a")
        with pytest.raises(FAILURES):
            bob.read(info)
        assert alice.read(info).to_pylist() == [{"a": 1}]


def test_adbc_with_user_and_password(guarded):
    options = {"username": "alice", "password": USERS["alice"]}
    with adbc.connect(guarded.uri, db_kwargs=options, autocommit=True) as connection:
        connection.adbc_current_db_schema = "default"
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("alice",)


def test_adbc_with_a_token(guarded):
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: token_of(guarded, "bob")}
    with adbc.connect(guarded.uri, db_kwargs=options, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("bob",)


def test_adbc_with_a_wrong_password(guarded):
    options = {"username": "alice", "password": "wrong"}
    with pytest.raises(adbc.Error, match="(?i)unauthenticated|credentials|password"):
        with adbc.connect(guarded.uri, db_kwargs=options, autocommit=True) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")


def test_passwords_are_not_in_the_log(guarded):
    log = guarded.log_text()
    assert all(password not in log for password in USERS.values())


def test_without_users_a_listener_off_loopback_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="(?i)loopback|users|authentication"):
        quern_process.serve(tmp_path, listen="0.0.0.0:0")
