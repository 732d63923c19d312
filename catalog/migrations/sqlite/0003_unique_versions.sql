-- A table's version is the number of the event of its last change, so that no other table of its
-- name ever has it. The numbers go on behind the versions that were counted for each table.
UPDATE event_sequence
SET last_id = max(last_id, (SELECT coalesce(max(version), 0) FROM tables));
