-- Revert perch:messages

BEGIN;

DROP TABLE perch.outbox;
DROP TABLE perch.dialogs;
DROP FUNCTION perch.search_query(bigint, text, bigint);
DROP TABLE perch.messages;
DROP FUNCTION perch.message_words(bigint, bigint, text);

COMMIT;
