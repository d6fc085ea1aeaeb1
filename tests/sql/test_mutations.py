"""What the mutations answer and write, where the API's tests cannot look or cannot time it."""

import uuid

import pytest

SEND = "SELECT * FROM perch.send_message(%s, %s, %s, %s)"


def seq_of(database, user):
    return database.value("SELECT seq FROM perch.mailboxes WHERE user_id = %s", [user])


@pytest.fixture
def gone(database):
    """(gone, peer, message): an account deleted after it sent to its peer, as seen by a request still under way."""
    [gone, peer] = database.people(2)
    database.rows(SEND, [gone, peer, uuid.uuid4(), "hello"], user="perch_app")
    message = database.value("SELECT max(id) FROM perch.messages WHERE sender_id = %s", [gone])
    database.rows("SELECT * FROM perch.delete_account(%s, 'hash')", [gone], user="perch_app")
    return gone, peer, message


@pytest.mark.parametrize("query", [
    "send_message(%(gone)s, %(peer)s, gen_random_uuid(), 'late')",
    "send_message(%(gone)s, %(gone)s, gen_random_uuid(), 'late')",
    "edit_message(%(gone)s, %(message)s, 'late')",
    "delete_message(%(gone)s, %(message)s)",
    "mark_read(%(gone)s, %(peer)s, %(message)s)",
    "mute_dialog(%(gone)s, %(peer)s, 'infinity')",
    "update_me(%(gone)s, '{\"locale\": \"ru\"}')",
])
def test_a_request_that_outlives_its_account_is_unauthorized_and_writes_nothing(database, gone, query):
    gone, peer, message = gone
    before = seq_of(database, peer)
    rows = database.rows(f"SELECT status, user_id FROM perch.{query}",
                         {"gone": gone, "peer": peer, "message": message}, user="perch_app")
    assert rows == [("unauthorized", None)]
    assert seq_of(database, peer) == before
    assert database.rows("SELECT body FROM perch.messages WHERE id = %s", [message]) == [("hello",)]
    for table in ("mailboxes", "events", "dialogs", "sessions"):
        assert database.rows(f"SELECT FROM perch.{table} WHERE user_id = %s", [gone]) == [], table


def test_the_peer_of_a_deleted_account_still_edits_reads_and_deletes(database):
    [alice, gone] = database.people(2)
    for sender, recipient in ((alice, gone), (gone, alice)):
        database.rows(SEND, [sender, recipient, uuid.uuid4(), "hello"], user="perch_app")
    mine = database.value("SELECT max(id) FROM perch.messages WHERE sender_id = %s", [alice])
    theirs = database.value("SELECT max(id) FROM perch.messages WHERE sender_id = %s", [gone])
    database.rows("SELECT * FROM perch.delete_account(%s, 'hash')", [gone], user="perch_app")
    for query in (f"edit_message({alice}, {mine}, 'other')", f"mark_read({alice}, {gone}, {theirs})",
                  f"mute_dialog({alice}, {gone}, 'infinity')", f"delete_message({alice}, {mine})"):
        assert database.rows(f"SELECT status, user_id FROM perch.{query}", user="perch_app") == [("ok", alice)], query
    assert database.rows(SEND, [alice, gone, uuid.uuid4(), "late"], user="perch_app")[0][0] == "peer_deleted"


