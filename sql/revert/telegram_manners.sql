-- Revert perch:telegram_manners

BEGIN;

-- It was refused for now. p_waits: as the chat gets too much, which is no failure and holds for its notifications, too;
-- p_bot_retry_at: unless 0, for everybody's.
CREATE OR REPLACE FUNCTION perch.say_retry(p_id bigint, p_retry_at bigint, p_waits boolean, p_bot_retry_at bigint) RETURNS void
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

-- As before, but a chat that ten things wait to be said to hears nothing more: who types faster than Telegram lets the bot
-- answer would use up what others may be told. A tapped button is always answered, for that counts for nothing.
CREATE OR REPLACE FUNCTION perch.update_end(p_update perch.telegram_update, p_kind text, p_arguments jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF p_kind IS NOT NULL AND (p_update.callback_id IS NOT NULL OR (
        SELECT count(*) FROM (SELECT FROM perch.telegram_says WHERE chat_id = p_update.chat_id LIMIT 10) AS waiting) < 10) THEN
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

-- Posts a text into the dialog with p_peer as the person whose chat it is, who has to be p_user, and answers. Neither link nor
-- mailbox can go away before commit. What was posted before is not answered again.
CREATE OR REPLACE FUNCTION perch.update_post(p_update perch.telegram_update, p_user bigint, p_peer bigint, p_client_id uuid, p_body text)
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

-- A text that replies to nothing: to whom it goes is never guessed, only offered.
CREATE OR REPLACE FUNCTION perch.update_text(p_update perch.telegram_update, p_client_id uuid, p_body text)
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

DROP FUNCTION perch.update_is_answered(perch.telegram_update);
DROP INDEX perch.telegram_says_due;
CREATE INDEX telegram_says_due ON perch.telegram_says (due_at);
DROP INDEX perch.telegram_links_rests;
DROP INDEX perch.telegram_offers_chat;
DROP INDEX perch.telegram_told_chat;
DROP FUNCTION perch.say_next(bigint, bigint[], integer);
ALTER TABLE perch.telegram_says DROP COLUMN retry_at;

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

GRANT EXECUTE ON FUNCTION perch.say_next(bigint, bigint[], integer) TO perch_notifier;

COMMIT;
