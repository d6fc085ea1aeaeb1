"""PostgreSQL or Redis away: what still works, what says so, and that it comes back by itself."""

import os
import signal
import time
import uuid

import pytest

from perchtest import Instance, wait_for
from perchtest.api import (
    dialog_of,
    events_of,
    good,
    hubs,
    log_from,
    poll_call,
    problem,
    raw,
    waiting_poll,
    whole_history,
)
from perchtest.contract import CONTRACT
from perchtest.instance import children


@pytest.fixture(scope="module")
def own():
    instance = Instance(WORKERS=3, RATE_ACCOUNT=8).start()
    yield instance
    instance.stop()


@pytest.fixture
def pair(own):
    own.redis().flushall()
    return own.person("alice"), own.person("bob")


def answers_again(own, client):
    wait_for(lambda: client.get("/me").status_code == 200, 20, "the workers to reconnect")
    wait_for(own.ready, 20, "/health/ready")


def away(service, how):
    getattr(service, {"stop": "stop", "freeze": "pause"}[how])()


def back(service, how):
    getattr(service, {"stop": "start", "freeze": "resume"}[how])()


def unavailable(response):
    problem(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1


BODIES = {
    ("POST", "/api/v1/accounts"): lambda: {"username": uuid.uuid4().hex, "password": "x"},
    ("POST", "/api/v1/sessions"): lambda: {"username": uuid.uuid4().hex, "password": "x"},
    ("PATCH", "/api/v1/me"): lambda: {"display_name": "x"},
    ("DELETE", "/api/v1/me"): lambda: {"password": "x"},
    ("PUT", "/api/v1/me/password"): lambda: {"current": "x", "new": "y"},
    ("POST", "/api/v1/me/telegram/confirm"): lambda: {"id": 1},
    ("POST", "/api/v1/dialogs/{peer}/messages"): lambda: {"body": "x"},
    ("PUT", "/api/v1/dialogs/{peer}/read"): lambda: {"upto": 1},
    ("PUT", "/api/v1/dialogs/{peer}/mute"): lambda: {"until": None},
    ("PATCH", "/api/v1/messages/{id}"): lambda: {"body": "x"},
    ("POST", "/api/v1/telegram/webhook"): lambda: {"update_id": 1},
}
HEADERS = {"/api/v1/telegram/webhook": {"X-Telegram-Bot-Api-Secret-Token": "x"}}


def test_without_postgresql_every_route_says_503_and_comes_back_by_itself(own, pair):
    alice, bob = pair
    before = alice.send(bob, "before")
    cursor = bob.cursor()
    service = own.service("postgresql")
    service.stop()
    try:
        for method, template in CONTRACT.operations():
            if template.startswith("/health"):
                continue
            path = template.replace("{peer}", str(bob.id)).replace("{id}", "1")
            body = BODIES.get((method, template))
            for _ in range(3):  # whichever worker it is
                if template == "/api/v1/presence/bye":
                    own.redis().flushall()  # all that PostgreSQL is needed for is the session
                unavailable(
                    alice.request(
                        method,
                        path,
                        json=body() if body else None,
                        params={"q": "x", "ids": "1"},
                        headers=HEADERS.get(template),
                    )
                )
        assert good(own.client().get("/health/live")) == {"status": "ok"}
        ready = good(own.client().get("/health/ready"), 503)
        assert ready == {"status": "unavailable", "postgresql": False, "redis": True}
        problem(own.client().get("/me"), 401, "unauthorized")
    finally:
        service.start()
    answers_again(own, alice)
    after = alice.send(bob, "after")
    assert whole_history(bob, alice) == [before, after]
    assert [event["message"]["id"] for event in log_from(bob, cursor)] == [after["id"]]


def test_a_waiting_poll_survives_a_restart_of_postgresql(own, pair):
    alice, bob = pair
    cursor = bob.cursor()
    poll = waiting_poll(own, bob, cursor, wait=50)
    own.service("postgresql").stop()
    own.service("postgresql").start()
    answers_again(own, alice)
    message = alice.send(bob, "after the restart")
    response = poll.response()
    if response.status_code == 503:  # it may be sent back to ask again
        response = bob.get("/events", params={"cursor": cursor, "wait": 20})
    good(response)
    assert [event["message"]["id"] for event in log_from(bob, cursor)] == [message["id"]]


def test_a_frozen_postgresql_does_not_freeze_the_pool(own, pair):
    alice, _ = pair
    service = own.service("postgresql")
    service.pause()
    try:
        started_at = time.monotonic()
        unavailable(alice.get("/users"))
        assert time.monotonic() - started_at < 15
        assert good(own.client().get("/health/live")) == {"status": "ok"}
    finally:
        service.resume()
    answers_again(own, alice)


@pytest.mark.parametrize("how", ["stop", "freeze"])
def test_without_redis_everything_works(own, pair, how):
    alice, bob = pair
    service = own.service("redis")
    away(service, how)
    try:
        carol = own.person("carol")
        program = bob.another_device(bearer=True)
        body = {"client_id": str(uuid.uuid4()), "body": "no redis"}
        message = good(alice.post(f"/dialogs/{bob.id}/messages", body), 201)["message"]
        assert good(alice.post(f"/dialogs/{bob.id}/messages", body))["message"] == message
        assert whole_history(program, alice) == [message]
        assert dialog_of(bob, alice)["unread"] == 1
        good(bob.put(f"/dialogs/{alice.id}/read", {"upto": message["id"]}), 204)
        good(alice.patch(f"/messages/{message['id']}", {"body": "edited"}))
        assert [row["id"] for row in good(alice.get("/search", params={"q": "edited"}))["messages"]] == [
            message["id"]
        ]
        good(alice.get("/users"))
        good(carol.patch("/me", {"display_name": "Carol"}))
        good(program.delete("/sessions/current"), 204)
        ready = good(own.client().get("/health/ready"), 503)
        assert ready == {"status": "unavailable", "postgresql": True, "redis": False}
    finally:
        back(service, how)
    answers_again(own, alice)


@pytest.mark.parametrize("how", ["stop", "freeze"])
def test_without_redis_a_waiting_poll_gets_a_message_within_two_seconds(own, pair, how):
    alice, bob = pair
    service = own.service("redis")
    waiting = waiting_poll(own, bob, bob.cursor(), tab="before")
    away(service, how)
    try:
        wait_for(lambda: not own.ready(), 10, "Redis to be missed")
        slowest = 0
        for number in range(5):
            cursor = bob.cursor()
            poll = waiting if number == 0 else poll_call(bob, cursor, tab="after")
            started_at = time.monotonic()
            message = alice.send(bob, f"{number}")
            events = events_of(bob, poll.response())
            slowest = max(slowest, time.monotonic() - started_at)
            assert [event["message"]["id"] for event in events] == [message["id"]]
        assert slowest <= 2.0, slowest
    finally:
        back(service, how)
    answers_again(own, alice)


def test_without_redis_a_log_out_ends_the_waiting_poll(own, pair):
    alice, _ = pair
    device = alice.another_device(bearer=True)
    poll = waiting_poll(own, device, device.cursor())
    own.service("redis").stop()
    try:
        good(device.delete("/sessions/current"), 204)
        problem(poll.response(timeout=10), 401, "unauthorized")
    finally:
        own.service("redis").start()
    answers_again(own, alice)


def test_without_redis_throttles_stay(own, pair):
    wait_for(lambda: time.time() % 60 < 50, 15, "the next minute")  # counters begin anew with each
    service = own.service("redis")
    service.stop()
    try:
        name = uuid.uuid4().hex
        replies = [own.client().post("/sessions", {"username": name, "password": "x"}) for _ in range(14)]
        codes = [reply.status_code for reply in replies]
        assert set(codes) == {401, 429} and codes[-1] == 429, codes
        assert int(replies[-1].headers["Retry-After"]) >= 1
        problem(
            own.client().post("/sessions", {"username": uuid.uuid4().hex, "password": "x"}), 401, "bad_credentials"
        )
    finally:
        service.start()
    wait_for(own.ready, 20, "/health/ready")


def test_nothing_is_lost_when_redis_comes_back_empty(own, pair):
    alice, bob = pair
    cursor = bob.cursor()
    sent = [alice.send(bob, "one")["id"]]
    own.service("redis").stop()
    sent.append(alice.send(bob, "two")["id"])
    own.service("redis").start()
    own.redis().flushall()
    sent.append(alice.send(bob, "three")["id"])
    assert [event["message"]["id"] for event in log_from(bob, cursor)] == sent
    poll = waiting_poll(own, bob, bob.cursor())
    message = alice.send(bob, "four")
    assert [event["message"]["id"] for event in events_of(bob, poll.response())] == [message["id"]]


@pytest.mark.parametrize("victim", ["worker", "hub"])
def test_a_killed_child_is_replaced_and_nothing_is_lost(own, pair, contract, victim):
    contract.outside = {502}  # the web server's, for a poll whose hub is gone
    alice, bob = pair
    cursor = bob.cursor()
    poll = waiting_poll(own, bob, cursor, wait=20)
    master = own.service("perch-fcgi").pid
    before = set(children(master))
    pid = hubs(own)[0] if victim == "hub" else sorted(before - set(hubs(own)))[0]
    os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: pid not in children(master) and len(children(master)) == len(before),
        10,
        "the master to start another",
    )
    message = alice.send(bob, "after the kill")
    response = poll.response()
    good(response, 502 if victim == "hub" else 200)
    assert [event["message"]["id"] for event in log_from(bob, cursor)] == [message["id"]]


