-- Verify perch:telegram_waits

BEGIN;

SELECT perch.notify_wait(-1, 0, '{}', 0, 1);
SELECT perch.telegram_revise(-1);
SELECT 1 / (NOT has_function_privilege('perch_notifier', 'perch.notify_thin(bigint)', 'EXECUTE'))::integer;

ROLLBACK;
