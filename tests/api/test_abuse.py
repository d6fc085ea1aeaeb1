"""One caller at the expense of the others: dead tokens, slow readers, a Redis that refuses to count."""

import socket
import time
import uuid

import pytest

from perchtest import Instance
from perchtest.api import at_once, good, problem, twin

SEND, ACCOUNT = 5, 4


@pytest.fixture(scope="module")
def instance():
    running = Instance(WORKERS=2, RATE_SEND=SEND, RATE_ACCOUNT=ACCOUNT).start()
    yield running
    running.stop()


@pytest.fixture
def strict(instance):
    instance.redis().flushall()
    return instance


def test_a_token_whose_session_has_ended_does_not_use_up_what_its_owner_may_send(strict):
    owner, peer = strict.person("owner"), strict.person("peer")
    thief = owner.another_device(bearer=True)
    good(owner.delete("/sessions"), 204)
    path = f"/dialogs/{peer.id}/messages"
    for _ in range(3):
        # All in one second or not: the thief is always told the same, and the owner can always send.
        for _ in range(3 * SEND):
            problem(thief.post(path, {"body": "x"}), 401, "unauthorized")
        good(owner.post(path, {"body": "mine"}), 201)


def test_a_redis_without_memory_is_no_way_around_the_throttles(strict):
    sender, peer = strict.person("sender"), strict.person("peer")
    name = uuid.uuid4().hex
    strict.redis().config_set("maxmemory", "1")
    try:
        path = f"/dialogs/{peer.id}/messages"
        replies = at_once(
            *[lambda caller=twin(sender): [caller.post(path, {"body": "x"}) for _ in range(10)] for _ in range(4)]
        )
        statuses = {reply.status_code for part in replies for reply in part}
        assert statuses == {201, 429}
        guesses = [
            strict.client().post("/sessions", {"username": name, "password": "no"}).status_code for _ in range(8)
        ]
        assert guesses.count(429) >= 2, guesses
    finally:
        strict.redis().config_set("maxmemory", "0")


def test_people_who_read_slowly_hold_no_worker(strict):
    """More of them than workers, each with the longest list of sessions, and none of it read."""
    person = strict.person("slow")
    strict.sql(
        "INSERT INTO sessions (id, user_id, user_agent, ip, expires_at)"
        " SELECT 1000000 + n, %s, repeat('\"', 200), '::1', now() + interval '1 day' FROM generate_series(1, 30000) n",
        person.id,
    )
    assert len(good(person.get("/sessions"))["sessions"]) == 500
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.session.cookies)
    request = f"GET /api/v1/sessions HTTP/1.1\r\nHost: localhost:{strict.port}\r\nCookie: {cookies}\r\n\r\n"
    slow = []
    try:
        for _ in range(6):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", strict.port))
            connection.sendall(request.encode())
            slow.append(connection)
        quick, until = strict.person("quick"), time.monotonic() + 2
        while time.monotonic() < until:
            began = time.monotonic()
            good(quick.get("/me"))
            assert time.monotonic() - began < 2
    finally:
        for connection in slow:
            connection.close()
