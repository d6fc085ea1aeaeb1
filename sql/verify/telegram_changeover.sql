-- Verify perch:telegram_changeover

BEGIN;

SELECT perch.telegram_changeover(NULL);
SELECT 1 / (perch.telegram_webhook_put(sha256(''), -1, NULL) = 'not_found')::integer;

SELECT 1 / (NOT has_function_privilege('perch_app', 'perch.telegram_changeover(bytea)', 'EXECUTE'))::integer;

ROLLBACK;
