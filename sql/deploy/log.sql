-- Deploy perch:log
--
-- Every user has a mailbox: a counter bumped under its row lock in the transaction that writes the event. PostgreSQL
-- makes a commit visible before it releases its locks, so whoever reads seq = n sees every event up to n: gapless and in
-- commit order, without a clock.

BEGIN;

-- Positions mean something only together with the epoch, which changes when the database may have gone back in time.
CREATE TABLE perch.epoch (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch text NOT NULL CHECK (epoch ~ '^[0-9a-f]{12}$'),
    fingerprint text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE perch.mailboxes (
    user_id bigint PRIMARY KEY REFERENCES perch.users,
    seq bigint NOT NULL DEFAULT 0,
    floor_seq bigint NOT NULL DEFAULT 0 -- events up to here are no longer kept
) WITH (fillfactor = 50); -- room for HOT updates: the counter is in no index

CREATE TYPE perch.event_type AS ENUM (
    'message.new', 'message.edited', 'message.deleted', 'dialog.read', 'peer.read', 'dialog.muted', 'me.changed',
    'telegram.linked', 'telegram.unlinked');

-- Events refer to rows and are rendered when read (perch.event_json), so a deleted text is gone from the log too.
-- No foreign keys: only the functions here write, users and messages rows never go away, and a check would lock and
-- rewrite a users row for each message.
CREATE TABLE perch.events (
    user_id bigint NOT NULL,
    seq bigint NOT NULL,
    type perch.event_type NOT NULL,
    at timestamptz NOT NULL,
    message_id bigint, -- message.*: the message; *.read: read up to this one
    peer_id bigint,    -- dialog.*, peer.read: the other side
    PRIMARY KEY (user_id, seq)
);

-- The same for every life of this database, different after a promotion, a restore into another cluster or a copy.
-- pg_walfile_name's first eight digits are the timeline.
CREATE FUNCTION perch.fingerprint() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT concat_ws('/', system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8),
                     (SELECT oid FROM pg_database WHERE datname = current_database()))
    FROM pg_control_system();
END;

-- A new epoch: every cursor given out so far is answered with a reset.
CREATE FUNCTION perch.epoch_draw() RETURNS text
LANGUAGE sql
SECURITY DEFINER SET search_path = perch, pg_temp
BEGIN ATOMIC
    INSERT INTO perch.epoch (epoch, fingerprint)
    VALUES (left(replace(gen_random_uuid()::text, '-', ''), 12), perch.fingerprint())
    ON CONFLICT (singleton) DO UPDATE
        SET epoch = excluded.epoch, fingerprint = excluded.fingerprint, changed_at = clock_timestamp()
    RETURNING epoch;
END;

-- The same for somebody who saw positions of p_epoch go back; of several who did, the first one draws.
CREATE FUNCTION perch.epoch_renew(p_epoch text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    PERFORM FROM perch.epoch WHERE epoch = p_epoch FOR UPDATE;
    IF FOUND THEN
        PERFORM perch.epoch_draw();
    END IF;
END
$$;

-- The present epoch, asked on every connect; drawn anew when the fingerprint differs.
CREATE FUNCTION perch.epoch_check() RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
DECLARE
    v_epoch text;
BEGIN
    SELECT e.epoch INTO v_epoch FROM perch.epoch e WHERE e.fingerprint = perch.fingerprint();
    IF NOT FOUND THEN
        -- Of several connections at once the first one draws, the others find its result.
        PERFORM FROM perch.epoch FOR UPDATE;
        SELECT e.epoch INTO v_epoch FROM perch.epoch e WHERE e.fingerprint = perch.fingerprint();
        IF NOT FOUND THEN
            v_epoch := perch.epoch_draw();
        END IF;
    END IF;
    RETURN v_epoch;
END
$$;

DO $$ BEGIN PERFORM perch.epoch_draw(); END $$;

GRANT SELECT ON perch.epoch, perch.mailboxes, perch.events TO perch_app;
GRANT EXECUTE ON FUNCTION perch.epoch_check(), perch.epoch_renew(text) TO perch_app;

COMMIT;
