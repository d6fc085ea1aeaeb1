"""Sending: what a message looks like, and that the same client_id never makes a second one."""

import uuid

import pytest

from perchtest.api import at_once, dialog_of, good, log_from, problem, twin, whole_history


def path_to(peer):
    return f"/dialogs/{getattr(peer, 'id', peer)}/messages"


def test_a_message_has_its_fields_and_reaches_both_sides(alice, bob):
    mine, theirs = alice.cursor(), bob.cursor()
    client_id = str(uuid.uuid4())
    message = good(alice.post(path_to(bob), {"client_id": client_id, "body": "  Hello\n👋 "}), 201)["message"]
    assert message["client_id"] == client_id
    assert message["body"] == "  Hello\n👋 "
    assert (message["sender_id"], message["recipient_id"]) == (alice.id, bob.id)
    assert message["edited_at"] is None and message["deleted_at"] is None
    for client, cursor in ((alice, mine), (bob, theirs)):
        [event] = log_from(client, cursor)
        assert event["type"] == "message.new" and event["message"] == message
        assert event["at"] == message["sent_at"]
        assert whole_history(client, bob if client is alice else alice) == [message]


def test_client_id_may_be_left_out_and_then_each_call_is_a_message(alice, bob):
    messages = [good(alice.post(path_to(bob), {"body": "same"}), 201)["message"] for _ in range(2)]
    assert messages[0]["id"] < messages[1]["id"]
    assert [message["client_id"] for message in messages] == [None, None]


def test_a_repeat_answers_200_with_the_stored_message_and_writes_nothing(alice, bob):
    body = {"client_id": str(uuid.uuid4()), "body": "once"}
    first = good(alice.post(path_to(bob), body), 201)
    mine, theirs = alice.cursor(), bob.cursor()
    for _ in range(3):
        assert good(alice.post(path_to(bob), body)) == first
    assert (alice.cursor(), bob.cursor()) == (mine, theirs)
    assert whole_history(bob, alice) == [first["message"]]


def test_a_repeat_on_another_worker_connection_or_device_finds_it(alice, bob):
    body = {"client_id": str(uuid.uuid4()), "body": "once"}
    first = good(alice.post(path_to(bob), body), 201)
    device = alice.another_device(bearer=True)
    for _ in range(12):
        assert good(twin(alice).post(path_to(bob), body)) == first
        assert good(twin(device).post(path_to(bob), body)) == first


def test_concurrent_twins_make_one_message(alice, bob):
    for _ in range(10):
        body = {"client_id": str(uuid.uuid4()), "body": "twins"}
        replies = at_once(*[lambda caller=twin(alice): caller.post(path_to(bob), body) for _ in range(8)])
        assert sorted(reply.status_code for reply in replies) == [200] * 7 + [201]
        assert len({reply.json()["message"]["id"] for reply in replies}) == 1
    assert len(whole_history(alice, bob)) == 10


def test_concurrent_twins_to_two_people_make_one_message_and_one_conflict(alice, bob, carol):
    for _ in range(5):
        body = {"client_id": str(uuid.uuid4()), "body": "to whom"}
        replies = at_once(
            *[lambda caller=twin(alice), peer=peer: caller.post(path_to(peer), body) for peer in (bob, carol)]
        )
        assert sorted(reply.status_code for reply in replies) == [201, 409]
        problem(next(reply for reply in replies if reply.status_code == 409), 409, "client_id_used")


def test_a_different_body_of_a_repeat_is_ignored(alice, bob):
    client_id = str(uuid.uuid4())
    first = good(alice.post(path_to(bob), {"client_id": client_id, "body": "first"}), 201)
    assert good(alice.post(path_to(bob), {"client_id": client_id, "body": "second"})) == first


def test_the_same_client_id_to_another_peer_is_refused(alice, bob, carol):
    body = {"client_id": str(uuid.uuid4()), "body": "once"}
    good(alice.post(path_to(bob), body), 201)
    problem(alice.post(path_to(carol), body), 409, "client_id_used")
    problem(alice.post(path_to(alice), body), 409, "client_id_used")
    assert whole_history(carol, alice) == []


def test_client_ids_of_two_people_do_not_meet(alice, bob):
    body = {"client_id": str(uuid.uuid4()), "body": "mine"}
    first = good(alice.post(path_to(bob), body), 201)["message"]
    second = good(bob.post(path_to(alice), body), 201)["message"]
    assert first["id"] != second["id"]


def test_client_id_is_the_same_in_capitals(alice, bob):
    client_id = str(uuid.uuid4())
    first = good(alice.post(path_to(bob), {"client_id": client_id.upper(), "body": "x"}), 201)
    assert good(alice.post(path_to(bob), {"client_id": client_id, "body": "x"})) == first


