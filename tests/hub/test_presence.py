"""Presence in time: who is shown online, and what partners hear, while connections, sessions, hubs and Redis go."""

import http.client
import os
import signal
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from hub.tree import Tree
from perchtest import Instance, wait_for
from perchtest.api import credentials_of, good
from perchtest.client import API
from perchtest.presence import Device, followed, leases_believe, leases_settle, online, poll_once, presence_of

GRACE_S = 8
SLACK_S = 2.5  # for the announcement, and a busy machine


@pytest.fixture(scope="module")
def site():
    """An instance whose leases count from the start."""
    instance = Instance(WORKERS=3, AUTH_WORKERS=1).start()
    leases_believe(instance)
    leases_settle(instance)
    yield instance
    instance.stop()


@pytest.fixture
def pair(site):
    """ann looks, ben comes and goes; they have a dialog."""
    ann, ben = site.person("ann"), site.person("ben")
    ann.send(ben, "hello")
    return ann, ben


def gone(looker, person, within, what):
    """Waits until the person is offline; how long it took."""
    start = time.monotonic()
    wait_for(lambda: not online(looker, person), within, what)
    return time.monotonic() - start


def nobody_offline(looker, people, seconds, devices=()):
    """For so long everybody is shown online, and nobody hears anything else."""
    end = time.monotonic() + seconds
    ids = {person.id for person in people}
    while time.monotonic() < end:
        shown = {id for id, row in presence_of(looker, *people).items() if row["online"]}
        assert shown == ids
        for device in devices:
            assert [event for _, event in device.events if event["type"] == "presence" and not event["online"]] == []
        time.sleep(0.1)


def test_partners_hear_who_comes_and_goes_and_strangers_do_not(site, pair):
    ann, ben = pair
    stranger = site.person("stranger")
    with Device(ann) as hears, Device(stranger, "strange") as other:
        followed(site, ann)
        followed(site, stranger)
        with Device(ben, state="active"):
            wait_for(lambda: hears.last(ben).get("online"), SLACK_S, "ann to hear of ben")
            assert hears.last(ben)["active"]
            came_at = hears.about(ben)[0][0]
        wait_for(lambda: hears.last(ben).get("online") is False, GRACE_S + 10, "ann to hear that ben has left")
        (left_at, event) = hears.about(ben)[-1]
        assert left_at - came_at > 9.5  # at most every 10 seconds
        assert presence_of(ann, ben)[ben.id]["last_seen_at"] == event["last_seen_at"]
        assert other.events == []


def test_a_lost_connection_has_a_grace_and_then_its_person_was_last_seen_there(site, pair):
    ann, ben = pair
    device = Device(ben)
    with device:
        wait_for(lambda: online(ann, ben), 5, "ben to be online")
    took = gone(ann, ben, GRACE_S + SLACK_S, "the grace to end")
    assert took > GRACE_S - 1.5
    wait_for(lambda: presence_of(ann, ben)[ben.id]["last_seen_at"], 5, "a time")
    [(age,)] = site.sql("SELECT extract(epoch FROM clock_timestamp() - last_seen_at)::float FROM users WHERE id = %s",
                        ben.id)
    assert GRACE_S - 1.5 < age < GRACE_S + SLACK_S + 3


def test_one_of_two_tabs_leaving_changes_nothing(site, pair):
    ann, ben = pair
    with Device(ann) as hears, Device(ben, "one"):
        followed(site, ann)
        wait_for(lambda: online(ann, ben), 5, "ben to be online")
        with Device(ben, "two", wait=3):
            pass
        good(ben.post("/presence/bye", {"tab": "two"}), 204)
        nobody_offline(ann, [ben], GRACE_S + SLACK_S, [hears])


def test_an_older_polls_end_does_not_cut_the_newer_ones_lease(pair):
    ann, ben = pair
    with Device(ben, wait=50):
        wait_for(lambda: online(ann, ben), 5, "ben to be online")
    with Device(ben, wait=50):
        nobody_offline(ann, [ben], GRACE_S + SLACK_S)


def test_a_device_that_dies_without_a_word_is_gone_after_its_wait_and_the_grace(site, pair):
    ann, ben = pair
    wait_s, start = 3, time.monotonic()
    # Nobody reads the reply and nobody asks again, but nothing is closed either.
    with closing(http.client.HTTPConnection(urllib.parse.urlsplit(ben.url).netloc)) as connection:
        connection.request("GET", f"{API}/events?tab=t&wait={wait_s}&cursor={ben.cursor()}", headers=credentials_of(ben))
        wait_for(lambda: online(ann, ben), SLACK_S, "ben to be online")
        gone(ann, ben, wait_s + GRACE_S + SLACK_S, "the lease to lapse")
        assert wait_s + GRACE_S - 2 < time.monotonic() - start < wait_s + GRACE_S + SLACK_S


@pytest.mark.parametrize("how", ["log-out", "from elsewhere", "password", "bye"])
def test_who_says_so_is_gone_at_once(pair, how):
    ann, ben = pair
    other = ben.another_device()
    with Device(ben, "tab"):
        wait_for(lambda: online(ann, ben), 5, "ben to be online")
        if how == "log-out":
            good(ben.delete("/sessions/current"), 204)
        elif how == "from elsewhere":
            good(other.delete("/sessions"), 204)
        elif how == "password":
            good(other.put("/me/password", {"current": ben.password, "new": "another horse"}), 204)
        else:
            good(ben.post("/presence/bye", {"tab": "tab"}), 204)
        assert gone(ann, ben, SLACK_S, "ben to be offline") < 1


