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
-- waiting for it. What is looked at is locked, so it is no more of each offer than may be taken: the
-- other replica would pass over the best for worse ones.
SELECT head.offered_to, head.priority, head.id
FROM json_array_elements(:places::json) AS place (value)
CROSS JOIN LATERAL (
    SELECT tasks.offered_to, tasks.priority, tasks.id FROM tasks
    WHERE tasks.readiness = 'ready' AND tasks.offered_to = place.value ->> 0
    ORDER BY tasks.priority, tasks.id LIMIT least(:limit, (place.value ->> 1)::bigint)
    FOR UPDATE SKIP LOCKED
) AS head ORDER BY head.priority, head.id;

-- name: claim_heads_of_projects
-- Overridden: as claim_heads. The project is said as a range and leads the order, so that no plan
-- takes the index without it, which has the tasks of all other projects in front.
SELECT head.offered_to, head.project, head.priority, head.id
FROM json_array_elements(:places::json) AS place (value)
CROSS JOIN LATERAL (
    SELECT tasks.offered_to, tasks.project, tasks.priority, tasks.id FROM tasks
    WHERE tasks.readiness = 'ready' AND tasks.offered_to = place.value ->> 0
      AND tasks.project >= place.value ->> 2 AND tasks.project <= place.value ->> 2
    ORDER BY tasks.project, tasks.priority, tasks.id
    LIMIT least(:limit, (place.value ->> 1)::bigint) FOR UPDATE SKIP LOCKED
) AS head ORDER BY head.priority, head.id;
