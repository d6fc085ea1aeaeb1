-- Revert perch:mutate_messages

BEGIN;

DROP FUNCTION perch.mute_dialog(bigint, bigint, timestamptz);
DROP FUNCTION perch.mark_read(bigint, bigint, bigint);
DROP FUNCTION perch.delete_message(bigint, bigint);
DROP FUNCTION perch.edit_message(bigint, bigint, text);
DROP FUNCTION perch.message_lock(bigint, bigint);
DROP FUNCTION perch.send_message(bigint, bigint, uuid, text);
DROP FUNCTION perch.dialog_advance(bigint, bigint, bigint);
DROP FUNCTION perch.change_none(text, text);
DROP FUNCTION perch.message_announce(perch.messages, perch.event_type, timestamptz);
DROP FUNCTION perch.event_append(bigint, perch.event_type, timestamptz, bigint, bigint, text, text);
DROP FUNCTION perch.mailboxes_lock(bigint, bigint);
DROP TYPE perch.change;

COMMIT;
