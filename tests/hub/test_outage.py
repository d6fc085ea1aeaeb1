"""Redis and PostgreSQL go away while polls wait."""

import asyncio
import time

import pytest

from hub.talk import Talk
from hub.tree import Tree
from perchtest import wait_for
from perchtest.crowd import crowd
from perchtest.wire import Wire

DELIVERED_S = 2.0


@pytest.fixture
def instance(perch_factory):
    return perch_factory(WORKERS=4, AUTH_WORKERS=1)


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
def test_without_redis_a_waiting_poll_gets_its_message_within_two_seconds(instance, trouble):
    redis = instance.service("redis")

    async def scenario():
        tree = Tree(instance)
        members, [sender] = crowd(instance, 20), crowd(instance, 1)
        wires = [Wire(instance, member) for member in members]
        cursors = [await wire.cursor() for wire in wires]
        base = tree.hub_polls()
        polls = [asyncio.create_task(wire.news(cursor)) for wire, cursor in zip(wires, cursors)]
        await tree.parked(20, base)
        if trouble == "killed":
            await asyncio.to_thread(redis.stop)
        else:
            redis.pause()

        async with Wire(instance, sender) as wire:
            seen = []
            for place, member in enumerate(members):
                message = await wire.message(member.id)
                sent_at = time.monotonic()
                reply = await asyncio.wait_for(polls[place], 10)
                late = time.monotonic() - sent_at
                assert [event["message"] for event in reply["events"]] == [message]
                assert late < DELIVERED_S, f"poll {place} was answered after {late:.1f} s"
                seen.append(reply)
            # Also polls that begin while Redis is away.
            polls = [asyncio.create_task(wires[i].news(seen[i]["cursor"])) for i in range(5)]
            for i in range(5):
                message = await wire.message(members[i].id)
                sent_at = time.monotonic()
                seen[i] = await asyncio.wait_for(polls[i], 10)
                assert [event["message"] for event in seen[i]["events"]] == [message]
                assert time.monotonic() - sent_at < DELIVERED_S

            # And when it is back: nothing again, and wake-ups as before.
            if trouble == "killed":
                await asyncio.to_thread(redis.start)
            else:
                redis.resume()
            await asyncio.to_thread(wait_for, instance.ready, 10, "Redis to be noticed")
            polls = [asyncio.create_task(wire.poll(reply["cursor"], wait=2)) for wire, reply in zip(wires, seen)]
            for reply, again in zip(seen, await asyncio.gather(*polls)):
                assert (again["events"], again["cursor"]) == ([], reply["cursor"])
            poll = asyncio.create_task(wires[0].news(seen[0]["cursor"]))
            message = await wire.message(members[0].id)
            reply = await asyncio.wait_for(poll, 10)
            assert [event["message"] for event in reply["events"]] == [message]
        for wire in wires:
            wire.close()

    try:
        asyncio.run(scenario())
    finally:
        if trouble == "frozen":
            redis.resume()


def test_redis_comes_and_goes_under_a_talk_and_nothing_is_lost_or_repeated(instance):
    redis = instance.service("redis")

    async def scenario():
        async with Talk(instance) as talk:
            for _ in range(3):
                await asyncio.to_thread(redis.stop)
                await talk.progress()
                await asyncio.to_thread(redis.start)
                await talk.progress()
            await talk.finish()
            assert talk.troubles == [], "people need not notice that Redis is away"

    asyncio.run(scenario())


def test_postgresql_restarts_while_polls_wait_and_nothing_is_lost(instance):
    postgresql = instance.service("postgresql")

    async def scenario():
        tree = Tree(instance)
        [alice, bob] = crowd(instance, 2)
        base = tree.hub_polls()
        hub = tree.hub
        async with Wire(instance, alice) as poller, Wire(instance, bob) as sender:
            cursor = await poller.cursor()
            poll = asyncio.create_task(poller.news(cursor))
            await tree.parked(1, base)
            await asyncio.to_thread(postgresql.stop)
            reply = await sender.request("POST", f"/dialogs/{alice.id}/messages", {"body": "too early"})
            assert (reply.status, reply.json["code"]) == (503, "unavailable") and "retry-after" in reply.headers
            await asyncio.to_thread(postgresql.start)
            message = await sender.message(alice.id)
            assert not poll.done() or poll.result()["events"]
            reply = await asyncio.wait_for(poll, 10)
            assert [event["message"] for event in reply["events"]] == [message]
        assert tree.hub == hub, "the hub did not survive"

    asyncio.run(scenario())


