"""The metadata commands: JDBC, ODBC and ADBC compare their schemas with the specification."""

import pyarrow as pa
import pytest

from flight_sql import read_schema


def schema(*fields):
    return pa.schema([pa.field(name, kind, nullable) for name, kind, nullable in fields])


TEXT, INT, BOOL = pa.string(), pa.int32(), pa.bool_()

TABLES = [
    ("catalog_name", TEXT, True),
    ("db_schema_name", TEXT, True),
    ("table_name", TEXT, False),
    ("table_type", TEXT, False),
]
REFERENCE = [
    ("pk_catalog_name", TEXT, True),
    ("pk_db_schema_name", TEXT, True),
    ("pk_table_name", TEXT, False),
    ("pk_column_name", TEXT, False),
    ("fk_catalog_name", TEXT, True),
    ("fk_db_schema_name", TEXT, True),
    ("fk_table_name", TEXT, False),
    ("fk_column_name", TEXT, False),
    ("key_sequence", INT, False),
    ("fk_key_name", TEXT, True),
    ("pk_key_name", TEXT, True),
    ("update_rule", pa.uint8(), False),
    ("delete_rule", pa.uint8(), False),
]
PRIMARY_KEYS = [
    ("catalog_name", TEXT, True),
    ("db_schema_name", TEXT, True),
    ("table_name", TEXT, False),
    ("column_name", TEXT, False),
    ("key_name", TEXT, True),
    ("key_sequence", INT, False),
]
TYPE_INFO = [
    ("type_name", TEXT, False),
    ("data_type", INT, False),
    ("column_size", INT, True),
    ("literal_prefix", TEXT, True),
    ("literal_suffix", TEXT, True),
    ("create_params", pa.list_(pa.field("item", TEXT, False)), True),
    ("nullable", INT, False),
    ("case_sensitive", BOOL, False),
    ("searchable", INT, False),
    ("unsigned_attribute", BOOL, True),
    ("fixed_prec_scale", BOOL, False),
    ("auto_increment", BOOL, True),
    ("local_type_name", TEXT, True),
    ("minimum_scale", INT, True),
    ("maximum_scale", INT, True),
    ("sql_data_type", INT, False),
    ("datetime_subcode", INT, True),
    ("num_prec_radix", INT, True),
    ("interval_precision", INT, True),
]

COMMANDS = [
    ("CommandGetCatalogs", {}, [("catalog_name", TEXT, False)]),
    ("CommandGetDbSchemas", {}, [("catalog_name", TEXT, True), ("db_schema_name", TEXT, False)]),
    ("CommandGetTables", {}, TABLES),
    (
        "CommandGetTables",
        {"include_schema": True},
        [*TABLES, ("table_schema", pa.binary(), False)],
    ),
    ("CommandGetTableTypes", {}, [("table_type", TEXT, False)]),
    ("CommandGetPrimaryKeys", {"table": "flights"}, PRIMARY_KEYS),
    ("CommandGetExportedKeys", {"table": "flights"}, REFERENCE),
    ("CommandGetImportedKeys", {"table": "flights"}, REFERENCE),
    ("CommandGetCrossReference", {"pk_table": "flights", "fk_table": "planes"}, REFERENCE),
    ("CommandGetXdbcTypeInfo", {}, TYPE_INFO),
]
IDS = [name + ("+schema" if "include_schema" in fields else "") for name, fields, _ in COMMANDS]


@pytest.mark.parametrize("name, fields, expected", COMMANDS, ids=IDS)
def test_the_schema_is_that_of_the_specification(flight, name, fields, expected):
    info = flight.info(name, **fields)
    assert info.schema.equals(schema(*expected)), info.schema
    assert flight.schema(name, **fields).equals(info.schema)
    flight.read(info)  # Compares the rows' schema with the announced one.


@pytest.mark.parametrize("name, fields, expected", COMMANDS, ids=IDS)
def test_there_is_one_endpoint_without_location(flight, name, fields, expected):
    (endpoint,) = flight.info(name, **fields).endpoints
    assert endpoint.locations == []


def test_catalogs(flight):
    names = flight.fetch("CommandGetCatalogs")["catalog_name"].to_pylist()
    assert names == sorted(names)
    assert {"hive", "system"} <= set(names)


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"catalog": "hive", "db_schema_filter_pattern": "demo"}, [("hive", "demo")]),
        ({"catalog": "hive", "db_schema_filter_pattern": "dem_"}, [("hive", "demo")]),
        ({"catalog": "hive", "db_schema_filter_pattern": "de%o"}, [("hive", "demo")]),
        ({"catalog": "nowhere"}, []),
        ({"catalog": ""}, []),
        ({"db_schema_filter_pattern": "demo"}, [("hive", "demo")]),
    ],
)
def test_schemas_are_filtered(flight, fields, expected):
    rows = flight.fetch("CommandGetDbSchemas", **fields).to_pylist()
    assert [(row["catalog_name"], row["db_schema_name"]) for row in rows] == expected


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, ["airlines", "airports", "flights", "planes", "weather"]),
        ({"table_name_filter_pattern": "air%"}, ["airlines", "airports"]),
        ({"table_name_filter_pattern": r"air\%"}, []),
        ({"table_name_filter_pattern": "FLIGHTS"}, []),
        ({"table_types": ["VIEW"]}, []),
        ({"table_types": ["TABLE", "VIEW"], "table_name_filter_pattern": "f%"}, ["flights"]),
        ({"catalog": "system"}, []),
    ],
)
def test_tables_are_filtered(flight, fields, expected):
    fields = {"catalog": "hive", "db_schema_filter_pattern": "demo", **fields}
    assert flight.fetch("CommandGetTables", **fields)["table_name"].to_pylist() == expected


