-- Verify perch:telegram_links

BEGIN;

SELECT bot_id, username, update_offset FROM perch.telegram_bot WHERE false;
SELECT user_id, code_hash, expires_at FROM perch.telegram_codes WHERE false;
SELECT user_id, chat_id, name, username, locale, claimed, asked_at FROM perch.telegram_pending WHERE false;
SELECT user_id, chat_id, confirmed_at, blocked_at, name, username, locale FROM perch.telegram_links WHERE false;
SELECT id, chat_id, kind, arguments, created_at, due_at, attempts, unanswered FROM perch.telegram_says WHERE false;

-- Ids below 1 belong to nobody, so each function runs its first lines and writes nothing.
SELECT 1 / (status = 'unauthorized' AND bot IS NULL)::integer FROM perch.telegram_code_set(-1, sha256(''));
SELECT 1 / (NOT linked AND NOT blocked AND pending_name IS NULL)::integer FROM perch.telegram_state(-1);
SELECT 1 / (status = 'unauthorized')::integer FROM perch.telegram_confirm(-1);
SELECT 1 / (status = 'unauthorized')::integer FROM perch.telegram_refuse(-1);
SELECT 1 / (status = 'unauthorized')::integer FROM perch.telegram_unlink(-1);
SELECT 1 / (status = 'unknown')::integer FROM perch.telegram_start(-1, '', NULL, NULL, NULL, '-infinity');
SELECT 1 / (status = 'code_unknown')::integer FROM perch.telegram_start(-1, '', NULL, NULL, '', '-infinity');
SELECT 1 / (status = 'not_found')::integer FROM perch.telegram_unlink_chat(-1);
SELECT 1 / (status = 'not_found')::integer FROM perch.telegram_block(-1, '-infinity');
SELECT 1 / (perch.telegram_bot_set(NULL, NULL) >= 0)::integer;
SELECT 1 / (ended IS NULL)::integer FROM perch.delete_account(-1, 'x');

SELECT 1 / (NOT has_any_column_privilege('perch_app', 'perch.telegram_codes', 'SELECT'))::integer;
SELECT 1 / (NOT has_any_column_privilege('perch_notifier', 'perch.telegram_codes', 'SELECT'))::integer;
SELECT 1 / (NOT has_function_privilege('perch_notifier', 'perch.telegram_confirm(bigint)', 'EXECUTE'))::integer;
SELECT 1 / (NOT has_function_privilege('perch_app', 'perch.telegram_block(bigint, timestamptz)', 'EXECUTE'))::integer;

ROLLBACK;
