"""What Redis keeps of answers is never seen to be kept: cached and fresh answers are equal, whatever happened."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perchtest.api import good

# As good as none, and no question for the newest page: such a page is never kept.
FRESH = 9007199254740990
LIMITS = (1, 3, 50)


def page(person, peer, limit, **more):
    return good(person.get(f"/dialogs/{peer.id}/messages", params={"limit": limit, **more}))


def kept(perch, one, other):
    """The keys of what is kept of a dialog, in both its directions."""
    prefix = perch.env.get("PERCH_REDIS_PREFIX", "perch:")
    with perch.redis() as redis:
        keys = [f"{prefix}h:{user.id}:{peer.id}" for user, peer in ((one, other), (other, one))]
        return [key for key in keys if redis.exists(key)]


def assert_true_everywhere(*people):
    """Twice: as it was kept, and as it is kept now."""
    for person in people:
        for peer in people:
            for limit in LIMITS:
                fresh = page(person, peer, limit, before=FRESH)
                assert page(person, peer, limit) == fresh
                assert page(person, peer, limit) == fresh


STEP = st.tuples(
    st.sampled_from(["send", "send", "send", "edit", "delete", "read", "mute", "forget"]),
    st.integers(0, 2), st.integers(0, 2), st.integers(0, 10**6))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=1, max_size=16))
def test_after_any_history_a_kept_page_equals_a_fresh_one(perch, steps):
    people = [perch.person(name) for name in ("alice", "bob", "carol")]
    sent = {person.id: [] for person in people}
    for what, one, other, number in steps:
        person, peer, mine = people[one], people[other], sent[people[one].id]
        page(person, peer, LIMITS[number % 3])  # is kept from here on
        page(peer, person, LIMITS[number % 3])
        if what == "send":
            mine.append(person.send(peer, f"text {number}")["id"])
        elif what == "edit" and mine:
            person.patch(f"/messages/{mine[number % len(mine)]}", {"body": f"other {number}"})
        elif what == "delete" and mine:
            person.delete(f"/messages/{mine[number % len(mine)]}")
        elif what == "read" and mine:
            person.put(f"/dialogs/{peer.id}/read", {"upto": mine[-1]})
        elif what == "mute":
            person.put(f"/dialogs/{peer.id}/mute", {"until": "forever"})
        elif what == "forget":
            with perch.redis() as redis:
                for key in kept(perch, person, peer):
                    redis.delete(key)
        for limit in LIMITS:
            assert page(person, peer, limit) == page(person, peer, limit, before=FRESH)
            assert page(peer, person, limit) == page(peer, person, limit, before=FRESH)
    assert_true_everywhere(*people)


def test_the_newest_page_is_kept_for_half_an_hour_and_renewed_by_use(perch, alice, bob):
    alice.send(bob, "hello")
    first = page(bob, alice, 50)
    [key] = kept(perch, alice, bob)
    with perch.redis() as redis:
        assert 1700 < redis.ttl(key) <= 1800
        redis.expire(key, 10)
        assert page(bob, alice, 50) == first
        assert 1700 < redis.ttl(key) <= 1800


def test_what_is_kept_is_what_is_given(perch, alice, bob):
    """Otherwise nothing here proves anything: a kept text under the right version is taken as it is."""
    alice.send(bob, "hello")
    page(bob, alice, 50)
    [key] = kept(perch, alice, bob)
    with perch.redis() as redis:
        redis.set(key, redis.get(key).replace(b"hello", b"olleh"))
        assert page(bob, alice, 50)["messages"][0]["body"] == "olleh"
        assert page(bob, alice, 50, before=FRESH)["messages"][0]["body"] == "hello"
        alice.send(bob, "again")
        assert [message["body"] for message in page(bob, alice, 50)["messages"]] == ["hello", "again"]


def test_a_page_kept_before_a_change_is_never_shown_again(perch, alice, bob):
    """A slow fill, or a Redis that comes back with yesterday's memory, puts the old page there after the change."""
    message = alice.send(bob, "first")
    page(bob, alice, 50)
    [key] = kept(perch, alice, bob)
    with perch.redis() as redis:
        old = redis.get(key)
        alice.patch(f"/messages/{message['id']}", {"body": "second"})
        redis.set(key, old)
        assert page(bob, alice, 50)["messages"][0]["body"] == "second"
        redis.set(key, old)
        alice.delete(f"/messages/{message['id']}")
        assert page(bob, alice, 50)["messages"][0]["body"] is None


def test_rubbish_in_redis_is_not_shown(perch, alice, bob):
    alice.send(bob, "hello")
    whole = page(bob, alice, 50)
    [key] = kept(perch, alice, bob)
    with perch.redis() as redis:
        for rubbish in (b"", b"\n", b"no line", b"\n{}", b"x" * 100000, b"1-1\n{}", b"\0\n\0"):
            redis.set(key, rubbish)
            assert page(bob, alice, 50) == whole, rubbish[:10]
            assert page(bob, alice, 50) == whole, rubbish[:10]


def test_asking_for_odd_pages_fills_nothing(perch, alice, bob, carol):
    alice.send(bob, "hello")
    for limit in (1, 49, 51, 100):
        page(bob, alice, limit)
    page(bob, alice, 50, before=FRESH)
    page(carol, alice, 50)
    assert kept(perch, alice, bob) == kept(perch, alice, carol) == []


def test_a_very_long_page_is_not_kept(perch, alice, bob):
    for number in range(20):
        alice.send(bob, random.choice("äöü") * 4000 + str(number))
    assert len(page(bob, alice, 50)["messages"]) == 20
    assert kept(perch, alice, bob) == []
