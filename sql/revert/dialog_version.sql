-- Revert perch:dialog_version

BEGIN;

ALTER TABLE perch.dialogs RESET (fillfactor);
CREATE INDEX dialogs_latest ON perch.dialogs (user_id, last_message_id DESC) WHERE last_message_id IS NOT NULL;
ALTER TABLE perch.dialogs DROP COLUMN changed_seq;

COMMIT;
