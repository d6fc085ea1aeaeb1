-- Deploy perch:telegram_answers

BEGIN;

CREATE INDEX telegram_says_chat ON perch.telegram_says (chat_id);

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

-- As before, and it is said how much the recipient wants to be shown.
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
            'count', nullif(v_left, 0),
            'preview', CASE WHEN v_left > 0 THEN (SELECT notify_preview FROM perch.users WHERE id = v_told.user_id) END));
    END LOOP;
END
$$;

COMMIT;
