-- Revert perch:telegram_updates

BEGIN;

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

DROP FUNCTION perch.clean_rows(regclass, name, timestamptz);
DROP FUNCTION perch.notifier_counts();
DROP FUNCTION perch.say_retry(bigint, bigint, boolean, bigint);
DROP FUNCTION perch.say_drop(bigint);
DROP FUNCTION perch.say_claim(bigint, bigint);
DROP FUNCTION perch.say_next(bigint, bigint[], integer);
DROP FUNCTION perch.update_inbox(integer);
DROP FUNCTION perch.telegram_update_put(bigint, text);
DROP FUNCTION perch.update_offer(perch.telegram_update, text);
DROP FUNCTION perch.update_text(perch.telegram_update, uuid, text);
DROP FUNCTION perch.update_reply(perch.telegram_update, bigint, uuid, text);
DROP FUNCTION perch.update_post(perch.telegram_update, bigint, bigint, uuid, text);
DROP FUNCTION perch.update_status(perch.telegram_update);
DROP FUNCTION perch.telegram_status(bigint, timestamptz);
DROP FUNCTION perch.update_mute(perch.telegram_update, integer);
DROP FUNCTION perch.telegram_chat_user(bigint);
DROP FUNCTION perch.update_unlink(perch.telegram_update);
DROP FUNCTION perch.update_block(perch.telegram_update);
DROP FUNCTION perch.update_unblock(perch.telegram_update, text, text);
DROP FUNCTION perch.update_start(perch.telegram_update, text, text, bytea, boolean);
DROP FUNCTION perch.update_answer(perch.telegram_update, text, jsonb);
DROP FUNCTION perch.update_end(perch.telegram_update, text, jsonb);
DROP FUNCTION perch.update_repeat();
DROP FUNCTION perch.update_begin(perch.telegram_update);
DROP FUNCTION perch.telegram_say(bigint, text, jsonb, text, bigint, text);

-- The bot says it at once; an argument that is NULL is left out.
CREATE FUNCTION perch.telegram_say(p_chat bigint, p_kind text, p_arguments jsonb) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO perch.telegram_says (chat_id, kind, arguments, created_at, due_at)
    VALUES (p_chat, p_kind, jsonb_strip_nulls(p_arguments), clock_timestamp(), clock_timestamp());
END;

-- Ends the link of somebody whose mailbox is locked (with p_chat only if it is that one) and takes back what was queued;
-- the chat hears p_kind, unless it blocked the bot or p_kind is NULL. Was there a link?
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
        PERFORM perch.telegram_say(v_link.chat_id, p_kind, jsonb_build_object('account', perch.account_name(p_user)));
    END IF;
    RETURN true;
END
$$;

-- Nobody asks (any longer): writes nothing. `status`: 'ok' or 'unauthorized'.
CREATE OR REPLACE FUNCTION perch.telegram_refuse(p_user bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_chat bigint;
BEGIN
    IF NOT p_user = ANY (perch.mailboxes_lock(p_user, p_user)) THEN
        RETURN NEXT perch.change_none('unauthorized');
        RETURN;
    END IF;
    DELETE FROM perch.telegram_pending p
    WHERE p.user_id = p_user AND perch.telegram_may_take(p) RETURNING chat_id INTO v_chat;
    IF NOT FOUND THEN
        RETURN NEXT perch.change_none('ok');
        RETURN;
    END IF;
    PERFORM perch.telegram_say(v_chat, 'refused', '{}');
    RETURN NEXT perch.event_append(p_user, 'me.changed', clock_timestamp(), NULL, NULL, '');
END
$$;

DROP FUNCTION perch.telegram_locale(text);
DROP TYPE perch.telegram_update;
ALTER TABLE perch.telegram_says DROP COLUMN locale, DROP COLUMN reply_to, DROP COLUMN callback_id;
DROP TABLE perch.telegram_offers;
DROP TABLE perch.telegram_updates;

COMMIT;
