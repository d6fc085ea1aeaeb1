"""Every error code that a caller can be sent, by the call that earns it."""

import json
import uuid

import pytest

import fastcgi
from perchtest.api import good, problem, raw
from perchtest.contract import CONTRACT, error_table

LONG = 9007199254740991


class Scene:
    def __init__(self, perch):
        self.perch = perch
        self.alice, self.bob, self.carol = (perch.person(name) for name in ("alice", "bob", "carol"))
        self.nobody = perch.client()

    def body(self, path, data, **headers):
        """`data` (bytes) as it is, to a route that takes a body."""
        return self.alice.post(path, data=data, headers={"Content-Type": "application/json", **headers})

    def telegram_taken(self):
        name = f"@t{uuid.uuid4().hex[:12]}"
        good(self.bob.patch("/me", {"telegram": name}))
        return self.alice.patch("/me", {"telegram": name})

    def client_id_used(self):
        body = {"client_id": str(uuid.uuid4()), "body": "x"}
        good(self.alice.post(f"/dialogs/{self.bob.id}/messages", body), 201)
        return self.alice.post(f"/dialogs/{self.carol.id}/messages", body)

    def peer_deleted(self):
        good(self.bob.delete("/me", {"password": self.bob.password}), 204)
        return self.alice.post(f"/dialogs/{self.bob.id}/messages", {"body": "x"})

    def message_deleted(self):
        message = self.alice.send(self.bob, "x")["id"]
        good(self.alice.delete(f"/messages/{message}"), 204)
        return self.alice.patch(f"/messages/{message}", {"body": "y"})

    def not_author(self):
        return self.bob.delete(f"/messages/{self.alice.send(self.bob, 'x')['id']}")

    def cursor_reset(self):
        epoch, seq = self.alice.cursor().split("-")
        return self.alice.get("/events", params={"cursor": f"{epoch}-{int(seq) + 1}"})


WALK = {
    "bad_json": lambda s: s.body(f"/dialogs/{s.bob.id}/messages", b"{"),
    "bad_parameter": lambda s: s.alice.get("/users", params={"limit": "0"}),
    "bad_cursor": lambda s: s.alice.get("/events", params={"cursor": "x"}),
    "unauthorized": lambda s: s.nobody.get("/me"),
    "bad_credentials": lambda s: s.nobody.post("/sessions", {"username": s.alice.username, "password": "no"}),
    "csrf": lambda s: s.alice.patch("/me", {}, headers={"Sec-Fetch-Site": "cross-site"}),
    "not_author": Scene.not_author,
    "not_found": lambda s: s.alice.get(f"/users/{LONG}"),
    "method_not_allowed": lambda s: s.alice.put("/me", {}),
    "too_large": lambda s: s.body("/accounts", b" " * 65537),
    "media_type": lambda s: s.body("/accounts", b"{}", **{"Content-Type": "text/plain"}),
    "invalid": lambda s: s.alice.post(f"/dialogs/{s.bob.id}/messages", {"body": ""}),
    "name_taken": lambda s: s.nobody.post("/accounts", {"username": s.alice.username, "password": "x"}),
    "telegram_taken": Scene.telegram_taken,
    "telegram_off": lambda s: s.alice.post("/me/telegram/link"),
    "client_id_used": Scene.client_id_used,
    "peer_deleted": Scene.peer_deleted,
    "message_deleted": Scene.message_deleted,
    "cursor_reset": Scene.cursor_reset,
}

# Why a code is not in the walk, and the test that has it.
ELSEWHERE = {
    "bad_request": "nginx refuses what is no HTTP: test_what_the_web_server_refuses_is_a_problem_too",
    "misdirected": "only a wrong nginx configuration earns it: test_a_hashing_call_on_the_wrong_socket_is_misdirected",
    "rate_limited": "needs strict limits: test_throttle.py",
    "unavailable": "needs PostgreSQL to be away: test_outage.py",
    "internal": "nothing a client sends may earn it; test_outage.py breaks the database for it",
    "config": "never sent",
    "no_redis": "never sent",
    "gone": "never sent",
    "busy": "never sent",
}


def test_the_walk_has_every_code_of_the_error_table():
    assert set(WALK) | set(ELSEWHERE) == set(error_table())
    assert not set(WALK) & set(ELSEWHERE)


@pytest.mark.parametrize("code", WALK)
def test_code_is_sent_as_a_problem_document(perch, code):
    response = WALK[code](Scene(perch))
    _, status, title = error_table()[code]
    document = problem(response, status, code)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (document["type"], document["status"], document["title"]) == ("about:blank", status, title)
    assert response.headers["X-Request-Id"] and response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/api/v1/accounts"),
        ("POST", "/api/v1/sessions"),
        ("PUT", "/api/v1/me/password"),
        ("DELETE", "/api/v1/me"),
    ],
)
def test_a_hashing_call_on_the_wrong_socket_is_misdirected(perch, alice, method, path):
    program = alice.another_device(bearer=True)
    body = json.dumps({"username": "x", "password": "x", "current": "x", "new": "x"}).encode()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {program.token}"}
    reply = fastcgi.call(perch.env["PERCH_APP_SOCKET"], fastcgi.params(method, path, body=body, **headers), body)
    CONTRACT.check(method, path, reply)
    assert (reply.status, reply.code) == (421, "misdirected"), reply


