"""Thousands of waiting polls, four workers, and nobody notices the others."""

import asyncio
import time

import pytest

from hub.tree import Tree
from perchtest.crowd import crowd
from perchtest.wire import Wire, eventually

WAITING = 5_000
SENDERS = 32


async def start_polls(instance, members):
    """(wires, cursors, tasks): everybody's poll on its way, a few hundred at a time as people would come."""
    wires = [Wire(instance, member) for member in members]
    gate = asyncio.Semaphore(200)

    async def cursor_of(wire):
        async with gate:
            return await wire.cursor()

    cursors = await asyncio.gather(*map(cursor_of, wires))
    tasks = [asyncio.create_task(wire.news(cursor)) for wire, cursor in zip(wires, cursors)]
    return wires, cursors, tasks


async def keep_busy(instance, member, peer, stop, took):
    """Ordinary requests one after another; each must go through."""
    async with Wire(instance, member) as wire:
        while not stop.is_set():
            for method, path, body, status in (("GET", "/me", None, 200), ("GET", "/dialogs", None, 200),
                                               ("POST", f"/dialogs/{peer.id}/messages", {"body": "busy"}, 201)):
                started_at = time.monotonic()
                reply = await wire.request(method, path, body)
                assert reply.status == status, reply
                took.append(time.monotonic() - started_at)
            await asyncio.sleep(0)


@pytest.mark.slow
def test_five_thousand_waiting_polls_are_each_woken_once_while_other_requests_go_on(pool):
    async def scenario():
        tree = Tree(pool)
        base = tree.hub_polls()
        waiting, senders, busy = crowd(pool, WAITING), crowd(pool, SENDERS), crowd(pool, 2)
        stop, took = asyncio.Event(), []
        background = [asyncio.create_task(keep_busy(pool, busy[0], busy[1], stop, took)),
                      asyncio.create_task(keep_busy(pool, busy[1], busy[0], stop, took))]

        wires, cursors, polls = await start_polls(pool, waiting)
        await tree.parked(WAITING, base)
        assert not any(poll.done() for poll in polls)
        before = len(took)
        await eventually(lambda: len(took) >= before + 60, 60, "ordinary requests while all wait")
        while_all_wait = took[before + len(busy):]  # the first of each began while the others were still coming

        async def send(sender, recipients):
            async with Wire(pool, sender) as wire:
                return {recipient.id: await wire.message(recipient.id) for recipient in recipients}

        sent = {}
        for part in await asyncio.gather(*[send(sender, waiting[i::SENDERS]) for i, sender in enumerate(senders)]):
            sent.update(part)
        replies = await asyncio.wait_for(asyncio.gather(*polls), 30)
        for member, cursor, reply in zip(waiting, cursors, replies):
            assert reply["from"] == cursor
            assert [event["message"] for event in reply["events"]] == [sent[member.id]]
            assert reply["cursor"] != cursor and not reply["more"]
        await tree.unparked(base)

        # None twice: from where the reply left off there is nothing.
        gate = asyncio.Semaphore(100)

        async def again(wire, cursor):
            async with gate:
                return await wire.poll(cursor, wait=0)

        seconds = await asyncio.gather(*[again(wire, reply["cursor"]) for wire, reply in zip(wires, replies)])
        assert [second["events"] for second in seconds if second["events"]] == []

        stop.set()
        await asyncio.gather(*background)
        # Normally: while all wait nobody stands behind the crowd.
        assert max(while_all_wait) < 2, f"the slowest ordinary request took {max(while_all_wait):.1f} s"
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("way", ["close", "abort"])
def test_when_the_browser_goes_its_waiter_goes(pool, way):
    async def scenario():
        tree = Tree(pool)
        base = tree.hub_polls()
        wires, _, polls = await start_polls(pool, crowd(pool, 300))
        await tree.parked(300, base)
        for wire, poll in zip(wires, polls):
            poll.cancel()
            getattr(wire, way)()
        await tree.unparked(base, 5)
        await asyncio.gather(*polls, return_exceptions=True)

    asyncio.run(scenario())


def test_a_poll_with_nothing_new_ends_when_its_wait_is_over(pool):
    async def scenario():
        [member] = crowd(pool, 1)
        async with Wire(pool, member) as wire:
            cursor = await wire.cursor()
            started_at = time.monotonic()
            reply = await wire.poll(cursor, wait=1)
            took = time.monotonic() - started_at
            assert (reply["from"], reply["cursor"], reply["events"], reply["more"]) == (cursor, cursor, [], False)
            assert 0.9 < took < 4, took

    asyncio.run(scenario())


def test_every_device_of_a_person_is_woken(pool):
    """Fifteen tabs of one session: below the cap of twenty they do not disturb each other."""
    async def scenario():
        tree = Tree(pool)
        [alice, bob] = crowd(pool, 2)
        base = tree.hub_polls()
        wires, cursors, polls = await start_polls(pool, [alice] * 15)
        await tree.parked(15, base)
        async with Wire(pool, bob) as sender:
            message = await sender.message(alice.id)
        for reply in await asyncio.wait_for(asyncio.gather(*polls), 10):
            assert [event["message"] for event in reply["events"]] == [message]
        for wire in wires:
            wire.close()

    asyncio.run(scenario())
