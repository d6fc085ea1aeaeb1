-- Deploy perch:dialog_version

BEGIN;

-- The owner's position at the last change to a message of the dialog (sent, edited, deleted): what was read of it at that
-- position still holds.
ALTER TABLE perch.dialogs ADD COLUMN changed_seq bigint NOT NULL DEFAULT 0;

-- Every send moves last_message_id. While that is in an index, a send writes new entries into all of the table's indexes;
-- without it the row is rewritten in place (HOT), if the page has room. People have few dialogs: to sort them is cheap.
DROP INDEX perch.dialogs_latest;
ALTER TABLE perch.dialogs SET (fillfactor = 70);

COMMIT;
