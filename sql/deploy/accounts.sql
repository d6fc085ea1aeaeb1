-- Deploy perch:accounts

BEGIN;

-- Trigrams make "any part of the name" an index look-up.
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA perch;

-- A deleted account keeps its row, emptied, because messages point to it; its name is free again.
-- The *_key columns hold NFKC_Casefold forms made by the program (lower() is not case folding).
CREATE TABLE perch.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text,
    username_key text COLLATE "C" UNIQUE,
    display_name text,
    search_key text COLLATE "C",
    password_hash text,
    telegram text,
    telegram_key text COLLATE "C" UNIQUE,
    locale text NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'ru')),
    time_zone text NOT NULL DEFAULT 'UTC',
    notify_preview text NOT NULL DEFAULT 'full' CHECK (notify_preview IN ('off', 'sender', 'full')),
    notify_quiet_from time(0),
    notify_quiet_to time(0),
    notify_delay_s integer NOT NULL DEFAULT 60 CHECK (notify_delay_s BETWEEN 0 AND 900),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz,
    deleted_at timestamptz,
    CHECK ((notify_quiet_from IS NULL) = (notify_quiet_to IS NULL)),
    CHECK (
        CASE WHEN deleted_at IS NULL
            THEN num_nulls(username, username_key, search_key, password_hash) = 0
            ELSE num_nonnulls(username, username_key, search_key, password_hash, display_name, telegram,
                              telegram_key, last_seen_at) = 0
        END)
);

CREATE INDEX users_search ON perch.users USING gin (search_key perch.gin_trgm_ops);
CREATE INDEX users_seen ON perch.users (coalesce(last_seen_at, '-infinity') DESC, id DESC)
    WHERE deleted_at IS NULL;

-- `id` is random, not counted: after a restore an old token must not name somebody's new session.
CREATE TABLE perch.sessions (
    id bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    user_id bigint NOT NULL REFERENCES perch.users,
    user_agent text NOT NULL,
    ip text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX sessions_user ON perch.sessions (user_id, id);

-- The Telegram chat of an account: live while confirmed and not blocked.
CREATE TABLE perch.telegram_links (
    user_id bigint PRIMARY KEY REFERENCES perch.users,
    chat_id bigint NOT NULL UNIQUE,
    confirmed_at timestamptz,
    blocked_at timestamptz
);

-- All but the password hash.
GRANT SELECT (id, username, username_key, display_name, search_key, telegram, telegram_key, locale, time_zone,
              notify_preview, notify_quiet_from, notify_quiet_to, notify_delay_s, created_at, last_seen_at, deleted_at)
    ON perch.users TO perch_app;
GRANT SELECT ON perch.sessions TO perch_app;

COMMIT;