@pytest.mark.parametrize(
    "client_id",
    [
        "",
        "1",
        "not-a-uuid",
        "0" * 32,
        "{5f0c2b1e-8f0e-4d55-9a34-0f6a0e3f7a11}",
        "5f0c2b1e-8f0e-4d55-9a34-0f6a0e3f7a1",
        "5f0c2b1e-8f0e-4d55-9a34-0f6a0e3f7a11 ",
        "5f0c2b1e8f0e-4d55-9a34-0f6a0e3f7a11--",
        "g" * 36,
        7,
        True,
        [],
        {},
        "5f0c2b1e-8f0e-4d55-9a34-0f6a0e3f7a11'; DROP TABLE perch.messages; --",
    ],
)
def test_a_client_id_that_is_no_uuid_is_invalid(alice, client_id):
    problem(alice.post(path_to(alice), {"client_id": client_id, "body": "x"}), 422, "invalid", "client_id")


def test_a_repeat_gets_the_message_as_it_is_now(alice, bob):
    body = {"client_id": str(uuid.uuid4()), "body": "first"}
    message = good(alice.post(path_to(bob), body), 201)["message"]
    edited = good(alice.patch(f"/messages/{message['id']}", {"body": "edited"}))["message"]
    assert good(alice.post(path_to(bob), body))["message"] == edited
    good(alice.delete(f"/messages/{message['id']}"), 204)
    gone = good(alice.post(path_to(bob), body))["message"]
    assert gone["id"] == message["id"] and gone["body"] is None and gone["deleted_at"]


def test_a_repeat_works_after_the_peer_was_deleted(perch, alice):
    peer = perch.person("peer")
    body = {"client_id": str(uuid.uuid4()), "body": "in time"}
    first = good(alice.post(path_to(peer), body), 201)
    good(peer.delete("/me", {"password": peer.password}), 204)
    assert good(alice.post(path_to(peer), body)) == first
    problem(alice.post(path_to(peer), {"body": "too late"}), 409, "peer_deleted")


def test_a_repeat_after_a_restart_of_everything_finds_it(perch_factory):
    perch = perch_factory(WORKERS=2)
    alice, bob = perch.person("alice"), perch.person("bob")
    body = {"client_id": str(uuid.uuid4()), "body": "before"}
    first = good(alice.post(path_to(bob), body), 201)
    cursor = bob.cursor()
    perch.dev("down")
    perch.up()
    assert good(alice.post(path_to(bob), body)) == first
    after = good(alice.post(path_to(bob), {"body": "after"}), 201)["message"]
    assert [event["message"] for event in log_from(bob, cursor)] == [after]
    assert whole_history(bob, alice) == [first["message"], after]


@pytest.mark.parametrize(
    "body",
    [
        "x",
        "🦊" * 4096,
        "x" * 4096,
        "\u0301" * 4096,
        "'; DROP TABLE perch.messages; --",
        "<script>alert(1)</script>",
        "%s%n\\u0041\\",
        "\u202eright to left",
        "שלום עולם",
        "a\tb\nc\r\nd",
        "\x01\x1f\x7f\u0085\u2028",
        "\ufeffx",
        "\U0010ffff\ufffe",
        "null",
        '{"body": "x"}',
    ],
    ids=lambda body: ascii(body[:12]),
)
def test_any_text_is_a_message_and_stays_as_it_is(alice, body):
    message = alice.send(alice, body)
    assert message["body"] == body
    assert whole_history(alice, alice)[-1]["body"] == body


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "\t\r\n",
        "\u00a0",
        "\u3000 \u2003",
        "\u2028\u2029",
        "x" * 4097,
        "🦊" * 4097,
        None,
        7,
        True,
        [],
        {},
    ],
    ids=lambda body: ascii(str(body)[:12]),
)
def test_blank_long_or_wrong_bodies_are_invalid(alice, body):
    problem(alice.post(path_to(alice), {"body": body}), 422, "invalid", "body")


def test_a_missing_body_is_invalid(alice):
    problem(alice.post(path_to(alice), {}), 422, "invalid", "body")
    problem(alice.post(path_to(alice), {"Body": "x"}), 422, "invalid", "body")


def test_unknown_fields_are_ignored(alice):
    message = good(alice.post(path_to(alice), {"body": "x", "id": 1, "sender_id": 2, "sent_at": None}), 201)[
        "message"
    ]
    assert message["sender_id"] == alice.id


def test_nobody_can_write_to_somebody_who_is_not_there(alice):
    problem(alice.post(path_to(9007199254740991), {"body": "x"}), 404, "not_found")
    assert dialog_of(alice, 9007199254740991) is None


def test_ids_and_times_grow_in_order_under_concurrent_sends(alice, bob):
    at_once(
        *[
            lambda caller=twin(client), peer=peer: [caller.send(peer, "x") for _ in range(25)]
            for client, peer in ((alice, bob), (bob, alice))
            for _ in range(2)
        ]
    )
    history = whole_history(alice, bob)
    assert len(history) == 100
    assert history == sorted(history, key=lambda message: message["id"])
    assert history == sorted(history, key=lambda message: (message["sent_at"], message["id"]))
