-- Revert perch:roles
--
-- The roles stay: other databases of the cluster may use them.

BEGIN;

DROP SCHEMA perch;

ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;

COMMIT;
