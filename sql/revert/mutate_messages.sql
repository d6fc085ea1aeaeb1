-- Revert perch:mutate_messages
--
-- To what mutate_messages@v0.1 deployed.
--
-- The lock law: a mutation first locks all the mailboxes it will touch, in id order, FOR NO KEY UPDATE (FOR UPDATE would
-- block foreign-key checks); then reads again what it decides on; then writes. No other row is locked before them.
-- READ COMMITTED gives every statement a fresh look, so what is read after the lock is true until commit.
--
-- Each returns one row per mailbox it wrote to, for the wake-ups, or a single row with user_id NULL. `status` is 'ok',
-- 'repeat' or a code of the program's error table; `result` what the caller gets.

BEGIN;

DROP FUNCTION perch.send_refused(bigint, bigint);
DROP FUNCTION perch.dialogs_advance(bigint, bigint, bigint, bigint, bigint);

-- Locks the mailboxes of two people (perhaps the same one); the ids of those who have one. An account that was deleted has
-- none: a request that outlived its account must write nothing.
CREATE OR REPLACE FUNCTION perch.mailboxes_lock(p_one bigint, p_other bigint) RETURNS bigint[]
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN ARRAY(SELECT user_id FROM perch.mailboxes WHERE user_id IN (p_one, p_other)
                 ORDER BY user_id FOR NO KEY UPDATE);
END
$$;

-- Appends to a locked mailbox, payload rendered; NULL for a person without one (account deleted).
CREATE OR REPLACE FUNCTION perch.event_append(p_user bigint, p_type perch.event_type, p_at timestamptz, p_message bigint, p_peer bigint,
                                   p_payload text, p_result text DEFAULT NULL)
RETURNS perch.change
LANGUAGE plpgsql
AS $$
DECLARE
    v_seq bigint;
BEGIN
    UPDATE perch.mailboxes SET seq = seq + 1 WHERE user_id = p_user RETURNING seq INTO v_seq;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO perch.events (user_id, seq, type, at, message_id, peer_id)
    VALUES (p_user, v_seq, p_type, p_at, p_message, p_peer);
    RETURN ROW('ok'::text, p_result, (SELECT epoch FROM perch.epoch), p_user, v_seq,
               perch.event_text(v_seq, p_type, p_at, p_payload));
END
$$;

-- What happened to a message, to both sides; those whose account is gone are left out.
CREATE OR REPLACE FUNCTION perch.message_announce(p_message perch.messages, p_type perch.event_type, p_at timestamptz)
RETURNS SETOF perch.change
LANGUAGE plpgsql
AS $$
DECLARE
    v_json text := perch.message_json(p_message);
    v_payload text := perch.message_payload(p_message);
    v_change perch.change;
BEGIN
    v_change := perch.event_append(p_message.sender_id, p_type, p_at, p_message.id, NULL, v_payload, v_json);
    RETURN NEXT v_change;
    IF p_message.recipient_id <> p_message.sender_id THEN
        v_change := perch.event_append(p_message.recipient_id, p_type, p_at, p_message.id, NULL, v_payload, v_json);
        IF v_change.status IS NOT NULL THEN
            RETURN NEXT v_change;
        END IF;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION perch.change_none(p_status text, p_result text DEFAULT NULL) RETURNS perch.change
LANGUAGE sql IMMUTABLE
RETURN ROW(p_status, p_result, NULL, NULL, NULL, NULL)::perch.change;

