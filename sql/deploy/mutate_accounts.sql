-- Deploy perch:mutate_accounts
--
-- Row locks after the mailbox's, always in this order: users, then sessions.

BEGIN;

-- An account and its first session. `status`: 'ok', 'name_taken' or 'telegram_taken'.
CREATE FUNCTION perch.create_account(p_username text, p_username_key text, p_display_name text, p_search_key text,
                                     p_password_hash text, p_telegram text, p_telegram_key text, p_session bigint,
                                     p_days integer, p_user_agent text, p_ip text, OUT status text, OUT user_id bigint)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    INSERT INTO perch.users (username, username_key, display_name, search_key, password_hash, telegram, telegram_key,
                             last_seen_at)
    VALUES (p_username, p_username_key, p_display_name, p_search_key, p_password_hash, p_telegram, p_telegram_key,
            clock_timestamp())
    ON CONFLICT DO NOTHING
    RETURNING id INTO user_id;
    IF NOT FOUND THEN
        status := CASE WHEN EXISTS (SELECT FROM perch.users WHERE username_key = p_username_key)
            THEN 'name_taken' ELSE 'telegram_taken' END;
        RETURN;
    END IF;
    INSERT INTO perch.mailboxes (user_id) VALUES (create_account.user_id);
    INSERT INTO perch.sessions (id, user_id, user_agent, ip, expires_at)
    VALUES (p_session, create_account.user_id, p_user_agent, p_ip, clock_timestamp() + make_interval(days => p_days));
    status := 'ok';
END
$$;

-- What a log-in needs: nothing but one account's id and hash.
CREATE FUNCTION perch.credentials_by_name(p_username_key text, OUT user_id bigint, OUT password_hash text)
RETURNS SETOF record
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT id, password_hash FROM perch.users WHERE username_key = p_username_key;
END;

CREATE FUNCTION perch.credentials_by_id(p_user bigint, OUT password_hash text) RETURNS SETOF text
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT password_hash FROM perch.users WHERE id = p_user AND deleted_at IS NULL;
END;

-- A session for whoever proved the password behind p_password_hash. The row lock waits for a password change or deletion
-- under way and then sees that the hash is another: false. An account keeps its 100 latest sessions.
CREATE FUNCTION perch.create_session(p_user bigint, p_password_hash text, p_session bigint, p_days integer,
                                     p_user_agent text, p_ip text) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    UPDATE perch.users SET last_seen_at = clock_timestamp() WHERE id = p_user AND password_hash = p_password_hash;
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

-- Does the session live? Notes about once a minute that it was seen; without the cache this is asked at every request.
CREATE FUNCTION perch.check_session(p_session bigint, p_user bigint) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_seen timestamptz;
BEGIN
    SELECT last_seen_at INTO v_seen FROM perch.sessions
    WHERE id = p_session AND user_id = p_user AND expires_at > clock_timestamp();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF v_seen < clock_timestamp() - interval '55 seconds' THEN
        UPDATE perch.users SET last_seen_at = clock_timestamp() WHERE id = p_user AND deleted_at IS NULL;
        UPDATE perch.sessions SET last_seen_at = clock_timestamp() WHERE id = p_session;
        RETURN FOUND;
    END IF;
    RETURN true;
END
$$;

-- Ends one session of p_user, or with p_session NULL all but p_keep; the ids that were ended.
CREATE FUNCTION perch.end_sessions(p_user bigint, p_session bigint, p_keep bigint) RETURNS SETOF bigint
LANGUAGE sql
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    DELETE FROM perch.sessions
    WHERE user_id = p_user AND CASE WHEN p_session IS NULL THEN id <> p_keep ELSE id = p_session END
    RETURNING id;
END;

-- A new password ends every other session. NULL when p_old_hash is no longer the hash (a concurrent change won).
CREATE FUNCTION perch.change_password(p_user bigint, p_keep bigint, p_old_hash text, p_new_hash text) RETURNS bigint[]
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    PERFORM perch.mailboxes_lock(p_user, p_user);
    -- Waits for a log-in with the old password that is under way; its session is then seen and ended below.
    UPDATE perch.users SET password_hash = p_new_hash WHERE id = p_user AND password_hash = p_old_hash;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN ARRAY(SELECT perch.end_sessions(p_user, NULL, p_keep));
END
$$;

