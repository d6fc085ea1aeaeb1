-- Verify perch:telegram_manners

BEGIN;

SELECT retry_at FROM perch.telegram_says WHERE false;
SELECT 1 / (count(*) = 4)::integer FROM pg_class
WHERE oid IN (to_regclass('perch.telegram_says_rests'), to_regclass('perch.telegram_links_rests'),
              to_regclass('perch.telegram_told_chat'), to_regclass('perch.telegram_offers_chat'));
SELECT 1 / perch.update_is_answered(ROW(-2, 0, 1, NULL, 'q', 0, 1)::perch.telegram_update)::integer;

ROLLBACK;
