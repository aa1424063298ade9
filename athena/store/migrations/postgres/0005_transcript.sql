-- What was said and done while a task was worked on, and in which Claude sessions.

-- How much of a task's transcript is kept: the lines have the ids last_id - lines + 1 to last_id.
CREATE TABLE transcripts (
    task_id BIGINT PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    last_id BIGINT NOT NULL,
    lines INTEGER NOT NULL CHECK (lines BETWEEN 0 AND last_id),
    text_bytes BIGINT NOT NULL CHECK (text_bytes >= 0)
);

-- Who sent the lines of an attempt, and how many it has numbered so far.
CREATE TABLE transcript_attempts (
    task_id BIGINT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    instance TEXT COLLATE "C" NOT NULL,
    next_number BIGINT NOT NULL,
    PRIMARY KEY (task_id, attempt)
);

CREATE TABLE transcript_lines (
    task_id BIGINT NOT NULL REFERENCES transcripts (task_id) ON DELETE CASCADE,
    id BIGINT NOT NULL CHECK (id >= 1),
    attempt INTEGER NOT NULL,
    number BIGINT NOT NULL CHECK (number >= 0),
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL
        CHECK (kind IN ('text', 'tool', 'result', 'system', 'error', 'test', 'git')),
    text TEXT COLLATE "C" NOT NULL CHECK (length(text) <= 4000),
    text_bytes BIGINT NOT NULL,
    PRIMARY KEY (task_id, id)
);

-- A task's part in a session. One row of both, which nobody writes but who has locked the task: a
-- row for each session with its sums would be changed by several tasks at once.
CREATE TABLE session_uses (
    session_id TEXT COLLATE "C" NOT NULL CHECK (length(session_id) BETWEEN 1 AND 128),
    task_id BIGINT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    project TEXT COLLATE "C" NOT NULL DEFAULT '',
    instance TEXT COLLATE "C",
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    cost_usd DOUBLE PRECISION NOT NULL DEFAULT 0,
    turns BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (session_id, task_id)
);
CREATE INDEX session_uses_task ON session_uses (task_id);
CREATE INDEX session_uses_last ON session_uses (last_at, task_id);

-- What is known of the tasks that there are.
INSERT INTO session_uses (session_id, task_id, project, instance, first_at, last_at, cost_usd, turns)
SELECT session_id, id, project, claimed_by, coalesce(claimed_at, created_at),
    coalesce(completed_at, updated_at), coalesce(cost_usd, 0),
    CASE WHEN json_typeof(result::json -> 'num_turns') = 'number'
        AND result::json ->> 'num_turns' ~ '^[0-9]{1,6}$'
        THEN (result::json ->> 'num_turns')::bigint ELSE 0 END
FROM tasks WHERE length(session_id) BETWEEN 1 AND 128;

INSERT INTO session_uses (session_id, task_id, project, instance, first_at, last_at)
SELECT continues, id, project, claimed_by, created_at, coalesce(claimed_at, created_at)
FROM tasks WHERE length(continues) BETWEEN 1 AND 128
ON CONFLICT DO NOTHING;
