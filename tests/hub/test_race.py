"""Things that happen at the very moment a poll is handed over."""

import asyncio
import random
import time

import pytest

from hub.tree import Tree
from perchtest.crowd import crowd, more_sessions
from perchtest.wire import Wire

TRIES = 10_000
PAIRS = 20
# A wake-up that was missed is found by the hub's sweep, within 5 s. What is not missed takes milliseconds, so of
# several missed ones some would take longer than this.
MISSED_S = 2.0


async def try_once(random_source, sender, poller, cursor, recipient):
    """A poll and a send at the same moment, either first. (seconds until the poll's reply, reply)"""
    lead = random_source.uniform(-0.002, 0.002)
    started_at = time.monotonic()

    async def poll():
        await asyncio.sleep(max(0, -lead))
        return await poller.news(cursor, wait=20)

    async def send():
        await asyncio.sleep(max(0, lead))
        return await sender.message(recipient)

    polled = asyncio.create_task(poll())
    message = await send()
    reply = await polled
    assert [event["message"]["id"] for event in reply["events"]] == [message["id"]], reply
    return time.monotonic() - started_at, reply


def run_pairs(function):
    """Runs function(seed, sender, poller) for PAIRS pairs side by side; everything they return."""
    async def everybody():
        return await asyncio.gather(*[function(i) for i in range(PAIRS)])

    return [row for rows in asyncio.run(everybody()) for row in rows]


@pytest.mark.slow
def test_a_poll_at_the_very_moment_of_a_send_never_waits_out(pool):
    """10,000 tries: half with people the hub follows already, half with people it has never seen."""
    pairs, fresh = crowd(pool, PAIRS * 2), crowd(pool, TRIES // 2)
    # Where a log without any event stands.
    [[epoch]] = pool.sql("SELECT perch.epoch_check()")

    async def pair(i):
        source, took = random.Random(i), []
        async with Wire(pool, pairs[2 * i]) as sender, Wire(pool, pairs[2 * i + 1]) as poller:
            cursor = await poller.cursor()
            for _ in range(TRIES // 2 // PAIRS):
                seconds, reply = await try_once(source, sender, poller, cursor, poller.member.id)
                cursor = reply["cursor"]
                took.append(("followed", seconds))
            for member in fresh[i::PAIRS]:
                poller.token = member.token
                seconds, _ = await try_once(source, sender, poller, f"{epoch}-0", member.id)
                took.append(("new", seconds))
        return took

    took = run_pairs(pair)
    assert len(took) == TRIES
    late = [row for row in took if row[1] >= MISSED_S]
    assert late == [], f"{len(late)} of {TRIES} polls missed their wake-up"


def test_a_log_out_at_the_very_moment_of_a_poll_leaves_no_dead_session_waiting(pool):
    people = crowd(pool, PAIRS)
    tries = 25

    async def pair(i):
        source, found = random.Random(i), []
        for session in more_sessions(pool, people[i].id, tries):
            async with Wire(pool, session) as poller, Wire(pool, session) as other:
                cursor = await other.cursor()
                polled = asyncio.create_task(poller.request("GET", f"/events?cursor={cursor}&wait=20"))
                await asyncio.sleep(source.uniform(0, 0.003))
                ended = await other.request("DELETE", "/sessions/current")
                assert ended.status == 204, ended
                ended_at = time.monotonic()
                reply = await polled
                found.append((reply.status, time.monotonic() - ended_at))
        return found

    found = run_pairs(pair)
    assert {status for status, _ in found} == {401}
    assert max(seconds for _, seconds in found) < 1.5, sorted(found)[-5:]


def end_current(wire, _):
    return wire.request("DELETE", "/sessions/current")


def end_from_elsewhere(wire, session):
    return wire.request("DELETE", f"/sessions/{session.session}")


def end_all_others(wire, _):
    return wire.request("DELETE", "/sessions")


@pytest.mark.parametrize("end", [end_current, end_from_elsewhere, end_all_others])
def test_the_waiting_poll_of_an_ended_session_answers_401_within_a_second(pool, end):
    async def scenario():
        tree = Tree(pool)
        [member] = crowd(pool, 1)
        [second] = more_sessions(pool, member.id, 1)
        base = tree.hub_polls()
        async with Wire(pool, second) as poller, Wire(pool, member) as bystander, \
                Wire(pool, second if end is end_current else member) as other:
            cursor = await poller.cursor()
            polled = asyncio.create_task(poller.request("GET", f"/events?cursor={cursor}&wait=30"))
            stays = asyncio.create_task(bystander.poll(cursor, wait=2))
            await tree.parked(2, base)
            assert (await end(other, second)).status == 204
            ended_at = time.monotonic()
            reply = await polled
            took = time.monotonic() - ended_at
            assert (reply.status, reply.json["code"]) == (401, "unauthorized"), reply
            assert took < 1, took
            # The other session of the same person waits on undisturbed.
            assert (await stays)["events"] == []

    asyncio.run(scenario())


@pytest.mark.parametrize("method, path, body", [
    ("PUT", "/me/password", {"current": "correct horse", "new": "other horse"}),
    ("DELETE", "/me", {"password": "correct horse"}),
])
def test_a_password_change_or_account_deletion_ends_the_waiting_polls_of_other_devices(pool, method, path, body):
    async def scenario():
        tree = Tree(pool)
        person = pool.person("ended", bearer=True)
        [other] = more_sessions(pool, person.id, 1)
        base = tree.hub_polls()
        async with Wire(pool, other) as poller:
            cursor = await poller.cursor()
            polled = asyncio.create_task(poller.request("GET", f"/events?cursor={cursor}&wait=30"))
            await tree.parked(1, base)
            response = person.request(method, path, json=body)
            assert response.status_code == 204, response.text
            ended_at = time.monotonic()
            reply = await polled
            assert reply.status == 401, reply
            assert time.monotonic() - ended_at < 1

    asyncio.run(scenario())