def test_what_a_mutation_returns_is_what_a_poll_reads_later(database):
    """The wake-up carries the event's text; whoever misses it reads the log. Both must be the same."""
    [alice, bob] = database.people(2)
    pushed = {}

    def mutate(query, *parameters):
        for row in database.rows(f"SELECT user_id, seq, event, epoch FROM perch.{query}", parameters, "perch_app"):
            pushed[row[0], row[1]] = row[2]
            assert row[3] == database.value("SELECT perch.epoch_check()")

    def compare():
        stored = {(user, seq): text for user, seq, text in database.rows(
            "SELECT user_id, seq, perch.event_json(e) FROM perch.events e WHERE user_id = ANY(%s)", [[alice, bob]],
            "perch_app")}
        assert stored.keys() == pushed.keys()
        return [key for key in stored if stored[key] != pushed[key]]

    mutate("send_message(%s, %s, %s, %s)", alice, bob, uuid.uuid4(), 'say "hi" \\ \u00e9 \U0001f426 </script>\n\t')
    message = database.value("SELECT max(id) FROM perch.messages WHERE sender_id = %s", [alice])
    mutate("mark_read(%s, %s, %s)", bob, alice, message)
    mutate("mute_dialog(%s, %s, %s)", bob, alice, "infinity")
    mutate("update_me(%s, %s)", bob, '{"locale": "ru"}')
    mutate("send_message(%s, %s, %s, %s)", alice, alice, None, "note")
    assert compare() == []
    # An edit shows in the older event too: the log refers to the message.
    mutate("edit_message(%s, %s, %s)", alice, message, "other")
    assert set(compare()) == {(alice, 1), (bob, 1)}


def test_ids_and_times_of_a_dialog_grow_together(database):
    [alice, bob] = database.people(2)
    for i in range(20):
        database.rows(SEND, [*([alice, bob] if i % 2 else [bob, alice]), None, str(i)], user="perch_app")
    rows = database.rows("SELECT id, sent_at, body FROM perch.messages WHERE sender_id = ANY(%s) ORDER BY id",
                         [[alice, bob]])
    assert [row[2] for row in rows] == [str(i) for i in range(20)]
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)


def test_each_side_of_a_dialog_knows_when_a_message_of_it_changed_last(database):
    """Its own position at that time, whatever else happened in its log meanwhile; reading and muting change nothing."""
    [alice, bob, carol] = database.people(3)

    def mutate(query, *parameters):
        return database.rows(f"SELECT user_id, seq FROM perch.{query}", parameters, "perch_app")

    def versions():
        return dict(database.rows("SELECT user_id, changed_seq FROM perch.dialogs WHERE user_id = ANY(%s)"
                                  " AND peer_id = ANY(%s)", [[alice, bob], [alice, bob]]))

    mutate("send_message(%s, %s, NULL, 'x')", carol, bob)
    rows = mutate("send_message(%s, %s, NULL, 'x')", alice, bob)
    assert versions() == dict(rows) == {alice: 1, bob: 2}
    message = database.value("SELECT max(id) FROM perch.messages WHERE sender_id = %s", [alice])
    mutate("mark_read(%s, %s, %s)", bob, alice, message)
    mutate("mute_dialog(%s, %s, 'infinity')", bob, alice)
    assert versions() == {alice: 1, bob: 2}
    for query in ("send_message(%s, %s, NULL, 'y')", "edit_message(%s, %s, 'z')", "delete_message(%s, %s)"):
        rows = mutate(query, alice, bob if query.startswith("send") else message)
        assert len(rows) == 2 and versions() == dict(rows), query
    rows = mutate("send_message(%s, %s, NULL, 'note')", alice, alice)
    assert database.value("SELECT changed_seq FROM perch.dialogs WHERE user_id = %s AND peer_id = %s", [alice, alice]) \
        == rows[0][1]


def test_sending_rewrites_a_dialog_in_place(database):
    """No index holds what a send changes in a dialog or a mailbox, so both stay as small as they are."""
    people = database.people(2)
    before = database.value("SELECT txid_current()")
    for i in range(50):
        database.rows(SEND, [*people, uuid.uuid4(), str(i)], user="perch_app")
    for table in ("dialogs", "mailboxes"):
        pages = database.value(f"SELECT count(DISTINCT (ctid::text::point)[0]) FROM perch.{table} WHERE user_id = ANY(%s)",
                               [people])
        assert pages <= 2, f"{table}: rows moved"
    indexed = database.rows("SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_attribute a"
                            " ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
                            " WHERE a.attrelid = ANY('{perch.dialogs,perch.mailboxes}'::regclass[])"
                            " AND a.attname IN ('last_message_id', 'changed_seq', 'seq', 'floor_seq')")
    assert indexed == [] and before
