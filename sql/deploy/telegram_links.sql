-- Deploy perch:telegram_links
--
-- How a Telegram chat becomes an account's, and how it stops being so. Nothing is linked before the page confirms it: a
-- code that was forwarded, or a name that somebody else has by now, must not hand over an account's messages.
--
-- The lock law (mutate_messages) with one thing before it: which account a chat belongs to, and who asks for it, is added to
-- under telegram_chat_lock() only. So what was read of a chat under that lock can only become less while the mailboxes are
-- waited for, and whoever it names is locked.
--
-- perch_app's functions go by the database's clock, the notifier's by its own (p_now).

BEGIN;

-- The bot, as it said itself; no row or no username: none is configured.
CREATE TABLE perch.telegram_bot (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    bot_id bigint NOT NULL,
    username text, -- without "@"
    update_offset bigint NOT NULL DEFAULT 0 -- getUpdates goes on here
);

-- One code per account; only its SHA-256 is known here.
CREATE TABLE perch.telegram_codes (
    user_id bigint PRIMARY KEY REFERENCES perch.users,
    code_hash bytea NOT NULL UNIQUE CHECK (octet_length(code_hash) = 32),
    expires_at timestamptz NOT NULL
);

-- Who wants an account's notifications; good for a day. Several accounts may have the same chat here.
CREATE TABLE perch.telegram_pending (
    user_id bigint PRIMARY KEY REFERENCES perch.users,
    chat_id bigint NOT NULL,
    name text NOT NULL,
    username text, -- without "@"
    locale text NOT NULL CHECK (locale IN ('en', 'ru')),
    claimed boolean NOT NULL, -- not by a code, but by the Telegram name that the account claims
    asked_at timestamptz NOT NULL
);

CREATE INDEX telegram_pending_chat ON perch.telegram_pending (chat_id);

ALTER TABLE perch.telegram_links
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN username text,
    ADD COLUMN locale text NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'ru'));

-- What the bot has to say besides notifications, written in the transaction that it tells of. `kind` names a text.
CREATE TABLE perch.telegram_says (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat_id bigint NOT NULL,
    kind text NOT NULL,
    arguments jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    unanswered integer NOT NULL DEFAULT 0 -- requests that ended without an answer
);

CREATE INDEX telegram_says_due ON perch.telegram_says (due_at);

-- Until commit nobody else links this chat or asks for it. Once per transaction, and before any mailbox.
CREATE FUNCTION perch.telegram_chat_lock(p_chat bigint) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    SELECT pg_advisory_xact_lock(29799, hashint8(p_chat)); -- 'tg'
END;

-- As mailboxes_lock() of two.
CREATE FUNCTION perch.mailboxes_lock(p_users bigint[]) RETURNS bigint[]
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN ARRAY(SELECT user_id FROM perch.mailboxes WHERE user_id = ANY (p_users)
                 ORDER BY user_id FOR NO KEY UPDATE);
END
$$;

-- The bot says it at once; an argument that is NULL is left out.
CREATE FUNCTION perch.telegram_say(p_chat bigint, p_kind text, p_arguments jsonb) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO perch.telegram_says (chat_id, kind, arguments, created_at, due_at)
    VALUES (p_chat, p_kind, jsonb_strip_nulls(p_arguments), clock_timestamp(), clock_timestamp());
END;

CREATE FUNCTION perch.account_name(p_user bigint) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(display_name, username) FROM perch.users WHERE id = p_user;
END;

-- Ends the link of somebody whose mailbox is locked (with p_chat only if it is that one) and takes back what was queued;
-- the chat hears p_kind, unless it blocked the bot or p_kind is NULL. Was there a link?
CREATE FUNCTION perch.telegram_link_drop(p_user bigint, p_chat bigint, p_kind text) RETURNS boolean
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

-- A code for the account, in place of an earlier one. `status`: 'ok', 'telegram_off' or 'unauthorized'; `bot`: whom to
-- send the code to.
CREATE FUNCTION perch.telegram_code_set(p_user bigint, p_hash bytea, OUT status text, OUT bot text,
                                        OUT expires_at timestamptz)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    IF NOT p_user = ANY (perch.mailboxes_lock(p_user, p_user)) THEN
        status := 'unauthorized';
        RETURN;
    END IF;
    SELECT b.username INTO bot FROM perch.telegram_bot b WHERE b.username IS NOT NULL;
    IF NOT FOUND THEN
        status := 'telegram_off';
        RETURN;
    END IF;
    status := 'ok';
    expires_at := clock_timestamp() + interval '10 minutes';
    INSERT INTO perch.telegram_codes (user_id, code_hash, expires_at)
    VALUES (p_user, p_hash, telegram_code_set.expires_at)
    ON CONFLICT (user_id) DO UPDATE SET code_hash = excluded.code_hash, expires_at = excluded.expires_at;
