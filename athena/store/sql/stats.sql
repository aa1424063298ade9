-- name: count_by_status
SELECT status, count(*) AS tasks FROM tasks GROUP BY status;

-- name: count_pending_by_priority
SELECT priority, count(*) AS tasks FROM tasks WHERE status = 'pending' GROUP BY priority;

-- name: oldest_pending
SELECT min(created_at) AS created_at FROM tasks WHERE status = 'pending';

-- name: count_instances
SELECT count(*) AS total, coalesce(sum(online), 0) AS online FROM instances;

-- name: completed_since
SELECT count(*) AS tasks FROM tasks
WHERE status IN ('completed', 'failed', 'cancelled') AND completed_at >= :since
  AND status = 'completed';

-- name: cost_since
SELECT coalesce(sum(cost_usd), 0) AS cost_usd FROM tasks
WHERE status IN ('completed', 'failed', 'cancelled') AND completed_at >= :since;

-- name: cost_by_project_since
SELECT project AS name, sum(cost_usd) AS cost_usd FROM tasks
WHERE status IN ('completed', 'failed', 'cancelled') AND completed_at >= :since
  AND cost_usd IS NOT NULL
GROUP BY project ORDER BY cost_usd DESC LIMIT :limit;

-- name: cost_by_instance_since
SELECT claimed_by AS name, sum(cost_usd) AS cost_usd FROM tasks
WHERE status IN ('completed', 'failed', 'cancelled') AND completed_at >= :since
  AND cost_usd IS NOT NULL AND claimed_by IS NOT NULL
GROUP BY claimed_by ORDER BY cost_usd DESC LIMIT :limit;

-- name: recent_durations
-- The last completed ones are enough for a median, and cost the same at any size.
SELECT claimed_at - created_at AS wait_ms, completed_at - claimed_at AS run_ms FROM tasks
WHERE status IN ('completed', 'failed', 'cancelled') AND status = 'completed'
  AND claimed_at IS NOT NULL
ORDER BY completed_at DESC LIMIT :limit;
