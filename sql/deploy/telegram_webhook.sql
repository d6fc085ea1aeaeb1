-- Deploy perch:telegram_webhook
--
-- Telegram sends the updates to the web server instead of being asked for them. It proves who it is with a secret that
-- the notifier gave it; nobody else has to be told of that: what is kept here lets perch-fcgi recognise it.

BEGIN;

ALTER TABLE perch.telegram_bot
    ADD COLUMN webhook_hash bytea CHECK (octet_length(webhook_hash) = 32); -- SHA-256 of the secret; NULL: no webhook

-- From here on updates with this secret are taken; NULL: none are.
CREATE FUNCTION perch.telegram_webhook_set(p_hash bytea) RETURNS void
LANGUAGE sql
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    UPDATE perch.telegram_bot SET webhook_hash = p_hash WHERE webhook_hash IS DISTINCT FROM p_hash;
END;

-- Puts an update into the inbox, unless it is there. `p_body` NULL: only asks about the secret. 'ok', 'repeat',
-- 'unauthorized' (another secret) or 'not_found' (there is no webhook).
CREATE FUNCTION perch.telegram_webhook_put(p_hash bytea, p_update_id bigint, p_body text) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_hash bytea := (SELECT webhook_hash FROM perch.telegram_bot WHERE username IS NOT NULL);
BEGIN
    RETURN CASE
        WHEN v_hash IS NULL THEN 'not_found'
        WHEN v_hash <> p_hash THEN 'unauthorized'
        WHEN p_body IS NULL OR perch.telegram_update_put(p_update_id, p_body) THEN 'ok'
        ELSE 'repeat' END;
END
$$;

GRANT EXECUTE ON FUNCTION perch.telegram_webhook_put(bytea, bigint, text) TO perch_app;
GRANT EXECUTE ON FUNCTION perch.telegram_webhook_set(bytea) TO perch_notifier;

COMMIT;
