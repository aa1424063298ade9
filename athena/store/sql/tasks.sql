-- name: insert_task
INSERT INTO tasks (
    description, status, priority, project, target, lane, created_at, created_by, created_via,
    submitter, updated_at, not_before, max_attempts, readiness, dependencies, unmet, affinity,
    affinity_until, offered_to, due_at, session_id, continues, metadata
) VALUES (
    :description, :status, :priority, :project, :target, :lane, :created_at, :created_by,
    :created_via, :submitter, :updated_at, :not_before, :max_attempts, :readiness, :dependencies,
    :unmet, :affinity, :affinity_until, :offered_to, :due_at, :session_id, :continues, :metadata
);

-- name: get_task
SELECT * FROM tasks WHERE id = :id;

-- name: lock_task
-- For a task that is about to change. One writer makes this a plain read on SQLite.
SELECT * FROM tasks WHERE id = :id;

-- name: lock_task_if_free
SELECT * FROM tasks WHERE id = :id;

-- name: lock_tasks
-- The same for many at once.
SELECT * FROM tasks WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id;

-- name: save_claimed
-- A transition writes what it can change and no more: all columns at once cost twice as much. What
-- is known only of pending tasks is gone with the claim (model/holding.py). The two narrow ones are
-- for tasks without an open question, which neither has an asker nor is parked on one.
-- Guarded, as the two below: a task that moved on meanwhile is not overwritten.
UPDATE tasks SET
    status = :status, updated_at = :updated_at, attempt = :attempt, claimed_by = :claimed_by,
    claimed_at = :claimed_at, lease_ms = :lease_ms, lease_deadline = :lease_deadline,
    lease_expires_at = :lease_expires_at, phase = :phase,
    late_holder = NULL, readiness = NULL, parked_until = NULL, affinity = NULL,
    affinity_until = NULL, offered_to = NULL, due_at = NULL, progress_percent = NULL,
    progress_message = NULL
WHERE id = :id AND status = :was_status AND attempt = :was_attempt;

-- name: save_ended
-- What is known only of pending tasks, or of running ones, is gone with the end.
UPDATE tasks SET
    status = :status, updated_at = :updated_at, failures = :failures, claimed_by = :claimed_by,
    claimed_at = :claimed_at, late_holder = :late_holder, notes = :notes, error = :error,
    result = :result, cost_usd = :cost_usd, completed_at = :completed_at,
    session_id = :session_id,
    lease_ms = NULL, lease_deadline = NULL, lease_expires_at = NULL, phase = NULL,
    readiness = NULL, parked_until = NULL, affinity = NULL, affinity_until = NULL,
    offered_to = NULL, due_at = NULL
WHERE id = :id AND status = :was_status AND attempt = :was_attempt;

-- name: save_task
-- Everything that can change but the description, which is long and hardly ever does.
UPDATE tasks SET
    status = :status, priority = :priority, project = :project, target = :target,
    updated_at = :updated_at, not_before = :not_before, max_attempts = :max_attempts,
    attempt = :attempt, failures = :failures, claimed_by = :claimed_by, claimed_at = :claimed_at,
    late_holder = :late_holder, lease_ms = :lease_ms, lease_deadline = :lease_deadline,
    lease_expires_at = :lease_expires_at, readiness = :readiness, dependencies = :dependencies,
    unmet = :unmet, parked_until = :parked_until, asker = :asker,
    parked_question = :parked_question, affinity = :affinity,
    affinity_until = :affinity_until, offered_to = :offered_to, due_at = :due_at, phase = :phase,
    progress_percent = :progress_percent, progress_message = :progress_message, notes = :notes,
    error = :error, result = :result, cost_usd = :cost_usd, completed_at = :completed_at,
    session_id = :session_id, metadata = :metadata
WHERE id = :id AND status = :was_status AND attempt = :was_attempt;

-- name: set_description
UPDATE tasks SET description = :description WHERE id = :id;

-- name: renew_lease
-- The attempt fences out a holder that was presumed dead and came back.
UPDATE tasks SET
    lease_ms = :lease_ms, lease_deadline = :lease_deadline, lease_expires_at = :lease_expires_at
