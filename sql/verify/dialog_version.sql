-- Verify perch:dialog_version

BEGIN;

SELECT changed_seq FROM perch.dialogs WHERE false;

ROLLBACK;
