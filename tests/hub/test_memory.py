"""What processes cost after thousands of requests is what they cost after a few."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from hub.tree import Tree
from perchtest import Instance
from perchtest.crowd import crowd
from perchtest.wire import Wire

REQUESTS, ROUNDS, WARM_UP = 10_000, 10_000, 2_000
GROWTH_KIB = 1024
SIDE_BY_SIDE = 16
TABS = 12  # waiting polls of one person; more than 20 push each other out


@pytest.fixture(scope="module")
def single():
    """One worker and one hub, so that everything goes through the same two processes."""
    instance = Instance(WORKERS=1, AUTH_WORKERS=1, RATE_SEND=100000, RATE_COSTLY=100000).start()
    yield instance
    instance.stop()


def anonymous_kib(pid):
    """Memory that is neither a file's nor given back."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Anonymous: +(\d+) kB", text, re.M).group(1))


def big(characters):
    return {"body": "ä" * characters}


# What people do and what they do wrong: (method, path, body, status).
MIX = [
    ("GET", "/me", None, 200),
    ("GET", "/users?limit=100", None, 200),
    ("GET", "/users?q=no%20such%20person", None, 200),
    ("GET", "/dialogs?limit=10", None, 200),
    ("GET", "/dialogs/{peer}/messages?limit=10", None, 200),
    ("POST", "/dialogs/{peer}/messages", {"body": "short"}, 201),
    ("POST", "/dialogs/{peer}/messages", big(4096), 201),
    ("POST", "/dialogs/{peer}/messages", big(4097), 422),
    ("POST", "/dialogs/{peer}/messages", {"body": "x" * 70_000}, 413),
    ("POST", "/dialogs/{peer}/messages", ["no object"], 422),
    ("POST", "/dialogs/{peer}/messages", {"body": "deep", "more": [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}, 400),
    ("POST", "/dialogs/9007199254740991/messages", {"body": "nobody"}, 404),
    ("PUT", "/dialogs/{peer}/read", {"upto": 9007199254740991}, 422),
    ("PATCH", "/me", {"display_name": "Ä" * 64, "notify": {"preview": "off"}}, 200),
    ("GET", "/events", None, 200),
    ("GET", "/events?cursor=a-1&wait=0", None, 410),
    ("GET", "/events?cursor=nonsense", None, 400),
    ("GET", "/search?q=short&limit=5", None, 200),
    ("GET", "/nothing/here", None, 404),
    ("DELETE", "/users", None, 405),
]


async def ask(wire, peer, count):
    """Every line of the mix in turn."""
    for i in range(count):
        method, path, body, status = MIX[i % len(MIX)]
        reply = await wire.request(method, path.format(peer=peer), body)
        assert reply.status == status, (method, path, reply)


def test_no_process_has_a_second_thread(single):
    tree = Tree(single)
    assert {pid: os.listdir(f"/proc/{pid}/task") for pid in [tree.master, *tree.all()]} == {
        pid: [str(pid)] for pid in [tree.master, *tree.all()]}


@pytest.mark.memory
def test_a_worker_that_answered_thousands_of_requests_has_not_grown(single):
    [worker] = Tree(single).pids("worker")
    people = crowd(single, SIDE_BY_SIDE + 1)

    async def run(count):
        async def one(member, peer):
            async with Wire(single, member) as wire:
                await ask(wire, peer.id, count // SIDE_BY_SIDE)

        await asyncio.gather(*[one(member, people[-1]) for member in people[:-1]])

    asyncio.run(run(WARM_UP))
    before = anonymous_kib(worker)
    asyncio.run(run(REQUESTS))
    grown = anonymous_kib(worker) - before
    assert Tree(single).pids("worker") == [worker], "it was replaced"
    assert grown < GROWTH_KIB, f"{grown} KiB more than {before} after {REQUESTS} requests"


async def cursor_of(instance, member):
    async with Wire(instance, member) as wire:
        return await wire.cursor()


async def ask_all(wires, cursor):
    for i, wire in enumerate(wires):
        await wire.send("GET", f"/events?cursor={cursor}&wait=50&tab=tab{i}")


async def wait_in_turns(instance, member, sender, count):
    """This many waits: some end because the browser goes, some because the same tab asks again from elsewhere, the rest
    with a message."""
    wires, cursor = [Wire(instance, member) for _ in range(TABS)], await cursor_of(instance, member)
    superseded = 0
    async with Wire(instance, sender) as sending:
        for turn in range(count // TABS):
            await ask_all(wires, cursor)
            if turn % 3 == 0:
                for wire in wires:
                    wire.abort()
                continue
            asked = list(wires)
            if turn % 3 == 1:
                wires = [Wire(instance, member) for _ in range(TABS)]
                await ask_all(wires, cursor)
                asked += wires
            await sending.message(member.id)
            replies = [(await wire.receive()).json for wire in asked]
            ends = [reply.get("superseded") or bool(reply["events"]) or reply["more"] for reply in replies]
            assert all(ends), replies
            superseded += sum(reply.get("superseded", False) for reply in replies)
            for wire in asked[:-TABS]:
                wire.close()
            cursor = await cursor_of(instance, member)
    for wire in wires:
        wire.close()
    return superseded


@pytest.mark.memory
def test_a_hub_that_held_thousands_of_polls_has_not_grown(single):
    tree = Tree(single)
    hub = tree.hub
    people = crowd(single, 2 * SIDE_BY_SIDE)

    async def run(count):
        return sum(await asyncio.gather(*[wait_in_turns(single, people[i], people[SIDE_BY_SIDE + i], count // SIDE_BY_SIDE)
                               for i in range(SIDE_BY_SIDE)]))

    asyncio.run(run(WARM_UP))
    before = anonymous_kib(hub)
    superseded = asyncio.run(run(ROUNDS))
    grown = anonymous_kib(hub) - before
    assert Tree(single).hub == hub, "it was replaced"
    assert superseded > ROUNDS // 8, "too few waits ended in that way to say anything"
    assert grown < GROWTH_KIB, f"{grown} KiB more than {before} after {ROUNDS} waits"
