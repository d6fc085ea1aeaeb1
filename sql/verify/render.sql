-- Verify perch:render

BEGIN;

SELECT 1 / (perch.iso('2026-11-21 04:20:42.1239+00') = '2026-11-21T04:20:42.123Z')::integer;
SELECT 1 / (perch.muted_json('infinity') = '"forever"')::integer;
SELECT 1 / (perch.event_json(ROW(7, 1, 'me.changed', '2026-11-21 04:20:42+00', NULL, NULL)::perch.events)
            = '{"seq":1,"type":"me.changed","at":"2026-11-21T04:20:42.000Z"}')::integer;
SELECT has_function_privilege('perch_app', 'perch.message_json(perch.messages)', 'EXECUTE');

ROLLBACK;