def test_the_auth_socket_serves_nothing_else(perch, alice):
    program = alice.another_device(bearer=True)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {program.token}"}
    reply = fastcgi.call(perch.env["PERCH_AUTH_SOCKET"], fastcgi.params("GET", "/api/v1/me", **headers))
    assert (reply.status, reply.code) == (421, "misdirected"), reply


OUTSIDE = {
    "a header too long": (lambda p: raw(p.url, "GET", "/me", {"X": "y" * 9000}, check=False), 400, "bad_request"),
    "many headers": (
        lambda p: raw(p.url, "GET", "/me", {f"X{n}": "y" * 4000 for n in range(20)}, check=False),
        400,
        "bad_request",
    ),
    "a cookie too long": (
        lambda p: raw(p.url, "GET", "/me", {"Cookie": "a=" + "y" * 9000}, check=False),
        400,
        "bad_request",
    ),
    "a path too long": (lambda p: raw(p.url, "GET", "/users/" + "1" * 9000, check=False), 414, "uri_too_long"),
    "a body far too large": (
        lambda p: raw(
            p.url, "POST", "/accounts", {"Content-Type": "application/json"}, b" " * 300_000, check=False
        ),
        413,
        "too_large",
    ),
    "NUL in the path": (lambda p: raw(p.url, "GET", "/users/1%00", check=False), 400, "bad_request"),
    "a wrong escape in the path": (lambda p: raw(p.url, "GET", "/users/%zz", check=False), 400, "bad_request"),
    "a negative length": (
        lambda p: raw(p.url, "POST", "/accounts", {"Content-Length": "-1"}, b"", check=False),
        400,
        "bad_request",
    ),
    "two lengths": (
        lambda p: raw(
            p.url, "POST", "/accounts", {"Content-Length": "2", "content-length": "3"}, b"{}", check=False
        ),
        400,
        "bad_request",
    ),
    "a path above the root": (
        lambda p: raw(p.url, "GET", "/api/../../etc/passwd", check=False),
        400,
        "bad_request",
    ),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_the_web_server_refuses_is_a_problem_too(perch, name):
    send, status, code = OUTSIDE[name]
    reply = send(perch)
    assert (reply.status, reply.code) == (status, code), reply
    assert reply.media == "application/problem+json" and reply.json["status"] == status
    assert reply.headers["x-request-id"] and reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("template", CONTRACT.document["paths"])
@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"]
)
def test_methods_that_a_path_does_not_have_are_405_with_allow(perch, method, template):
    allowed = {name for name, path in CONTRACT.operations() if path == template}
    if method in allowed:
        return
    path = template.replace("{id}", "1").replace("{peer}", "1")
    reply = raw(perch.url, method, path, {"Origin": perch.url}, check=False)
    # nginx itself refuses what is no method of HTTP's, and TRACE and CONNECT.
    if method in ("BREW", "get", "CONNECT", "TRACE") and reply.status in (400, 405):
        assert reply.media == "application/problem+json"
        return
    assert reply.status == 405 and "allow" in reply.headers, reply
    allow = {name.strip() for name in reply.headers["allow"].split(",")}
    assert allow == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v1/me/",
        "/api/v1/me/password/x",
        "/api/v2/me",
        "/api/",
        "/api/v1/dialogs/1",
        "/api/v1/dialogs/1/messages/1",
        "/api/v1/messages",
        "/api/v1/ME",
        "/api/v1/users/1/",
        "/health/nothing",
        "/api/v1/../v1x",
        "/api/v1/search/",
        "/api/v1/ME?x=1",
    ],
)
def test_unknown_paths_are_not_found(perch, alice, path):
    for client in (alice, perch.client()):
        reply = raw(
            perch.url,
            "GET",
            path,
            {"Cookie": "; ".join(f"{c.name}={c.value}" for c in client.session.cookies)},
            check=False,
        )
        assert (reply.status, reply.code) == (404, "not_found"), reply
        assert reply.headers["x-request-id"]


@pytest.mark.parametrize("size", [0, 60_000])
def test_a_request_whose_end_comes_late_is_answered_whole(perch, alice, size):
    """The web server still writes when the reply comes: a connection closed under its hand would be a 502."""
    program = alice.another_device(bearer=True)
    body = json.dumps({"body": "hello", "more": "x" * size}).encode()
    params = fastcgi.params("POST", f"/api/v1/dialogs/{alice.id}/messages", body=body,
                            HTTP_AUTHORIZATION=f"Bearer {program.token}")
    assert fastcgi.call(perch.env["PERCH_APP_SOCKET"], params, body, end_late=True).status == 201