def test_a_log_out_is_heard_soon_by_who_heard_nothing_lately(site, pair):
    ann, ben = pair
    with Device(ben):
        wait_for(lambda: online(ann, ben), 5, "ben to be online")
        time.sleep(6)  # what changes within 5 seconds is told together
        with Device(ann) as hears:
            followed(site, ann)
            good(ben.delete("/sessions/current"), 204)
            wait_for(lambda: hears.last(ben).get("online") is False, SLACK_S, "ann to hear of it")


def test_idle_and_active_wake_nobody_and_come_along(site, pair):
    ann, ben = pair
    with Device(ann, wait=5) as hears:
        followed(site, ann)
        poll_once(ben, "t", state="idle")
        wait_for(lambda: hears.last(ben).get("active") is False, 5, "ann to hear of ben")
    with ThreadPoolExecutor(1) as meanwhile, Device(ben, "t", wait=5, state="active"):
        waiting = meanwhile.submit(ann.poll, ann.cursor(), wait=30, tab="other")
        wait_for(lambda: site.redis().hget(f"perch:l:{ben.id}", "told") in (b"a", "a"), 15, "the news to be told")
        # Nor later: what is urgent wakes her 10 seconds after she was woken last.
        with pytest.raises(TimeoutError):
            waiting.result(hears.about(ben)[-1][0] + 10 + SLACK_S - time.monotonic())
        ben.send(ann, "what ends the poll")
        events = waiting.result(SLACK_S)["events"]
        assert [event["type"] for event in events if "seq" in event] == ["message.new"]
        assert [event["active"] for event in events if event["type"] == "presence" and event["id"] == ben.id] == [True]


# Processes and Redis go away.


@pytest.fixture(scope="module")
def tough_site():
    instance = Instance(WORKERS=3, AUTH_WORKERS=1).start()
    yield instance
    instance.stop()


@pytest.fixture
def crew(tough_site):
    """ann hears what becomes of ben and cat, who poll on and on; leases count."""
    tree = Tree(tough_site)
    wait_for(lambda: len(tree.pids("worker")) == 3 and len(tree.pids("hub")) == 1, 20, "the pool to be whole")
    wait_for(tough_site.ready, 20, "all to answer")
    leases_believe(tough_site)
    ann, ben, cat = (tough_site.person(name) for name in ("ann", "ben", "cat"))
    for person in (ben, cat):
        ann.send(person, "hello")
    with Device(ann, "looks", wait=5) as hears:
        followed(tough_site, ann)
        with Device(ben, wait=2, state="active"), Device(cat, wait=30):
            wait_for(lambda: hears.last(ben).get("online") and hears.last(cat).get("online"), 20, "all to be there")
            yield tough_site, ann, (ben, cat), (hears,)


def test_a_killed_hub_makes_nobody_offline(crew):
    site, ann, people, hears = crew
    tree = Tree(site)
    for _ in range(2):
        tree.kill(tree.hub)
        nobody_offline(ann, people, 3, hears)
    nobody_offline(ann, people, GRACE_S, hears)


def test_rolling_over_makes_nobody_offline(crew):
    site, ann, people, hears = crew
    os.kill(site.service("perch-fcgi").pid, signal.SIGHUP)
    nobody_offline(ann, people, GRACE_S + 4, hears)


@pytest.mark.parametrize("how", ["flush", "kill", "pause", "restart with old memory"])
def test_a_redis_that_loses_or_misses_something_makes_nobody_offline(crew, how):
    site, ann, people, hears = crew
    redis = site.service("redis")
    if how == "flush":
        site.redis().flushall()
        nobody_offline(ann, people, 1, hears)
    elif how == "kill":
        redis.stop(9)
        nobody_offline(ann, people, GRACE_S + 4, hears)
        redis.start()
    elif how == "pause":
        redis.pause()
        try:
            nobody_offline(ann, people, GRACE_S + 4, hears)
        finally:
            redis.resume()
    else:
        old = {key: site.redis().dump(key) for key in site.redis().keys("perch:*")}
        redis.stop(9)
        time.sleep(GRACE_S)
        redis.start()
        for key, value in old.items():
            site.redis().restore(key, 0, value, replace=True)
    nobody_offline(ann, people, 3, hears)
    leases_believe(site)
    nobody_offline(ann, people, GRACE_S, hears)


def test_a_host_that_dies_takes_only_those_along_who_are_gone_with_it(perch_factory):
    site = perch_factory(HOSTS=2, WORKERS=2, AUTH_WORKERS=1)
    leases_believe(site)
    ann, *people = (site.person(name) for name in ("ann", "ben", "cat", "dan", "eva"))
    for person in people:
        ann.send(person, "hello")
    devices = [Device(person, wait=3) for person in people]
    with Device(ann, "looks", wait=3) as hears, devices[0], devices[1], devices[2], devices[3]:
        wait_for(lambda: all(row["online"] for row in presence_of(ann, *people).values()), 10, "all to be online")
        site.service("perch-fcgi-2").signal(signal.SIGKILL)
        for device in devices[2:]:
            device.leave()
        nobody_offline(ann, people[:2], 3 + GRACE_S + SLACK_S)
        assert not any(row["online"] for row in presence_of(ann, *people[2:]).values())
        for person in people[2:]:
            wait_for(lambda who=person: hears.last(who).get("online") is False, 10 + SLACK_S, "ann to hear of it")
            wait_for(lambda who=person: not site.redis().exists(f"perch:l:{who.id}"), SLACK_S, "the lease to be gone")
        left = {int(entry.split(b":")[0]) for entry in site.redis().zrange("perch:leases", 0, -1)}
        assert left == {person.id for person in (ann, *people[:2])}
