-- name: get_transcript
SELECT last_id, lines, text_bytes FROM transcripts WHERE task_id = :task_id;

-- name: get_transcript_state
-- What a follower looks at, without the long texts of the task.
SELECT tasks.status, coalesce(transcripts.last_id, 0) AS last_id,
    coalesce(transcripts.lines, 0) AS lines, coalesce(transcripts.text_bytes, 0) AS text_bytes
FROM tasks LEFT JOIN transcripts ON transcripts.task_id = tasks.id
WHERE tasks.id = :task_id;

-- name: save_transcript
INSERT INTO transcripts (task_id, last_id, lines, text_bytes)
VALUES (:task_id, :last_id, :lines, :text_bytes)
ON CONFLICT (task_id) DO UPDATE SET
    last_id = excluded.last_id, lines = excluded.lines, text_bytes = excluded.text_bytes;

-- name: transcript_extents
SELECT task_id, last_id, lines, text_bytes FROM transcripts
WHERE task_id IN (SELECT value FROM json_each(:ids));

-- name: get_transcript_attempt
SELECT instance, next_number FROM transcript_attempts
WHERE task_id = :task_id AND attempt = :attempt;

-- name: save_transcript_attempt
INSERT INTO transcript_attempts (task_id, attempt, instance, next_number)
VALUES (:task_id, :attempt, :instance, :next_number)
ON CONFLICT (task_id, attempt) DO UPDATE SET next_number = excluded.next_number;

-- name: claim_of_attempt
-- Each claim raises the attempt by one and has its event: counted from the newest, the attempt's
-- own comes after as many as there were later ones.
SELECT data FROM events WHERE task_id = :task_id AND type = 'task.claimed'
ORDER BY id DESC LIMIT 1 OFFSET :later;

-- name: insert_transcript_line
INSERT INTO transcript_lines (task_id, id, attempt, number, at, kind, text, text_bytes)
VALUES (:task_id, :id, :attempt, :number, :at, :kind, :text, :text_bytes);

-- name: transcript_lines_after
SELECT id, attempt, number, at, kind, text FROM transcript_lines
WHERE task_id = :task_id AND id > :after ORDER BY id LIMIT :limit;

-- name: oldest_transcript_lines
SELECT id, text_bytes FROM transcript_lines
WHERE task_id = :task_id AND id > :after ORDER BY id LIMIT :limit;

-- name: delete_transcript_lines
DELETE FROM transcript_lines WHERE task_id = :task_id AND id <= :through;
