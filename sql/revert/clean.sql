-- Revert perch:clean
--
-- To what clean@v0.1 deployed.

BEGIN;

DROP FUNCTION perch.clean_telegram();

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

COMMIT;
