-- Revert perch:render

BEGIN;

DROP FUNCTION perch.event_json(perch.events);
DROP FUNCTION perch.muted_payload(bigint, timestamptz);
DROP FUNCTION perch.read_payload(bigint, bigint);
DROP FUNCTION perch.message_payload(perch.messages);
DROP FUNCTION perch.event_text(bigint, perch.event_type, timestamptz, text);
DROP FUNCTION perch.message_json(perch.messages);
DROP TYPE perch.message_fields;
DROP FUNCTION perch.muted_json(timestamptz);
DROP FUNCTION perch.iso(timestamptz);

COMMIT;
