-- The tables of migrations/sqlite/0005_metadata.sql, which explains them.

CREATE TABLE annotations (
    catalog_name TEXT COLLATE "C" NOT NULL,
    schema_name TEXT COLLATE "C" NOT NULL,
    table_name TEXT COLLATE "C" NOT NULL,
    column_name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT,
    set_by TEXT COLLATE "C" NOT NULL,
    set_time BIGINT NOT NULL,
    PRIMARY KEY (catalog_name, schema_name, table_name, column_name, kind, name)
);
CREATE INDEX annotations_by_name ON annotations (kind, name);

CREATE TABLE glossary (
    name TEXT COLLATE "C" PRIMARY KEY,
    definition TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    create_time BIGINT NOT NULL
);

CREATE TABLE operations (
    catalog_name TEXT COLLATE "C" NOT NULL,
    schema_name TEXT COLLATE "C" NOT NULL,
    object_kind TEXT COLLATE "C" NOT NULL,
    object_name TEXT COLLATE "C" NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    query_id TEXT COLLATE "C" NOT NULL,
    user_name TEXT COLLATE "C" NOT NULL,
    time_ms BIGINT NOT NULL,
    source_location TEXT,
    partitions BIGINT,
    PRIMARY KEY (catalog_name, schema_name, object_kind, object_name, operation)
);

CREATE TABLE lineage (
    target_catalog TEXT COLLATE "C" NOT NULL,
    target_schema TEXT COLLATE "C" NOT NULL,
    target_kind TEXT COLLATE "C" NOT NULL,
    target_name TEXT COLLATE "C" NOT NULL,
    target_version BIGINT NOT NULL,
    source_catalog TEXT COLLATE "C" NOT NULL,
    source_schema TEXT COLLATE "C" NOT NULL,
    source_name TEXT COLLATE "C" NOT NULL,
    query_id TEXT COLLATE "C" NOT NULL,
    user_name TEXT COLLATE "C" NOT NULL,
    time_ms BIGINT NOT NULL,
    PRIMARY KEY (target_catalog, target_schema, target_kind, target_name, target_version,
        source_catalog, source_schema, source_name)
);
CREATE INDEX lineage_by_source ON lineage (source_catalog, source_schema, source_name);
