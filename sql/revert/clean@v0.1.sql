-- Revert perch:clean

BEGIN;

DROP FUNCTION perch.clean(integer);
DROP FUNCTION perch.clean_outbox();
DROP FUNCTION perch.clean_sessions(bigint, bigint);
DROP FUNCTION perch.clean_events(bigint, bigint, timestamptz);
DROP TABLE perch.cleaning;

COMMIT;
