-- name: note_session_use
-- What is told again is added up: each attempt has its own cost and turns.
INSERT INTO session_uses (session_id, task_id, project, instance, first_at, last_at, cost_usd, turns)
VALUES (:session_id, :task_id, :project, :instance, :first_at, :last_at, :cost_usd, :turns)
ON CONFLICT (session_id, task_id) DO UPDATE SET
    project = excluded.project, instance = coalesce(excluded.instance, session_uses.instance),
    last_at = excluded.last_at, cost_usd = session_uses.cost_usd + excluded.cost_usd,
    turns = session_uses.turns + excluded.turns;

-- name: list_sessions
-- Of each session its last use, newest first; then what all of its uses come to.
SELECT latest.session_id, latest.project, latest.last_at, latest.task_id,
    (
        SELECT known.instance FROM session_uses AS known
        WHERE known.session_id = latest.session_id AND known.instance IS NOT NULL
        ORDER BY known.last_at DESC, known.task_id DESC LIMIT 1
    ) AS instance,
    min(uses.first_at) AS first_at, count(*) AS tasks, sum(uses.cost_usd) AS cost_usd,
    CAST(sum(uses.turns) AS BIGINT) AS turns
FROM (
    SELECT session_id, project, last_at, task_id FROM session_uses AS own
    WHERE (own.last_at, own.task_id) < (:after_at, :after_task)
      AND (CAST(:project AS TEXT) IS NULL OR own.project = :project)
      AND NOT EXISTS (
        SELECT 1 FROM session_uses AS later
        WHERE later.session_id = own.session_id
          AND (later.last_at, later.task_id) > (own.last_at, own.task_id)
      )
    ORDER BY own.last_at DESC, own.task_id DESC LIMIT :limit
) AS latest JOIN session_uses AS uses ON uses.session_id = latest.session_id
GROUP BY latest.session_id, latest.project, latest.last_at, latest.task_id
ORDER BY latest.last_at DESC, latest.task_id DESC;

-- name: get_session
SELECT latest.session_id, latest.project, latest.last_at, latest.task_id,
    (
        SELECT known.instance FROM session_uses AS known
        WHERE known.session_id = latest.session_id AND known.instance IS NOT NULL
        ORDER BY known.last_at DESC, known.task_id DESC LIMIT 1
    ) AS instance,
    min(uses.first_at) AS first_at, count(*) AS tasks, sum(uses.cost_usd) AS cost_usd,
    CAST(sum(uses.turns) AS BIGINT) AS turns
FROM (
    SELECT session_id, project, last_at, task_id FROM session_uses
    WHERE session_id = :session_id ORDER BY last_at DESC, task_id DESC LIMIT 1
) AS latest JOIN session_uses AS uses ON uses.session_id = latest.session_id
GROUP BY latest.session_id, latest.project, latest.last_at, latest.task_id;

-- name: tasks_of_session
SELECT tasks.* FROM session_uses AS uses JOIN tasks ON tasks.id = uses.task_id
WHERE uses.session_id = :session_id AND uses.task_id > :after
ORDER BY uses.task_id LIMIT :limit;
