import os
import pathlib
import random
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import adbc_driver_flightsql.dbapi as adbc
import pytest
from adbc_driver_flightsql import DatabaseOptions

import quern_process
from flight_sql import FlightSql
from sql_script import DEMO, register_demo

S3_KEY, S3_SECRET, S3_BUCKET = "quern-test", "quern-test-secret", "lake"


def connect(server, **options):
    # A session lives in a cookie, or in a token where there are users.
    options = {DatabaseOptions.WITH_COOKIE_MIDDLEWARE.value: "true", **options}
    return adbc.connect(server.uri, db_kwargs=options, autocommit=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One `quern serve` with the demo's tables, for all tests that leave it as it was."""
    with quern_process.serve(tmp_path_factory.mktemp("serve")) as process:
        with connect(process) as connection:
            register_demo(connection)
        yield process


@pytest.fixture
def connection(server):
    with connect(server) as connection:
        yield connection


@pytest.fixture
def cursor(connection):
    with connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def flight(server):
    with FlightSql(server.uri) as client:
        yield client


@pytest.fixture(scope="session")
def duckdb_demo():
    """The demo's tables in DuckDB, over the same files."""
    import duckdb

    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    data = DEMO / "data"
    for table in ["airlines", "airports", "planes", "weather"]:
        database.execute(f"CREATE VIEW {table} AS FROM '{data / table}/*.parquet'")
    database.execute(
        f"CREATE VIEW flights AS SELECT * REPLACE (CAST(month AS INTEGER) AS month) "
        f"FROM read_parquet('{data}/flights/*/*.parquet', hive_partitioning = true)"
    )
    return database


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """A real S3 server, SeaweedFS, with the demo's data in a bucket."""
    folder = tmp_path_factory.mktemp("s3")
    ports = free_ports(5)
    endpoint = f"http://127.0.0.1:{ports[3]}"
    credentials = {"AWS_ACCESS_KEY_ID": S3_KEY, "AWS_SECRET_ACCESS_KEY": S3_SECRET}
    flags = [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    names = ["master.port", "volume.port", "filer.port", "s3.port", "s3.port.iceberg"]
    flags += [f"-{name}={port}" for name, port in zip(names, ports)]
    flags += ["-s3.port.lance=0", "-webdav=false", "-admin.ui=false", f"-bucket={S3_BUCKET}"]
    weed = pathlib.Path(sysconfig.get_path("scripts")) / "weed"
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [weed, "mini", *flags],
            env={**os.environ, **credentials},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        client = s3_client(endpoint)
        wait_until(lambda: process.poll() is None and answers(endpoint), folder / "log")
        wait_until(lambda: has_bucket(client), folder / "log")
        upload(client, DEMO / "data", "demo")
        yield SimpleNamespace(
            client=client,
            bucket=S3_BUCKET,
            demo=f"s3://{S3_BUCKET}/demo",
            environment={
                **credentials,
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ALLOW_HTTP": "true",
            },
            flags=["--set", f"storage.s3.endpoint={endpoint}", "--set", "storage.s3.path_style=true"],
        )
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def s3_client(endpoint):
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=S3_KEY,
        aws_secret_access_key=S3_SECRET,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 10}),
    )


def has_bucket(client):
    return S3_BUCKET in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


def upload(client, folder, prefix):
    for path in sorted(folder.rglob("*.parquet")):
        key = f"{prefix}/{path.relative_to(folder).as_posix()}"
        client.upload_file(str(path), S3_BUCKET, key)


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except urllib.error.HTTPError:
        return True  # It refuses an anonymous request, so it is there.
    except OSError:
        return False
    return True


def wait_until(condition, log=None, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            text = log.read_text(errors="replace") if log else ""
            raise AssertionError(f"not within {seconds} s\n{text}")
        time.sleep(0.05)


def free_ports(n):
    # SeaweedFS takes each port and the one 10,000 above it.
    ports, port = [], random.randrange(15_000, 20_000)
    while len(ports) < n:
        port += 1
        if is_free(port) and is_free(port + 10_000):
            ports.append(port)
    return ports


def is_free(port):
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
