-- name: insert_dependency
INSERT INTO task_dependencies (task_id, depends_on) VALUES (:task_id, :depends_on);

-- name: delete_dependencies
DELETE FROM task_dependencies WHERE task_id = :task_id;

-- name: dependencies_of
-- For any number of tasks at once, so that a page of tasks costs one statement.
SELECT d.task_id, d.depends_on, dependency.status FROM task_dependencies AS d
JOIN tasks AS dependency ON dependency.id = d.depends_on
WHERE d.task_id IN (SELECT value FROM json_each(:task_ids)) ORDER BY d.task_id, d.depends_on;

-- name: depended_on
-- Which of these tasks any other depends on.
SELECT DISTINCT depends_on AS id FROM task_dependencies
WHERE depends_on IN (SELECT value FROM json_each(:ids));

-- name: count_dependents
SELECT count(*) AS dependents FROM (
    SELECT 1 FROM task_dependencies WHERE depends_on = :task_id LIMIT :limit
) AS counted;

-- name: dependents_of
-- Those whose readiness may change with this task's.
SELECT tasks.* FROM task_dependencies AS d JOIN tasks ON tasks.id = d.task_id
WHERE d.depends_on = :task_id AND tasks.status = 'pending' ORDER BY tasks.id;

-- name: unmet_of
-- Counted anew, not stepped: a repeat or a retried dependency cannot make it drift.
SELECT count(*) AS unmet FROM task_dependencies AS d
JOIN tasks AS dependency ON dependency.id = d.depends_on
WHERE d.task_id = :task_id AND dependency.status <> 'completed';

-- name: would_close_a_cycle
-- Whether the task is reached by following what its new dependencies depend on.
WITH RECURSIVE reached (id) AS (
    SELECT value FROM json_each(:depends_on)
    UNION
    SELECT d.depends_on FROM reached JOIN task_dependencies AS d ON d.task_id = reached.id
)
SELECT 1 AS found FROM reached WHERE id = :task_id LIMIT 1;
