-- Deploy perch:clean
--
-- What is no longer needed goes in small batches: old events, ended sessions, notifications nobody could deliver, requests
-- for a Telegram link that nobody answered. A walk over the mailboxes (where it stands: perch.cleaning of clean@v0.1) finds
-- events and sessions, some at each call and once an hour all of them, so that a send pays for no index on time.
-- Nothing here waits for a lock: who is busy is left for the next walk. So it may lock mailboxes one after another and
-- still be in nobody's way.

BEGIN;

-- Removes events older than p_before from the mailboxes in (p_after, p_upto], at most 1,000; the mailbox up to which no
-- more are left. They go from the oldest end only, so that the log stays without holes, and never the position.
CREATE OR REPLACE FUNCTION perch.clean_events(p_after bigint, p_upto bigint, p_before timestamptz) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    v_left bigint := 1000;
    v_user bigint;
    v_floor bigint;
    v_upto bigint;
BEGIN
    FOR v_user IN
        SELECT m.user_id FROM perch.mailboxes m
        WHERE m.user_id > p_after AND m.user_id <= p_upto
            AND (SELECT e.at FROM perch.events e WHERE e.user_id = m.user_id AND e.seq = m.floor_seq + 1) < p_before
        ORDER BY m.user_id
    LOOP
        SELECT floor_seq INTO v_floor FROM perch.mailboxes WHERE user_id = v_user FOR NO KEY UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        SELECT coalesce(min(seq) FILTER (WHERE at >= p_before) - 1, max(seq)) INTO v_upto
        FROM (SELECT seq, at FROM perch.events WHERE user_id = v_user AND seq > v_floor ORDER BY seq LIMIT v_left) AS e;
        CONTINUE WHEN v_upto IS NULL;
        DELETE FROM perch.events WHERE user_id = v_user AND seq > v_floor AND seq <= v_upto;
        UPDATE perch.mailboxes SET floor_seq = v_upto WHERE user_id = v_user;
        v_left := v_left - (v_upto - v_floor);
        IF v_left <= 0 THEN
            RETURN v_user - 1;
        END IF;
    END LOOP;
    RETURN p_upto;
END
$$;

-- Removes sessions that ended by themselves, of the users in (p_after, p_upto]; are there none left?
CREATE OR REPLACE FUNCTION perch.clean_sessions(p_after bigint, p_upto bigint) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_count bigint;
BEGIN
    DELETE FROM perch.sessions WHERE id = ANY (ARRAY(
        SELECT id FROM perch.sessions
        WHERE user_id > p_after AND user_id <= p_upto AND expires_at <= clock_timestamp()
        ORDER BY user_id, id LIMIT 1000 FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count < 1000;
END
$$;

-- The same for notifications that are a day old. Ids grow with time, so the oldest rows are the first.
CREATE OR REPLACE FUNCTION perch.clean_outbox() RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_count bigint;
BEGIN
    DELETE FROM perch.outbox WHERE id = ANY (ARRAY(
        SELECT o.id FROM (SELECT id FROM perch.outbox ORDER BY id LIMIT 1000) AS oldest
        JOIN perch.outbox o USING (id)
        WHERE o.created_at < clock_timestamp() - interval '1 day' FOR UPDATE OF o SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count < 1000;
END
$$;

-- Codes that nobody may use any more, requests a day old, and what the bot could not say within a day.
CREATE OR REPLACE FUNCTION perch.clean_telegram() RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_count bigint;
    v_most bigint;
BEGIN
    DELETE FROM perch.telegram_codes WHERE user_id = ANY (ARRAY(
        SELECT user_id FROM perch.telegram_codes WHERE expires_at <= v_now LIMIT 1000 FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_most = ROW_COUNT;
    DELETE FROM perch.telegram_pending WHERE user_id = ANY (ARRAY(
        SELECT user_id FROM perch.telegram_pending WHERE asked_at <= v_now - interval '1 day'
        LIMIT 1000 FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_most := greatest(v_most, v_count);
    DELETE FROM perch.telegram_says WHERE id = ANY (ARRAY(
        SELECT id FROM perch.telegram_says WHERE created_at <= v_now - interval '1 day'
        LIMIT 1000 FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN greatest(v_most, v_count) < 1000;
END
$$;

-- One batch; is more left to do at once? Of several callers at the same time one cleans, the others hear "no".
CREATE OR REPLACE FUNCTION perch.clean(p_event_days integer) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_walk perch.cleaning;
    v_upto bigint;
    v_more boolean;
BEGIN
    IF NOT coalesce(p_event_days >= 1, false) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'events are kept for one day at least';
    END IF;
    SELECT * INTO v_walk FROM perch.cleaning FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_more := NOT perch.clean_outbox();
    v_more := NOT perch.clean_telegram() OR v_more;
    IF v_walk.upto_user = 0 AND v_walk.ended_at BETWEEN clock_timestamp() - interval '1 hour' AND clock_timestamp() THEN
        RETURN v_more;
    END IF;
    SELECT max(user_id) INTO v_upto FROM (
        SELECT user_id FROM perch.mailboxes WHERE user_id > v_walk.upto_user ORDER BY user_id LIMIT 1000) AS slice;
    IF v_upto IS NULL THEN
        UPDATE perch.cleaning SET upto_user = 0, ended_at = clock_timestamp();
        RETURN v_more;
    END IF;
    v_upto := perch.clean_events(v_walk.upto_user, v_upto, clock_timestamp() - make_interval(days => p_event_days));
    IF perch.clean_sessions(v_walk.upto_user, v_upto) THEN
        UPDATE perch.cleaning SET upto_user = v_upto;
    END IF;
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION perch.clean(integer) TO perch_app;

COMMIT;
