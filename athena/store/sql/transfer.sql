-- Every table, page by page in the order of its key, and row by row back in. The columns are listed
-- once more in store/transfer.py; tests compare both with the schema.

-- name: export_tasks
SELECT * FROM tasks WHERE id > :id ORDER BY id LIMIT :limit;

-- name: import_tasks
INSERT INTO tasks (
    id, description, status, priority, project, target, lane, created_at, created_by,
    created_via, submitter, updated_at, not_before, max_attempts, attempt, failures, claimed_by,
    claimed_at, late_holder, lease_ms, lease_deadline, lease_expires_at, readiness,
    dependencies, unmet, parked_until, asker, parked_question, affinity, affinity_until,
    offered_to, due_at, phase, progress_percent, progress_message, notes, error, result, cost_usd,
    completed_at, session_id, continues, metadata
) VALUES (
    :id, :description, :status, :priority, :project, :target, :lane, :created_at, :created_by,
    :created_via, :submitter, :updated_at, :not_before, :max_attempts, :attempt, :failures,
    :claimed_by, :claimed_at, :late_holder, :lease_ms, :lease_deadline, :lease_expires_at,
    :readiness, :dependencies, :unmet, :parked_until, :asker, :parked_question, :affinity,
    :affinity_until, :offered_to, :due_at, :phase, :progress_percent, :progress_message, :notes,
    :error, :result, :cost_usd, :completed_at, :session_id, :continues, :metadata
);

-- name: export_task_dependencies
SELECT * FROM task_dependencies WHERE (task_id, depends_on) > (:task_id, :depends_on)
ORDER BY task_id, depends_on LIMIT :limit;

-- name: import_task_dependencies
INSERT INTO task_dependencies (task_id, depends_on)
VALUES (:task_id, :depends_on);

-- name: export_questions
SELECT * FROM questions WHERE id > :id ORDER BY id LIMIT :limit;

-- name: import_questions
INSERT INTO questions (
    id, task_id, attempt, instance, kind, text, choices, action, key, status, asked_at, answer,
    note, answered_by, answered_via, answered_at
) VALUES (
    :id, :task_id, :attempt, :instance, :kind, :text, :choices, :action, :key, :status, :asked_at,
    :answer, :note, :answered_by, :answered_via, :answered_at
);

-- name: export_messages
SELECT * FROM messages WHERE id > :id ORDER BY id LIMIT :limit;

-- name: import_messages
INSERT INTO messages (id, task_id, text, sent_by, sent_via, sent_at, follow_up)
VALUES (:id, :task_id, :text, :sent_by, :sent_via, :sent_at, :follow_up);

-- name: export_transcripts
SELECT * FROM transcripts WHERE task_id > :task_id ORDER BY task_id LIMIT :limit;

-- name: import_transcripts
INSERT INTO transcripts (task_id, last_id, lines, text_bytes)
VALUES (:task_id, :last_id, :lines, :text_bytes);

-- name: export_transcript_attempts
SELECT * FROM transcript_attempts WHERE (task_id, attempt) > (:task_id, :attempt)
ORDER BY task_id, attempt LIMIT :limit;

-- name: import_transcript_attempts
INSERT INTO transcript_attempts (task_id, attempt, instance, next_number)
VALUES (:task_id, :attempt, :instance, :next_number);

-- name: export_transcript_lines
SELECT * FROM transcript_lines WHERE (task_id, id) > (:task_id, :id)
ORDER BY task_id, id LIMIT :limit;

-- name: import_transcript_lines
INSERT INTO transcript_lines (task_id, id, attempt, number, at, kind, text, text_bytes)
VALUES (:task_id, :id, :attempt, :number, :at, :kind, :text, :text_bytes);

-- name: export_session_uses
SELECT * FROM session_uses WHERE (session_id, task_id) > (:session_id, :task_id)
ORDER BY session_id, task_id LIMIT :limit;

-- name: import_session_uses
INSERT INTO session_uses (
    session_id, task_id, project, instance, first_at, last_at, cost_usd, turns
) VALUES (
    :session_id, :task_id, :project, :instance, :first_at, :last_at, :cost_usd, :turns
);

-- name: export_events
SELECT * FROM events WHERE id > :id ORDER BY id LIMIT :limit;

