-- What clients of a Hive metastore store and ask for, and Quern itself does not need.

ALTER TABLE databases ADD COLUMN owner_type TEXT;
UPDATE databases SET owner_type = 'ROLE' WHERE name = 'default' AND owner = 'public';
ALTER TABLE tables ADD COLUMN owner_type TEXT;
ALTER TABLE tables ADD COLUMN last_access_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tables ADD COLUMN retention INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tables ADD COLUMN temporary INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN last_access_time INTEGER NOT NULL DEFAULT 0;

CREATE TABLE partition_column_statistics (
    partition_id INTEGER NOT NULL REFERENCES partitions (id) ON DELETE CASCADE,
    column_name TEXT NOT NULL,
    statistics TEXT NOT NULL,
    PRIMARY KEY (partition_id, column_name)
) WITHOUT ROWID;

CREATE TABLE functions (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (database_id, name)
) WITHOUT ROWID;

-- Locks, which several schedulers share. A lock whose heartbeat is too old is gone. Numbers
-- count up for ever: a client that lost its lock must not find another's under its number.
CREATE TABLE locks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    components TEXT NOT NULL,
    user_name TEXT NOT NULL,
    host TEXT NOT NULL,
    agent TEXT,
    acquired_ms INTEGER,
    heartbeat_ms INTEGER NOT NULL
);

-- The log of changes, written in the transaction of each. The numbers come from one row, so
-- that they become visible in their order.
CREATE TABLE event_sequence (last_id INTEGER NOT NULL);
INSERT INTO event_sequence (last_id) VALUES (0);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    event_time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    database_name TEXT,
    table_name TEXT,
    message TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (event_time);
