-- Deploy perch:telegram_consent
--
-- A confirmation names the chat that was shown to who confirms: another one may have asked since. The state tells which
-- one that is, who the bot is, and which Telegram name the account claims.

BEGIN;

DROP FUNCTION perch.telegram_state(bigint);

-- One row. `linked` also while the chat blocks the bot; `pending_id` is NULL where nobody asks, `bot` where there is none.
-- `claim` is what somebody said their Telegram name is; nobody has proved it.
CREATE FUNCTION perch.telegram_state(p_user bigint, OUT linked boolean, OUT blocked boolean, OUT name text,
                                     OUT username text, OUT pending_name text, OUT pending_username text,
                                     OUT pending_id bigint, OUT bot text, OUT claim text)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT l.confirmed_at IS NOT NULL, l.blocked_at IS NOT NULL, l.name, l.username, p.name, p.username, p.chat_id,
           (SELECT b.username FROM perch.telegram_bot b), u.telegram
    FROM (VALUES (p_user)) AS asks (id)
    LEFT JOIN perch.users u ON u.id = asks.id
    LEFT JOIN perch.telegram_links l ON l.user_id = asks.id
    LEFT JOIN perch.telegram_pending p ON p.user_id = asks.id AND perch.telegram_may_take(p);
END;

-- This chat, if it asks, is the account's: it leaves whichever account had it, and the account leaves its old chat.
-- `status`: 'ok', 'not_found' (it does not ask, or no longer) or 'unauthorized'.
CREATE FUNCTION perch.telegram_confirm(p_user bigint, p_chat bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_chat bigint := (SELECT chat_id FROM perch.telegram_pending WHERE user_id = p_user AND chat_id = p_chat);
    v_other bigint;
    v_pending perch.telegram_pending;
    v_at timestamptz;
BEGIN
    PERFORM perch.telegram_chat_lock(v_chat);
    SELECT user_id INTO v_other FROM perch.telegram_links WHERE chat_id = v_chat AND user_id <> p_user;
    IF NOT p_user = ANY (perch.mailboxes_lock(p_user, v_other)) THEN
        RETURN NEXT perch.change_none('unauthorized');
        RETURN;
    END IF;
    DELETE FROM perch.telegram_pending p
    WHERE p.user_id = p_user AND p.chat_id = v_chat AND perch.telegram_may_take(p) RETURNING * INTO v_pending;
    IF NOT FOUND THEN
        RETURN NEXT perch.change_none('not_found');
        RETURN;
    END IF;
    v_at := clock_timestamp();
    IF perch.telegram_link_drop(v_other, v_chat, NULL) THEN
        RETURN NEXT perch.event_append(v_other, 'telegram.unlinked', v_at, NULL, NULL, '');
    ELSE
        v_other := NULL;
    END IF;
    PERFORM perch.telegram_link_drop(p_user, NULL, 'unlinked_moved');
    INSERT INTO perch.telegram_links (user_id, chat_id, confirmed_at, name, username, locale)
    VALUES (p_user, v_chat, v_at, v_pending.name, v_pending.username, v_pending.locale);
    PERFORM perch.telegram_say(v_chat, 'linked', jsonb_build_object('account', perch.account_name(p_user),
                                                                   'instead_of', perch.account_name(v_other)));
    RETURN NEXT perch.event_append(p_user, 'telegram.linked', v_at, NULL, NULL, '');
END
$$;

-- Whichever chat asks: for programs of before this change, until they are replaced.
CREATE OR REPLACE FUNCTION perch.telegram_confirm(p_user bigint) RETURNS SETOF perch.change
LANGUAGE sql
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT * FROM perch.telegram_confirm(p_user, (SELECT chat_id FROM perch.telegram_pending WHERE user_id = p_user));
END;

GRANT EXECUTE ON FUNCTION perch.telegram_state(bigint), perch.telegram_confirm(bigint, bigint) TO perch_app;

COMMIT;
