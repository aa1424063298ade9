-- Discord: what has been told about each task and where, the messages that are just being sent,
-- and which commands were registered. Ids are Discord's snowflakes.

-- No foreign key to tasks: task 0 stands for what concerns none, and a card outlives its task.
CREATE TABLE discord_deliveries (
    task_id BIGINT PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    card_id BIGINT,
    cards_posted INTEGER NOT NULL DEFAULT 0,
    shown TEXT COLLATE "C" NOT NULL DEFAULT '',
    thread_id BIGINT,
    progress_id BIGINT,
    progress TEXT COLLATE "C" NOT NULL DEFAULT '',
    delivered BIGINT NOT NULL DEFAULT 0
);

-- At most one message of a task is on its way at a time: that is what keeps them in order.
CREATE TABLE discord_outgoing (
    task_id BIGINT PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('card', 'notice', 'progress')),
    channel_id BIGINT NOT NULL,
    nonce TEXT COLLATE "C" NOT NULL,
    through BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    reply_to BIGINT,
    mention BIGINT,
    file_name TEXT COLLATE "C",
    file_text TEXT COLLATE "C"
);

CREATE TABLE discord_commands (
    scope TEXT COLLATE "C" PRIMARY KEY,
    fingerprint TEXT COLLATE "C" NOT NULL
);
