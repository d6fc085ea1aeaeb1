-- Revert perch:telegram_changeover

BEGIN;

DROP INDEX perch.telegram_says_created, perch.telegram_windows_opened, perch.telegram_offers_made,
    perch.telegram_updates_received, perch.telegram_dead_died;

CREATE OR REPLACE FUNCTION perch.update_begin(p_update perch.telegram_update) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(29800, 1);
    RETURN CASE WHEN p_update.offset_before < 0
        THEN EXISTS (SELECT FROM perch.telegram_updates WHERE update_id = p_update.offset_after AND body IS NOT NULL)
        ELSE EXISTS (SELECT FROM perch.telegram_bot WHERE update_offset = p_update.offset_before) END;
END
$$;

CREATE OR REPLACE FUNCTION perch.telegram_webhook_put(p_hash bytea, p_update_id bigint, p_body text) RETURNS text
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

DROP FUNCTION perch.telegram_changeover(bytea);

COMMIT;