-- name: import_events
INSERT INTO events (id, task_id, type, at, actor_kind, actor_name, data)
VALUES (:id, :task_id, :type, :at, :actor_kind, :actor_name, :data);

-- name: export_instances
SELECT * FROM instances WHERE slug > :slug ORDER BY slug LIMIT :limit;

-- name: import_instances
INSERT INTO instances (
    slug, name, host, platform, version, labels, projects, slots, health, first_seen, last_seen,
    online
) VALUES (
    :slug, :name, :host, :platform, :version, :labels, :projects, :slots, :health, :first_seen,
    :last_seen, :online
);

-- name: export_api_keys
SELECT * FROM api_keys WHERE id > :id ORDER BY id LIMIT :limit;

-- name: import_api_keys
INSERT INTO api_keys (
    id, name, shown, digest, scopes, instance, created_at, expires_at, last_used_at, revoked_at
) VALUES (
    :id, :name, :shown, :digest, :scopes, :instance, :created_at, :expires_at, :last_used_at,
    :revoked_at
);

-- name: export_pauses
-- The pause of everything has two empty texts for its key, and nothing comes before them.
SELECT * FROM pauses WHERE (project, instance) > (:project, :instance) OR :is_first = 1
ORDER BY project, instance LIMIT :limit;

-- name: import_pauses
INSERT INTO pauses (project, instance)
VALUES (:project, :instance);

-- name: export_idempotency_keys
SELECT * FROM idempotency_keys WHERE (owner, key) > (:owner, :key)
ORDER BY owner, key LIMIT :limit;

-- name: import_idempotency_keys
INSERT INTO idempotency_keys (owner, key, fingerprint, task_id, answer, created_at)
VALUES (:owner, :key, :fingerprint, :task_id, :answer, :created_at);

-- name: export_sink_cursors
SELECT * FROM sink_cursors WHERE sink > :sink ORDER BY sink LIMIT :limit;

-- name: import_sink_cursors
INSERT INTO sink_cursors (sink, position)
VALUES (:sink, :position);

-- name: export_discord_deliveries
SELECT * FROM discord_deliveries WHERE task_id > :task_id ORDER BY task_id LIMIT :limit;

-- name: import_discord_deliveries
INSERT INTO discord_deliveries (
    task_id, guild_id, channel_id, card_id, cards_posted, shown, thread_id, progress_id,
    progress, delivered
) VALUES (
    :task_id, :guild_id, :channel_id, :card_id, :cards_posted, :shown, :thread_id, :progress_id,
    :progress, :delivered
);

-- name: export_discord_outgoing
SELECT * FROM discord_outgoing WHERE task_id > :task_id ORDER BY task_id LIMIT :limit;

-- name: import_discord_outgoing
INSERT INTO discord_outgoing (
    task_id, kind, channel_id, nonce, through, begun_at, content, reply_to, mention, file_name,
    file_text, question_id
) VALUES (
    :task_id, :kind, :channel_id, :nonce, :through, :begun_at, :content, :reply_to, :mention,
    :file_name, :file_text, :question_id
);

-- name: export_discord_questions
SELECT * FROM discord_questions WHERE question_id > :question_id ORDER BY question_id LIMIT :limit;

-- name: import_discord_questions
INSERT INTO discord_questions (question_id, task_id, channel_id, message_id, shown)
VALUES (:question_id, :task_id, :channel_id, :message_id, :shown);

-- name: export_discord_commands
SELECT * FROM discord_commands WHERE scope > :scope ORDER BY scope LIMIT :limit;

-- name: import_discord_commands
INSERT INTO discord_commands (scope, fingerprint)
VALUES (:scope, :fingerprint);

-- name: store_origin
SELECT 'sqlite' AS engine, user_version AS schema FROM pragma_user_version;

-- name: id_counters
-- The highest id that each table has ever given, also to a row that is gone.
SELECT name, seq AS last_id FROM sqlite_sequence ORDER BY name;

-- name: set_id_counter
-- The table has no unique key: without its row's own number there would be two rows of one name.
INSERT OR REPLACE INTO sqlite_sequence (rowid, name, seq)
VALUES ((SELECT rowid FROM sqlite_sequence WHERE name = :name), :name, :last_id);
