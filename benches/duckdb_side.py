"""The DuckDB side of quern-bench: answers queries over Parquet files, and generates TPC-DS."""

import argparse
import importlib.util
import json
import sys
import time
from pathlib import Path

import duckdb


def serve(args):
    """Reads requests as JSON lines; answers with a time, and leaves the rows in a file."""
    import pyarrow

    args.scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "threads": args.threads,
            "memory_limit": f"{args.memory_mib}MiB",
            "temp_directory": str(args.scratch),
            "default_null_order": "nulls_last",
        }
    )
    # It is drawn after two seconds, on standard output, where the answers go.
    connection.execute("SET enable_progress_bar = false")
    for table in sorted(path for path in args.tables.iterdir() if path.is_dir()):
        connection.execute(
            f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet('{table}/*.parquet')"
        )
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = answer(connection, pyarrow, request)
        except duckdb.Error as error:
            reply = {"error": str(error)}
        print(json.dumps(reply | {"id": request["id"]}), flush=True)


def answer(connection, pyarrow, request):
    start = time.perf_counter()
    rows = connection.sql(request["sql"]).to_arrow_table()
    seconds = time.perf_counter() - start
    with pyarrow.ipc.new_stream(request["answer"], rows.schema) as writer:
        writer.write_table(rows)
    return {"seconds": seconds}


def generate_tpcds(args):
    """Writes the tables as Parquet, their columns as JSON, and the texts of the queries."""
    connection = duckdb.connect()
    connection.execute(f"LOAD '{tpcds_extension()}'")
    connection.execute(f"CALL dsdgen(sf={args.scale})")
    columns = {}
    for (table,) in connection.execute("SHOW TABLES").fetchall():
        described = connection.execute(f"DESCRIBE {table}").fetchall()
        columns[table] = ", ".join(f"{name} {kind.lower()}" for name, kind, *_ in described)
        directory = args.out / "tables" / table
        directory.mkdir(parents=True, exist_ok=True)
        connection.execute(
            f"COPY {table} TO '{directory}/part-1.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    queries = args.out / "queries"
    queries.mkdir(exist_ok=True)
    for number, text in connection.execute("FROM tpcds_queries()").fetchall():
        (queries / f"q{number}.sql").write_text(text)
    (args.out / "columns.json").write_text(json.dumps(columns))


def tpcds_extension():
    package = Path(importlib.util.find_spec("duckdb_ext").submodule_search_locations[0])
    found = sorted(package.glob(f"extensions/v{duckdb.__version__}/*/tpcds.duckdb_extension"))
    if not found:
        sys.exit(f"no tpcds extension for DuckDB {duckdb.__version__} in {package}")
    return found[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("serve")
    command.add_argument("--threads", type=int, required=True)
    command.add_argument("--memory-mib", type=int, required=True)
    command.add_argument("--tables", type=Path, required=True)
    command.add_argument("--scratch", type=Path, required=True)
    command.set_defaults(run=serve)
    command = commands.add_parser("generate-tpcds")
    command.add_argument("--scale", required=True)
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(run=generate_tpcds)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
