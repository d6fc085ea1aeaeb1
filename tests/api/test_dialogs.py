"""The list of dialogs: order, unread counts, read marks, mute, the dialog with oneself."""

import datetime

import pytest

from perchtest.api import dialog_of, everything, good, log_from, problem, whole_history


def read(client, peer, upto):
    return client.put(f"/dialogs/{getattr(peer, 'id', peer)}/read", {"upto": upto})


def mute(client, peer, until):
    return client.put(f"/dialogs/{getattr(peer, 'id', peer)}/mute", {"until": until})


def test_a_new_person_has_no_dialogs(alice):
    reply = good(alice.get("/dialogs"))
    assert reply["dialogs"] == [] and reply["next"] is None
    assert alice.poll(reply["cursor"], wait=0)["events"] == []


def test_a_dialog_appears_for_both_with_its_last_message(alice, bob):
    alice.send(bob, "first")
    last = bob.send(alice, "second")
    for client, peer in ((alice, bob), (bob, alice)):
        row = dialog_of(client, peer)
        assert row["last_message"] == last
        assert row["peer"]["id"] == peer.id and row["peer"]["username"] == peer.username
        assert row["muted_until"] is None


def test_dialogs_come_latest_first_and_a_message_moves_its_dialog_up(perch, alice):
    peers = [perch.person("peer") for _ in range(4)]
    for peer in peers:
        alice.send(peer, "hello")
    ids = [row["peer"]["id"] for row in everything(alice, "/dialogs", "dialogs")]
    assert ids == [peer.id for peer in reversed(peers)]
    peers[0].send(alice, "back")
    assert good(alice.get("/dialogs", params={"limit": 1}))["dialogs"][0]["peer"]["id"] == peers[0].id


def test_polling_from_the_lists_cursor_misses_nothing(alice, bob):
    bob.send(alice, "before")
    cursor = good(alice.get("/dialogs"))["cursor"]
    message = bob.send(alice, "after")
    assert [event["message"]["id"] for event in log_from(alice, cursor)] == [message["id"]]


def test_unread_counts_the_peers_messages_after_the_read_mark(alice, bob):
    messages = [bob.send(alice, f"{number}") for number in range(5)]
    mine = alice.send(bob, "my own is not unread for me")
    assert dialog_of(alice, bob)["unread"] == 5
    assert dialog_of(bob, alice)["unread"] == 1
    good(read(alice, bob, messages[2]["id"]), 204)
    assert dialog_of(alice, bob)["unread"] == 2
    good(read(alice, bob, mine["id"]), 204)
    assert dialog_of(alice, bob)["unread"] == 0


def test_a_deleted_message_is_not_unread(alice, bob):
    first, second = bob.send(alice, "1"), bob.send(alice, "2")
    good(bob.delete(f"/messages/{first['id']}"), 204)
    assert dialog_of(alice, bob)["unread"] == 1
    good(read(alice, bob, second["id"]), 204)
    assert dialog_of(alice, bob)["unread"] == 0


def test_unread_counts_to_100(alice, bob):
    first = bob.send(alice, "1")
    for number in range(101):
        bob.send(alice, f"{number}")
    assert dialog_of(alice, bob)["unread"] == 100
    good(read(alice, bob, first["id"]), 204)
    assert dialog_of(alice, bob)["unread"] == 100


def test_a_read_mark_is_seen_by_my_devices_and_by_the_peer(alice, bob):
    message = bob.send(alice, "hello")
    mine, theirs = alice.cursor(), bob.cursor()
    good(read(alice, bob, message["id"]), 204)
    [event] = log_from(alice, mine)
    assert (event["type"], event["peer_id"], event["upto"]) == ("dialog.read", bob.id, message["id"])
    [event] = log_from(bob, theirs)
    assert (event["type"], event["peer_id"], event["upto"]) == ("peer.read", alice.id, message["id"])
    assert dialog_of(alice, bob)["read_upto"] == message["id"]
    assert dialog_of(bob, alice)["peer_read_upto"] == message["id"]
    assert dialog_of(bob, alice)["read_upto"] is None


def test_a_read_mark_never_moves_back_and_one_that_stays_tells_nobody(alice, bob):
    first, second = bob.send(alice, "1"), bob.send(alice, "2")
    good(read(alice, bob, second["id"]), 204)
    mine, theirs = alice.cursor(), bob.cursor()
    for upto in (second["id"], first["id"]):
        good(read(alice, bob, upto), 204)
    assert dialog_of(alice, bob)["read_upto"] == second["id"]
    assert (alice.cursor(), bob.cursor()) == (mine, theirs)


