-- Verify perch:telegram_answers

BEGIN;

SELECT 1 / count(*) FROM pg_class WHERE oid = to_regclass('perch.telegram_says_chat');
SELECT perch.telegram_recall(-1);

ROLLBACK;
