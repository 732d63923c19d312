-- What is known of objects beside their definitions. They are named and not referred to: their
-- definitions may be in another metastore.

-- What people say of schemas, tables and columns. The empty table is a schema, the empty column
-- a table.
CREATE TABLE annotations (
    catalog_name TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT,
    set_by TEXT NOT NULL,
    set_time INTEGER NOT NULL,
    PRIMARY KEY (catalog_name, schema_name, table_name, column_name, kind, name)
) WITHOUT ROWID;
CREATE INDEX annotations_by_name ON annotations (kind, name);

CREATE TABLE glossary (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    owner TEXT NOT NULL,
    create_time INTEGER NOT NULL
) WITHOUT ROWID;

-- The last of each operation on each object.
CREATE TABLE operations (
    catalog_name TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_name TEXT NOT NULL,
    operation TEXT NOT NULL,
    query_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    source_location TEXT,
    partitions INTEGER,
    PRIMARY KEY (catalog_name, schema_name, object_kind, object_name, operation)
) WITHOUT ROWID;

-- What was made from which table, last.
CREATE TABLE lineage (
    target_catalog TEXT NOT NULL,
    target_schema TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_name TEXT NOT NULL,
    target_version INTEGER NOT NULL,
    source_catalog TEXT NOT NULL,
    source_schema TEXT NOT NULL,
    source_name TEXT NOT NULL,
    query_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (target_catalog, target_schema, target_kind, target_name, target_version,
        source_catalog, source_schema, source_name)
) WITHOUT ROWID;
CREATE INDEX lineage_by_source ON lineage (source_catalog, source_schema, source_name);
