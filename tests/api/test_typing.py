"""Typing: told to the peer of a dialog at most every 3 seconds, kept nowhere."""

import time

import pytest

from perchtest import Instance
from perchtest.api import Call, at_once, followed_poll, good, problem, twin

EVERY_S = 3


def typing(client, peer):
    return client.request("POST", f"/dialogs/{getattr(peer, 'id', peer)}/typing")


def heard_by(perch, client, act, wait=1):
    """The passing events that reached a waiting poll of this person before or just after `act`."""
    poll = followed_poll(perch, client, client.cursor(), wait=wait)
    act()
    return [event for event in good(poll.response())["events"] if "seq" not in event]


@pytest.fixture
def pair(alice, bob):
    bob.send(alice, "hello")
    return alice, bob


def test_the_peer_is_told_who_types(perch, pair):
    alice, bob = pair
    heard = heard_by(perch, bob, lambda: good(typing(alice, bob), 204), wait=20)
    assert heard == [{"type": "typing", "peer_id": alice.id}]


def test_typing_is_in_no_log(pair):
    alice, bob = pair
    cursors = alice.cursor(), bob.cursor()
    good(typing(alice, bob), 204)
    assert (alice.cursor(), bob.cursor()) == cursors


def test_however_often_one_says_so_the_peer_hears_it_every_3_seconds_from_any_worker(perch, pair):
    alice, bob = pair
    start = time.monotonic()
    heard = []
    poll = followed_poll(perch, bob, bob.cursor(), wait=20)
    while len(heard) < 3:
        callers = [twin(alice) for _ in range(4)]
        at_once(*[lambda caller=caller: good(typing(caller, bob), 204) for caller in callers])
        if not poll.is_alive():
            [event] = good(poll.response())["events"]
            assert event == {"type": "typing", "peer_id": alice.id}
            heard.append(time.monotonic())
            poll = Call(bob, "GET", "/events", params={"cursor": bob.cursor(), "wait": 20})
        time.sleep(0.05)
        assert time.monotonic() - start < 30, heard
    assert all(later - earlier > EVERY_S - 0.3 for earlier, later in zip(heard, heard[1:])), heard
    alice.send(bob, "ends the last poll")
    poll.response()


@pytest.fixture(scope="module")
def one_worker():
    instance = Instance(WORKERS=1, AUTH_WORKERS=1).start()
    yield instance
    instance.stop()


def test_a_worker_that_told_nobody_may_tell_the_next_moment(one_worker):
    """Else the peer waits up to twice as long for somebody whose words reach one worker and then another."""
    alice, bob = one_worker.person("alice"), one_worker.person("bob")
    bob.send(alice, "hello")
    good(typing(alice, bob), 204)  # nobody hears it: Bob was never there
    poll = followed_poll(one_worker, bob, bob.cursor(), wait=20)
    key = f"{one_worker.env.get('PERCH_REDIS_PREFIX', 'perch:')}t:{alice.id}:{bob.id}"
    assert one_worker.redis().set(key, "", px=60_000, nx=True)  # another worker tells it
    good(typing(alice, bob), 204)
    one_worker.redis().delete(key)
    good(typing(alice, bob), 204)
    assert good(poll.response())["events"] == [{"type": "typing", "peer_id": alice.id}]


def test_both_directions_are_counted_apart(perch, pair):
    alice, bob = pair
    good(typing(alice, bob), 204)
    heard = heard_by(perch, alice, lambda: good(typing(bob, alice), 204), wait=20)
    assert heard == [{"type": "typing", "peer_id": bob.id}]


def test_somebody_without_a_dialog_and_oneself_are_told_nothing(perch, alice, bob):
    assert heard_by(perch, bob, lambda: good(typing(alice, bob), 204)) == []
    alice.send(alice, "a note")
    assert heard_by(perch, alice, lambda: good(typing(alice, alice), 204)) == []


def test_unknown_and_deleted_people_are_not_found(perch, pair):
    alice, bob = pair
    problem(typing(alice, 9007199254740991), 404, "not_found")
    bob.delete("/me", {"password": bob.password})
    problem(typing(alice, bob), 404, "not_found")


@pytest.fixture(scope="module")
def without_redis():
    instance = Instance(WORKERS=1, AUTH_WORKERS=1).start()
    instance.service("redis").stop()
    yield instance
    instance.stop()


def test_without_redis_typing_reaches_the_own_hosts_waiting_polls_just_as_seldom(without_redis):
    alice, bob = without_redis.person("alice"), without_redis.person("bob")
    bob.send(alice, "hello")
    poll = Call(bob, "GET", "/events", params={"cursor": bob.cursor(), "wait": 20})
    heard = []
    start = time.monotonic()
    while len(heard) < 2:
        good(typing(alice, bob), 204)
        if not poll.is_alive():
            heard += good(poll.response())["events"]
            poll = Call(bob, "GET", "/events", params={"cursor": bob.cursor(), "wait": 20})
        time.sleep(0.25)  # without Redis a worker allows a quarter of the throttle
        assert time.monotonic() - start < 30, heard
    assert heard == [{"type": "typing", "peer_id": alice.id}] * 2
    assert time.monotonic() - start > EVERY_S - 0.3
    alice.send(bob, "ends the last poll")
    poll.response()
