"""Registering, logging in, changing the password, deleting the account."""

import statistics
import time
import uuid

import pytest

from perchtest.api import at_once, dialog_of, everything, followed_poll, good, log_from, problem, whole_history

ANY_TEXT = [
    "simple",
    "with space",
    "Зоя 🦊",
    "שלום",
    "مرحبا بالعالم",
    "名無し",
    "quote ' and \" and `",
    "'; DROP TABLE perch.users; --",
    "<script>alert(1)</script>",
    "%00%n%s",
    "../../etc/passwd",
    "null",
    "{}",
    "a\\b",
    "\u202ertl",
    "e\u0301 combining",
    "👩‍👩‍👧‍👦",
    "O'Brien & Söhne <x@y>",
    "-1 OR 1=1",
    "admin'--",
    "$1",
    "\\u0000",
    "ﬁ ligature",
]


def account(client, **fields):
    return client.post("/accounts", {"username": f"u{uuid.uuid4().hex[:20]}", "password": "pw", **fields})


def login(client, username, password, **fields):
    return client.post("/sessions", {"username": username, "password": password, **fields})


def test_registering_logs_in(perch):
    client = perch.client()
    user = good(account(client, username=" Zoe %s " % uuid.uuid4().hex[:12]), 201)["user"]
    assert user["username"].startswith("Zoe ") and user["username"] == user["username"].strip()
    assert user["display_name"] == user["username"] and not user["deleted"]
    assert good(client.get("/me"))["user"]["id"] == user["id"]


def test_the_cookie_is_for_http_only_and_this_site(perch):
    response = account(perch.client())
    good(response, 201)
    name, *attributes = [part.strip() for part in response.headers["Set-Cookie"].split(";")]
    assert name.startswith("perch_session=") and len(name) > 40
    attributes = {part.lower() for part in attributes}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert any(part.startswith("max-age=") and int(part[8:]) > 86400 for part in attributes)
    assert not any(part.startswith("domain") for part in attributes)


@pytest.mark.parametrize("text", ANY_TEXT, ids=ascii)
def test_any_text_is_a_name_and_a_password(perch, text):
    name = f"{text} {uuid.uuid4().hex[:8]}"
    client, again = perch.client(), perch.client()
    user = good(account(client, username=name, password=text, display_name=text), 201)["user"]
    assert (user["username"], user["display_name"]) == (name, text)
    assert good(login(again, name, text), 201)["user"]["id"] == user["id"]
    problem(login(again, name, text + "x"), 401, "bad_credentials")


def test_passwords_are_taken_as_they_are(perch):
    client = perch.client()
    name = uuid.uuid4().hex
    password = "  e\u0301 \t\x01 ﬁ "
    good(account(client, username=name, password=password), 201)
    for other in (
        password.strip(),
        password.replace("e\u0301", "é"),
        password.replace("ﬁ", "fi"),
        password.upper(),
    ):
        problem(login(client, name, other), 401, "bad_credentials")
    good(login(client, name, password), 201)


@pytest.mark.parametrize(
    "field, value, right",
    [
        ("username", "", False),
        ("username", "   ", False),
        ("username", "\u3000", False),
        ("username", "\u200b\u00ad", False),
        ("username", "a\tb", False),
        ("username", "a\nb", False),
        ("username", "a\x7fb", False),
        ("username", "a\u0085b", False),
        ("username", "a\u2028b", False),
        ("username", None, False),
        ("username", 7, False),
        ("username", ["a"], False),
        ("username", True, False),
        ("username", {}, False),
        ("password", "", False),
        ("password", "x" * 256, True),
        ("password", "🦊" * 256, True),
        ("password", "x" * 257, False),
        ("password", None, False),
        ("password", 1, False),
        ("password", " ", True),
        ("display_name", "x" * 64, True),
        ("display_name", "🦊" * 64, True),
        ("display_name", "x" * 65, False),
        ("display_name", "a\nb", False),
        ("display_name", 7, False),
        ("display_name", "", False),
        ("display_name", None, True),
        ("telegram", "", False),
        ("telegram", "@", False),
        ("telegram", "@a b", False),
        ("telegram", "@x" * 40, False),
        ("telegram", 7.5, False),
        ("telegram", [], False),
        ("telegram", "-5", False),
        ("telegram", "@имя_бота", False),
        ("telegram", None, True),
    ],
    ids=lambda value: ascii(str(value)[:10]),
)
def test_fields_of_a_registration_have_bounds(perch, field, value, right):
    response = account(perch.client(), **{field: value})
    if right:
        good(response, 201)
    else:
        problem(response, 422, "invalid", field)


