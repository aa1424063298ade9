-- name: lowest_cursor
-- Overridden: a list is unpacked by another function.
SELECT min(position) AS position FROM sink_cursors
WHERE sink IN (SELECT value FROM json_array_elements_text(:sinks::json));
