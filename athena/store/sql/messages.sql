-- name: insert_message
INSERT INTO messages (task_id, text, sent_by, sent_via, sent_at, follow_up)
VALUES (:task_id, :text, :sent_by, :sent_via, :sent_at, :follow_up);

-- name: count_messages
SELECT count(*) AS messages FROM messages WHERE task_id = :task_id;

-- name: list_messages
SELECT * FROM messages WHERE task_id = :task_id AND id > :after ORDER BY id LIMIT :limit;

-- name: list_follow_ups
-- Those of the same page, as far as they were not removed.
SELECT tasks.* FROM messages JOIN tasks ON tasks.id = messages.follow_up
WHERE messages.task_id = :task_id AND messages.id > :after AND messages.id <= :through;
