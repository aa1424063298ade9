-- name: transcript_extents
-- Overridden: a list is unpacked by another function.
SELECT task_id, last_id, lines, text_bytes
FROM json_array_elements_text(:ids::json) AS wanted (value)
JOIN transcripts ON task_id = wanted.value::bigint;
