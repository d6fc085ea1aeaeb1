-- Revert perch:telegram_links

BEGIN;

-- Empties the account: its name is free, its messages stay with the peers. `partners` are those who should hear of it.
-- `ended` is NULL when p_password_hash is no longer the hash.
CREATE OR REPLACE FUNCTION perch.delete_account(p_user bigint, p_password_hash text, OUT ended bigint[], OUT partners bigint[])
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

DROP FUNCTION perch.telegram_block(bigint, timestamptz);
DROP FUNCTION perch.telegram_unlink_chat(bigint);
DROP FUNCTION perch.telegram_chat_withdraw(bigint);
DROP FUNCTION perch.telegram_start(bigint, text, text, text, bytea, timestamptz);
DROP FUNCTION perch.telegram_link_revive(bigint, text, text, text);
DROP FUNCTION perch.telegram_ask(perch.telegram_pending);
DROP FUNCTION perch.telegram_bot_set(bigint, text);
DROP FUNCTION perch.telegram_unlink(bigint);
DROP FUNCTION perch.telegram_refuse(bigint);
DROP FUNCTION perch.telegram_confirm(bigint);
DROP FUNCTION perch.telegram_state(bigint);
DROP FUNCTION perch.telegram_may_take(perch.telegram_pending);
DROP FUNCTION perch.telegram_code_set(bigint, bytea);
DROP FUNCTION perch.telegram_link_drop(bigint, bigint, text);
DROP FUNCTION perch.account_name(bigint);
DROP FUNCTION perch.telegram_say(bigint, text, jsonb);
DROP FUNCTION perch.mailboxes_lock(bigint[]);
DROP FUNCTION perch.telegram_chat_lock(bigint);
DROP TABLE perch.telegram_says;
ALTER TABLE perch.telegram_links DROP COLUMN name, DROP COLUMN username, DROP COLUMN locale;
DROP TABLE perch.telegram_pending;
DROP TABLE perch.telegram_codes;
DROP TABLE perch.telegram_bot;

COMMIT;
