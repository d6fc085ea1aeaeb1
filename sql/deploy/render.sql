-- Deploy perch:render
--
-- The one place where messages and events become JSON: history, polls, wake-ups and search all read the same text.

BEGIN;

-- RFC 3339 in UTC with milliseconds.
CREATE FUNCTION perch.iso(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- Until when a dialog is muted, as JSON: a time, "forever", or null when it is not or no longer.
CREATE FUNCTION perch.muted_json(p_until timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN CASE
    WHEN p_until = 'infinity' THEN '"forever"'
    WHEN p_until > now() THEN '"' || perch.iso(p_until) || '"'
    ELSE 'null'
END;

CREATE TYPE perch.message_fields AS (
    id bigint, client_id uuid, sender_id bigint, recipient_id bigint, body text, sent_at text, edited_at text,
    deleted_at text);

CREATE FUNCTION perch.message_json(p_message perch.messages) RETURNS text
LANGUAGE sql STABLE
RETURN row_to_json(ROW((p_message).id, (p_message).client_id, (p_message).sender_id, (p_message).recipient_id,
                       (p_message).body, perch.iso((p_message).sent_at), perch.iso((p_message).edited_at),
                       perch.iso((p_message).deleted_at))::perch.message_fields)::text;

-- An event around its payload: '' or members that start with a comma.
CREATE FUNCTION perch.event_text(p_seq bigint, p_type perch.event_type, p_at timestamptz, p_payload text) RETURNS text
LANGUAGE sql STABLE
RETURN '{"seq":' || p_seq || ',"type":"' || p_type || '","at":"' || perch.iso(p_at) || '"' || p_payload || '}';

CREATE FUNCTION perch.message_payload(p_message perch.messages) RETURNS text
LANGUAGE sql STABLE
RETURN ',"message":' || perch.message_json(p_message);

CREATE FUNCTION perch.read_payload(p_peer bigint, p_upto bigint) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN ',"peer_id":' || p_peer || ',"upto":' || p_upto;

CREATE FUNCTION perch.muted_payload(p_peer bigint, p_until timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN ',"peer_id":' || p_peer || ',"muted_until":' || perch.muted_json(p_until);

-- An event of the log, from the rows it refers to. plpgsql: its cached plans make it cheap to call once per event.
CREATE FUNCTION perch.event_json(p_event perch.events) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_payload text;
BEGIN
    CASE p_event.type
        WHEN 'message.new', 'message.edited', 'message.deleted' THEN
            SELECT perch.message_payload(m) INTO STRICT v_payload FROM perch.messages m WHERE m.id = p_event.message_id;
        WHEN 'dialog.read', 'peer.read' THEN
            v_payload := perch.read_payload(p_event.peer_id, p_event.message_id);
        WHEN 'dialog.muted' THEN
            SELECT perch.muted_payload(d.peer_id, d.muted_until) INTO STRICT v_payload
            FROM perch.dialogs d WHERE d.user_id = p_event.user_id AND d.peer_id = p_event.peer_id;
        ELSE
            v_payload := '';
    END CASE;
    RETURN perch.event_text(p_event.seq, p_event.type, p_event.at, v_payload);
END
$$;

GRANT EXECUTE ON FUNCTION perch.iso(timestamptz), perch.muted_json(timestamptz), perch.message_json(perch.messages),
    perch.event_text(bigint, perch.event_type, timestamptz, text), perch.message_payload(perch.messages),
    perch.read_payload(bigint, bigint), perch.muted_payload(bigint, timestamptz), perch.event_json(perch.events)
    TO perch_app;

COMMIT;
