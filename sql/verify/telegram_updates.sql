-- Verify perch:telegram_updates

BEGIN;

SELECT update_id, body, received_at FROM perch.telegram_updates WHERE false;
SELECT id, chat_id, user_id, peer_id, client_id, body, made_at FROM perch.telegram_offers WHERE false;
SELECT locale, reply_to, callback_id FROM perch.telegram_says WHERE false;

-- An update that is not in the inbox was applied.
CREATE FUNCTION pg_temp.update() RETURNS perch.telegram_update
LANGUAGE sql RETURN ROW(-1, -1, -1, 'en', NULL, 0, 1)::perch.telegram_update;
SELECT 1 / (status = 'repeat')::integer FROM perch.update_answer(pg_temp.update(), NULL, NULL);
SELECT 1 / (status = 'repeat')::integer FROM perch.update_start(pg_temp.update(), '', NULL, NULL, false);
SELECT 1 / (status = 'repeat')::integer FROM perch.update_unblock(pg_temp.update(), '', NULL);
SELECT 1 / (status = 'repeat')::integer FROM perch.update_block(pg_temp.update());
SELECT 1 / (status = 'repeat')::integer FROM perch.update_unlink(pg_temp.update());
SELECT 1 / (status = 'repeat')::integer FROM perch.update_mute(pg_temp.update(), 1);
SELECT 1 / (status = 'repeat')::integer FROM perch.update_status(pg_temp.update());
SELECT 1 / (status = 'repeat')::integer FROM perch.update_reply(pg_temp.update(), -1, gen_random_uuid(), 'x');
SELECT 1 / (status = 'repeat')::integer FROM perch.update_text(pg_temp.update(), gen_random_uuid(), 'x');
SELECT 1 / (status = 'repeat')::integer FROM perch.update_offer(pg_temp.update(), 'x');
SELECT 1 / (perch.telegram_update_put(-1, '{}') AND NOT perch.telegram_update_put(-1, '{}'))::integer;
SELECT 1 / (count(*) = 1)::integer FROM perch.update_inbox(1);
SELECT 1 / (count(*) >= 1)::integer FROM perch.say_next(1, '{}', 1);
SELECT 1 / (NOT perch.say_claim(-1, 1))::integer;
SELECT perch.say_drop(-1), perch.say_retry(-1, 1, true, 0);
SELECT 1 / (outbox >= 0)::integer FROM perch.notifier_counts();
SELECT 1 / (perch.clean_telegram() IS NOT NULL)::integer;

SELECT 1 / (NOT has_function_privilege('perch_app', 'perch.say_drop(bigint)', 'EXECUTE'))::integer;
SELECT 1 / (NOT has_function_privilege('perch_notifier', 'perch.clean_telegram()', 'EXECUTE'))::integer;

ROLLBACK;
