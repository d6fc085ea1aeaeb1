"""Editing and deleting messages."""

import pytest

from perchtest.api import dialog_of, good, log_from, problem, whole_history


@pytest.fixture
def message(alice, bob):
    return alice.send(bob, "first")


def test_an_edit_changes_the_text_for_both_and_both_logs_say_so(alice, bob, message):
    cursors = [(client, client.cursor()) for client in (alice, bob)]
    edited = good(alice.patch(f"/messages/{message['id']}", {"body": "second ✏️"}))["message"]
    assert edited == {**message, "body": "second ✏️", "edited_at": edited["edited_at"]}
    assert edited["edited_at"] >= message["sent_at"]
    for client, cursor in cursors:
        [event] = log_from(client, cursor)
        assert event["type"] == "message.edited" and event["message"] == edited
    assert whole_history(bob, alice) == [edited]
    assert dialog_of(bob, alice)["last_message"] == edited


def test_an_edit_with_the_same_text_writes_nothing(alice, bob, message):
    cursor = bob.cursor()
    assert good(alice.patch(f"/messages/{message['id']}", {"body": "first"}))["message"] == message
    assert bob.cursor() == cursor


@pytest.mark.parametrize("body", ["", "  ", "x" * 4097, None, 1])
def test_an_edit_keeps_the_rules_of_sending(alice, message, body):
    problem(alice.patch(f"/messages/{message['id']}", {"body": body}), 422, "invalid", "body")


def test_a_deleted_message_keeps_its_place_without_its_text(alice, bob, message):
    later = bob.send(alice, "later")
    cursors = [(client, client.cursor()) for client in (alice, bob)]
    good(alice.delete(f"/messages/{message['id']}"), 204)
    first, second = whole_history(bob, alice)
    assert first == {**message, "body": None, "deleted_at": first["deleted_at"]}
    assert first["deleted_at"] and second == later
    for client, cursor in cursors:
        [event] = log_from(client, cursor)
        assert event["type"] == "message.deleted" and event["message"] == first


def test_a_deleted_text_is_gone_from_the_log_too(alice, bob):
    cursor = bob.cursor()
    message = alice.send(bob, "a secret")
    good(alice.delete(f"/messages/{message['id']}"), 204)
    reply = bob.get("/events", params={"cursor": cursor, "wait": 0})
    assert "secret" not in reply.text
    assert [event["type"] for event in reply.json()["events"]] == ["message.new", "message.deleted"]


def test_deleting_twice_answers_204_and_writes_once(alice, bob, message):
    good(alice.delete(f"/messages/{message['id']}"), 204)
    cursor = bob.cursor()
    good(alice.delete(f"/messages/{message['id']}"), 204)
    assert bob.cursor() == cursor


def test_a_deleted_message_cannot_be_edited(alice, message):
    good(alice.delete(f"/messages/{message['id']}"), 204)
    problem(alice.patch(f"/messages/{message['id']}", {"body": "back"}), 409, "message_deleted")


def test_only_the_author_changes_a_message(alice, bob, carol, message):
    for method, body in (("PATCH", {"body": "mine"}), ("DELETE", None)):
        problem(bob.request(method, f"/messages/{message['id']}", json=body), 403, "not_author")
        problem(carol.request(method, f"/messages/{message['id']}", json=body), 404, "not_found")
    assert whole_history(bob, alice) == [message]


def test_messages_are_edited_after_the_peer_was_deleted(perch, alice):
    peer = perch.person("peer")
    message = alice.send(peer, "first")
    good(peer.delete("/me", {"password": peer.password}), 204)
    assert good(alice.patch(f"/messages/{message['id']}", {"body": "second"}))["message"]["body"] == "second"
    good(alice.delete(f"/messages/{message['id']}"), 204)
