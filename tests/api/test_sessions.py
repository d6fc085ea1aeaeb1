"""Sessions: seen, ended one by one or all others, at once and everywhere."""

import time

import pytest
from urllib3.util import SKIP_HEADER

from perchtest import wait_for
from perchtest.api import events_of, good, problem, waiting_poll


def rows_of(client):
    return good(client.get("/sessions"))["sessions"]


def current(client):
    [row] = [row for row in rows_of(client) if row["current"]]
    return row["id"]


def test_the_list_shows_every_session_and_marks_the_present_one(perch, alice):
    browser = perch.client()
    browser.session.headers["User-Agent"] = "Mozilla/5.0 <b>тест</b>".encode()
    browser.login(alice.username, alice.password)
    program = alice.another_device(bearer=True)
    ids = {current(client) for client in (alice, browser, program)}
    assert len(ids) == 3 and {row["id"] for row in rows_of(alice)} == ids
    row = next(row for row in rows_of(browser) if row["current"])
    assert row["user_agent"] == "Mozilla/5.0 <b>тест</b>"
    assert row["ip"] in ("127.0.0.1", "::1")
    assert row["created_at"] <= row["last_seen_at"]


@pytest.mark.parametrize(
    "agent",
    [SKIP_HEADER, "", "x" * 1500, b"\xff\xfe\x80", "tab\there"],
    ids=["none", "empty", "long", "bytes", "tab"],
)
def test_any_user_agent_can_log_in(perch, alice, agent):
    client = perch.client()
    client.session.headers["User-Agent"] = agent
    client.login(alice.username, alice.password)
    assert len(rows_of(client)) == 2


def test_ending_one_session_leaves_the_others(alice):
    one, other = alice.another_device(), alice.another_device(bearer=True)
    good(alice.delete(f"/sessions/{current(one)}"), 204)
    problem(one.get("/me"), 401, "unauthorized")
    good(other.get("/me"))
    assert len(rows_of(alice)) == 2


def test_ending_a_session_twice_or_a_foreign_one_is_not_found(alice, bob):
    device = alice.another_device()
    session = current(device)
    problem(bob.delete(f"/sessions/{session}"), 404, "not_found")
    good(device.get("/me"))
    good(alice.delete(f"/sessions/{session}"), 204)
    problem(alice.delete(f"/sessions/{session}"), 404, "not_found")


def test_ending_all_others_keeps_the_present_one(alice, bob):
    devices = [alice.another_device(bearer=bearer) for bearer in (False, True, False)]
    good(devices[1].delete("/sessions"), 204)
    for client, lives in (
        (alice, False),
        (devices[0], False),
        (devices[1], True),
        (devices[2], False),
        (bob, True),
    ):
        response = client.get("/me")
        good(response) if lives else problem(response, 401, "unauthorized")
    assert len(rows_of(devices[1])) == 1


def test_logging_out_ends_the_session_and_takes_the_cookie_back(perch, alice):
    cookie = alice.session.cookies.copy()
    response = alice.delete("/sessions/current")
    good(response, 204)
    assert "max-age=0" in response.headers["Set-Cookie"].lower()
    assert not list(alice.session.cookies)
    problem(alice.get("/me"), 401, "unauthorized")
    replay = perch.client()
    replay.session.cookies.update(cookie)
    problem(replay.get("/me"), 401, "unauthorized")


def test_a_program_logs_out_too(alice):
    program = alice.another_device(bearer=True)
    good(program.delete("/sessions/current"), 204)
    problem(program.get("/me"), 401, "unauthorized")
    good(alice.get("/me"))


def test_an_ended_session_stays_ended_after_the_cache_is_emptied(perch, alice):
    device = alice.another_device(bearer=True)
    good(device.get("/me"))
    good(alice.delete(f"/sessions/{current(device)}"), 204)
    perch.redis().flushall()
    problem(device.get("/me"), 401, "unauthorized")
    good(alice.get("/me"))


def test_a_session_ends_by_itself(perch, alice):
    device = alice.another_device(bearer=True)
    session = current(device)
    with perch.db() as db:
        db.execute(
            "UPDATE sessions SET expires_at = clock_timestamp() - interval '1 second' WHERE id = %s", [session]
        )
    perch.redis().flushall()
    problem(device.get("/me"), 401, "unauthorized")
    assert session not in {row["id"] for row in rows_of(alice)}


@pytest.mark.parametrize("how", ["current", "one", "others", "password", "account"])
def test_a_waiting_poll_of_an_ended_session_is_answered_401(perch, alice, how):
    device = alice.another_device(bearer=how == "one")
    poll = waiting_poll(perch, device, device.cursor())
    started_at = time.monotonic()
    if how == "current":
        good(device.delete("/sessions/current"), 204)
    elif how == "one":
        good(alice.delete(f"/sessions/{current(device)}"), 204)
    elif how == "others":
        good(alice.delete("/sessions"), 204)
    elif how == "password":
        good(alice.put("/me/password", {"current": alice.password, "new": "other"}), 204)
    else:
        good(alice.delete("/me", {"password": alice.password}), 204)
    problem(poll.response(), 401, "unauthorized")
    assert time.monotonic() - started_at < 3


def test_a_poll_of_another_session_goes_on(perch, alice):
    device, other = alice.another_device(), alice.another_device()
    cursor = other.cursor()
    poll = waiting_poll(perch, other, cursor)
    good(device.delete("/sessions/current"), 204)
    message = alice.send(alice, "still there")
    assert [event["message"]["id"] for event in events_of(other, poll.response())] == [message["id"]]


def test_last_seen_moves(perch, alice):
    with perch.db() as db:
        db.execute("UPDATE sessions SET last_seen_at = '2020-01-01' WHERE user_id = %s", [alice.id])
    perch.redis().flushall()
    wait_for(lambda: rows_of(alice)[0]["last_seen_at"] > "2021", 10, "the session to be seen")
