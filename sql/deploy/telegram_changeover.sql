-- Deploy perch:telegram_changeover
--
-- Updates come by getUpdates or by the webhook, and an installation may change from one to the other: what one had brought
-- and Telegram has not heard of comes once more by the other, and is known then.
--
-- And what perch.clean() removes it finds by an index: mostly there is nothing, and it looks every minute.

BEGIN;

-- As telegram_webhook_set(), which notifiers of before call; the one that works now says by this how updates come. What is
-- being applied, or put into the inbox, is waited for. Returns where getUpdates went on: all before it was applied.
CREATE FUNCTION perch.telegram_changeover(p_hash bytea) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(29800, 1);
    UPDATE perch.telegram_bot SET webhook_hash = p_hash WHERE webhook_hash IS DISTINCT FROM p_hash;
    RETURN (SELECT update_offset FROM perch.telegram_bot);
END
$$;

-- As before, but there is a webhook until commit.
CREATE OR REPLACE FUNCTION perch.telegram_webhook_put(p_hash bytea, p_update_id bigint, p_body text) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_hash bytea := (SELECT webhook_hash FROM perch.telegram_bot WHERE username IS NOT NULL FOR SHARE);
BEGIN
    RETURN CASE
        WHEN v_hash IS NULL THEN 'not_found'
        WHEN v_hash <> p_hash THEN 'unauthorized'
        WHEN p_body IS NULL OR perch.telegram_update_put(p_update_id, p_body) THEN 'ok'
        ELSE 'repeat' END;
END
$$;

-- Is the update still to be applied? Until commit no other one is. Of those that getUpdates brought: none while there is a
-- webhook (whoever asked does not work any more), and none that the inbox has, applied or not; there it is only gone past.
CREATE OR REPLACE FUNCTION perch.update_begin(p_update perch.telegram_update) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(29800, 1);
    IF p_update.offset_before < 0 THEN
        RETURN EXISTS (SELECT FROM perch.telegram_updates WHERE update_id = p_update.offset_after AND body IS NOT NULL);
    END IF;
    IF EXISTS (SELECT FROM perch.telegram_updates WHERE update_id = p_update.offset_after - 1) THEN
        UPDATE perch.telegram_bot SET update_offset = p_update.offset_after
        WHERE update_offset = p_update.offset_before AND webhook_hash IS NULL;
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT FROM perch.telegram_bot WHERE update_offset = p_update.offset_before AND webhook_hash IS NULL);
END
$$;

CREATE INDEX telegram_says_created ON perch.telegram_says (created_at);
CREATE INDEX telegram_windows_opened ON perch.telegram_windows (opened_at);
CREATE INDEX telegram_offers_made ON perch.telegram_offers (made_at);
CREATE INDEX telegram_updates_received ON perch.telegram_updates (received_at);
CREATE INDEX telegram_dead_died ON perch.telegram_dead (died_at);

GRANT EXECUTE ON FUNCTION perch.telegram_changeover(bytea) TO perch_notifier;

COMMIT;