-- Empties the account: its name is free, its messages stay with the peers. `partners` are those who should hear of it.
-- `ended` is NULL when p_password_hash is no longer the hash.
CREATE FUNCTION perch.delete_account(p_user bigint, p_password_hash text, OUT ended bigint[], OUT partners bigint[])
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
    DELETE FROM perch.outbox WHERE recipient_id = p_user;
    DELETE FROM perch.telegram_links WHERE user_id = p_user;
    DELETE FROM perch.dialogs WHERE user_id = p_user;
    DELETE FROM perch.events WHERE user_id = p_user;
    DELETE FROM perch.mailboxes WHERE user_id = p_user;
END
$$;

-- Those who have a dialog with p_user, the latest 200 of them: others learn of a change when they look.
CREATE FUNCTION perch.partners(p_user bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    SELECT peer_id FROM perch.dialogs
    WHERE user_id = p_user AND last_message_id IS NOT NULL AND peer_id <> p_user
    ORDER BY last_message_id DESC LIMIT 200;
END;

-- Changes the named fields of one's own account; what is so already writes nothing. p_fields holds any of: display_name,
-- search_key, telegram, telegram_key, locale, time_zone, preview, quiet_from, quiet_to, delay_s. `status`: 'ok',
-- 'telegram_taken', 'unauthorized', or 'invalid' for a time zone that PostgreSQL does not know.
CREATE FUNCTION perch.update_me(p_user bigint, p_fields jsonb) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_old perch.users;
    v_new perch.users;
BEGIN
    PERFORM perch.mailboxes_lock(p_user, p_user);
    SELECT * INTO v_old FROM perch.users WHERE id = p_user AND deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NEXT perch.change_none('unauthorized');
        RETURN;
    END IF;
    v_new := v_old;
    IF p_fields ? 'display_name' THEN
        v_new.display_name := p_fields ->> 'display_name';
        v_new.search_key := p_fields ->> 'search_key';
    END IF;
    IF p_fields ? 'telegram' THEN
        v_new.telegram := p_fields ->> 'telegram';
        v_new.telegram_key := p_fields ->> 'telegram_key';
    END IF;
    IF p_fields ? 'quiet_from' THEN
        v_new.notify_quiet_from := p_fields ->> 'quiet_from';
        v_new.notify_quiet_to := p_fields ->> 'quiet_to';
    END IF;
    v_new.locale := coalesce(p_fields ->> 'locale', v_old.locale);
    v_new.time_zone := coalesce(p_fields ->> 'time_zone', v_old.time_zone);
    v_new.notify_preview := coalesce(p_fields ->> 'preview', v_old.notify_preview);
    v_new.notify_delay_s := coalesce((p_fields ->> 'delay_s')::integer, v_old.notify_delay_s);
    PERFORM now() AT TIME ZONE v_new.time_zone;
    IF v_new IS NOT DISTINCT FROM v_old THEN
        RETURN NEXT perch.change_none('ok');
        RETURN;
    END IF;
    UPDATE perch.users
    SET display_name = v_new.display_name, search_key = v_new.search_key, telegram = v_new.telegram,
        telegram_key = v_new.telegram_key, locale = v_new.locale, time_zone = v_new.time_zone,
        notify_preview = v_new.notify_preview, notify_quiet_from = v_new.notify_quiet_from,
        notify_quiet_to = v_new.notify_quiet_to, notify_delay_s = v_new.notify_delay_s
    WHERE id = p_user;
    RETURN NEXT perch.event_append(p_user, 'me.changed', clock_timestamp(), NULL, NULL, '');
EXCEPTION
    WHEN unique_violation THEN
        RETURN NEXT perch.change_none('telegram_taken');
    WHEN invalid_parameter_value THEN
        RETURN NEXT perch.change_none('invalid');
END
$$;

GRANT EXECUTE ON FUNCTION
    perch.create_account(text, text, text, text, text, text, text, bigint, integer, text, text),
    perch.credentials_by_name(text), perch.credentials_by_id(bigint),
    perch.create_session(bigint, text, bigint, integer, text, text), perch.check_session(bigint, bigint),
    perch.end_sessions(bigint, bigint, bigint), perch.change_password(bigint, bigint, text, text),
    perch.delete_account(bigint, text), perch.partners(bigint), perch.update_me(bigint, jsonb) TO perch_app;

COMMIT;
