-- Verify perch:telegram_consent

BEGIN;

SELECT pending_id, bot FROM perch.telegram_state(-1);
SELECT 1 / (status = 'unauthorized')::integer FROM perch.telegram_confirm(-1, -1);
SELECT 1 / (status = 'unauthorized')::integer FROM perch.telegram_confirm(-1);

ROLLBACK;
