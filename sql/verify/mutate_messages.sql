-- Verify perch:mutate_messages

BEGIN;

-- Ids below 1 belong to nobody, so each function runs its first lines and writes nothing.
SELECT 1 / (status = 'unauthorized')::integer FROM perch.send_message(-1, -2, gen_random_uuid(), 'x');
SELECT 1 / (status = 'unauthorized')::integer FROM perch.edit_message(-1, -1, 'x');
SELECT 1 / (status = 'unauthorized')::integer FROM perch.delete_message(-1, -1);
SELECT 1 / (status = 'unauthorized')::integer FROM perch.mark_read(-1, -2, -1);
SELECT 1 / (status = 'unauthorized')::integer FROM perch.mute_dialog(-1, -2, NULL);
SELECT 1 / has_function_privilege('perch_app', 'perch.send_message(bigint, bigint, uuid, text)', 'EXECUTE')::integer;
SELECT 1 / (NOT has_function_privilege('perch_notifier', 'perch.edit_message(bigint, bigint, text)', 'EXECUTE'))::integer;

SELECT 1 / (NOT has_function_privilege('perch_app', 'perch.dialogs_advance(bigint, bigint, bigint, bigint, bigint)', 'EXECUTE'))::integer;

ROLLBACK;
