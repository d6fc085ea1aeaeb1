-- Deploy perch:telegram_updates
--
-- What people do in the bot's chats, "updates" to Telegram, and what the bot says to them besides notifications.
--
-- An update is applied by one function, in one transaction: what it does, the answer (a row of telegram_says) and the mark
-- that it was applied, which is the offset of getUpdates or, where Telegram brings updates to a webhook, the row of the inbox.
-- So each is applied once, wherever the notifier is killed; to apply it again is 'repeat'. One is applied at a time.
--
-- The locks, in their order: that of updates, the chat's, mailboxes, telegram_says (to change a row of it; to add one needs
-- none), telegram_links, and on as in telegram_outbox.

BEGIN;

-- Updates that a webhook brought; those that were applied are kept for a while, empty, to be known again.
CREATE TABLE perch.telegram_updates (
    update_id bigint PRIMARY KEY,
    body text, -- JSON as it came; NULL once it was applied
    received_at timestamptz NOT NULL
);

CREATE INDEX telegram_updates_waiting ON perch.telegram_updates (update_id) WHERE body IS NOT NULL;

-- Texts that replied to nothing: whoever wrote them was asked whether they are for peer_id.
CREATE TABLE perch.telegram_offers (
    id text PRIMARY KEY DEFAULT gen_random_uuid(),
    chat_id bigint NOT NULL,
    user_id bigint NOT NULL,
    peer_id bigint NOT NULL,
    client_id uuid NOT NULL,
    body text NOT NULL,
    made_at timestamptz NOT NULL
);

ALTER TABLE perch.telegram_says
    ADD COLUMN locale text NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'ru')),
    ADD COLUMN reply_to bigint,   -- Telegram's message that it answers
    ADD COLUMN callback_id text;  -- the button that it answers, by a note instead of a message

-- What all updates have. offset_before is what telegram_bot.update_offset has to be, and offset_after what it becomes; or
-- offset_before is -1 and offset_after the id of an update in the inbox.
CREATE TYPE perch.telegram_update AS (
    offset_before bigint, offset_after bigint, chat_id bigint, locale text, callback_id text, message_id bigint, now bigint);