def test_tables_without_a_catalog_are_of_every_catalog(flight):
    catalogs = set(flight.fetch("CommandGetTables")["catalog_name"].to_pylist())
    assert {"hive", "system"} <= catalogs


def test_a_statement_as_a_table_pattern_finds_nothing(flight):
    # pandas.read_sql asks this before it runs a text.
    pattern = "SELECT * FROM demo.flights WHERE carrier = 'UA' AND month = 2"
    assert len(flight.fetch("CommandGetTables", table_name_filter_pattern=pattern)) == 0


def test_table_schemas_carry_what_jdbc_reads(flight):
    (row,) = flight.fetch(
        "CommandGetTables",
        catalog="hive",
        db_schema_filter_pattern="demo",
        table_name_filter_pattern="flights",
        include_schema=True,
    ).to_pylist()
    columns = read_schema(row["table_schema"])
    assert columns.names[-1] == "month"
    metadata = columns.field("month").metadata
    assert metadata[b"ARROW:FLIGHT:SQL:CATALOG_NAME"] == b"hive"
    assert metadata[b"ARROW:FLIGHT:SQL:SCHEMA_NAME"] == b"demo"
    assert metadata[b"ARROW:FLIGHT:SQL:TABLE_NAME"] == b"flights"
    assert metadata[b"ARROW:FLIGHT:SQL:REMARKS"] == b"1 to 12"
    assert metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"].lower() in (b"integer", b"int")


@pytest.mark.parametrize(
    "name, fields",
    [
        ("CommandGetPrimaryKeys", {"table": "flights"}),
        ("CommandGetExportedKeys", {"table": "flights"}),
        ("CommandGetImportedKeys", {"table": "flights"}),
        ("CommandGetCrossReference", {"pk_table": "flights", "fk_table": "planes"}),
    ],
)
def test_there_are_no_keys(flight, name, fields):
    assert len(flight.fetch(name, **fields)) == 0


def test_table_types(flight):
    types = flight.fetch("CommandGetTableTypes")["table_type"].to_pylist()
    assert {"TABLE", "VIEW"} <= set(types)


def test_type_info_is_filtered_by_jdbc_type(flight):
    every = flight.fetch("CommandGetXdbcTypeInfo").to_pylist()
    assert {-5, 4, 8, 12, 91, 93} <= {row["data_type"] for row in every}
    varchar = flight.fetch("CommandGetXdbcTypeInfo", data_type=12).to_pylist()
    assert varchar
    assert {row["data_type"] for row in varchar} == {12}


# What the JDBC driver reads after one GetSqlInfo without keys; up to version 18 a missing one is
# a NullPointerException.
READ_BY_JDBC = [0, 1, 2, 3, 8, *range(500, 577)]
BITMASK, TEXTS, MAP = 3, 4, 5


def sql_info(flight, *keys):
    table = flight.fetch("CommandGetSqlInfo", info=keys)
    values = table["value"].combine_chunks()
    codes = values.type_codes if hasattr(values, "type_codes") else values.chunk(0).type_codes
    names = table["info_name"].to_pylist()
    return dict(zip(names, zip(codes.to_pylist(), values.to_pylist())))


def test_sql_info_has_the_schema_of_the_specification(flight):
    info = flight.info("CommandGetSqlInfo", info=[0])
    assert info.schema.field("info_name") == pa.field("info_name", pa.uint32(), False)
    union = info.schema.field("value")
    assert not union.nullable
    assert union.type.mode == "dense"
    names = [union.type.field(i).name for i in range(union.type.num_fields)]
    assert names == [
        "string_value", "bool_value", "bigint_value", "int32_bitmask", "string_list",
        "int32_to_int32_list_map",
    ]  # fmt: skip


def test_sql_info_without_keys_has_every_value_that_jdbc_reads(flight):
    missing = [key for key in READ_BY_JDBC if key not in sql_info(flight)]
    assert missing == []


def test_sql_info_has_only_the_values_asked_for(flight):
    assert sorted(sql_info(flight, 0, 1, 2)) == [0, 1, 2]


def test_sql_info_of_an_unknown_key_is_left_out(flight):
    assert sorted(sql_info(flight, 0, 9_999)) == [0]


def test_sql_info_values_have_the_types_that_drivers_expect(flight):
    info = sql_info(flight)
    assert info[0][1] == "Quern"
    assert info[8] == (BITMASK, 0), "there are no transactions"
    assert info[504][1] == '"'
    assert info[508][0] == TEXTS
    assert info[509][0] == TEXTS
    assert "abs" in [name.lower() for name in info[509][1]]
    assert info[517][0] == MAP
