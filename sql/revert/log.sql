-- Revert perch:log

BEGIN;

DROP FUNCTION perch.epoch_check();
DROP FUNCTION perch.epoch_renew(text);
DROP FUNCTION perch.epoch_draw();
DROP FUNCTION perch.fingerprint();
DROP TABLE perch.events;
DROP TYPE perch.event_type;
DROP TABLE perch.mailboxes;
DROP TABLE perch.epoch;

COMMIT;
