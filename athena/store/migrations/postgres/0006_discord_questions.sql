-- Discord: the messages that show questions, so that each can show what became of it.

-- `shown`: a digest of what the message says. A row goes as soon as the question is settled and its
-- message says so.
CREATE TABLE discord_questions (
    question_id BIGINT PRIMARY KEY,
    task_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    shown TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX discord_questions_task ON discord_questions (task_id);

-- A message on its way may show a question now.
ALTER TABLE discord_outgoing
    ADD COLUMN question_id BIGINT,
    DROP CONSTRAINT discord_outgoing_kind_check,
    ADD CONSTRAINT discord_outgoing_kind_check
        CHECK (kind IN ('card', 'notice', 'progress', 'question')),
    ADD CONSTRAINT discord_outgoing_question_check
        CHECK ((kind = 'question') = (question_id IS NOT NULL));
