-- Revert perch:presence

BEGIN;

DROP FUNCTION perch.note_presence(bigint[], bigint[]);
DROP FUNCTION perch.check_session(bigint, bigint, boolean);
DROP FUNCTION perch.create_session(bigint, text, bigint, integer, text, text, boolean);

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

CREATE FUNCTION perch.create_session(p_user bigint, p_password_hash text, p_session bigint, p_days integer,
                                     p_user_agent text, p_ip text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    UPDATE perch.users SET last_seen_at = clock_timestamp() WHERE id = p_user AND password_hash = p_password_hash;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM perch.sessions WHERE id IN (
        SELECT id FROM perch.sessions WHERE user_id = p_user
        ORDER BY expires_at > clock_timestamp() DESC, last_seen_at DESC, id OFFSET 99);
    INSERT INTO perch.sessions (id, user_id, user_agent, ip, expires_at)
    VALUES (p_session, p_user, p_user_agent, p_ip, clock_timestamp() + make_interval(days => p_days));
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION perch.check_session(bigint, bigint),
    perch.create_session(bigint, text, bigint, integer, text, text) TO perch_app;

ALTER TABLE perch.sessions DROP COLUMN present_at;

COMMIT;