-- The languages we have, of Telegram's many.
CREATE FUNCTION perch.telegram_locale(p_locale text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN lower(p_locale) ~ '^ru(-|$)' THEN 'ru' ELSE 'en' END;

DROP FUNCTION perch.telegram_say(bigint, text, jsonb);

-- The bot says it at once, in the language given or else the chat's; an argument that is NULL is left out.
CREATE FUNCTION perch.telegram_say(p_chat bigint, p_kind text, p_arguments jsonb, p_locale text DEFAULT NULL,
                                   p_reply_to bigint DEFAULT NULL, p_callback text DEFAULT NULL) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO perch.telegram_says (chat_id, kind, arguments, created_at, due_at, locale, reply_to, callback_id)
    VALUES (p_chat, p_kind, jsonb_strip_nulls(p_arguments), clock_timestamp(), '-infinity',
            coalesce(p_locale, (SELECT locale FROM perch.telegram_links WHERE chat_id = p_chat),
                     (SELECT min(locale) FROM perch.telegram_pending WHERE chat_id = p_chat), 'en'),
            p_reply_to, p_callback);
END;

-- As before, in the chat's language.
CREATE OR REPLACE FUNCTION perch.telegram_link_drop(p_user bigint, p_chat bigint, p_kind text) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_link perch.telegram_links;
BEGIN
    DELETE FROM perch.telegram_links WHERE user_id = p_user AND chat_id = coalesce(p_chat, chat_id) RETURNING * INTO v_link;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM perch.outbox WHERE recipient_id = p_user;
    IF v_link.blocked_at IS NULL AND p_kind IS NOT NULL THEN
        PERFORM perch.telegram_say(v_link.chat_id, p_kind, jsonb_build_object('account', perch.account_name(p_user)),
                                   v_link.locale);
    END IF;
    RETURN true;
END
$$;

-- As before, in the chat's language.
CREATE OR REPLACE FUNCTION perch.telegram_refuse(p_user bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_pending perch.telegram_pending;
BEGIN
    IF NOT p_user = ANY (perch.mailboxes_lock(p_user, p_user)) THEN
        RETURN NEXT perch.change_none('unauthorized');
        RETURN;
    END IF;
    DELETE FROM perch.telegram_pending p
    WHERE p.user_id = p_user AND perch.telegram_may_take(p) RETURNING * INTO v_pending;
    IF NOT FOUND THEN
        RETURN NEXT perch.change_none('ok');
        RETURN;
    END IF;
    PERFORM perch.telegram_say(v_pending.chat_id, 'refused', '{}', v_pending.locale);
    RETURN NEXT perch.event_append(p_user, 'me.changed', clock_timestamp(), NULL, NULL, '');
END
$$;

-- Is the update still to be applied? Until commit no other one is.
CREATE FUNCTION perch.update_begin(p_update perch.telegram_update) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(29800, 1);
    RETURN CASE WHEN p_update.offset_before < 0
        THEN EXISTS (SELECT FROM perch.telegram_updates WHERE update_id = p_update.offset_after AND body IS NOT NULL)
        ELSE EXISTS (SELECT FROM perch.telegram_bot WHERE update_offset = p_update.offset_before) END;
END
$$;

-- `result`: where getUpdates goes on.
CREATE FUNCTION perch.update_repeat() RETURNS perch.change
LANGUAGE sql STABLE
RETURN perch.change_none('repeat', (SELECT update_offset::text FROM perch.telegram_bot));

-- The last thing: answers (unless p_kind is NULL) and marks the update as applied.
CREATE FUNCTION perch.update_end(p_update perch.telegram_update, p_kind text, p_arguments jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF p_kind IS NOT NULL THEN
        PERFORM perch.telegram_say(p_update.chat_id, p_kind, p_arguments, perch.telegram_locale(p_update.locale),
                                   nullif(p_update.message_id, 0), p_update.callback_id);
    END IF;
    IF p_update.offset_before < 0 THEN
        UPDATE perch.telegram_updates SET body = NULL WHERE update_id = p_update.offset_after;
    ELSE
        UPDATE perch.telegram_bot SET update_offset = p_update.offset_after;
    END IF;
END
$$;

-- Does nothing but answer; p_kind NULL: not even that.
CREATE FUNCTION perch.update_answer(p_update perch.telegram_update, p_kind text, p_arguments jsonb)
RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    IF NOT perch.update_begin(p_update) THEN
        RETURN NEXT perch.update_repeat();
        RETURN;
    END IF;
    PERFORM perch.update_end(p_update, p_kind, p_arguments);
    RETURN NEXT perch.change_none('ok');
END
$$;

-- Start, pressed or typed. The answer is 'start_' and the status of telegram_start(); p_quiet: none.
CREATE FUNCTION perch.update_start(p_update perch.telegram_update, p_name text, p_username text, p_code_hash bytea,
                                   p_quiet boolean) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_change perch.change;
    v_status text;
BEGIN
    IF NOT perch.update_begin(p_update) THEN
        RETURN NEXT perch.update_repeat();
        RETURN;
    END IF;
    FOR v_change IN
        SELECT * FROM perch.telegram_start(p_update.chat_id, p_name, p_username, p_update.locale, p_code_hash,
                                           perch.ms_at(p_update.now))
    LOOP
        v_status := v_change.status;
        RETURN NEXT v_change;
    END LOOP;
    PERFORM perch.update_end(p_update, CASE WHEN NOT p_quiet THEN 'start_' || v_status END);
END
$$;

-- The chat takes messages again: a link of its own is live, and nothing else comes of it.
CREATE FUNCTION perch.update_unblock(p_update perch.telegram_update, p_name text, p_username text)
RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM perch.telegram_links WHERE chat_id = p_update.chat_id AND blocked_at IS NOT NULL) THEN
        RETURN QUERY SELECT * FROM perch.update_start(p_update, p_name, p_username, NULL, true);
    ELSE
        RETURN QUERY SELECT * FROM perch.update_answer(p_update, NULL, NULL);
    END IF;
END
$$;

CREATE FUNCTION perch.update_block(p_update perch.telegram_update) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    IF NOT perch.update_begin(p_update) THEN
        RETURN NEXT perch.update_repeat();
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM perch.telegram_block(p_update.chat_id, perch.ms_at(p_update.now));
    PERFORM perch.update_end(p_update, NULL);
END
$$;

CREATE FUNCTION perch.update_unlink(p_update perch.telegram_update) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_change perch.change;
    v_status text;
BEGIN
    IF NOT perch.update_begin(p_update) THEN
        RETURN NEXT perch.update_repeat();
        RETURN;
    END IF;
    FOR v_change IN SELECT * FROM perch.telegram_unlink_chat(p_update.chat_id) LOOP
        v_status := v_change.status;
        RETURN NEXT v_change;
    END LOOP;
    PERFORM perch.update_end(p_update, CASE v_status WHEN 'ok' THEN 'unlinked_chat' ELSE 'not_linked' END);
END
$$;

-- Whose the chat is; NULL: nobody's, or not now.
CREATE FUNCTION perch.telegram_chat_user(p_chat bigint) RETURNS bigint
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT user_id FROM perch.telegram_links WHERE chat_id = p_chat AND confirmed_at IS NOT NULL AND blocked_at IS NULL;
END;

-- Nothing is told for so many minutes, -1: for ever; 0 ends that.
CREATE FUNCTION perch.update_mute(p_update perch.telegram_update, p_minutes integer) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_user bigint;
    v_kind text := CASE p_minutes WHEN 0 THEN 'unmuted' ELSE 'muted' END;
BEGIN
    IF NOT perch.update_begin(p_update) THEN
        RETURN NEXT perch.update_repeat();
        RETURN;
    END IF;
    UPDATE perch.telegram_links
    SET muted_until = CASE sign(p_minutes) WHEN -1 THEN 'infinity'::timestamptz
                           WHEN 1 THEN perch.ms_at(p_update.now) + make_interval(mins => p_minutes) END
    WHERE chat_id = p_update.chat_id AND confirmed_at IS NOT NULL AND blocked_at IS NULL
    RETURNING user_id INTO v_user;
    IF FOUND THEN
        PERFORM perch.telegram_revise(v_user);
    ELSE
        v_kind := 'not_linked';
    END IF;
    PERFORM perch.update_end(p_update, v_kind, jsonb_build_object(
        'minutes', CASE WHEN v_kind = 'muted' AND p_minutes > 0 THEN p_minutes END));
    RETURN NEXT perch.change_none('ok');
END
$$;

-- How it stands: whose the chat is, what keeps the bot quiet, how many messages wait to be told.
CREATE FUNCTION perch.telegram_status(p_chat bigint, p_now timestamptz) RETURNS jsonb
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'account', coalesce(u.display_name, u.username),
        'muted_minutes', CASE WHEN l.muted_until = 'infinity' THEN -1 WHEN l.muted_until > p_now
            THEN ceil(extract(epoch FROM l.muted_until - p_now) / 60)::bigint END,
        'quiet', CASE WHEN (perch.quiet_hours(u.notify_quiet_from, u.notify_quiet_to, u.time_zone, p_now)).ends_at > p_now
            THEN true END,
        'waiting', (SELECT count(*) FROM perch.outbox WHERE recipient_id = u.id))
    FROM perch.telegram_links l
    JOIN perch.users u ON u.id = l.user_id
    WHERE l.chat_id = p_chat AND l.user_id = perch.telegram_chat_user(p_chat);
END;

CREATE FUNCTION perch.update_status(p_update perch.telegram_update) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_status jsonb := perch.telegram_status(p_update.chat_id, perch.ms_at(p_update.now));
BEGIN
    RETURN QUERY SELECT * FROM perch.update_answer(
        p_update, CASE WHEN v_status IS NULL THEN 'not_linked' ELSE 'status' END, coalesce(v_status, '{}'));
END
$$;

-- Posts a text into the dialog with p_peer as the person whose chat it is, who has to be p_user, and answers. Neither link nor
-- mailbox can go away before commit. What was posted before is not answered again.
CREATE FUNCTION perch.update_post(p_update perch.telegram_update, p_user bigint, p_peer bigint, p_client_id uuid, p_body text)
RETURNS SETOF perch.change
LANGUAGE plpgsql
AS $$
DECLARE
    v_change perch.change;
    v_status text;
BEGIN
    PERFORM perch.mailboxes_lock(p_user, p_peer);
    IF perch.telegram_chat_user(p_update.chat_id) IS DISTINCT FROM p_user THEN
        PERFORM perch.update_end(p_update, 'not_linked');
        RETURN NEXT perch.change_none('ok');
        RETURN;
    END IF;
    FOR v_change IN SELECT * FROM perch.send_message(p_user, p_peer, p_client_id, p_body) LOOP
        v_status := coalesce(v_status, v_change.status);
        RETURN NEXT CASE WHEN v_change.user_id IS NULL THEN perch.change_none('ok') ELSE v_change END;
    END LOOP;
    PERFORM perch.update_end(
        p_update,
        CASE v_status WHEN 'ok' THEN 'reply_sent' WHEN 'repeat' THEN NULL ELSE 'reply_deleted' END,
        jsonb_build_object('account', CASE v_status WHEN 'ok' THEN perch.account_name(p_peer) END));
END
$$;

-- A text that replies to p_reply_to, something the bot has written, within 30 days.
CREATE FUNCTION perch.update_reply(p_update perch.telegram_update, p_reply_to bigint, p_client_id uuid, p_body text)
RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_user bigint;
    v_told perch.telegram_told;
    v_kind text;
BEGIN
    IF NOT perch.update_begin(p_update) THEN
        RETURN NEXT perch.update_repeat();
        RETURN;
    END IF;
    PERFORM perch.telegram_chat_lock(p_update.chat_id);
    v_user := perch.telegram_chat_user(p_update.chat_id);
    SELECT * INTO v_told FROM perch.telegram_told
    WHERE chat_id = p_update.chat_id AND message_id = p_reply_to AND user_id = v_user
        AND told_at > perch.ms_at(p_update.now) - interval '30 days';
    v_kind := CASE WHEN v_user IS NULL THEN 'not_linked' WHEN v_told.user_id IS NULL THEN 'reply_unknown'
        WHEN v_told.peer_id IS NULL THEN 'reply_digest' END;
    IF v_kind IS NULL THEN
        RETURN QUERY SELECT * FROM perch.update_post(p_update, v_user, v_told.peer_id, p_client_id, p_body);
    ELSE
        PERFORM perch.update_end(p_update, v_kind);
        RETURN NEXT perch.change_none('ok');
    END IF;
END
$$;

-- A text that replies to nothing: to whom it goes is never guessed, only offered.
CREATE FUNCTION perch.update_text(p_update perch.telegram_update, p_client_id uuid, p_body text)
RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_user bigint;
    v_peer bigint;
    v_name text;
    v_offer text;
BEGIN
    IF NOT perch.update_begin(p_update) THEN
        RETURN NEXT perch.update_repeat();
        RETURN;
    END IF;
    v_user := perch.telegram_chat_user(p_update.chat_id);
    SELECT peer_id INTO v_peer FROM perch.telegram_told
    WHERE chat_id = p_update.chat_id AND user_id = v_user AND peer_id IS NOT NULL
        AND told_at > perch.ms_at(p_update.now) - interval '30 days'
    ORDER BY message_id DESC LIMIT 1;
    v_name := perch.account_name(v_peer);
    IF v_name IS NOT NULL THEN
        INSERT INTO perch.telegram_offers (chat_id, user_id, peer_id, client_id, body, made_at)
        VALUES (p_update.chat_id, v_user, v_peer, p_client_id, p_body, perch.ms_at(p_update.now))
        RETURNING id INTO v_offer;
    END IF;
    PERFORM perch.update_end(
        p_update,
        CASE WHEN v_user IS NULL THEN 'not_linked' WHEN v_name IS NULL THEN 'offer_nobody' ELSE 'offer' END,
        jsonb_build_object('account', v_name, 'offer', v_offer));
    RETURN NEXT perch.change_none('ok');
END
$$;

-- The offer was taken: once, within a day, by the chat and the account that it was made to.
CREATE FUNCTION perch.update_offer(p_update perch.telegram_update, p_offer text) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_offer perch.telegram_offers;
BEGIN
    IF NOT perch.update_begin(p_update) THEN
        RETURN NEXT perch.update_repeat();
        RETURN;
    END IF;
    PERFORM perch.telegram_chat_lock(p_update.chat_id);
    DELETE FROM perch.telegram_offers
    WHERE id = p_offer AND chat_id = p_update.chat_id AND made_at > perch.ms_at(p_update.now) - interval '1 day'
    RETURNING * INTO v_offer;
    IF FOUND THEN
        RETURN QUERY SELECT * FROM perch.update_post(p_update, v_offer.user_id, v_offer.peer_id, v_offer.client_id,
                                                     v_offer.body);
    ELSE
        PERFORM perch.update_end(p_update, 'offer_gone');
        RETURN NEXT perch.change_none('ok');
    END IF;
END
$$;

-- Keeps what a webhook brought until it is applied; false: it was brought before.
CREATE FUNCTION perch.telegram_update_put(p_update_id bigint, p_body text) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO perch.telegram_updates (update_id, body, received_at) VALUES (p_update_id, p_body, clock_timestamp())
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;

-- What is still to be applied, in Telegram's order.
CREATE FUNCTION perch.update_inbox(p_limit integer) RETURNS TABLE (update_id bigint, body text)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT u.update_id, u.body FROM perch.telegram_updates u WHERE u.body IS NOT NULL ORDER BY u.update_id LIMIT p_limit;
END;

-- What the bot has to say: what is due, for each chat its oldest, without chats in p_busy. Before these comes one row with id
-- NULL, whose retry_at is when something else will be due.
CREATE FUNCTION perch.say_next(p_now bigint, p_busy bigint[], p_limit integer)
RETURNS TABLE (id bigint, chat_id bigint, kind text, arguments text, locale text, callback_id text, reply_to bigint,
               failures integer, retry_at bigint)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT NULL::bigint, NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::integer,
           coalesce(nullif(perch.at_ms(min(s.due_at)), 0), 9223372036854775807)
    FROM perch.telegram_says s
    WHERE s.due_at > perch.ms_at(p_now) AND s.chat_id <> ALL (p_busy)
    UNION ALL
    (SELECT s.id, s.chat_id, s.kind, s.arguments::text, s.locale, s.callback_id, s.reply_to, s.attempts,
            perch.at_ms(greatest(l.retry_at, (SELECT b.retry_at FROM perch.telegram_bot b)))
     FROM (SELECT DISTINCT ON (due.chat_id) due.*
           FROM (SELECT * FROM perch.telegram_says d
                 WHERE d.due_at <= perch.ms_at(p_now) AND d.chat_id <> ALL (p_busy) ORDER BY d.due_at, d.id LIMIT 10000) AS due
           ORDER BY due.chat_id, due.id) AS s
     LEFT JOIN perch.telegram_links l ON l.chat_id = s.chat_id
     ORDER BY s.id LIMIT p_limit)
    ORDER BY 1 NULLS FIRST;
END;

-- Counts a request before it begins. False: there is nothing to say any more, or it was said twice without an answer, or it
-- was about a notification and the link is gone.
CREATE FUNCTION perch.say_claim(p_id bigint, p_now bigint) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    DELETE FROM perch.telegram_says
    WHERE id = p_id AND (unanswered >= 2 OR kind IN ('delete', 'recall') AND perch.telegram_chat_user(chat_id) IS NULL);
    UPDATE perch.telegram_says
    SET unanswered = unanswered + 1, due_at = perch.ms_at(p_now) + interval '1 minute'
    WHERE id = p_id AND due_at <= perch.ms_at(p_now);
    RETURN FOUND;
END
$$;

CREATE FUNCTION perch.say_drop(p_id bigint) RETURNS void
LANGUAGE sql
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    DELETE FROM perch.telegram_says WHERE id = p_id;
END;

-- It was refused for now. p_waits: as the chat gets too much, which is no failure and holds for its notifications, too;
-- p_bot_retry_at: unless 0, for everybody's.
CREATE FUNCTION perch.say_retry(p_id bigint, p_retry_at bigint, p_waits boolean, p_bot_retry_at bigint) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_chat bigint;
BEGIN
    UPDATE perch.telegram_says
    SET unanswered = greatest(unanswered - 1, 0), attempts = attempts + CASE WHEN p_waits THEN 0 ELSE 1 END,
        due_at = perch.ms_at(p_retry_at)
    WHERE id = p_id
    RETURNING chat_id INTO v_chat;
    IF p_waits THEN
        UPDATE perch.telegram_links SET retry_at = perch.ms_at(p_retry_at) WHERE chat_id = v_chat;
    END IF;
    IF p_bot_retry_at > 0 THEN
        UPDATE perch.telegram_bot SET retry_at = perch.ms_at(p_bot_retry_at);
    END IF;
END
$$;

-- For whoever watches the notifier; a time is 0 where nothing waits.
CREATE FUNCTION perch.notifier_counts(OUT outbox bigint, OUT outbox_oldest_at bigint, OUT says bigint,
                                      OUT says_oldest_at bigint, OUT dead bigint, OUT updates bigint)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT (SELECT count(*) FROM perch.outbox),
           perch.at_ms((SELECT o.created_at FROM perch.outbox o ORDER BY o.id LIMIT 1)),
           (SELECT count(*) FROM perch.telegram_says),
           perch.at_ms((SELECT s.created_at FROM perch.telegram_says s ORDER BY s.id LIMIT 1)),
           (SELECT count(*) FROM perch.telegram_dead),
           (SELECT count(*) FROM perch.telegram_updates WHERE body IS NOT NULL);
END;

-- Removes at most 1,000 rows of a table that have this time behind p_before; are there none left?
CREATE FUNCTION perch.clean_rows(p_table regclass, p_column name, p_before timestamptz) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_count bigint;
BEGIN
    EXECUTE format('DELETE FROM %s WHERE ctid = ANY (ARRAY('
                   'SELECT ctid FROM %1$s WHERE %I <= $1 LIMIT 1000 FOR UPDATE SKIP LOCKED))', p_table, p_column)
    USING p_before;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count < 1000;
END
$$;

-- What has had its time: codes and requests for a link, what the bot could not say within a day, windows, offers and updates
-- that nobody goes on with, and after 30 days what was told and what could not be.
CREATE OR REPLACE FUNCTION perch.clean_telegram() RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    -- An array, so that each is called.
    RETURN true = ALL (ARRAY[
        perch.clean_rows('perch.telegram_codes', 'expires_at', v_now),
        perch.clean_rows('perch.telegram_pending', 'asked_at', v_now - interval '1 day'),
        perch.clean_rows('perch.telegram_says', 'created_at', v_now - interval '1 day'),
        perch.clean_rows('perch.telegram_windows', 'opened_at', v_now - interval '1 day'),
        perch.clean_rows('perch.telegram_offers', 'made_at', v_now - interval '1 day'),
        perch.clean_rows('perch.telegram_updates', 'received_at', v_now - interval '2 days'),
        perch.clean_rows('perch.telegram_told', 'told_at', v_now - interval '30 days'),
        perch.clean_rows('perch.telegram_dead', 'died_at', v_now - interval '30 days')]);
END
$$;

GRANT EXECUTE ON FUNCTION
    perch.update_answer(perch.telegram_update, text, jsonb),
    perch.update_start(perch.telegram_update, text, text, bytea, boolean),
    perch.update_unblock(perch.telegram_update, text, text), perch.update_block(perch.telegram_update),
    perch.update_unlink(perch.telegram_update), perch.update_mute(perch.telegram_update, integer),
    perch.update_status(perch.telegram_update), perch.update_reply(perch.telegram_update, bigint, uuid, text),
    perch.update_text(perch.telegram_update, uuid, text), perch.update_offer(perch.telegram_update, text),
    perch.update_inbox(integer), perch.say_next(bigint, bigint[], integer), perch.say_claim(bigint, bigint),
    perch.say_drop(bigint), perch.say_retry(bigint, bigint, boolean, bigint), perch.notifier_counts() TO perch_notifier;

COMMIT;
