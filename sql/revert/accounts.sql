-- Revert perch:accounts

BEGIN;

DROP TABLE perch.telegram_links;
DROP TABLE perch.sessions;
DROP TABLE perch.users;
DROP EXTENSION pg_trgm;

COMMIT;
