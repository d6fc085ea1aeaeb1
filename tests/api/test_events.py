"""The long poll: waiting, waking, batches, tabs, and too many polls."""

import concurrent.futures
import socket
import time
import uuid

import pytest

from perchtest import wait_for
from perchtest.api import (
    credentials_of,
    events_of,
    good,
    log_from,
    parked,
    poll_call,
    problem,
    twin,
    waiting_poll,
    whole_history,
)


def test_without_a_cursor_the_present_position_comes_at_once(alice, bob):
    bob.send(alice, "already there")
    started_at = time.monotonic()
    reply = good(alice.get("/events", params={"wait": 50}))
    assert time.monotonic() - started_at < 5
    assert reply["events"] == [] and not reply["more"] and reply["from"] == reply["cursor"]
    assert log_from(alice, reply["cursor"]) == []


@pytest.mark.parametrize("wait", [0, 1, 2])
def test_nothing_new_is_200_with_the_same_cursor_after_the_wait(alice, wait):
    cursor = alice.cursor()
    started_at = time.monotonic()
    reply = alice.poll(cursor, wait=wait)
    took = time.monotonic() - started_at
    assert reply == {"from": cursor, "cursor": cursor, "more": False, "after_ms": 0, "events": []}
    assert wait - 0.1 <= took < wait + 2


def test_events_that_are_there_come_at_once(alice, bob):
    cursor = alice.cursor()
    message = bob.send(alice, "hello")
    started_at = time.monotonic()
    reply = alice.poll(cursor, wait=50)
    assert time.monotonic() - started_at < 5
    [event] = reply["events"]
    assert event["message"] == message and not reply["more"]
    assert reply["from"] == cursor and reply["cursor"] != cursor


def test_a_waiting_poll_wakes_on_a_new_message(perch, alice, bob):
    cursor = alice.cursor()
    poll = waiting_poll(perch, alice, cursor)
    started_at = time.monotonic()
    message = bob.send(alice, "wake up")
    reply = good(poll.response())
    assert time.monotonic() - started_at < 3
    assert reply["from"] == cursor and reply["after_ms"] == 0
    events = events_of(alice, poll.response())
    assert [event["message"] for event in events] == [message]
    assert alice.cursor() == f"{cursor.split('-')[0]}-{events[0]['seq']}"


def test_a_poll_at_the_moment_of_a_send_never_waits_out(alice, bob):
    for number in range(40):
        cursor = alice.cursor()
        poll = poll_call(alice, cursor, wait=20)
        message = bob.send(alice, f"{number}")
        assert [event["message"]["id"] for event in events_of(alice, poll.response())] == [message["id"]]
        assert poll.took < 5


def test_every_kind_of_change_wakes_a_waiting_poll(perch, alice, bob):
    message = bob.send(alice, "hello")
    mine = alice.send(bob, "hi")
    changes = [
        (bob, "PATCH", f"/messages/{message['id']}", {"body": "edited"}, "message.edited"),
        (bob, "DELETE", f"/messages/{message['id']}", None, "message.deleted"),
        (bob, "PUT", f"/dialogs/{alice.id}/read", {"upto": mine["id"]}, "peer.read"),
        (alice, "PUT", f"/dialogs/{bob.id}/read", {"upto": message["id"]}, "dialog.read"),
        (alice, "PUT", f"/dialogs/{bob.id}/mute", {"until": "forever"}, "dialog.muted"),
        (alice, "PATCH", "/me", {"locale": "ru"}, "me.changed"),
    ]
    for client, method, path, body, kind in changes:
        poll = waiting_poll(perch, alice, alice.cursor())
        started_at = time.monotonic()
        response = client.request(method, path, json=body)
        assert response.status_code in (200, 204), response.text
        assert [event["type"] for event in events_of(alice, poll.response())] == [kind]
        assert time.monotonic() - started_at < 3


def test_events_come_in_order_without_holes_and_each_once(alice, bob):
    cursor = alice.cursor()
    ids = [bob.send(alice, f"{number}")["id"] for number in range(30)]
    events = log_from(alice, cursor)
    assert [event["message"]["id"] for event in events] == ids
    first = events[0]["seq"]
    assert [event["seq"] for event in events] == list(range(first, first + 30))
    middle = f"{cursor.split('-')[0]}-{events[9]['seq']}"
    assert log_from(alice, middle) == events[10:], "any position may be asked from again"


