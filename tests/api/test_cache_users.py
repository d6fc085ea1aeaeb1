"""The kept list of people shows what a list made anew shows: who has come, gone or changed a name, and who is online."""

import threading
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perchtest import Instance, wait_for
from perchtest.api import good, pages, twin
from perchtest.presence import leases_believe, online, poll_once

# Where the whole list begins; a page after something is never kept.
BEGINNING = {"name": "AQ", "-created": "9007199254740991"}
SORTS = tuple(BEGINNING)
LIMITS = (1, 3, 50, 100)


def page(person, sort="-created", limit=50, **more):
    return good(person.get("/users", params={"sort": sort, "limit": limit, **more}))


def lasting(reply):
    """Without the time that a kept list may show some seconds late, and without who is online, which no list keeps and
    which is guessed where Redis takes longer than its budget, as on a machine that is very busy."""
    return [{**row, "last_seen_at": None, "online": None} for row in reply["users"]], reply["next"]


def assert_true(person, sort, limit):
    """As it was kept, and as it is kept now."""
    fresh = lasting(page(person, sort, limit, after=BEGINNING[sort]))
    assert person.id not in [row["id"] for row in fresh[0]]
    assert lasting(page(person, sort, limit)) == fresh
    assert lasting(page(person, sort, limit)) == fresh


def keys(perch, part="ul:*"):
    prefix = perch.env.get("PERCH_REDIS_PREFIX", "perch:")
    with perch.redis() as redis:
        return list(redis.scan_iter(prefix + part, count=1000))


def forget(perch):
    with perch.redis() as redis:
        for key in (*keys(perch), *keys(perch, "users")):
            redis.delete(key)


def kept_key(perch, person, **what):
    """The key of the one list that is kept after the person has asked for it."""
    forget(perch)
    page(person, **what)  # gives the version
    page(person, **what)  # is kept
    [key] = keys(perch)
    return key


def newcomer(perch):
    """Somebody who stands in front by either order."""
    client = perch.client()
    client.register(f"00 {uuid.uuid4().hex[:12]}")
    return client


STEP = st.tuples(st.sampled_from(["register", "rename", "rename", "delete", "log out", "forget", "look"]),
                 st.integers(0, 3), st.sampled_from(SORTS), st.sampled_from(LIMITS))


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=1, max_size=14))
def test_after_any_history_a_kept_list_equals_a_fresh_one(perch, steps):
    people = [newcomer(perch) for _ in range(4)]
    for what, which, sort, limit in steps:
        person, other = people[which], people[which - 1]
        page(person, sort, limit)  # is kept from here on
        if what == "register":
            people[which] = newcomer(perch)
        elif what == "rename":
            good(person.patch("/me", {"display_name": uuid.uuid4().hex}))
        elif what == "delete":
            good(person.delete("/me", {"password": person.password}), 204)
            assert_true(other, sort, limit)  # before anything else changes the list
            people[which] = newcomer(perch)
        elif what == "log out":
            good(person.delete("/sessions/current"), 204)
            person.login(person.username, person.password)
        elif what == "forget":
            forget(perch)
        assert_true(people[which], sort, limit)
        assert_true(other, sort, limit)
    for person in people:
        for sort in SORTS:
            for limit in LIMITS:
                assert_true(person, sort, limit)


