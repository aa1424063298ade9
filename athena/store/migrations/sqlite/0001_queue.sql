-- The queue: tasks with their readiness, the event log, instances, keys, pauses, and what makes
-- requests repeatable. Times are UTC epoch milliseconds; lease_deadline is on the steady clock.

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    description TEXT NOT NULL CHECK (length(description) BETWEEN 1 AND 20000),
    status TEXT NOT NULL
        CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled')),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
    project TEXT NOT NULL DEFAULT '',
    target TEXT NOT NULL DEFAULT '',
    lane TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT,
    created_via TEXT NOT NULL,
    submitter TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    not_before INTEGER,
    max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    claimed_by TEXT,
    claimed_at INTEGER,
    late_holder TEXT,
    lease_ms INTEGER,
    lease_deadline INTEGER,
    lease_expires_at INTEGER,
    readiness TEXT CHECK (readiness IN ('ready', 'scheduled', 'blocked', 'held', 'parked')),
    dependencies INTEGER NOT NULL DEFAULT 0,
    unmet INTEGER NOT NULL DEFAULT 0 CHECK (unmet >= 0),
    parked_until INTEGER,
    affinity TEXT,
    affinity_until INTEGER,
    offered_to TEXT,
    due_at INTEGER,
    phase TEXT CHECK (phase IN ('working', 'waiting', 'auditing', 'testing', 'committing')),
    progress_percent INTEGER CHECK (progress_percent BETWEEN 0 AND 100),
    progress_message TEXT,
    notes TEXT,
    error TEXT,
    result TEXT,
    cost_usd REAL,
    completed_at INTEGER,
    session_id TEXT,
    continues TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    -- What must never be stored, whatever a bug above may try:
    CHECK ((status = 'pending') = (readiness IS NOT NULL)),
    CHECK ((status = 'pending') = (offered_to IS NOT NULL)),
    CHECK ((status = 'in_progress') = (lease_deadline IS NOT NULL)),
    CHECK (status <> 'in_progress' OR (claimed_by IS NOT NULL AND attempt >= 1)),
    CHECK (status <> 'pending' OR claimed_by IS NULL),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    CHECK (readiness <> 'ready' OR unmet = 0)
);

-- Claim-next looks up the heads of these, whatever the depth of the queue.
CREATE INDEX tasks_ready ON tasks (offered_to, project, priority, id) WHERE readiness = 'ready';
CREATE INDEX tasks_ready_any ON tasks (offered_to, priority, id) WHERE readiness = 'ready';
-- Lists: pending in claim order, running by claim, ended by end.
CREATE INDEX tasks_pending ON tasks (priority, id) WHERE status = 'pending';
CREATE INDEX tasks_running ON tasks (claimed_at, id) WHERE status = 'in_progress';
CREATE INDEX tasks_ended ON tasks (completed_at, id)
    WHERE status IN ('completed', 'failed', 'cancelled');
-- Sweeps: what time changes, and leases that run out.
CREATE INDEX tasks_due ON tasks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX tasks_lease ON tasks (lease_deadline) WHERE status = 'in_progress';
CREATE INDEX tasks_held ON tasks (claimed_by, id) WHERE status = 'in_progress';
-- Lanes: one task in progress at a time, the two ways to be a lane's head, and the one that may be
-- claimed: finding it among ten thousand that are held took 4 ms.
CREATE UNIQUE INDEX tasks_lane_running ON tasks (lane)
    WHERE status = 'in_progress' AND lane IS NOT NULL;
CREATE INDEX tasks_lane_open ON tasks (lane, id)
    WHERE lane IS NOT NULL AND readiness IN ('ready', 'held');
CREATE INDEX tasks_lane_ready ON tasks (lane) WHERE lane IS NOT NULL AND readiness = 'ready';
CREATE INDEX tasks_lane_started ON tasks (lane, id)
    WHERE lane IS NOT NULL AND status = 'pending' AND attempt > 0;

CREATE TABLE task_dependencies (
    task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    depends_on INTEGER NOT NULL REFERENCES tasks (id) ON DELETE RESTRICT,
    PRIMARY KEY (task_id, depends_on),
    CHECK (task_id <> depends_on)
) WITHOUT ROWID;
CREATE INDEX task_dependencies_reverse ON task_dependencies (depends_on, task_id);

-- No foreign key to tasks: events outlive their task.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('key', 'discord', 'instance', 'system')),
    actor_name TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX events_task ON events (task_id, id) WHERE task_id IS NOT NULL;

CREATE TABLE instances (
    slug TEXT PRIMARY KEY,
    name TEXT,
    host TEXT,
    platform TEXT,
    version TEXT,
    labels TEXT NOT NULL DEFAULT '[]',
    projects TEXT,
    slots INTEGER,
    health TEXT NOT NULL DEFAULT '{}',
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    online INTEGER NOT NULL CHECK (online IN (0, 1))
) WITHOUT ROWID;

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    shown TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    instance TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
);

-- The empty text stands for "any", so that the primary key holds.
CREATE TABLE pauses (
    project TEXT NOT NULL DEFAULT '',
    instance TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (project, instance)
) WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    task_id INTEGER NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_task ON idempotency_keys (task_id);

-- How far each reader of the log that must not miss anything has come.
CREATE TABLE sink_cursors (
    sink TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;