def test_a_batch_has_200_events_at_most_and_then_more(alice):
    cursor = alice.cursor()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in pool.map(
            lambda caller: [caller.send(alice, "x") for _ in range(115)], [twin(alice) for _ in range(4)]
        ):
            pass
    sizes, position = [], cursor
    while True:
        reply = alice.poll(position, wait=0)
        assert reply["from"] == position
        sizes.append((len(reply["events"]), reply["more"]))
        position = reply["cursor"]
        if not reply["more"]:
            break
    assert sizes == [(200, True), (200, True), (60, False)]
    seqs = [event["seq"] for event in log_from(alice, cursor)]
    assert seqs == list(range(seqs[0], seqs[0] + 460))


def test_a_batch_has_256_kib_at_most(alice):
    cursor = alice.cursor()
    for _ in range(40):
        alice.send(alice, "🦊" * 4096)
    position, got = cursor, 0
    while got < 40:
        response = alice.get("/events", params={"cursor": position, "wait": 0})
        assert len(response.content) <= 256 * 1024 + 1024
        reply = good(response)
        got += len(reply["events"])
        assert reply["events"] and reply["more"] == (got < 40)
        position = reply["cursor"]


def test_a_second_poll_of_the_same_tab_supersedes_the_first(perch, alice):
    cursor, tab = alice.cursor(), uuid.uuid4().hex
    first = waiting_poll(perch, alice, cursor, tab=tab)
    second = poll_call(alice, cursor, tab=tab)
    reply = good(first.response(timeout=10))
    assert reply == {
        "from": cursor,
        "cursor": cursor,
        "more": False,
        "after_ms": 1000,
        "events": [],
        "superseded": True,
    }
    message = alice.send(alice, "for the second one")
    assert [event["message"]["id"] for event in events_of(alice, second.response())] == [message["id"]]
    assert not good(second.response()).get("superseded")


def test_the_same_tab_name_of_another_person_disturbs_nobody(perch, alice, bob):
    first = waiting_poll(perch, alice, alice.cursor(), tab="tab")
    second = waiting_poll(perch, bob, bob.cursor(), tab="tab")
    bob.send(alice, "for both")
    for client, poll in ((alice, first), (bob, second)):
        assert [event["type"] for event in events_of(client, poll.response())] == ["message.new"]


@pytest.mark.parametrize("tabs", [("one", "two"), ("one", None), (None, None)])
def test_different_tabs_and_devices_all_get_the_event(perch, alice, bob, tabs):
    cursor = alice.cursor()
    device = alice.another_device(bearer=True)
    polls = [
        waiting_poll(perch, client, cursor, **({"tab": tab} if tab else {}))
        for client, tab in zip((alice, alice, device), (*tabs, "three"))
    ]
    message = bob.send(alice, "to every tab")
    for poll in polls:
        assert [event["message"] for event in events_of(alice, poll.response())] == [message]


def test_past_twenty_waiting_polls_the_oldest_is_answered(perch, alice):
    cursor = alice.cursor()
    polls = [waiting_poll(perch, alice, cursor, tab=f"tab-{number}") for number in range(20)]
    assert all(poll.is_alive() for poll in polls)
    polls.append(poll_call(alice, cursor, tab="tab-20"))
    reply = good(polls[0].response(timeout=10))
    assert reply["events"] == [] and reply["cursor"] == cursor and not reply["more"]
    assert all(poll.is_alive() for poll in polls[1:])
    message = alice.send(alice, "for the twenty")
    for poll in polls[1:]:
        assert [event["message"]["id"] for event in events_of(alice, poll.response())] == [message["id"]]


def test_a_browser_that_leaves_is_forgotten_and_the_next_poll_misses_nothing(perch, alice, bob):
    waiting_poll(perch, alice, alice.cursor(), wait=1).response()  # by now the hub has all its own connections
    cursor = alice.cursor()
    before = parked(perch)
    cookie = credentials_of(alice)["Cookie"]
    with socket.create_connection(("127.0.0.1", perch.port)) as browser:
        head = (
            f"GET /api/v1/events?cursor={cursor}&wait=50 HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
        )
        browser.sendall(head.encode())
        wait_for(lambda: parked(perch) > before, 10, "the hub to hold the poll")
    wait_for(lambda: parked(perch) <= before, 10, "the hub to forget the poll")
    message = bob.send(alice, "into the gap")
    assert [event["message"]["id"] for event in alice.poll(cursor)["events"]] == [message["id"]]


