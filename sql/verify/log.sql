-- Verify perch:log

BEGIN;

SELECT 1 / (perch.epoch_check() ~ '^[0-9a-f]{12}$')::integer;
SELECT user_id, seq, floor_seq FROM perch.mailboxes WHERE false;
SELECT user_id, seq, type, at, message_id, peer_id FROM perch.events WHERE false;
SELECT 1 / (NOT has_table_privilege('perch_app', 'perch.events', 'INSERT'))::integer;

ROLLBACK;