def test_a_fault_of_the_server_is_a_problem_document_and_is_found_in_the_log_by_its_request_id(
    own, pair, contract
):
    contract.outside = {500}  # in no route's contract: no request may earn it
    alice, bob = pair
    function = "FUNCTION perch.send_message(bigint, bigint, uuid, text)"
    with own.db() as db:
        db.execute(f"REVOKE EXECUTE ON {function} FROM perch_app")
        try:
            response = alice.post(f"/dialogs/{bob.id}/messages", {"body": "x"})
            problem(response, 500, "internal")
            assert "perch" not in response.text and "permission" not in response.text
        finally:
            db.execute(f"GRANT EXECUTE ON {function} TO perch_app")
    lines = [line for line in own.log().splitlines() if f"req={response.headers['X-Request-Id']}" in line]
    assert any(" error " in line for line in lines), lines
    alice.send(bob, "mended")


def test_without_perch_the_web_server_says_so_in_the_same_shape(own, pair):
    alice, _ = pair
    service = own.service("perch-fcgi")
    service.stop()
    try:
        for path in ("/api/v1/me", "/health/live"):
            reply = raw(own.url, "GET", path, check=False)
            assert (reply.status, reply.code) == (502, "bad_gateway"), reply
            assert reply.media == "application/problem+json" and int(reply.headers["retry-after"]) >= 1
        assert (
            raw(own.url, "POST", "/accounts", {"Content-Type": "application/json"}, b"{}", check=False).status
            == 502
        )
    finally:
        service.start()
    good(alice.get("/me"))
