-- Deploy perch:telegram_manners
--
-- What the bot says keeps the rests that Telegram asks for, names nobody to whoever does not want that, and is not kept where
-- nobody will hear it.

BEGIN;

-- Nothing to this chat before: it need not have a link.
ALTER TABLE perch.telegram_says ADD COLUMN retry_at timestamptz;

CREATE INDEX telegram_says_rests ON perch.telegram_says (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX telegram_links_rests ON perch.telegram_links (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX telegram_told_chat ON perch.telegram_told (chat_id, told_at);
CREATE INDEX telegram_offers_chat ON perch.telegram_offers (chat_id, made_at);

-- In the order in which they are said, so that the first of many are found without the rest.
DROP INDEX perch.telegram_says_due;
CREATE INDEX telegram_says_due ON perch.telegram_says (due_at, id);

-- As before, but nothing is due in a chat that rests, or while everybody does. Answers to taps are, for Telegram does not
-- count them.
CREATE OR REPLACE FUNCTION perch.say_next(p_now bigint, p_busy bigint[], p_limit integer)
RETURNS TABLE (id bigint, chat_id bigint, kind text, arguments text, locale text, callback_id text, reply_to bigint,
               failures integer, retry_at bigint)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    WITH bot AS MATERIALIZED (
        SELECT max(b.retry_at) AS until FROM perch.telegram_bot b WHERE b.retry_at > perch.ms_at(p_now)),
    rests AS MATERIALIZED (
        SELECT x.chat_id, max(x.retry_at) AS until
        FROM (SELECT l.chat_id, l.retry_at FROM perch.telegram_links l WHERE l.retry_at > perch.ms_at(p_now)
              UNION ALL
              SELECT o.chat_id, o.retry_at FROM perch.telegram_says o WHERE o.retry_at > perch.ms_at(p_now)) AS x
        WHERE x.chat_id <> ALL (p_busy)
        GROUP BY x.chat_id)
    SELECT NULL::bigint, NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::integer,
           coalesce(nullif(perch.at_ms(least(
               (SELECT min(s.due_at) FROM perch.telegram_says s
                WHERE s.due_at > perch.ms_at(p_now) AND s.chat_id <> ALL (p_busy)),
               (SELECT min(greatest(r.until, bot.until)) FROM rests r
                WHERE EXISTS (SELECT FROM perch.telegram_says s WHERE s.chat_id = r.chat_id AND s.callback_id IS NULL
                                                                  AND s.due_at <= perch.ms_at(p_now))),
               CASE WHEN bot.until IS NOT NULL AND EXISTS (
                   SELECT FROM perch.telegram_says s
                   WHERE s.due_at <= perch.ms_at(p_now) AND s.callback_id IS NULL AND s.chat_id <> ALL (p_busy))
                   THEN bot.until END)), 0), 9223372036854775807)
    FROM bot
    UNION ALL
    SELECT s.id, s.chat_id, s.kind, s.arguments::text, s.locale, s.callback_id, s.reply_to, s.attempts, 0
    FROM (SELECT min(d.id) AS id
          FROM (SELECT d.id, d.chat_id FROM perch.telegram_says d
                WHERE d.due_at <= perch.ms_at(p_now) AND d.chat_id <> ALL (p_busy)
                    AND (d.callback_id IS NOT NULL
                         OR (SELECT until FROM bot) IS NULL AND d.chat_id NOT IN (SELECT r.chat_id FROM rests r))
                ORDER BY d.due_at, d.id LIMIT 10000) AS d
          GROUP BY d.chat_id
          ORDER BY 1 LIMIT p_limit) AS first
    JOIN perch.telegram_says s ON s.id = first.id
    ORDER BY 1 NULLS FIRST;
END;

-- As before, and a rest is kept in the row as well, for who has no link.
CREATE OR REPLACE FUNCTION perch.say_retry(p_id bigint, p_retry_at bigint, p_waits boolean, p_bot_retry_at bigint) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_chat bigint;
BEGIN
    UPDATE perch.telegram_says
    SET unanswered = greatest(unanswered - 1, 0), attempts = attempts + CASE WHEN p_waits THEN 0 ELSE 1 END,
        due_at = perch.ms_at(p_retry_at), retry_at = CASE WHEN p_waits THEN perch.ms_at(p_retry_at) END
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

-- Will the chat hear the answer? One that ten things wait to be said to does not: who types faster than Telegram lets the bot
-- answer would use up what others may be told. A tapped button is always answered, for that counts for nothing.
CREATE FUNCTION perch.update_is_answered(p_update perch.telegram_update) RETURNS boolean
LANGUAGE sql STABLE
RETURN p_update.callback_id IS NOT NULL OR (
    SELECT count(*) FROM (SELECT FROM perch.telegram_says WHERE chat_id = p_update.chat_id LIMIT 10) AS waiting) < 10;

-- As before.
CREATE OR REPLACE FUNCTION perch.update_end(p_update perch.telegram_update, p_kind text, p_arguments jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF p_kind IS NOT NULL AND perch.update_is_answered(p_update) THEN
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

-- As before, and the answer says how much the person wants to be shown.
CREATE OR REPLACE FUNCTION perch.update_post(p_update perch.telegram_update, p_user bigint, p_peer bigint, p_client_id uuid,
                                             p_body text) RETURNS SETOF perch.change
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
        CASE v_status WHEN 'ok' THEN jsonb_build_object(
            'account', perch.account_name(p_peer),
            'preview', (SELECT notify_preview FROM perch.users WHERE id = p_user)) ELSE '{}' END);
END
$$;

-- As before, but it is offered to whoever was told of last by time, for an edit tells of somebody in an old message; it is
-- kept only if the chat hears of it, and the chat's latest twenty are.
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
    ORDER BY told_at DESC, message_id DESC LIMIT 1;
    v_name := perch.account_name(v_peer);
    IF v_name IS NOT NULL AND perch.update_is_answered(p_update) THEN
        DELETE FROM perch.telegram_offers WHERE id IN (
            SELECT id FROM perch.telegram_offers WHERE chat_id = p_update.chat_id ORDER BY made_at DESC OFFSET 19);
        INSERT INTO perch.telegram_offers (chat_id, user_id, peer_id, client_id, body, made_at)
        VALUES (p_update.chat_id, v_user, v_peer, p_client_id, p_body, perch.ms_at(p_update.now))
        RETURNING id INTO v_offer;
    END IF;
    PERFORM perch.update_end(
        p_update,
        CASE WHEN v_user IS NULL THEN 'not_linked' WHEN v_name IS NULL THEN 'offer_nobody' ELSE 'offer' END,
        jsonb_build_object(
            'account', v_name, 'offer', v_offer,
            'preview', CASE WHEN v_offer IS NOT NULL THEN (SELECT notify_preview FROM perch.users WHERE id = v_user) END));
    RETURN NEXT perch.change_none('ok');
END
$$;

COMMIT;
