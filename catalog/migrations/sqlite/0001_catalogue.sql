-- Hive's relations (DBS, TBLS, SDS, PARTITIONS, PARTITION_KEY_VALS, TAB_COL_STATS) with what is
-- always read together kept together: a table's columns and parameters are JSON in its row, so
-- that reading a table is one index lookup.

CREATE TABLE databases (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    location TEXT NOT NULL,
    owner TEXT,
    parameters TEXT NOT NULL
);

CREATE TABLE tables (
    id INTEGER PRIMARY KEY,
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    table_type TEXT NOT NULL,
    owner TEXT,
    create_time INTEGER NOT NULL,
    version INTEGER NOT NULL,
    storage TEXT NOT NULL,
    partition_keys TEXT NOT NULL,
    parameters TEXT NOT NULL,
    view_original_text TEXT,
    view_expanded_text TEXT,
    UNIQUE (database_id, name)
);

-- The storage descriptors of partitions, each once a table: 100,000 partitions that were added
-- to one definition of their table share one row. It outlives changes of the table, as Hive's do.
-- `location` inside is the table's at that time; a partition without location of its own lies
-- under it.
CREATE TABLE partition_storage (
    id INTEGER PRIMARY KEY,
    table_id INTEGER NOT NULL REFERENCES tables (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    definition TEXT NOT NULL,
    UNIQUE (table_id, digest)
);

-- The values are in the name. The counts repeat what the parameters say, to be summed.
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    table_id INTEGER NOT NULL REFERENCES tables (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    storage_id INTEGER NOT NULL REFERENCES partition_storage (id),
    location TEXT,
    create_time INTEGER NOT NULL,
    parameters TEXT NOT NULL,
    row_count INTEGER,
    total_bytes INTEGER,
    file_count INTEGER,
    UNIQUE (table_id, name)
);
CREATE INDEX partitions_by_storage ON partitions (storage_id);

-- The partition index: `sort_value` is the value as bytes that compare as its type compares, so
-- that one index answers numbers, dates and text alike (metastore/embedded/sort_value.rs).
CREATE TABLE partition_key_values (
    partition_id INTEGER NOT NULL REFERENCES partitions (id) ON DELETE CASCADE,
    key_index INTEGER NOT NULL,
    table_id INTEGER NOT NULL,
    sort_value BLOB NOT NULL,
    PRIMARY KEY (partition_id, key_index)
) WITHOUT ROWID;
CREATE INDEX partitions_by_value
    ON partition_key_values (table_id, key_index, sort_value, partition_id);

CREATE TABLE column_statistics (
    table_id INTEGER NOT NULL REFERENCES tables (id) ON DELETE CASCADE,
    column_name TEXT NOT NULL,
    statistics TEXT NOT NULL,
    PRIMARY KEY (table_id, column_name)
) WITHOUT ROWID;

CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    UNIQUE (database_id, name)
);

CREATE TABLE model_versions (
    model_id INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    algorithm TEXT NOT NULL,
    artifact_location TEXT NOT NULL,
    artifact_sha256 TEXT NOT NULL,
    options TEXT NOT NULL,
    facts TEXT NOT NULL,
    statement TEXT NOT NULL,
    source_tables TEXT NOT NULL,
    owner TEXT,
    create_time INTEGER NOT NULL,
    PRIMARY KEY (model_id, version)
) WITHOUT ROWID;
