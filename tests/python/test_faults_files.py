"""Files that are broken, gone, or no files: a typed error that names the file, in every mode, on
disk and on S3; the right answer where there is one."""

import io

import adbc_driver_flightsql.dbapi as adbc
import pyarrow.parquet as pq
import pytest

from comparison import assert_same_rows
from lake import answer_of_duckdb, create_table, file_name, parquet, put_table, rows_of
from quern_cluster import MODES, Cluster, cursor_in
from s3_proxy import Gate, S3Proxy, forward
from test_adbc_queries import error_code

N_FILES, N_ROWS = 4, 500
BROKEN = file_name(2)
TOTALS = "SELECT k, count(*), sum(v), min(name) FROM events GROUP BY k ORDER BY k"


class Disk:
    def __init__(self, folder):
        self.folder = folder
        # Hive's locations are not percent-encoded.
        self.location = f"file://{folder}"

    def write(self, name, body):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def delete(self, name):
        (self.folder / name).unlink()


class Bucket:
    def __init__(self, s3, prefix):
        self.s3, self.prefix = s3, prefix
        self.location = f"s3://{s3.bucket}/{prefix}"

    def write(self, name, body):
        self.s3.client.put_object(Bucket=self.s3.bucket, Key=f"{self.prefix}/{name}", Body=body)

    def delete(self, name):
        self.s3.client.delete_object(Bucket=self.s3.bucket, Key=f"{self.prefix}/{name}")


@pytest.fixture(scope="module")
def proxy(s3):
    with S3Proxy(s3.environment["AWS_ENDPOINT_URL"]) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, s3, proxy):
    folder = tmp_path_factory.mktemp("files")
    allowed = [f"{folder.as_uri()}/", f"s3://{s3.bucket}/"]
    flags = [flag for prefix in allowed for flag in ("--allow-location", prefix)]
    cluster = Cluster(folder, [*s3.flags, *proxy.flags, *flags], s3.environment)
    try:
        with cursor_in(cluster.scheduler, "local") as cursor:
            # One row, whose file can be held back.
            create_table(cursor, "one", put_table(s3, "faults/one", n_files=1, n_rows=1))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(params=["disk", "s3"])
def place(request, cluster, s3):
    """Where a table with `N_FILES` good files lies."""
    name = f"{request.node.name}".replace("/", "-").replace(" ", "-")
    place = Disk(cluster.folder / name) if request.param == "disk" else Bucket(s3, f"faults/{name}")
    for n in range(N_FILES):
        place.write(file_name(n), body(n))
    return place


@pytest.fixture(params=MODES)
def cursor(request, cluster, place):
    """A session in which `events` is the table at `place`."""
    with cursor_in(cluster.scheduler, request.param) as cursor:
        # Otherwise planning reads the footers, and no executor meets a broken one.
        if request.param != "local":
            cursor.execute("SET SESSION collect_statistics = false")
        create_table(cursor, "events", place.location)
        yield cursor
        cursor.execute("DROP TABLE events")


def body(n):
    return parquet(rows_of(n, N_ROWS), compression="snappy")


def overwritten(body, start, n=64):
    assert 0 < start < start + n < len(body)
    return body[:start] + b"\xff" * n + body[start + n :]


def middle_of_column(body, name):
    """An offset within the compressed values of a column."""
    group = pq.ParquetFile(io.BytesIO(body)).metadata.row_group(0)
    columns = map(group.column, range(group.num_columns))
    (column,) = [column for column in columns if column.path_in_schema == name]
    return column.data_page_offset + column.total_compressed_size // 4


GOOD = body(2)
FOOTER_BYTES = int.from_bytes(GOOD[-8:-4], "little")
BAD = {
    "truncated": GOOD[: len(GOOD) // 2],
    "cut by one byte": GOOD[:-1],
    "a byte": b"P",
    "another format": b"id,k,v,name\n" * 100,
    "corrupt page": overwritten(GOOD, middle_of_column(GOOD, "v")),
    "corrupt footer": overwritten(GOOD, len(GOOD) - 8 - FOOTER_BYTES + 8),
    "wrong footer length": GOOD[:-8] + b"\xff\xff\xff\x7f" + GOOD[-4:],
}


@pytest.mark.parametrize("fault", BAD)
def test_a_broken_file_is_named(cursor, place, fault):
    place.write(BROKEN, BAD[fault])
    with pytest.raises(adbc.Error) as failure:
        cursor.execute(TOTALS)
        cursor.fetchall()
    assert error_code(failure.value) == "HIVE_BAD_DATA"
    assert BROKEN in str(failure.value)
    assert "bytes " in str(failure.value)


def test_an_empty_file_is_named_or_has_no_rows(cursor, place):
    place.write(file_name(N_FILES), b"")
    try:
        cursor.execute(TOTALS)
        rows = cursor.fetchall()
    except adbc.Error as failure:
        assert error_code(failure) == "HIVE_BAD_DATA"
        assert file_name(N_FILES) in str(failure)
    else:
        assert_same_rows(rows, answer_of_duckdb(TOTALS, N_FILES, N_ROWS))


def test_a_directory_with_a_files_name_is_no_file(cursor, place):
    place.write(f"{file_name(N_FILES)}/{file_name(0)}", body(N_FILES))
    cursor.execute(TOTALS)
    assert_same_rows(cursor.fetchall(), answer_of_duckdb(TOTALS, N_FILES, N_ROWS))


def test_a_file_that_is_deleted_after_the_listing_is_named(cursor, place, proxy):
    cursor.execute("SET SESSION collect_statistics = false")
    proxy.rule = gate = Gate("faults/one/" + file_name(0))
    try:
        # The join's left side is read first, and is held back until the file is gone.
        cursor.execute("SELECT count(*), sum(e.v) FROM one o JOIN events e ON e.k >= o.k")
        assert gate.reached.wait(30)
        place.delete(BROKEN)
        gate.opened.set()
        with pytest.raises(adbc.Error) as failure:
            cursor.fetchall()
    finally:
        gate.opened.set()
        proxy.rule = forward
    assert error_code(failure.value) == "HIVE_FILE_NOT_FOUND"
    assert BROKEN in str(failure.value)
