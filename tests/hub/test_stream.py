"""The events as a stream: what a poll brings, over a connection that stays open."""

import asyncio
import os
import random
import signal
import time

import pytest

from hub.tree import Tree
from perchtest.crowd import crowd, more_sessions
from perchtest.stream import Follower, Stream
from perchtest.wire import Wire, eventually

PING_S = 15
LONG = "\x01" * 4096  # 24 KiB of JSON, the longest there is


@pytest.fixture
def instance(perch_factory):
    return perch_factory(WORKERS=4, AUTH_WORKERS=1)


def seq_of(cursor):
    return int(cursor.rpartition("-")[2])


async def messages(instance, sender, recipient, count, body="hello", pause=0):
    """Sent one after another; those stored."""
    async with Wire(instance, sender) as wire:
        sent = []
        for _ in range(count):
            sent.append(await wire.message(recipient.id, body))
            await asyncio.sleep(pause)
        return sent


def test_a_stream_brings_what_happened_and_goes_on_with_what_happens(pool):
    async def scenario():
        [alice, bob] = crowd(pool, 2)
        async with Wire(pool, alice) as wire:
            start = await wire.cursor()
        before = await messages(pool, bob, alice, 3)
        async with Stream(pool, alice, start) as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            assert stream.headers["cache-control"] == "no-store"
            assert stream.headers["x-request-id"]
            first = await stream.block()
            assert first.fields == {"retry": "1000", "id": start}
            old = [await stream.event() for _ in before]
            after = await messages(pool, bob, alice, 3)
            new = [await stream.event() for _ in after]
        async with Wire(pool, alice) as wire:
            batch = await wire.poll(start)
        # The same events, in the same order, in the same words; each with the cursor that stands behind it.
        assert [event.json for event in old + new] == batch["events"]
        assert [event.json["message"] for event in old + new] == before + after
        assert [seq_of(event.fields["id"]) for event in old + new] == [row["seq"] for row in batch["events"]]
        assert new[-1].fields["id"] == batch["cursor"]

    asyncio.run(scenario())


def test_a_stream_without_a_cursor_begins_now_and_names_the_position(pool):
    async def scenario():
        [alice, bob] = crowd(pool, 2)
        await messages(pool, bob, alice, 2)
        async with Stream(pool, alice) as stream:
            first = await stream.block()
            assert seq_of(first.fields["id"]) == 2
            [sent] = await messages(pool, bob, alice, 1)
            assert (await stream.event()).json["message"] == sent

    asyncio.run(scenario())


def test_something_passing_has_no_id(pool):
    async def scenario():
        [alice, bob] = crowd(pool, 2)
        await messages(pool, bob, alice, 1)
        async with Stream(pool, alice) as stream, Wire(pool, bob) as wire:
            await stream.block()
            assert (await wire.request("POST", f"/dialogs/{alice.id}/typing")).status == 204
            event = await stream.event()
            assert event.json["type"] == "typing" and "id" not in event.fields
            [sent] = await messages(pool, bob, alice, 1)
            assert (await stream.event()).json["message"] == sent

    asyncio.run(scenario())


def test_a_last_event_id_wins_over_the_address_and_a_bad_one_is_refused(pool):
    async def scenario():
        [alice, bob] = crowd(pool, 2)
        async with Wire(pool, alice) as wire:
            start = await wire.cursor()
        sent = await messages(pool, bob, alice, 2)
        epoch = start.rpartition("-")[0]
        async with Stream(pool, alice, start, last_id=f"{epoch}-1") as stream:
            assert (await stream.event()).json["message"] == sent[1]
        for last_id, status, code in (("nonsense", 400, "bad_cursor"), (f"{epoch}-1x", 400, "bad_cursor"),
                                      (f"{epoch}-9", 410, "cursor_reset"), ("f00-1", 410, "cursor_reset")):
            refused = Stream(pool, alice, start, last_id=last_id)
            await refused.open()
            assert (refused.reply.status, refused.reply.json["code"]) == (status, code), last_id
            refused.wire.close()

    asyncio.run(scenario())


def test_a_long_absence_is_brought_in_pieces(pool):
    async def scenario():
        [alice, bob] = crowd(pool, 2)
        async with Wire(pool, alice) as wire:
            start = await wire.cursor()
        sent = await messages(pool, bob, alice, 12, LONG)
        async with Stream(pool, alice, start) as stream:
            piece = await stream.rest()
            assert 1 <= len(piece) < 12 and stream.retry_ms == 50
        async with Follower(pool, alice, start) as follower:
            await follower.until(lambda: len(follower.events) == 12)
            assert [event["message"] for event in follower.events] == sent
            assert follower.streams >= 12 * len(LONG) * 6 // (64 * 1024)

    asyncio.run(scenario())


