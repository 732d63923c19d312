"""Tables that Quern and a real Spark share through one metastore, and what each sees of them."""

import pathlib

import pyarrow as pa

import quern_process
from flight_sql import FlightSql
from hive_metastore import HiveMetastore
from spark_process import Spark

# How Quern gives the types of Spark.
ARROW_TYPES = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamp_ntz": pa.timestamp("us"),
}


class Lake:
    """A metastore, a Spark that uses it and a Quern that uses it. `kind` says whose it is."""

    def __init__(self, kind, folder):
        self.kind = kind
        self.folder = pathlib.Path(folder)
        self.warehouse = self.folder / "warehouse"
        self.warehouse.mkdir()
        self._open = []
        try:
            uri = self._start_metastore()
            settings = {
                "spark.hadoop.hive.metastore.uris": uri,
                "spark.sql.warehouse.dir": self.warehouse.as_uri(),
                "spark.hadoop.hive.exec.dynamic.partition.mode": "nonstrict",
                "spark.sql.sources.partitionOverwriteMode": "dynamic",
            }
            self.spark = Spark(self.folder / "spark", settings)
            self._open.append(self.spark.stop)
        except BaseException:
            self.stop()
            raise

    def _start_metastore(self):
        """Starts metastore and Quern, and returns where the metastore is."""
        allow = ["--allow-location", self.warehouse]
        if self.kind == "quern":
            flags = ["--metastore-listen", "127.0.0.1:0"]
            flags += ["--set", f"catalog.warehouse={self.warehouse.as_uri()}"]
            uri = f"thrift://{self._start_quern(*allow, *flags).addresses['metastore']}"
        else:
            hive = HiveMetastore(self.warehouse, self.folder / "hive.log")
            self._open.append(hive.stop)
            uri = hive.uri
            self._start_quern(*allow)
            # What Spark did is to be seen at once.
            self.flight.update(
                f"CREATE CATALOG lake USING hive WITH (uri = '{uri}', cache_ttl = '0s')"
            )
            assert self.flight.set_options(catalog="lake") == {}
        return uri

    def _start_quern(self, *flags):
        process = quern_process.serve(self.folder / "quern", *flags)
        self._open.append(process.kill)
        self.flight = FlightSql(process.uri)
        self._open.append(self.flight.client.close)
        return process

    def stop(self):
        while self._open:
            self._open.pop()()

    def run(self, *statements):
        """Runs statements in Spark."""
        for statement in statements:
            self.spark.sql(statement)

    def update(self, *statements):
        """Runs statements in Quern."""
        for statement in statements:
            self.flight.update(statement)

    def query(self, sql):
        """The rows of a statement in Quern."""
        return rows_of(self.flight.query(sql))

    def spark_rows(self, sql):
        return self.spark.sql(sql)

    def assert_same(self, sql, of_spark=None):
        """Both answer a query with the same rows, in any order, of the same types.
        `of_spark` is the query as Spark spells it. Returns the rows."""
        columns, expected = self.spark.query(of_spark or sql)
        table = self.flight.query(sql)
        assert table.column_names == [name.lower() for name, _ in columns], sql
        for field, (_, spark_type) in zip(table.schema, columns):
            wanted = arrow_type(spark_type)
            assert wanted is None or field.type == wanted, f"{field} is {spark_type} in Spark"
        found = rows_of(table)
        # As texts: 1, 1.0 and True are not the same, and NaN is.
        assert sorted(map(repr, found)) == sorted(map(repr, expected)), sql
        return found

    def assert_same_table(self, table):
        """Both list the same partitions of a table and read the same rows."""
        rows = self.assert_same(f"SELECT * FROM {table}")
        show = f"SHOW PARTITIONS {table}"
        # Spark shows the names of keys as they were declared, a metastore has them in lower case.
        of_spark = [lower_keys(name) for (name,) in self.spark.sql(show)]
        assert sorted(name for (name,) in self.query(show)) == sorted(of_spark)
        return rows

    def description(self, table):
        """What Spark says of a table beside its columns."""
        return {row[0]: row[1] for row in self.spark.sql(f"DESCRIBE EXTENDED {table}")}


def lower_keys(partition):
    parts = [part.partition("=") for part in partition.split("/")]
    return "/".join(f"{key.lower()}={value}" for key, _, value in parts)


def arrow_type(spark_type):
    """The type in which Quern gives a type of Spark's; None for nested ones."""
    if spark_type.startswith("decimal"):
        precision, scale = spark_type[len("decimal(") : -1].split(",")
        return pa.decimal128(int(precision), int(scale))
    return None if "<" in spark_type else ARROW_TYPES[spark_type]


def rows_of(table):
    """The rows of an Arrow table as Spark's driver gives them: a struct is a tuple, a map a dict."""
    columns = [
        [plain(column.type, value) for value in column.to_pylist()] for column in table.columns
    ]
    return list(zip(*columns))


def plain(arrow, value):
    if value is None:
        return None
    if pa.types.is_struct(arrow):
        return tuple(plain(field.type, value[field.name]) for field in arrow.fields)
    if pa.types.is_map(arrow):
        return {key: plain(arrow.item_type, item) for key, item in value}
    if pa.types.is_list(arrow):
        return [plain(arrow.value_type, item) for item in value]
    return value
