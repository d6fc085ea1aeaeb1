-- Deploy perch:telegram_outbox
--
-- The outbox as the notifier works it off: look, decide, claim, send, note the answer. What is decided, and when, is the
-- program's (policy); what is kept for it stands here, and each function is one step, complete in its transaction. So the
-- notifier may be killed between any two of them.
--
-- What was decided holds for what it was decided from. Whoever changes what an account wants of notifications gives the link
-- another `revision` and makes the rows due at once; a wait or a claim that knows another revision does nothing.
--
-- The lock law goes on behind the mailboxes: telegram_links (which stands for the account's windows and its rows of the outbox:
-- whoever changes them holds it), then outbox, messages, telegram_told, telegram_bot.
--
-- The notifier's times come and go as milliseconds since 1970 by its own clock.

BEGIN;

CREATE FUNCTION perch.ms_at(p_ms bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN CASE p_ms WHEN 0 THEN NULL WHEN 9223372036854775807 THEN 'infinity'::timestamptz
    ELSE 'epoch'::timestamptz + p_ms * interval '1 millisecond' END;

-- NULL and '-infinity' are 0.
CREATE FUNCTION perch.at_ms(p_at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_at = 'infinity' THEN 9223372036854775807 WHEN p_at > '-infinity' THEN
    floor(extract(epoch FROM p_at) * 1000)::bigint ELSE 0 END;

ALTER TABLE perch.outbox
    ADD COLUMN retry_at timestamptz,                   -- not before
    ADD COLUMN unanswered integer NOT NULL DEFAULT 0,  -- requests that ended without an answer, as far as anybody noted
    ADD COLUMN failures integer NOT NULL DEFAULT 0,    -- answers that refused it for now
    ADD COLUMN plain boolean NOT NULL DEFAULT false;   -- Telegram found the text at fault

DROP INDEX perch.outbox_due;
DROP INDEX perch.outbox_recipient;
CREATE INDEX outbox_due ON perch.outbox (due_at, recipient_id);
CREATE INDEX outbox_recipient ON perch.outbox (recipient_id, id);

CREATE SEQUENCE perch.telegram_revision;

ALTER TABLE perch.telegram_links
    ADD COLUMN revision bigint NOT NULL DEFAULT nextval('perch.telegram_revision'), -- never the same for two states
    ADD COLUMN sent_at timestamptz,    -- when the last notification began
    ADD COLUMN retry_at timestamptz,   -- nothing to this chat before
    ADD COLUMN muted_until timestamptz; -- 'infinity': for ever

ALTER TABLE perch.telegram_bot ADD COLUMN retry_at timestamptz; -- nothing to anybody before

-- The last message about a sender, which the next ones are added to by editing it. Without a row there is none.
CREATE TABLE perch.telegram_windows (
    recipient_id bigint NOT NULL REFERENCES perch.telegram_links ON DELETE CASCADE,
    sender_id bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    step integer NOT NULL,
    edited_at timestamptz NOT NULL,
    message_id bigint NOT NULL, -- Telegram's; 0: none that could be edited
    read_upto bigint NOT NULL,  -- the dialog's read mark when it was opened
    first_id bigint NOT NULL,   -- the first of our messages that it tells of
    PRIMARY KEY (recipient_id, sender_id)
);

-- What each of Telegram's messages told of, for answers to it and for deleting it: all from first_id to last_id that peer_id
-- had written. Of a digest nothing but whom it was for.
CREATE TABLE perch.telegram_told (
    chat_id bigint NOT NULL,
    message_id bigint NOT NULL, -- Telegram's
    user_id bigint NOT NULL,
    peer_id bigint,
    first_id bigint,
    last_id bigint,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (chat_id, message_id)
);

CREATE INDEX telegram_told_last ON perch.telegram_told (last_id);
CREATE INDEX telegram_told_at ON perch.telegram_told (told_at);

-- Notifications that Telegram would refuse every time.
CREATE TABLE perch.telegram_dead (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint NOT NULL,
    sender_id bigint NOT NULL,
    recipient_id bigint NOT NULL,
    recipient_seq bigint NOT NULL,
    created_at timestamptz NOT NULL,
    died_at timestamptz NOT NULL,
    reason text NOT NULL
);

-- Somebody wants something else of notifications: what waits for them is decided anew, and nothing that was decided holds.
CREATE FUNCTION perch.telegram_revise(p_user bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE perch.telegram_links SET revision = nextval('perch.telegram_revision') WHERE user_id = p_user;
    IF FOUND THEN
        UPDATE perch.outbox SET due_at = '-infinity' WHERE recipient_id = p_user;
    END IF;
END
$$;

CREATE FUNCTION perch.users_revise() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM perch.telegram_revise(NEW.id);
    RETURN NULL;
END
$$;

CREATE FUNCTION perch.dialogs_revise() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM perch.telegram_revise(NEW.user_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER users_revise
AFTER UPDATE OF notify_preview, notify_quiet_from, notify_quiet_to, notify_delay_s, time_zone ON perch.users
FOR EACH ROW
WHEN ((OLD.notify_preview, OLD.notify_quiet_from, OLD.notify_quiet_to, OLD.notify_delay_s, OLD.time_zone)
    IS DISTINCT FROM (NEW.notify_preview, NEW.notify_quiet_from, NEW.notify_quiet_to, NEW.notify_delay_s, NEW.time_zone))
EXECUTE FUNCTION perch.users_revise();

-- A dialog that is new has nothing in the outbox yet.
CREATE TRIGGER dialogs_revise
AFTER UPDATE OF muted_until ON perch.dialogs
FOR EACH ROW WHEN (OLD.muted_until IS DISTINCT FROM NEW.muted_until)
EXECUTE FUNCTION perch.dialogs_revise();

-- A message was deleted that Telegram's message shows: that one is deleted, too, or, where it tells of others as well, loses
-- its text.
CREATE FUNCTION perch.telegram_recall(p_message bigint) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_told perch.telegram_told;
    v_left bigint;
BEGIN
    FOR v_told IN
        SELECT t.* FROM perch.telegram_told t
        JOIN perch.telegram_links l ON l.chat_id = t.chat_id AND l.user_id = t.user_id AND l.blocked_at IS NULL
        WHERE t.last_id = p_message
    LOOP
        SELECT count(*) INTO v_left FROM perch.messages
        WHERE sender_id = v_told.peer_id AND recipient_id = v_told.user_id
            AND id BETWEEN v_told.first_id AND v_told.last_id AND deleted_at IS NULL;
        PERFORM perch.telegram_say(v_told.chat_id, CASE v_left WHEN 0 THEN 'delete' ELSE 'recall' END, jsonb_build_object(
            'message_id', v_told.message_id, 'account', CASE WHEN v_left > 0 THEN perch.account_name(v_told.peer_id) END,
            'count', nullif(v_left, 0)));
    END LOOP;
END
$$;

CREATE FUNCTION perch.messages_recall() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM perch.telegram_recall(NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER messages_recall
AFTER UPDATE OF deleted_at ON perch.messages
FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
EXECUTE FUNCTION perch.messages_recall();

-- As before, and the row of a recipient for whom a notification was queued has the status 'notify' instead of 'ok', so that
-- the program wakes the notifier for these and for no others.
CREATE OR REPLACE FUNCTION perch.send_message(p_sender bigint, p_recipient bigint, p_client_id uuid, p_body text)
RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    -- What perch.mailboxes_lock does, with the next positions, in id order.
    v_seqs bigint[] := ARRAY(SELECT seq + 1 FROM perch.mailboxes WHERE user_id IN (p_sender, p_recipient)
                             ORDER BY user_id FOR NO KEY UPDATE);
    v_self boolean := p_sender = p_recipient;
    v_seq bigint;
    v_peer_seq bigint;
    v_message perch.messages;
    v_at timestamptz;
    v_epoch text;
    v_json text;
    v_rest text; -- of the event, behind its position
    v_status text := 'ok';
BEGIN
    -- After the lock, so that a concurrent twin finds the first one's message.
    IF p_client_id IS NOT NULL THEN
        SELECT * INTO v_message FROM perch.messages WHERE sender_id = p_sender AND client_id = p_client_id;
        IF FOUND THEN
            RETURN NEXT CASE WHEN v_message.recipient_id = p_recipient
                THEN perch.change_none('repeat', perch.message_json(v_message))
                ELSE perch.change_none('client_id_used') END;
            RETURN;
        END IF;
    END IF;
    IF cardinality(v_seqs) < (CASE WHEN v_self THEN 1 ELSE 2 END) THEN
        RETURN NEXT perch.send_refused(p_sender, p_recipient);
        RETURN;
    END IF;
    v_seq := v_seqs[CASE WHEN p_sender <= p_recipient THEN 1 ELSE 2 END];
    v_peer_seq := CASE WHEN NOT v_self THEN v_seqs[CASE WHEN p_sender <= p_recipient THEN 2 ELSE 1 END] END;

    v_at := clock_timestamp();
    INSERT INTO perch.messages (sender_id, recipient_id, client_id, body, sent_at)
    VALUES (p_sender, p_recipient, p_client_id, p_body, v_at)
    RETURNING * INTO v_message;
    SELECT epoch INTO v_epoch FROM perch.epoch;
    v_json := perch.message_json(v_message);
    v_rest := substr(perch.event_text(0, 'message.new', v_at, ',"message":' || v_json), length('{"seq":0') + 1);

    UPDATE perch.mailboxes SET seq = seq + 1 WHERE user_id IN (p_sender, p_recipient);
    IF v_self THEN
        INSERT INTO perch.events (user_id, seq, type, at, message_id)
        VALUES (p_sender, v_seq, 'message.new', v_at, v_message.id);
    ELSE
        INSERT INTO perch.events (user_id, seq, type, at, message_id)
        VALUES (p_sender, v_seq, 'message.new', v_at, v_message.id),
               (p_recipient, v_peer_seq, 'message.new', v_at, v_message.id);
        PERFORM FROM perch.telegram_links
        WHERE user_id = p_recipient AND confirmed_at IS NOT NULL AND blocked_at IS NULL;
        IF FOUND THEN
            INSERT INTO perch.outbox (message_id, sender_id, recipient_id, recipient_seq, created_at, due_at)
            VALUES (v_message.id, p_sender, p_recipient, v_peer_seq, v_at, v_at);
            v_status := 'notify';
        END IF;
    END IF;
    PERFORM perch.dialogs_advance(p_sender, v_seq, p_recipient, v_peer_seq, v_message.id);

    RETURN NEXT ROW('ok'::text, v_json, v_epoch, p_sender, v_seq, '{"seq":' || v_seq || v_rest)::perch.change;
    IF NOT v_self THEN
        RETURN NEXT ROW(v_status, v_json, v_epoch, p_recipient, v_peer_seq, '{"seq":' || v_peer_seq || v_rest)::perch.change;
    END IF;
END
$$;

-- The end of the quiet hours that p_now lies in (else NULL), and of those before. They go by the clock on the wall: over
-- midnight where they end before they begin, and a day with a change to or from daylight saving has an hour more or less of
-- them. From and to the same time is never.
CREATE FUNCTION perch.quiet_hours(p_from time, p_to time, p_zone text, p_now timestamptz, OUT ends_at timestamptz,
                                  OUT ended_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_today date;
BEGIN
    IF p_from IS NULL OR p_from = p_to THEN
        RETURN;
    END IF;
    v_today := (p_now AT TIME ZONE p_zone)::date;
    SELECT max(q.upto) FILTER (WHERE q.since <= p_now AND q.upto > p_now), max(q.upto) FILTER (WHERE q.upto <= p_now)
    INTO ends_at, ended_at
    FROM (SELECT (v_today + i + p_from) AT TIME ZONE p_zone AS since,
                 (v_today + i + p_to + CASE WHEN p_to < p_from THEN interval '1 day' ELSE '0' END) AT TIME ZONE p_zone AS upto
          FROM generate_series(-2, 1) AS i) AS q;
EXCEPTION
    -- A time zone that a new PostgreSQL no longer knows holds nobody's notifications up.
    WHEN invalid_parameter_value THEN
        RETURN;
END
$$;

-- Whose rows are due, whose turn is longest ago first, without those in p_busy; and when there is something for others.
CREATE FUNCTION perch.notify_look(p_now bigint, p_busy bigint[], p_limit integer, OUT users bigint[], OUT next_at bigint)
LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_now timestamptz := perch.ms_at(p_now);
    v_read bigint;
BEGIN
    -- Somebody with thousands of rows is named, and busy, before it is the next ones' turn.
    WITH due AS MATERIALIZED (
        SELECT recipient_id, due_at FROM perch.outbox
        WHERE due_at <= v_now AND recipient_id <> ALL (p_busy) ORDER BY due_at, recipient_id LIMIT 10000)
    SELECT array_agg(d.recipient_id ORDER BY d.due_at, d.recipient_id), (SELECT count(*) FROM due) INTO users, v_read
    FROM (SELECT recipient_id, min(due.due_at) AS due_at FROM due GROUP BY recipient_id
          ORDER BY 2, 1 LIMIT p_limit + 1) AS d;
    IF v_read = 10000 OR cardinality(users) > p_limit THEN
        next_at := p_now;
    ELSE
        SELECT perch.at_ms(min(due_at)) INTO next_at FROM perch.outbox
        WHERE due_at > v_now AND recipient_id <> ALL (p_busy);
        next_at := coalesce(nullif(next_at, 0), 9223372036854775807);
    END IF;
    users := coalesce(users[1:p_limit], '{}');
END
$$;

-- What is kept about somebody: their oldest thousand rows, by sender, each with all the rest. At least one row, with id NULL
-- where nothing waits.
CREATE FUNCTION perch.notify_pending(p_user bigint, p_now bigint)
RETURNS TABLE (user_id bigint, revision bigint, chat_id bigint, locale text, linked boolean, retry_at bigint,
               sent_at bigint, delay_s integer, preview text, muted_until bigint, quiet_until bigint, quiet_ended_at bigint,
               sender_id bigint, sender_muted_until bigint, opened_at bigint, step integer, edited_at bigint,
               message_id bigint, window_read boolean, window_read_upto bigint, first_id bigint,
               id bigint, seq bigint, created_at bigint, row_retry_at bigint, unanswered integer, failures integer,
               plain boolean, read boolean, deleted boolean)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT p.id, coalesce(l.revision, 0), coalesce(l.chat_id, 0), l.locale,
           l.confirmed_at IS NOT NULL AND l.blocked_at IS NULL,
           perch.at_ms(greatest(l.retry_at, (SELECT b.retry_at FROM perch.telegram_bot b))), perch.at_ms(l.sent_at),
           u.notify_delay_s, u.notify_preview, perch.at_ms(l.muted_until), perch.at_ms(q.ends_at), perch.at_ms(q.ended_at),
           o.sender_id, perch.at_ms(d.muted_until), perch.at_ms(w.opened_at), w.step, perch.at_ms(w.edited_at),
           w.message_id, d.read_upto > w.read_upto, w.read_upto, w.first_id,
           o.id, o.recipient_seq, perch.at_ms(o.created_at), perch.at_ms(o.retry_at), o.unanswered, o.failures,
           o.plain, coalesce(o.message_id <= d.read_upto, false), m.deleted_at IS NOT NULL
    FROM (VALUES (p_user)) AS p (id)
    LEFT JOIN perch.users u ON u.id = p.id
    LEFT JOIN perch.telegram_links l ON l.user_id = p.id
    LEFT JOIN LATERAL perch.quiet_hours(u.notify_quiet_from, u.notify_quiet_to, u.time_zone, perch.ms_at(p_now)) q ON true
    LEFT JOIN LATERAL (SELECT * FROM perch.outbox x WHERE x.recipient_id = p.id ORDER BY x.id LIMIT 1000) o ON true
    LEFT JOIN perch.messages m ON m.id = o.message_id
    LEFT JOIN perch.dialogs d ON d.user_id = p.id AND d.peer_id = o.sender_id
    LEFT JOIN perch.telegram_windows w ON w.recipient_id = p.id AND w.sender_id = o.sender_id
    ORDER BY o.sender_id, o.id;
END;

-- Locks what a decision was about; is it still so?
CREATE FUNCTION perch.notify_lock(p_user bigint, p_revision bigint) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_revision bigint;
BEGIN
    SELECT revision INTO v_revision FROM perch.telegram_links WHERE user_id = p_user FOR NO KEY UPDATE;
    RETURN coalesce(v_revision, 0) = p_revision;
END
$$;

-- Nothing is told now: p_remove is not worth telling, and the rows up to p_upto wait until p_at (0: as they do).
CREATE FUNCTION perch.notify_wait(p_user bigint, p_revision bigint, p_remove bigint[], p_upto bigint, p_at bigint)
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

-- Which of the rows are over: read or deleted meanwhile.
CREATE FUNCTION perch.notify_over(p_rows bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(array_agg(o.id), '{}')
    FROM perch.outbox o
    JOIN perch.messages m ON m.id = o.message_id
    LEFT JOIN perch.dialogs d ON d.user_id = o.recipient_id AND d.peer_id = o.sender_id
    WHERE o.id = ANY (p_rows) AND (m.deleted_at IS NOT NULL OR m.id <= d.read_upto);
END;

-- Counts a request before it begins: p_take is told unless it is over, and for a minute nobody else takes it. For each sender
-- a window is opened at its step, or (p_edit) the one there is goes on. What to say now, for each sender; no row: nothing.
CREATE FUNCTION perch.notify_claim(p_user bigint, p_revision bigint, p_now bigint, p_remove bigint[], p_take bigint[],
                                   p_edit boolean, p_senders bigint[], p_steps integer[])
RETURNS TABLE (sender_id bigint, name text, body text, new_count bigint, rows bigint[], failures integer, plain boolean)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_now timestamptz := perch.ms_at(p_now);
    v_rows bigint[];
BEGIN
    IF NOT perch.notify_lock(p_user, p_revision) OR NOT EXISTS (
        SELECT FROM perch.telegram_links WHERE user_id = p_user AND confirmed_at IS NOT NULL AND blocked_at IS NULL) THEN
        RETURN;
    END IF;
    DELETE FROM perch.outbox WHERE recipient_id = p_user AND id = ANY (p_remove || perch.notify_over(p_take));
    WITH taken AS (
        UPDATE perch.outbox o
        SET unanswered = o.unanswered + 1, retry_at = v_now + interval '1 minute', due_at = v_now + interval '1 minute'
        WHERE o.recipient_id = p_user AND o.id = ANY (p_take) AND o.unanswered < 2
            AND coalesce(o.retry_at <= v_now, true)
        RETURNING o.id)
    SELECT array_agg(t.id) INTO v_rows FROM taken t;
    IF v_rows IS NULL THEN
        RETURN;
    END IF;
    IF p_edit THEN
        UPDATE perch.telegram_windows w SET edited_at = v_now WHERE w.recipient_id = p_user AND w.sender_id = ANY (p_senders);
    ELSE
        INSERT INTO perch.telegram_windows AS w
            (recipient_id, sender_id, opened_at, step, edited_at, message_id, read_upto, first_id)
        SELECT p_user, s.id, v_now, s.step, v_now, 0, coalesce(max(d.read_upto), 0), min(o.message_id)
        FROM unnest(p_senders, p_steps) AS s (id, step)
        JOIN perch.outbox o ON o.id = ANY (v_rows) AND o.sender_id = s.id
        LEFT JOIN perch.dialogs d ON d.user_id = p_user AND d.peer_id = s.id
        GROUP BY s.id, s.step
        ON CONFLICT ON CONSTRAINT telegram_windows_pkey DO UPDATE
            SET opened_at = excluded.opened_at, step = excluded.step, edited_at = excluded.edited_at, message_id = 0,
                read_upto = excluded.read_upto, first_id = excluded.first_id;
    END IF;
    UPDATE perch.telegram_links l SET sent_at = v_now WHERE l.user_id = p_user;
    RETURN QUERY SELECT * FROM perch.notify_news(p_user, v_rows);
END
$$;

-- What claimed rows say, the oldest one's sender first: how much the sender has written since the window was opened, and the
-- last text. One statement, so that all of it is of one instant.
CREATE FUNCTION perch.notify_news(p_user bigint, p_rows bigint[])
RETURNS TABLE (sender_id bigint, name text, body text, new_count bigint, rows bigint[], failures integer, plain boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT n.sender_id, perch.account_name(n.sender_id), (SELECT m.body FROM perch.messages m WHERE m.id = n.last_id),
           (SELECT count(*) FROM (
                SELECT FROM perch.messages m
                WHERE m.sender_id = n.sender_id AND m.recipient_id = p_user AND m.id BETWEEN n.first_id AND n.last_id
                    AND m.deleted_at IS NULL
                LIMIT 10000) AS counted),
           p_rows, n.failures, n.plain
    FROM (SELECT o.sender_id, min(o.id) AS oldest, max(m.id) AS last_id,
                 greatest(least(max(w.first_id), min(m.id)), max(d.read_upto) + 1) AS first_id,
                 max(o.failures) AS failures, bool_or(o.plain) AS plain
          FROM perch.outbox o
          JOIN perch.messages m ON m.id = o.message_id AND m.deleted_at IS NULL
          LEFT JOIN perch.dialogs d ON d.user_id = p_user AND d.peer_id = o.sender_id
          LEFT JOIN perch.telegram_windows w ON w.recipient_id = p_user AND w.sender_id = o.sender_id
          WHERE o.id = ANY (p_rows) AND coalesce(m.id > d.read_upto, true)
          GROUP BY o.sender_id) AS n
    ORDER BY n.oldest;
END;

-- Telegram has it, as p_message; p_peer is NULL for a digest. A message that was deleted while this was under way is
-- recalled: the row lock waits for a deletion under way, and one that comes later finds what is noted here.
CREATE FUNCTION perch.notify_told(p_user bigint, p_chat bigint, p_rows bigint[], p_peer bigint, p_message bigint, p_now bigint)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_first bigint;
    v_last bigint;
    v_from bigint;
BEGIN
    PERFORM FROM perch.telegram_links WHERE user_id = p_user AND chat_id = p_chat FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    WITH gone AS (
        DELETE FROM perch.outbox WHERE recipient_id = p_user AND id = ANY (p_rows) RETURNING message_id)
    SELECT min(message_id), max(message_id) INTO v_first, v_last FROM gone;
    IF p_peer IS NULL THEN
        v_first := NULL;
        v_last := NULL;
    ELSE
        UPDATE perch.telegram_windows SET message_id = p_message
        WHERE recipient_id = p_user AND sender_id = p_peer RETURNING least(first_id, v_first) INTO v_from;
        PERFORM FROM perch.messages WHERE id = v_last FOR SHARE;
    END IF;
    INSERT INTO perch.telegram_told AS t (chat_id, message_id, user_id, peer_id, first_id, last_id, told_at)
    VALUES (p_chat, p_message, p_user, p_peer, coalesce(v_from, v_first), v_last, perch.ms_at(p_now))
    ON CONFLICT (chat_id, message_id) DO UPDATE
        SET user_id = excluded.user_id, peer_id = excluded.peer_id, first_id = coalesce(excluded.first_id, t.first_id),
            last_id = coalesce(excluded.last_id, t.last_id), told_at = excluded.told_at;
    IF EXISTS (SELECT FROM perch.messages WHERE id = v_last AND deleted_at IS NOT NULL) THEN
        PERFORM perch.telegram_recall(v_last);
    END IF;
END
$$;

-- A window as it was before the claim, for each sender.
CREATE FUNCTION perch.notify_windows_put(p_user bigint, p_windows jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM perch.telegram_windows
    WHERE recipient_id = p_user AND sender_id = ANY (ARRAY(
        SELECT w.sender_id FROM jsonb_to_recordset(p_windows) AS w (sender_id bigint)));
    INSERT INTO perch.telegram_windows
        (recipient_id, sender_id, opened_at, step, edited_at, message_id, read_upto, first_id)
    SELECT p_user, w.sender_id, perch.ms_at(w.opened_at), w.step, perch.ms_at(w.edited_at), w.message_id, w.read_upto,
           w.first_id
    FROM jsonb_to_recordset(p_windows) AS w (sender_id bigint, opened_at bigint, step integer, edited_at bigint,
                                             message_id bigint, read_upto bigint, first_id bigint)
    WHERE w.opened_at > 0;
END
$$;

-- Telegram did not take it. p_outcome: 'back' (as if never claimed), 'again' (at p_retry_at, and a failure is counted),
-- 'shorten' (at once, and plain), 'wait' (nothing to this chat before p_retry_at, and nothing to anybody before p_bot_retry_at
-- unless that is 0) or 'dead'.
CREATE FUNCTION perch.notify_failed(p_user bigint, p_chat bigint, p_rows bigint[], p_outcome text, p_retry_at bigint,
                                    p_bot_retry_at bigint, p_reason text, p_windows jsonb, p_now bigint)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    PERFORM FROM perch.telegram_links WHERE user_id = p_user AND chat_id = p_chat FOR NO KEY UPDATE;
    IF FOUND THEN
        IF p_outcome = 'dead' THEN
            WITH gone AS (
                DELETE FROM perch.outbox WHERE recipient_id = p_user AND id = ANY (p_rows) RETURNING *)
            INSERT INTO perch.telegram_dead
                (message_id, sender_id, recipient_id, recipient_seq, created_at, died_at, reason)
            SELECT message_id, sender_id, recipient_id, recipient_seq, created_at, perch.ms_at(p_now), coalesce(p_reason, '')
            FROM gone ORDER BY id;
        ELSE
            UPDATE perch.outbox
            SET unanswered = greatest(unanswered - 1, 0),
                failures = failures + CASE WHEN p_outcome IN ('again', 'shorten') THEN 1 ELSE 0 END,
                plain = plain OR p_outcome = 'shorten',
                retry_at = CASE p_outcome WHEN 'again' THEN perch.ms_at(p_retry_at) END,
                due_at = perch.ms_at(CASE WHEN p_outcome IN ('again', 'wait') THEN p_retry_at ELSE p_now END)
            WHERE recipient_id = p_user AND id = ANY (p_rows);
        END IF;
        PERFORM perch.notify_windows_put(p_user, p_windows);
        IF p_outcome = 'wait' THEN
            UPDATE perch.telegram_links SET retry_at = perch.ms_at(p_retry_at) WHERE user_id = p_user;
        END IF;
    END IF;
    IF p_bot_retry_at > 0 THEN
        UPDATE perch.telegram_bot SET retry_at = perch.ms_at(p_bot_retry_at);
    END IF;
END
$$;

CREATE FUNCTION perch.notify_block(p_chat bigint, p_now bigint) RETURNS SETOF perch.change
LANGUAGE sql
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT * FROM perch.telegram_block(p_chat, perch.ms_at(p_now));
END;

-- Dead letters, newest first.
CREATE FUNCTION perch.dead_list(p_before bigint, p_limit integer)
RETURNS TABLE (id bigint, message_id bigint, sender_id bigint, sender text, recipient_id bigint, recipient text,
               created_at bigint, died_at bigint, reason text)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT d.id, d.message_id, d.sender_id, perch.account_name(d.sender_id), d.recipient_id,
           perch.account_name(d.recipient_id), perch.at_ms(d.created_at), perch.at_ms(d.died_at), d.reason
    FROM perch.telegram_dead d WHERE d.id < p_before ORDER BY d.id DESC LIMIT p_limit;
END;

-- Puts a dead letter (0: all) back, as if its message were sent now; one that was read or deleted, or whose recipient has no
-- live link, is only removed. Under the mailbox locks no link changes.
CREATE FUNCTION perch.dead_redrive(p_id bigint, p_now bigint, OUT queued bigint, OUT removed bigint)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_users bigint[] := ARRAY(SELECT DISTINCT recipient_id FROM perch.telegram_dead WHERE p_id IN (0, id));
BEGIN
    PERFORM perch.mailboxes_lock(v_users);
    WITH gone AS (
        DELETE FROM perch.telegram_dead WHERE p_id IN (0, id) AND recipient_id = ANY (v_users) RETURNING *),
    back AS (
        INSERT INTO perch.outbox (message_id, sender_id, recipient_id, recipient_seq, created_at, due_at)
        SELECT g.message_id, g.sender_id, g.recipient_id, g.recipient_seq, perch.ms_at(p_now), perch.ms_at(p_now)
        FROM gone g
        JOIN perch.messages m ON m.id = g.message_id AND m.deleted_at IS NULL
        JOIN perch.telegram_links l ON l.user_id = g.recipient_id AND l.confirmed_at IS NOT NULL AND l.blocked_at IS NULL
        LEFT JOIN perch.dialogs d ON d.user_id = g.recipient_id AND d.peer_id = g.sender_id
        WHERE coalesce(m.id > d.read_upto, true)
        ORDER BY g.id
        RETURNING 1)
    SELECT (SELECT count(*) FROM back), (SELECT count(*) FROM gone) - (SELECT count(*) FROM back) INTO queued, removed;
END
$$;

-- Another bot has other message ids and update ids: nothing that is known by them holds.
CREATE OR REPLACE FUNCTION perch.telegram_bot_set(p_bot_id bigint, p_username text) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_offset bigint;
BEGIN
    IF p_bot_id IS NULL THEN
        UPDATE perch.telegram_bot SET username = NULL RETURNING update_offset INTO v_offset;
        RETURN coalesce(v_offset, 0);
    END IF;
    IF EXISTS (SELECT FROM perch.telegram_bot WHERE bot_id <> p_bot_id) THEN
        UPDATE perch.telegram_windows SET message_id = 0 WHERE message_id <> 0;
        DELETE FROM perch.telegram_told;
        DELETE FROM perch.telegram_bot;
    END IF;
    INSERT INTO perch.telegram_bot AS b (bot_id, username) VALUES (p_bot_id, p_username)
    ON CONFLICT (singleton) DO UPDATE SET bot_id = excluded.bot_id, username = excluded.username
    RETURNING update_offset INTO v_offset;
    RETURN v_offset;
END
$$;

-- The notifier's mutations bring events, too: it may be the first one to connect after a failover.
GRANT EXECUTE ON FUNCTION perch.epoch_check() TO perch_notifier;
GRANT EXECUTE ON FUNCTION
    perch.notify_look(bigint, bigint[], integer), perch.notify_pending(bigint, bigint),
    perch.notify_wait(bigint, bigint, bigint[], bigint, bigint),
    perch.notify_claim(bigint, bigint, bigint, bigint[], bigint[], boolean, bigint[], integer[]),
    perch.notify_told(bigint, bigint, bigint[], bigint, bigint, bigint),
    perch.notify_failed(bigint, bigint, bigint[], text, bigint, bigint, text, jsonb, bigint),
    perch.notify_block(bigint, bigint), perch.dead_list(bigint, integer), perch.dead_redrive(bigint, bigint)
    TO perch_notifier;
REVOKE SELECT, UPDATE, DELETE ON perch.outbox FROM perch_notifier;

COMMIT;
