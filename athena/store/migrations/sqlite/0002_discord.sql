-- Discord: what has been told about each task and where, the messages that are just being sent,
-- and which commands were registered. Ids are Discord's snowflakes.

-- No foreign key to tasks: task 0 stands for what concerns none, and a card outlives its task.
CREATE TABLE discord_deliveries (
    task_id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    card_id INTEGER,
    cards_posted INTEGER NOT NULL DEFAULT 0,
    shown TEXT NOT NULL DEFAULT '',
    thread_id INTEGER,
    progress_id INTEGER,
    progress TEXT NOT NULL DEFAULT '',
    delivered INTEGER NOT NULL DEFAULT 0
);

-- At most one message of a task is on its way at a time: that is what keeps them in order.
CREATE TABLE discord_outgoing (
    task_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('card', 'notice', 'progress')),
    channel_id INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    through INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    content TEXT NOT NULL,
    reply_to INTEGER,
    mention INTEGER,
    file_name TEXT,
    file_text TEXT
);

CREATE TABLE discord_commands (
    scope TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL
) WITHOUT ROWID;