WHERE id = :id AND attempt = :attempt AND claimed_by = :instance AND status = 'in_progress';

-- name: settle_task
-- Readiness follows from other things that were written with their own event.
UPDATE tasks SET
    updated_at = :updated_at, readiness = :readiness, parked_until = :parked_until,
    asker = :asker, parked_question = :parked_question, affinity = :affinity,
    affinity_until = :affinity_until, offered_to = :offered_to, due_at = :due_at, unmet = :unmet
WHERE id = :id AND status = 'pending';

-- name: delete_task
DELETE FROM tasks WHERE id = :id AND status = :was_status AND attempt = :was_attempt;

-- name: claim_candidate
-- The best of the heads of "everybody's", the instance's own and its labels' tasks: one seek each.
SELECT tasks.* FROM (
    SELECT (
        SELECT head.id FROM tasks AS head
        WHERE head.readiness = 'ready' AND head.offered_to = offer.value
        ORDER BY head.priority, head.id LIMIT 1
    ) AS id FROM json_each(:offers) AS offer
) AS heads JOIN tasks ON tasks.id = heads.id
ORDER BY tasks.priority, tasks.id LIMIT 1;

-- name: claim_candidate_of_projects
-- The same for each of the named projects.
SELECT tasks.* FROM (
    SELECT (
        SELECT head.id FROM tasks AS head
        WHERE head.readiness = 'ready' AND head.offered_to = offer.value
          AND head.project = wanted.value
        ORDER BY head.priority, head.id LIMIT 1
    ) AS id FROM json_each(:offers) AS offer, json_each(:projects) AS wanted
) AS heads JOIN tasks ON tasks.id = heads.id
ORDER BY tasks.priority, tasks.id LIMIT 1;

-- name: claim_heads
-- For a group of claims: the first few of each offer, in the order in which they are given out. A
-- place is an offer and how many are wanted of it: for PostgreSQL, which locks what is looked at.
SELECT tasks.offered_to, tasks.priority, tasks.id FROM json_each(:places) AS place
JOIN tasks ON tasks.id IN (
    SELECT head.id FROM tasks AS head
    WHERE head.readiness = 'ready' AND head.offered_to = json_extract(place.value, '$[0]')
    ORDER BY head.priority, head.id LIMIT :limit
) ORDER BY tasks.priority, tasks.id;

-- name: claim_heads_of_projects
-- The same for places with a project as well.
SELECT tasks.offered_to, tasks.project, tasks.priority, tasks.id FROM json_each(:places) AS place
JOIN tasks ON tasks.id IN (
    SELECT head.id FROM tasks AS head
    WHERE head.readiness = 'ready' AND head.offered_to = json_extract(place.value, '$[0]')
      AND head.project = json_extract(place.value, '$[2]')
    ORDER BY head.priority, head.id LIMIT :limit
) ORDER BY tasks.priority, tasks.id;

-- name: ready_projects
-- The distinct projects that have something ready, by skipping from one to the next in the index.
WITH RECURSIVE found (offered_to, project) AS (
    SELECT offer.value, (
        SELECT min(tasks.project) FROM tasks
        WHERE tasks.readiness = 'ready' AND tasks.offered_to = offer.value
    ) FROM json_each(:offers) AS offer
    UNION ALL
    SELECT found.offered_to, (
        SELECT min(tasks.project) FROM tasks
        WHERE tasks.readiness = 'ready' AND tasks.offered_to = found.offered_to
          AND tasks.project > found.project
    ) FROM found WHERE found.project IS NOT NULL
)
SELECT DISTINCT project FROM found WHERE project IS NOT NULL;

-- name: due_tasks
SELECT * FROM tasks WHERE due_at IS NOT NULL AND due_at <= :now ORDER BY due_at LIMIT :limit;

-- name: expired_tasks
SELECT * FROM tasks WHERE status = 'in_progress' AND lease_deadline <= :steady
ORDER BY lease_deadline LIMIT :limit;

-- name: renew_all_leases
-- After a start the steady clock counts from anywhere: every held task gets one fresh period.
UPDATE tasks SET lease_deadline = :steady + lease_ms, lease_expires_at = :now + lease_ms
WHERE status = 'in_progress';

