-- Catalogs that statements made. A definition may hold passwords.
CREATE TABLE catalogs (
    name TEXT COLLATE "C" PRIMARY KEY,
    definition TEXT NOT NULL
);
