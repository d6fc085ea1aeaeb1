-- Revert perch:telegram_answers

BEGIN;

-- The last thing: answers (unless p_kind is NULL) and marks the update as applied.
CREATE OR REPLACE FUNCTION perch.update_end(p_update perch.telegram_update, p_kind text, p_arguments jsonb DEFAULT '{}') RETURNS void
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

-- A message was deleted that Telegram's message shows: that one is deleted, too, or, where it tells of others as well, loses
-- its text.
CREATE OR REPLACE FUNCTION perch.telegram_recall(p_message bigint) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_told perch.telegram_told;
    v_left bigint;
BEGIN
    FOR v_told IN
        SELECT t.* FROM perch.telegram_told t
        JOIN perch.telegram_links l ON l.chat_id = t.chat_id AND l.user_id = t.user_id AND l.blocked_at IS NULL
        WHERE t.last_id = p_message
    LOOP
        SELECT count(*) INTO v_left FROM perch.messages
        WHERE sender_id = v_told.peer_id AND recipient_id = v_told.user_id
            AND id BETWEEN v_told.first_id AND v_told.last_id AND deleted_at IS NULL;
        PERFORM perch.telegram_say(v_told.chat_id, CASE v_left WHEN 0 THEN 'delete' ELSE 'recall' END, jsonb_build_object(
            'message_id', v_told.message_id, 'account', CASE WHEN v_left > 0 THEN perch.account_name(v_told.peer_id) END,
            'count', nullif(v_left, 0)));
    END LOOP;
END
$$;

DROP INDEX perch.telegram_says_chat;

COMMIT;
