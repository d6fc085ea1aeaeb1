"""Who may call what: every route as nobody, as a stranger, as the peer and as the owner."""

import uuid
from types import SimpleNamespace

import pytest

from perchtest.api import good, problem
from perchtest.contract import CONTRACT


@pytest.fixture
def scene(perch):
    """alice wrote to bob; carol is a stranger to both."""
    alice, bob, carol = (perch.person(name, password=f"{name}'s own") for name in ("alice", "bob", "carol"))
    message = alice.send(bob, "between us")
    other = alice.another_device()
    rows = good(alice.get("/sessions"))["sessions"]
    return SimpleNamespace(
        perch=perch,
        alice=alice,
        bob=bob,
        carol=carol,
        message=message,
        other=other,
        other_session=next(row["id"] for row in rows if not row["current"]),
        callers={"nobody": perch.client(), "stranger": carol, "peer": bob, "owner": alice},
    )


NO = (401, "unauthorized")
MINE = (404, "not_found")

# method, template, path values from the scene, body from the scene, {caller: status or (status, code)}
TABLE = [
    (
        "POST",
        "/api/v1/accounts",
        {},
        lambda s: {"username": uuid.uuid4().hex, "password": "x"},
        {"nobody": 201, "stranger": 201, "peer": 201, "owner": 201},
    ),
    (
        "POST",
        "/api/v1/sessions",
        {},
        lambda s: {"username": s.alice.username, "password": s.alice.password},
        {"nobody": 201, "stranger": 201, "peer": 201, "owner": 201},
    ),
    ("GET", "/api/v1/sessions", {}, None, {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200}),
    ("DELETE", "/api/v1/sessions", {}, None, {"nobody": NO, "stranger": 204, "peer": 204, "owner": 204}),
    ("DELETE", "/api/v1/sessions/current", {}, None, {"nobody": NO, "stranger": 204, "peer": 204, "owner": 204}),
    (
        "DELETE",
        "/api/v1/sessions/{id}",
        {"id": lambda s: s.other_session},
        None,
        {"nobody": NO, "stranger": MINE, "peer": MINE, "owner": 204},
    ),
    ("GET", "/api/v1/me", {}, None, {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200}),
    (
        "PATCH",
        "/api/v1/me",
        {},
        lambda s: {"display_name": "New"},
        {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200},
    ),
    (
        "DELETE",
        "/api/v1/me",
        {},
        lambda s: {"password": s.alice.password},
        {"nobody": NO, "stranger": (401, "bad_credentials"), "peer": (401, "bad_credentials"), "owner": 204},
    ),
    (
        "PUT",
        "/api/v1/me/password",
        {},
        lambda s: {"current": s.alice.password, "new": "another"},
        {"nobody": NO, "stranger": (401, "bad_credentials"), "peer": (401, "bad_credentials"), "owner": 204},
    ),
    ("GET", "/api/v1/me/telegram", {}, None, {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200}),
    ("DELETE", "/api/v1/me/telegram", {}, None, {"nobody": NO, "stranger": 204, "peer": 204, "owner": 204}),
    (
        "POST",
        "/api/v1/me/telegram/link",
        {},
        None,
        {"nobody": NO, **dict.fromkeys(("stranger", "peer", "owner"), (503, "telegram_off"))},
    ),
    (
        "POST",
        "/api/v1/me/telegram/confirm",
        {},
        lambda s: {"id": 1},
        {"nobody": NO, "stranger": MINE, "peer": MINE, "owner": MINE},
    ),
    ("DELETE", "/api/v1/me/telegram/pending", {}, None, {"nobody": NO, "stranger": 204, "peer": 204, "owner": 204}),
    ("GET", "/api/v1/users", {}, None, {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200}),
    (
        "GET",
        "/api/v1/users/{id}",
        {"id": lambda s: s.alice.id},
        None,
        {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200},
    ),
    ("GET", "/api/v1/presence", {}, None, {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200}),
    (
        "POST",
        "/api/v1/presence/bye",
        {},
        lambda s: {"tab": "t"},
        {"nobody": NO, "stranger": 204, "peer": 204, "owner": 204},
    ),
    ("GET", "/api/v1/dialogs", {}, None, {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200}),
    (
        "GET",
        "/api/v1/dialogs/{peer}/messages",
        {"peer": lambda s: s.bob.id},
        None,
        {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200},
    ),
    (
        "POST",
        "/api/v1/dialogs/{peer}/messages",
        {"peer": lambda s: s.bob.id},
        lambda s: {"body": "hello"},
        {"nobody": NO, "stranger": 201, "peer": 201, "owner": 201},
    ),
    (
        "PUT",
        "/api/v1/dialogs/{peer}/read",
        {"peer": lambda s: s.bob.id},
        lambda s: {"upto": s.message["id"]},
        {"nobody": NO, "stranger": (422, "invalid"), "peer": (422, "invalid"), "owner": 204},
    ),
    (
        "PUT",
        "/api/v1/dialogs/{peer}/mute",
        {"peer": lambda s: s.bob.id},
        lambda s: {"until": "forever"},
        {"nobody": NO, "stranger": 204, "peer": 204, "owner": 204},
    ),
    (
        "POST",
        "/api/v1/dialogs/{peer}/typing",
        {"peer": lambda s: s.bob.id},
        None,
        {"nobody": NO, "stranger": 204, "peer": 204, "owner": 204},
    ),
    (
        "PATCH",
        "/api/v1/messages/{id}",
        {"id": lambda s: s.message["id"]},
        lambda s: {"body": "changed"},
        {"nobody": NO, "stranger": MINE, "peer": (403, "not_author"), "owner": 200},
    ),
    (
        "DELETE",
        "/api/v1/messages/{id}",
        {"id": lambda s: s.message["id"]},
        None,
        {"nobody": NO, "stranger": MINE, "peer": (403, "not_author"), "owner": 204},
    ),
    ("POST", "/api/v1/telegram/webhook", {}, None, {"nobody": NO, "stranger": NO, "peer": NO, "owner": NO}),
    ("GET", "/api/v1/search", {}, None, {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200}),
    ("GET", "/api/v1/events", {}, None, {"nobody": NO, "stranger": 200, "peer": 200, "owner": 200}),
    ("GET", "/health/live", {}, None, {"nobody": 200, "stranger": 200, "peer": 200, "owner": 200}),
    ("GET", "/health/ready", {}, None, {"nobody": 200, "stranger": 200, "peer": 200, "owner": 200}),
]
QUERY = {"/api/v1/search": {"q": "between"}, "/api/v1/presence": {"ids": "1"}}
CALLERS = ("nobody", "stranger", "peer", "owner")


