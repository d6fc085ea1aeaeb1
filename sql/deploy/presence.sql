-- Deploy perch:presence
--
-- Who is online is known from leases in Redis. What stands here is for when Redis does not know, and for afterwards.

BEGIN;

-- When somebody was last there in this session, as opposed to a program using it; NULL once they have left.
ALTER TABLE perch.sessions ADD COLUMN present_at timestamptz;

-- Does the session live? Notes about once a minute that it was seen and, where p_present says that a person is behind
-- it, that they were there; without the cache this is asked at every request.
DROP FUNCTION perch.check_session(bigint, bigint);
CREATE FUNCTION perch.check_session(p_session bigint, p_user bigint, p_present boolean DEFAULT true) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_stale timestamptz := clock_timestamp() - interval '55 seconds';
    v_seen timestamptz;
    v_present timestamptz;
BEGIN
    SELECT last_seen_at, coalesce(present_at, '-infinity') INTO v_seen, v_present FROM perch.sessions
    WHERE id = p_session AND user_id = p_user AND expires_at > clock_timestamp();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_seen >= v_stale AND (v_present >= v_stale OR NOT p_present) THEN
        RETURN true;
    END IF;
    IF p_present THEN
        UPDATE perch.users SET last_seen_at = clock_timestamp() WHERE id = p_user AND deleted_at IS NULL;
    END IF;
    UPDATE perch.sessions
    SET last_seen_at = clock_timestamp(), present_at = CASE WHEN p_present THEN clock_timestamp() ELSE present_at END
    WHERE id = p_session;
    RETURN FOUND;
END
$$;

-- As before, but a program's log-in says nothing about its person.
DROP FUNCTION perch.create_session(bigint, text, bigint, integer, text, text);
CREATE FUNCTION perch.create_session(p_user bigint, p_password_hash text, p_session bigint, p_days integer,
                                     p_user_agent text, p_ip text, p_present boolean DEFAULT true) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    UPDATE perch.users SET last_seen_at = CASE WHEN p_present THEN clock_timestamp() ELSE last_seen_at END
    WHERE id = p_user AND password_hash = p_password_hash;
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

-- Presence changed, for several people at once: who is to be told. p_gone has the milliseconds since 1970 of the last
-- sign of life for those who went offline, NULL for the others. Rows of users and sessions are locked in the order of
-- the users' ids. A clock that runs ahead does not make anybody seen in the future.
CREATE FUNCTION perch.note_presence(p_users bigint[], p_gone bigint[])
RETURNS TABLE (user_id bigint, partners bigint[])
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_gone timestamptz;
    v_gone_ms bigint;
BEGIN
    FOR user_id, v_gone_ms IN SELECT c.id, c.gone FROM unnest(p_users, p_gone) AS c (id, gone) ORDER BY c.id LOOP
        IF v_gone_ms IS NOT NULL THEN
            v_gone := least(to_timestamp(v_gone_ms / 1000.0), clock_timestamp());
            UPDATE perch.users u SET last_seen_at = greatest(u.last_seen_at, v_gone)
            WHERE u.id = note_presence.user_id AND u.deleted_at IS NULL;
            UPDATE perch.sessions s SET present_at = NULL
            WHERE s.user_id = note_presence.user_id AND s.present_at <= v_gone + interval '1 second';
        END IF;
        partners := ARRAY(SELECT perch.partners(note_presence.user_id));
        RETURN NEXT;
    END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION perch.check_session(bigint, bigint, boolean), perch.note_presence(bigint[], bigint[]),
    perch.create_session(bigint, text, bigint, integer, text, text, boolean) TO perch_app;

COMMIT;
