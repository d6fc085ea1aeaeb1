-- Revert perch:telegram_waits

BEGIN;

CREATE OR REPLACE FUNCTION perch.telegram_revise(p_user bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE perch.telegram_links SET revision = nextval('perch.telegram_revision') WHERE user_id = p_user;
    IF FOUND THEN
        UPDATE perch.outbox SET due_at = '-infinity' WHERE recipient_id = p_user;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION perch.notify_wait(p_user bigint, p_revision bigint, p_remove bigint[], p_upto bigint, p_at bigint)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    IF NOT perch.notify_lock(p_user, p_revision) THEN
        RETURN;
    END IF;
    DELETE FROM perch.outbox WHERE recipient_id = p_user AND id = ANY (p_remove);
    IF p_at > 0 THEN
        UPDATE perch.outbox SET due_at = perch.ms_at(p_at)
        WHERE recipient_id = p_user AND id <= p_upto AND due_at <> perch.ms_at(p_at);
    END IF;
END
$$;

DROP FUNCTION perch.notify_thin(bigint);

COMMIT;
