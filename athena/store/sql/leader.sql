-- name: get_leader
-- Needs no lock: whoever writes this row runs alone, so that it stays as it is for all others.
SELECT replica, term, seen_at FROM leader WHERE id = 1;

-- name: take_leadership
INSERT INTO leader (id, replica, term, seen_at) VALUES (1, :replica, :term, :now)
ON CONFLICT (id) DO UPDATE SET
    replica = excluded.replica, term = excluded.term, seen_at = excluded.seen_at
    WHERE leader.term = excluded.term - 1;

-- name: renew_leadership
UPDATE leader SET seen_at = :now WHERE id = 1 AND term = :term;

-- name: resign_leadership
UPDATE leader SET replica = '', seen_at = :now WHERE id = 1 AND term = :term;
