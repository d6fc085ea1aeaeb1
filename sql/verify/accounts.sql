-- Verify perch:accounts

BEGIN;

SELECT id, username, username_key, password_hash, deleted_at FROM perch.users WHERE false;
SELECT id, user_id, expires_at FROM perch.sessions WHERE false;
SELECT user_id, chat_id, confirmed_at, blocked_at FROM perch.telegram_links WHERE false;
SELECT 1 / (NOT has_column_privilege('perch_app', 'perch.users', 'password_hash', 'SELECT'))::integer;

ROLLBACK;
