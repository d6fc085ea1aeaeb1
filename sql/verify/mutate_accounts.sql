-- Verify perch:mutate_accounts

BEGIN;

SELECT 1 / (status = 'ok')::integer
FROM perch.create_account('verify', E'\x01verify', NULL, 'verify', 'x', NULL, NULL, 1, 1, '', '');
SELECT 1 / (status = 'name_taken')::integer
FROM perch.create_account('verify', E'\x01verify', NULL, 'verify', 'x', NULL, NULL, 2, 1, '', '');
SELECT 1 / count(*) FROM perch.credentials_by_name(E'\x01verify') c, perch.credentials_by_id(c.user_id) h;
SELECT 1 / (NOT perch.check_session(-1, -1))::integer;
SELECT 1 / (NOT perch.create_session(-1, 'x', 3, 1, '', ''))::integer;
SELECT 1 / (status = 'unauthorized')::integer FROM perch.update_me(-1, '{}');
SELECT 1 / (ended = '{1}' AND partners = '{}')::integer
FROM perch.credentials_by_name(E'\x01verify') c, perch.delete_account(c.user_id, 'x');

ROLLBACK;
