-- name: instances_of
-- Overridden: a list is unpacked by another function. LATERAL as in dependencies_of.
SELECT instance.* FROM json_array_elements_text(:slugs::json) AS wanted (value)
CROSS JOIN LATERAL (SELECT * FROM instances WHERE slug = wanted.value LIMIT 1) AS instance;