-- name: held_tasks
SELECT * FROM tasks WHERE status = 'in_progress' AND claimed_by = :instance ORDER BY id;

-- name: all_held
SELECT claimed_by, id FROM tasks WHERE status = 'in_progress' ORDER BY claimed_by, id;

-- name: running_in_lane
SELECT id FROM tasks WHERE lane = :lane AND lane IS NOT NULL AND status = 'in_progress';

-- name: first_open_in_lane
SELECT * FROM tasks
WHERE lane = :lane AND lane IS NOT NULL AND readiness IN ('ready', 'held') ORDER BY id LIMIT 1;

-- name: first_started_in_lane
SELECT * FROM tasks
WHERE lane = :lane AND lane IS NOT NULL AND status = 'pending' AND attempt > 0
ORDER BY id LIMIT 1;

-- name: hold_lane
-- Readiness of the lane's others is derived from its head's change, which has its event.
UPDATE tasks SET readiness = 'held', updated_at = :now
WHERE lane = :lane AND lane IS NOT NULL AND readiness = 'ready' AND id <> :head;

-- name: list_pending
-- What is not asked for is NULL; the casts tell PostgreSQL of which type.
SELECT * FROM tasks
WHERE status = 'pending' AND (priority, id) > (CAST(:after_key AS BIGINT), :after_id)
  AND (CAST(:project AS TEXT) IS NULL OR project = :project)
  AND (CAST(:target AS TEXT) IS NULL OR target = :target)
  AND (CAST(:claimed_by AS TEXT) IS NULL OR claimed_by = :claimed_by)
  AND (CAST(:created_by AS TEXT) IS NULL OR created_by = :created_by)
  AND (CAST(:priority AS INTEGER) IS NULL OR priority = :priority)
  AND (CAST(:q AS TEXT) IS NULL OR description LIKE :q ESCAPE '\')
ORDER BY priority, id LIMIT :limit;

-- name: list_running
SELECT * FROM tasks
WHERE status = 'in_progress' AND (claimed_at, id) > (:after_key, :after_id)
  AND (CAST(:project AS TEXT) IS NULL OR project = :project)
  AND (CAST(:target AS TEXT) IS NULL OR target = :target)
  AND (CAST(:claimed_by AS TEXT) IS NULL OR claimed_by = :claimed_by)
  AND (CAST(:created_by AS TEXT) IS NULL OR created_by = :created_by)
  AND (CAST(:priority AS INTEGER) IS NULL OR priority = :priority)
  AND (CAST(:q AS TEXT) IS NULL OR description LIKE :q ESCAPE '\')
ORDER BY claimed_at, id LIMIT :limit;

-- name: list_ended
-- The repeated list of ends is what lets the partial index serve.
SELECT * FROM tasks
WHERE status IN ('completed', 'failed', 'cancelled')
  AND (completed_at, id) < (:after_key, :after_id)
  AND status IN (:end_1, :end_2, :end_3)
  AND (CAST(:project AS TEXT) IS NULL OR project = :project)
  AND (CAST(:target AS TEXT) IS NULL OR target = :target)
  AND (CAST(:claimed_by AS TEXT) IS NULL OR claimed_by = :claimed_by)
  AND (CAST(:created_by AS TEXT) IS NULL OR created_by = :created_by)
  AND (CAST(:priority AS INTEGER) IS NULL OR priority = :priority)
  AND (CAST(:q AS TEXT) IS NULL OR description LIKE :q ESCAPE '\')
ORDER BY completed_at DESC, id DESC LIMIT :limit;

-- name: place_in_queue
-- How many pending tasks come before this one in the order of the list, itself included.
SELECT count(*) AS position FROM tasks
WHERE status = 'pending' AND (priority, id) <= (:priority, :id);

-- name: ended_before
-- Oldest first, and only what no other task needs as its dependency.
SELECT * FROM tasks
WHERE status IN ('completed', 'failed', 'cancelled') AND completed_at < :before
  AND status IN (:end_1, :end_2, :end_3)
  AND NOT EXISTS (SELECT 1 FROM task_dependencies AS d WHERE d.depends_on = tasks.id)
ORDER BY completed_at, id LIMIT :limit;
