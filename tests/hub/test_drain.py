"""Going down and changing over, gracefully."""

import asyncio
import os
import re
import secrets
import signal
from pathlib import Path

import pytest

from hub.talk import Talk
from hub.tree import Tree
from perchtest import wait_for
from perchtest.crowd import crowd, tokens
from perchtest.instance import alive
from perchtest.wire import Wire, eventually

WAITING = 200


async def waiting_polls(instance, tree):
    """(wires, cursors, tasks) of polls that are parked."""
    wires = [Wire(instance, member) for member in crowd(instance, WAITING)]
    cursors = [await wire.cursor() for wire in wires]
    base = tree.hub_polls()
    tasks = [asyncio.create_task(wire.poll(cursor)) for wire, cursor in zip(wires, cursors)]
    await tree.parked(WAITING, base)
    return wires, cursors, tasks


def check_sent_home(cursors, replies):
    """Each poll got its own cursor back and a time to stay away, spread so that not all return together."""
    for cursor, reply in zip(cursors, replies):
        assert (reply["from"], reply["cursor"], reply["events"], reply["more"]) == (cursor, cursor, [], False)
    pauses = [reply["after_ms"] for reply in replies]
    assert min(pauses) >= 0 and max(pauses) > 0
    assert len(set(pauses)) > WAITING / 4, f"not spread: {sorted(set(pauses))[:10]}"
    assert max(pauses) - min(pauses) > 500, f"they all come back within {max(pauses) - min(pauses)} ms"


def test_a_graceful_end_answers_every_waiting_poll(perch_factory):
    instance = perch_factory(WORKERS=4, AUTH_WORKERS=1)

    async def scenario():
        tree = Tree(instance)
        family = tree.all()
        wires, cursors, polls = await waiting_polls(instance, tree)
        os.kill(tree.master, signal.SIGTERM)
        check_sent_home(cursors, await asyncio.wait_for(asyncio.gather(*polls), 10))
        await eventually(lambda: not alive(tree.master) and not any(map(alive, family)), 10, "everybody to end")
        for wire in wires:
            wire.close()
        # And back, with the same sessions and from the same cursors.
        await asyncio.to_thread(instance.service("perch-fcgi").start)
        async with wires[0] as wire:
            assert (await wire.poll(cursors[0], wait=0))["cursor"] == cursors[0]

    asyncio.run(scenario())


def test_a_graceful_end_finishes_the_requests_under_way(perch_factory):
    """Whatever nginx could hand over is answered; nothing acknowledged is lost, nothing happens twice."""
    instance = perch_factory(WORKERS=4, AUTH_WORKERS=1)

    async def scenario():
        async with Talk(instance, pairs=16, pause=0.001) as talk:
            for _ in range(2):
                await asyncio.to_thread(instance.service("perch-fcgi").stop)
                await asyncio.to_thread(instance.service("perch-fcgi").start)
                await talk.progress()
            await talk.finish()

    asyncio.run(scenario())


def test_a_reload_replaces_every_child_without_a_failed_request(tough):
    async def scenario():
        tree = Tree(tough)
        wires, cursors, polls = await waiting_polls(tough, tree)
        async with Talk(tough, pairs=12, pause=0.002) as talk:
            for _ in range(3):
                old = tree.all()
                os.kill(tree.master, signal.SIGHUP)
                await eventually(lambda: not any(map(alive, old)) and len(tree.all()) == len(old), 15,
                                 "new children")
                await talk.progress()
            await talk.finish()
            assert talk.troubles == [], f"failed requests: {talk.troubles}"
        # Of those who talk it is chance who waits; these do.
        check_sent_home(cursors, await asyncio.wait_for(asyncio.gather(*polls), 10))
        assert alive(tree.master)
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


def test_a_reload_answers_the_waiting_polls(tough):
    async def scenario():
        tree = Tree(tough)
        wires, cursors, polls = await waiting_polls(tough, tree)
        os.kill(tree.master, signal.SIGHUP)
        check_sent_home(cursors, await asyncio.wait_for(asyncio.gather(*polls), 10))
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_worker_that_does_not_end_costs_no_waiting_poll(perch_factory, number):
    """It is killed in the end; the hub sends everybody home all the same."""
    instance = perch_factory(WORKERS=4, AUTH_WORKERS=1)

    async def scenario():
        tree = Tree(instance)
        hub, stuck = tree.hub, tree.pids("worker")[0]
        wires, cursors, polls = await waiting_polls(instance, tree)
        os.kill(stuck, signal.SIGSTOP)
        os.kill(tree.master, number)
        check_sent_home(cursors, await asyncio.wait_for(asyncio.gather(*polls), 20))
        await eventually(lambda: not alive(stuck) and not alive(hub), 10, "both to end")
        assert re.findall(r"(\w+) \d+ was killed", instance.log()) == ["worker"]
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


def keys_path(instance):
    return Path(instance.env["PERCH_JWT_KEYS_FILE"])


def status_with(instance, token):
    return instance.client(token=token).get("/me").status_code


def test_a_reload_takes_a_new_key_and_drops_an_old_one(perch_factory):
    """Rotation as the manual has it: the new key on top, later the old line goes."""
    instance = perch_factory(WORKERS=2, AUTH_WORKERS=1)
    tree, path = Tree(instance), keys_path(instance)
    old_keys = path.read_text()
    [member] = crowd(instance, 1)

    def reload(text):
        old = tree.all()
        path.write_text(text)
        os.kill(tree.master, signal.SIGHUP)
        wait_for(lambda: not any(map(alive, old)) and len(tree.all()) == len(old), 15, "new children")

    reload(f"second {secrets.token_urlsafe(32)}\n" + old_keys)
    [new_token] = tokens(instance, [(member.id, member.session)])
    assert (status_with(instance, member.token), status_with(instance, new_token)) == (200, 200)
    reload(path.read_text().splitlines()[0] + "\n")
    assert (status_with(instance, member.token), status_with(instance, new_token)) == (401, 200)


def test_a_reload_with_a_broken_key_file_keeps_what_works(perch_factory):
    instance = perch_factory(WORKERS=2, AUTH_WORKERS=1)
    tree, path = Tree(instance), keys_path(instance)
    [member] = crowd(instance, 1)
    path.write_text("this is not a key file\n")
    os.kill(tree.master, signal.SIGHUP)
    wait_for(lambda: "key file" in instance.log(), 10, "a complaint about the key file")
    assert alive(tree.master)
    assert status_with(instance, member.token) == 200
    assert len(tree.pids("worker")) == 2
