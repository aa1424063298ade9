-- What was said and done while a task was worked on, and in which Claude sessions.

-- How much of a task's transcript is kept: the lines have the ids last_id - lines + 1 to last_id.
CREATE TABLE transcripts (
    task_id INTEGER PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    last_id INTEGER NOT NULL,
    lines INTEGER NOT NULL CHECK (lines BETWEEN 0 AND last_id),
    text_bytes INTEGER NOT NULL CHECK (text_bytes >= 0)
);

-- Who sent the lines of an attempt, and how many it has numbered so far.
CREATE TABLE transcript_attempts (
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    instance TEXT NOT NULL,
    next_number INTEGER NOT NULL,
    PRIMARY KEY (task_id, attempt)
) WITHOUT ROWID;

-- Lines of several tasks come in turns, and are read task by task: without a row id they stand
-- together.
CREATE TABLE transcript_lines (
    task_id INTEGER NOT NULL REFERENCES transcripts (task_id) ON DELETE CASCADE,
    id INTEGER NOT NULL CHECK (id >= 1),
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL
        CHECK (kind IN ('text', 'tool', 'result', 'system', 'error', 'test', 'git')),
    text TEXT NOT NULL CHECK (length(text) <= 4000),
    text_bytes INTEGER NOT NULL,
    PRIMARY KEY (task_id, id)
) WITHOUT ROWID;

-- A task's part in a session. One row of both, which nobody writes but who has locked the task: a
-- row for each session with its sums would be changed by several tasks at once.
CREATE TABLE session_uses (
    session_id TEXT NOT NULL CHECK (length(session_id) BETWEEN 1 AND 128),
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    project TEXT NOT NULL DEFAULT '',
    instance TEXT,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    cost_usd REAL NOT NULL DEFAULT 0,
    turns INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (session_id, task_id)
) WITHOUT ROWID;
CREATE INDEX session_uses_task ON session_uses (task_id);
CREATE INDEX session_uses_last ON session_uses (last_at, task_id);

-- What is known of the tasks that there are.
INSERT INTO session_uses (session_id, task_id, project, instance, first_at, last_at, cost_usd, turns)
SELECT session_id, id, project, claimed_by, coalesce(claimed_at, created_at),
    coalesce(completed_at, updated_at), coalesce(cost_usd, 0),
    CASE WHEN json_type(result, '$.num_turns') = 'integer'
        AND json_extract(result, '$.num_turns') BETWEEN 0 AND 1000000
        THEN json_extract(result, '$.num_turns') ELSE 0 END
FROM tasks WHERE length(session_id) BETWEEN 1 AND 128;

INSERT INTO session_uses (session_id, task_id, project, instance, first_at, last_at)
SELECT continues, id, project, claimed_by, created_at, coalesce(claimed_at, created_at)
FROM tasks WHERE length(continues) BETWEEN 1 AND 128
ON CONFLICT DO NOTHING;
