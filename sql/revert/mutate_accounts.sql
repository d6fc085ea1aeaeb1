-- Revert perch:mutate_accounts

BEGIN;

DROP FUNCTION perch.update_me(bigint, jsonb);
DROP FUNCTION perch.delete_account(bigint, text);
DROP FUNCTION perch.partners(bigint);
DROP FUNCTION perch.change_password(bigint, bigint, text, text);
DROP FUNCTION perch.end_sessions(bigint, bigint, bigint);
DROP FUNCTION perch.check_session(bigint, bigint);
DROP FUNCTION perch.create_session(bigint, text, bigint, integer, text, text);
DROP FUNCTION perch.credentials_by_id(bigint);
DROP FUNCTION perch.credentials_by_name(text);
DROP FUNCTION perch.create_account(text, text, text, text, text, text, text, bigint, integer, text, text);

COMMIT;
