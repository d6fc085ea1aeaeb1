-- Verify perch:telegram_outbox

BEGIN;

SELECT recipient_id, sender_id, opened_at, step, edited_at, message_id, read_upto, first_id
FROM perch.telegram_windows WHERE false;
SELECT retry_at, unanswered, failures, plain FROM perch.outbox WHERE false;
SELECT revision, sent_at, retry_at, muted_until FROM perch.telegram_links WHERE false;
SELECT retry_at FROM perch.telegram_bot WHERE false;
SELECT chat_id, message_id, user_id, peer_id, first_id, last_id, told_at FROM perch.telegram_told WHERE false;
SELECT id, message_id, sender_id, recipient_id, recipient_seq, created_at, died_at, reason FROM perch.telegram_dead WHERE false;

-- Ids below 1 belong to nobody.
SELECT 1 / (users IS NOT NULL AND next_at > 0)::integer FROM perch.notify_look(1, '{}', 1);
SELECT 1 / (NOT linked AND id IS NULL)::integer FROM perch.notify_pending(-1, 1);
SELECT 1 / (count(*) = 0)::integer FROM perch.notify_claim(-1, 0, 1, '{}', '{}', false, '{}', '{}');
SELECT perch.notify_wait(-1, 0, '{}', 0, 0);
SELECT perch.notify_told(-1, -1, '{}', -1, -1, 1);
SELECT perch.notify_failed(-1, -1, '{}', 'again', 1, 0, NULL, '[]', 1);
SELECT 1 / (status = 'not_found')::integer FROM perch.notify_block(-1, 1);
SELECT 1 / (count(*) = 0)::integer FROM perch.dead_list(0, 1);
SELECT 1 / (queued = 0 AND removed = 0)::integer FROM perch.dead_redrive(-1, 1);
SELECT 1 / (ends_at = '2026-11-21 07:00+00' AND ended_at = '2026-11-20 07:00+00')::integer
FROM perch.quiet_hours('22:00', '07:00', 'UTC', '2026-11-21 00:00+00');
SELECT 1 / (count(*) = 3)::integer FROM pg_trigger
WHERE tgname IN ('users_revise', 'dialogs_revise', 'messages_recall')
    AND tgrelid IN ('perch.users'::regclass, 'perch.dialogs'::regclass, 'perch.messages'::regclass);

SELECT 1 / (NOT has_table_privilege('perch_notifier', 'perch.outbox', 'SELECT'))::integer;
SELECT 1 / (NOT has_function_privilege('perch_app', 'perch.dead_redrive(bigint, bigint)', 'EXECUTE'))::integer;

ROLLBACK;
