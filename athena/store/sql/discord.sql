-- name: get_discord_delivery
SELECT * FROM discord_deliveries WHERE task_id = :task_id;

-- name: save_discord_delivery
INSERT INTO discord_deliveries (task_id, guild_id, channel_id, card_id, cards_posted, shown,
    thread_id, progress_id, progress, delivered)
VALUES (:task_id, :guild_id, :channel_id, :card_id, :cards_posted, :shown,
    :thread_id, :progress_id, :progress, :delivered)
ON CONFLICT (task_id) DO UPDATE SET
    guild_id = excluded.guild_id, channel_id = excluded.channel_id, card_id = excluded.card_id,
    cards_posted = excluded.cards_posted, shown = excluded.shown, thread_id = excluded.thread_id,
    progress_id = excluded.progress_id, progress = excluded.progress,
    delivered = excluded.delivered;

-- name: delete_discord_delivery
DELETE FROM discord_deliveries WHERE task_id = :task_id;

-- name: get_discord_outgoing
SELECT * FROM discord_outgoing WHERE task_id = :task_id;

-- name: save_discord_outgoing
INSERT INTO discord_outgoing (task_id, kind, channel_id, nonce, through, begun_at, content,
    reply_to, mention, file_name, file_text, question_id)
VALUES (:task_id, :kind, :channel_id, :nonce, :through, :begun_at, :content,
    :reply_to, :mention, :file_name, :file_text, :question_id)
ON CONFLICT (task_id) DO UPDATE SET
    kind = excluded.kind, channel_id = excluded.channel_id, nonce = excluded.nonce,
    through = excluded.through, begun_at = excluded.begun_at, content = excluded.content,
    reply_to = excluded.reply_to, mention = excluded.mention, file_name = excluded.file_name,
    file_text = excluded.file_text, question_id = excluded.question_id;

-- name: delete_discord_outgoing
DELETE FROM discord_outgoing WHERE task_id = :task_id;

-- name: get_discord_question
SELECT * FROM discord_questions WHERE question_id = :question_id;

-- name: list_discord_questions
SELECT * FROM discord_questions WHERE task_id = :task_id ORDER BY question_id;

-- name: save_discord_question
INSERT INTO discord_questions (question_id, task_id, channel_id, message_id, shown)
VALUES (:question_id, :task_id, :channel_id, :message_id, :shown)
ON CONFLICT (question_id) DO UPDATE SET
    channel_id = excluded.channel_id, message_id = excluded.message_id, shown = excluded.shown;

-- name: delete_discord_question
DELETE FROM discord_questions WHERE question_id = :question_id;

-- name: delete_discord_questions
DELETE FROM discord_questions WHERE task_id = :task_id;

-- name: list_discord_commands
SELECT scope, fingerprint FROM discord_commands ORDER BY scope;

-- name: save_discord_commands
INSERT INTO discord_commands (scope, fingerprint) VALUES (:scope, :fingerprint)
ON CONFLICT (scope) DO UPDATE SET fingerprint = excluded.fingerprint;

-- name: delete_discord_commands
DELETE FROM discord_commands WHERE scope = :scope;

-- name: discord_choices
-- Completion while a person types: the task of that number, then the first in each list's own order
-- whose text has all the words. Each list is cut before it is searched, so that the time does not
-- grow with the history.
SELECT id, description, status FROM (
    SELECT id, substr(description, 1, 300) AS description, status, 0 AS place, 0 AS turn
    FROM tasks WHERE id = :number
      AND ((status = 'pending' AND :pending = 1) OR (status = 'in_progress' AND :running = 1)
        OR (status IN ('completed', 'failed', 'cancelled') AND :ended = 1))
    UNION ALL
    SELECT id, substr(description, 1, 300), status, 1, row_number() OVER () FROM (
        SELECT id, description, status FROM tasks WHERE status = 'in_progress'
        ORDER BY claimed_at, id LIMIT CASE WHEN :running = 1 THEN :look_at ELSE 0 END
    ) AS running
    WHERE id <> :number AND (CAST(id AS TEXT) LIKE :prefix OR (
        description LIKE :word_1 ESCAPE '\' AND description LIKE :word_2 ESCAPE '\'
        AND description LIKE :word_3 ESCAPE '\'))
    UNION ALL
    SELECT id, substr(description, 1, 300), status, 2, row_number() OVER () FROM (
        SELECT id, description, status FROM tasks WHERE status = 'pending'
        ORDER BY priority, id LIMIT CASE WHEN :pending = 1 THEN :look_at ELSE 0 END
    ) AS pending
    WHERE id <> :number AND (CAST(id AS TEXT) LIKE :prefix OR (
        description LIKE :word_1 ESCAPE '\' AND description LIKE :word_2 ESCAPE '\'
        AND description LIKE :word_3 ESCAPE '\'))
    UNION ALL
    SELECT id, substr(description, 1, 300), status, 3, row_number() OVER () FROM (
        SELECT id, description, status FROM tasks
        WHERE status IN ('completed', 'failed', 'cancelled')
        ORDER BY completed_at DESC, id DESC
        LIMIT CASE WHEN :ended = 1 THEN :look_at_ended ELSE 0 END
    ) AS ended
    WHERE id <> :number AND (CAST(id AS TEXT) LIKE :prefix OR (
        description LIKE :word_1 ESCAPE '\' AND description LIKE :word_2 ESCAPE '\'
        AND description LIKE :word_3 ESCAPE '\'))
) AS found ORDER BY place, turn LIMIT :limit;
