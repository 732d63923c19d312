"""ADBC: what a tool asks before it shows a tree of tables."""

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pytest

DEMO_TABLES = ["airlines", "airports", "flights", "planes", "weather"]


def objects(connection, depth, **filters):
    return connection.adbc_get_objects(depth=depth, **filters).read_all().to_pylist()


def tables_of(catalogs, schema):
    return {
        table["table_name"]: table
        for catalog in catalogs
        for found in catalog["catalog_db_schemas"] or []
        if found["db_schema_name"] == schema
        for table in found["db_schema_tables"] or []
    }


def test_get_info_names_the_server(connection):
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Quern"
    assert info["vendor_version"]
    assert info["driver_name"]
    assert info["vendor_arrow_version"]


def test_objects_at_depth_catalogs(connection):
    found = objects(connection, "catalogs")
    assert {"hive", "system"} <= {catalog["catalog_name"] for catalog in found}
    assert all(catalog["catalog_db_schemas"] is None for catalog in found)


def test_objects_at_depth_db_schemas(connection):
    found = objects(connection, "db_schemas", catalog_filter="hive")
    assert [catalog["catalog_name"] for catalog in found] == ["hive"]
    schemas = {schema["db_schema_name"] for schema in found[0]["catalog_db_schemas"]}
    assert {"default", "demo", "information_schema"} <= schemas
    assert all(schema["db_schema_tables"] is None for schema in found[0]["catalog_db_schemas"])


def test_objects_at_depth_tables(connection):
    found = objects(connection, "tables", catalog_filter="hive", db_schema_filter="demo")
    tables = tables_of(found, "demo")
    assert sorted(tables) == DEMO_TABLES
    assert {table["table_type"] for table in tables.values()} == {"TABLE"}
    assert all(not table["table_columns"] for table in tables.values())


def test_objects_at_depth_all_have_columns(connection):
    found = objects(connection, "all", catalog_filter="hive", db_schema_filter="demo")
    columns = tables_of(found, "demo")["flights"]["table_columns"]
    names = [column["column_name"] for column in columns]
    assert names[:3] == ["year", "day", "dep_time"]
    assert names[-1] == "month", "the partition key comes last"
    assert [column["ordinal_position"] for column in columns] == list(range(1, len(columns) + 1))


@pytest.mark.parametrize(
    "filters, expected",
    [
        ({"table_name_filter": "air%"}, ["airlines", "airports"]),
        ({"table_name_filter": "plane_"}, ["planes"]),
        ({"table_name_filter": "flights"}, ["flights"]),
        ({"table_name_filter": "none"}, []),
        ({"table_types_filter": ["VIEW"]}, []),
        ({"table_types_filter": ["TABLE"]}, DEMO_TABLES),
        ({"catalog_filter": "nowhere"}, []),
    ],
)
def test_filters_narrow_the_tables(connection, filters, expected):
    filters = {"catalog_filter": "hive", "db_schema_filter": "demo", **filters}
    assert sorted(tables_of(objects(connection, "tables", **filters), "demo")) == expected


def test_a_column_filter_narrows_the_columns(connection):
    found = objects(
        connection, "columns", catalog_filter="hive", db_schema_filter="demo", column_name_filter="dep%"
    )
    columns = tables_of(found, "demo")["flights"]["table_columns"]
    assert [column["column_name"] for column in columns] == ["dep_time", "dep_delay"]


def test_a_table_schema_is_that_of_its_rows(connection, cursor):
    announced = connection.adbc_get_table_schema("flights", db_schema_filter="demo")
    cursor.execute("SELECT * FROM demo.flights LIMIT 1")
    rows = cursor.fetch_arrow_table().schema
    assert announced.names == rows.names
    assert announced.types == rows.types
    assert announced.field("carrier").type == pa.string()
    assert announced.field("month").type == pa.int32()


def test_an_unknown_table_has_no_schema(connection):
    with pytest.raises(adbc.Error):
        connection.adbc_get_table_schema("nowhere", db_schema_filter="demo")


def test_table_types(connection):
    assert {"TABLE", "VIEW"} <= set(connection.adbc_get_table_types())


def test_the_current_catalog_and_schema_are_read_and_set(connection, cursor):
    assert connection.adbc_current_catalog == "hive"
    assert connection.adbc_current_db_schema == "default"
    connection.adbc_current_db_schema = "demo"
    assert connection.adbc_current_db_schema == "demo"
    cursor.execute("SELECT count(*) FROM airlines")
    assert cursor.fetchone() == (16,)
    connection.adbc_current_catalog = "system"
    assert connection.adbc_current_catalog == "system"


def test_use_is_seen_as_the_current_schema(connection, cursor):
    cursor.execute("USE demo")
    assert connection.adbc_current_db_schema == "demo"


def test_an_unknown_current_schema_is_refused(connection):
    with pytest.raises(adbc.Error):
        connection.adbc_current_db_schema = "nowhere"
    assert connection.adbc_current_db_schema == "default"


def test_comments_are_in_the_information_schema(cursor):
    cursor.execute(
        "SELECT column_name, comment FROM hive.information_schema.columns "
        "WHERE table_schema = 'demo' AND table_name = 'flights' AND column_name = 'month'"
    )
    assert cursor.fetchall() == [("month", "1 to 12")]
