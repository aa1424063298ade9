-- Discord: the messages that show questions, so that each can show what became of it.

-- `shown`: a digest of what the message says. A row goes as soon as the question is settled and its
-- message says so.
CREATE TABLE discord_questions (
    question_id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    shown TEXT NOT NULL DEFAULT ''
);
CREATE INDEX discord_questions_task ON discord_questions (task_id);

-- A message on its way may show a question now: SQLite takes another check in a new table only.
CREATE TABLE discord_outgoing_now (
    task_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('card', 'notice', 'progress', 'question')),
    channel_id INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    through INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    content TEXT NOT NULL,
    reply_to INTEGER,
    mention INTEGER,
    file_name TEXT,
    file_text TEXT,
    question_id INTEGER,
    CHECK ((kind = 'question') = (question_id IS NOT NULL))
);
INSERT INTO discord_outgoing_now (task_id, kind, channel_id, nonce, through, begun_at, content,
    reply_to, mention, file_name, file_text)
SELECT task_id, kind, channel_id, nonce, through, begun_at, content,
    reply_to, mention, file_name, file_text
FROM discord_outgoing;
DROP TABLE discord_outgoing;
ALTER TABLE discord_outgoing_now RENAME TO discord_outgoing;
