-- name: dependencies_of
-- Overridden: a list is unpacked by another function, and its numbers come as text. LATERAL with a
-- bound (OFFSET 0 bounds nothing) is a seek for each, whatever the planner takes the table for: of a
-- plan that was made while it was small, IN (SELECT ...) read all of it later.
SELECT d.task_id, d.depends_on, dependency.status
FROM json_array_elements_text(:task_ids::json) AS wanted (value)
CROSS JOIN LATERAL (
    SELECT task_id, depends_on FROM task_dependencies WHERE task_id = wanted.value::bigint OFFSET 0
) AS d
CROSS JOIN LATERAL (SELECT status FROM tasks WHERE id = d.depends_on OFFSET 0) AS dependency
ORDER BY d.task_id, d.depends_on;

-- name: depended_on
-- Overridden: as dependencies_of.
SELECT wanted.value::bigint AS id FROM json_array_elements_text(:ids::json) AS wanted (value)
CROSS JOIN LATERAL (
    SELECT 1 FROM task_dependencies WHERE depends_on = wanted.value::bigint LIMIT 1
) AS found;

-- name: would_close_a_cycle
-- Overridden: as dependencies_of.
WITH RECURSIVE reached (id) AS (
    SELECT value::bigint FROM json_array_elements_text(:depends_on::json)
    UNION
    SELECT d.depends_on FROM reached CROSS JOIN LATERAL (
        SELECT depends_on FROM task_dependencies WHERE task_id = reached.id OFFSET 0
    ) AS d
)
SELECT 1 AS found FROM reached WHERE id = :task_id LIMIT 1;