def test_whoever_has_come_is_seen_at_once_however_many_look_meanwhile(perch, alice):
    """Readers fill the list all the time, from before and after each registration, in all workers."""
    done, troubles = threading.Event(), []

    def look(reader):
        try:
            while not done.is_set():
                page(reader, limit=3)
        except Exception as error:
            troubles.append(error)

    readers = [threading.Thread(target=look, args=(twin(alice),)) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(15):
            person = newcomer(perch)
            assert page(alice, limit=3)["users"][0]["id"] == person.id
            name = uuid.uuid4().hex
            good(person.patch("/me", {"display_name": name}))
            assert page(alice, limit=3)["users"][0]["display_name"] == name
    finally:
        done.set()
        for reader in readers:
            reader.join(30)
    assert not troubles


def test_whoever_has_gone_is_not_seen_again(perch, alice):
    for _ in range(5):
        person = newcomer(perch)
        assert page(alice)["users"][0]["id"] == person.id
        good(person.delete("/me", {"password": person.password}), 204)
        assert page(alice)["users"][0]["id"] != person.id


@pytest.mark.parametrize("sort", SORTS)
def test_next_goes_on_behind_a_kept_page(perch, sort):
    people = [newcomer(perch) for _ in range(5)]
    ids = [person.id for person in sorted(people, key=lambda person: person.username if sort == "name" else -person.id)]
    for person in people:
        page(person, sort, 2)
        wanted, found = [user for user in ids if user != person.id], []
        for part in pages(person, "/users", "users", sort=sort, limit=2):
            found += [row["id"] for row in part]
            if set(wanted) <= set(found):
                break
        assert [user for user in found if user in ids] == wanted
        assert len(set(found)) == len(found)


@pytest.fixture(scope="module")
def site():
    """An instance of its own, with few people, whose leases count from the start."""
    instance = Instance(WORKERS=3, AUTH_WORKERS=1).start()
    leases_believe(instance)
    yield instance
    instance.stop()


def test_the_end_of_the_list_is_known_with_and_without_the_caller(site):
    people = [site.person("one") for _ in range(3)]
    count = len(site.sql("SELECT id FROM perch.users WHERE deleted_at IS NULL")) - 1
    for limit in range(max(1, count - 2), count + 3):
        for person in people:
            for _ in range(2):
                reply = page(person, limit=limit)
                assert len(reply["users"]) == min(limit, count)
                assert (reply["next"] is None) == (limit >= count)


def test_a_kept_list_tells_who_is_online_now(site):
    ann, ben = site.person("ann"), site.person("ben")
    key = kept_key(site, ann)

    def shown():
        [row] = [row for row in page(ann)["users"] if row["id"] == ben.id]
        return row["online"]

    with site.redis() as redis:
        assert not shown()
        before = redis.get(key)
        redis.persist(key)
        poll_once(ben, "tab")
        wait_for(lambda: online(ann, ben), 5, "ben to be online")
        assert shown() and redis.get(key) == before
        good(ben.request("POST", "/presence/bye", json={"tab": "tab"}), 204)
        wait_for(lambda: not online(ann, ben), 5, "ben to be gone")
        assert not shown() and redis.get(key) == before
        redis.delete(key)


def test_a_kept_list_lives_for_seconds_only(perch, alice, bob):
    key = kept_key(perch, alice)
    with perch.redis() as redis:
        assert 0 < redis.ttl(key) <= 10
        redis.expire(key, 5)
        page(bob)
        assert redis.ttl(key) <= 5  # use does not renew it


def test_what_is_kept_is_what_is_given_to_everybody(perch, alice, bob):
    """Otherwise nothing here proves anything."""
    key = kept_key(perch, alice)
    with perch.redis() as redis:
        redis.set(key, redis.get(key).replace(b'"username":"bob-', b'"username":"bab-'), ex=10)
        assert [row for row in page(alice)["users"] if row["id"] == bob.id][0]["username"].startswith("bab-")
        assert bob.id not in [row["id"] for row in page(bob)["users"]]
        good(bob.patch("/me", {"display_name": "Bob"}))
        assert [row for row in page(alice)["users"] if row["id"] == bob.id][0]["username"].startswith("bob-")


def test_a_list_from_before_a_change_counts_no_more(perch, alice):
    """A slow fill puts it there afterwards."""
    key = kept_key(perch, alice)
    with perch.redis() as redis:
        old = redis.get(key)
        person = newcomer(perch)
        redis.set(key, old, ex=10)
        assert page(alice)["users"][0]["id"] == person.id


def test_only_the_first_page_of_everybody_is_kept(perch, alice):
    for params in ({"q": ""}, {"q": "a"}, {"sort": "-seen"}, {"after": "AQ"}, {"sort": "-created", "after": "77"}):
        forget(perch)
        for _ in range(2):
            good(alice.get("/users", params=params))
        assert keys(perch) == [], params


def test_rubbish_in_redis_is_not_shown(perch, alice, bob):
    key = kept_key(perch, alice)
    whole = lasting(page(alice))
    with perch.redis() as redis:
        version = redis.get(key).partition(b"\n")[0]
        for rubbish in (b"", b"no line", b"1\ta\tb\tc", b"x\ta\tb\tc\n", b"1\ta\tb\n", b"0\ta\tb\tc\n", b"\0\n",
                        b"1" * 30 + b"\ta\tb\tc\n", b"1\ta\tb\tc\n" * 200, b"x" * 100000):
            for value in (version + b"\n" + rubbish, rubbish):
                redis.set(key, value, ex=10)
                assert lasting(page(alice)) == whole, value[:40]
        [counter] = keys(perch, "users")
        for make in (lambda: redis.set(counter, b"\n\0\n"), lambda: redis.set(counter, b""),
                     lambda: redis.delete(counter), lambda: redis.lpush(counter, b"x")):
            redis.delete(counter)
            make()
            for _ in range(3):
                assert lasting(page(alice)) == whole
        redis.delete(counter)


def test_without_the_cache_nothing_is_kept_but_others_are_told(perch_factory):
    perch = perch_factory(CACHE=0, WORKERS=1, AUTH_WORKERS=1)
    one, other = perch.person("one"), perch.person("two")
    for _ in range(2):
        assert page(one)["users"][0]["id"] == other.id
    assert keys(perch) == [] and len(keys(perch, "users")) == 1
