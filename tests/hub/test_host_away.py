"""Two hosts behind one nginx, of which one ends, dies or freezes."""

import asyncio
import os
import signal
import socket
import threading
from contextlib import contextmanager

import pytest

from api import fastcgi
from hub.talk import Talk
from hub.tree import Tree
from perchtest import Instance, free_port, wait_for
from perchtest.instance import alive, children
from perchtest.wire import Wire, eventually

HOSTS = ("perch-fcgi", "perch-fcgi-2")
SETTINGS = {"HOSTS": 2, "WORKERS": 3, "AUTH_WORKERS": 1}


@pytest.fixture(scope="module")
def site_shared():
    instance = Instance(**SETTINGS).start()
    yield instance
    instance.stop()


@pytest.fixture
def site(site_shared):
    """Both hosts are up, whatever the test before did."""
    site_shared.up()
    wait_for(lambda: all(len(Tree(site_shared, name).all()) == 5 for name in HOSTS), 20, "both hosts to be whole")
    return site_shared


@pytest.mark.parametrize("victim", HOSTS)
def test_a_killed_host_loses_nothing(site, victim):
    """The whole tree at once, in the middle of what it does; the other one goes on, and later both do."""
    async def scenario():
        tree = Tree(site, victim)
        async with Talk(site, pairs=12, pause=0.002) as talk:
            for pid in [tree.master, *tree.all()]:
                os.kill(pid, signal.SIGKILL)
            await talk.progress(10)
            hit = len(talk.troubles)
            await talk.progress(30)
            assert len(talk.troubles) == hit, f"the dead host still costs requests: {talk.troubles[hit:]}"
            await asyncio.to_thread(site.up)
            await talk.progress(10)
            await talk.finish()

    asyncio.run(scenario())


def end_and_go_on(site, victim):
    async def scenario():
        tree = Tree(site, victim)
        family = [tree.master, *tree.all()]
        async with Talk(site, pairs=12, pause=0.002) as talk:
            os.kill(tree.master, signal.SIGTERM)
            await eventually(lambda: not any(map(alive, family)), 15, "the host to end")
            await talk.progress(10)
            await asyncio.to_thread(site.up)
            await talk.progress(10)
            await talk.finish()
            assert talk.troubles == [], f"failed requests: {talk.troubles}"

    asyncio.run(scenario())


def test_a_host_that_ends_under_load_fails_no_request(site):
    for _ in range(2):
        for victim in HOSTS:
            end_and_go_on(site, victim)


def test_a_host_that_ends_under_load_fails_no_request_over_tcp(perch_factory):
    site = perch_factory(**SETTINGS, APP_SOCKET=f"127.0.0.1:{free_port()}", AUTH_SOCKET=f"127.0.0.1:{free_port()}")
    for victim in HOSTS:
        end_and_go_on(site, victim)


def test_a_frozen_host_loses_nothing(site):
    """It takes connections and answers none. Clients that do not wait for ever are served by the other one, and what
    the frozen host had taken and does when it wakes up is done once."""
    async def scenario():
        tree = Tree(site, HOSTS[1])
        family = [tree.master, *children(tree.master)]
        async with Talk(site, pairs=6, pause=0.005, patience=3) as talk:
            await talk.progress(5)
            for pid in family:
                os.kill(pid, signal.SIGSTOP)
            try:
                await talk.progress(2, timeout=60)
            finally:
                for pid in family:
                    os.kill(pid, signal.SIGCONT)
            assert "timeout" in talk.troubles, "nobody noticed that the host was frozen: was it?"
            await talk.progress(5)
            await talk.finish()

    asyncio.run(scenario())


# What nginx does by itself, with hosts of ours in place of perch-fcgi.


@contextmanager
def host(path, answer):
    """A host that reads requests and answers them, or closes at once; yields the list of methods that it got."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    os.chmod(path, 0o777)
    listening.listen(64)
    got = []

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(65536)
                method = request.partition(b"REQUEST_METHOD")[2]
                got.append(next(name for name in ("GET", "POST", "PUT", "PATCH", "DELETE")
                                if method.startswith(name.encode())))
                if answer:
                    reply = b"Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                    connection.sendall(fastcgi.record(fastcgi.STDOUT, reply) + fastcgi.record(fastcgi.STDOUT)
                                       + fastcgi.record(fastcgi.END, bytes(8)))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield got
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()
        os.unlink(path)


@pytest.fixture
def paths(site):
    for name in HOSTS:
        site.service(name).stop()
    first = site.env["PERCH_APP_SOCKET"]
    return [first, first.replace("app.sock", "app-2.sock")]


CALLS = [("GET", "/me", None), ("POST", "/dialogs/1/messages", {"body": "x"}), ("PUT", "/dialogs/1/read", {"upto": 1}),
         ("PATCH", "/messages/1", {"body": "x"}), ("DELETE", "/messages/1", None)]


def ask(site, method, path, body):
    async def scenario():
        async with Wire(site) as wire:
            return (await wire.request(method, path, body)).status

    return asyncio.run(scenario())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_a_request_goes_to_the_next_host_where_one_is_away(site, paths, call):
    with host(paths[1], True) as got:
        assert [ask(site, *call) for _ in range(4)] == [200] * 4
    assert got == [call[0]] * 4


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_what_a_host_was_sent_goes_to_the_next_only_where_that_changes_nothing(site, paths, call):
    """A POST or a PATCH that a host may have carried out is the client's to repeat."""
    with host(paths[0], False) as dropped, host(paths[1], True) as answered:
        statuses = [ask(site, *call) for _ in range(8)]
    assert dropped, "nginx, which takes turns, never asked the first host"
    if call[0] in ("POST", "PATCH"):
        assert statuses.count(502) == len(dropped) and len(answered) == statuses.count(200) == 8 - len(dropped)
    else:
        assert statuses == [200] * 8 and len(answered) == 8
