"""Several hubs, and several hosts that share PostgreSQL and Redis: whoever holds a poll or stream, it is answered."""

import asyncio
import time

import pytest

from hub.tree import Tree
from perchtest.crowd import crowd, more_sessions
from perchtest.stream import Follower, Stream
from perchtest.wire import Wire, eventually, waiting_polls

HUBS = 3


@pytest.fixture
def hosts(perch_factory):
    """Two hosts with two hubs each."""
    return perch_factory(HOSTS=2, HUBS=2, WORKERS=2, AUTH_WORKERS=1)


def held(instance):
    """How many polls the hubs of each host hold."""
    return [sum(map(waiting_polls, Tree(instance, name).pids("hub"))) for name in ("perch-fcgi", "perch-fcgi-2")]


async def wait_at_both(instance, open_one, most=20):
    """Opens one after another, until the hubs of both hosts hold some; what open_one() returned each time."""
    base, opened = held(instance), []
    while min(now - was for now, was in zip(held(instance), base)) < 2:
        assert len(opened) < most, f"all go to one host: {base} before, {held(instance)} now"
        opened.append(await open_one())
        await eventually(lambda: sum(held(instance)) >= sum(base) + len(opened), 10, "it to be parked")
    return opened


@pytest.mark.parametrize("redis", ["there", "away"])
def test_the_end_of_a_session_reaches_its_polls_and_streams_on_every_host(hosts, redis):
    async def scenario():
        [alice] = crowd(hosts, 1)
        [second] = more_sessions(hosts, alice.id, 1)
        async with Wire(hosts, alice) as wire, Wire(hosts, alice) as stays:
            cursor = await wire.cursor()
            waits = asyncio.create_task(stays.request("GET", f"/events?cursor={cursor}&wait=20"))
            if redis == "away":
                await asyncio.to_thread(hosts.service("redis").stop)

            async def poll():
                return asyncio.create_task(Wire(hosts, second).request("GET", f"/events?cursor={cursor}&wait=50"))

            async def stream():
                follower = Follower(hosts, second, cursor)
                await follower.__aenter__()
                await follower.until(lambda: follower.stream)
                return follower

            polls = await wait_at_both(hosts, poll, 9)
            streams = await wait_at_both(hosts, stream, 9)
            assert not any(task.done() for task in polls)
            assert (await wire.request("DELETE", f"/sessions/{second.session}")).status == 204
            ended_at = time.monotonic()
            replies = await asyncio.wait_for(asyncio.gather(*polls), 10)
            for follower in streams:
                await follower.until(lambda: follower.refused)
            took = time.monotonic() - ended_at
            # Without Redis the other host learns it from its look at everybody, every second.
            assert took < (1 if redis == "there" else 2), took
            assert {reply.status for reply in replies} == {401}
            assert {follower.refused.status for follower in streams} == {401}
            assert not waits.done()
            waits.cancel()

    asyncio.run(scenario())


def test_any_host_answers_any_poll_and_stream(hosts):
    async def scenario():
        [alice, bob] = crowd(hosts, 2)
        async with Wire(hosts, alice) as wire, Wire(hosts, bob) as sender:
            cursor = await wire.cursor()

            async def stream():
                follower = Follower(hosts, alice, cursor)
                return await follower.__aenter__()

            streams = await wait_at_both(hosts, stream)
            sent = []
            for _ in range(20):
                poll = asyncio.create_task(wire.news(cursor))
                sent.append(await sender.message(alice.id))
                reply = await asyncio.wait_for(poll, 10)
                cursor = reply["cursor"]
                assert [event["message"] for event in reply["events"]] == [sent[-1]]
            for follower in streams:
                await follower.until(lambda: len(follower.events) == len(sent))
                assert [event["message"] for event in follower.events] == sent
                follower.task.cancel()

    asyncio.run(scenario())


def test_of_several_hubs_each_holds_its_own_people(perch_factory):
    instance = perch_factory(WORKERS=2, AUTH_WORKERS=1, HUBS=HUBS)

    async def scenario():
        hubs = Tree(instance).hubs()
        assert len(hubs) == HUBS
        members, [sender] = crowd(instance, 90), crowd(instance, 1)
        polls, streams, wires = {}, {}, []
        for place, member in enumerate(members):
            wire = Wire(instance, member)
            wires.append(wire)
            if place % 2:
                polls[member.id] = asyncio.create_task(wire.news(await wire.cursor()))
            else:
                streams[member.id] = Stream(instance, member)
                await streams[member.id].open()
        people = [sum(member.id % HUBS == number for member in members) for number in range(HUBS)]
        await eventually(lambda: [waiting_polls(pid) for pid in hubs] == people, 10, f"the hubs to hold {people}")

        # Messages, and the end of a session, reach everybody, whichever hub it is.
        async with Wire(instance, sender) as wire:
            for member in members:
                sent = await wire.message(member.id)
                if member.id in polls:
                    reply = await asyncio.wait_for(polls[member.id], 10)
                    assert [event["message"] for event in reply["events"]] == [sent]
                else:
                    assert (await streams[member.id].event()).json["message"] == sent
        for member in members[:10]:
            if member.id in streams:
                async with Wire(instance, member) as wire:
                    assert (await wire.request("DELETE", "/sessions/current")).status == 204
                assert await streams[member.id].event(1) is None
        for wire in (*wires, *(stream.wire for stream in streams.values())):
            wire.close()

    asyncio.run(scenario())
