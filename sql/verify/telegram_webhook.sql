-- Verify perch:telegram_webhook

BEGIN;

SELECT webhook_hash FROM perch.telegram_bot WHERE false;
SELECT perch.telegram_webhook_set(NULL);
SELECT 1 / (perch.telegram_webhook_put(sha256(''), -1, NULL) = 'not_found')::integer;

SELECT 1 / (NOT has_any_column_privilege('perch_app', 'perch.telegram_bot', 'SELECT'))::integer;
SELECT 1 / (NOT has_function_privilege('perch_app', 'perch.telegram_webhook_set(bytea)', 'EXECUTE'))::integer;

ROLLBACK;
