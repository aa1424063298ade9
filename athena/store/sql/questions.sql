-- name: insert_question
INSERT INTO questions (task_id, attempt, instance, kind, text, choices, action, key, asked_at)
VALUES (:task_id, :attempt, :instance, :kind, :text, :choices, :action, :key, :asked_at);

-- name: get_question
SELECT * FROM questions WHERE id = :id;

-- name: find_question_by_key
SELECT * FROM questions
WHERE task_id = :task_id AND key = :key AND key IS NOT NULL AND status <> 'withdrawn';

-- name: count_questions
-- Of a task: how many there are, and how many of them are open.
SELECT count(*) AS questions, coalesce(sum(CASE WHEN status = 'open' THEN 1 ELSE 0 END), 0) AS open
FROM questions WHERE task_id = :task_id;

-- name: answer_question
-- Guarded, as withdraw_question: the first answer is the one that counts.
UPDATE questions SET
    status = 'answered', answer = :answer, note = :note, answered_by = :answered_by,
    answered_via = :answered_via, answered_at = :answered_at
WHERE id = :id AND status = 'open';

-- name: withdraw_question
UPDATE questions SET status = 'withdrawn' WHERE id = :id AND status = 'open';

-- name: open_questions_of_task
SELECT * FROM questions WHERE task_id = :task_id AND status = 'open' ORDER BY id;

-- name: list_open_questions
-- The index of the open ones stays short, however many were ever asked.
SELECT questions.* FROM questions JOIN tasks ON tasks.id = questions.task_id
WHERE questions.status = 'open' AND questions.id > :after
  AND (CAST(:project AS TEXT) IS NULL OR tasks.project = :project)
ORDER BY questions.id LIMIT :limit;

-- name: list_questions
SELECT questions.* FROM questions JOIN tasks ON tasks.id = questions.task_id
WHERE questions.id > :after
  AND (CAST(:status AS TEXT) IS NULL OR questions.status = :status)
  AND (CAST(:project AS TEXT) IS NULL OR tasks.project = :project)
ORDER BY questions.id LIMIT :limit;

-- name: list_questions_of_task
SELECT questions.* FROM questions JOIN tasks ON tasks.id = questions.task_id
WHERE questions.task_id = :task_id AND questions.id > :after
  AND (CAST(:status AS TEXT) IS NULL OR questions.status = :status)
  AND (CAST(:project AS TEXT) IS NULL OR tasks.project = :project)
ORDER BY questions.id LIMIT :limit;