def test_a_random_mix_of_disconnects_loses_and_repeats_nothing_and_keeps_the_order_of_polls(tough):
    async def scenario():
        tree = Tree(tough)
        people, people_count, count = random.Random(4), 4, 150
        members = crowd(tough, 1 + people_count)
        alice, friends = members[0], members[1:]
        async with Wire(tough, alice) as wire:
            start = await wire.cursor()

        async def poll_all(total):
            seen, cursor = [], start
            async with Wire(tough, alice) as wire:
                while len(seen) < total:
                    reply = await wire.request("GET", f"/events?cursor={cursor}&wait=2")
                    if reply.status == 200:
                        seen += reply.json["events"]
                        cursor = reply.json["cursor"]
            return seen

        total = people_count * count
        polled = asyncio.create_task(poll_all(total))
        async with Follower(tough, alice, start) as one, Follower(tough, alice, start) as two:
            sends = asyncio.gather(*[messages(tough, friend, alice, count, pause=0.01) for friend in friends])
            hub_died = False
            while not sends.done():
                await asyncio.sleep(people.uniform(0, 0.2))
                people.choice((one, two)).cut()
                if not hub_died and len(one.events) > total / 2:
                    await asyncio.to_thread(tree.kill, tree.hub)
                    hub_died = True
            sent = {row["id"] for rows in await sends for row in rows}
            await one.until(lambda: len(one.events) >= total)
            await two.until(lambda: len(two.events) >= total)
            seen = await asyncio.wait_for(polled, 30)
            assert {event["message"]["id"] for event in seen} == sent and len(seen) == total
            assert one.events == seen
            assert two.events == seen
            assert [seq_of(cursor) for cursor in one.ids] == [event["seq"] for event in seen]
            assert one.streams > 3 and two.streams > 3

    asyncio.run(scenario())


def test_streams_and_polls_of_one_user_go_side_by_side(pool):
    async def scenario():
        [alice, bob] = crowd(pool, 2)
        async with Wire(pool, alice) as wire, Stream(pool, alice, tab="one") as one, \
                Stream(pool, alice, tab="two") as two:
            await one.block()
            await two.block()
            cursor = await wire.cursor()
            for _ in range(5):
                poll = asyncio.create_task(wire.news(cursor))
                [sent] = await messages(pool, bob, alice, 1)
                reply = await asyncio.wait_for(poll, 10)
                cursor = reply["cursor"]
                assert [event["message"] for event in reply["events"]] == [sent]
                for stream in (one, two):
                    event = await stream.event()
                    assert (event.json["message"], event.fields["id"]) == (sent, cursor)

    asyncio.run(scenario())


def test_a_reader_that_does_not_read_is_dropped_and_nobody_notices(instance):
    async def scenario():
        tree = Tree(instance)
        [alice, bob] = crowd(instance, 2)
        async with Wire(instance, alice) as wire:
            start = await wire.cursor()
        base = tree.hub_polls()
        stuck = [Stream(instance, alice, start, receive_buffer=4096) for _ in range(3)]
        for stream in stuck:
            await stream.open()
        async with Follower(instance, alice, start) as follower:
            await tree.parked(4, base)
            sent = await messages(instance, bob, alice, 1, LONG)
            await follower.until(lambda: follower.events)
            held, took = tree.hub_polls(), []
            while tree.hub_polls() > held - len(stuck):
                # The kernel may hold some 10 MB of it, by its settings: 400 messages.
                assert len(sent) < 1000, "readers that do not read are kept"
                begun_at = time.monotonic()
                sent += await messages(instance, bob, alice, 1, LONG)
                await follower.until(lambda: len(follower.events) == len(sent))
                took.append(time.monotonic() - begun_at)
            assert [event["message"] for event in follower.events] == sent
            assert max(took) < 2, "somebody waited for the slow readers"
        # What they were dropped with is no loss: they come back from where they were.
        for stream in stuck:
            stream.wire.close()
        async with Follower(instance, alice, start) as again:
            await again.until(lambda: len(again.events) == len(sent))
            assert [event["message"] for event in again.events] == sent

    asyncio.run(scenario())


def test_when_the_reader_goes_its_stream_goes(pool):
    async def scenario():
        tree = Tree(pool)
        base = tree.hub_polls()
        streams = [Stream(pool, member) for member in crowd(pool, 20)]
        for stream in streams:
            await stream.open()
        await tree.parked(20, base)
        for i, stream in enumerate(streams):
            (stream.wire.close if i % 2 else stream.wire.abort)()
        await tree.unparked(base, 5)

    asyncio.run(scenario())


def test_a_quiet_stream_is_pinged(pool):
    async def scenario():
        [alice] = crowd(pool, 1)
        async with Stream(pool, alice) as stream:
            await stream.block()
            begun_at = time.monotonic()
            ping = await stream.block(PING_S + 5)
            assert ping.comments == ["ping"] and ping.fields == {}
            assert PING_S - 1 < time.monotonic() - begun_at < PING_S + 2

    asyncio.run(scenario())


def test_the_stream_of_an_ended_session_ends_within_a_second_and_may_not_return(pool):
    async def scenario():
        [alice, bob] = crowd(pool, 2)
        [second] = more_sessions(pool, alice.id, 1)
        async with Wire(pool, alice) as wire, Stream(pool, alice) as stays:
            await stays.block()
            async with Follower(pool, second, await wire.cursor()) as follower:
                await follower.until(lambda: follower.stream)
                assert (await wire.request("DELETE", f"/sessions/{second.session}")).status == 204
                await follower.until(lambda: follower.refused, 1)
                assert (follower.refused.status, follower.refused.json["code"]) == (401, "unauthorized")
            [sent] = await messages(pool, bob, alice, 1)
            assert (await stays.event()).json["message"] == sent

    asyncio.run(scenario())