-- Puts a dialog on top of its owner's list. UPDATE first: a dialog begins only once.
CREATE OR REPLACE FUNCTION perch.dialog_advance(p_user bigint, p_peer bigint, p_message bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE perch.dialogs SET last_message_id = p_message WHERE user_id = p_user AND peer_id = p_peer;
    IF NOT FOUND THEN
        INSERT INTO perch.dialogs (user_id, peer_id, last_message_id) VALUES (p_user, p_peer, p_message);
    END IF;
END
$$;

-- 'repeat' with the stored message when this client_id was sent before. `result`: the message as JSON.
CREATE OR REPLACE FUNCTION perch.send_message(p_sender bigint, p_recipient bigint, p_client_id uuid, p_body text)
RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_mailboxes bigint[] := perch.mailboxes_lock(p_sender, p_recipient);
    v_message perch.messages;
    v_at timestamptz;
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
    IF NOT v_mailboxes @> ARRAY[p_sender, p_recipient] THEN
        RETURN NEXT perch.change_none(CASE
            WHEN NOT p_sender = ANY (v_mailboxes) THEN 'unauthorized'
            WHEN EXISTS (SELECT FROM perch.users WHERE id = p_recipient) THEN 'peer_deleted'
            ELSE 'not_found' END);
        RETURN;
    END IF;

    v_at := clock_timestamp();
    INSERT INTO perch.messages (sender_id, recipient_id, client_id, body, sent_at)
    VALUES (p_sender, p_recipient, p_client_id, p_body, v_at)
    RETURNING * INTO v_message;
    PERFORM perch.dialog_advance(p_sender, p_recipient, v_message.id);
    RETURN QUERY SELECT * FROM perch.message_announce(v_message, 'message.new', v_at);
    IF p_sender <> p_recipient THEN
        PERFORM perch.dialog_advance(p_recipient, p_sender, v_message.id);
        INSERT INTO perch.outbox (message_id, sender_id, recipient_id, recipient_seq, created_at, due_at)
        SELECT v_message.id, p_sender, p_recipient, m.seq, v_at, v_at
        FROM perch.telegram_links l JOIN perch.mailboxes m USING (user_id)
        WHERE l.user_id = p_recipient AND l.confirmed_at IS NOT NULL AND l.blocked_at IS NULL;
    END IF;
END
$$;

-- Locks both mailboxes of a message's dialog and reads the message again. `status` is 'ok' when p_user may change it.
CREATE OR REPLACE FUNCTION perch.message_lock(p_user bigint, p_message bigint, OUT status text, OUT message perch.messages)
LANGUAGE plpgsql
AS $$
DECLARE
    v_mailboxes bigint[];
BEGIN
    -- Who talks to whom never changes, so this much may be read before the lock.
    SELECT m.* INTO message FROM perch.messages m WHERE m.id = p_message AND p_user IN (m.sender_id, m.recipient_id);
    v_mailboxes := perch.mailboxes_lock(p_user, coalesce(nullif(message.sender_id, p_user), message.recipient_id));
    SELECT m.* INTO message FROM perch.messages m WHERE m.id = message.id;
    status := CASE
        WHEN NOT p_user = ANY (v_mailboxes) THEN 'unauthorized'
        WHEN message.id IS NULL THEN 'not_found'
        WHEN message.sender_id <> p_user THEN 'not_author'
        ELSE 'ok' END;
END
$$;

-- The same body again writes nothing. `result`: the message as JSON.
CREATE OR REPLACE FUNCTION perch.edit_message(p_user bigint, p_message bigint, p_body text) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_locked record := perch.message_lock(p_user, p_message);
    v_message perch.messages := v_locked.message;
    v_at timestamptz := clock_timestamp();
BEGIN
    IF v_locked.status <> 'ok' THEN
        RETURN NEXT perch.change_none(v_locked.status);
    ELSIF v_message.deleted_at IS NOT NULL THEN
        RETURN NEXT perch.change_none('message_deleted');
    ELSIF v_message.body = p_body THEN
        RETURN NEXT perch.change_none('ok', perch.message_json(v_message));
    ELSE
        UPDATE perch.messages SET body = p_body, edited_at = v_at WHERE id = p_message RETURNING * INTO v_message;
        RETURN QUERY SELECT * FROM perch.message_announce(v_message, 'message.edited', v_at);
    END IF;
END
$$;

-- Again writes nothing.
CREATE OR REPLACE FUNCTION perch.delete_message(p_user bigint, p_message bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_locked record := perch.message_lock(p_user, p_message);
    v_message perch.messages := v_locked.message;
    v_at timestamptz := clock_timestamp();
BEGIN
    IF v_locked.status <> 'ok' THEN
        RETURN NEXT perch.change_none(v_locked.status);
    ELSIF v_message.deleted_at IS NOT NULL THEN
        RETURN NEXT perch.change_none('ok');
    ELSE
        UPDATE perch.messages SET body = NULL, deleted_at = v_at WHERE id = p_message RETURNING * INTO v_message;
        RETURN QUERY SELECT * FROM perch.message_announce(v_message, 'message.deleted', v_at);
    END IF;
END
$$;

-- Moves the read mark forward; backwards or in place writes nothing, and so does the dialog with oneself.
CREATE OR REPLACE FUNCTION perch.mark_read(p_user bigint, p_peer bigint, p_upto bigint) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_at timestamptz;
    v_change perch.change;
BEGIN
    IF NOT p_user = ANY (perch.mailboxes_lock(p_user, p_peer)) THEN
        RETURN NEXT perch.change_none('unauthorized');
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM perch.messages WHERE id = p_upto
                   AND ((sender_id = p_user AND recipient_id = p_peer) OR (sender_id = p_peer AND recipient_id = p_user)))
    THEN
        RETURN NEXT perch.change_none(CASE WHEN EXISTS (SELECT FROM perch.users WHERE id = p_peer)
            THEN 'invalid' ELSE 'not_found' END);
        RETURN;
    END IF;
    UPDATE perch.dialogs SET read_upto = p_upto
    WHERE user_id = p_user AND peer_id = p_peer AND read_upto < p_upto AND user_id <> peer_id;
    IF NOT FOUND THEN
        RETURN NEXT perch.change_none('ok');
        RETURN;
    END IF;
    v_at := clock_timestamp();
    RETURN NEXT perch.event_append(p_user, 'dialog.read', v_at, p_upto, p_peer, perch.read_payload(p_peer, p_upto));
    v_change := perch.event_append(p_peer, 'peer.read', v_at, p_upto, p_user, perch.read_payload(p_user, p_upto));
    IF v_change.status IS NOT NULL THEN
        RETURN NEXT v_change;
    END IF;
END
$$;

-- NULL ends it, 'infinity' is for ever; what is so already writes nothing.
CREATE OR REPLACE FUNCTION perch.mute_dialog(p_user bigint, p_peer bigint, p_until timestamptz) RETURNS SETOF perch.change
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    IF NOT p_user = ANY (perch.mailboxes_lock(p_user, p_user)) THEN
        RETURN NEXT perch.change_none('unauthorized');
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM perch.users WHERE id = p_peer) THEN
        RETURN NEXT perch.change_none('not_found');
        RETURN;
    END IF;
    INSERT INTO perch.dialogs AS d (user_id, peer_id, muted_until) VALUES (p_user, p_peer, p_until)
    ON CONFLICT (user_id, peer_id) DO UPDATE SET muted_until = excluded.muted_until
        WHERE d.muted_until IS DISTINCT FROM excluded.muted_until;
    IF FOUND THEN
        RETURN NEXT perch.event_append(p_user, 'dialog.muted', clock_timestamp(), NULL, p_peer,
                                       perch.muted_payload(p_peer, p_until));
    ELSE
        RETURN NEXT perch.change_none('ok');
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION
    perch.send_message(bigint, bigint, uuid, text), perch.edit_message(bigint, bigint, text),
    perch.delete_message(bigint, bigint), perch.mark_read(bigint, bigint, bigint),
    perch.mute_dialog(bigint, bigint, timestamptz) TO perch_app;

COMMIT;