def test_name_lengths_count_code_points(perch):
    for stem in ("x", "🦊", "\u0301", "ß"):
        tail = uuid.uuid4().hex[:20]
        good(account(perch.client(), username=stem * 44 + tail), 201)
        good(account(perch.client(), username="  " + stem * 44 + tail[::-1] + "  "), 201)
        problem(account(perch.client(), username=stem * 45 + tail), 422, "invalid", "username")


@pytest.mark.parametrize("missing", ["username", "password"])
def test_registering_and_logging_in_need_both_fields(perch, missing):
    body = {"username": uuid.uuid4().hex, "password": "x"}
    del body[missing]
    problem(perch.client().post("/accounts", body), 422, "invalid", missing)
    problem(perch.client().post("/sessions", body), 422, "invalid", missing)


def test_telegram_names_are_unique_without_case_and_numbers_are_taken(perch):
    name = f"@Tg_{uuid.uuid4().hex[:12]}"
    good(account(perch.client(), telegram=name), 201)
    problem(account(perch.client(), telegram=name.upper()), 409, "telegram_taken")
    number = str(uuid.uuid4().int % 10**12 + 10**12)
    client = perch.client()
    good(account(client, telegram=number), 201)
    assert good(client.get("/me"))["settings"]["telegram"] == number
    problem(account(perch.client(), telegram=number), 409, "telegram_taken")


def test_one_of_many_who_register_a_name_at_once_gets_it(perch):
    for _ in range(3):
        name = uuid.uuid4().hex
        clients = [perch.client() for _ in range(6)]
        replies = at_once(*[lambda client=client: account(client, username=name) for client in clients])
        assert sorted(reply.status_code for reply in replies) == [201] + [409] * 5
        assert sum("Set-Cookie" in reply.headers for reply in replies) == 1


def test_wrong_name_and_wrong_password_get_the_same_answer(perch, alice):
    replies = [
        login(perch.client(), alice.username, "wrong"),
        login(perch.client(), uuid.uuid4().hex, "wrong"),
        login(perch.client(), alice.username.upper() + "x", alice.password),
    ]
    for reply in replies:
        problem(reply, 401, "bad_credentials")
        assert reply.json() == replies[0].json() and "Set-Cookie" not in reply.headers


def test_wrong_name_and_wrong_password_take_the_same_time(perch, alice):
    def took(name):
        started_at = time.perf_counter()
        problem(login(perch.client(), name, "wrong"), 401, "bad_credentials")
        return time.perf_counter() - started_at

    pairs = [(took(alice.username), took(uuid.uuid4().hex)) for _ in range(15)]
    known, unknown = (statistics.median(column) for column in zip(*pairs))
    # A hash takes about 20 ms; without one the call would take 2.
    assert 0.4 < unknown / known < 2.5, (known, unknown)


@pytest.mark.parametrize("bearer", ["true", 1, None, "", []])
def test_bearer_must_be_a_boolean(perch, alice, bearer):
    problem(login(perch.client(), alice.username, alice.password, bearer=bearer), 422, "invalid", "bearer")