def test_the_next_stream_or_poll_of_a_tab_supersedes_the_one_before(pool):
    async def superseded(stream):
        event = await stream.event()
        assert event.fields == {"event": "superseded", "retry": "1000", "data": "{}"}
        assert await stream.event() is None

    async def scenario():
        tree = Tree(pool)
        [alice] = crowd(pool, 1)
        base = tree.hub_polls()
        async with Wire(pool, alice) as wire:
            cursor = await wire.cursor()
            async with Stream(pool, alice, tab="t") as first:
                await tree.parked(1, base)
                async with Stream(pool, alice, tab="t") as second, Stream(pool, alice, tab="u") as other:
                    await superseded(first)
                    poll = asyncio.create_task(wire.request("GET", f"/events?cursor={cursor}&tab=t"))
                    await superseded(second)
                    async with Stream(pool, alice, tab="t"):
                        assert (await asyncio.wait_for(poll, 10)).json["superseded"]
                        await tree.parked(2, base)
                        assert other.buffer == b""

    asyncio.run(scenario())


def test_past_the_limit_of_one_user_the_oldest_stream_ends(perch_factory):
    instance = perch_factory(WORKERS=2, AUTH_WORKERS=1, POLLS_PER_USER=3)

    async def scenario():
        [alice] = crowd(instance, 1)
        streams = [Stream(instance, alice) for _ in range(4)]
        tree = Tree(instance)
        base = tree.hub_polls()
        for place, stream in enumerate(streams):
            await stream.open()
            await stream.block()
            await tree.parked(min(place + 1, 3), base)
        assert await streams[0].rest() == [] and streams[0].retry_ms == 1000
        for stream in streams:
            stream.wire.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("way", [signal.SIGHUP, signal.SIGTERM])
def test_a_graceful_end_sends_streams_home_not_all_at_once(instance, way):
    async def scenario():
        tree = Tree(instance)
        base = tree.hub_polls()
        members = crowd(instance, 41)
        streams = [Stream(instance, member) for member in members[:40]]
        for stream in streams:
            await stream.open()
        await tree.parked(40, base)
        os.kill(tree.master, way)
        assert [await stream.rest() for stream in streams] == [[]] * 40
        pauses = [stream.retry_ms for stream in streams]
        assert min(pauses) >= 50 and max(pauses) <= 1000 + 40 and len(set(pauses)) > 10, pauses
        for stream in streams:
            stream.wire.close()
        if way == signal.SIGHUP:
            async with Follower(instance, members[0], None) as follower:
                await follower.until(lambda: follower.stream and follower.stream.last_id)
                sent = await messages(instance, members[40], members[0], 1)
                await follower.until(lambda: follower.events)
                assert follower.events[0]["message"] == sent[0]

    asyncio.run(scenario())


def test_a_new_epoch_ends_streams_and_refuses_their_return(instance):
    async def scenario():
        [alice, bob] = crowd(instance, 2)
        async with Wire(instance, alice) as wire, Follower(instance, alice, await wire.cursor()) as follower:
            await messages(instance, bob, alice, 1)
            await follower.until(lambda: follower.events)
            await asyncio.to_thread(instance.sql, "SELECT perch.epoch_draw()")
            await follower.until(lambda: follower.refused, 15)
            assert (follower.refused.status, follower.refused.json["reason"]) == (410, "epoch")

    asyncio.run(scenario())


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
def test_without_redis_a_stream_has_its_message_within_two_seconds(instance, trouble):
    redis = instance.service("redis")

    async def scenario():
        tree = Tree(instance)
        [alice, bob] = crowd(instance, 2)
        [second] = more_sessions(instance, alice.id, 1)
        base = tree.hub_polls()
        async with Wire(instance, alice) as wire, Wire(instance, bob) as sender, \
                Follower(instance, alice, await wire.cursor()) as follower, \
                Follower(instance, second, await wire.cursor()) as ended:
            await tree.parked(2, base)
            if trouble == "killed":
                await asyncio.to_thread(redis.stop)
            else:
                redis.pause()
            sent = []
            for _ in range(8):
                sent.append(await sender.message(alice.id))
                await follower.until(lambda: len(follower.events) == len(sent), 2)
            # A session that ends is noticed by the look at everybody.
            assert (await wire.request("DELETE", f"/sessions/{second.session}")).status == 204
            await eventually(lambda: ended.stream is None, 2.5, "the stream of an ended session to end")
            if trouble == "killed":
                await asyncio.to_thread(redis.start)
            else:
                redis.resume()
            sent += [await sender.message(alice.id) for _ in range(8)]
            await follower.until(lambda: len(follower.events) == len(sent), 5)
            assert [event["message"] for event in follower.events] == sent

    try:
        asyncio.run(scenario())
    finally:
        if trouble == "frozen":
            redis.resume()
