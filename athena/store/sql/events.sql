-- name: insert_event
INSERT INTO events (task_id, type, at, actor_kind, actor_name, data)
VALUES (:task_id, :type, :at, :actor_kind, :actor_name, :data);

-- name: last_event_id
SELECT coalesce(max(id), 0) AS id FROM events;

-- name: first_event_id
SELECT coalesce(min(id), 0) AS id FROM events;

-- name: events_after
SELECT * FROM events WHERE id > :after ORDER BY id LIMIT :limit;

-- name: events_of_task
SELECT * FROM events WHERE task_id = :task_id AND id > :after ORDER BY id LIMIT :limit;

-- name: last_event_of_type
SELECT at FROM events WHERE task_id = :task_id AND type = :type ORDER BY id DESC LIMIT 1;

-- name: delete_events_before
-- Only what every sink has read; `keep_from` is the lowest position still wanted.
DELETE FROM events WHERE id IN (
    SELECT id FROM events WHERE id < :keep_from AND at < :before ORDER BY id LIMIT :limit
);

-- name: get_cursor
SELECT position FROM sink_cursors WHERE sink = :sink;

-- name: set_cursor
INSERT INTO sink_cursors (sink, position) VALUES (:sink, :position)
ON CONFLICT (sink) DO UPDATE SET position = excluded.position;

-- name: lowest_cursor
-- Of the sinks that there are: one that was switched off for good must not keep the log for ever.
SELECT min(position) AS position FROM sink_cursors
WHERE sink IN (SELECT value FROM json_each(:sinks));