def test_postgresql_restarts_under_a_talk_and_nothing_is_lost_or_repeated(instance):
    postgresql = instance.service("postgresql")

    async def scenario():
        async with Talk(instance) as talk:
            for _ in range(2):
                await asyncio.to_thread(postgresql.stop)
                await asyncio.to_thread(postgresql.start)
                await talk.progress()
            await talk.finish()
            assert set(talk.troubles) <= {503}, set(talk.troubles)

    asyncio.run(scenario())


def test_after_a_new_epoch_polls_wait_again_even_if_nobody_was_waiting(instance):
    async def scenario():
        [alice] = crowd(instance, 1)
        async with Wire(instance, alice) as poller:
            cursor = await poller.cursor()
            await poller.request("GET", f"/events?cursor={cursor}&wait=1")
            await asyncio.to_thread(instance.sql, "SELECT perch.epoch_draw()")
            cursor = await poller.cursor()
            waited = 0
            for _ in range(10):
                start = time.monotonic()
                await poller.request("GET", f"/events?cursor={cursor}&wait=1")
                waited = time.monotonic() - start
                if waited > 0.9:
                    break
                await asyncio.sleep(0.2)
            assert waited > 0.9

    asyncio.run(scenario())


def test_a_log_that_was_put_back_begins_a_new_epoch(instance):
    """A restore in place leaves the hub with positions that are ahead of the log: whoever polls is told to begin anew,
    before a number that was given out already is used for something else."""
    async def scenario():
        [alice] = crowd(instance, 1)
        async with Wire(instance, alice) as poller:
            for zone in ("Europe/Berlin", "Europe/Paris", "Europe/Rome"):
                await poller.request("PATCH", "/me", {"time_zone": zone})
            # The hub follows her and knows the position.
            await poller.request("GET", f"/events?cursor={await poller.cursor()}&wait=1")
            await asyncio.to_thread(instance.sql, "UPDATE perch.mailboxes SET seq = 1; "
                                                  "DELETE FROM perch.events WHERE seq > 1")
            cursor = await poller.cursor()
            assert cursor.endswith("-1")
            replies = []
            while len(replies) < 5 and (not replies or replies[-1].status == 200):
                replies.append(await poller.request("GET", f"/events?cursor={cursor}&wait=1"))
            assert replies[-1].status == 410 and replies[-1].json["reason"] == "epoch", replies
            assert len(replies) <= 3
            again = await poller.request("GET", f"/events?cursor={replies[-1].json['cursor']}&wait=1")
            assert again.status == 200 and not again.json["more"]

    asyncio.run(scenario())


def test_a_new_epoch_resets_a_waiting_poll(instance):
    """As after a restore in place: whoever waits with a cursor of the old life must not wait on."""
    async def scenario():
        tree = Tree(instance)
        [alice] = crowd(instance, 1)
        base = tree.hub_polls()
        async with Wire(instance, alice) as poller:
            cursor = await poller.cursor()
            poll = asyncio.create_task(poller.request("GET", f"/events?cursor={cursor}&wait=30"))
            await tree.parked(1, base)
            await asyncio.to_thread(instance.sql, "SELECT perch.epoch_draw()")
            # The hub's sweep sees it within 5 s; what it says is up to it, the next poll gets the reset.
            reply = await asyncio.wait_for(poll, 10)
            if reply.status == 200:
                assert reply.json["events"] == []
                reply = await poller.request("GET", f"/events?cursor={cursor}&wait=30")
            assert (reply.status, reply.json["code"], reply.json["reason"]) == (410, "cursor_reset", "epoch")
            assert reply.json["cursor"] != cursor

    asyncio.run(scenario())