@pytest.mark.parametrize(
    "params",
    [
        {"wait": "-1"},
        {"wait": "51"},
        {"wait": "x"},
        {"wait": ""},
        {"wait": "1.5"},
        {"wait": "9" * 30},
        {"state": "away"},
        {"state": ""},
        {"tab": ""},
        {"tab": "x" * 37},
        {"tab": "я" * 19},
        {"tab": "a\0"},
        [("wait", "1"), ("wait", "1")],
        [("tab", "a"), ("tab", "a")],
        [("cursor", "a-1"), ("cursor", "a-1")],
        [("state", "idle"), ("state", "idle")],
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(alice, params):
    problem(alice.get("/events", params=params), 400, "bad_parameter")


@pytest.mark.parametrize("state", ["active", "idle"])
def test_state_and_the_longest_tab_are_taken(alice, state):
    good(
        alice.get(
            "/events", params={"cursor": alice.cursor(), "wait": 0, "state": state, "tab": str(uuid.uuid4())}
        )
    )
    good(alice.get("/events", params={"wait": 50, "state": state}))


GARBLED = [
    "",
    "x",
    "-",
    "1",
    "-1",
    "1-",
    "--1",
    "g-1",
    "1-x",
    "1--1",
    "1-1-1",
    "1-+1",
    "1-01",
    "1- 1",
    " 1-1",
    "1-1 ",
    "A-1",
    "1" * 17 + "-1",
    "1-" + "9" * 17,
    "1-9007199254740992",
    "1-1.0",
    "'; DROP TABLE perch.events; --",
    "x" * 5000,
    "🦊-1",
    "\x00",
    "a-1\x00",
]


@pytest.mark.parametrize("cursor", GARBLED, ids=lambda cursor: ascii(cursor[:16]))
def test_a_garbled_cursor_is_a_bad_cursor(alice, cursor):
    response = alice.get("/events", params={"cursor": cursor, "wait": 0})
    code = "bad_parameter" if "\x00" in cursor else "bad_cursor"
    problem(response, 400, code)


def reset(client, cursor, reason):
    document = problem(client.get("/events", params={"cursor": cursor, "wait": 20}), 410, "cursor_reset")
    assert document["reason"] == reason
    assert document["cursor"] == client.cursor()
    assert client.poll(document["cursor"], wait=0)["events"] == []


def test_a_cursor_of_another_epoch_is_reset(alice):
    epoch, seq = alice.cursor().split("-")
    other = f"{(int(epoch, 16) ^ 1):0{len(epoch)}x}"
    reset(alice, f"{other}-{seq}", "epoch")
    reset(alice, "f-0", "epoch")


def test_a_cursor_ahead_of_the_log_is_reset(alice, bob):
    bob.send(alice, "one")
    epoch, seq = alice.cursor().split("-")
    reset(alice, f"{epoch}-{int(seq) + 1}", "ahead")
    reset(alice, f"{epoch}-9007199254740991", "ahead")


def test_a_cursor_older_than_what_is_kept_is_reset(perch, alice):
    start = alice.cursor()
    for number in range(3):
        alice.send(alice, f"{number}")
    epoch, seq = start.split("-")
    with perch.db() as db:
        db.execute("DELETE FROM events WHERE user_id = %s AND seq <= %s", [alice.id, int(seq) + 2])
        db.execute("UPDATE mailboxes SET floor_seq = %s WHERE user_id = %s", [int(seq) + 2, alice.id])
    reset(alice, start, "expired")
    reset(alice, f"{epoch}-{int(seq) + 1}", "expired")
    [event] = log_from(alice, f"{epoch}-{int(seq) + 2}")
    assert event["seq"] == int(seq) + 3


def test_what_is_too_old_is_cleaned_away_and_nobody_who_waits_is_disturbed(perch, alice):
    """An old cursor is told so, a place to go on from stands beside it, and a poll at the end of the log waits on."""
    start = alice.cursor()
    for number in range(3):
        alice.send(alice, f"{number}")
    end = alice.cursor()
    poll = waiting_poll(perch, alice, end)
    with perch.db() as db:
        db.execute("UPDATE events SET at = at - interval '31 days' WHERE user_id = %s", [alice.id])
        db.execute("UPDATE cleaning SET upto_user = 0, ended_at = '-infinity'")
        while db.execute("SELECT clean(30)").fetchone()[0]:
            pass
    reset(alice, start, "expired")
    assert poll.is_alive()
    sent = alice.send(alice, "news")
    assert [event["message"]["id"] for event in good(poll.response())["events"]] == [sent["id"]]
    assert [message["body"] for message in whole_history(alice, alice)] == ["0", "1", "2", "news"]


def test_a_cursor_of_somebody_elses_log_tells_nothing_of_it(alice, bob, carol):
    for number in range(5):
        bob.send(carol, f"private {number}")
    cursor = bob.cursor()
    response = alice.get("/events", params={"cursor": cursor, "wait": 0})
    assert problem(response, 410, "cursor_reset")["reason"] == "ahead"
