#!/usr/bin/env python3
"""Loads demo/data into the S3 server of compose.yaml and declares the tables over it.

    pip install boto3 adbc-driver-flightsql pyarrow
    python3 docker/load_demo.py
"""

import os
import pathlib
import sys

import adbc_driver_flightsql.dbapi as flight_sql
import boto3
from adbc_driver_flightsql import DatabaseOptions

PROJECT = pathlib.Path(__file__).resolve().parents[1]
BUCKET = "lake"

sys.path.append(str(PROJECT / "tests" / "python"))
from sql_script import register_demo  # noqa: E402


def main():
    s3 = boto3.client(
        "s3",
        endpoint_url=os.environ.get("S3_ENDPOINT", "http://127.0.0.1:8333"),
        region_name="us-east-1",
        aws_access_key_id="quern",
        aws_secret_access_key=os.environ.get("S3_SECRET", "only-for-trying"),
    )
    data = PROJECT / "demo" / "data"
    for path in sorted(data.rglob("*.parquet")):
        s3.upload_file(str(path), BUCKET, f"demo/{path.relative_to(data).as_posix()}")
    options = {
        "username": "quern",
        "password": os.environ.get("QUERN_PASSWORD", "only-for-trying"),
        DatabaseOptions.WITH_COOKIE_MIDDLEWARE.value: "true",
    }
    server = os.environ.get("QUERN_SERVER", "grpc://127.0.0.1:50051")
    with flight_sql.connect(server, db_kwargs=options, autocommit=True) as connection:
        register_demo(connection, f"s3://{BUCKET}/demo")
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM demo.flights")
            print(f"demo.flights has {cursor.fetchone()[0]:,} rows in s3://{BUCKET}/demo")


if __name__ == "__main__":
    main()
