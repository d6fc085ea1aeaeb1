-- Deploy perch:telegram_waits
--
-- However many messages wait to be told to somebody, what concerns that one takes milliseconds: a change of settings
-- touches one row, and a pile is made smaller. What is told counts messages, not rows.

BEGIN;

-- Somebody wants something else of notifications: what waits for them is decided anew, and nothing that was decided holds.
-- One row that is due is enough for a look to find them; those of a request under way may be gone before it comes.
CREATE OR REPLACE FUNCTION perch.telegram_revise(p_user bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE perch.telegram_links SET revision = nextval('perch.telegram_revision') WHERE user_id = p_user;
    IF FOUND THEN
        UPDATE perch.outbox SET due_at = '-infinity'
        WHERE id = (SELECT o.id FROM perch.outbox o WHERE o.recipient_id = p_user AND o.unanswered = 0 ORDER BY o.id LIMIT 1);
    END IF;
END
$$;

-- Behind the thousand rows that a decision sees, of the next ones only each sender's last is of use.
CREATE FUNCTION perch.notify_thin(p_user bigint) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    DELETE FROM perch.outbox o
    USING (SELECT x.id, row_number() OVER (PARTITION BY x.sender_id ORDER BY x.id DESC) AS place
           FROM (SELECT id, sender_id FROM perch.outbox WHERE recipient_id = p_user ORDER BY id OFFSET 1000 LIMIT 20000) AS x
          ) AS behind
    WHERE o.id = behind.id AND behind.place > 1;
END;

-- Nothing is told now: p_remove is not worth telling, and the rows up to p_upto wait until p_at (0: as they do). What is
-- behind two thousand of them stays due, and so has its turn at the next look.
CREATE OR REPLACE FUNCTION perch.notify_wait(p_user bigint, p_revision bigint, p_remove bigint[], p_upto bigint, p_at bigint)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = perch, pg_temp
AS $$
BEGIN
    IF NOT perch.notify_lock(p_user, p_revision) THEN
        RETURN;
    END IF;
    DELETE FROM perch.outbox WHERE recipient_id = p_user AND id = ANY (p_remove);
    IF p_at > 0 THEN
        PERFORM perch.notify_thin(p_user);
        UPDATE perch.outbox SET due_at = perch.ms_at(p_at)
        WHERE id = ANY (ARRAY(SELECT o.id FROM perch.outbox o WHERE o.recipient_id = p_user ORDER BY o.id LIMIT 2000))
            AND id <= p_upto AND due_at <> perch.ms_at(p_at);
    END IF;
END
$$;

COMMIT;