@pytest.mark.parametrize("upto", [None, 0, -1, 1.5, "7", True, [], 2**53, 2**63 - 1, 9007199254740991])
def test_a_read_mark_must_be_a_message_of_the_dialog(alice, bob, upto):
    bob.send(alice, "hello")
    problem(read(alice, bob, upto), 422, "invalid", "upto")


def test_a_read_mark_of_another_dialog_is_refused(alice, bob, carol):
    bob.send(alice, "hello")
    foreign = carol.send(bob, "not alice's")
    own = carol.send(alice, "alice's, in another dialog")
    problem(read(alice, bob, foreign["id"]), 422, "invalid", "upto")
    problem(read(alice, bob, own["id"]), 422, "invalid", "upto")
    assert dialog_of(alice, bob)["unread"] == 1


def test_mute_until_a_time_for_ever_and_not_at_all(alice, bob):
    alice.send(bob, "hello")
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    text = tomorrow.strftime("%Y-%m-%dT%H:%M:%S.") + f"{tomorrow.microsecond // 1000:03}Z"
    for until in (text, "forever", None):
        cursor = alice.cursor()
        theirs = bob.cursor()
        good(mute(alice, bob, until), 204)
        assert dialog_of(alice, bob)["muted_until"] == until
        assert dialog_of(bob, alice)["muted_until"] is None
        [event] = log_from(alice, cursor)
        assert (event["type"], event["peer_id"], event["muted_until"]) == ("dialog.muted", bob.id, until)
        assert bob.cursor() == theirs
        after = alice.cursor()
        good(mute(alice, bob, until), 204)
        assert alice.cursor() == after, "the same again writes nothing"


@pytest.mark.parametrize(
    "until",
    [
        "2999-01-01T03:00:00+03:00",
        "2998-12-31T14:15:00.0-09:45",
        "2999-01-01t00:00:00z",
        "2999-01-01T00:00:00.000000000Z",
        "2999-01-01T00:00:00.000-00:00",
    ],
)
def test_mute_takes_every_form_of_rfc_3339(alice, bob, until):
    alice.send(bob, "hello")
    good(mute(alice, bob, until), 204)
    assert dialog_of(alice, bob)["muted_until"] == "2999-01-01T00:00:00.000Z"


def test_a_mute_that_is_over_is_none(alice, bob):
    alice.send(bob, "hello")
    good(mute(alice, bob, "2020-01-01T00:00:00Z"), 204)
    assert dialog_of(alice, bob)["muted_until"] is None


@pytest.mark.parametrize(
    "until",
    [
        "",
        "now",
        "tomorrow",
        "infinity",
        "-infinity",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "12:00",
        0,
        1e12,
        True,
        [],
        {},
        "2026-11-21",
        "2999-01-01T00:00:00",
        "epoch",
        "Forever",
        "2999-01-01T25:00:00Z",
        "999999-01-01T00:00:00Z",
    ],
)
def test_mute_refuses_what_is_no_time(alice, bob, until):
    problem(mute(alice, bob, until), 422, "invalid", "until")


def test_mute_needs_the_field_and_a_person(alice, bob):
    problem(alice.put(f"/dialogs/{bob.id}/mute", {}), 422, "invalid", "until")
    problem(mute(alice, 9007199254740991, "forever"), 404, "not_found")
    problem(read(alice, 9007199254740991, 1), 404, "not_found")


def test_muting_somebody_unwritten_to_makes_no_dialog(alice, bob):
    good(mute(alice, bob, "forever"), 204)
    assert dialog_of(alice, bob) is None
    bob.send(alice, "hello")
    assert dialog_of(alice, bob)["muted_until"] == "forever"


def test_the_dialog_with_oneself_has_one_event_and_is_never_unread(alice):
    assert dialog_of(alice, alice) is None
    cursor = alice.cursor()
    message = alice.send(alice, "note")
    [event] = log_from(alice, cursor)
    assert event["message"] == message
    row = dialog_of(alice, alice)
    assert row["peer"]["id"] == alice.id and row["last_message"] == message and row["unread"] == 0
    cursor = alice.cursor()
    good(read(alice, alice, message["id"]), 204)
    assert alice.cursor() == cursor, "notes have no read marks"
    good(alice.delete(f"/messages/{message['id']}"), 204)
    assert [event["type"] for event in log_from(alice, cursor)] == ["message.deleted"]
    assert [row["body"] for row in whole_history(alice, alice)] == [None]