END
$$;

-- A claim takes no chat from another account: whoever linked it there has shown whose it is.
CREATE FUNCTION perch.telegram_may_take(p_pending perch.telegram_pending) RETURNS boolean
LANGUAGE sql STABLE
RETURN (p_pending).asked_at > clock_timestamp() - interval '1 day'
    AND NOT ((p_pending).claimed
             AND EXISTS (SELECT FROM perch.telegram_links l
                         WHERE l.chat_id = (p_pending).chat_id AND l.user_id <> (p_pending).user_id));

-- One row. `linked` also while the chat blocks the bot; `pending_name` is NULL where nobody asks.
CREATE FUNCTION perch.telegram_state(p_user bigint, OUT linked boolean, OUT blocked boolean, OUT name text,
                                     OUT username text, OUT pending_name text, OUT pending_username text)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT l.confirmed_at IS NOT NULL, l.blocked_at IS NOT NULL, l.name, l.username, p.name, p.username
    FROM (VALUES (p_user)) AS u (id)
    LEFT JOIN perch.telegram_links l ON l.user_id = u.id
    LEFT JOIN perch.telegram_pending p ON p.user_id = u.id AND perch.telegram_may_take(p);
END;

-- The pending chat is the account's: it leaves whichever account had it, and the account leaves its old chat.
-- `status`: 'ok', 'not_found' (nobody asks, or no longer) or 'unauthorized'.
CREATE FUNCTION perch.telegram_confirm(p_user bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_chat bigint := (SELECT chat_id FROM perch.telegram_pending WHERE user_id = p_user);
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
    -- Another chat may have asked meanwhile: that one was not seen by who confirms.
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

-- Nobody asks (any longer): writes nothing. `status`: 'ok' or 'unauthorized'.
CREATE FUNCTION perch.telegram_refuse(p_user bigint) RETURNS SETOF perch.change
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

-- Not linked: writes nothing. `status`: 'ok' or 'unauthorized'.
CREATE FUNCTION perch.telegram_unlink(p_user bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    IF NOT p_user = ANY (perch.mailboxes_lock(p_user, p_user)) THEN
        RETURN NEXT perch.change_none('unauthorized');
    ELSIF perch.telegram_link_drop(p_user, NULL, 'unlinked_page') THEN
        RETURN NEXT perch.event_append(p_user, 'telegram.unlinked', clock_timestamp(), NULL, NULL, '');
    ELSE
        RETURN NEXT perch.change_none('ok');
    END IF;
END
$$;

-- What getMe said, or twice NULL where there is no bot any more; where getUpdates goes on. Another bot counts anew.
CREATE FUNCTION perch.telegram_bot_set(p_bot_id bigint, p_username text) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_offset bigint;
BEGIN
    IF p_bot_id IS NULL THEN
        UPDATE perch.telegram_bot SET username = NULL RETURNING update_offset INTO v_offset;
    ELSE
        INSERT INTO perch.telegram_bot AS b (bot_id, username) VALUES (p_bot_id, p_username)
        ON CONFLICT (singleton) DO UPDATE
            SET bot_id = excluded.bot_id, username = excluded.username,
                update_offset = CASE WHEN b.bot_id = excluded.bot_id THEN b.update_offset ELSE 0 END
        RETURNING update_offset INTO v_offset;
    END IF;
    RETURN coalesce(v_offset, 0);
END
$$;

-- Puts a chat's request before an account whose mailbox is locked; again writes no event. NULL: it was not put there, for
-- a claim does not push aside a chat that came with a code.
CREATE FUNCTION perch.telegram_ask(p_pending perch.telegram_pending) RETURNS perch.change
LANGUAGE plpgsql
AS $$
DECLARE
    v_old perch.telegram_pending;
    v_change perch.change := perch.change_none('asked');
BEGIN
    SELECT * INTO v_old FROM perch.telegram_pending
    WHERE user_id = p_pending.user_id AND asked_at > p_pending.asked_at - interval '1 day';
    IF FOUND AND p_pending.claimed AND NOT v_old.claimed THEN
        RETURN CASE WHEN v_old.chat_id = p_pending.chat_id THEN v_change END;
    END IF;
    DELETE FROM perch.telegram_pending WHERE user_id = p_pending.user_id;
    INSERT INTO perch.telegram_pending SELECT p_pending.*;
    IF (v_old.chat_id, v_old.name, v_old.username)
        IS DISTINCT FROM (p_pending.chat_id, p_pending.name, p_pending.username) THEN
        v_change := perch.event_append(p_pending.user_id, 'me.changed', clock_timestamp(), NULL, NULL, '');
        v_change.status := 'asked';
    END IF;
    RETURN v_change;
END
$$;

-- The link of a chat (which is locked, and its owner's mailbox) as it was; now it is live, with the person's newest name.
CREATE FUNCTION perch.telegram_link_revive(p_chat bigint, p_name text, p_username text, p_locale text)
RETURNS perch.telegram_links
LANGUAGE plpgsql
AS $$
DECLARE
    v_link perch.telegram_links;
BEGIN
    SELECT * INTO v_link FROM perch.telegram_links WHERE chat_id = p_chat;
    IF FOUND THEN
        UPDATE perch.telegram_links SET name = p_name, username = p_username, locale = p_locale, blocked_at = NULL
        WHERE chat_id = p_chat;
    END IF;
    RETURN v_link;
END
$$;

-- Somebody pressed Start, with a code or without. `status`: 'asked' (the page is asked, for the account of the code or those
-- that claim this Telegram name), 'unblocked' (the chat's own link is live again), 'linked' (it was so already),
-- 'code_unknown' (wrong, expired or used) or 'unknown' (no code, and nobody's chat).
CREATE FUNCTION perch.telegram_start(p_chat bigint, p_name text, p_username text, p_locale text, p_code_hash bytea,
                                     p_now timestamptz) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_name text := left(coalesce(p_name, ''), 200);
    v_username text := nullif(left(p_username, 64), '');
    v_locale text := CASE WHEN lower(p_locale) ~ '^ru(-|$)' THEN 'ru' ELSE 'en' END;
    -- As the program makes users.telegram_key; a private chat has its person's id.
    v_keys text[] := CASE WHEN p_code_hash IS NULL
        THEN ARRAY['@' || lower(v_username COLLATE "C"), p_chat::text] END;
    v_users bigint[];
    v_link perch.telegram_links;
    v_status text;
    v_user bigint;
    v_change perch.change;
BEGIN
    PERFORM perch.telegram_chat_lock(p_chat);
    v_users := perch.mailboxes_lock(ARRAY(
        SELECT user_id FROM perch.telegram_links WHERE chat_id = p_chat
        UNION SELECT user_id FROM perch.telegram_codes WHERE code_hash = p_code_hash
        UNION SELECT id FROM perch.users WHERE telegram_key = ANY (v_keys)));
    v_link := perch.telegram_link_revive(p_chat, v_name, v_username, v_locale);
    IF p_code_hash IS NOT NULL THEN
        DELETE FROM perch.telegram_codes
        WHERE code_hash = p_code_hash AND user_id = ANY (v_users) AND expires_at > p_now RETURNING user_id INTO v_user;
        v_status := CASE WHEN v_user = v_link.user_id THEN 'linked' ELSE 'code_unknown' END;
        v_users := ARRAY[v_user];
    ELSE
        v_status := CASE WHEN v_link.user_id IS NULL THEN 'unknown' ELSE 'linked' END;
        v_users := ARRAY(SELECT id FROM perch.users WHERE id = ANY (v_users) AND telegram_key = ANY (v_keys)
                             AND v_link.user_id IS NULL ORDER BY id);
    END IF;
    IF v_link.blocked_at IS NOT NULL THEN
        v_status := 'unblocked';
    END IF;

    FOREACH v_user IN ARRAY v_users LOOP
        CONTINUE WHEN v_user IS NULL OR v_user = v_link.user_id;
        v_change := perch.telegram_ask(ROW(v_user, p_chat, v_name, v_username, v_locale, p_code_hash IS NULL,
                                           p_now)::perch.telegram_pending);
        IF v_change.status IS NOT NULL THEN
            v_status := 'asked';
            RETURN NEXT v_change;
        END IF;
    END LOOP;
    IF v_link.blocked_at IS NOT NULL THEN
        v_change := perch.event_append(v_link.user_id, 'telegram.linked', clock_timestamp(), NULL, NULL, '');
        v_change.status := v_status;
        RETURN NEXT v_change;
    ELSIF v_status <> 'asked' THEN
        RETURN NEXT perch.change_none(v_status);
    END IF;
END
$$;

-- Nothing is a chat's any more that it asked for: locks the chat and all mailboxes it has to do with, and withdraws what is
-- pending.
CREATE FUNCTION perch.telegram_chat_withdraw(p_chat bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
AS $$
DECLARE
    v_user bigint;
BEGIN
    PERFORM perch.telegram_chat_lock(p_chat);
    PERFORM perch.mailboxes_lock(ARRAY(
        SELECT user_id FROM perch.telegram_links WHERE chat_id = p_chat
        UNION SELECT user_id FROM perch.telegram_pending WHERE chat_id = p_chat));
    FOR v_user IN DELETE FROM perch.telegram_pending WHERE chat_id = p_chat RETURNING user_id LOOP
        RETURN NEXT perch.event_append(v_user, 'me.changed', clock_timestamp(), NULL, NULL, '');
    END LOOP;
END
$$;

-- The chat wants nothing any more. `status`: 'ok', or 'not_found' where it had nothing.
CREATE FUNCTION perch.telegram_unlink_chat(p_chat bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_found boolean;
    v_user bigint;
BEGIN
    RETURN QUERY SELECT * FROM perch.telegram_chat_withdraw(p_chat);
    v_found := FOUND;
    SELECT user_id INTO v_user FROM perch.telegram_links WHERE chat_id = p_chat;
    IF perch.telegram_link_drop(v_user, p_chat, NULL) THEN
        RETURN NEXT perch.event_append(v_user, 'telegram.unlinked', clock_timestamp(), NULL, NULL, '');
    ELSIF NOT v_found THEN
        RETURN NEXT perch.change_none('not_found');
    END IF;
END
$$;

-- The chat cannot be written to any more; its link stays, marked, until it comes back (telegram_start) or is unlinked.
-- `status`: 'ok', or 'not_found' where it had nothing or was blocked before.
CREATE FUNCTION perch.telegram_block(p_chat bigint, p_now timestamptz) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_found boolean;
    v_user bigint;
BEGIN
    RETURN QUERY SELECT * FROM perch.telegram_chat_withdraw(p_chat);
    v_found := FOUND;
    DELETE FROM perch.telegram_says WHERE chat_id = p_chat;
    UPDATE perch.telegram_links SET blocked_at = p_now WHERE chat_id = p_chat AND blocked_at IS NULL
    RETURNING user_id INTO v_user;
    IF FOUND THEN
        DELETE FROM perch.outbox WHERE recipient_id = v_user;
        RETURN NEXT perch.event_append(v_user, 'telegram.unlinked', clock_timestamp(), NULL, NULL, '');
    ELSIF NOT v_found THEN
        RETURN NEXT perch.change_none('not_found');
    END IF;
END
$$;

-- As before, and the chat is told.
CREATE OR REPLACE FUNCTION perch.delete_account(p_user bigint, p_password_hash text, OUT ended bigint[],
                                                OUT partners bigint[])
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    PERFORM perch.mailboxes_lock(p_user, p_user);
    UPDATE perch.users
    SET username = NULL, username_key = NULL, display_name = NULL, search_key = NULL, password_hash = NULL,
        telegram = NULL, telegram_key = NULL, last_seen_at = NULL, deleted_at = clock_timestamp()
    WHERE id = p_user AND password_hash = p_password_hash;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    ended := ARRAY(SELECT perch.end_sessions(p_user, NULL, 0));
    partners := ARRAY(SELECT perch.partners(p_user));
    PERFORM perch.telegram_link_drop(p_user, NULL, 'unlinked_deleted');
    DELETE FROM perch.telegram_codes WHERE user_id = p_user;
    DELETE FROM perch.telegram_pending WHERE user_id = p_user;
    DELETE FROM perch.dialogs WHERE user_id = p_user;
    DELETE FROM perch.events WHERE user_id = p_user;
    DELETE FROM perch.mailboxes WHERE user_id = p_user;
END
$$;

GRANT EXECUTE ON FUNCTION
    perch.telegram_code_set(bigint, bytea), perch.telegram_state(bigint), perch.telegram_confirm(bigint),
    perch.telegram_refuse(bigint), perch.telegram_unlink(bigint) TO perch_app;
GRANT EXECUTE ON FUNCTION
    perch.telegram_bot_set(bigint, text), perch.telegram_unlink_chat(bigint), perch.telegram_block(bigint, timestamptz),
    perch.telegram_start(bigint, text, text, text, bytea, timestamptz) TO perch_notifier;
GRANT SELECT, UPDATE (update_offset) ON perch.telegram_bot TO perch_notifier;
GRANT SELECT, INSERT (chat_id, kind, arguments, created_at, due_at), UPDATE (due_at, attempts, unanswered), DELETE
    ON perch.telegram_says TO perch_notifier;

COMMIT;
