"""Throttles, with strict limits on an instance of their own: 429 with Retry-After, and who is not held up."""

import time
import uuid

import pytest

from perchtest import Instance, wait_for
from perchtest.api import at_once, good, problem, twin, whole_history

SEND, LOGIN, ACCOUNT, REGISTER, COSTLY = 5, 12, 4, 8, 6


@pytest.fixture(scope="module")
def instance():
    running = Instance(
        WORKERS=2, RATE_SEND=SEND, RATE_LOGIN=LOGIN, RATE_ACCOUNT=ACCOUNT, RATE_REGISTER=REGISTER,
        RATE_COSTLY=COSTLY,
    ).start()
    yield running
    running.stop()


@pytest.fixture
def strict(instance):
    """The instance with every counter at zero (they live in Redis), and not at the end of a minute: each begins anew."""
    wait_for(lambda: time.time() % 60 < 50, 15, "the next minute")
    instance.redis().flushall()
    return instance


def throttled(response, longest=60):
    problem(response, 429, "rate_limited")
    assert 1 <= int(response.headers["Retry-After"]) <= longest
    return response


def login(strict, name, password="wrong"):
    return strict.client().post("/sessions", {"username": name, "password": password})


def test_passwords_of_one_account_are_tried_a_few_times_a_minute(strict):
    person, other = strict.person("target"), strict.person("other")
    for _ in range(ACCOUNT):
        problem(login(strict, person.username), 401, "bad_credentials")
    throttled(login(strict, person.username))
    throttled(login(strict, person.username, person.password))
    throttled(login(strict, person.username.upper(), person.password))
    good(login(strict, other.username, other.password), 201)
    good(person.get("/me"))


def test_names_that_do_not_exist_are_throttled_like_those_that_do(strict):
    name = uuid.uuid4().hex
    for _ in range(ACCOUNT):
        problem(login(strict, name), 401, "bad_credentials")
    throttled(login(strict, name))


def test_passwords_of_an_account_are_counted_wherever_they_are_asked(strict):
    person = strict.person("target")
    problem(login(strict, person.username), 401, "bad_credentials")
    problem(person.put("/me/password", {"current": "wrong", "new": "x"}), 401, "bad_credentials")
    problem(person.delete("/me", {"password": "wrong"}), 401, "bad_credentials")
    problem(person.put("/me/password", {"current": "wrong", "new": "x"}), 401, "bad_credentials")
    throttled(person.put("/me/password", {"current": person.password, "new": "x"}))
    throttled(person.delete("/me", {"password": person.password}))
    throttled(login(strict, person.username, person.password))


def test_passwords_are_counted_also_while_the_session_is_not_cached(strict):
    person = strict.person("target")
    for _ in range(ACCOUNT + 2):
        for key in strict.redis().keys("*s:*"):
            strict.redis().delete(key)
        reply = person.put("/me/password", {"current": "wrong", "new": "x"})
    throttled(reply)


def test_log_ins_from_one_address_are_counted_over_all_names(strict):
    person = strict.person("someone")
    for _ in range(LOGIN):
        problem(login(strict, uuid.uuid4().hex), 401, "bad_credentials")
    throttled(login(strict, uuid.uuid4().hex))
    throttled(login(strict, person.username, person.password))
    good(person.get("/me"))
    strict.person("new")


def test_concurrent_log_ins_do_not_slip_through(strict):
    name = uuid.uuid4().hex
    replies = at_once(*[lambda: login(strict, name) for _ in range(16)])
    assert sorted(reply.status_code for reply in replies) == [401] * ACCOUNT + [429] * (16 - ACCOUNT)


def test_registrations_from_one_address_are_counted(strict):
    clients = [strict.client() for _ in range(REGISTER + 2)]
    replies = [client.post("/accounts", {"username": uuid.uuid4().hex, "password": "x"}) for client in clients]
    assert [reply.status_code for reply in replies] == [201] * REGISTER + [429] * 2
    throttled(replies[-1])
    good(clients[0].get("/me"))


def test_sending_is_counted_by_the_second_and_by_the_person(strict):
    sender, peer = strict.person("sender"), strict.person("peer")
    replies = at_once(
        *[
            lambda caller=twin(sender): [
                caller.post(f"/dialogs/{peer.id}/messages", {"body": "x"}) for _ in range(6)
            ]
            for _ in range(6)
        ]
    )
    replies = [reply for part in replies for reply in part]
    stored = [reply for reply in replies if reply.status_code == 201]
    refused = [reply for reply in replies if reply.status_code == 429]
    assert len(stored) + len(refused) == 36 and len(refused) >= 6 and len(stored) >= SEND
    for reply in refused:
        throttled(reply, longest=2)
    peer.send(sender, "not held up")
    wait_for(
        lambda: sender.post(f"/dialogs/{peer.id}/messages", {"body": "again"}).status_code == 201,
        5,
        "sending to work again",
    )
    assert len(whole_history(peer, sender)) == len(stored) + 2, "a refused message is not stored"
    good(sender.get("/me"))


def test_searches_and_profile_changes_are_counted_together_by_the_minute_and_by_the_person(strict):
    person, other = strict.person("curious"), strict.person("other")
    for number in range(COSTLY // 2):
        good(person.get("/search?q=word"))
        good(person.patch("/me", {"display_name": f"Name {number}"}))
    throttled(person.get("/search?q=word"))
    throttled(person.patch("/me", {"display_name": "One more"}))
    good(other.get("/search?q=word"))
    good(person.get("/me"))


def test_codes_for_telegram_are_counted_by_the_minute_and_by_the_person(strict):
    person, other = strict.person("linker"), strict.person("other")
    for _ in range(COSTLY):
        problem(person.post("/me/telegram/link"), 503, "telegram_off")
    throttled(person.post("/me/telegram/link"))
    problem(other.post("/me/telegram/link"), 503, "telegram_off")
    good(person.get("/me/telegram"))


def test_the_web_server_throttles_before_a_process_of_ours_is_busy(perch_factory):
    perch = perch_factory(WORKERS=1, NGINX_RATE_LOGIN=3, NGINX_RATE_REGISTER=3)
    replies = [login(perch, uuid.uuid4().hex) for _ in range(12)]
    assert {reply.status_code for reply in replies} == {401, 429}
    throttled(next(reply for reply in replies if reply.status_code == 429))
    replies = [
        perch.client().post("/accounts", {"username": uuid.uuid4().hex, "password": "x"}) for _ in range(12)
    ]
    assert {reply.status_code for reply in replies} == {201, 429}


def test_the_web_server_limits_connections_of_an_address(perch_factory):
    perch = perch_factory(WORKERS=1, NGINX_CONNECTIONS=3)
    person = perch.person("poller")
    cursor = person.cursor()
    replies = at_once(
        *[
            lambda caller=twin(person), tab=number: caller.get(
                "/events", params={"cursor": cursor, "wait": 2, "tab": f"t{tab}"}
            )
            for number in range(8)
        ]
    )
    assert sorted({reply.status_code for reply in replies}) == [200, 429]
    throttled(next(reply for reply in replies if reply.status_code == 429))
