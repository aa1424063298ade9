-- name: get_instance
SELECT * FROM instances WHERE slug = :slug;

-- name: instances_of
SELECT * FROM instances WHERE slug IN (SELECT value FROM json_each(:slugs));

-- name: save_instance
INSERT INTO instances (slug, name, host, platform, version, labels, projects, slots, health,
    first_seen, last_seen, online)
VALUES (:slug, :name, :host, :platform, :version, :labels, :projects, :slots, :health,
    :first_seen, :last_seen, :online)
ON CONFLICT (slug) DO UPDATE SET
    name = excluded.name, host = excluded.host, platform = excluded.platform,
    version = excluded.version, labels = excluded.labels, projects = excluded.projects,
    slots = excluded.slots, health = excluded.health, last_seen = excluded.last_seen,
    online = excluded.online;

-- name: list_instances
SELECT * FROM instances ORDER BY slug LIMIT :limit;

-- name: silent_instances
SELECT * FROM instances WHERE online = 1 AND last_seen < :before ORDER BY slug LIMIT :limit;

-- name: list_pauses
SELECT project, instance FROM pauses ORDER BY project, instance;

-- name: insert_pause
INSERT INTO pauses (project, instance) VALUES (:project, :instance) ON CONFLICT DO NOTHING;

-- name: delete_pause
DELETE FROM pauses WHERE project = :project AND instance = :instance;
