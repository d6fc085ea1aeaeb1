"""Children of the master die; people hardly notice and nothing is lost."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from api import fastcgi
from hub.talk import Talk
from hub.tree import Tree, role_of
from perchtest import wait_for
from perchtest.crowd import crowd
from perchtest.instance import alive, children, find_build
from perchtest.wire import GONE, Wire, eventually


def test_clients_come_back_after_the_hub_was_killed_and_nothing_is_lost(tough):
    async def scenario():
        tree = Tree(tough)
        async with Talk(tough) as talk:
            for _ in range(3):
                old = tree.hub
                os.kill(old, signal.SIGKILL)
                await eventually(lambda: tree.replaced("hub", [old], 1), 5, "a new hub")
                await talk.progress()
            await talk.finish()
            assert talk.troubles, "nobody noticed that the hub was killed: was it?"

    asyncio.run(scenario())


def test_a_new_hub_serves_the_polls_that_come_back(tough):
    async def scenario():
        tree = Tree(tough)
        members, [sender] = crowd(tough, 200), crowd(tough, 1)
        wires = [Wire(tough, member) for member in members]
        cursors = [await wire.cursor() for wire in wires]
        base = tree.hub_polls()
        polls = [asyncio.create_task(wire.request("GET", f"/events?cursor={cursor}&wait=50"))
                 for wire, cursor in zip(wires, cursors)]
        await tree.parked(200, base)
        old = tree.hub
        os.kill(old, signal.SIGKILL)
        # nginx says 502 for a reply that never came.
        replies = await asyncio.wait_for(asyncio.gather(*polls, return_exceptions=True), 10)
        assert {reply.status for reply in replies} == {502}, replies[:3]
        assert replies[0].json["code"] == "bad_gateway" and "retry-after" in replies[0].headers

        await eventually(lambda: tree.replaced("hub", [old], 1), 5, "a new hub")
        base = tree.hub_polls()
        polls = [asyncio.create_task(wire.news(cursor)) for wire, cursor in zip(wires, cursors)]
        await tree.parked(200, base)
        async with Wire(tough, sender) as wire:
            sent = [await wire.message(member.id) for member in members]
        replies = await asyncio.wait_for(asyncio.gather(*polls), 10)
        assert [[event["message"] for event in reply["events"]] for reply in replies] == [[row] for row in sent]
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


def test_killed_workers_are_replaced_at_once_and_the_talk_goes_on(tough):
    """Twenty times quickly: there is no backoff for a child that was ready once."""
    async def scenario():
        tree = Tree(tough)
        took = []
        async with Talk(tough) as talk:
            for i in range(20):
                workers = tree.pids("worker")
                victim = workers[i % len(workers)]
                killed_at = time.monotonic()
                os.kill(victim, signal.SIGKILL)
                await eventually(lambda: len(set(tree.pids("worker")) - {victim}) == 4, 5, "a new worker")
                took.append(time.monotonic() - killed_at)
            await talk.progress()
            await talk.finish()
        assert sorted(took)[10] < 0.5, f"the usual replacement took {sorted(took)[10]:.2f} s"
        assert Tree(tough).master == tree.master

    asyncio.run(scenario())


def test_a_worker_killed_in_the_middle_of_its_request_costs_no_message(tough):
    """All workers at once, again and again, each time in the middle of somebody's send."""
    async def scenario():
        tree = Tree(tough)
        async with Talk(tough, pairs=16, pause=0.001) as talk:
            for _ in range(5):
                workers = tree.pids("worker")
                for pid in workers:
                    os.kill(pid, signal.SIGKILL)
                await eventually(lambda: tree.replaced("worker", workers, 4), 10, "four new workers")
                await talk.progress()
            await talk.finish()
            assert talk.troubles, "no kill hit a request"

    asyncio.run(scenario())


def test_a_stray_signal_stops_no_worker(tough):
    for pid in Tree(tough).pids("worker"):
        os.kill(pid, signal.SIGUSR1)
    assert tough.ready()


def test_an_auth_worker_that_was_killed_is_replaced(tough):
    tree = Tree(tough)
    person = tough.person("before")
    [old] = tree.pids("auth")
    tree.kill(old)
    wait_for(lambda: tree.replaced("auth", [old], 1), 5, "a new auth worker")
    person.another_device()


def test_a_frozen_hub_freezes_nobody_else(tough):
    async def scenario():
        tree = Tree(tough)
        [alice, bob, carol] = crowd(tough, 3)
        async with Wire(tough, alice) as poller, Wire(tough, bob) as sender, Wire(tough, carol) as third:
            cursor = await poller.cursor()
            os.kill(tree.hub, signal.SIGSTOP)
            try:
                # The hand-off waits in the socket; each of the four workers goes on.
                poll = asyncio.create_task(poller.news(cursor))
                message = await sender.message(alice.id)
                for _ in range(12):
                    assert (await third.request("GET", "/me")).status == 200
            finally:
                os.kill(tree.hub, signal.SIGCONT)
            reply = await asyncio.wait_for(poll, 10)
            assert [event["message"] for event in reply["events"]] == [message]

    asyncio.run(scenario())


