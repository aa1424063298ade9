-- Which replica does what only one may do: a lease, renewed every two seconds. `term` grows with
-- every change of hands; an empty `replica` says that the last leader has resigned.

CREATE TABLE leader (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    replica TEXT COLLATE "C" NOT NULL,
    term BIGINT NOT NULL CHECK (term >= 0),
    seen_at BIGINT NOT NULL
);
