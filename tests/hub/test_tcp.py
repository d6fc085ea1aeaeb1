"""FastCGI over TCP, for hosts that nginx reaches by a private network."""

import asyncio
import os
import subprocess

import pytest

from hub.talk import Talk
from hub.tree import Tree
from perchtest import free_port
from perchtest.crowd import crowd
from perchtest.instance import find_build
from perchtest.stream import Follower, Stream
from perchtest.wire import Wire


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_everything_works_over_tcp(perch_factory, address):
    instance = perch_factory(WORKERS=4, AUTH_WORKERS=1, APP_SOCKET=f"{address}:{free_port()}",
                             AUTH_SOCKET=f"{address}:{free_port()}")
    assert instance.person("tcp").get("/me").status_code == 200

    async def scenario():
        async with Talk(instance) as talk:
            await talk.progress(20)
            await talk.finish()
            assert talk.troubles == []

    asyncio.run(scenario())


def test_a_parked_reply_as_long_as_they_come_arrives_over_tcp(perch_factory):
    """The hub writes once and never waits."""
    instance = perch_factory(WORKERS=2, AUTH_WORKERS=1, APP_SOCKET=f"127.0.0.1:{free_port()}")

    async def scenario():
        tree = Tree(instance)
        members, [sender] = crowd(instance, 20), crowd(instance, 1)
        wires = [Wire(instance, member) for member in members]
        cursors = [await wire.cursor() for wire in wires]
        base = tree.hub_polls()
        polls = [asyncio.create_task(wire.news(cursor)) for wire, cursor in zip(wires, cursors)]
        await tree.parked(20, base)
        async with Wire(instance, sender) as wire:
            sent = [await wire.message(member.id, "\x01" * 4096) for member in members]
        replies = await asyncio.wait_for(asyncio.gather(*polls), 10)
        assert [[event["message"] for event in reply["events"]] for reply in replies] == [[row] for row in sent]
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


def test_streams_over_tcp_bring_all_and_drop_who_does_not_read(perch_factory):
    instance = perch_factory(WORKERS=2, AUTH_WORKERS=1, APP_SOCKET=f"127.0.0.1:{free_port()}")

    async def scenario():
        tree = Tree(instance)
        [alice, bob] = crowd(instance, 2)
        async with Wire(instance, alice) as wire, Wire(instance, bob) as sender:
            start = await wire.cursor()
            base = tree.hub_polls()
            stuck = Stream(instance, alice, start, receive_buffer=4096)
            await stuck.open()
            async with Follower(instance, alice, start) as follower:
                await tree.parked(2, base)
                sent = [await sender.message(alice.id, "\x01" * 4096)]
                await follower.until(lambda: follower.events)
                held = tree.hub_polls()
                while tree.hub_polls() >= held:
                    # The kernel may hold some 10 MB of it between nginx and either end: 400 messages.
                    assert len(sent) < 1000, "a reader that does not read is kept"
                    sent += [await sender.message(alice.id, "\x01" * 4096) for _ in range(8)]
                    await follower.until(lambda: len(follower.events) == len(sent))
                assert [event["message"] for event in follower.events] == sent
                follower.cut()
                sent.append(await sender.message(alice.id))
                await follower.until(lambda: len(follower.events) == len(sent))
            stuck.wire.close()
            # All of it again, in pieces as large as they come.
            async with Follower(instance, alice, start) as again:
                await again.until(lambda: len(again.events) == len(sent))
                assert [event["message"] for event in again.events] == sent

    asyncio.run(scenario())


@pytest.mark.parametrize("place, reason", [
    ("0.0.0.0:9000", "private network"), ("203.0.113.7:9000", "private network"), ("[::]:9000", "private network"),
    ("localhost:9000", "in numbers")])
def test_a_place_that_strangers_could_reach_is_refused(pool, place, reason):
    settings = {key: value for key, value in pool.env.items() if key.startswith("PERCH_")}
    settings["PERCH_USER"] = "nobody" if os.geteuid() == 0 else ""
    result = subprocess.run([find_build() / "perch-fcgi"], env={**settings, "PERCH_APP_SOCKET": place},
                            capture_output=True, text=True, timeout=20)
    assert result.returncode == 1
    assert f"PERCH_APP_SOCKET={place}: " in result.stderr and reason in result.stderr
