-- Deploy perch:roles
--
-- perch_app serves people, perch_notifier talks to Telegram. They are made here when the deploying role may create
-- roles; otherwise create them first. Roles belong to the cluster, so they may be there already.

BEGIN;

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['perch_app', 'perch_notifier'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', v_role);
        END IF;
    END LOOP;
END
$$;

-- Functions are nobody's to call until granted.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE SCHEMA perch;

GRANT USAGE ON SCHEMA perch TO perch_app, perch_notifier;

COMMIT;
