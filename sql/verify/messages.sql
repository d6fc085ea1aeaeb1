-- Verify perch:messages

BEGIN;

SELECT id, sender_id, recipient_id, client_id, body, sent_at, edited_at, deleted_at FROM perch.messages WHERE false;
SELECT user_id, peer_id, last_message_id, read_upto, muted_until FROM perch.dialogs WHERE false;
SELECT id, message_id, sender_id, recipient_id, recipient_seq, created_at, due_at FROM perch.outbox WHERE false;
SELECT 1 / (perch.message_words(7, 8, 'Hello world') @@ perch.search_query(7, 'hello wor', 0))::integer;
SELECT 1 / (NOT has_table_privilege('perch_app', 'perch.messages', 'INSERT'))::integer;

ROLLBACK;
