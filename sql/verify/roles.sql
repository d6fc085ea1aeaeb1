-- Verify perch:roles

BEGIN;

SELECT 1 / has_schema_privilege('perch_app', 'perch', 'USAGE')::integer;
SELECT 1 / has_schema_privilege('perch_notifier', 'perch', 'USAGE')::integer;

ROLLBACK;
