"""Tables of many small files that the tests make, and the same rows in DuckDB."""

import io

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

N_FILES, ROWS_A_FILE = 8, 2_000
COLUMNS = "id BIGINT, k BIGINT, v DOUBLE, name STRING"


def rows_of(file, n=ROWS_A_FILE):
    """The rows of one file of a table; ids go on from file to file."""
    ids = range(file * n, (file + 1) * n)
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "k": pa.array([i % 10 for i in ids], pa.int64()),
            "v": pa.array([i / 4 for i in ids], pa.float64()),
            "name": pa.array([f"name {i % 97}" for i in ids]),
        }
    )


def parquet(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def file_name(n):
    return f"part-{n}.parquet"


def put_table(s3, prefix, n_files=N_FILES, n_rows=ROWS_A_FILE):
    """Writes a table's files to S3 and returns its location."""
    for n in range(n_files):
        body = parquet(rows_of(n, n_rows))
        s3.client.put_object(Bucket=s3.bucket, Key=f"{prefix}/{file_name(n)}", Body=body)
    return f"s3://{s3.bucket}/{prefix}"


def create_table(cursor, name, location, columns=COLUMNS):
    cursor.execute(
        f"CREATE EXTERNAL TABLE {name} ({columns}) STORED AS PARQUET LOCATION '{location}'"
    )


def answer_of_duckdb(sql, n_files=N_FILES, n_rows=ROWS_A_FILE):
    """What a query over the table `events` answers."""
    events = pa.concat_tables(rows_of(n, n_rows) for n in range(n_files))
    database = duckdb.connect()
    database.register("events", events)
    return database.execute(sql).fetchall()
