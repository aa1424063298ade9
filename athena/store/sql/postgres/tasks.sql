-- name: lock_task
-- Overridden: with more than one writer, what is about to be changed has to be locked.
SELECT * FROM tasks WHERE id = :id FOR UPDATE;

-- name: lock_task_if_free
-- Overridden: a row that somebody else has locked is not waited for.
SELECT * FROM tasks WHERE id = :id FOR UPDATE SKIP LOCKED;

-- name: claim_candidate
-- Overridden: a list is unpacked by another function. The heads come by LATERAL, which is planned as
-- one seek each, whatever the engine takes the table for.
SELECT tasks.* FROM json_array_elements_text(:offers::json) AS offer (value)
CROSS JOIN LATERAL (
    SELECT head.id FROM tasks AS head
    WHERE head.readiness = 'ready' AND head.offered_to = offer.value
    ORDER BY head.priority, head.id LIMIT 1
) AS heads JOIN tasks ON tasks.id = heads.id
ORDER BY tasks.priority, tasks.id LIMIT 1;

-- name: claim_candidate_of_projects
-- Overridden: as claim_candidate. The project is said as a range and leads the order, so that no
-- plan takes the index without it, which has the tasks of all other projects in front.
SELECT tasks.* FROM json_array_elements_text(:offers::json) AS offer (value)
CROSS JOIN json_array_elements_text(:projects::json) AS wanted (value)
CROSS JOIN LATERAL (
    SELECT head.id FROM tasks AS head
    WHERE head.readiness = 'ready' AND head.offered_to = offer.value
      AND head.project >= wanted.value AND head.project <= wanted.value
    ORDER BY head.project, head.priority, head.id LIMIT 1
) AS heads JOIN tasks ON tasks.id = heads.id
ORDER BY tasks.priority, tasks.id LIMIT 1;

-- name: ready_projects
-- Overridden: a list is unpacked by another function; both halves of a recursion must compare text
-- by the same rules.
WITH RECURSIVE found (offered_to, project) AS (
    SELECT offer.value COLLATE "C", (
        SELECT min(tasks.project) FROM tasks
        WHERE tasks.readiness = 'ready' AND tasks.offered_to = offer.value
    ) FROM json_array_elements_text(:offers::json) AS offer (value)
    UNION ALL
    SELECT found.offered_to, (
        SELECT min(tasks.project) FROM tasks
        WHERE tasks.readiness = 'ready' AND tasks.offered_to = found.offered_to
          AND tasks.project > found.project
    ) FROM found WHERE found.project IS NOT NULL
)
SELECT DISTINCT project FROM found WHERE project IS NOT NULL;
