-- Catalogs that statements made. A definition may hold passwords.
CREATE TABLE catalogs (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL
) WITHOUT ROWID;
