-- Revert perch:presence

BEGIN;

DROP FUNCTION perch.note_presence(bigint[], bigint[]);
DROP FUNCTION perch.check_session(bigint, bigint, boolean);

CREATE FUNCTION perch.check_session(p_session bigint, p_user bigint) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_seen timestamptz;
BEGIN
    SELECT last_seen_at INTO v_seen FROM perch.sessions
    WHERE id = p_session AND user_id = p_user AND expires_at > clock_timestamp();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_seen < clock_timestamp() - interval '55 seconds' THEN
        UPDATE perch.users SET last_seen_at = clock_timestamp() WHERE id = p_user AND deleted_at IS NULL;
        UPDATE perch.sessions SET last_seen_at = clock_timestamp() WHERE id = p_session;
        RETURN FOUND;
    END IF;
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION perch.check_session(bigint, bigint) TO perch_app;

ALTER TABLE perch.sessions DROP COLUMN present_at;

COMMIT;
