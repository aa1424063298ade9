-- What instances ask people, what people write to tasks, and what a task knows of it: who has asked
-- its open questions, and which of them it is parked on.

ALTER TABLE tasks ADD COLUMN asker TEXT;
ALTER TABLE tasks ADD COLUMN parked_question INTEGER
    CHECK (parked_question IS NULL OR (coalesce(readiness, '') = 'parked' AND asker IS NOT NULL));

CREATE TABLE questions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    instance TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('text', 'choice', 'approval')),
    text TEXT NOT NULL,
    choices TEXT,
    action TEXT,
    key TEXT,
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'answered', 'withdrawn')),
    asked_at INTEGER NOT NULL,
    answer TEXT,
    note TEXT,
    answered_by TEXT,
    answered_via TEXT,
    answered_at INTEGER,
    CHECK ((kind = 'choice') = (choices IS NOT NULL)),
    CHECK (action IS NULL OR kind = 'approval'),
    CHECK ((status = 'answered') = (answer IS NOT NULL)),
    CHECK ((status = 'answered') = (answered_by IS NOT NULL)),
    CHECK ((status = 'answered') = (answered_at IS NOT NULL)),
    CHECK (kind <> 'approval' OR answer IN ('allow', 'allow_project', 'deny'))
);
CREATE INDEX questions_task ON questions (task_id, id);
CREATE INDEX questions_open ON questions (id) WHERE status = 'open';
-- The asker's own name for it. One that was withdrawn leaves its name to the next.
CREATE UNIQUE INDEX questions_named ON questions (task_id, key)
    WHERE key IS NOT NULL AND status <> 'withdrawn';

-- No foreign key of the follow-up: it may be removed before the task that it follows.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 20000),
    sent_by TEXT NOT NULL,
    sent_via TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    follow_up INTEGER
);
CREATE INDEX messages_task ON messages (task_id, id);