def test_the_table_has_every_documented_route():
    assert sorted((row[0], row[1]) for row in TABLE) == sorted(CONTRACT.operations())
    assert all(set(row[4]) == set(CALLERS) for row in TABLE)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1]}")
def test_route_answers_each_caller_as_it_should(scene, row, caller):
    method, template, values, body, expected = row
    path = template.format(**{name: value(scene) for name, value in values.items()})
    client = scene.callers[caller]
    response = client.request(method, path, params=QUERY.get(template), json=body(scene) if body else None)
    if isinstance(expected[caller], tuple):
        problem(response, *expected[caller])
    else:
        assert response.status_code == expected[caller], response.text
    untouched(scene, method, template, caller)


def untouched(scene, method, template, caller):
    """What others did through the route left alice's account, sessions and message alone."""
    if caller == "owner":
        return
    assert good(scene.alice.get("/me"))["user"]["display_name"] == scene.alice.username
    assert good(scene.other.get("/me"))["user"]["id"] == scene.alice.id
    message = good(scene.alice.get(f"/dialogs/{scene.bob.id}/messages"))["messages"][0]
    assert message == scene.message
    if caller == "stranger" and method == "GET":
        assert good(scene.carol.get("/search", params={"q": "between"}))["messages"] == []


def test_lists_hold_the_callers_own_things_only(scene):
    for client, mine in ((scene.alice, True), (scene.bob, True), (scene.carol, False)):
        peer = scene.bob if client is not scene.bob else scene.alice
        dialogs = good(client.get("/dialogs"))["dialogs"]
        history = good(client.get(f"/dialogs/{peer.id}/messages"))["messages"]
        found = good(client.get("/search", params={"q": "between"}))["messages"]
        assert len(dialogs) == len(history) == len(found) == (1 if mine else 0)
    sessions = {
        client: {row["id"] for row in good(client.get("/sessions"))["sessions"]}
        for client in (scene.alice, scene.bob, scene.carol)
    }
    assert [len(ids) for ids in sessions.values()] == [2, 1, 1]
    assert len(set.union(*sessions.values())) == 4


def test_the_bearer_token_wins_over_the_cookie(perch, alice, bob):
    token = bob.another_device(bearer=True).token
    reply = good(alice.get("/me", headers={"Authorization": f"Bearer {token}"}))
    assert reply["user"]["id"] == bob.id
    problem(alice.get("/me", headers={"Authorization": "Bearer nonsense"}), 401, "unauthorized")
    problem(alice.get("/me", headers={"Authorization": "Basic YWxpY2U6eA=="}), 401, "unauthorized")
