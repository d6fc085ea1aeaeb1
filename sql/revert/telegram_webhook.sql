-- Revert perch:telegram_webhook

BEGIN;

DROP FUNCTION perch.telegram_webhook_put(bytea, bigint, text);
DROP FUNCTION perch.telegram_webhook_set(bytea);
ALTER TABLE perch.telegram_bot DROP COLUMN webhook_hash;

COMMIT;