def test_near_its_descriptor_limit_the_hub_sends_polls_home_and_loses_none(limited):
    """Twice as many polls come as it has descriptors."""
    async def scenario():
        members, [sender] = crowd(limited, 300), crowd(limited, 1)
        wires = [Wire(limited, member) for member in members]
        cursors = [await wire.cursor() for wire in wires]
        polls = [asyncio.create_task(wire.poll(cursor, wait=3)) for wire, cursor in zip(wires, cursors)]
        replies = await asyncio.wait_for(asyncio.gather(*polls), 20)
        for cursor, reply in zip(cursors, replies):
            assert (reply["from"], reply["cursor"], reply["events"]) == (cursor, cursor, [])
        home = [reply["after_ms"] for reply in replies]
        assert sum(after > 0 for after in home) >= 150, "the limit was never felt"
        assert sum(after == 0 for after in home) >= 30, "nobody could wait"

        # Afterwards there is room again, and a poll is woken as ever.
        poll = asyncio.create_task(wires[0].news(cursors[0]))
        async with Wire(limited, sender) as wire:
            message = await wire.message(members[0].id)
        assert [event["message"] for event in (await asyncio.wait_for(poll, 10))["events"]] == [message]
        for wire in wires:
            wire.close()

    asyncio.run(scenario())


@pytest.fixture
def limited(perch_factory):
    """An instance whose processes may have 150 descriptors each."""
    folder = Path(tempfile.mkdtemp(prefix="perch-limited-", dir=os.environ.get("PERCH_TEST_TMP", "/tmp")))
    folder.chmod(0o755)
    (folder / "perch-fcgi").write_text(f'#!/bin/sh\nulimit -n 150\nexec {find_build()}/perch-fcgi "$@"\n')
    (folder / "perch-fcgi").chmod(0o755)
    yield perch_factory(build=folder, WORKERS=4, AUTH_WORKERS=1)
    shutil.rmtree(folder)


def test_children_that_cannot_serve_are_not_started_again(pool):
    """Exit code 2 says so; when it holds for all of a kind the master gives up with it. Such a child is one that may not
    become the user it was told to become."""
    with tempfile.TemporaryDirectory(prefix="perch-exit-") as folder:
        settings = {key: value for key, value in pool.env.items() if key.startswith("PERCH_") and key != "PERCH_USER"}
        settings.update(PERCH_APP_SOCKET=f"{folder}/app.sock", PERCH_AUTH_SOCKET=f"{folder}/auth.sock",
                        PERCH_WORKERS="3", PERCH_AUTH_WORKERS="1", PERCH_USER="nobody")
        bound_root = (["setpriv", "--bounding-set", "-setuid"] if os.geteuid() == 0
                      else ["unshare", "--user", "--map-root-user"])
        result = subprocess.run([*bound_root, find_build() / "perch-fcgi"], env=settings, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=30)
    assert result.returncode == 2, result.stderr
    lines = [line for line in result.stderr.splitlines() if "is not started again" in line]
    assert len(lines) == 5, result.stderr
    assert len(set(line.partition("] ")[2] for line in lines)) == 5, "a child was started twice"


def test_when_the_master_dies_the_children_do_not_stay(perch_factory):
    instance = perch_factory(WORKERS=2, AUTH_WORKERS=1)
    tree = Tree(instance)
    family = tree.all()
    assert len(family) == 4
    instance.service("perch-fcgi").stop(signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in family), 10, "the children to follow")
    instance.service("perch-fcgi").start()
    assert instance.ready()


def test_a_late_worker_of_a_dead_master_leaves_the_next_one_its_sockets(pool):
    """It is told that the master died while a request keeps it; by then there is another master."""
    with tempfile.TemporaryDirectory(prefix="perch-late-") as folder:
        Path(folder).chmod(0o777)
        paths = [f"{folder}/app.sock", f"{folder}/auth.sock"]
        settings = {key: value for key, value in pool.env.items() if key.startswith("PERCH_")}
        settings.update(PERCH_APP_SOCKET=paths[0], PERCH_AUTH_SOCKET=paths[1], PERCH_WORKERS="2",
                        PERCH_AUTH_WORKERS="1", PERCH_USER="postgres" if os.geteuid() == 0 else "")

        def serve():
            master = subprocess.Popen([find_build() / "perch-fcgi"], env={**os.environ, **settings})
            wait_for(lambda: all(map(os.path.exists, paths)) and len(children(master.pid)) == 4, 10, "the children")
            assert fastcgi.call(paths[0], fastcgi.params("GET", "/health/ready")).status == 200
            return master

        first = serve()
        family = children(first.pid)
        late = next(pid for pid in family if role_of(pid) == "worker")
        os.kill(late, signal.SIGSTOP)
        first.kill()
        first.wait()
        wait_for(lambda: not any(alive(pid) for pid in family if pid != late), 10, "the others to follow")
        second = serve()
        try:
            os.kill(late, signal.SIGCONT)
            wait_for(lambda: not alive(late), 10, "the late one to follow")
            assert fastcgi.call(paths[0], fastcgi.params("GET", "/health/ready")).status == 200
        finally:
            second.terminate()
            second.wait(20)


def test_polls_cut_off_by_nginx_ending_leave_no_waiter(perch_factory):
    """nginx's own end closes everything that it holds; the hub sees that as browsers leaving."""
    async def scenario():
        tree = Tree(instance)
        base = tree.hub_polls()
        wires = [Wire(instance, member) for member in crowd(instance, 50)]
        cursors = [await wire.cursor() for wire in wires]
        polls = [asyncio.create_task(wire.poll(cursor)) for wire, cursor in zip(wires, cursors)]
        await tree.parked(50, base)
        instance.service("nginx").stop(signal.SIGTERM)
        results = await asyncio.gather(*polls, return_exceptions=True)
        assert all(isinstance(result, GONE) for result in results)
        await tree.unparked(base, 10)

    instance = perch_factory(WORKERS=2, AUTH_WORKERS=1)
    asyncio.run(scenario())
