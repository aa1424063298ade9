-- name: insert_key
INSERT INTO api_keys (name, shown, digest, scopes, instance, created_at, expires_at)
VALUES (:name, :shown, :digest, :scopes, :instance, :created_at, :expires_at);

-- name: get_key
SELECT * FROM api_keys WHERE id = :id;

-- name: find_key_by_digest
SELECT * FROM api_keys WHERE digest = :digest;

-- name: list_keys
SELECT * FROM api_keys ORDER BY id;

-- name: revoke_key
UPDATE api_keys SET revoked_at = :revoked_at WHERE id = :id AND revoked_at IS NULL;

-- name: note_key_use
-- Another replica may have noted a later use before.
UPDATE api_keys SET last_used_at = :last_used_at
WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :last_used_at);

-- name: find_idempotency_key
SELECT * FROM idempotency_keys WHERE owner = :owner AND key = :key;

-- name: insert_idempotency_key
INSERT INTO idempotency_keys (owner, key, fingerprint, task_id, answer, created_at)
VALUES (:owner, :key, :fingerprint, :task_id, :answer, :created_at);

-- name: delete_idempotency_key
DELETE FROM idempotency_keys WHERE owner = :owner AND key = :key;

-- name: delete_idempotency_keys_before
DELETE FROM idempotency_keys WHERE (owner, key) IN (
    SELECT owner, key FROM idempotency_keys WHERE created_at < :before
    ORDER BY created_at LIMIT :limit
);
