-- Deploy perch:messages

BEGIN;

-- Ids are taken under both mailbox locks, so within a dialog they grow in commit order, as sent_at does.
-- No foreign keys, for the reason given at perch.events.
CREATE TABLE perch.messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sender_id bigint NOT NULL,
    recipient_id bigint NOT NULL,
    client_id uuid,
    body text CHECK (char_length(body) BETWEEN 1 AND 4096),
    sent_at timestamptz NOT NULL,
    edited_at timestamptz,
    deleted_at timestamptz,
    UNIQUE (sender_id, client_id),
    CHECK ((body IS NULL) = (deleted_at IS NOT NULL))
);

-- One direction of one dialog: serves history (both directions merged) and unread counts.
CREATE INDEX messages_dialog ON perch.messages (sender_id, recipient_id, id);

-- The words of a message and its two people as lexemes no text can contain ('@' starts none), so that a search costs the
-- searcher's own matches and not everybody's.
CREATE FUNCTION perch.message_words(p_sender bigint, p_recipient bigint, p_body text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('pg_catalog.simple'::regconfig, coalesce(p_body, ''))
    || array_to_tsvector(ARRAY['@' || p_sender::text, '@' || p_recipient::text]);

CREATE INDEX messages_words ON perch.messages USING gin (perch.message_words(sender_id, recipient_id, body))
    WHERE deleted_at IS NULL;

-- What somebody typed, as a query over message_words: web search syntax, the last word a prefix; p_peer 0 for all
-- dialogs. NULL for no words.
CREATE FUNCTION perch.search_query(p_user bigint, p_text text, p_peer bigint) RETURNS tsquery
LANGUAGE sql STABLE
AS $$
    SELECT CASE WHEN numnode(q) > 0 THEN
        CASE WHEN q::text LIKE '%''' THEN (q::text || ':*')::tsquery ELSE q END
        && quote_literal('@' || p_user)::tsquery
        && quote_literal('@' || CASE WHEN p_peer > 0 THEN p_peer ELSE p_user END)::tsquery
    END
    FROM websearch_to_tsquery('pg_catalog.simple'::regconfig, p_text) AS q
$$;

-- One side's view of a dialog. No foreign keys here either.
CREATE TABLE perch.dialogs (
    user_id bigint NOT NULL,
    peer_id bigint NOT NULL,
    last_message_id bigint,
    read_upto bigint NOT NULL DEFAULT 0,
    muted_until timestamptz, -- 'infinity': for ever
    PRIMARY KEY (user_id, peer_id)
);

CREATE INDEX dialogs_latest ON perch.dialogs (user_id, last_message_id DESC) WHERE last_message_id IS NOT NULL;

-- What the notifier may have to tell, written in the message's own transaction.
CREATE TABLE perch.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint NOT NULL,
    sender_id bigint NOT NULL,
    recipient_id bigint NOT NULL,
    recipient_seq bigint NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL
);

CREATE INDEX outbox_due ON perch.outbox (due_at);
CREATE INDEX outbox_recipient ON perch.outbox (recipient_id);

GRANT SELECT ON perch.messages, perch.dialogs TO perch_app;
GRANT EXECUTE ON FUNCTION perch.message_words(bigint, bigint, text), perch.search_query(bigint, text, bigint) TO perch_app;
GRANT SELECT, UPDATE, DELETE ON perch.outbox TO perch_notifier;

COMMIT;
