-- The tables of migrations/sqlite, which explain them. Text is compared by its bytes, whatever
-- the database's own collation is.

CREATE TABLE databases (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT,
    location TEXT NOT NULL,
    owner TEXT,
    owner_type TEXT,
    parameters TEXT NOT NULL
);

CREATE TABLE tables (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id BIGINT NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    table_type TEXT NOT NULL,
    owner TEXT,
    owner_type TEXT,
    create_time BIGINT NOT NULL,
    last_access_time BIGINT NOT NULL,
    retention INTEGER NOT NULL,
    temporary BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    storage TEXT NOT NULL,
    partition_keys TEXT NOT NULL,
    parameters TEXT NOT NULL,
    view_original_text TEXT,
    view_expanded_text TEXT,
    UNIQUE (database_id, name)
);

CREATE TABLE partition_storage (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_id BIGINT NOT NULL REFERENCES tables (id) ON DELETE CASCADE,
    digest BYTEA NOT NULL,
    definition TEXT NOT NULL,
    UNIQUE (table_id, digest)
);

CREATE TABLE partitions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_id BIGINT NOT NULL REFERENCES tables (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    storage_id BIGINT NOT NULL REFERENCES partition_storage (id),
    location TEXT,
    create_time BIGINT NOT NULL,
    last_access_time BIGINT NOT NULL,
    parameters TEXT NOT NULL,
    row_count BIGINT,
    total_bytes BIGINT,
    file_count BIGINT,
    UNIQUE (table_id, name)
);
CREATE INDEX partitions_by_storage ON partitions (storage_id);

CREATE TABLE partition_key_values (
    partition_id BIGINT NOT NULL REFERENCES partitions (id) ON DELETE CASCADE,
    key_index BIGINT NOT NULL,
    table_id BIGINT NOT NULL,
    sort_value BYTEA NOT NULL,
    PRIMARY KEY (partition_id, key_index)
);
CREATE INDEX partitions_by_value
    ON partition_key_values (table_id, key_index, sort_value, partition_id);

CREATE TABLE column_statistics (
    table_id BIGINT NOT NULL REFERENCES tables (id) ON DELETE CASCADE,
    column_name TEXT COLLATE "C" NOT NULL,
    statistics TEXT NOT NULL,
    PRIMARY KEY (table_id, column_name)
);

CREATE TABLE partition_column_statistics (
    partition_id BIGINT NOT NULL REFERENCES partitions (id) ON DELETE CASCADE,
    column_name TEXT COLLATE "C" NOT NULL,
    statistics TEXT NOT NULL,
    PRIMARY KEY (partition_id, column_name)
);

CREATE TABLE functions (
    database_id BIGINT NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (database_id, name)
);

CREATE TABLE models (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id BIGINT NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    UNIQUE (database_id, name)
);

CREATE TABLE model_versions (
    model_id BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    algorithm TEXT NOT NULL,
    artifact_location TEXT NOT NULL,
    artifact_sha256 TEXT NOT NULL,
    options TEXT NOT NULL,
    facts TEXT NOT NULL,
    statement TEXT NOT NULL,
    source_tables TEXT NOT NULL,
    owner TEXT,
    create_time BIGINT NOT NULL,
    PRIMARY KEY (model_id, version)
);

CREATE TABLE locks (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    components TEXT NOT NULL,
    user_name TEXT NOT NULL,
    host TEXT NOT NULL,
    agent TEXT,
    acquired_ms BIGINT,
    heartbeat_ms BIGINT NOT NULL
);

CREATE TABLE event_sequence (last_id BIGINT NOT NULL);
INSERT INTO event_sequence (last_id) VALUES (0);
CREATE TABLE events (
    id BIGINT PRIMARY KEY,
    event_time BIGINT NOT NULL,
    kind TEXT NOT NULL,
    database_name TEXT,
    table_name TEXT,
    message TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (event_time);

-- Whoever changes something locks this table, which stays empty.
CREATE TABLE change_lock ();
