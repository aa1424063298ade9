-- name: lock_tasks
-- Overridden: on SQLite there is one writer; here the rows are locked, in the order of their ids, so
-- that two transactions cannot wait for each other. LATERAL is a seek for each: of a plan that was
-- made while the table was small, IN (SELECT ...) read all of it later.
SELECT task.* FROM (
    SELECT value::bigint AS id FROM json_array_elements_text(:ids::json) ORDER BY id
) AS wanted CROSS JOIN LATERAL (
    SELECT * FROM tasks WHERE tasks.id = wanted.id FOR UPDATE
) AS task;

-- name: claim_heads
-- Overridden: tasks that another replica is just claiming are left to it (SKIP LOCKED) instead of
-- waiting for it.
SELECT head.offered_to, head.priority, head.id
FROM json_array_elements_text(:offers::json) AS offer (value)
CROSS JOIN LATERAL (
    SELECT tasks.offered_to, tasks.priority, tasks.id FROM tasks
    WHERE tasks.readiness = 'ready' AND tasks.offered_to = offer.value
    ORDER BY tasks.priority, tasks.id LIMIT :limit FOR UPDATE SKIP LOCKED
) AS head ORDER BY head.priority, head.id;

-- name: claim_heads_of_projects
-- Overridden: as claim_heads. The project is said as a range and leads the order, so that no plan
-- takes the index without it, which has the tasks of all other projects in front.
SELECT head.offered_to, head.project, head.priority, head.id
FROM json_array_elements(:pairs::json) AS pair (value)
CROSS JOIN LATERAL (
    SELECT tasks.offered_to, tasks.project, tasks.priority, tasks.id FROM tasks
    WHERE tasks.readiness = 'ready' AND tasks.offered_to = pair.value ->> 0
      AND tasks.project >= pair.value ->> 1 AND tasks.project <= pair.value ->> 1
    ORDER BY tasks.project, tasks.priority, tasks.id LIMIT :limit FOR UPDATE SKIP LOCKED
) AS head ORDER BY head.priority, head.id;
