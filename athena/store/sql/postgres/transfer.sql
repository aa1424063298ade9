-- name: store_origin
-- Overridden: the number of the newest migration stands in a table, not in the head of a file.
SELECT 'postgresql' AS engine, version AS schema FROM schema_version;

-- name: id_counters
-- Overridden: ids are counted by sequences. One that was never asked has its first number as its last.
SELECT 'api_keys' AS name, CASE WHEN is_called THEN last_value ELSE 0 END AS last_id
FROM api_keys_id_seq
UNION ALL
SELECT 'events', CASE WHEN is_called THEN last_value ELSE 0 END FROM events_id_seq
UNION ALL
SELECT 'messages', CASE WHEN is_called THEN last_value ELSE 0 END FROM messages_id_seq
UNION ALL
SELECT 'questions', CASE WHEN is_called THEN last_value ELSE 0 END FROM questions_id_seq
UNION ALL
SELECT 'tasks', CASE WHEN is_called THEN last_value ELSE 0 END FROM tasks_id_seq;

-- name: set_id_counter
-- Overridden: a sequence begins with 1, so that 0 is said as "1 was not given yet".
SELECT setval(
    pg_get_serial_sequence(:name, 'id'),
    greatest(CAST(:last_id AS BIGINT), 1), CAST(:last_id AS BIGINT) > 0
);