def test_a_bearer_log_in_gets_a_token_and_no_cookie(perch, alice):
    response = login(perch.client(), alice.username, alice.password, bearer=True)
    reply = good(response, 201)
    assert "Set-Cookie" not in response.headers
    program = perch.client(token=reply["token"])
    assert good(program.get("/me"))["user"]["id"] == alice.id
    cookie = good(login(perch.client(), alice.username, alice.password, bearer=False), 201)
    assert "token" not in cookie


def test_a_password_change_needs_the_present_one_and_ends_other_sessions(perch, alice):
    browser, program = alice.another_device(), alice.another_device(bearer=True)
    problem(alice.put("/me/password", {"current": "wrong", "new": "next"}), 401, "bad_credentials")
    good(browser.get("/me"))
    good(alice.put("/me/password", {"current": alice.password, "new": "next 🗝️"}), 204)
    good(alice.get("/me"))
    for ended in (browser, program):
        problem(ended.get("/me"), 401, "unauthorized")
    problem(login(perch.client(), alice.username, alice.password), 401, "bad_credentials")
    good(login(perch.client(), alice.username, "next 🗝️"), 201)


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, "new"),
        ({"current": "x"}, "new"),
        ({"new": "x"}, "current"),
        ({"current": "x", "new": ""}, "new"),
        ({"current": "x", "new": "x" * 257}, "new"),
        ({"current": 1, "new": "x"}, "current"),
        ({"current": "x", "new": None}, "new"),
    ],
)
def test_a_password_change_checks_its_fields(alice, body, field):
    problem(alice.put("/me/password", body), 422, "invalid", field)


def test_deleting_the_account_frees_its_name_and_ends_its_sessions(perch, alice):
    device = alice.another_device(bearer=True)
    problem(alice.delete("/me", {"password": "wrong"}), 401, "bad_credentials")
    good(alice.get("/me"))
    good(alice.delete("/me", {"password": alice.password}), 204)
    for ended in (alice, device):
        problem(ended.get("/me"), 401, "unauthorized")
    problem(login(perch.client(), alice.username, alice.password), 401, "bad_credentials")
    heir = perch.client()
    user = good(account(heir, username=alice.username), 201)["user"]
    assert user["id"] != alice.id
    assert everything(heir, "/dialogs", "dialogs") == []


def test_messages_of_a_deleted_account_stay_with_the_peer(perch, bob):
    alice = perch.person("alice", display_name="Alice")
    message = alice.send(bob, "remember me")
    answer = bob.send(alice, "I will")
    good(alice.delete("/me", {"password": alice.password}), 204)
    assert whole_history(bob, alice) == [message, answer]
    peer = dialog_of(bob, alice)["peer"]
    assert peer["deleted"] and not peer["online"]
    assert (peer["username"], peer["display_name"], peer["last_seen_at"]) == (None, None, None)
    assert good(bob.get(f"/users/{alice.id}"))["user"] == peer
    assert everything(bob, "/users", "users", q=alice.username) == []
    problem(bob.post(f"/dialogs/{alice.id}/messages", {"body": "?"}), 409, "peer_deleted")
    assert [row["id"] for row in everything(bob, "/search", "messages", q="remember")] == [message["id"]]
    good(bob.put(f"/dialogs/{alice.id}/read", {"upto": answer["id"]}), 204)
    assert dialog_of(bob, alice)["unread"] == 0


def test_partners_hear_of_a_deletion_by_an_event_without_a_place_in_the_log(perch, bob):
    alice = perch.person("alice")
    alice.send(bob, "hello")
    cursor = bob.cursor()
    poll = followed_poll(perch, bob, cursor)
    good(alice.delete("/me", {"password": alice.password}), 204)
    reply = good(poll.response())
    [event] = reply["events"]
    assert event["type"] == "user" and event["user"]["id"] == alice.id and event["user"]["deleted"]
    assert reply["cursor"] == cursor and log_from(bob, cursor) == []


def test_an_account_that_is_gone_cannot_be_deleted_again(alice):
    good(alice.delete("/me", {"password": alice.password}), 204)
    problem(alice.delete("/me", {"password": alice.password}), 401, "unauthorized")
