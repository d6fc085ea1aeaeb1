-- Verify perch:clean

BEGIN;

-- A hundred years keep everything.
SELECT 1 / (perch.clean(36500) IS NOT NULL)::integer;
SELECT 1 / has_function_privilege('perch_app', 'perch.clean(integer)', 'EXECUTE')::integer;
SELECT 1 / (NOT has_function_privilege('perch_app', 'perch.clean_events(bigint, bigint, timestamptz)', 'EXECUTE'))::integer;

ROLLBACK;
