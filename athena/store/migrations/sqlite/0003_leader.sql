-- Which replica does what only one may do. A SQLite store has one server, which leads without
-- asking; the row is here so that both engines have the same tables.

CREATE TABLE leader (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    replica TEXT NOT NULL,
    term INTEGER NOT NULL CHECK (term >= 0),
    seen_at INTEGER NOT NULL
);
