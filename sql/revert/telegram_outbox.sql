-- Revert perch:telegram_outbox

BEGIN;

GRANT SELECT, UPDATE, DELETE ON perch.outbox TO perch_notifier;
REVOKE EXECUTE ON FUNCTION perch.epoch_check() FROM perch_notifier;

-- What getMe said, or twice NULL where there is no bot any more; where getUpdates goes on. Another bot counts anew.
CREATE OR REPLACE FUNCTION perch.telegram_bot_set(p_bot_id bigint, p_username text) RETURNS bigint
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

-- 'repeat' with the stored message when this client_id was sent before. `result`: the message as JSON.
--
-- The call that everything waits for, so it is written for speed: nothing is read or rendered twice, and both sides are
-- written in one statement each.
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
        END IF;
    END IF;
    PERFORM perch.dialogs_advance(p_sender, v_seq, p_recipient, v_peer_seq, v_message.id);

    RETURN NEXT ROW('ok'::text, v_json, v_epoch, p_sender, v_seq, '{"seq":' || v_seq || v_rest)::perch.change;
    IF NOT v_self THEN
        RETURN NEXT ROW('ok'::text, v_json, v_epoch, p_recipient, v_peer_seq, '{"seq":' || v_peer_seq || v_rest)::perch.change;
    END IF;
END
$$;

DROP TRIGGER messages_recall ON perch.messages;
DROP TRIGGER dialogs_revise ON perch.dialogs;
DROP TRIGGER users_revise ON perch.users;
DROP FUNCTION perch.dead_redrive(bigint, bigint);
DROP FUNCTION perch.dead_list(bigint, integer);
DROP FUNCTION perch.notify_block(bigint, bigint);
DROP FUNCTION perch.notify_failed(bigint, bigint, bigint[], text, bigint, bigint, text, jsonb, bigint);
DROP FUNCTION perch.notify_windows_put(bigint, jsonb);
DROP FUNCTION perch.notify_told(bigint, bigint, bigint[], bigint, bigint, bigint);
DROP FUNCTION perch.notify_claim(bigint, bigint, bigint, bigint[], bigint[], boolean, bigint[], integer[]);
DROP FUNCTION perch.notify_news(bigint, bigint[]);
DROP FUNCTION perch.notify_over(bigint[]);
DROP FUNCTION perch.notify_wait(bigint, bigint, bigint[], bigint, bigint);
DROP FUNCTION perch.notify_lock(bigint, bigint);
DROP FUNCTION perch.notify_pending(bigint, bigint);
DROP FUNCTION perch.notify_look(bigint, bigint[], integer);
DROP FUNCTION perch.quiet_hours(time, time, text, timestamptz);
DROP FUNCTION perch.messages_recall();
DROP FUNCTION perch.telegram_recall(bigint);
DROP FUNCTION perch.dialogs_revise();
DROP FUNCTION perch.users_revise();
DROP FUNCTION perch.telegram_revise(bigint);
DROP TABLE perch.telegram_dead;
DROP TABLE perch.telegram_told;
DROP TABLE perch.telegram_windows;
ALTER TABLE perch.telegram_bot DROP COLUMN retry_at;
ALTER TABLE perch.telegram_links
    DROP COLUMN revision, DROP COLUMN sent_at, DROP COLUMN retry_at, DROP COLUMN muted_until;
DROP SEQUENCE perch.telegram_revision;
DROP INDEX perch.outbox_recipient;
DROP INDEX perch.outbox_due;
CREATE INDEX outbox_due ON perch.outbox (due_at);
CREATE INDEX outbox_recipient ON perch.outbox (recipient_id);
ALTER TABLE perch.outbox DROP COLUMN retry_at, DROP COLUMN unanswered, DROP COLUMN failures, DROP COLUMN plain;
DROP FUNCTION perch.at_ms(timestamptz);
DROP FUNCTION perch.ms_at(bigint);

COMMIT;
