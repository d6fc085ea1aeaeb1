-- Verify perch:presence

BEGIN;

SELECT present_at FROM perch.sessions WHERE false;
SELECT 1 / (NOT perch.check_session(-1, -1, true) AND NOT perch.check_session(-1, -1))::integer;
SELECT 1 / (user_id = -1 AND partners = '{}')::integer FROM perch.note_presence('{-1}', '{NULL}');
SELECT 1 / (user_id = -1 AND partners = '{}')::integer FROM perch.note_presence('{-1}', '{1000}');

ROLLBACK;
